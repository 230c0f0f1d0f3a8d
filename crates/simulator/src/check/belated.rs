//! [R5] A bill that lands after the accounting side's promise has passed: its deal may have another by then. Both stand until a
//! person takes one back, somebody is asked, and nothing more is made for the deal.

use std::collections::BTreeMap;
use std::sync::Arc;

use emulator_kontur_accounting::{Bill, CreatedBy};

use super::deals::asks;
use super::{Evidence, deal_of, slot_of};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for id in evidence.office.deals.keys() {
        let bills = of_slots(evidence, *id);
        let is_asked = asks(evidence, *id, &["INVOICE-TWIN", "OUTCOME-UNKNOWN"]);
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
