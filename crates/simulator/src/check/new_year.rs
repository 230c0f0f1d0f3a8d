//! A year that ends within the day: each bill is dated by the day on which it was made, and one that is still to be paid when its
//! rate ends is asked about, once, unless somebody leaves it.

use std::sync::Arc;

use emulator_kontur_accounting::{Bill, CreatedBy};

use super::bills::{firsts, made_between};
use super::deals::{asks, is_bill_of};
use super::{Evidence, deal_of};
use crate::bank::today;
use crate::new_year::Ends;
use crate::remembered::{Deal, Version};

const ASKED: &str = "INVOICE-RATE-ENDED";
const LAST_YEAR: i16 = 2025;
/// What was right until then, by law or for whom was exempt.
const ENDED: [&str; 2] = ["nds20", "withoutNds"];

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some(new_year) = evidence.weather.customs.new_year else {
        return;
    };
    dated(evidence, wrong);
    if new_year.ends != Ends::Nothing {
        for (id, deal) in &evidence.office.deals {
            ended(evidence, *id, deal, wrong);
        }
    }
}

/// Whether the year that has begun lets every line be billed.
pub(super) fn is_lawful(evidence: &Evidence<'_>, version: &Version) -> bool {
    let new_year = evidence.weather.customs.new_year;
    new_year.is_none_or(|new_year| {
        let mut lines = version.lines.iter();
        lines.all(|line| new_year.is_lawful_after(&line.vat))
    })
}

fn dated(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for bill in firsts(evidence).filter(|bill| bill.meta.created_by == CreatedBy::Api) {
        let Some(deal) = bill.comment.as_deref().and_then(deal_of) else {
            continue;
        };
        let Some((from, sent)) = made_between(evidence, deal, bill) else {
            continue;
        };
        if bill.date != today(from) && bill.date != today(sent) {
            wrong.push(format!(
                "[year] bill № {} of deal {deal} is dated {}, and was made between {from} and {sent}",
                bill.number, bill.date
            ));
        }
    }
}

fn ended(evidence: &Evidence<'_>, id: i64, deal: &Deal, wrong: &mut Vec<String>) {
    let is_asked = asks(evidence, id, &[ASKED]);
    let of_deal = |bill: &&Vec<Arc<Bill>>| {
        let first = bill.first();
        first.is_some_and(|first| is_bill_of(evidence, first, id))
    };
    let owns = evidence.accounting.organizations.values();
    let histories = owns.flat_map(|own| &own.bill_versions).filter(of_deal);
    let histories: Vec<&Vec<Arc<Bill>>> = histories.collect();
    let is_old = |history: &&&Vec<Arc<Bill>>| {
        let first = history.first();
        first.is_some_and(|first| {
            let mut items = first.items.iter();
            first.date.year() == LAST_YEAR
                && items.any(|item| ENDED.contains(&item.nds_rate.name()))
        })
    };
    let old: Vec<&&Vec<Arc<Bill>>> = histories.iter().filter(is_old).collect();
    if is_asked && old.is_empty() {
        wrong.push(format!(
            "[year] deal {id} is asked about the end of a rate that it has no bill of"
        ));
    }
    // Whoever wants another in its place is not asked about this one; and nobody judges what the accountant made of it.
    let is_judged = deal.replaced.is_empty() && !deal.deleted && !deal.rate_left;
    let stands = |history: &&&Vec<Arc<Bill>>| {
        history.len() == 1 && history.first().is_some_and(|bill| bill.is_live())
    };
    if is_judged && !is_asked && old.into_iter().any(|history| stands(&history)) {
        wrong.push(format!(
            "[year] deal {id} has a bill whose rate ended before it was paid, and nobody is asked"
        ));
    }
}
