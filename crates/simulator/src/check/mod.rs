//! What must hold, judged by the emulators' true history, by what people remember and by what left on the wire.
//!
//! Nothing here asks the product's own deciding code: what a deal wanted is worked out anew from what people did.
//! The names in brackets are the invariants of the reliability model. Not here: what is seen while the day is lived
//! (`evidence`).

mod access;
mod adopted;
mod asked_for;
mod belated;
mod bills;
mod buyers;
mod by_hand;
mod calls;
mod cancels;
mod closed;
mod contracts;
mod copied;
mod deals;
mod desk;
mod dry_runs;
mod echo;
mod editors;
mod exempt;
mod flood;
mod foreigners;
mod hidden;
mod hints;
mod installations;
mod kopecks;
mod ledger;
mod limits;
mod lost;
mod manners;
mod marked;
mod money;
mod moves;
mod new_year;
mod odd_rows;
mod own_invoices;
mod own_money;
mod owners;
mod parts;
mod printing;
mod production;
mod rates;
mod records;
mod regimes;
mod register;
mod reissue;
mod removals;
mod reorders;
mod requisites;
mod restored;
mod seals;
mod sellers;
mod settled;
mod staff;
mod standing;
mod strangers;
mod strays;
mod tenants;
mod terms;
mod told;
mod typed;
mod waiting;
mod waybills;
mod whispers;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use domain::DealId;
use emulator_bitrix24::{Actor, Entry, What};
use emulator_kontur_accounting as kontur;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use store::{CalledOrder, Case, Known, ListedPayment};

pub(crate) use belated::TWIN;
pub(crate) use by_hand::doubled;
pub(crate) use deals::is_about;
pub(crate) use whispers::in_logs;

use crate::chance::weather::Weather;
use crate::evidence::records::{Event, Journal, Ledger, Stored};
use crate::evidence::witness::{Leaving, Ordered};
use crate::habits::dry_runs::DryRun;
use crate::machine::doors::Call;
use crate::machine::network::Seen;
use crate::offices::neighbour::Belongings;
use crate::offices::office::{INVOICE, LOST, bare_stage};
use crate::people::adopter::Taken;
use crate::people::bank::Paid;
use crate::people::clerk::Clerk;
use crate::people::closer::Closer;
use crate::people::managers::Office;
use crate::people::presses::Said;
use crate::people::register::{Books, Register};
use crate::troubles::hints::Hint;
use crate::troubles::installations::Intrusion;
use crate::troubles::restore::Restored;
use crate::troubles::seals::Sealed;

/// Everything that is known of one tenant when the day is over.
pub(crate) struct Evidence<'a> {
    pub(crate) weather: &'a Weather,
    pub(crate) place: usize,
    pub(crate) office: &'a Office,
    pub(crate) portal: emulator_bitrix24::Truth,
    pub(crate) accounting: kontur::Truth,
    /// What left for this tenant's remotes.
    pub(crate) seen: Vec<Seen>,
    /// What our records said when requests left.
    pub(crate) leaving: Vec<Leaving>,
    /// The tenant at rest, before and after.
    pub(crate) neighbour: (Belongings, Belongings),
    pub(crate) cases: Vec<Case>,
    /// Deals whose deleted invoice a person gave up.
    pub(crate) given_up: &'a BTreeSet<DealId>,
    /// Our links and effects of every deal.
    pub(crate) known: Known,
    pub(crate) journal: Journal,
    /// When it was asked about which deal that it was changed after its invoice.
    pub(crate) asked_of_changes: Vec<(String, Timestamp)>,
    /// When it was asked about which deal that it has a bill which nobody waited for.
    pub(crate) asked_of_twins: Vec<(String, Timestamp)>,
    /// When it was asked at our desk whose the portal is.
    pub(crate) asked_of_taking: Vec<(String, Timestamp)>,
    /// How often each event is in the inbox.
    pub(crate) events: BTreeMap<Event, u64>,
    /// Every effect of ours, as it is stored.
    pub(crate) effects: Vec<Stored>,
    /// What the tenant's figures say, as a program reads them.
    pub(crate) figures: String,
    /// Credentials of all tenants.
    pub(crate) secrets: &'a [String],
    /// What the tenant's bank carried out.
    pub(crate) orders: &'a [Paid],
    /// What we know of it.
    pub(crate) payments: Vec<ListedPayment>,
    /// Payments that a person had a hand in.
    pub(crate) by_person: &'a BTreeSet<i64>,
    /// What was done with payments in the accounting program.
    pub(crate) clerk: &'a Clerk,
    /// Whoever let marks close bills, where anybody did.
    pub(crate) closer: Option<&'a Closer>,
    /// What was said at our desk, as it came.
    pub(crate) said: Vec<Said>,
    /// Our ledger.
    pub(crate) ledger: Ledger,
    pub(crate) start: Timestamp,
    /// The orders that were called, and what their callers were told.
    pub(crate) calls: Vec<Call>,
    /// What was answered to calls of the accounting side.
    pub(crate) hints: Vec<Hint>,
    /// Those that are not used up.
    pub(crate) waiting: Vec<CalledOrder>,
    /// The office's own register, where it is the accounting side: what the accountant did with it, and what it holds.
    pub(crate) register: Option<(&'a Register, Books)>,
    /// When somebody set our machine's clock.
    pub(crate) jumps: Vec<Timestamp>,
    /// When a process died, stood still or could not write: it may repeat what it had not recorded.
    pub(crate) forgettings: Vec<Timestamp>,
    /// What people ordered to be tried anew.
    pub(crate) retried: &'a [Ordered],
    /// What came of the claims for bills by hand.
    pub(crate) adopted: Vec<Taken>,
    /// When the portal was paused, went on, or was switched otherwise.
    pub(crate) parked: &'a [Timestamp],
    /// Until when the portal was watched only, if it ever was.
    pub(crate) watched_until: Option<Timestamp>,
    /// The backup that was put back, if one was.
    pub(crate) restored: Option<Restored>,
    /// The times that somebody asked for the plan.
    pub(crate) dry_runs: &'a [DryRun],
    /// The records that could not be read for a while.
    pub(crate) sealed: &'a [Sealed],
    /// The times that another installation turned to the portal.
    pub(crate) intrusions: &'a [Intrusion],
}

/// Everything that does not hold for one tenant.
pub(crate) fn all(evidence: &Evidence<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    adopted::check(evidence, &mut wrong);
    belated::check(evidence, &mut wrong);
    bills::check(evidence, &mut wrong);
    buyers::check(evidence, &mut wrong);
    calls::check(evidence, &mut wrong);
    cancels::check(evidence, &mut wrong);
    closed::check(evidence, &mut wrong);
    contracts::check(evidence, &mut wrong);
    copied::check(evidence, &mut wrong);
    deals::check(evidence, &mut wrong);
    desk::check(evidence, &mut wrong);
    dry_runs::check(evidence, &mut wrong);
    wire::check(evidence, &mut wrong);
    access::check(evidence, &mut wrong);
    echo::check(evidence, &mut wrong);
    editors::check(evidence, &mut wrong);
    exempt::check(evidence, &mut wrong);
    flood::check(evidence, &mut wrong);
    foreigners::check(evidence, &mut wrong);
    hidden::check(evidence, &mut wrong);
    hints::check(evidence, &mut wrong);
    installations::check(evidence, &mut wrong);
    kopecks::check(evidence, &mut wrong);
    ledger::check(evidence, &mut wrong);
    limits::check(evidence, &mut wrong);
    lost::check(evidence, &mut wrong);
    manners::check(evidence, &mut wrong);
    marked::check(evidence, &mut wrong);
    money::check(evidence, &mut wrong);
    moves::check(evidence, &mut wrong);
    new_year::check(evidence, &mut wrong);
    rates::check(evidence, &mut wrong);
    odd_rows::check(evidence, &mut wrong);
    own_invoices::check(evidence, &mut wrong);
    own_money::check(evidence, &mut wrong);
    owners::check(evidence, &mut wrong);
    printing::check(evidence, &mut wrong);
    production::check(evidence, &mut wrong);
    records::check(evidence, &mut wrong);
    register::check(evidence, &mut wrong);
    regimes::check(evidence, &mut wrong);
    reissue::check(evidence, &mut wrong);
    removals::check(evidence, &mut wrong);
    reorders::check(evidence, &mut wrong);
    requisites::check(evidence, &mut wrong);
    restored::check(evidence, &mut wrong);
    seals::check(evidence, &mut wrong);
    sellers::check(evidence, &mut wrong);
    settled::check(evidence, &mut wrong);
    staff::check(evidence, &mut wrong);
    strangers::check(evidence, &mut wrong);
    strays::check(evidence, &mut wrong);
    tenants::check(evidence, &mut wrong);
    terms::check(evidence, &mut wrong);
    typed::check(evidence, &mut wrong);
    waiting::check(evidence, &mut wrong);
    waybills::check(evidence, &mut wrong);
    whispers::check(evidence, &mut wrong);
    wrong
}

/// Whether our credentials wrote this.
pub(crate) fn is_our_write(entry: &Entry) -> bool {
    matches!(
        entry.what,
        What::Write {
            actor: Actor::Webhook { .. } | Actor::Application { .. },
            ..
        }
    )
}

/// When that truly was by the clock of a remote which goes so many seconds ahead.
fn true_moment(at: Timestamp, skew: i64) -> Timestamp {
    at.checked_sub(SignedDuration::from_secs(skew))
        .unwrap_or(at)
}

/// The deal whose mark a text holds.
pub(crate) fn deal_of(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once("/deal/")?;
    let (id, rest) = rest.split_once('/')?;
    rest.starts_with("invoice/").then(|| id.parse().ok())?
}

/// Which invoice of its deal a text's mark means: the kind, and which of that kind.
fn slot_of(text: &str) -> Option<(&str, u32)> {
    let (_, rest) = text.split_once("/deal/")?;
    let mut segments = rest.split('/').skip(1);
    let is_invoice = segments.next()? == "invoice";
    let (kind, rest) = (segments.next()?, segments.next()?);
    let digits = rest.find(|c: char| !c.is_ascii_digit());
    let generation = rest.get(..digits.unwrap_or(rest.len()))?.parse();
    is_invoice.then_some((kind, generation.ok()?))
}

/// When a deal entered which stage of its funnel, in order, by the portal's clock.
fn stages(truth: &emulator_bitrix24::Truth, deal: i64) -> Vec<(Timestamp, String)> {
    let mut stages: Vec<(Timestamp, String)> = Vec::new();
    for entry in truth.writes_to("deal", deal) {
        let What::Write {
            after: Some(after), ..
        } = &entry.what
        else {
            continue;
        };
        let stage = after.get("STAGE_ID").and_then(Value::as_str);
        let stage = bare_stage(stage.unwrap_or_default());
        if stages.last().is_none_or(|(_, last)| last != stage) {
            stages.push((entry.at, stage.to_owned()));
        }
    }
    stages
}

/// Whether a deal wants an invoice: it entered the stage after we began, or began anew, and was not taken back or lost
/// since. What had entered it before and went on enters it again when somebody brings it back.
fn is_wanted(evidence: &Evidence<'_>, deal: i64) -> bool {
    if let Some(production) = &evidence.weather.customs.production {
        return production::is_wanted(evidence, production, deal);
    }
    let stages = stages(&evidence.portal, deal);
    // The portal's moment is compared with ours as it is, by us and by the product.
    let is_ours = |entered: Timestamp| evidence.restored.is_none_or(|anew| entered >= anew.at);
    let is_lost = stages.last().is_some_and(|(_, stage)| stage == LOST);
    let orders = &evidence.office.orders;
    let is_before = |stage: &str, at| orders.is_before_invoice(stage, at);
    since_when(&stages, is_before, is_ours).is_some_and(is_ours) && !is_lost
}

/// When a deal with this past entered the stage that it was not taken back from: first, or first of those that are ours.
fn since_when(
    stages: &[(Timestamp, String)],
    is_before: impl Fn(&str, Timestamp) -> bool,
    is_ours: impl Fn(Timestamp) -> bool,
) -> Option<Timestamp> {
    let mut since: Option<Timestamp> = None;
    for (at, stage) in stages {
        if stage == INVOICE {
            // It comes from another stage: the same one twice is one entry here.
            since = since.filter(|before| is_ours(*before)).or(Some(*at));
        } else if is_before(stage, *at) {
            since = None;
        }
    }
    since
}

#[cfg(test)]
mod tests {
    use super::cancels::{FOR_NOBODY, FOR_OTHERS, HANDED_ON};
    use super::hidden::{OF_SELLER, WRONG_WORDS};
    use super::staff::INSTEAD;
    use crate::habits::exempt::KINDS;

    /// A check that looks for words which must not be said finds nothing once the product words it otherwise.
    #[test]
    fn what_must_not_be_said_is_worded_as_the_product_words_it() {
        let texts = concat!(
            include_str!("../../../planner/src/texts.rs"),
            include_str!("../../../planner/src/buyer.rs"),
        );
        let words = KINDS.iter().map(|(_, begins)| *begins);
        let words = words.chain(WRONG_WORDS);
        for words in words.chain([HANDED_ON, FOR_OTHERS, FOR_NOBODY, INSTEAD, OF_SELLER]) {
            assert!(texts.contains(words), "{words}");
        }
    }
}
