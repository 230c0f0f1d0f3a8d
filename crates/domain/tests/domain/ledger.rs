//! The ledger: nothing is made or lost, nothing is given twice, and mistakes are undone by saying the opposite.

use domain::ledger::{
    Ledger, LedgerError, Life, OverdueCount, PaidState, Place, Settlement, SettlementKind,
    Standing, Transaction, TransactionId, TransactionKind, overdue_days, overdue_on,
};
use domain::matching::Share;
use domain::payment::{Direction, PaymentId, PaymentKey, PaymentKind};
use domain::{InvoiceId, Money};
use jiff::civil::{Date, date};
use proptest::prelude::*;

use crate::payments::order;

pub(crate) fn today() -> Date {
    date(2026, 3, 12)
}

pub(crate) fn payment_id(nth: u32) -> PaymentId {
    PaymentId {
        key: PaymentKey::of(&order("1", 100, "")),
        nth,
    }
}

pub(crate) fn kopecks(amount: i64) -> Money {
    Money::from_kopecks(amount)
}

pub(crate) fn share(invoice: &str, amount: i64) -> Share {
    Share {
        invoice: InvoiceId::new(invoice),
        amount: kopecks(amount),
    }
}

pub(crate) fn paid_in(id: u64, nth: u32, amount: i64) -> Transaction {
    let (kind, way) = (PaymentKind::Incoming, Direction::In);
    Transaction::payment(
        TransactionId(id),
        today(),
        payment_id(nth),
        kind,
        way,
        kopecks(amount),
    )
    .unwrap()
}

pub(crate) fn given(id: u64, nth: u32, shares: &[Share]) -> Transaction {
    Transaction::allocation(
        TransactionId(id),
        today(),
        &payment_id(nth),
        Direction::In,
        shares,
    )
    .unwrap()
}

/// Invoices `a` of 1000 and `b` of 500, a payment of 1200.
pub(crate) fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.set_total(InvoiceId::new("a"), kopecks(1_000));
    ledger.set_total(InvoiceId::new("b"), kopecks(500));
    ledger.record(paid_in(1, 0, 1_200)).unwrap();
    ledger
}

fn figures(ledger: &Ledger) -> (i64, i64, i64) {
    let open = |invoice: &str| ledger.open(&InvoiceId::new(invoice)).kopecks();
    (ledger.left(&payment_id(0)).kopecks(), open("a"), open("b"))
}

#[test]
fn a_payment_is_given_to_invoices_and_the_rest_stays_an_advance() {
    let mut ledger = ledger();
    assert_eq!(figures(&ledger), (1_200, 1_000, 500));
    ledger
        .record(given(2, 0, &[share("a", 1_000), share("b", 150)]))
        .unwrap();
    assert_eq!(figures(&ledger), (50, 0, 350));
    assert_eq!(ledger.advance(&InvoiceId::new("a")), Some(kopecks(50)));
}

#[test]
fn nothing_is_given_beyond_the_payment_or_the_invoice() {
    let invoice = |text: &str| InvoiceId::new(text);
    let table = [
        (
            vec![share("a", 1_001)],
            LedgerError::MoreThanInvoice {
                invoice: invoice("a"),
                open: kopecks(1_000),
            },
        ),
        (
            vec![share("a", 600), share("a", 401)],
            LedgerError::MoreThanInvoice {
                invoice: invoice("a"),
                open: kopecks(1_000),
            },
        ),
        (
            vec![share("a", 1_000), share("b", 201)],
            LedgerError::MoreThanPayment {
                payment: payment_id(0),
                left: kopecks(1_200),
            },
        ),
        (
            vec![share("c", 1)],
            LedgerError::InvoiceUnknown(invoice("c")),
        ),
    ];
    for (shares, expected) in table {
        let mut ledger = ledger();
        assert_eq!(ledger.record(given(2, 0, &shares)), Err(expected));
        assert_eq!(
            figures(&ledger),
            (1_200, 1_000, 500),
            "nothing of it is recorded"
        );
    }
    let mut ledger = ledger();
    assert_eq!(
        ledger.record(given(2, 7, &[share("a", 1)])),
        Err(LedgerError::PaymentUnknown(payment_id(7)))
    );
    assert_eq!(
        ledger.record(paid_in(2, 0, 5)),
        Err(LedgerError::PaymentRepeated(payment_id(0)))
    );
    assert_eq!(
        ledger.record(paid_in(1, 1, 5)),
        Err(LedgerError::Repeated(TransactionId(1)))
    );
    assert!(
        Transaction::allocation(
            TransactionId(2),
            today(),
            &payment_id(0),
            Direction::In,
            &[]
        )
        .is_none()
    );
    assert!(
        Transaction::allocation(
            TransactionId(2),
            today(),
            &payment_id(0),
            Direction::In,
            &[share("a", 0)]
        )
        .is_none()
    );
    assert!(
        Transaction::allocation(
            TransactionId(2),
            today(),
            &payment_id(0),
            Direction::In,
            &[share("a", -5)]
        )
        .is_none()
    );
}

#[test]
fn entries_that_do_not_come_to_nothing_are_refused() {
    let mut ledger = ledger();
    let mut forged = given(2, 0, &[share("a", 100)]);
    forged.entries[1].amount = kopecks(101);
    assert_eq!(ledger.record(forged), Err(LedgerError::NotClosed));
    let mut empty = given(2, 0, &[share("a", 100)]);
    empty.entries.clear();
    assert_eq!(ledger.record(empty), Err(LedgerError::NotClosed));
}

#[test]
fn own_transfers_and_fees_are_given_to_no_invoice() {
    for kind in [PaymentKind::OwnTransfer, PaymentKind::ReturnedToUs] {
        let mut ledger = ledger();
        let transaction = Transaction::payment(
            TransactionId(2),
            today(),
            payment_id(1),
            kind,
            Direction::In,
            kopecks(100),
        );
        ledger.record(transaction.unwrap()).unwrap();
        assert_eq!(
            ledger.record(given(3, 1, &[share("a", 100)])),
            Err(LedgerError::NotForInvoices(payment_id(1)))
        );
    }
}

#[test]
fn a_mistake_is_undone_by_its_opposite_once() {
    let mut ledger = ledger();
    let wrong = given(2, 0, &[share("a", 1_000)]);
    ledger.record(wrong.clone()).unwrap();
    let undo = |id: u64| {
        wrong
            .undone(
                TransactionId(id),
                today(),
                None,
                "Письмо № 5 от 11.03.2026".to_owned(),
            )
            .unwrap()
    };
    ledger.record(undo(3)).unwrap();
    assert_eq!(figures(&ledger), (1_200, 1_000, 500));
    assert_eq!(
        ledger.record(undo(4)),
        Err(LedgerError::UndoneAlready(TransactionId(2)))
    );
    let correction = ledger.transactions().last().unwrap().clone();
    let again = correction
        .undone(TransactionId(5), today(), None, String::new())
        .unwrap();
    assert_eq!(
        ledger.record(again),
        Err(LedgerError::NothingToUndo(TransactionId(3)))
    );
    ledger.record(given(6, 0, &[share("b", 500)])).unwrap();
    assert_eq!(figures(&ledger), (700, 1_000, 0));
    assert_eq!(
        ledger.advance(&InvoiceId::new("a")),
        Some(Money::ZERO),
        "what was undone counts no more"
    );
    let mut forged = undo(7);
    forged.entries[0].amount = kopecks(-1);
    forged.entries[1].amount = kopecks(1);
    assert_eq!(
        ledger.record(forged),
        Err(LedgerError::NothingToUndo(TransactionId(2)))
    );
}

#[test]
fn one_share_is_undone_and_the_others_stay() {
    let mut ledger = ledger();
    let both = given(2, 0, &[share("a", 700), share("b", 300)]);
    ledger.record(both.clone()).unwrap();
    let undo = |invoice: &str, id: u64| {
        let invoice = InvoiceId::new(invoice);
        both.undone_of(&invoice, TransactionId(id), today(), None, String::new())
            .unwrap()
    };
    ledger.record(undo("a", 3)).unwrap();
    assert_eq!(figures(&ledger), (900, 1_000, 200));
    assert_eq!(ledger.advance(&InvoiceId::new("a")), Some(Money::ZERO));
    assert_eq!(ledger.advance(&InvoiceId::new("b")), Some(kopecks(900)));
    // Neither the same share again, nor all of it, nor what was never given.
    let already = Err(LedgerError::UndoneAlready(TransactionId(2)));
    assert_eq!(ledger.record(undo("a", 4)), already);
    let all = both.undone(TransactionId(4), today(), None, String::new());
    assert_eq!(ledger.record(all.unwrap()), already);
    assert_eq!(ledger.record(undo("c", 4)), Err(LedgerError::NotClosed));
    ledger.record(undo("b", 4)).unwrap();
    assert_eq!(figures(&ledger), (1_200, 1_000, 500));
}

#[test]
fn a_correction_of_a_closed_month_is_of_today_and_says_so() {
    let old = Transaction {
        dated: date(2026, 2, 27),
        ..given(2, 0, &[share("a", 1)])
    };
    for (closed, expected) in [
        (None, false),
        (Some(date(2026, 1, 31)), false),
        (Some(date(2026, 2, 26)), false),
        (Some(date(2026, 2, 27)), true),
        (Some(date(2026, 2, 28)), true),
    ] {
        let undone = old
            .undone(TransactionId(3), today(), closed, "правка".to_owned())
            .unwrap();
        assert_eq!(undone.dated, today());
        let TransactionKind::Correction {
            of, closed_month, ..
        } = undone.kind
        else {
            panic!()
        };
        assert_eq!((of, closed_month), (TransactionId(2), expected));
    }
}

#[test]
fn a_payment_that_vanishes_is_freed_first_and_may_come_back() {
    let mut ledger = ledger();
    let (seen, allocation) = (paid_in(1, 0, 1_200), given(2, 0, &[share("a", 1_000)]));
    ledger.record(allocation.clone()).unwrap();
    let gone = |id| {
        seen.undone(
            TransactionId(id),
            today(),
            None,
            "нет в окончательной выписке".to_owned(),
        )
        .unwrap()
    };
    assert_eq!(
        ledger.record(gone(3)),
        Err(LedgerError::MoreThanPayment {
            payment: payment_id(0),
            left: kopecks(200)
        })
    );
    ledger
        .record(
            allocation
                .undone(TransactionId(4), today(), None, String::new())
                .unwrap(),
        )
        .unwrap();
    ledger.record(gone(5)).unwrap();
    assert_eq!(figures(&ledger), (0, 1_000, 500));
    ledger.record(paid_in(6, 0, 1_200)).unwrap();
    assert_eq!(figures(&ledger), (1_200, 1_000, 500));
}

#[test]
fn a_refund_of_ours_takes_back_at_most_what_was_paid() {
    let mut ledger = ledger();
    ledger.record(given(2, 0, &[share("a", 1_000)])).unwrap();
    let refund = Transaction::payment(
        TransactionId(3),
        today(),
        payment_id(1),
        PaymentKind::RefundOut,
        Direction::Out,
        kopecks(1_300),
    );
    ledger.record(refund.unwrap()).unwrap();
    assert_eq!(ledger.left(&payment_id(1)), kopecks(-1_300));
    let taken = |id, amount| {
        Transaction::allocation(
            TransactionId(id),
            today(),
            &payment_id(1),
            Direction::Out,
            &[share("a", amount)],
        )
        .unwrap()
    };
    assert_eq!(
        ledger.record(taken(4, 1_001)),
        Err(LedgerError::MoreThanPaid {
            invoice: InvoiceId::new("a"),
            paid: kopecks(1_000)
        })
    );
    ledger.record(taken(4, 400)).unwrap();
    assert_eq!(ledger.paid(&InvoiceId::new("a")), kopecks(600));
    assert_eq!(ledger.left(&payment_id(1)), kopecks(-900));
}

#[test]
fn a_settlement_closes_an_invoice_without_a_payment() {
    let mut ledger = ledger();
    let settlement = Settlement {
        kind: SettlementKind::Netting,
        document: "Акт зачёта № 4 от 01.03.2026".to_owned(),
        author: "бухгалтер".to_owned(),
    };
    let settled = |amount| {
        Transaction::settlement(
            TransactionId(2),
            today(),
            settlement.clone(),
            &share("b", amount),
        )
        .unwrap()
    };
    assert!(matches!(
        ledger.record(settled(501)),
        Err(LedgerError::MoreThanInvoice { .. })
    ));
    ledger.record(settled(500)).unwrap();
    assert_eq!(figures(&ledger), (1_200, 1_000, 0));
}

#[test]
fn an_invoice_that_is_edited_below_what_is_paid_is_overpaid_and_takes_no_more() {
    let mut ledger = ledger();
    ledger.record(given(2, 0, &[share("a", 900)])).unwrap();
    ledger.set_total(InvoiceId::new("a"), kopecks(700));
    assert_eq!(ledger.open(&InvoiceId::new("a")), Money::ZERO);
    assert!(matches!(
        ledger.record(given(3, 0, &[share("a", 1)])),
        Err(LedgerError::MoreThanInvoice { .. })
    ));
}

#[test]
fn the_word_for_an_invoice_follows_from_its_money_and_its_term() {
    let due = Some(date(2026, 3, 11));
    let standing = |total, paid, advance, due, life| Standing {
        life,
        total: kopecks(total),
        paid: kopecks(paid),
        advance: kopecks(advance),
        due,
        today: today(),
        count: OverdueCount::CalendarDays,
    };
    for (standing, expected, label) in [
        (
            standing(100, 0, 0, None, Life::Live),
            PaidState::Issued,
            "выставлен",
        ),
        (
            standing(100, 40, 0, None, Life::Live),
            PaidState::PartlyPaid,
            "частично оплачен",
        ),
        (
            standing(100, 40, 0, Some(today()), Life::Live),
            PaidState::PartlyPaid,
            "частично оплачен",
        ),
        (
            standing(100, 40, 0, due, Life::Live),
            PaidState::Overdue,
            "просрочен",
        ),
        (
            standing(100, 0, 0, due, Life::Live),
            PaidState::Overdue,
            "просрочен",
        ),
        (
            standing(100, 100, 0, due, Life::Live),
            PaidState::Paid,
            "оплачен",
        ),
        (
            standing(100, 100, 7, due, Life::Live),
            PaidState::Overpaid,
            "переплачен",
        ),
        (
            standing(100, 120, 0, due, Life::Live),
            PaidState::Overpaid,
            "переплачен",
        ),
        (
            standing(100, 40, 7, None, Life::Live),
            PaidState::PartlyPaid,
            "частично оплачен",
        ),
        (
            standing(100, 0, 0, due, Life::Cancelled),
            PaidState::Cancelled,
            "отменён",
        ),
        (
            standing(100, 100, 0, due, Life::Deleted),
            PaidState::DeletedInAccounting,
            "удалён в учёте",
        ),
    ] {
        assert_eq!(standing.state(), expected, "{standing:?}");
        assert_eq!(expected.label(), label);
    }
}

#[test]
fn overdue_days_begin_after_a_working_day() {
    for (due, today, calendar, working) in [
        (date(2026, 3, 12), date(2026, 3, 12), 0, 0),
        (date(2026, 3, 12), date(2026, 3, 13), 1, 1),
        (date(2026, 3, 12), date(2026, 3, 16), 4, 2),
        // A Saturday: Monday is still in time.
        (date(2026, 3, 14), date(2026, 3, 16), 0, 0),
        (date(2026, 3, 14), date(2026, 3, 17), 1, 1),
        (date(2026, 3, 20), date(2026, 3, 12), 0, 0),
    ] {
        assert_eq!(
            overdue_days(due, today, OverdueCount::CalendarDays),
            calendar,
            "{due}"
        );
        assert_eq!(
            overdue_days(due, today, OverdueCount::WorkingDays),
            working,
            "{due}"
        );
        // The first day of the same count is not later.
        for (days, count) in [
            (calendar, OverdueCount::CalendarDays),
            (working, OverdueCount::WorkingDays),
        ] {
            let first = overdue_on(due, days, count).unwrap();
            assert!(days == 0 || first <= today, "{due}: {first}");
            assert_eq!(overdue_days(due, first, count), days, "{due}: {first}");
        }
    }
}

#[derive(Debug, Clone)]
enum Act {
    Pay(u32, i64, bool),
    Give(u32, Vec<(u8, i64)>, bool),
    Split(u32, i64, Vec<(u8, i64)>),
    Settle(u8, i64),
    Undo(prop::sample::Index),
    Edit(u8, i64),
}

fn act() -> impl Strategy<Value = Act> {
    let share = (0..3_u8, -5..120_i64);
    prop_oneof![
        (0..5_u32, 1..200_i64, any::<bool>())
            .prop_map(|(nth, amount, out)| Act::Pay(nth, amount, out)),
        (
            0..5_u32,
            -1..20_i64,
            prop::collection::vec(share.clone(), 1..4)
        )
            .prop_map(|(nth, kept, shares)| Act::Split(nth, kept, shares)),
        (0..5_u32, prop::collection::vec(share, 1..4), any::<bool>())
            .prop_map(|(nth, shares, out)| Act::Give(nth, shares, out)),
        (0..3_u8, 1..100_i64).prop_map(|(invoice, amount)| Act::Settle(invoice, amount)),
        any::<prop::sample::Index>().prop_map(Act::Undo),
        (0..3_u8, 0..300_i64).prop_map(|(invoice, total)| Act::Edit(invoice, total)),
    ]
}

fn transaction(act: &Act, id: u64, ledger: &mut Ledger) -> Option<Transaction> {
    let name = |invoice: &u8| InvoiceId::new(invoice.to_string());
    let way = |out: &bool| if *out { Direction::Out } else { Direction::In };
    let shares = |shares: &[(u8, i64)]| -> Vec<Share> {
        let shares = shares.iter();
        shares
            .map(|(invoice, amount)| share(&invoice.to_string(), *amount))
            .collect()
    };
    let id = TransactionId(id);
    match act {
        Act::Pay(nth, amount, out) => {
            let kind = if *out {
                PaymentKind::RefundOut
            } else {
                PaymentKind::Incoming
            };
            Transaction::payment(
                id,
                today(),
                payment_id(*nth),
                kind,
                way(out),
                kopecks(*amount),
            )
        }
        Act::Give(nth, given, out) => {
            Transaction::allocation(id, today(), &payment_id(*nth), way(out), &shares(given))
        }
        Act::Split(nth, kept, sold) => Transaction::split(
            id,
            today(),
            &payment_id(*nth),
            kopecks(*kept),
            &shares(sold),
        ),
        Act::Settle(invoice, amount) => {
            let settlement = Settlement {
                kind: SettlementKind::Cash,
                document: String::new(),
                author: String::new(),
            };
            Transaction::settlement(
                id,
                today(),
                settlement,
                &share(&invoice.to_string(), *amount),
            )
        }
        Act::Undo(which) => {
            let transactions: Vec<Transaction> = ledger.transactions().cloned().collect();
            let chosen = transactions.get(which.index(transactions.len().max(1)))?;
            chosen.undone(id, today(), None, String::new())
        }
        Act::Edit(invoice, total) => {
            ledger.set_total(name(invoice), kopecks(*total));
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn sums_close_whatever_is_recorded(acts in prop::collection::vec(act(), 1..60)) {
        let mut ledger = Ledger::default();
        let mut totals = [kopecks(100); 3];
        for (invoice, total) in (0..3).zip(totals) {
            ledger.set_total(InvoiceId::new(invoice.to_string()), total);
        }
        for (act, id) in acts.iter().zip(0..) {
            let paid_before = paid(&ledger);
            if let Act::Edit(invoice, total) = act {
                totals[usize::from(*invoice)] = kopecks(*total);
            }
            let recorded = transaction(act, id, &mut ledger).map(|transaction| ledger.record(transaction));
            // An independent count over all entries: nothing is made or lost, nothing is given beyond what there is.
            let entries = ledger.transactions().flat_map(|transaction| &transaction.entries);
            prop_assert_eq!(Money::sum(entries.map(|entry| entry.amount)), Some(Money::ZERO));
            for nth in 0..5 {
                let left = sum_of(&ledger, &Place::Payment(payment_id(nth)));
                prop_assert_eq!(left, ledger.left(&payment_id(nth)));
                let came = came_in(&ledger, nth);
                prop_assert!(left <= came.max(Money::ZERO) && left >= came.min(Money::ZERO), "{left} of {came}");
            }
            for (place, (before, total)) in paid_before.into_iter().zip(totals).enumerate() {
                let now = paid(&ledger)[place];
                prop_assert_eq!(now, sum_of(&ledger, &Place::Invoice(InvoiceId::new(place.to_string()))));
                prop_assert!(!now.is_negative());
                prop_assert!(now <= before || now <= total, "more was given than the invoice asks for");
            }
            if matches!(recorded, Some(Err(_))) {
                prop_assert_eq!(paid(&ledger), paid_before);
            }
        }
    }
}

fn paid(ledger: &Ledger) -> [Money; 3] {
    [0, 1, 2].map(|invoice| ledger.paid(&InvoiceId::new(invoice.to_string())))
}

fn sum_of(ledger: &Ledger, place: &Place) -> Money {
    let entries = ledger
        .transactions()
        .flat_map(|transaction| &transaction.entries);
    Money::sum(
        entries
            .filter(|entry| entry.place == *place)
            .map(|entry| entry.amount),
    )
    .unwrap()
}

/// What the payment brought from outside, less what was undone of it.
fn came_in(ledger: &Ledger, nth: u32) -> Money {
    let own = Place::Payment(payment_id(nth));
    let brings = |of: TransactionId| {
        let mut all = ledger.transactions();
        all.any(|one| one.id == of && matches!(one.kind, TransactionKind::Payment { .. }))
    };
    let of_payments = ledger.transactions().filter(|one| match one.kind {
        TransactionKind::Payment { .. } => true,
        TransactionKind::Correction { of, .. } => brings(of),
        TransactionKind::Allocation | TransactionKind::Settlement(_) => false,
    });
    let entries = of_payments.flat_map(|transaction| &transaction.entries);
    Money::sum(
        entries
            .filter(|entry| entry.place == own)
            .map(|entry| entry.amount),
    )
    .unwrap()
}
