//! [I-17] Our own writes start no new ones: nothing is written that the deal shows already.

use std::collections::BTreeMap;

use emulator_bitrix24::What;

use super::deals::asks;
use super::{Evidence, is_our_write};
use crate::network::{Remote, Told};
use crate::office;

/// The fields that we write.
const OURS: [&str; 5] = [
    office::NUMBER,
    office::DATE,
    office::STATUS,
    office::SUM,
    office::COMMAND,
];

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    nobody_else_to_blame(evidence, wrong);
    if a_process_may_forget(evidence) {
        return;
    }
    // What got no clear answer is repeated, and may have been done: once for each deal of it.
    let unclear = evidence
        .seen
        .iter()
        .filter(|seen| seen.remote == Remote::Portal && seen.told != Told::Answer(200))
        .count();
    for (deal, idle) in idle_writes(evidence) {
        if idle > unclear {
            wrong.push(format!(
                "[I-17] deal {deal} was written {idle} times with what it showed already, {unclear} answers were unclear"
            ));
        }
    }
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

/// A process that dies, stands still or cannot write repeats what it had done and not recorded.
fn a_process_may_forget(evidence: &Evidence<'_>) -> bool {
    let often = &evidence.weather.often;
    let ends = [
        often.killed,
        often.killed_at_request,
        often.killed_at_statement,
        often.killed_at_point,
        often.unknown_commit,
        often.disk_full,
        often.frozen,
        evidence.weather.integrator,
    ];
    ends.iter().any(Option::is_some)
}

fn idle_writes(evidence: &Evidence<'_>) -> BTreeMap<i64, usize> {
    let mut idle: BTreeMap<i64, usize> = BTreeMap::new();
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
            let count = idle.entry(*id).or_default();
            *count = count.saturating_add(1);
        }
    }
    idle
}
