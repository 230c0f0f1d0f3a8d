//! What an adopted invoice was paid before, and which of our money is the same.

use domain::observed::OurField;
use domain::{InvoiceStatus, Money};
use insta::assert_snapshot;
use jiff::civil::date;
use planner::Answer;

use crate::adopting::{adopted_as, with};
use crate::build::{TestDeal, deal};
use crate::changed::settle;
use crate::receipts::{came_on, receipt};

const CODE: &str = "PAYMENT-AT-ADOPTION";

/// Adopted on the twelfth with fifty roubles paid by the accounting side, and these receipts of ours since: kopecks and day.
fn partly_paid(receipts: &[(i64, i8)]) -> TestDeal {
    let partly = with(|one| {
        one.status = InvoiceStatus::PartiallyPaid;
        one.paid = Money::from_kopecks(5_000);
    });
    adopted_as(deal(), partly).with(|deal| {
        deal.policy.money = Some(planner::MoneyPolicy {
            booking: Some(planner::Booking::Accounting),
            since: None,
            wait_hours: 24,
            accounts: Vec::new(),
            stages: Vec::new(),
            overdue: None,
            refunds: planner::Refunds::default(),
            registers: planner::Registers::default(),
        });
        let fields = &mut deal.policy.fields;
        fields.insert(OurField::Paid, "UF_PAID".to_owned());
        for (number, (kopecks, day)) in (1..).zip(receipts) {
            let mut receipt = receipt(number, *kopecks);
            came_on(&mut receipt, date(2026, 3, *day));
            deal.snapshot.receipts.push(receipt);
        }
    })
}

/// What the deal shows as paid, and whether the accountant is asked.
fn shown(deal: &TestDeal) -> (i64, bool) {
    let mut deal = deal.clone();
    let asked = deal.plan().contains(CODE);
    settle(&mut deal);
    let paid = deal.snapshot.glance().unwrap().fields.paid.unwrap();
    (paid.kopecks(), asked)
}

fn said(deal: TestDeal, transaction: i64, choice: &str) -> TestDeal {
    deal.with(|deal| {
        deal.snapshot.answers.0.push(Answer {
            key: CODE.to_owned(),
            about: format!("transaction/{transaction}"),
            choice: choice.to_owned(),
        });
    })
}

fn there(deal: TestDeal, kopecks: i64) -> TestDeal {
    deal.with(|deal| deal.snapshot.invoices[0].paid_there = Money::from_kopecks(kopecks))
}

#[test]
fn a_payment_of_the_day_of_adoption_is_shown_once_and_asked_about() {
    // Of another day it is clear.
    assert_eq!(shown(&partly_paid(&[])), (5_000, false));
    assert_eq!(shown(&partly_paid(&[(3_000, 11)])), (5_000, false));
    assert_eq!(shown(&partly_paid(&[(3_000, 13)])), (8_000, false));
    let same_day = partly_paid(&[(3_000, 12)]);
    assert_eq!(shown(&same_day), (5_000, true));
    let case = &same_day.planned().cases[0];
    assert_snapshot!(case.text.replace('\u{a0}', " "), @r"
    Счёт № 17 от 02.03.2026 привязан 12.03.2026, и учёт показал тогда оплату 50,00 ₽. Платёж на 30,00 ₽ (поручение № 77 от 11.03.2026) — того же дня: входит ли он в эту сумму, по дню не видно. Пока он считается входящим, чтобы деньги не показались дважды. Если учёт покажет больше, вопрос снимется сам; иначе пусть скажет бухгалтер:
    • он уже был в этой сумме (counted)
    • он пришёл сверх неё (new)
    ");
    assert_eq!(case.about, "transaction/1");
    // What is more than was counted may be a part of it all the same: the rest was for another invoice.
    assert_eq!(shown(&partly_paid(&[(6_000, 12)])), (6_000, true));
}

#[test]
fn what_the_bank_says_later_of_a_payments_day_decides_whether_it_was_counted() {
    // Given while the order's own day stood for it.
    let told = |day| {
        partly_paid(&[(3_000, day)])
            .with(|deal| deal.snapshot.receipts[0].dated = date(2026, 3, 11))
    };
    assert_eq!(shown(&told(11)), (5_000, false));
    assert_eq!(shown(&told(12)), (5_000, true));
    assert_eq!(shown(&told(13)), (8_000, false));
}

#[test]
fn what_the_accounting_side_shows_since_answers_it() {
    let same_day = || partly_paid(&[(3_000, 12)]);
    assert_eq!(shown(&there(same_day(), 5_000)), (5_000, true));
    assert_eq!(shown(&there(same_day(), 8_000)), (8_000, false));
    // Nothing that our money does not explain: its payment comes by itself.
    assert_eq!(shown(&there(same_day(), 9_000)), (8_000, false));
    assert_eq!(shown(&there(partly_paid(&[]), 12_200)), (5_000, false));
    // The accountant knows of a part, and booked what came later as well.
    assert_eq!(shown(&there(same_day(), 6_000)), (6_000, true));
    let later = || partly_paid(&[(3_000, 12), (4_200, 13)]);
    assert_eq!(shown(&there(later(), 5_000)), (9_200, true));
    assert_eq!(shown(&there(later(), 12_200)), (12_200, false));
    // The same for what was dated earlier, and the accountant booked after the adoption.
    assert_eq!(
        shown(&there(partly_paid(&[(3_000, 11)]), 8_000)),
        (8_000, false)
    );
}

#[test]
fn what_came_on_top_of_it_may_be_more_than_the_invoice_asks_for() {
    let of_day = |day| {
        let mut deal = partly_paid(&[(9_000, day)]);
        let told = settle(&mut deal).concat().replace('\u{a0}', " ");
        let fields = &deal.snapshot.glance().unwrap().fields;
        let status = fields.status.clone().unwrap();
        (status, fields.paid.unwrap().kopecks(), told)
    };
    let (status, paid, told) = of_day(13);
    assert_eq!((status.as_str(), paid), ("Переплачен", 14_000));
    assert!(
        told.contains("оплачен полностью, переплачено 18,00 ₽"),
        "{told}"
    );
    // Up to the day of adoption it may be what was counted.
    let (status, paid, told) = of_day(11);
    assert_eq!((status.as_str(), paid), ("Оплачен частично", 9_000));
    assert!(told.contains("осталось 32,00 ₽"), "{told}");
    // What the accounting side shows of our money is as sure.
    let there = there(partly_paid(&[(9_000, 12)]), 14_000);
    assert_eq!(shown(&there), (14_000, false));
    assert_eq!(shown(&partly_paid(&[(9_000, 12)])), (9_000, true));
}

#[test]
fn the_accountant_says_which_payment_came_on_top() {
    let two = || partly_paid(&[(3_000, 12), (2_000, 12)]);
    assert_eq!(shown(&two()), (5_000, true));
    let first = said(two(), 1, "new");
    assert_eq!(shown(&first), (8_000, true));
    assert_eq!(first.planned().cases[0].about, "transaction/2");
    assert_eq!(shown(&said(first.clone(), 2, "counted")), (8_000, false));
    assert_eq!(shown(&said(first, 2, "new")), (10_000, false));
    let counted = said(said(two(), 1, "counted"), 2, "counted");
    assert_eq!(shown(&counted), (5_000, false));
}
