//! Which line each difference becomes, and which it does not.

use std::collections::{BTreeMap, BTreeSet};

use domain::ledger::{Settlement, SettlementKind};
use domain::payment::{AccountNumber, Direction, OtherSide, PaymentKind, PaymentOrder};
use domain::{DealId, Inn, InvoiceId, Money, OrganisationId, Slot, SlotKind};
use jiff::civil::{Date, date};
use store::{
    AccountSpan, InvoiceRef, MonthCorrection, MonthFacts, MonthPayment, MonthSettlement,
    MonthShare, NamedInvoice, PaymentState,
};

use super::{Side, compare, gaps};
use crate::reconciliation::{Columns, Kind, Names, OrganisationMonth, Section, Unseen, What};

const ACCOUNT: &str = "40702810200000012345";

fn account() -> AccountNumber {
    AccountNumber::new(ACCOUNT).unwrap()
}

fn us() -> OrganisationId {
    OrganisationId::new("us")
}

fn kopecks(amount: i64) -> Money {
    Money::from_kopecks(amount)
}

/// A buyer's payment that the bank and the accounting side show, given to nothing.
fn came(number: i64, amount: i64) -> MonthPayment {
    MonthPayment {
        number,
        organisation: us(),
        kind: PaymentKind::Incoming,
        state: PaymentState::New,
        because: "ждёт бухгалтера".to_owned(),
        remaining: kopecks(amount),
        order: PaymentOrder {
            own_account: account(),
            direction: Direction::In,
            form: None,
            number: number.to_string(),
            date: date(2026, 3, 11),
            booked: Some(date(2026, 3, 12)),
            amount: kopecks(amount),
            other: OtherSide {
                inn: Some(Inn::parse("7707083893").unwrap()),
                ..OtherSide::default()
            },
            purpose: "Оплата".to_owned(),
        },
        in_bank: true,
        in_accounting: Some(BTreeMap::new()),
        shares: Vec::new(),
    }
}

fn invoice(number: i64) -> InvoiceRef {
    InvoiceRef {
        organisation: us(),
        invoice: InvoiceId::new(format!("id-{number}")),
    }
}

/// The same, given to an invoice here and there.
fn given(payment: MonthPayment, to: i64, amount: i64) -> MonthPayment {
    let share = MonthShare {
        transaction: 100 + payment.number,
        amount: kopecks(amount),
        invoice: NamedInvoice {
            id: invoice(to),
            name: Some((to.to_string(), date(2026, 3, 1))),
            of_deal: Some((DealId(7), Slot::first(SlotKind::Whole))),
        },
    };
    let there = BTreeMap::from([(invoice(to).invoice, kopecks(amount))]);
    MonthPayment {
        state: PaymentState::Booked,
        remaining: kopecks(payment.order.amount.kopecks() - amount),
        in_accounting: Some(there),
        shares: vec![share],
        ..payment
    }
}

fn covered(from: Date, to: Date) -> AccountSpan {
    AccountSpan {
        account: account(),
        from,
        to,
    }
}

fn facts(payments: Vec<MonthPayment>) -> MonthFacts {
    MonthFacts {
        payments,
        settlements: Vec::new(),
        corrections: Vec::new(),
        covered: vec![covered(date(2026, 3, 1), date(2026, 3, 31))],
        followed: BTreeSet::from([us()]),
    }
}

fn report(facts: &MonthFacts, unseen: &Unseen) -> OrganisationMonth {
    let names: Names = (1..9)
        .map(|number| (invoice(number), (number.to_string(), date(2026, 3, 1))))
        .collect();
    let organisation = us();
    let side = Side {
        organisation: &organisation,
        title: "ООО «Мы»",
        accounts: vec![account()],
        read_since: date(2026, 1, 1),
        month: "2026-03".parse().unwrap(),
        today: date(2026, 4, 10),
        names: &names,
        unseen,
    };
    compare(facts, &side)
}

fn lines(facts: &MonthFacts) -> Vec<(Kind, Option<i64>, [Option<i64>; 3])> {
    let report = report(facts, &Unseen::new());
    report
        .lines
        .iter()
        .map(|line| (line.kind, line.payment, told(line.columns)))
        .collect()
}

fn told(columns: Columns) -> [Option<i64>; 3] {
    [columns.bank, columns.accounting, columns.crm].map(|one| one.map(Money::kopecks))
}

#[test]
fn a_commission_stands_apart_from_what_came() {
    // 97 came for 100 of sales; of another credit 40 of 50 are of sales without an invoice.
    let credit = |number, came_in, to_invoices, left| MonthPayment {
        kind: PaymentKind::Register,
        remaining: kopecks(left),
        in_accounting: None,
        ..given(came(number, came_in), number, to_invoices)
    };
    let mut facts = facts(vec![credit(1, 97, 100, 0), credit(2, 50, 12, 40)]);
    facts.followed = BTreeSet::new();
    let report = report(&facts, &Unseen::new());
    let crm = |what| told(report.sum(what))[2];
    assert_eq!((crm(What::Came), crm(What::Given)), (Some(147), Some(112)));
    assert_eq!(
        (crm(What::Left), crm(What::Commission)),
        (Some(40), Some(5))
    );
    let [line] = report.lines.as_slice() else {
        panic!("{:?}", report.lines)
    };
    assert_eq!(line.kind, Kind::NotGiven);
    assert!(line.why.contains("продажи без счёта"), "{}", line.why);
}

#[test]
fn what_a_refund_was_taken_off_stands_apart() {
    // Of 110 that came for an invoice of 100, 30 went back: 10 of the advance, 20 off the invoice.
    let paid = MonthPayment {
        remaining: Money::ZERO,
        ..given(came(2, 110), 2, 100)
    };
    let refund = |number, remaining| {
        let refund = given(came(number, 30), 2, -20);
        MonthPayment {
            kind: PaymentKind::RefundOut,
            remaining: kopecks(remaining),
            in_accounting: Some(BTreeMap::new()),
            order: PaymentOrder {
                direction: Direction::Out,
                ..refund.order.clone()
            },
            ..refund
        }
    };
    let facts = facts(vec![paid, refund(3, 0), refund(4, -30)]);
    let report = report(&facts, &Unseen::new());
    assert_eq!(report.lines, []);
    let crm = |what| told(report.sum(what))[2];
    assert_eq!((crm(What::Came), crm(What::Given)), (Some(110), Some(100)));
    assert_eq!(
        (crm(What::Refunded), crm(What::TakenOff)),
        (Some(60), Some(30))
    );
}

#[test]
fn sides_that_agree_give_equal_sums_and_no_line() {
    let facts = facts(vec![given(came(1, 100), 1, 100), given(came(2, 50), 2, 50)]);
    let report = report(&facts, &Unseen::new());
    assert_eq!(report.lines, []);
    let sums: Vec<_> = report
        .sums
        .iter()
        .map(|sum| (sum.what, told(sum.columns)))
        .collect();
    assert_eq!(
        sums,
        [
            (What::Came, [Some(150), Some(150), Some(150)]),
            (What::Given, [None, Some(150), Some(150)]),
            (What::Shown, [None, None, Some(150)]),
            (What::Left, [None, Some(0), Some(0)]),
        ]
    );
    assert_eq!(
        told(report.accounts[0].came),
        [Some(150), Some(150), Some(150)]
    );
}

#[test]
fn what_one_side_lacks_is_named_with_the_side() {
    let only_bank = MonthPayment {
        in_accounting: None,
        ..given(came(1, 100), 1, 100)
    };
    let only_accounting = MonthPayment {
        in_bank: false,
        ..given(came(2, 50), 2, 50)
    };
    let report = report(
        &facts(vec![only_bank.clone(), only_accounting.clone()]),
        &Unseen::new(),
    );
    assert_eq!(
        told(report.sum(What::Came)),
        [Some(100), Some(50), Some(150)]
    );
    let both = facts(vec![only_bank.clone(), only_accounting.clone()]);
    assert_eq!(
        lines(&both),
        [
            (Kind::OnlyInBank, Some(1), [Some(100), None, Some(100)]),
            (Kind::OnlyInAccounting, Some(2), [None, Some(50), Some(50)]),
        ]
    );
    // Where there is no accounting side, nothing is missing on it.
    let alone = MonthFacts {
        followed: BTreeSet::new(),
        ..facts(vec![only_bank.clone()])
    };
    assert_eq!(lines(&alone), []);
    // Nor of days from before its payments are read.
    let mut early = only_bank;
    early.order.booked = Some(date(2025, 12, 31));
    assert_eq!(lines(&facts(vec![early])), []);
    // A day without a statement is told once, with what cannot be judged.
    let half = MonthFacts {
        covered: vec![covered(date(2026, 3, 13), date(2026, 3, 31))],
        ..facts(vec![only_accounting])
    };
    assert_eq!(
        lines(&half),
        [(Kind::NotCovered, None, [None, Some(50), None])]
    );
}

#[test]
fn one_order_with_two_amounts_and_one_amount_under_two_numbers_are_one_line_each() {
    let bank = |number, amount| MonthPayment {
        in_accounting: None,
        ..given(came(number, amount), 1, amount)
    };
    let accounting = |number, amount| MonthPayment {
        in_bank: false,
        ..given(came(number, amount), 1, amount)
    };
    let mut retyped = accounting(9, 90);
    retyped.order.number = "1".to_owned();
    let other_number = accounting(5, 70);
    let facts = facts(vec![bank(1, 100), retyped, bank(3, 70), other_number]);
    let report = report(&facts, &Unseen::new());
    let told: Vec<_> = report
        .lines
        .iter()
        .map(|line| (line.kind, line.payment, line.why.as_str()))
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((told[0].0, told[0].1), (Kind::AmountDiffers, Some(1)));
    assert!(
        told[0].2.contains("в выписке 1,00") && told[0].2.contains("в учёте 0,90"),
        "{told:?}"
    );
    assert_eq!((told[1].0, told[1].1), (Kind::OrderDiffers, Some(3)));
    assert!(
        told[1].2.contains("в выписке № 3") && told[1].2.contains("в учёте № 5"),
        "{told:?}"
    );
}

#[test]
fn what_is_given_otherwise_or_to_nothing_is_told_with_both_sides() {
    let mut otherwise = given(came(1, 100), 1, 100);
    otherwise.in_accounting = Some(BTreeMap::from([
        (invoice(2).invoice, kopecks(60)),
        (invoice(99).invoice, kopecks(40)),
    ]));
    let advance = given(came(2, 100), 2, 80);
    let asked = MonthPayment {
        state: PaymentState::Asked,
        because: "счёт не назван".to_owned(),
        ..came(3, 10)
    };
    let report = report(&facts(vec![otherwise, advance, asked]), &Unseen::new());
    let told: Vec<_> = report
        .lines
        .iter()
        .map(|line| (line.kind, line.why.replace('\u{a0}', " ")))
        .collect();
    assert_eq!(
        told,
        [
            (
                Kind::AllocatedOtherwise,
                "отнесён в учёте: счёт № 2 от 01.03.2026 0,60 ₽, счёт id-99 0,40 ₽; здесь: счёт № 1 от 01.03.2026 1,00 ₽".to_owned()
            ),
            (Kind::NotGiven, "0,20 ₽ осталось авансом".to_owned()),
            (Kind::NotGiven, "ждёт решения: счёт не назван".to_owned()),
        ]
    );
    assert_eq!(report.of(Section::Differences).count(), 1);
    assert_eq!(report.of(Section::Open).count(), 2);
}

#[test]
fn what_a_deal_does_not_show_yet_is_a_difference() {
    let facts = facts(vec![given(came(1, 100), 1, 100), given(came(2, 50), 2, 50)]);
    let report = report(&facts, &Unseen::from([(101, DealId(7))]));
    assert_eq!(report.lines.len(), 1);
    assert_eq!(report.lines[0].kind, Kind::NotShown);
    assert!(
        report.lines[0].why.contains("сделка 7"),
        "{:?}",
        report.lines
    );
    assert_eq!(told(report.sum(What::Shown)), [None, None, Some(50)]);
}

#[test]
fn corrections_and_other_movements_stand_apart() {
    let refund = MonthPayment {
        kind: PaymentKind::RefundOut,
        state: PaymentState::Aside,
        remaining: kopecks(-30),
        ..came(1, 30)
    };
    let refund = MonthPayment {
        order: PaymentOrder {
            direction: Direction::Out,
            ..refund.order.clone()
        },
        ..refund
    };
    let mut facts = facts(vec![refund]);
    facts.corrections.push(MonthCorrection {
        is_of_share: true,
        number: 9,
        organisation: us(),
        payment: Some(4),
        dated: date(2026, 4, 2),
        corrects: date(2026, 3, 12),
        because: "письмо № 4 от 02.04.2026".to_owned(),
        author: "anna".to_owned(),
        share: Some((
            NamedInvoice {
                id: invoice(1),
                name: None,
                of_deal: None,
            },
            kopecks(-100),
        )),
    });
    let report = report(&facts, &Unseen::new());
    assert_eq!(told(report.sum(What::Came)), [Some(0), Some(0), Some(0)]);
    assert_eq!(
        told(report.sum(What::Refunded)),
        [Some(30), Some(30), Some(30)]
    );
    assert_eq!(report.lines.len(), 1);
    let line = &report.lines[0];
    assert_eq!(
        (line.kind, line.kind.section()),
        (Kind::Corrected, Section::Corrections)
    );
    assert_eq!(
        line.why,
        "исправлено 02.04.2026 за 12.03.2026: письмо № 4 от 02.04.2026, anna"
    );
    // Another organisation's are its own.
    facts.payments[0].organisation = OrganisationId::new("others");
    facts.corrections[0].organisation = OrganisationId::new("others");
    assert_eq!(lines(&facts), []);
}

#[test]
fn what_is_settled_without_a_bank_line_stands_apart_and_is_no_difference() {
    let settled = MonthSettlement {
        number: 20,
        dated: date(2026, 3, 5),
        settlement: Settlement {
            kind: SettlementKind::Cash,
            document: "ПКО № 5".to_owned(),
            author: "anna".to_owned(),
        },
        invoice: given(came(1, 1), 1, 1).shares[0].invoice.clone(),
        amount: kopecks(70),
    };
    let facts = MonthFacts {
        settlements: vec![settled],
        ..facts(vec![])
    };
    let seen = report(&facts, &Unseen::new());
    assert_eq!(told(seen.sum(What::Settled)), [None, None, Some(70)]);
    assert_eq!(told(seen.sum(What::Came)), [Some(0), Some(0), Some(0)]);
    let line = &seen.lines[0];
    assert_eq!((seen.lines.len(), line.kind), (1, Kind::Settled));
    assert_eq!(line.document, "счёт № 1 от 01.03.2026, ПКО № 5");
    assert_eq!(line.why, "наличные, записал(а) anna");
    let unseen = report(&facts, &Unseen::from([(20, DealId(7))]));
    assert_eq!(unseen.of(Section::Differences).count(), 1);
}

#[test]
fn days_without_a_statement_are_found_between_and_around_spans() {
    let day = |day| date(2026, 3, day);
    let spans = [
        (day(3), day(5)),
        (day(9), day(9)),
        (day(20), date(2026, 4, 2)),
    ];
    assert_eq!(
        gaps(day(1), day(31), &spans),
        [(day(1), day(2)), (day(6), day(8)), (day(10), day(19))]
    );
    assert_eq!(gaps(day(1), day(31), &[]), [(day(1), day(31))]);
    assert_eq!(gaps(day(4), day(4), &spans), []);
    assert_eq!(gaps(day(21), day(20), &spans), []);
    assert_eq!(
        gaps(
            day(1),
            day(31),
            &[(date(2026, 2, 1), date(2026, 2, 20)), (day(2), day(31))]
        ),
        [(day(1), day(1))]
    );
}
