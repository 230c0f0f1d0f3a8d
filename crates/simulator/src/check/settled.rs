//! A deal that came into the invoice stage is billed only once its funnel's settling time has passed without anybody taking it
//! back. That one which stays is billed is judged with all other deals.

use jiff::{SignedDuration, Timestamp};

use super::bills::{first_of, made_by, read_from};
use super::{Evidence, since_when, stages};

/// The portal keeps whole seconds.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some(drags) = &evidence.weather.customs.drags else {
        return;
    };
    for (id, deal) in &evidence.office.deals {
        // A person's order waits for nothing.
        if deal.ordered {
            continue;
        }
        let Some(bill) = first_of(evidence, *id) else {
            continue;
        };
        let sent = made_by(evidence, *id, bill).into_iter();
        let Some(at) = sent.map(|(_, at)| at).min() else {
            continue;
        };
        let from = read_from(evidence, *id, bill).unwrap_or(at);
        let history = stages(&evidence.portal, *id);
        let settle = SignedDuration::from_secs(drags.settle_of(deal.funnel).into());
        // What the portal may have told: how it stood when it was asked, and each change until the bill was sent.
        let changes = history.iter().map(|(moved, _)| *moved);
        let mut told: Vec<Timestamp> = changes
            .filter(|moved| *moved > from && *moved <= at)
            .collect();
        told.push(from);
        let settled = |since: Timestamp| at.duration_since(since) >= settle - SECOND;
        let is_settled = told.iter().any(|until| {
            let known: Vec<(Timestamp, String)> = history
                .iter()
                .filter(|(moved, _)| moved <= until)
                .cloned()
                .collect();
            let orders = &evidence.office.orders;
            let is_before = |stage: &str, at| orders.is_before_invoice(stage, at);
            since_when(&known, is_before, |_| true).is_some_and(settled)
        });
        if !is_settled {
            wrong.push(format!(
                "[settled] bill № {} of deal {id} was sent at {at}, less than {settle:#} after the deal had come to stay: {history:?}",
                bill.number
            ));
        }
    }
}
