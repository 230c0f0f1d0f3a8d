//! A deal's sum must be that of its lines, or a person says that the lines hold: no bill is made of a deal where the two
//! differ, and nobody is asked about one where they agree.

use emulator_kontur_accounting::Bill;

use super::Evidence;
use super::asked_for::asked_for;
use super::bills::{asked_by, made_between, ours};
use super::deals::asks;
use crate::habits::own_invoices::worth;
use crate::people::remembered::{Deal, Version};

/// The question that stands before an invoice.
pub(super) const ASKED: &str = "DEAL-SUM-DIFFERS";

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let customs = &evidence.weather.customs;
    if customs.typists.is_none() && customs.line_rules().is_none() {
        return;
    }
    for (deal, known, bill) in ours(evidence) {
        of_agreed(evidence, deal, known, bill, wrong);
    }
    for (id, deal) in &evidence.office.deals {
        let agrees = deal.versions.last().is_some_and(agrees);
        if agrees && !deal.deleted && asks(evidence, *id, &[ASKED]) {
            wrong.push(format!(
                "[sum] deal {id} is asked about, and its sum is that of its lines"
            ));
        }
    }
}

/// Whether the deal's sum is that of its lines, or no other than the portal's rounding makes it.
pub(super) fn agrees(version: &Version) -> bool {
    if version.rules.is_some() {
        return asked_for(version).is_none_or(|asked| asked.agrees());
    }
    let of_lines = worth(&version.lines);
    version.typed.is_none_or(|typed| typed == of_lines)
}

/// The deal's own sum where it is another than that of the lines, and that of these.
fn sums(version: &Version) -> (Option<i64>, i64) {
    match version.rules.and_then(|_| asked_for(version)) {
        Some(asked) => (Some(asked.amount), asked.sum),
        None => (version.typed, worth(&version.lines)),
    }
}

fn of_agreed(
    evidence: &Evidence<'_>,
    deal: i64,
    known: &Deal,
    bill: &Bill,
    wrong: &mut Vec<String>,
) {
    let Some((from, sent)) = made_between(evidence, deal, bill) else {
        return;
    };
    let holds = |version: &Version| {
        let told = sums(version);
        let mut said = known.by_lines.iter();
        said.any(|(at, typed, lines)| *at <= sent && (Some(*typed), *lines) == told)
    };
    let mut fitting = asked_by(bill, known, from).into_iter();
    if !fitting.any(|version| agrees(version) || holds(version)) {
        let sums: Vec<(Option<i64>, i64)> = known.versions.iter().map(sums).collect();
        wrong.push(format!(
            "[sum] bill № {} of deal {deal} was made although its sum and that of its lines were {sums:?}",
            bill.number
        ));
    }
}
