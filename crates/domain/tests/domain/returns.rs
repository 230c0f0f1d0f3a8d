//! Money that goes back to a buyer: what his payment has left, and what it gave.

use domain::ledger::{Ledger, LedgerError, Transaction, TransactionId};
use domain::payment::{Direction, PaymentKind};
use domain::{InvoiceId, Money};

use crate::ledger::{given, kopecks, ledger, paid_in, payment_id, share, today};

#[test]
fn an_advance_goes_back_and_the_invoice_keeps_what_it_got() {
    let mut ledger = ledger();
    ledger.record(paid_in(11, 1, 130)).unwrap();
    ledger.record(given(12, 1, &[share("a", 100)])).unwrap();
    let invoice = InvoiceId::new("a");
    assert_eq!(ledger.advance(&invoice), Some(kopecks(30)));
    let (kind, out) = (PaymentKind::RefundOut, Direction::Out);
    let refund = Transaction::payment(
        TransactionId(13),
        today(),
        payment_id(2),
        kind,
        out,
        kopecks(50),
    );
    ledger.record(refund.unwrap()).unwrap();
    let back = |id, amount| {
        let (id, amount) = (TransactionId(id), kopecks(amount));
        Transaction::advance_returned(id, today(), &payment_id(1), &payment_id(2), amount)
    };
    assert!(back(14, 0).is_none());
    let too_much = ledger.record(back(14, 31).unwrap());
    assert!(
        matches!(too_much, Err(LedgerError::MoreThanPayment { .. })),
        "{too_much:?}"
    );
    // The other way round it is no refund.
    let (one, two) = (payment_id(1), payment_id(2));
    let turned = Transaction::advance_returned(TransactionId(14), today(), &two, &one, kopecks(5));
    let turned = ledger.record(turned.unwrap());
    assert!(
        matches!(turned, Err(LedgerError::NotForInvoices(_))),
        "{turned:?}"
    );
    ledger.record(back(14, 30).unwrap()).unwrap();
    let left = |ledger: &Ledger| (ledger.left(&payment_id(1)), ledger.left(&payment_id(2)));
    assert_eq!(left(&ledger), (Money::ZERO, kopecks(-20)));
    assert_eq!(ledger.paid(&invoice), kopecks(100));
    assert_eq!(ledger.advance(&invoice), Some(Money::ZERO));
    // What is still to be taken off makes no other advance smaller.
    let rest = [share("a", 15)];
    let rest = Transaction::allocation(
        TransactionId(15),
        today(),
        &payment_id(2),
        Direction::Out,
        &rest,
    );
    ledger.record(rest.unwrap()).unwrap();
    assert_eq!(left(&ledger), (Money::ZERO, kopecks(-5)));
    assert_eq!(ledger.advance(&invoice), Some(Money::ZERO));
    let undone = ledger
        .transactions()
        .find(|one| one.id == TransactionId(14));
    let undone = undone
        .unwrap()
        .undone(TransactionId(16), today(), None, String::new());
    ledger.record(undone.unwrap()).unwrap();
    assert_eq!(left(&ledger), (kopecks(30), kopecks(-35)));
}
