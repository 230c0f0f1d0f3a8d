//! Until when a bill is to be paid is what its deal named when it was read, where policy reads that and the day is not over, else the
//! days that policy has, for its buyer or for everybody; until when the offer holds likewise. Both stay as they were at the issue.

use emulator_kontur_accounting::Bill;
use jiff::civil::Date;
use serde_json::Value;

use super::bills::{asked_by, ours, read_from};
use super::{Evidence, deal_of, slot_of};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some(terms) = &evidence.weather.customs.terms else {
        return;
    };
    for (deal, known, bill) in ours(evidence) {
        let Some(from) = read_from(evidence, deal, bill) else {
            continue;
        };
        let (due, valid): (Vec<Option<Date>>, Vec<Option<Date>>) = asked_by(bill, known, from)
            .into_iter()
            .map(|version| {
                let (buyer, named) = (version.buyer, version.pay_until);
                let due = terms.due(bill.date, buyer, named);
                (due, terms.valid(bill.date, buyer, named))
            })
            .unzip();
        let offered = offered_until(evidence, deal, bill);
        if !valid.is_empty() && !valid.contains(&offered) {
            wrong.push(format!(
                "[terms] bill № {} of {} of deal {deal} holds until {offered:?}, not {valid:?}",
                bill.number, bill.date
            ));
        }
        if !due.is_empty() && !due.contains(&bill.payment_due_date) {
            wrong.push(format!(
                "[terms] bill № {} of {} of deal {deal} is to be paid until {:?}, not {due:?}",
                bill.number, bill.date, bill.payment_due_date
            ));
        }
    }
}

/// The last day of the offer that a bill's paper was to name.
fn offered_until(evidence: &Evidence<'_>, deal: i64, bill: &Bill) -> Option<Date> {
    let slot = bill.comment.as_deref().and_then(slot_of);
    let mut effects = evidence.known.effects.iter();
    let effect = effects
        .rfind(|effect| deal_of(&effect.key) == Some(deal) && slot_of(&effect.key) == slot)?;
    let day = effect.request.pointer("/draft/valid_until");
    day.and_then(Value::as_str)?.parse().ok()
}
