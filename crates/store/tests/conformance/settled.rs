//! Invoices closed without a bank line: once, by the rules of the ledger, shown to the deal, and taken back by a correction.

use domain::ledger::{Settlement, SettlementKind};
use domain::{DealId, Money};
use jiff::civil::{Date, date};
use serde_json::json;
use store::*;

use crate::money::{book, decide, link, order, put, receipts, see, share};
use crate::support::*;

fn new(number: &str, kopecks: Option<i64>) -> NewSettlement {
    NewSettlement {
        invoice: share(number, 1).invoice,
        amount: kopecks.map(Money::from_kopecks),
        settlement: Settlement {
            kind: SettlementKind::Netting,
            document: "Акт зачёта № 4 от 20.03.2026".to_owned(),
            author: "anna".to_owned(),
        },
        dated: date(2026, 3, 20),
    }
}

pub(crate) async fn settle(db: &Db, number: &str, kopecks: Option<i64>) -> InvoiceSettled {
    let (portal, new) = (portal("a"), new(number, kopecks));
    let settled = db.store.money_settle(&portal, &new, at(4)).await;
    settled.unwrap()
}

pub(crate) async fn unsettle(db: &Db, number: i64) -> Option<Vec<DealId>> {
    let (portal, because) = (portal("a"), ("anna", "акт отменён"));
    let today = date(2026, 4, 1);
    let undone = db
        .store
        .money_unsettle(&portal, number, because, today, at(5));
    undone.await.unwrap()
}

fn more_than(kopecks: i64) -> InvoiceSettled {
    InvoiceSettled::MoreThanOpen {
        open: Money::from_kopecks(kopecks),
    }
}

/// The question how the bill of deal 7 was paid, as it is open.
async fn asked(db: &Db, lease: &Lease, about: &str) -> Case {
    let code = "INVOICE-MARKED-PAID".to_owned();
    let facts = CaseFacts {
        cause: code.clone(),
        key: code.clone(),
        code,
        subject: deal(7),
        facts: json!({ "about": about }),
        text: "По каким деньгам?".to_owned(),
        waits_for: Vec::new(),
    };
    let record = Record {
        cases: vec![CaseChange::Open(facts)],
        ..Record::default()
    };
    db.store.record(lease, record, at(3)).await.unwrap();
    let filter = CaseFilter::default();
    let open = db.store.cases_open(&portal("a"), &filter).await.unwrap();
    open.into_iter().next().unwrap()
}

async fn answer(db: &Db, seen: &Case, number: &str) -> Option<InvoiceSettled> {
    let (portal, choice) = (portal("a"), json!({"choice": "settle"}));
    let new = new(number, None);
    let settled = db.store.case_settle(&portal, (seen, &choice), &new, at(4));
    settled.await.unwrap()
}

const MARCH: (Date, Date) = (date(2026, 3, 1), date(2026, 3, 31));

conformance! {
    async fn an_invoice_is_closed_without_a_payment_and_never_above_what_is_open(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 30)]).await;
        decide(db, &[book(1, 0, vec![share("1", 30)])]).await;
        assert_eq!(settle(db, "9", None).await, InvoiceSettled::NoInvoice);
        assert_eq!(settle(db, "1", Some(71)).await, more_than(70));
        assert_eq!(settle(db, "1", Some(0)).await, more_than(70));
        let InvoiceSettled::Done { number, deal, amount, open } = settle(db, "1", Some(20)).await else { panic!("it is refused") };
        assert_eq!((deal, amount.kopecks(), open.kopecks()), (DealId(7), 20, 50));
        let InvoiceSettled::Done { amount, open, .. } = settle(db, "1", None).await else { panic!("it is refused") };
        assert_eq!((amount.kopecks(), open.kopecks()), (50, 0));
        assert_eq!(settle(db, "1", None).await, more_than(0));
        // A payment finds nothing open any more.
        see(db, "april", &[order("6", 40)]).await;
        assert_eq!(decide(db, &[book(2, 0, vec![share("1", 40)])]).await, [Decided::Refused]);
        // The deal is told of all of it.
        let told = receipts(db, 7).await;
        let amounts: Vec<i64> = told.iter().map(|one| one.amount.kopecks()).collect();
        assert_eq!(amounts, [30, 20, 50]);
        assert!(matches!(&told[0].means, Means::Payment { payment: 1, .. }));
        assert_eq!((told[1].transaction, told[1].dated), (number, date(2026, 3, 20)));
        assert_eq!(told[1].means, Means::Settlement(new("1", None).settlement));
    }

    async fn what_an_adopted_invoice_was_paid_before_is_not_closed_once_more(db: &Db) {
        let lease = leased(db, 1).await;
        let mut adopted = link(7, 1, "1", 100);
        adopted.draft["paid_before"] = json!(60);
        adopted.draft["adopted_on"] = json!("2026-03-12");
        put(db, &lease, vec![adopted]).await;
        assert_eq!(settle(db, "1", Some(41)).await, more_than(40));
        let InvoiceSettled::Done { amount, open, .. } = settle(db, "1", None).await else { panic!("it is refused") };
        assert_eq!((amount.kopecks(), open.kopecks()), (40, 0));
        assert_eq!((settle(db, "1", None).await, settle(db, "1", Some(1)).await), (more_than(0), more_than(0)));
        // What is dated before may be that very money.
        let before = NewSettlement { dated: date(2026, 3, 11), ..new("1", Some(60)) };
        let settled = db.store.money_settle(&portal("a"), &before, at(4)).await.unwrap();
        let InvoiceSettled::Done { amount, open, .. } = settled else { panic!("{settled:?}") };
        assert_eq!((amount.kopecks(), open.kopecks()), (60, 0));
    }

    async fn what_is_closed_already_is_not_closed_the_same_way_twice(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        let InvoiceSettled::Done { number, .. } = settle(db, "1", Some(40)).await else { panic!("it is refused") };
        assert_eq!(settle(db, "1", Some(40)).await, InvoiceSettled::Already { number });
        let balances = db.store.money_invoices(&portal("a"), &["1".to_owned()]).await.unwrap();
        assert_eq!(balances[0].1.open().kopecks(), 60);
        // Another document is another settlement.
        let mut second = new("1", Some(40));
        second.settlement.document = "Акт зачёта № 5 от 20.03.2026".to_owned();
        let second = db.store.money_settle(&portal("a"), &second, at(4)).await.unwrap();
        assert!(matches!(second, InvoiceSettled::Done { .. }), "{second:?}");
        // Also where no more is open than that; and what was taken back does not stand.
        assert_eq!(settle(db, "1", Some(40)).await, InvoiceSettled::Already { number });
        unsettle(db, number).await;
        assert!(matches!(settle(db, "1", Some(40)).await, InvoiceSettled::Done { .. }));
    }

    async fn what_was_closed_is_taken_back_once_by_a_correction(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        let InvoiceSettled::Done { number, .. } = settle(db, "1", None).await else { panic!("it is refused") };
        let listed = db.store.money_settlements(&portal("a"), i64::MAX, 10).await.unwrap();
        assert_eq!((listed.len(), listed[0].number, listed[0].name.0.as_str(), listed[0].undone.as_deref()), (1, number, "1", None));
        assert_eq!(unsettle(db, number + 1).await, None);
        assert_eq!(unsettle(db, number).await, Some(vec![DealId(7)]));
        assert_eq!(unsettle(db, number).await, None);
        let listed = db.store.money_settlements(&portal("a"), i64::MAX, 10).await.unwrap();
        assert_eq!(listed[0].undone.as_deref(), Some("акт отменён"));
        assert!(db.store.money_settlements(&portal("a"), number, 10).await.unwrap().is_empty());
        let told = receipts(db, 7).await;
        assert_eq!(told[0].undone, Some((number + 1, "акт отменён".to_owned())));
        // All of it is open again.
        let balances = db.store.money_invoices(&portal("a"), &["1".to_owned()]).await.unwrap();
        assert_eq!(balances[0].1.open().kopecks(), 100);
        assert!(matches!(settle(db, "1", None).await, InvoiceSettled::Done { .. }));
    }

    async fn a_question_is_answered_by_a_settlement_once_and_with_it_or_not_at_all(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        see(db, "march", &[order("5", 30)]).await;
        decide(db, &[book(1, 0, vec![share("1", 30)])]).await;
        let before = asked(db, &lease, "whole/1=1").await;
        let seen = asked(db, &lease, "whole/1=2").await;
        assert_eq!(answer(db, &before, "1").await, None, "it asks something else by now");
        assert_eq!(answer(db, &seen, "9").await, Some(InvoiceSettled::NoInvoice));
        let case = db.store.case_get(&portal("a"), seen.id).await.unwrap().unwrap();
        assert_eq!(case.state, CaseState::Open);
        let Some(InvoiceSettled::Done { number, amount, open, .. }) = answer(db, &seen, "1").await else { panic!("it is refused") };
        assert_eq!((amount.kopecks(), open.kopecks()), (70, 0));
        let case = db.store.case_get(&portal("a"), seen.id).await.unwrap().unwrap();
        assert_eq!((case.state, case.answered_by.as_deref()), (CaseState::Answered, Some("anna")));
        assert_eq!(case.answer, Some(json!({"choice": "settle"})));
        assert_eq!(answer(db, &seen, "1").await, None);
        // Asked once more where nothing is open: nothing is recorded, and it stays a question.
        let seen = asked(db, &lease, "whole/1=2").await;
        assert_eq!(answer(db, &seen, "1").await, Some(more_than(0)));
        let case = db.store.case_get(&portal("a"), seen.id).await.unwrap().unwrap();
        assert_eq!(case.state, CaseState::Open);
        // Taken back, it may be said again in the same words; a larger bill is no second press.
        unsettle(db, number).await;
        let Some(InvoiceSettled::Done { .. }) = answer(db, &seen, "1").await else { panic!("it is refused") };
        put(db, &lease, vec![link(7, 1, "1", 170)]).await;
        let seen = asked(db, &lease, "whole/1=2").await;
        let Some(InvoiceSettled::Done { amount, open, .. }) = answer(db, &seen, "1").await else { panic!("it is refused") };
        assert_eq!((amount.kopecks(), open.kopecks()), (70, 0));
    }

    async fn a_question_is_answered_by_one_settlement_whoever_presses_beside_and_whatever_a_look_records(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100)]).await;
        let other = if db.form == Form::Inline { db.store.clone() } else { db.another().await };
        let (id, choice, new) = (portal("a"), json!({"choice": "settle"}), new("1", None));
        for round in 1..=10 {
            let seen = asked(db, &lease, &format!("whole/1={round}")).await;
            let look = Record {
                invoice_links: vec![link(7, 1, "1", 100)],
                cases: vec![CaseChange::Open(seen.facts.clone())],
                ..Record::default()
            };
            let (one, two, recorded) = tokio::join!(
                db.store.case_settle(&id, (&seen, &choice), &new, at(4)),
                other.case_settle(&id, (&seen, &choice), &new, at(4)),
                other.record(&lease, look, at(4)),
            );
            recorded.unwrap();
            let done: Vec<InvoiceSettled> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
            let [InvoiceSettled::Done { number, amount, .. }] = done.as_slice() else { panic!("{done:?}") };
            assert_eq!(amount.kopecks(), 100);
            assert!(unsettle(db, *number).await.is_some());
        }
    }

    async fn a_month_tells_what_was_closed_without_a_bank_apart(db: &Db) {
        let lease = leased(db, 1).await;
        put(db, &lease, vec![link(7, 1, "1", 100), link(8, 1, "2", 60)]).await;
        settle(db, "1", None).await;
        let InvoiceSettled::Done { number, .. } = settle(db, "2", None).await else { panic!("it is refused") };
        unsettle(db, number).await;
        let march = db.store.money_month(&portal("a"), MARCH).await.unwrap();
        let [one] = march.settlements.as_slice() else { panic!("{march:#?}") };
        assert_eq!((one.amount.kopecks(), one.dated), (100, date(2026, 3, 20)));
        assert_eq!(one.invoice.name, Some(("1".to_owned(), date(2026, 3, 1))));
        assert!(march.payments.is_empty());
        // The other was taken back in April.
        let [one] = march.corrections.as_slice() else { panic!("{march:#?}") };
        assert_eq!((one.payment, one.organisation.as_str(), one.dated), (None, "us", date(2026, 4, 1)));
        assert_eq!(one.share.as_ref().map(|(_, amount)| amount.kopecks()), Some(-60));
    }
}
