//! Until when a bill is to be paid is what its deal named when it was read, where policy reads that and the day is not over, else the
//! days that policy has; until when the offer holds likewise. Both stay as they were at the issue.

use emulator_kontur_accounting::{Bill, CreatedBy};
use jiff::civil::Date;
use serde_json::Value;

use super::bills::{asks_as, read_from, true_since};
use super::{Evidence, deal_of, slot_of};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some(terms) = &evidence.weather.customs.terms else {
        return;
    };
    let owns = evidence.accounting.organizations.values();
    let firsts = owns.flat_map(|own| own.bill_versions.iter().filter_map(|all| all.first()));
    for bill in firsts.filter(|bill| bill.meta.created_by == CreatedBy::Api) {
        let deal = bill.comment.as_deref().and_then(deal_of);
        let known = deal.and_then(|deal| Some((deal, evidence.office.deals.get(&deal)?)));
        let Some((deal, known)) = known else {
            continue;
        };
        let (offered, valid) = (offered_until(evidence, deal, bill), terms.valid(bill.date));
        if offered != valid {
            wrong.push(format!(
                "[terms] bill № {} of {} of deal {deal} holds until {offered:?}, not {valid:?}",
                bill.number, bill.date
            ));
        }
        let Some(from) = read_from(evidence, deal, bill) else {
            continue;
        };
        let asked = true_since(known, from).into_iter();
        let asked = asked.filter(|version| asks_as(bill, version));
        let due: Vec<Option<Date>> = asked
            .map(|version| terms.due(bill.date, version.pay_until))
            .collect();
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
