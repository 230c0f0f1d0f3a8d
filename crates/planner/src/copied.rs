//! A copied deal bears the fields of the one it was copied from: a number that is not its own. Our fields are output
//! only, so they are cleared; a copy that wants an invoice of its own gets it, and its fields are written over.
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

fn cleared(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    number: &str,
    otherwise: Plan,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let fields: Vec<(OurField, FieldValue)> = OURS
        .into_iter()
        .filter(|field| policy.fields.contains_key(field))
        .filter(|field| shown(glance, *field) != FieldValue::Empty)
        .map(|field| (field, FieldValue::Empty))
        // A robot that fills it again and again is left to its own.
        .filter(|(field, empty)| !is_not_kept(snapshot, *field, empty, now))
        .collect();
    if fields.is_empty() {
        return otherwise;
    }
    Plan {
        actions: vec![Action::WriteFields { fields }],
        because: vec![format!(
            "сделка скопирована: в полях счёт № {number} другой сделки, они очищены"
        )],
        ..otherwise
    }
}
