//! Invoices that were cancelled or deleted, or closed without a bank line, are found by the numbers that payers still name.

use domain::InvoiceId;
use domain::matching::Gone;
use domain::purpose::NumberKey;
use jiff::civil::date;
use store::*;

use crate::money::{book, decide, link, order, put, see, share};
use crate::settled::{settle, unsettle};
use crate::support::*;

conformance! {
    async fn what_was_taken_back_is_found_by_its_number_with_what_became_of_it(db: &Db) {
        let lease = leased(db, 1).await;
        let taken_back = |deal, number, status: &str| InvoiceLink { status: status.to_owned(), ..link(deal, 1, number, 100) };
        let deleted = InvoiceLink { live: false, ..taken_back(8, "УТ-2", "deleted") };
        put(db, &lease, vec![taken_back(7, "УТ-1", "cancelled"), deleted, link(9, 1, "УТ-3", 100)]).await;
        let found = async |number: &str| {
            let gone = db.store.money_gone(&portal("a"), &[NumberKey::of(number)]).await.unwrap();
            let gone = gone.into_iter().map(|one| {
                assert_eq!(one.date, link(7, 1, "1", 1).date);
                assert!(one.buyer.is_some());
                (one.number, one.how)
            });
            gone.collect::<Vec<_>>()
        };
        assert_eq!(found("ут-1").await, [("УТ-1".to_owned(), Gone::Cancelled)]);
        assert_eq!(found("УТ-2").await, [("УТ-2".to_owned(), Gone::Deleted)]);
        assert_eq!(found("УТ-3").await, []);
        // The number is free for another, which may be meant where it is of that day, or paid.
        let again = |day| InvoiceLink { invoice: InvoiceId::new("id-again"), date: day, ..link(10, 1, "УТ-2", 100) };
        put(db, &lease, vec![again(date(2026, 3, 1))]).await;
        assert_eq!(found("УТ-2").await, []);
        put(db, &lease, vec![again(date(2026, 3, 5))]).await;
        assert_eq!(found("УТ-2").await, [("УТ-2".to_owned(), Gone::Deleted)]);
        see(db, "march", &[order("1", 100)]).await;
        assert_eq!(decide(db, &[book(1, 0, vec![share("again", 100)])]).await, [Decided::Done]);
        assert_eq!(found("УТ-2").await, []);
    }

    async fn what_is_closed_without_a_bank_is_found_with_what_closed_it_until_that_is_taken_back(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 30)]).await;
        decide(db, &[book(1, 0, vec![share("1", 30)])]).await;
        let found = async || {
            let gone = db.store.money_gone(&portal("a"), &[NumberKey::of("1")]).await.unwrap();
            gone.into_iter().map(|one| one.how).collect::<Vec<_>>()
        };
        let InvoiceSettled::Done { number: first, .. } = settle(db, "1", Some(20)).await else { panic!("it is refused") };
        assert_eq!(found().await, [], "a part of it is open");
        let InvoiceSettled::Done { number: last, .. } = settle(db, "1", None).await else { panic!("it is refused") };
        assert_eq!(found().await, [Gone::Closed { by: last }, Gone::Closed { by: first }]);
        unsettle(db, first).await;
        assert_eq!(found().await, []);
        see(db, "april", &[order("6", 20)]).await;
        decide(db, &[book(2, 0, vec![share("1", 20)])]).await;
        assert_eq!(found().await, [Gone::Closed { by: last }]);
    }
}
