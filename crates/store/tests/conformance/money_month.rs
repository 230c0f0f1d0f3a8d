//! What a month is reconciled by: who shows each payment, what is given of it here and there, and corrections across months.

use std::collections::BTreeMap;

use domain::payment::{Direction, PaymentOrder};
use domain::{DealId, InvoiceId, Money, OrganisationId, Slot, SlotKind};
use jiff::civil::{Date, date};
use store::*;

use crate::followed::{follow, gave, told};
use crate::money::{book, decide, link, order, put, see, share};
use crate::support::*;

const MARCH: (Date, Date) = (date(2026, 3, 1), date(2026, 3, 31));
const APRIL: (Date, Date) = (date(2026, 4, 1), date(2026, 4, 30));

async fn month(db: &Db, days: (Date, Date)) -> MonthFacts {
    db.store.money_month(&portal("a"), days).await.unwrap()
}

/// Number, in the bank, in accounting, given here.
fn seen(facts: &MonthFacts) -> Vec<(i64, bool, bool, i64)> {
    let payments = facts.payments.iter();
    payments
        .map(|one| {
            (
                one.number,
                one.in_bank,
                one.in_accounting.is_some(),
                one.given().kopecks(),
            )
        })
        .collect()
}

conformance! {
    async fn a_month_knows_who_shows_each_payment_and_what_is_given_of_it(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 60)]).await;
        assert_eq!(month(db, MARCH).await, MonthFacts::default());
        // Both, in other words; the bank alone; the accounting side alone, whose day is the order's.
        see(db, "march", &[order("1", 100), order("2", 60)]).await;
        let reworded = PaymentOrder { purpose: "За кабель".to_owned(), ..order("1", 100) };
        let unseen = PaymentOrder { booked: None, ..order("3", 30) };
        follow(db, &lease, vec![gave("x", reworded, &[("1", 100)]), told("y", unseen)]).await;
        decide(db, &[book(2, 0, vec![share("2", 50)])]).await;
        let facts = month(db, MARCH).await;
        assert_eq!(seen(&facts), [(3, false, true, 0), (1, true, true, 100), (2, true, false, 50)]);
        assert_eq!(facts.followed.iter().collect::<Vec<_>>(), [&OrganisationId::new("us")]);
        assert_eq!(facts.payments[1].in_accounting, Some(BTreeMap::from([(InvoiceId::new("id-1"), Money::from_kopecks(100))])));
        let shares = &facts.payments[2].shares;
        assert_eq!(shares[0].invoice.name, Some(("2".to_owned(), date(2026, 3, 1))));
        assert_eq!(shares[0].invoice.of_deal, Some((DealId(8), Slot::first(SlotKind::Whole))));
        assert_eq!((facts.payments[2].remaining.kopecks(), facts.payments[2].state), (10, PaymentState::Booked));
        assert!(facts.corrections.is_empty());
        // Another month and another portal know nothing of it.
        assert!(month(db, APRIL).await.payments.is_empty());
        assert_eq!(db.store.money_month(&portal("b"), MARCH).await.unwrap(), MonthFacts::default());
    }

    async fn of_equal_orders_as_many_are_the_banks_as_one_statement_shows(db: &Db) {
        let lease = leased(db, 1).await;
        see(db, "week", &[order("1", 100)]).await;
        see(db, "month", &[order("1", 100), order("1", 100)]).await;
        follow(db, &lease, vec![told("x", order("1", 100)), told("y", order("1", 100)), told("z", order("1", 100))]).await;
        let facts = month(db, MARCH).await;
        let in_bank = facts.payments.iter().filter(|one| one.in_bank).count();
        assert_eq!((facts.payments.len(), in_bank), (3, 2));
        // What was shown before there were likenesses is found by its key.
        db.meddle("UPDATE payment_sighting SET likeness = ''; UPDATE payment SET likeness = ''").await;
        assert_eq!(month(db, MARCH).await, facts);
    }

    async fn corrections_are_apart_where_they_cross_the_end_of_a_month(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 60)]).await;
        let refund = PaymentOrder { direction: Direction::Out, ..order("9", 5) };
        see(db, "march", &[order("1", 100), order("2", 60), refund]).await;
        decide(db, &[book(1, 0, vec![share("1", 100)]), book(2, 0, vec![share("2", 60)])]).await;
        let undo = async |payment, day| {
            let undone = db.store.money_undo(&portal("a"), payment, ("anna", "письмо № 4"), day, at(9)).await;
            assert!(matches!(undone.unwrap(), WasUndone::Done(_)));
        };
        // Within the month it is no news.
        undo(1, date(2026, 3, 31)).await;
        assert!(month(db, MARCH).await.corrections.is_empty());
        undo(2, date(2026, 4, 2)).await;
        let (march, april) = (month(db, MARCH).await, month(db, APRIL).await);
        assert_eq!(march.corrections, april.corrections);
        let [one] = march.corrections.as_slice() else { panic!("{march:#?}") };
        assert_eq!((one.payment, one.dated, one.corrects), (Some(2), date(2026, 4, 2), date(2026, 3, 12)));
        assert_eq!((one.author.as_str(), one.because.as_str()), ("anna", "письмо № 4"));
        let (invoice, amount) = one.share.as_ref().unwrap();
        assert_eq!((invoice.id.invoice.as_str(), amount.kopecks()), ("id-2", -60));
        assert!(april.payments.is_empty());
        let may = (date(2026, 5, 1), date(2026, 5, 31));
        assert_eq!(month(db, may).await, MonthFacts::default());
    }

    async fn a_correction_crosses_the_end_of_a_month_by_the_day_of_credit_that_is_known_by_now(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        let credited = |booked| PaymentOrder { date: date(2026, 3, 31), booked, ..order("1", 100) };
        // Given by the day of the order: the accounting side knows no other.
        follow(db, &lease, vec![gave("x", credited(None), &[("1", 100)])]).await;
        see(db, "april", &[credited(Some(date(2026, 4, 1)))]).await;
        let why = ("anna", "письмо № 4");
        let undone = db.store.money_undo(&portal("a"), 1, why, date(2026, 4, 2), at(9)).await;
        assert!(matches!(undone.unwrap(), WasUndone::Done(_)));
        for days in [MARCH, APRIL] {
            assert_eq!(month(db, days).await.corrections, []);
        }
        // Only what is taken back in a month after that.
        decide(db, &[Decision { undone: 1, ..book(1, 0, vec![share("1", 100)]) }]).await;
        let undone = db.store.money_undo(&portal("a"), 1, why, date(2026, 5, 2), at(10)).await;
        assert!(matches!(undone.unwrap(), WasUndone::Done(_)));
        let april = month(db, APRIL).await.corrections;
        let [one] = april.as_slice() else { panic!("{april:#?}") };
        assert_eq!((one.dated, one.corrects), (date(2026, 5, 2), date(2026, 4, 1)));
    }

    async fn of_effects_those_are_told_that_are_done_once_and_for_ever(db: &Db) {
        let lease = leased(db, 4711).await;
        let (done, sent) = (create(4711, 1, "a"), create(4711, 2, "b"));
        let effect = send_one(db, &lease, done.clone(), at(1)).await;
        let change = EffectChange::Done { outcome: serde_json::json!({}) };
        let record = Record { effects: vec![(effect.id, change)], ..Record::default() };
        db.store.record(&lease, record, at(2)).await.unwrap();
        send_one(db, &lease, sent.clone(), at(3)).await;
        let keys = [done.key.clone(), sent.key.clone(), "none".to_owned()];
        let told = db.store.effects_done(&portal("a"), &keys).await.unwrap();
        assert_eq!(told.into_iter().collect::<Vec<_>>(), [done.key]);
        assert!(db.store.effects_done(&portal("b"), &keys).await.unwrap().is_empty());
    }
}
