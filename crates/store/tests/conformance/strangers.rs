//! Invoices of buyers without an INN: found by number and by sum, and told to the payments that may be for them.

use std::collections::BTreeSet;

use domain::Money;
use domain::payment::PaymentOrder;
use domain::purpose::NumberKey;
use jiff::civil::date;
use serde_json::json;
use store::*;

use crate::money::{book, decide, link, order, put, question, see, share};
use crate::support::*;

/// Its buyer has no INN.
fn of_stranger(deal: u64, number: &str, total: i64) -> InvoiceLink {
    InvoiceLink {
        draft: json!({"draft": {"buyer": {"key": {"own_id": "П-1"}}}}),
        ..link(deal, 1, number, total)
    }
}

/// Its payer has none.
fn by_stranger(number: &str, kopecks: i64, purpose: &str) -> PaymentOrder {
    let mut order = order(number, kopecks);
    order.other.inn = None;
    order.purpose = purpose.to_owned();
    order
}

conformance! {
    async fn an_invoice_of_a_buyer_without_an_inn_is_found_by_number_and_by_just_its_sum(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![of_stranger(7, "401", 700), of_stranger(8, "402", 900), link(9, 1, "403", 700)]).await;
        let found = async |wanted: Wanted| {
            let found = db.store.money_open(&portal("a"), &wanted).await.unwrap();
            let invoices = found.invoices.into_iter();
            invoices.map(|(one, _)| (one.number, one.buyer)).collect::<Vec<_>>()
        };
        let of_sum = |kopecks| Wanted { sums: vec![Money::from_kopecks(kopecks)], ..Wanted::default() };
        let numbered = Wanted { numbers: vec![NumberKey::of("402")], ..Wanted::default() };
        assert_eq!(found(numbered).await, [("402".to_owned(), None)]);
        assert_eq!(found(of_sum(700)).await, [("401".to_owned(), None)]);
        assert_eq!(found(of_sum(699)).await, []);
        // What is paid of it leaves the rest; a person's choice is no evidence for nobody in particular.
        see(db, "march", &[order("1", 200)]).await;
        let shares = vec![share("401", 200)];
        let ruling = Ruling::Book { shares, author: "anna".to_owned(), chosen: true, by_parts: None };
        assert_eq!(decide(db, &[Decision { ruling, ..book(1, 0, vec![]) }]).await, [Decided::Done]);
        assert_eq!(found(of_sum(500)).await, [("401".to_owned(), None)]);
        let payer = Wanted { inns: order("1", 1).other.inn.into_iter().collect(), ..Wanted::default() };
        let known = db.store.money_open(&portal("a"), &payer).await.unwrap();
        assert!(known.chosen_before.is_empty(), "{:?}", known.chosen_before);
        // Of many, the newest.
        let many = (1..=12_i8).map(|day| InvoiceLink {
            date: date(2026, 4, day),
            ..of_stranger(20 + u64::from(day.unsigned_abs()), &format!("5{day:02}"), 100)
        });
        put(db, &lease, many.collect()).await;
        let newest: BTreeSet<String> = found(of_sum(100)).await.into_iter().map(|(number, _)| number).collect();
        let expected: BTreeSet<String> = (3..=12).map(|day| format!("5{day:02}")).collect();
        assert_eq!(newest, expected);
    }

    async fn a_payer_without_an_inn_is_looked_at_again_when_an_invoice_like_that_is_issued(db: &Db) {
        let lease = leased(db, 1).await;
        let orders = [
            by_stranger("1", 700, "Оплата по счету 401"),
            by_stranger("2", 900, "Оплата за услуги"),
            by_stranger("3", 5, "Оплата за услуги"),
            order("4", 900),
        ];
        see(db, "march", &orders).await;
        let asks = |payment| Decision { ruling: Ruling::Ask(Box::new(question(payment))), ..book(payment, 0, vec![]) };
        assert_eq!(decide(db, &[asks(1), asks(2), asks(3), asks(4)]).await, [Decided::Done; 4]);
        put(db, &lease, vec![of_stranger(7, "401", 300), of_stranger(8, "402", 900)]).await;
        let due = db.store.work_take(&lease, Lane::Due, 99, &[], at(9)).await.unwrap();
        let payments: BTreeSet<i64> = due.iter().filter_map(|work| work.subject.as_payment()).collect();
        assert_eq!(payments, [1, 2].into(), "{due:?}");
    }
}
