//! A deal is billed by the order that the stages of its funnel had when it was moved: not once it was taken back by that, and
//! all the same where only a later order says so. That one which came to stay is billed is judged with all other deals.

use jiff::Timestamp;

use super::bills::{first_of, made_between, ours};
use super::{Evidence, since_when, stages};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.reorders.is_none() {
        return;
    }
    let orders = &evidence.office.orders;
    for (deal, known, bill) in ours(evidence) {
        let first = first_of(evidence, deal);
        let is_first = first.is_some_and(|first| first.meta.id == bill.meta.id);
        if known.ordered || !is_first {
            continue;
        }
        let Some((from, sent)) = made_between(evidence, deal, bill) else {
            continue;
        };
        let history = stages(&evidence.portal, deal);
        // How it stood when it was asked, and after each change until the bill was sent.
        let changes = history.iter().map(|(moved, _)| *moved);
        let mut moments: Vec<Timestamp> = changes
            .filter(|moved| *moved > from && *moved <= sent)
            .collect();
        moments.push(from);
        let wanted = moments.iter().any(|until| {
            let then = history.iter().filter(|(moved, _)| moved <= until);
            let then: Vec<(Timestamp, String)> = then.cloned().collect();
            let is_before = |stage: &str, at| orders.is_before_invoice(stage, at);
            since_when(&then, is_before, |_| true).is_some()
        });
        if !wanted {
            wrong.push(format!(
                "[orders] bill № {} of deal {deal} was made at {sent} after the deal was taken back: {history:?}, {orders:?}",
                bill.number
            ));
        }
    }
}
