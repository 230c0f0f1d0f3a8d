//! [I-17] Our own writes start no new ones: nothing is written that the deal shows already.

use std::collections::BTreeMap;

use emulator_bitrix24::What;
use jiff::{SignedDuration, Timestamp};

use super::deals::asks;
use super::{Evidence, is_our_write};
use crate::machine::asked::commands;
use crate::machine::network::{Remote, Told};
use crate::offices::links::LINK;
use crate::offices::office;

/// The fields that we write, and the stage: a deal that is moved shows something else, though no field of ours changes.
const OURS: [&str; 9] = [
    LINK,
    office::NUMBER,
    office::DATE,
    office::STATUS,
    office::SUM,
    office::COMMAND,
    office::PAID,
    office::PAID_ON,
    "STAGE_ID",
];

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    nobody_else_to_blame(evidence, wrong);
    for (deal, idle) in idle_writes(evidence) {
        let mut reasons = reasons(evidence, deal);
        for at in idle {
            // Each is the reason for one repetition after it.
            let Some(place) = reasons.iter().rposition(|reason| *reason <= at) else {
                wrong.push(format!(
                    "[I-17] at {at}: deal {deal} was written with what it showed already, and nothing was forgotten or unclear"
                ));
                break;
            };
            reasons.remove(place);
        }
    }
}

/// What explains that one write to a deal is repeated, in order: one that got no clear answer, and whoever forgot what it
/// had done.
pub(super) fn reasons(evidence: &Evidence<'_>, deal: i64) -> Vec<Timestamp> {
    let unclear = evidence.seen.iter().filter(|seen| {
        let is_write = || {
            let commands = commands(&seen.what, &seen.body);
            commands.iter().any(|one| one.deal_written() == Some(deal))
        };
        seen.remote == Remote::Portal && seen.told != Told::Answer(200) && is_write()
    });
    let mut reasons: Vec<Timestamp> = unclear.map(|seen| seen.at).collect();
    reasons.extend(&evidence.forgettings);
    reasons.sort_unstable();
    reasons
}

/// That a field does not keep our value is asked only where somebody else changes it. A write of ours that lands late
/// is such a somebody as well.
fn nobody_else_to_blame(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let weather = evidence.weather;
    let late = !weather.portal_faults.is_empty() || weather.often.broken.is_some();
    if late || weather.field_robot.is_some() {
        return;
    }
    for (id, deal) in &evidence.office.deals {
        if !deal.scribbled && asks(evidence, *id, &["FIELD-NOT-KEPT"]) {
            wrong.push(format!(
                "[I-17] deal {id}: a field is said not to keep its value, and nobody but us writes it"
            ));
        }
    }
}

/// When each deal was written with what it showed already, by our clock.
fn idle_writes(evidence: &Evidence<'_>) -> BTreeMap<i64, Vec<Timestamp>> {
    let skew = SignedDuration::from_secs(evidence.weather.skew.0);
    let mut idle: BTreeMap<i64, Vec<Timestamp>> = BTreeMap::new();
    for entry in evidence.portal.writes_of("deal") {
        let What::Write {
            id,
            before: Some(before),
            after: Some(after),
            ..
        } = &entry.what
        else {
            continue;
        };
        let same = |name: &&str| before.get(*name) == after.get(*name);
        let has_ours = after.get(office::NUMBER).is_some();
        if is_our_write(entry) && has_ours && OURS.iter().all(same) {
            let at = entry.at.checked_sub(skew).unwrap_or(entry.at);
            idle.entry(*id).or_default().push(at);
        }
    }
    idle
}
