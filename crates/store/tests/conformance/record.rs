//! A record is stored whole or not at all, and what is known comes back as it was written.

use domain::{ContractorId, DealId, InvoiceId, Money, OrganisationId, Slot, SlotKind};
use jiff::civil::date;
use serde_json::json;
use store::*;

use crate::support::*;

fn invoice_link(id: u64, invoice: &str, live: bool) -> InvoiceLink {
    InvoiceLink {
        deal: DealId(id),
        slot: Slot::first(SlotKind::Whole),
        organisation: OrganisationId::new("org"),
        invoice: InvoiceId::new(invoice),
        contractor: ContractorId::new("buyer"),
        number: String::from("СЧ-0001"),
        date: date(2026, 3, 2),
        total: Money::from_kopecks(15_000_099),
        revision: String::from("r1"),
        status: String::from("issued"),
        live,
        draft: json!({ "lines": [{ "цена": "100.00" }] }),
        updated_at: at(7),
    }
}

fn counterparty_link() -> CounterpartyLink {
    CounterpartyLink {
        organisation: OrganisationId::new("org"),
        key: "7707083893/770801001".parse().unwrap(),
        contractor: ContractorId::new("buyer"),
    }
}

conformance! {
    async fn what_was_recorded_is_known_afterwards(db: &Db) {
        let lease = leased(db, 1).await;
        let effect = send_one(db, &lease, create(1, 1, "r1"), at(0)).await;
        let record = Record {
            effects: vec![(effect.id, EffectChange::Done { outcome: json!({ "number": "СЧ-0001" }) })],
            invoice_links: vec![invoice_link(1, "inv-1", true), invoice_link(2, "inv-2", false)],
            counterparty_links: vec![counterparty_link()],
            journal: vec![JournalEntry { at: at(7), subject: Some(deal(1)), kind: String::from("effect"), body: json!({}) }],
            looks: vec![look(deal(3), Lane::Trailing, at(9))],
            cursors: vec![(String::from("deals"), String::from("2026-03-02"))],
            facts: vec![(String::from("chat"), String::from("77"))],
            ..Record::default()
        };
        db.store.record(&lease, record, at(7)).await.unwrap();
        let known = db.store.known(&portal("a"), &[deal(1), deal(2), deal(999)]).await.unwrap();
        assert_eq!(known.invoice_links, [invoice_link(1, "inv-1", true), invoice_link(2, "inv-2", false)]);
        assert_eq!(known.counterparty_links, [counterparty_link()]);
        assert_eq!(known.effects.len(), 1);
        assert_eq!(db.store.cursor_get(&portal("a"), "deals").await.unwrap().as_deref(), Some("2026-03-02"));
        assert_eq!(db.store.fact_get(&portal("a"), "chat").await.unwrap().as_deref(), Some("77"));
        assert_eq!(db.store.facts(&portal("a")).await.unwrap().len(), 1);
        assert_eq!(db.store.work_take(&lease, Lane::Trailing, 5, &[], at(9)).await.unwrap().len(), 1);
    }

    async fn links_are_found_by_invoice_by_counterparty_and_by_deal(db: &Db) {
        let lease = leased(db, 1).await;
        let links: Vec<InvoiceLink> = (1..=9).map(|n| invoice_link(n * 10, &format!("inv-{n}"), n % 2 == 1)).collect();
        let record = Record {
            invoice_links: links.clone(),
            counterparty_links: vec![counterparty_link(), CounterpartyLink {
                key: "contact-9".parse().unwrap(),
                contractor: ContractorId::new("person"),
                ..counterparty_link()
            }],
            ..Record::default()
        };
        db.store.record(&lease, record, at(7)).await.unwrap();
        let org = OrganisationId::new("org");
        let wanted = [InvoiceId::new("inv-3"), InvoiceId::new("inv-404")];
        let found = db.store.invoice_links_of_invoice(&portal("a"), &org, &wanted).await.unwrap();
        assert_eq!(found, [links[2].clone()]);
        let nobody = OrganisationId::new("other");
        assert!(db.store.invoice_links_of_invoice(&portal("a"), &nobody, &wanted).await.unwrap().is_empty());
        let first = db.store.linked_open_deals(&portal("a"), None, 2).await.unwrap();
        assert_eq!(first, [DealId(10), DealId(30)]);
        let rest = db.store.linked_open_deals(&portal("a"), Some(DealId(30)), 9).await.unwrap();
        assert_eq!(rest, [DealId(50), DealId(70), DealId(90)]);
        // Another KPP of the same INN proposes; who has no INN is found by our own id.
        let keys = ["7707083893/770801099".parse().unwrap(), "contact-9".parse().unwrap()];
        let found = db.store.counterparty_links(&portal("a"), &org, &keys).await.unwrap();
        assert_eq!(found.iter().map(|link| link.contractor.as_str()).collect::<Vec<_>>(), ["buyer", "person"]);
    }

    async fn a_link_is_replaced_in_its_slot_and_an_invoice_stands_in_one_slot(db: &Db) {
        let lease = leased(db, 1).await;
        for invoice in ["inv-1", "inv-2"] {
            let record = Record { invoice_links: vec![invoice_link(1, invoice, true)], ..Record::default() };
            db.store.record(&lease, record, at(7)).await.unwrap();
        }
        assert_eq!(db.store.known(&portal("a"), &[deal(1)]).await.unwrap().invoice_links, [invoice_link(1, "inv-2", true)]);
        let stolen = Record { invoice_links: vec![invoice_link(2, "inv-2", true)], ..Record::default() };
        assert!(db.store.record(&lease, stolen, at(8)).await.is_err());
    }

    async fn fifty_subjects_are_known_at_once(db: &Db) {
        let lease = leased(db, 1).await;
        let effects: Vec<NewEffect> = (1..=50).map(|n| create(n, 1, "r1")).collect();
        let sent = db.store.effects_send(&lease, &effects, 0, at(0)).await.unwrap();
        assert!(sent.iter().all(|decision| matches!(decision, SendDecision::Send(_))));
        let subjects: Vec<Subject> = (1..=50).map(deal).collect();
        assert_eq!(db.store.known(&portal("a"), &subjects).await.unwrap().effects.len(), 50);
        assert_eq!(db.store.known(&portal("a"), &[]).await.unwrap(), Known::default());
    }
}
