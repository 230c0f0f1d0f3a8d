//! [I-4] Money of a deal that is lost is asked about, and no other: until the deal lives, the money is gone, or a
//! person left it as it is. What comes later is asked about anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::Money;
use emulator_kontur_accounting::Bill;

use super::deals::{BEFORE_ISSUE, asks, is_bill_of, is_later, waits_for_another};
use super::{Evidence, belated, money, production, restored, stages};
use crate::evidence::records::Entry;
use crate::offices::office::LOST;
use crate::people::remembered::Deal;

/// The question to whoever answers for the deal.
const ASKED: &str = "PAYMENT-DEAL-LOST";

/// What stands before it: the deal cannot be looked at to its end.
const FIRST: [&str; 8] = [
    "BUYER-HIDDEN",
    "DEAL-HIDDEN",
    "DEAL-SMART-INVOICE",
    "INVOICE-TWIN",
    "OUTCOME-UNKNOWN",
    "SELLER-HIDDEN",
    "SUBJECT-SET-ASIDE",
    "TRIED-TOO-OFTEN",
];

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    // A backup knows no answer that was given since.
    if !evidence.weather.bank || evidence.restored.is_some() {
        return;
    }
    let given = money::given(evidence);
    for (id, deal) in &evidence.office.deals {
        let bills = evidence.accounting.bills();
        let bills = bills.filter(|bill| is_bill_of(evidence, bill, *id));
        let bills: Vec<&Arc<Bill>> = bills.collect();
        if is_seen_to_its_end(evidence, *id, deal, &bills) {
            one(evidence, *id, deal, (&bills, &given), wrong);
        }
    }
}

/// Whether nothing else is to be done first for a deal, and none of its bills gave its place to another.
pub(super) fn is_seen_to_its_end(
    evidence: &Evidence<'_>,
    id: i64,
    deal: &Deal,
    bills: &[&Arc<Bill>],
) -> bool {
    let is_replaced = |bill: &&Arc<Bill>| bills.iter().any(|other| is_later(other, bill));
    let is_old = restored::is_forgotten(evidence, id) || belated::is_met(evidence, id);
    let is_followed = !deal.deleted && production::is_closed(evidence, id).is_none();
    is_followed
        && !is_old
        && !bills.iter().any(is_replaced)
        && !waits_for_another(evidence, id, deal)
        && !asks(evidence, id, &FIRST)
        && !asks(evidence, id, &BEFORE_ISSUE)
}

fn one(
    evidence: &Evidence<'_>,
    id: i64,
    deal: &Deal,
    (bills, given): (&[&Arc<Bill>], &BTreeMap<String, Money>),
    wrong: &mut Vec<String>,
) {
    let standing = bills.iter().filter(|bill| bill.is_live());
    let standing: Vec<String> = standing.map(|bill| bill.meta.id.to_string()).collect();
    let got = standing.iter().filter_map(|bill| given.get(bill));
    let got: i64 = got.map(|sum| sum.kopecks()).sum();
    let history = stages(&evidence.portal, id);
    let is_lost = history.last().is_some_and(|(_, stage)| stage == LOST);
    let last = last_sum(evidence, &standing);
    let is_left = last.is_some_and(|last| deal.lost_left.contains(&last));
    let shall = is_lost && got > 0 && last.is_some() && !is_left;
    let is = asks(evidence, id, &[ASKED]);
    if is != shall {
        wrong.push(format!(
            "[I-4] deal {id} (lost: {is_lost}) got {got} kopecks, last by {last:?}; left was {:?}, asked is {is}",
            deal.lost_left
        ));
    }
}

/// The last transaction that gave these bills something, of those that nobody took back.
fn last_sum(evidence: &Evidence<'_>, bills: &[String]) -> Option<i64> {
    let entries = evidence.ledger.of_bills().filter_map(|one| {
        let bill = one.bill.as_ref().filter(|bill| bills.contains(bill))?;
        Some((one, bill))
    });
    let entries: Vec<(&Entry, &String)> = entries.collect();
    let undone = entries.iter();
    let undone = undone.filter_map(|(one, bill)| Some((one.undoes?, *bill)));
    let undone: BTreeSet<(i64, &String)> = undone.collect();
    let gave = entries.iter().filter(|(one, bill)| {
        let is_taken_back = undone.contains(&(one.transaction, *bill));
        one.kopecks > 0 && one.undoes.is_none() && !is_taken_back
    });
    gave.map(|(one, _)| one.transaction).max()
}
