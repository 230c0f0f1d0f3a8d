//! Bills by hand that were taken over: each for its own deal, once, and from then on the deal's invoice: no other is made
//! beside it, and the deal shows it. A dry run links nothing.

use std::collections::{BTreeMap, BTreeSet};

use emulator_kontur_accounting::Bill;

use super::Evidence;

/// The deal that took a bill over.
pub(super) fn adopted_by(evidence: &Evidence<'_>, bill: &Bill) -> Option<i64> {
    let id = bill.meta.id.to_string();
    let mut taken = evidence.adopted.iter().filter(|one| one.applied);
    taken
        .find(|one| one.bill.as_deref() == Some(id.as_str()))
        .map(|one| one.deal)
}

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let mut deals: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    let mut times: BTreeMap<(i64, &str), usize> = BTreeMap::new();
    for one in &evidence.adopted {
        let Some(bill) = one.bill.as_deref() else {
            continue;
        };
        let mut by_hand = evidence.office.by_hand.iter();
        if !by_hand.any(|(deal, id)| *deal == one.deal && id.to_string() == bill) {
            wrong.push(format!(
                "[adopted] bill {bill} was never made for deal {}: {one:?}",
                one.deal
            ));
        }
        if one.applied {
            deals.entry(bill).or_default().insert(one.deal);
            *times.entry((one.deal, bill)).or_default() += 1;
        }
    }
    for (bill, deals) in deals.iter().filter(|(_, deals)| deals.len() > 1) {
        wrong.push(format!("[adopted] bill {bill} was linked to {deals:?}"));
    }
    for ((deal, bill), count) in times {
        if count > 1 {
            wrong.push(format!(
                "[adopted] deal {deal} was linked to bill {bill} {count} times"
            ));
        }
    }
}
