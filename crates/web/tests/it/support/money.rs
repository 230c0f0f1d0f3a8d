//! An office whose policy books, with two open invoices of one buyer.

use std::time::Duration;

use domain::{ContractorId, DealId, InvoiceId, Money, OrganisationId, Slot, SlotKind};
use jiff::civil::date;
use serde_json::json;
use store::{InvoiceLink, Lane, Look, Record, Subject};
use testkit::builders::portal;
use testkit::time::at;

use super::browser::{Answer, Browser};
use super::office::Office;

/// Account and organisation of the shipped policy.
pub(crate) const ACCOUNT: &str = "40702810900000012345";
pub(crate) const US: &str = "2f6c1a9e-0000-4000-8000-000000000001";
pub(crate) const BUYER: &str = "7728168971";
pub(crate) const HOSTILE: &str = "\"><img src=x onerror=alert(1)>\u{202e}'&";

pub(crate) async fn office() -> Office {
    booking(Office::open().await).await
}

/// The policy says that we book, and two invoices of one buyer are open.
pub(crate) async fn booking(office: Office) -> Office {
    booking_beside(office, Vec::new()).await
}

/// The same beside other invoices.
pub(crate) async fn booking_beside(office: Office, others: Vec<InvoiceLink>) -> Office {
    let store = &office.store;
    let text = include_str!("../../../../../config/policy.toml");
    let added = store
        .policy_add(&portal(), 0, &json!({"toml": text}), "test", at(0))
        .await;
    assert!(added.unwrap().is_some());
    let look = Look {
        subject: Subject::deal(DealId(1)),
        lane: Lane::Due,
        due_at: at(0),
        reason: "test".to_owned(),
    };
    store.look(&portal(), &[look]).await.unwrap();
    let lease = store
        .lease_acquire("test", Duration::from_secs(3_600), at(0))
        .await;
    let lease = lease.unwrap().unwrap();
    let ours = vec![invoice(1, "117", 100_000), invoice(2, "118", 30_000)];
    let record = Record {
        invoice_links: [ours, others].concat(),
        ..Record::default()
    };
    store.record(&lease, record, at(0)).await.unwrap();
    office
}

pub(crate) fn invoice(deal: u64, number: &str, kopecks: i64) -> InvoiceLink {
    InvoiceLink {
        deal: DealId(deal),
        slot: Slot {
            kind: SlotKind::Whole,
            generation: 1,
        },
        organisation: OrganisationId::new(US),
        invoice: InvoiceId::new(format!("id-{number}")),
        contractor: ContractorId::new("c"),
        number: number.to_owned(),
        date: date(2026, 3, 1),
        total: Money::from_kopecks(kopecks),
        revision: "r".to_owned(),
        status: "issued".to_owned(),
        live: true,
        draft: json!({"draft": {"buyer": {"key": {"inn": BUYER}}}}),
        updated_at: at(0),
    }
}

pub(crate) async fn order_at(anna: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let token = anna.token("/account").await;
    let mut all = vec![("form_token", token.as_str())];
    all.extend_from_slice(fields);
    anna.post(path, &all).await
}
