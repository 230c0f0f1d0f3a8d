//! Deals: one look at as many of them as are due, in as few requests as the remotes allow.
//!
//! Read [`look`] first, then `pass.rs`; each verb has its file.

mod act;
mod administrator;
mod adopt;
mod at_rest;
mod claims;
mod conclude;
mod flights;
pub(crate) mod flood;
mod known;
mod lists;
mod numbers;
mod observe;
mod orders;
mod pace;
mod paper;
mod parts;
mod pass;
mod plans;
mod settle;
mod stand_ins;
mod tell;
mod writes;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use domain::observed::{KnownCounterparty, Record as PortalRecord};
use domain::{ContractorId, DealId, OrganisationId, PortalId, Who};
use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use planner::{Action, DealSnapshot, Need, Plan, Policy, Seen, invoicing};
use store::{InvoiceLink, JournalEntry, Subject, Work};

pub(crate) use self::at_rest::at_rest;
pub use self::claims::{Claimed, Claims};
pub(crate) use self::flood::Counting;
pub use self::flood::FloodAnswers;
pub(crate) use self::known::our_invoice;
pub(crate) use self::lists::Telling;
pub(crate) use self::pace::CreateTimes;
use self::pass::Pass;
pub(crate) use self::stand_ins::{StandIns, untell_dismissed};
pub(crate) use self::writes::{answer, message_of};
use crate::{Asked, Connected, PlannedDeal, Reconciler, journal};

/// Plans of one deal that are carried out in one look; what is not settled then is looked at again.
const MAX_ROUNDS: usize = 8;
/// Needs of one deal that are satisfied in one look.
const MAX_READINGS: usize = 16;

/// One deal of a pass.
pub(crate) struct Looked {
    work: Work,
    id: DealId,
    snapshot: DealSnapshot,
    /// When the accounting side was asked for its buyers last.
    sought: BTreeMap<(OrganisationId, Who), Timestamp>,
    /// Invoices that were seen otherwise than we recorded them.
    links: Vec<InvoiceLink>,
    /// When the accounting side is to be asked about its invoices, because it did not answer.
    revisit_at: Option<Timestamp>,
    /// The next look that an effect asks for.
    again: Option<(Timestamp, String)>,
    /// The next day on which something is to be told; until then there is nothing left to be done.
    next_day: Option<(Timestamp, String)>,
    /// The next look for an invoice of which nobody knows whether it exists; moot once it does.
    create_again: Option<(Timestamp, String)>,
    /// Questions that somebody was told of in this look, by their keys.
    told: Vec<String>,
    /// Something only the trailing lane does is waiting.
    trailing: bool,
    /// Planned as far as it goes in this look.
    finished: bool,
    /// An effect of it was left to be sent again.
    intends: bool,
    /// The last plan wanted nothing, now or later.
    agreed: bool,
    /// The accounting side was asked whether its invoice exists already.
    is_looked_up: bool,
    /// Its invoice waits until the accounting side lets more through.
    waits_for_turn: bool,
    /// The last plan was another than the one before.
    news: bool,
    /// Plans of it that were carried out in this look.
    rounds: usize,
    /// Times something was observed of it in this look.
    readings: usize,
    /// What is to be written to the portal with the next batch that has room.
    waiting: Vec<Action>,
    /// Since when.
    waits_since: Timestamp,
    /// Writes of it that are on their way to the portal.
    in_air: usize,
}

/// What was decided last about each deal, so that the journal says it once. In memory only: after a restart it is
/// said once more.
#[derive(Default)]
pub(crate) struct Decided(Mutex<BTreeMap<(PortalId, DealId), u64>>);

/// Deals that are remembered; with more of them the memory starts anew.
const MOST_DECIDED: usize = 100_000;

impl Decided {
    fn is_news(&self, portal: &PortalId, id: DealId, plan: &Plan) -> bool {
        let mut hasher = DefaultHasher::new();
        plan.because.hash(&mut hasher);
        let actions = plan.actions.iter().map(Action::mark);
        actions.for_each(|mark| mark.hash(&mut hasher));
        let mut decided = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if decided.len() >= MOST_DECIDED {
            decided.clear();
        }
        let hash = hasher.finish();
        decided.insert((portal.clone(), id), hash) != Some(hash)
    }
}

/// The deals of a pass.
pub(crate) type Deals = BTreeMap<DealId, Looked>;

impl Looked {
    pub(crate) fn snapshot(&self) -> &DealSnapshot {
        &self.snapshot
    }

    pub(crate) fn snapshot_mut(&mut self) -> &mut DealSnapshot {
        &mut self.snapshot
    }

    /// A deal of which nothing was seen yet.
    fn new(work: Work, id: DealId, snapshot: DealSnapshot) -> Self {
        Self {
            work,
            id,
            snapshot,
            sought: BTreeMap::new(),
            links: Vec::new(),
            revisit_at: None,
            again: None,
            next_day: None,
            create_again: None,
            told: Vec::new(),
            trailing: false,
            finished: false,
            intends: false,
            agreed: false,
            is_looked_up: false,
            waits_for_turn: false,
            news: false,
            rounds: 0,
            readings: 0,
            waiting: Vec::new(),
            waits_since: Timestamp::UNIX_EPOCH,
            in_air: 0,
        }
    }

    /// There is more to be found out or done about it in this look, and nothing of it is under way.
    fn is_open(&self) -> bool {
        let is_busy = self.in_air > 0 || !self.waiting.is_empty();
        let is_spent = self.rounds >= MAX_ROUNDS || self.readings >= MAX_READINGS;
        !self.finished && !is_busy && !is_spent
    }

    /// The fields of a copied deal are under way, and what it wants itself is known once they have landed.
    fn is_cleared(&self) -> bool {
        let is_busy = self.in_air > 0 || !self.waiting.is_empty();
        self.snapshot.is_of_another == Some(true) && is_busy
    }

    /// Somebody was told of an open question.
    fn told(&mut self, key: &str) {
        if let Some(open) = self.snapshot.open_cases.get_mut(key) {
            open.told = true;
        }
        self.told.push(key.to_owned());
    }
}

/// One look at the due deals of a leased portal: observe, plan, act, record, until both sides agree.
pub(crate) async fn look(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    due: Vec<Work>,
) -> Result<(), Halted> {
    let mut deals = known::begin(ctx, connected, due).await?;
    settle::unknown(ctx, connected, &mut deals).await?;
    let record = tell::sealed(&mut deals);
    if !record.cases.is_empty() {
        ctx.record(record).await?;
    }
    let mut pass = Pass::new(reconciler, ctx, connected, deals);
    match pass.go_on_until_agreed().await {
        Ok(()) => pass.ring_bells().await?,
        Err(Halted::LeaseLost) => return Err(Halted::LeaseLost),
        Err(halted) => {
            // What is in the air is known better once it is down.
            pass.land_all().await?;
            return Err(halted);
        }
    }
    conclude::conclude(ctx, &connected.policy, pass.into_deals()).await
}

/// The same observing and planning without acting or asking anybody.
pub(crate) async fn plan_only(
    ctx: &LeaseContext,
    connected: &Connected,
    works: Vec<Work>,
    asked: Asked,
) -> Result<Vec<PlannedDeal>, Halted> {
    let mut deals = known::begin(ctx, connected, works).await?;
    if asked == Asked::Nothing {
        let deals = deals.values_mut();
        let open = deals.flat_map(|deal| deal.snapshot.open_cases.values_mut());
        open.for_each(|open| open.watched = true);
    }
    for _reading in 0..MAX_READINGS {
        let needs: BTreeMap<DealId, Vec<Need>> = deals
            .iter_mut()
            .map(|(id, deal)| {
                let mut needs = foreseen(deal, &connected.policy, ctx.now()).needs;
                needs.retain(|need| !is_untold(deal, need));
                (*id, needs)
            })
            .filter(|(_, needs)| !needs.is_empty())
            .collect();
        if needs.is_empty() {
            break;
        }
        observe::only(ctx, connected, &mut deals, needs).await?;
    }
    let planned = deals.into_iter().map(|(id, mut deal)| {
        let mut plan = foreseen(&mut deal, &connected.policy, ctx.now());
        if plan.needs.iter().any(|need| is_untold(&deal, need)) {
            plan.because = vec![UNTOLD.to_owned()];
        }
        let (snapshot, policy) = (&deal.snapshot, &connected.policy);
        let does = !plan.actions.is_empty() || !plan.cases.is_empty();
        let may_be =
            planner::is_followed(snapshot, policy) || planner::is_at_work(snapshot, policy);
        if does && !may_be {
            // Its invoice is not looked after any more, whatever there would be to do.
            plan = Plan {
                because: vec![planner::NOT_FOLLOWED.to_owned()],
                ..Plan::default()
            };
        }
        let (glance, buyer) = match deal.snapshot.seen {
            Seen::Glance(glance) => (Some(*glance), None),
            Seen::Whole(reading, _) => (Some(reading.glance), reading.company_title),
            Seen::Unread | Seen::Gone | Seen::Denied => (None, None),
        };
        let invoice = deal.snapshot.invoices.iter().rfind(|one| one.live);
        PlannedDeal {
            id,
            deal: glance.map(|glance| glance.deal),
            buyer,
            invoice: invoice.map(|invoice| invoice.number.clone()),
            plan,
        }
    });
    Ok(planned.collect())
}

/// What is said of a deal of which nobody knows whether it came from a funnel of ours.
const UNTOLD: &str = "портал не отвечает, из какой воронки пришла сделка";

/// Whether the portal was asked where the deal came from and did not tell: it is not asked again in this look.
fn is_untold(deal: &Looked, need: &Need) -> bool {
    deal.finished && *need == Need::Entered
}

/// The plan with what would follow from its first step: the fields of a copied deal are taken for cleared, a counterparty that
/// it makes is taken for made. What nobody acts on does not grow old either: it is planned as of the moment it was read.
fn foreseen(deal: &mut Looked, policy: &Policy, now: Timestamp) -> Plan {
    let plan = after_made(deal, policy, now);
    let cleared = plan.actions.iter().find_map(|action| match action {
        Action::WriteFields { fields } if deal.snapshot.is_of_another == Some(true) => Some(fields),
        _ => None,
    });
    let Some(fields) = cleared else {
        return plan;
    };
    let seen = deal.snapshot.seen.clone();
    deal.snapshot.show(fields);
    let then = after_made(deal, policy, now);
    // The next time it is foreseen anew.
    deal.snapshot.seen = seen;
    followed_by(plan, then)
}

/// A plan and what is to follow from it.
fn followed_by(mut plan: Plan, then: Plan) -> Plan {
    plan.needs.extend(then.needs);
    plan.actions.extend(then.actions);
    plan.cases.extend(then.cases);
    plan.because.extend(then.because);
    for key in then.withdrawn {
        if !plan.withdrawn.contains(&key) {
            plan.withdrawn.push(key);
        }
    }
    plan.look_again = earlier(plan.look_again, then.look_again);
    plan
}

fn after_made(deal: &mut Looked, policy: &Policy, now: Timestamp) -> Plan {
    let at = match &deal.snapshot.seen {
        Seen::Whole(_, read_at) => *read_at,
        Seen::Unread | Seen::Gone | Seen::Denied | Seen::Glance(_) => now,
    };
    let plan = invoicing::plan(&deal.snapshot, policy, at);
    let made = plan.actions.iter().find_map(|action| match action {
        Action::CreateCounterparty {
            organisation,
            counterparty,
        } => Some((organisation.clone(), counterparty.clone())),
        _ => None,
    });
    let Some((organisation, counterparty)) = made else {
        return plan;
    };
    let buyer = (organisation, counterparty.key.who.clone());
    let known = deal.snapshot.counterparties.entry(buyer.clone());
    known.or_default().push(KnownCounterparty {
        id: ContractorId::new("to be made"),
        counterparty,
    });
    let then = invoicing::plan(&deal.snapshot, policy, at);
    // The next time it is foreseen anew.
    deal.snapshot.counterparties.insert(buyer, Vec::new());
    followed_by(plan, then)
}

/// The earlier of two next looks.
pub(crate) fn earlier(
    one: Option<(Timestamp, String)>,
    other: Option<(Timestamp, String)>,
) -> Option<(Timestamp, String)> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.0 < one.0 { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// A record of the portal as the work queue names it.
pub(crate) fn subject_of(record: &PortalRecord) -> Subject {
    match record {
        PortalRecord::Deal(id) => Subject::deal(*id),
        PortalRecord::Company(id) => Subject::company(*id),
        PortalRecord::Contact(id) => Subject::contact(*id),
        PortalRecord::Requisite(id) => Subject::requisite(*id),
        PortalRecord::BankDetail(id) => Subject::bank_detail(*id),
    }
}

pub(crate) fn note(
    now: Timestamp,
    id: DealId,
    kind: &str,
    body: serde_json::Value,
) -> JournalEntry {
    journal::line(now, &Subject::deal(id), kind, body)
}
