//! [I-4] Where a person gave an invoice up, another takes its place if the deal still wants one.

use super::deals::{asks, is_bill_of, is_complete};
use super::requisites::has_contract;
use super::{Evidence, is_wanted, sellers, typed};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for deal in evidence.given_up {
        let id = i64::try_from(deal.get()).unwrap_or(i64::MAX);
        let Some(known) = evidence.office.deals.get(&id) else {
            continue;
        };
        let complete = known.versions.last().is_some_and(|last| {
            is_complete(evidence, last)
                && has_contract(evidence, known)
                && sellers::is_clear(evidence, id, last)
        });
        let waits = asks(
            evidence,
            id,
            &["COUNTERPARTY-AMBIGUOUS", "COUNTERPARTY-NEW", typed::ASKED],
        );
        let wanted = is_wanted(evidence, id) && !known.deleted;
        if wanted && complete && !waits && created(evidence, id) < 2 {
            wrong.push(format!(
                "[I-4] the invoice of deal {deal} was given up, and none took its place"
            ));
        }
    }
}

fn created(evidence: &Evidence<'_>, deal: i64) -> usize {
    let bills = evidence.accounting.bills();
    bills
        .filter(|bill| is_bill_of(evidence, bill, deal))
        .count()
}
