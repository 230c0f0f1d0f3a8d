//! The office's own books: numbers without a gap whatever dies, cancelled ones that stay, counterparties.

use domain::{Amounts, ContractorId, Counterparty, InvoiceDraft, InvoiceStatus, Money};
use serde_json::{Value, json};
use store::*;

use crate::support::*;

/// What deal `id` sells, on a day.
pub(crate) fn draft(id: u64, seller: &str, day: &str) -> InvoiceDraft {
    let draft = json!({
        "seller": seller,
        "buyer": {
            "key": { "inn": "7707083893", "kpp": "770701001" },
            "name": "ООО «Ромашка»", "full_name": null, "ogrn": null, "address": null,
        },
        "mode": "included",
        "lines": [{
            "name": format!("Кабель {id}"), "unit": { "okei": "796", "name": "шт" },
            "quantity": "2", "price": "61.00", "discount": null, "vat": "22",
        }],
        "currency": "RUB", "basis": null, "date": day, "due": null,
    });
    serde_json::from_value(draft).unwrap()
}

pub(crate) fn bill_of(draft: &InvoiceDraft, key: &str) -> NewBill {
    NewBill {
        key: key.to_owned(),
        contractor: ContractorId::new("7707083893/770701001"),
        draft: draft.clone(),
        totals: Amounts {
            net: Money::from_kopecks(10_000),
            vat: Money::from_kopecks(2_200),
            gross: Money::from_kopecks(12_200),
        },
        test: false,
        prefix: String::from("СВ-"),
        first: 1,
    }
}

/// The create of deal `id` with this draft, decided to be sent at `now`.
pub(crate) async fn sent(
    db: &Db,
    lease: &Lease,
    id: u64,
    draft: &InvoiceDraft,
    now: i64,
) -> Effect {
    let new = create(id, 1, draft.revision().as_str());
    send_one(db, lease, new, at(now)).await
}

/// An invoice of deal `id`, issued.
pub(crate) async fn issued(db: &Db, lease: &Lease, id: u64, seller: &str) -> OfficeBill {
    let draft = draft(id, seller, "2026-03-02");
    let effect = sent(db, lease, id, &draft, 1).await;
    match record(db, &bill_of(&draft, &effect.key), 1).await {
        Recorded::Bill(bill) => *bill,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn record(db: &Db, new: &NewBill, now: i64) -> Recorded {
    db.store
        .office_record(&portal("a"), new, at(now))
        .await
        .unwrap()
}

async fn numbers(db: &Db) -> Vec<String> {
    let bills = db.store.office_bills(&portal("a"), 0).await.unwrap();
    bills.into_iter().map(|bill| bill.number).collect()
}

async fn change(db: &Db, lease: &Lease, id: i64, change: EffectChange) {
    let record = Record {
        effects: vec![(id, change)],
        ..Record::default()
    };
    db.store.record(lease, record, at(2)).await.unwrap();
}

conformance! {
    async fn two_processes_at_once_leave_no_gap_and_give_no_number_twice(db: &Db) {
        let lease = leased(db, 1).await;
        let other = db.another().await;
        let mut under_way = Vec::new();
        for id in 1..=40 {
            let draft = draft(id, "us", "2026-03-02");
            let effect = sent(db, &lease, id, &draft, 1).await;
            under_way.push(bill_of(&draft, &effect.key));
        }
        // Each of them by both, as after a takeover: still one invoice for each.
        let (a, moment) = (portal("a"), at(1));
        let by_both = under_way.iter().flat_map(|new| {
            [&db.store, &other].map(|store| store.office_record(&a, new, moment))
        });
        for recorded in futures_util::future::join_all(by_both).await {
            assert!(matches!(recorded, Ok(Recorded::Bill(_))), "{recorded:?}");
        }
        let wanted: Vec<String> = (1..=40).map(|number| format!("СВ-{number}")).collect();
        assert_eq!(numbers(db).await, wanted);
    }

    async fn what_fails_before_its_end_takes_no_number(db: &Db) {
        let lease = leased(db, 1).await;
        issued(db, &lease, 1, "us").await;
        let draft = draft(2, "us", "2026-03-02");
        let effect = sent(db, &lease, 2, &draft, 1).await;
        let new = bill_of(&draft, &effect.key);
        for (statement, fault) in [
            ("TAKE_NUMBER", Fault::DiskFull),
            ("PUT_BILL", Fault::DiskFull),
            ("PUT_BILL", Fault::DiskFullAtCommit),
            ("PUT_BILL", Fault::UnknownCommitLost),
        ] {
            db.store.faults().fail_nth_of(statement, 1, fault);
            let failed = db.store.office_record(&portal("a"), &new, at(1)).await;
            assert!(failed.is_err(), "{statement} {fault:?}");
            let keys = [new.key.clone()];
            assert!(db.store.office_bills_by_key(&portal("a"), &keys).await.unwrap().is_empty());
        }
        let Recorded::Bill(bill) = record(db, &new, 1).await else { panic!("not recorded") };
        assert_eq!(bill.number, "СВ-2");
        assert_eq!(numbers(db).await, ["СВ-1", "СВ-2"]);
    }

    async fn an_answer_that_is_lost_is_found_by_its_key(db: &Db) {
        let lease = leased(db, 1).await;
        let bill = issued(db, &lease, 1, "us").await;
        let keys = [bill.key.clone(), String::from("portal/deal/9/invoice/whole/1")];
        let found = db.store.office_bills_by_key(&portal("a"), &keys).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&bill));
        let again = bill_of(&bill.draft, &bill.key);
        assert_eq!(record(db, &again, 5).await, Recorded::Bill(Box::new(bill.clone())));
        // Also when its effect has long been settled.
        let effect = db.store.known(&portal("a"), &[deal(1)]).await.unwrap().effects[0].id;
        change(db, &lease, effect, EffectChange::Done { outcome: json!(1) }).await;
        assert_eq!(record(db, &again, 9_000).await, Recorded::Bill(Box::new(bill.clone())));
        let mut other = again;
        other.draft.lines[0].name = String::from("Другое");
        assert_eq!(record(db, &other, 5).await, Recorded::OfAnotherRevision(Box::new(bill)));
        assert_eq!(numbers(db).await, ["СВ-1"]);
    }

    async fn a_create_that_is_not_under_way_records_nothing(db: &Db) {
        let lease = leased(db, 1).await;
        let known = draft(1, "us", "2026-03-02");
        let new = bill_of(&known, &create(1, 1, "x").key);
        assert_eq!(record(db, &new, 1).await, Recorded::NotUnderWay, "nobody sent it");
        let effect = sent(db, &lease, 1, &known, 1).await;
        assert_eq!(record(db, &new, 4).await, Recorded::NotUnderWay, "its time is over");
        let mut other = new.clone();
        other.draft.lines[0].name = String::from("Другое");
        assert_eq!(record(db, &other, 1).await, Recorded::NotUnderWay, "another was sent");
        // A process that froze before its create wakes up after the proof of its absence.
        let error = String::from("absent");
        change(db, &lease, effect.id, EffectChange::BackToIntended { error, not_before: None, counts: true }).await;
        assert_eq!(record(db, &new, 1).await, Recorded::NotUnderWay, "it was given up");
        assert!(numbers(db).await.is_empty());
        assert_eq!(db.store.office_next(&portal("a"), &"us".parse().unwrap(), 2026).await.unwrap(), None);
    }

    async fn each_organisation_and_year_has_its_series_and_goes_on_where_a_person_says(db: &Db) {
        let lease = leased(db, 1).await;
        for (id, seller, day, first, number) in [
            (1, "us", "2026-12-31", 118, "СВ-118"),
            (2, "us", "2027-01-01", 1, "СВ-1"),
            (3, "they", "2026-12-31", 1, "СВ-1"),
            // The word of the settings is a floor: it neither goes back nor gives a number twice.
            (4, "us", "2026-12-31", 118, "СВ-119"),
            (5, "us", "2026-12-31", 1, "СВ-120"),
            (6, "us", "2026-12-31", 200, "СВ-200"),
            (7, "us", "2027-01-02", 1, "СВ-2"),
        ] {
            let draft = draft(id, seller, day);
            let effect = sent(db, &lease, id, &draft, 1).await;
            let new = NewBill { first, ..bill_of(&draft, &effect.key) };
            let Recorded::Bill(bill) = record(db, &new, 1).await else { panic!("{id}") };
            assert_eq!((bill.number.as_str(), bill.deal.get()), (number, id));
        }
        let next = async |year| db.store.office_next(&portal("a"), &"us".parse().unwrap(), year).await.unwrap();
        assert_eq!((next(2026).await, next(2027).await, next(2028).await), (Some(201), Some(3), None));
        let ids: Vec<String> = db.store.office_bills(&portal("a"), 2027).await.unwrap()
            .into_iter().map(|bill| bill.id.to_string()).collect();
        assert_eq!(ids, ["2027-1", "2027-2"]);
    }

    async fn a_number_from_elsewhere_leaves_the_series_alone_and_is_given_once(db: &Db) {
        let lease = leased(db, 1).await;
        let mut told = Vec::new();
        for (id, number) in [(1, None), (2, Some("17-Б")), (3, Some("17-Б")), (4, Some("СВ-2")), (5, None), (6, Some("СВ-3"))] {
            let mut draft = draft(id, "us", "2026-03-02");
            draft.number = number.map(str::to_owned);
            let effect = sent(db, &lease, id, &draft, 1).await;
            let recorded = record(db, &bill_of(&draft, &effect.key), 1).await;
            told.push(match recorded {
                Recorded::Bill(bill) => format!("{} {}", bill.id, bill.number),
                other => format!("{other:?}"),
            });
        }
        // The series passes over a number that somebody bears already, and every number is in the register.
        assert_eq!(
            told,
            ["2026-1 СВ-1", "2026-own-1 17-Б", "NumberTaken", "2026-own-2 СВ-2", "2026-3 СВ-3", "NumberTaken"]
        );
        assert_eq!(numbers(db).await, ["СВ-2", "17-Б", "СВ-1", "СВ-3"]);
    }

    async fn a_number_from_elsewhere_is_none_that_was_given_by_hand(db: &Db) {
        let lease = leased(db, 1).await;
        let mut told = Vec::new();
        for (id, number) in [(1, "СВ-117"), (2, "СВ-007"), (3, "117"), (4, "СВ-118"), (5, "СВ-117-1")] {
            let mut draft = draft(id, "us", "2026-03-02");
            draft.number = Some(number.to_owned());
            let effect = sent(db, &lease, id, &draft, 1).await;
            let new = NewBill { first: 118, ..bill_of(&draft, &effect.key) };
            told.push(match record(db, &new, 1).await {
                Recorded::Bill(bill) => bill.number,
                other => format!("{other:?}"),
            });
        }
        // Who only asks is told the same; the year and the organisation are part of it.
        let taken = async |organisation: &str, year, number: &str| {
            let series = Series { organisation: organisation.parse().unwrap(), year, prefix: String::from("СВ-"), first: 118 };
            db.store.office_is_taken(&portal("a"), &series, number).await.unwrap()
        };
        for (number, expected) in [("СВ-117", true), ("117", true), ("СВ-118", true), ("СВ-119", false), ("118", false)] {
            assert_eq!(taken("us", 2026, number).await, expected, "{number}");
        }
        assert!(!taken("us", 2027, "117").await && !taken("them", 2026, "117").await);
        // The series has a prefix: without it a number is another.
        assert_eq!(told, ["NumberTaken", "NumberTaken", "117", "СВ-118", "СВ-117-1"]);
    }

    async fn a_cancelled_invoice_keeps_its_number_and_its_deal_is_looked_at(db: &Db) {
        let lease = leased(db, 1).await;
        let bill = issued(db, &lease, 1, "us").await;
        let cancelled = Cancelled { at: at(5), by: String::from("anna"), because: String::from("ошибка") };
        let cancel = async |id: &str| {
            let id = id.parse().unwrap();
            db.store.office_cancel(&portal("a"), &bill.organisation, &id, &cancelled).await.unwrap()
        };
        assert!(!cancel("2026-9").await);
        assert!(cancel("2026-1").await);
        assert!(!cancel("2026-1").await, "once");
        let found = db.store.office_bills_by_number(&portal("a"), "СВ-1").await.unwrap();
        assert_eq!(found[0].cancelled.as_ref(), Some(&cancelled));
        assert_eq!(found[0].invoice().status, InvoiceStatus::Cancelled);
        let due = db.store.work_take(&lease, Lane::Click, 5, &[], at(5)).await.unwrap();
        let due: Vec<String> = due.iter().map(|work| work.subject.to_string()).collect();
        assert_eq!(due, ["invoice/us/2026-1"]);
        db.store.record(&lease, Record::default(), at(6)).await.unwrap();
        let filter = JournalFilter { subject: Some(deal(1)), ..JournalFilter::default() };
        let told = db.store.journal_read(&portal("a"), &filter).await.unwrap();
        assert_eq!(told[0].entry.body["because"], "ошибка");
        assert_eq!(issued(db, &lease, 2, "us").await.number, "СВ-2");
        assert_eq!(numbers(db).await, ["СВ-1", "СВ-2"]);
    }

    async fn a_bill_is_read_as_it_was_written(db: &Db) {
        let lease = leased(db, 1).await;
        let bill = issued(db, &lease, 1, "us").await;
        let ids = [bill.id.clone(), "2026-77".parse().unwrap()];
        let read = db.store.office_bills_by_id(&portal("a"), &bill.organisation, &ids).await.unwrap();
        assert_eq!(read, [bill]);
        let invoice = read[0].invoice();
        assert_eq!((invoice.totals.net.kopecks(), invoice.totals.vat.kopecks()), (10_000, 2_200));
        assert_eq!(invoice.status, InvoiceStatus::Issued);
        let strangers = db.store.office_bills_by_id(&portal("b"), &read[0].organisation, &ids).await;
        assert!(strangers.unwrap().is_empty(), "a portal sees its own");
    }

    async fn counterparties_are_known_by_inn_and_kpp(db: &Db) {
        leased(db, 1).await;
        let us = "us".parse().unwrap();
        let party = |inn: &str, kpp: Value, name: &str| -> Counterparty {
            serde_json::from_value(json!({
                "key": { "inn": inn, "kpp": kpp }, "name": name,
                "full_name": null, "ogrn": null, "address": null,
            })).unwrap()
        };
        let head = party("7707083893", json!("770701001"), "Голова");
        let branch = party("7707083893", json!("997250001"), "Филиал");
        let trader = party("123456789047", Value::Null, "ИП");
        for one in [&head, &branch, &trader, &party("7707083893", json!("770701001"), "Иначе")] {
            db.store.office_counterparty_put(&portal("a"), &us, one, at(1)).await.unwrap();
        }
        let inns = [head.key.who.clone(), trader.key.who.clone()];
        let found = db.store.office_counterparties(&portal("a"), &us, &inns).await.unwrap();
        assert_eq!(found, [trader, head, branch]);
        let others = db.store.office_counterparties(&portal("a"), &"they".parse().unwrap(), &inns).await;
        assert!(others.unwrap().is_empty());
    }
}
