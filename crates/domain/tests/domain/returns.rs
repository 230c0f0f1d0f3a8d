//! Money that goes another way than from one payment to its invoices: back to a buyer, and from many buyers in one credit.

use domain::ledger::{Ledger, LedgerError, Transaction, TransactionId};
use domain::matching::Share;
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

#[test]
fn a_credit_of_many_sales_closes_with_its_commission_and_is_taken_back_whole() {
    let mut ledger = ledger();
    let register = PaymentKind::Register;
    let credit = Transaction::payment(
        TransactionId(11),
        today(),
        payment_id(1),
        register,
        Direction::In,
        kopecks(107),
    );
    ledger.record(credit.unwrap()).unwrap();
    let split = |commission, shares: &[Share]| {
        let (id, commission) = (TransactionId(12), kopecks(commission));
        Transaction::split(id, today(), &payment_id(1), commission, shares)
    };
    assert!(split(-1, &[share("a", 10)]).is_none());
    assert!(split(10, &[share("a", 10)]).is_none(), "nothing came");
    assert!(split(0, &[share("a", 10), share("b", 0)]).is_none());
    let too_much = ledger.record(split(2, &[share("a", 110)]).unwrap());
    assert!(
        matches!(too_much, Err(LedgerError::MoreThanPayment { .. })),
        "{too_much:?}"
    );
    let transaction = split(3, &[share("a", 60), share("b", 40)]).unwrap();
    assert!(transaction.closes());
    let (a, b) = (InvoiceId::new("a"), InvoiceId::new("b"));
    let of_one = transaction
        .undone_of(&a, TransactionId(13), today(), None, String::new())
        .unwrap();
    let part = Transaction {
        entries: of_one.entries[..2].to_vec(),
        ..of_one.clone()
    };
    ledger.record(transaction).unwrap();
    let figures = |ledger: &Ledger| {
        let sums = [
            ledger.paid(&a),
            ledger.paid(&b),
            ledger.left(&payment_id(1)),
        ];
        sums.map(Money::kopecks)
    };
    assert_eq!(figures(&ledger), [60, 40, 10]);
    assert_eq!(
        ledger.advance(&a),
        Some(Money::ZERO),
        "what is left is of other sales"
    );
    let refused = ledger.record(part);
    assert!(refused.is_err(), "the commission belongs to all of them");
    ledger.record(of_one.clone()).unwrap();
    assert_eq!(figures(&ledger), [0, 0, 107]);
    let again = Transaction {
        id: TransactionId(14),
        ..of_one
    };
    assert!(matches!(
        ledger.record(again),
        Err(LedgerError::UndoneAlready(_))
    ));
}
