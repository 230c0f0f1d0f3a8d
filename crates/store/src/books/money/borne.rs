//! Whether a payment and invoices bear what would be given: never more than is left of it, nor than is open of them.

use std::collections::BTreeMap;

use domain::Money;
use jiff::civil::Date;

use super::{
    InvoiceRef,
    ledger::{Balance, BookedShare, Standing},
};

/// Whether these are open to what came on that day: what accounting counted before an invoice was a deal's is not.
pub(super) fn are_open_to(
    shares: &[BookedShare],
    came: Date,
    invoices: &BTreeMap<InvoiceRef, Balance>,
) -> bool {
    let mut of_invoice: BTreeMap<&InvoiceRef, i64> = BTreeMap::new();
    for share in shares {
        let sum = of_invoice.entry(&share.invoice).or_default();
        *sum = sum.saturating_add(share.amount.kopecks());
    }
    of_invoice.into_iter().all(|(invoice, sum)| {
        let known = invoices.get(invoice);
        known.is_none_or(|one| sum <= one.counted.open_to(one.open, came).kopecks())
    })
}

/// What is left of the payment, if it may be given so.
pub(super) fn rest_after(
    payment: &Standing,
    shares: &[BookedShare],
    invoices: &BTreeMap<InvoiceRef, Balance>,
) -> Option<Money> {
    if !payment.is_for_invoices() || shares.is_empty() {
        return None;
    }
    let mut of_invoice: BTreeMap<&InvoiceRef, Money> = BTreeMap::new();
    let mut rest = payment.remaining;
    for share in shares {
        if !share.amount.is_positive() {
            return None;
        }
        rest = rest.checked_sub(share.amount)?;
        let sum = of_invoice.entry(&share.invoice).or_default();
        *sum = sum.checked_add(share.amount)?;
    }
    let fits = |(invoice, sum): (&&InvoiceRef, &Money)| {
        invoices
            .get(*invoice)
            .is_some_and(|known| *sum <= known.open)
    };
    (!rest.is_negative() && of_invoice.iter().all(fits)).then_some(rest)
}
