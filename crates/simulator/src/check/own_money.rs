//! [I-7] Transfers between accounts of ours and what the bank charges are nobody's payment: told apart from all others,
//! whatever their words name, given to nothing at any time, and nobody is asked about them.

use std::collections::BTreeSet;

use domain::payment::PaymentKind;
use store::{ListedPayment, PaymentState};

use super::Evidence;
use crate::people::own_money::{CHARGE, TRANSFER};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if !evidence.weather.customs.own_money {
        return;
    }
    let given = evidence.ledger.of_bills().map(|one| one.payment);
    let given: BTreeSet<i64> = given.collect();
    for payment in &evidence.payments {
        let name = format!("payment {} ({})", payment.number, payment.order.purpose);
        let shall = kind_of(payment);
        let is = matches!(
            payment.kind,
            PaymentKind::OwnTransfer | PaymentKind::BankFee
        );
        if is != shall.is_some() || shall.is_some_and(|shall| shall != payment.kind) {
            wrong.push(format!(
                "[I-7] {name} is {:?}, and was {shall:?}",
                payment.kind
            ));
        }
        let is_aside = payment.state == PaymentState::Aside && !given.contains(&payment.number);
        if shall.is_some() && !is_aside {
            wrong.push(format!(
                "[I-7] {name} is {:?}, and is nobody's payment",
                payment.state
            ));
        }
    }
}

/// As the bank carried it out; none: it is somebody's.
fn kind_of(payment: &ListedPayment) -> Option<PaymentKind> {
    let purpose = &payment.order.purpose;
    if purpose.starts_with(TRANSFER) {
        Some(PaymentKind::OwnTransfer)
    } else if purpose.starts_with(CHARGE) {
        Some(PaymentKind::BankFee)
    } else {
        None
    }
}
