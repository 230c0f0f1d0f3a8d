//! [R5] A bill that lands after the accounting side's promise has passed: its deal may have another by then. Both stand
//! until a person takes one back, somebody is asked within a quarter of an hour, and nothing more is made for the deal.
//!
//! Time in which something was in the way is not counted: a remote that failed, a process that died or stood still, a
//! portal that was paused, watched only or without the application; nor that for which work is put off after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use emulator_bitrix24::{Told as Answered, What};
use emulator_kontur_accounting::{Bill, CreatedBy};
use jiff::{SignedDuration, Timestamp};

use super::deals::{asks, was_brought_back};
use super::{Evidence, deal_of, slot_of};
use crate::machine::network::Told;

/// The question.
pub(crate) const TWIN: &str = "INVOICE-TWIN";
/// So long after it landed it is asked at the latest.
const FOUND: SignedDuration = SignedDuration::from_mins(15);
/// So long something is put off after a failure: a quarter of an hour, and by chance half as much again.
const PUT_OFF: SignedDuration = SignedDuration::from_secs(1_380);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    in_time(evidence, wrong);
    for id in evidence.office.deals.keys() {
        let bills = of_slots(evidence, *id);
        let is_asked = asks(evidence, *id, &[TWIN, "OUTCOME-UNKNOWN"]);
        for (slot, bills) in &bills {
            let live = bills.iter().filter(|bill| bill.is_live());
            let unknown = live.clone().any(|bill| !is_linked(evidence, *id, bill));
            if unknown && !is_asked {
                let numbers: Vec<&str> = live.map(|bill| bill.number.as_str()).collect();
                wrong.push(format!(
                    "[R5] deal {id} has bills № {numbers:?} in {slot:?}, and nobody is asked"
                ));
            }
        }
    }
}

/// Each twin is asked about in time, as far as nothing was in the way.
fn in_time(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    // By a machine's clock that somebody set nothing is measured; a method that we rest ourselves leaves no trace.
    let weather = evidence.weather;
    let is_measured = evidence.jumps.is_empty() && weather.operating_limit_ms.is_none();
    if !weather.customs.belated || !is_measured {
        return;
    }
    let hindrances = hindrances(evidence);
    for id in evidence.office.deals.keys() {
        // It may be withdrawn and asked again since, for another reason.
        let about = format!("deal/{id}");
        let mut asked = evidence.asked_of_twins.iter();
        let asked = asked.find_map(|(subject, at)| (*subject == about).then_some(*at));
        let bills = of_slots(evidence, *id);
        let landed = bills
            .values()
            .filter_map(|bills| landed(evidence, *id, bills));
        // One question is about all of them, and was asked for the first.
        let (Some(asked), Some(landed)) = (asked, landed.min()) else {
            continue;
        };
        let until = latest(landed, &hindrances);
        if asked > until {
            wrong.push(format!(
                "[R5] deal {id} has a twin since {landed}, and somebody was asked at {asked}, after {until}"
            ));
        }
    }
}

/// When a bill came that nobody waited for, beside those that stand in the deal's slot. What somebody took back and put
/// there again is none of these.
fn landed(evidence: &Evidence<'_>, deal: i64, bills: &[&Arc<Bill>]) -> Option<Timestamp> {
    let stood = |bill: &&Arc<Bill>| bill.is_live() && !was_brought_back(evidence, bill);
    if !bills.iter().all(stood) {
        return None;
    }
    let is_known = bills.iter().any(|bill| is_linked(evidence, deal, bill));
    let mut moments: Vec<Timestamp> = bills.iter().map(|bill| bill.meta.created_at).collect();
    moments.sort_unstable();
    let landed = match moments.as_slice() {
        [_, second, ..] => *second,
        [only] if !is_known => *only,
        _ => return None,
    };
    let skew = SignedDuration::from_secs(evidence.weather.skew.1);
    let lag = i64::try_from(evidence.weather.list_lag_ms).unwrap_or(0);
    let landed = landed.checked_sub(skew).unwrap_or(landed);
    let shown = landed.checked_add(SignedDuration::from_millis(lag));
    Some(shown.unwrap_or(landed))
}

/// Until when it has to be asked at the latest.
fn latest(landed: Timestamp, hindrances: &[Timestamp]) -> Timestamp {
    let after = |at: Timestamp, time: SignedDuration| at.checked_add(time).unwrap_or(at);
    hindrances.iter().fold(after(landed, FOUND), |until, at| {
        if *at > until {
            return until;
        }
        until.max(after(after(*at, PUT_OFF), FOUND))
    })
}

/// When something was in the way of this tenant's work, in order.
fn hindrances(evidence: &Evidence<'_>) -> Vec<Timestamp> {
    let failed = evidence
        .seen
        .iter()
        .filter(|seen| !matches!(seen.told, Told::Answer(200..300)));
    let failed = failed.flat_map(|seen| [Some(seen.at), seen.told_at]);
    let to = |at: Timestamp, skew: i64| {
        let skew = SignedDuration::from_secs(skew);
        at.checked_sub(skew).unwrap_or(at)
    };
    let (of_portal, of_accounting) = evidence.weather.skew;
    let played = evidence.portal.entries().filter(|entry| {
        matches!(
            &entry.what,
            What::LimitRefused { .. }
                | What::Request {
                    answer: Answered::Fault { .. },
                    ..
                }
        )
    });
    let spoilt = evidence.accounting.requests.iter();
    let spoilt = spoilt.filter(|request| request.fault.is_some());
    let mut all: Vec<Timestamp> = failed
        .flatten()
        .chain(played.map(|entry| to(entry.at, of_portal)))
        .chain(spoilt.map(|request| to(request.at, of_accounting)))
        .chain(evidence.forgettings.iter().copied())
        .chain(evidence.parked.iter().copied())
        .collect();
    all.sort_unstable();
    all
}

/// Whether one of the deal's bills came when nobody waited for it any more.
pub(super) fn is_met(evidence: &Evidence<'_>, deal: i64) -> bool {
    let bills = of_slots(evidence, deal);
    let mut slots = bills.values();
    slots.any(|bills| bills.len() > 1 || bills.iter().any(|bill| !is_linked(evidence, deal, bill)))
}

/// Our bills for a deal by their slots, on days on which any may come too late.
fn of_slots<'a>(
    evidence: &'a Evidence<'_>,
    deal: i64,
) -> BTreeMap<(&'a str, u32), Vec<&'a Arc<Bill>>> {
    let mut slots: BTreeMap<_, Vec<&Arc<Bill>>> = BTreeMap::new();
    let bills = evidence.accounting.bills();
    for bill in bills.filter(|_| evidence.weather.customs.belated) {
        let mark = bill.comment.as_deref();
        let mark = mark.filter(|_| bill.meta.created_by == CreatedBy::Api);
        if let Some(slot) = mark
            .filter(|mark| deal_of(mark) == Some(deal))
            .and_then(slot_of)
        {
            slots.entry(slot).or_default().push(bill);
        }
    }
    slots
}

fn is_linked(evidence: &Evidence<'_>, deal: i64, bill: &Bill) -> bool {
    super::restored::is_linked(evidence, deal, bill)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_an_hour_is_counted_from_when_nothing_is_in_the_way_any_more() {
        let minute = |n: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(n);
        // When something was in the way of a twin that landed in the hundredth minute; until when it is to be found.
        for (hindered, until) in [
            (vec![], 115),
            (vec![10], 115),
            (vec![90], 128),
            (vec![110], 148),
            (vec![116], 115),
            (vec![110, 140], 178),
        ] {
            let hindered: Vec<Timestamp> = hindered.into_iter().map(minute).collect();
            assert_eq!(latest(minute(100), &hindered), minute(until));
        }
    }
}
