//! Two payments that together pay one invoice: each is asked about with the other, and a person gives both.

use std::time::Duration;

use desk::statement::Mode;
use domain::{ContractorId, DealId, InvoiceId, Money, OrganisationId, Slot, SlotKind};
use jiff::civil::date;
use planner::Booking;
use serde_json::json;
use store::{CaseFilter, InvoiceLink, Lane, Look, PaymentFilter, PaymentState, Record, Subject};
use testkit::builders::portal;
use testkit::time::at;

use crate::office::{ACCOUNT, Office};

/// The organisation of the shipped policy.
const US: &str = "2f6c1a9e-0000-4000-8000-000000000001";
pub(crate) const BUYER: &str = "7728168971";

fn invoice(number: &str, deal: u64, kopecks: i64) -> InvoiceLink {
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

/// Invoices of 100 ₽ and 250 ₽ of one buyer are open, and we book.
pub(crate) async fn office() -> Office {
    let mut office = Office::open().await;
    office.policy.money.as_mut().unwrap().booking = Some(Booking::Provodka);
    let store = &office.desk.store;
    let look = Look {
        subject: Subject::deal(DealId(1)),
        lane: Lane::Due,
        due_at: at(0),
        reason: "test".to_owned(),
    };
    store.look(&portal(), &[look]).await.unwrap();
    let lease = store.lease_acquire("test", Duration::from_secs(3_600), at(0));
    let lease = lease.await.unwrap().unwrap();
    let record = Record {
        invoice_links: vec![invoice("117", 1, 10_000), invoice("118", 2, 25_000)],
        ..Record::default()
    };
    store.record(&lease, record, at(0)).await.unwrap();
    office
}

fn order(number: &str, roubles: &str) -> String {
    format!(
        "СекцияДокумент=Платежное поручение\r\nНомер={number}\r\nДата=11.03.2026\r\nСумма={roubles}\r\n\
         ПлательщикСчет=40702810500000000777\r\nПлательщикИНН={BUYER}\r\nПолучательСчет={ACCOUNT}\r\n\
         ДатаПоступило=12.03.2026\r\nНазначениеПлатежа=Доплата\r\nКонецДокумента\r\n"
    )
}

pub(crate) async fn import(office: &Office, orders: &[String]) {
    let orders = orders.concat();
    let file = office.file(&format!(
        "1CClientBankExchange\r\nВерсияФормата=1.03\r\nКодировка=Windows\r\nДатаНачала=11.03.2026\r\n\
         ДатаКонца=12.03.2026\r\nРасчСчет={ACCOUNT}\r\n{orders}КонецФайла\r\n"
    ));
    office.import(&file, Mode::Book).await.unwrap();
}

/// The question about a payment: its number and its text.
pub(crate) async fn question(office: &Office, payment: i64) -> (i64, String) {
    let (store, every) = (&office.desk.store, CaseFilter::default());
    let open = store.cases_open(&portal(), &every).await.unwrap();
    let subject = Subject::payment(payment);
    let case = open.iter().find(|case| case.facts.subject == subject);
    let case = case.unwrap();
    (case.id, case.facts.text.replace('\u{a0}', " "))
}

pub(crate) async fn states(office: &Office) -> Vec<(PaymentState, i64)> {
    let every = PaymentFilter::default();
    let listed = office.desk.store.money_list(&portal(), &every).await;
    let all = listed.unwrap().into_iter();
    all.map(|one| (one.state, one.remaining.kopecks()))
        .collect()
}

#[tokio::test]
async fn payments_that_pay_an_invoice_together_are_asked_about_with_each_other() {
    let office = office().await;
    import(&office, &[order("5", "60.00"), order("6", "40.00")]).await;
    let asked = [(PaymentState::Asked, 6_000), (PaymentState::Asked, 4_000)];
    assert_eq!(states(&office).await, asked, "nothing is booked by itself");
    // The first of the file was asked about before the second was known; it is looked at again by the hour.
    let (_, alone) = question(&office, 1).await;
    assert!(!alone.contains("вместе с"), "{alone}");
    let (second, text) = question(&office, 2).await;
    let beside = "вместе с платежом № 1 сумма равна остатку по счёту (1)";
    let first_line = text.lines().find(|line| line.contains("№ 117"));
    assert!(
        first_line.is_some_and(|line| line.ends_with(beside)),
        "{text}"
    );
    let (desk, policy) = (&office.desk, &office.policy);
    let now = desk.clock.now();
    let again = reconciler::decide_these(&desk.store, &portal(), policy, &[1], now).await;
    again.unwrap();
    let (first, text) = question(&office, 1).await;
    assert!(text.contains("вместе с платежом № 2"), "{text}");
    for case in [second, first] {
        desk.answer(case, None, "1", "Анна").await.unwrap();
    }
    let booked = [(PaymentState::Booked, 0), (PaymentState::Booked, 0)];
    assert_eq!(states(&office).await, booked);
    let asked = ["117".to_owned()];
    let paid = desk.store.money_invoices(&portal(), &asked).await.unwrap();
    assert!(paid[0].1.open().is_zero(), "{paid:?}");
}
