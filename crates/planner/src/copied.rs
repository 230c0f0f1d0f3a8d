//! A copied deal bears the fields of the one it was copied from: a number that is not its own. Our fields are output
//! only, so they are cleared; a copy that wants an invoice of its own gets it, and its fields are written over: but for
//! what was promised for the other, which is cleared before.
//!
//! A number that no other deal of ours has is left: after a restore our records may have forgotten an invoice that the
//! deal rightly shows.

use domain::observed::{DealGlance, FieldValue, OurField};
use jiff::Timestamp;

use crate::showing::{is_not_kept, shown};
use crate::{Action, DealSnapshot, Need, Plan, Policy};

const OURS: [OurField; 6] = [
    OurField::Number,
    OurField::Date,
    OurField::Sum,
    OurField::Status,
    OurField::Link,
    // What was promised was promised for the other.
    OurField::Promise,
];

/// What becomes of a deal without an invoice of its own; `otherwise` where it shows none either.
pub(crate) fn plan(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    otherwise: Plan,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let number = glance.fields.number.as_deref().unwrap_or_default().trim();
    let is_followed = policy.funnel(glance.deal.funnel).is_some();
    if number.is_empty() || !is_followed || !snapshot.invoices.is_empty() {
        return otherwise;
    }
    match snapshot.is_of_another {
        None => Plan::need(Need::Origin(number.to_owned())),
        Some(false) => otherwise,
        Some(true) => cleared(snapshot, glance, number, otherwise, policy, now),
    }
}

/// What comes before the invoice of a copy: the day that was promised for the other deal's invoice is not its own. None:
/// there is no such day.
pub(crate) fn before_its_own(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    policy: &Policy,
    now: Timestamp,
) -> Option<Plan> {
    let number = glance.fields.number.as_deref().unwrap_or_default().trim();
    let is_promised = policy.fields.contains_key(&OurField::Promise)
        && shown(glance, OurField::Promise) != FieldValue::Empty;
    if number.is_empty() || !is_promised || !snapshot.invoices.is_empty() {
        return None;
    }
    match snapshot.is_of_another {
        None => Some(Plan::need(Need::Origin(number.to_owned()))),
        Some(false) => None,
        Some(true) => emptied(snapshot, glance, &[OurField::Promise], policy, now)
            .map(|fields| written(number, fields, Plan::default())),
    }
}

fn cleared(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    number: &str,
    otherwise: Plan,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    match emptied(snapshot, glance, &OURS, policy, now) {
        None => otherwise,
        Some(fields) => written(number, fields, otherwise),
    }
}

/// Those of the fields that show something, emptied; none: none does.
fn emptied(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    ours: &[OurField],
    policy: &Policy,
    now: Timestamp,
) -> Option<Vec<(OurField, FieldValue)>> {
    let fields: Vec<(OurField, FieldValue)> = ours
        .iter()
        .copied()
        .filter(|field| policy.fields.contains_key(field))
        .filter(|field| shown(glance, *field) != FieldValue::Empty)
        .map(|field| (field, FieldValue::Empty))
        // A robot that fills it again and again is left to its own.
        .filter(|(field, empty)| !is_not_kept(snapshot, *field, empty, now))
        .collect();
    (!fields.is_empty()).then_some(fields)
}

fn written(number: &str, fields: Vec<(OurField, FieldValue)>, otherwise: Plan) -> Plan {
    Plan {
        actions: vec![Action::WriteFields { fields }],
        because: vec![format!(
            "сделка скопирована: в полях счёт № {number} другой сделки, они очищены"
        )],
        ..otherwise
    }
}
