//! A copied deal bears the fields of the one it was copied from: a number that is not its own, money that it never had, a
//! day that was promised for the other. Our fields are output only, so they are cleared before anything else is done:
//! what the copy waits for may take days.
//!
//! A number that no other deal of ours has is left: after a restore our records may have forgotten an invoice that the
//! deal rightly shows. A template of recurring deals is copied with all its fields as well; it is no deal, and
//! nothing is written to it: what the portal makes of it is a copy like any other.

use domain::observed::{DealGlance, FieldValue, OurField};
use jiff::Timestamp;

use crate::showing::{is_not_kept, shown};
use crate::{Action, DealSnapshot, Need, Plan, Policy};

const OURS: [OurField; 8] = [
    OurField::Number,
    OurField::Date,
    OurField::Sum,
    OurField::Status,
    OurField::Link,
    OurField::Paid,
    OurField::PaidOn,
    OurField::Promise,
];

/// What becomes of a deal without an invoice of its own; `otherwise` where it shows none either.
pub(crate) fn plan(
    snapshot: &DealSnapshot,
    mut otherwise: Plan,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let Some(glance) = snapshot.glance() else {
        return otherwise;
    };
    let number = glance.fields.number.as_deref().unwrap_or_default().trim();
    let is_subject = policy.funnel(glance.deal.funnel).is_some() && !glance.deal.template;
    if number.is_empty() || !is_subject || !snapshot.invoices.is_empty() {
        return otherwise;
    }
    match snapshot.is_of_another {
        None => {
            // Our own records tell, beside what is read anyway.
            let origin = Need::Origin(number.to_owned());
            if otherwise.needs.is_empty() {
                return Plan::need(origin);
            }
            otherwise.needs.push(origin);
            otherwise
        }
        Some(false) => otherwise,
        // A robot that fills the number again and again keeps the copy a copy for ever.
        Some(true) if is_not_kept(snapshot, OurField::Number, &FieldValue::Empty, now) => otherwise,
        Some(true) => match emptied(snapshot, glance, policy, now) {
            None => otherwise,
            Some(fields) => Plan::act(
                Action::WriteFields { fields },
                format!("сделка скопирована: в полях счёт № {number} другой сделки, они очищены"),
            ),
        },
    }
}

/// Those of the fields that show something, emptied; none: none does.
fn emptied(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    policy: &Policy,
    now: Timestamp,
) -> Option<Vec<(OurField, FieldValue)>> {
    let fields: Vec<(OurField, FieldValue)> = OURS
        .into_iter()
        .filter(|field| policy.fields.contains_key(field))
        .filter(|field| shown(glance, *field) != FieldValue::Empty)
        .map(|field| (field, FieldValue::Empty))
        // A robot that fills it again and again is left to its own.
        .filter(|(field, empty)| !is_not_kept(snapshot, *field, empty, now))
        .collect();
    (!fields.is_empty()).then_some(fields)
}
