//! Whether a deal wants an invoice: it entered an invoice stage after our start and was not taken back.
//!
//! The stage history decides and not the present stage, because robots move deals on within a second; nor the present
//! funnel, because they move deals to another one as well: sales end where production begins. What policy says of the
//! funnel in which a deal stands holds; where it does not name that one, a deal that came from one of ours is at work on.

use domain::observed::{DealGlance, DealReading, StageEntry};
use domain::{Deal, FunnelId, StageId};
use jiff::{SignedDuration, Timestamp};

use crate::orders::{is_ordered, is_unheard};
use crate::policy::{Funnel, Mode, Pilot};
use crate::{DealSnapshot, Policy, Seen};

/// Whether a deal wants an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// It does.
    Yes,
    /// It does not, and why.
    No(String),
    /// Not yet; look again then.
    Later(Timestamp, String),
    /// The cheap look does not tell.
    ReadWhole,
    /// By where it stands it does not; but it may have come from another funnel.
    AskHistory,
}

/// How long after a change the stage history may still lack it.
const HISTORY_LAGS: SignedDuration = SignedDuration::from_mins(5);

/// What is said of a deal in a funnel that is none of ours.
pub const NOT_FOLLOWED: &str = "воронка не подключена";

/// As far as the cheap look tells.
pub(crate) fn at_a_glance(snapshot: &DealSnapshot, glance: &DealGlance, policy: &Policy) -> Wanted {
    let deal = &glance.deal;
    if let Some(settled) = settled(snapshot, glance, policy) {
        return settled;
    }
    let Err(why) = stands(deal, policy) else {
        return Wanted::ReadWhole;
    };
    let may_have_come = elsewhere(deal.funnel, policy).next().is_some();
    match snapshot.entered {
        None if may_have_come => Wanted::AskHistory,
        Some(true) if may_have_come => Wanted::ReadWhole,
        None | Some(true | false) => Wanted::No(why.to_owned()),
    }
}

/// What holds wherever the deal came from.
fn settled(snapshot: &DealSnapshot, glance: &DealGlance, policy: &Policy) -> Option<Wanted> {
    let deal = &glance.deal;
    let no = |why: &str| Some(Wanted::No(why.to_owned()));
    let is_followed = policy.funnel(deal.funnel).is_some();
    let may_be_ours = !policy.names(deal.funnel) && elsewhere(deal.funnel, policy).next().is_some();
    if !is_followed && !may_be_ours {
        return no(NOT_FOLLOWED);
    }
    if deal.template {
        return no("это шаблон регулярной сделки");
    }
    if is_ordered(snapshot, glance) {
        // In a funnel that is none of ours an order counts for what came from one that is.
        return is_followed.then_some(Wanted::Yes);
    }
    if let Some(pilot) = &policy.pilot
        && !is_in_pilot(glance, pilot)
    {
        return no("сделка вне пилота");
    }
    if deal.lost {
        return no("сделка проиграна");
    }
    None
}

/// The funnel where a deal stands if it may have entered its invoice stage there, and was not moved back; else why not.
fn stands<'a>(deal: &Deal, policy: &'a Policy) -> Result<&'a Funnel, &'static str> {
    let funnel = policy.funnel(deal.funnel).ok_or(NOT_FOLLOWED)?;
    let mut invoice_stages = funnel.invoice_stages.iter();
    if !invoice_stages.any(|stage| funnel.stages.contains(stage)) {
        return Err("в воронке не названа стадия счёта");
    }
    if funnel.is_ever_before_invoice(&deal.stage) {
        return Err("сделка не дошла до стадии счёта");
    }
    Ok(funnel)
}

/// The funnels beside this one whose invoice stages a deal may have entered: those that are active; where we only watch,
/// those that are watched.
fn elsewhere(here: FunnelId, policy: &Policy) -> impl Iterator<Item = &Funnel> {
    let only_watches = !policy.is_at_work();
    policy.funnels.iter().filter(move |funnel| {
        let counts = match funnel.mode {
            Mode::Active => true,
            Mode::WatchOnly => only_watches,
            Mode::Off => false,
        };
        counts && funnel.id != here && !funnel.invoice_stages.is_empty()
    })
}

/// The funnel of ours that a deal came from which stands in one that policy does not name: the last of which it entered
/// an invoice stage.
fn came_from<'a>(reading: &DealReading, policy: &'a Policy) -> Option<&'a Funnel> {
    let here = reading.glance.deal.funnel;
    if policy.names(here) {
        return None;
    }
    reading.history.iter().rev().find_map(|entry| {
        elsewhere(here, policy).find(|funnel| {
            funnel.id == entry.funnel && funnel.invoice_stages.contains(&entry.stage)
        })
    })
}

/// The funnel by which a deal is billed: that whose invoice stage it entered last and was not taken back from, where it stands
/// before where it came from, and what counts before what entered ahead of its funnel's start. A robot that takes it on to
/// another one changes nothing of that. What entered none is billed where it stands.
pub(crate) fn billed_in<'a>(reading: &DealReading, policy: &'a Policy) -> Option<&'a Funnel> {
    let stands = policy.funnel(reading.glance.deal.funnel);
    let entered = entered(reading, stands, policy);
    let billed = last_counting(&entered, policy).or_else(|| entered.last().copied());
    billed
        .map(|(funnel, _)| funnel)
        .or(stands)
        .or_else(|| came_from(reading, policy))
}

/// The funnels whose invoice stage a deal entered and was not taken back from, with when: the latest last, and after them all
/// the one where it stands.
fn entered<'a>(
    reading: &DealReading,
    stands: Option<&'a Funnel>,
    policy: &'a Policy,
) -> Vec<(&'a Funnel, Timestamp)> {
    let at = |funnel: &'a Funnel| Some((funnel, entered_at(reading, funnel, policy)?));
    let here = reading.glance.deal.funnel;
    let mut entered: Vec<_> = elsewhere(here, policy).filter_map(at).collect();
    entered.sort_by_key(|(_, since)| *since);
    entered.extend(stands.and_then(at));
    entered
}

/// The last of them that was entered since its funnel's start.
fn last_counting<'a>(
    entered: &[(&'a Funnel, Timestamp)],
    policy: &Policy,
) -> Option<(&'a Funnel, Timestamp)> {
    let counts = |(funnel, since): &&(&Funnel, Timestamp)| *since >= policy.start_of(funnel);
    entered.iter().rfind(counts).copied()
}

/// Whether what becomes of a deal is ours to know: policy follows its funnel, or does not name it, and the deal came from
/// one of ours. Of a deal that cannot be seen nobody knows the funnel: it is where any is followed.
pub fn is_followed(snapshot: &DealSnapshot, policy: &Policy) -> bool {
    match snapshot.glance() {
        Some(glance) if policy.names(glance.deal.funnel) => {
            policy.funnel(glance.deal.funnel).is_some()
        }
        Some(_) => came_along(snapshot, policy),
        None => policy.funnels.iter().any(|one| one.mode != Mode::Off),
    }
}

/// Whether anything may be written for a deal: the same of funnels that are active; elsewhere the answer to an order.
pub fn is_at_work(snapshot: &DealSnapshot, policy: &Policy) -> bool {
    let is_ours = match snapshot.glance() {
        Some(glance) if policy.names(glance.deal.funnel) => policy.is_active(glance.deal.funnel),
        Some(_) => policy.is_at_work() && came_along(snapshot, policy),
        None => policy.is_at_work(),
    };
    is_ours || is_unheard(snapshot, policy)
}

/// Whether nothing is done for a deal where it stands: policy says that the funnel is off, or does not name it, and the deal
/// is known to have come from none of ours.
pub(crate) fn is_left_alone(snapshot: &DealSnapshot, policy: &Policy) -> bool {
    let Some(glance) = snapshot.glance() else {
        return false;
    };
    let here = glance.deal.funnel;
    if policy.names(here) {
        return policy.funnel(here).is_none();
    }
    let is_known = matches!(snapshot.seen, Seen::Whole(..))
        || snapshot.entered.is_some()
        || elsewhere(here, policy).next().is_none();
    is_known && !came_along(snapshot, policy)
}

/// Whether a deal brought an invoice of ours along, or its having entered a stage for one.
fn came_along(snapshot: &DealSnapshot, policy: &Policy) -> bool {
    // What cannot be read may be one.
    let has_invoice =
        !snapshot.invoices.is_empty() || snapshot.creating.is_some() || snapshot.sealed;
    has_invoice
        || match &snapshot.seen {
            Seen::Whole(reading, _) => came_from(reading, policy).is_some(),
            Seen::Glance(_) => snapshot.entered == Some(true),
            Seen::Unread | Seen::Gone | Seen::Denied => false,
        }
}

/// Whether a pilot covers the deal.
fn is_in_pilot(glance: &DealGlance, pilot: &Pilot) -> bool {
    let by_person =
        pilot.responsible.is_empty() || pilot.responsible.contains(&glance.deal.responsible);
    let said_yes = |field: &String| {
        let value = glance.named.get(field).map(|value| value.to_lowercase());
        matches!(value.as_deref(), Some("y" | "1" | "да" | "true"))
    };
    by_person && pilot.field.as_ref().is_none_or(said_yes)
}

/// With the stage history.
pub(crate) fn by_history(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    policy: &Policy,
    now: Timestamp,
) -> Wanted {
    let glance = &reading.glance;
    let deal = &glance.deal;
    if let Some(settled) = settled(snapshot, glance, policy) {
        return settled;
    }
    let here = stands(deal, policy);
    if is_ordered(snapshot, glance) {
        return match came_from(reading, policy) {
            Some(_) => Wanted::Yes,
            None => Wanted::No(NOT_FOLLOWED.to_owned()),
        };
    }
    let entered = entered(reading, here.ok(), policy);
    let Some((funnel, since)) = last_counting(&entered, policy) else {
        return match (here, entered.last()) {
            (Ok(funnel), Some((of, since))) if of.id == funnel.id => {
                too_early(funnel, *since, policy)
            }
            (Ok(funnel), Some(_) | None) => never_entered(deal, funnel, policy, now),
            (Err(_), Some((of, since))) => too_early(of, *since, policy),
            (Err(why), None) => Wanted::No(why.to_owned()),
        };
    };
    let settled_at = after(since, i64::from(funnel.settle_seconds));
    if now < settled_at {
        return Wanted::Later(
            settled_at,
            "сделка только что перенесена, ждём, не вернут ли её".to_owned(),
        );
    }
    Wanted::Yes
}

/// A deal that entered a funnel's invoice stage before its start.
fn too_early(funnel: &Funnel, since: Timestamp, policy: &Policy) -> Wanted {
    let zone = policy.zone();
    let told = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%d.%m.%Y %H:%M");
    Wanted::No(format!(
        "сделка на стадии счёта с {}, это раньше начала работы {}",
        told(since),
        told(policy.start_of(funnel))
    ))
}

/// A deal whose history tells of no invoice stage, at or after that of its funnel.
fn never_entered(deal: &Deal, funnel: &Funnel, policy: &Policy, now: Timestamp) -> Wanted {
    let stands_there = funnel.invoice_stages.contains(&deal.stage);
    let just_moved = now.duration_since(deal.changed.max(deal.created)) < HISTORY_LAGS;
    if stands_there && !just_moved && deal.created >= policy.start_of(funnel) {
        // The history will not come (no right to it, or it was cleaned); the deal is younger than our start, and
        // so is its entering.
        return Wanted::Yes;
    }
    if stands_there && just_moved {
        // The portal writes the history a moment after the deal.
        return Wanted::Later(
            after(now, 30),
            "история стадий ещё не записана порталом".to_owned(),
        );
    }
    Wanted::No("сделка не входила в стадию счёта".to_owned())
}

/// When the deal entered the invoice stage it was not taken back from. What had entered it before the start and went on enters
/// it anew when it is brought back there.
fn entered_at(reading: &DealReading, funnel: &Funnel, policy: &Policy) -> Option<Timestamp> {
    let start_at = policy.start_of(funnel);
    let mut since: Option<Timestamp> = None;
    let mut went_on = false;
    let mut before: Vec<&StageId> = Vec::new();
    for entry in &reading.history {
        if entry.funnel != funnel.id {
            went_on = true;
        } else if funnel.invoice_stages.contains(&entry.stage) {
            let counts = |since: &Timestamp| !went_on || *since >= start_at;
            since = since.filter(counts).or(Some(entry.at));
            went_on = false;
        } else if since.is_none() {
            before.push(&entry.stage);
        } else if is_back(entry, funnel, &before) {
            since = None;
        } else {
            went_on = true;
        }
    }
    since
}

/// Whether a step out of the invoice stage takes the deal back. Of a stage that was added since `setup` no order tells: the
/// deal goes back to it if it had come from there, else on.
fn is_back(entry: &StageEntry, funnel: &Funnel, before: &[&StageId]) -> bool {
    let told = funnel.is_before_invoice(&entry.stage, entry.at);
    told.unwrap_or_else(|| before.contains(&&entry.stage))
}

fn after(moment: Timestamp, seconds: i64) -> Timestamp {
    moment
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}
