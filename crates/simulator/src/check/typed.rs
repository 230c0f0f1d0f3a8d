//! A deal's sum must be that of its lines, or a person says that the lines hold: no bill is made of a deal where the two
//! differ, and nobody is asked about one where they agree.

use emulator_kontur_accounting::{Bill, CreatedBy};

use super::asked_for::asked_for;
use super::bills::{asks_as, made_by, read_from, true_since};
use super::deals::asks;
use super::{Evidence, deal_of};
use crate::own_invoices::worth;
use crate::remembered::{Deal, Version};

/// The question that stands before an invoice.
pub(super) const ASKED: &str = "DEAL-SUM-DIFFERS";

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let customs = &evidence.weather.customs;
    if customs.typists.is_none() && customs.line_rules().is_none() {
        return;
    }
    let owns = evidence.accounting.organizations.values();
    let firsts = owns.flat_map(|own| own.bill_versions.iter().filter_map(|all| all.first()));
    for bill in firsts.filter(|bill| bill.meta.created_by == CreatedBy::Api) {
        let deal = bill.comment.as_deref().and_then(deal_of);
        let known = deal.and_then(|deal| Some((deal, evidence.office.deals.get(&deal)?)));
        if let Some((deal, known)) = known {
            of_agreed(evidence, deal, known, bill, wrong);
        }
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
    let sent = made_by(evidence, deal, bill).into_iter();
    let last = sent.map(|(_, at)| at).max();
    let (Some(from), Some(sent)) = (read_from(evidence, deal, bill), last) else {
        return;
    };
    let holds = |version: &Version| {
        let told = sums(version);
        let mut said = known.by_lines.iter();
        said.any(|(at, typed, lines)| *at <= sent && (Some(*typed), *lines) == told)
    };
    let true_then = true_since(known, from).into_iter();
    let mut fitting = true_then.filter(|version| asks_as(bill, version));
    if !fitting.any(|version| agrees(version) || holds(version)) {
        let sums: Vec<(Option<i64>, i64)> = known.versions.iter().map(sums).collect();
        wrong.push(format!(
            "[sum] bill № {} of deal {deal} was made although its sum and that of its lines were {sums:?}",
            bill.number
        ));
    }
}
