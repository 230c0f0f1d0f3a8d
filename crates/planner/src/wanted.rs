//! Whether a deal wants an invoice: it entered an invoice stage after our start and was not taken back.
//!
//! The stage history decides and not the present stage, because robots move deals on within a second. Nor does the present
//! order of the stages: what a deal did is judged by the order of then.

use domain::StageId;
use domain::observed::{DealGlance, DealReading, StageEntry};
use jiff::{SignedDuration, Timestamp};

use crate::orders::is_ordered;
use crate::policy::{Funnel, Pilot};
use crate::{DealSnapshot, Policy};

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
}

/// How long after a change the stage history may still lack it.
const HISTORY_LAGS: SignedDuration = SignedDuration::from_mins(5);

/// As far as the cheap look tells.
pub(crate) fn at_a_glance(snapshot: &DealSnapshot, glance: &DealGlance, policy: &Policy) -> Wanted {
    let deal = &glance.deal;
    let Some(funnel) = policy.funnel(deal.funnel) else {
        return Wanted::No("воронка не подключена".to_owned());
    };
    if deal.template {
        return Wanted::No("это шаблон регулярной сделки".to_owned());
    }
    if is_ordered(snapshot, glance) {
        return Wanted::Yes;
    }
    if let Some(pilot) = &policy.pilot
        && !is_in_pilot(glance, pilot)
    {
        return Wanted::No("сделка вне пилота".to_owned());
    }
    if deal.lost {
        return Wanted::No("сделка проиграна".to_owned());
    }
    let mut invoice_stages = funnel.invoice_stages.iter();
    if !invoice_stages.any(|stage| funnel.stages.contains(stage)) {
        return Wanted::No("в воронке не названа стадия счёта".to_owned());
    }
    if funnel.is_ever_before_invoice(&deal.stage) {
        return Wanted::No("сделка не дошла до стадии счёта".to_owned());
    }
    Wanted::ReadWhole
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
    let deal = &reading.glance.deal;
    match at_a_glance(snapshot, &reading.glance, policy) {
        Wanted::ReadWhole => {}
        settled @ (Wanted::Yes | Wanted::No(_) | Wanted::Later(..)) => return settled,
    }
    let Some(funnel) = policy.funnel(deal.funnel) else {
        return Wanted::No("воронка не подключена".to_owned());
    };
    let start_at = policy.start_of(funnel);
    let Some(since) = entered_at(reading, funnel) else {
        let stands_there = funnel.invoice_stages.contains(&deal.stage);
        let just_moved = now.duration_since(deal.changed.max(deal.created)) < HISTORY_LAGS;
        if stands_there && !just_moved && deal.created >= start_at {
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
        return Wanted::No("сделка не входила в стадию счёта".to_owned());
    };
    if since < start_at {
        let zone = policy.zone();
        let told = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%d.%m.%Y %H:%M");
        return Wanted::No(format!(
            "сделка на стадии счёта с {}, это раньше начала работы {}",
            told(since),
            told(start_at)
        ));
    }
    let settled_at = after(since, i64::from(funnel.settle_seconds));
    if now < settled_at {
        return Wanted::Later(
            settled_at,
            "сделка только что перенесена, ждём, не вернут ли её".to_owned(),
        );
    }
    Wanted::Yes
}

/// When the deal entered the invoice stage it was not taken back from.
fn entered_at(reading: &DealReading, funnel: &Funnel) -> Option<Timestamp> {
    let mut since = None;
    let mut before: Vec<&StageId> = Vec::new();
    for entry in reading
        .history
        .iter()
        .filter(|entry| entry.funnel == funnel.id)
    {
        if funnel.invoice_stages.contains(&entry.stage) {
            since = since.or(Some(entry.at));
        } else if since.is_none() {
            before.push(&entry.stage);
        } else if is_back(entry, funnel, &before) {
            since = None;
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
