//! Copied deals: one that bore the invoice of another and has none itself shows nothing of it any more, whatever it waits for,
//! and the journal says why. One that has its own shows that, which is judged with all other deals.

use std::sync::Arc;

use emulator_bitrix24::What;
use emulator_kontur_accounting::Bill;
use serde_json::Value;

use super::deals::{asks, is_bill_of};
use super::{Evidence, deal_of};
use crate::offices::office;

/// The fields that say something of an invoice, but for its state, which robots write as well.
const SHOWN: [&str; 5] = [
    office::NUMBER,
    office::DATE,
    office::SUM,
    office::PAID,
    office::PAID_ON,
];

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for (id, deal) in &evidence.office.deals {
        let is_copy = deal.copied_from.is_some() && !deal.deleted;
        // A template keeps what it shows.
        if is_copy && !deal.scribbled && !deal.is_template() {
            of_another(evidence, *id, wrong);
        }
    }
}

fn of_another(evidence: &Evidence<'_>, id: i64, wrong: &mut Vec<String>) {
    let bills: Vec<&Arc<Bill>> = evidence.accounting.bills().collect();
    if bills.iter().any(|bill| is_bill_of(evidence, bill, id)) {
        return;
    }
    let bore = borne(evidence, id);
    let is_of_another = |number: &str| {
        let of = |bill: &Arc<Bill>| {
            let deal = bill.comment.as_deref().and_then(deal_of);
            bill.number == number && deal.is_some_and(|deal| deal != id)
        };
        bills.iter().any(|bill| of(bill))
    };
    // What a person typed into the other deal is nobody's invoice.
    if !is_of_another(&bore) || asks(evidence, id, &["FIELD-NOT-KEPT"]) {
        return;
    }
    let robots = evidence.weather.field_robot.is_some();
    // A deal that waits for the accountant says so.
    let waits = asks(evidence, id, &["COUNTERPARTY-NEW"]);
    let state = (!robots && !waits).then_some(office::STATUS);
    for name in SHOWN.into_iter().chain(state) {
        let shown = evidence.office.portal.deal_field(id, name);
        if !shown.split('|').next().unwrap_or_default().is_empty() {
            wrong.push(format!(
                "[copied] deal {id} is a copy without an invoice and shows `{shown}` in {name}"
            ));
        }
    }
    let subject = format!("deal/{id}");
    let is_said = evidence.journal.lines.iter().any(|line| {
        let reasons = line.body.get("because").and_then(Value::as_array);
        let mut reasons = reasons.into_iter().flatten().filter_map(Value::as_str);
        line.subject.as_deref() == Some(&*subject)
            && reasons.any(|reason| reason.contains("скопирована") && reason.contains(&bore))
    });
    if !is_said {
        wrong.push(format!(
            "[copied] deal {id} bore № {bore} of another, and the journal does not say what became of it"
        ));
    }
}

/// The number that a deal bore when it was made.
fn borne(evidence: &Evidence<'_>, id: i64) -> String {
    let made = evidence.portal.writes_to("deal", id).next();
    let after = made.and_then(|entry| match &entry.what {
        What::Write { after, .. } => after.as_ref(),
        _ => None,
    });
    let number = after.and_then(|after| after.get(office::NUMBER));
    let number = number.and_then(Value::as_str);
    number.unwrap_or_default().to_owned()
}
