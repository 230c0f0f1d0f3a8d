//! An order that the bank shows whole and the accounting program in parts, all the way: its money counts once, a person
//! says by which, and no refund is taken off what counts no more.

use std::time::Duration;

use desk::statement::Mode;
use domain::payment::LineId;
use domain::{ContractorId, DealId, InvoiceId, Money, OrganisationId, Slot, SlotKind};
use jiff::civil::date;
use planner::{Booking, Refunds};
use serde_json::json;
use store::{
    CaseFilter, FollowedPage, FollowedPayment, FollowedReasons, InvoiceLink, Lane, Lease,
    ListedPayment, Look, PaymentFilter, PaymentState, Record, SeenLine, Subject,
};
use testkit::builders::portal;
use testkit::time::at;

use crate::office::{ACCOUNT, Office};

/// The organisation of the shipped policy.
const US: &str = "2f6c1a9e-0000-4000-8000-000000000001";
const BUYER: &str = "7728168971";

fn invoice(number: &str, deal: u64) -> InvoiceLink {
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
        total: Money::from_kopecks(10_000),
        revision: "r".to_owned(),
        status: "issued".to_owned(),
        live: true,
        draft: json!({"draft": {"buyer": {"key": {"inn": BUYER}}}}),
        updated_at: at(0),
    }
}

/// The accountant decides, and nobody waits for him; two invoices of one buyer are open.
async fn office() -> (Office, Lease) {
    let mut office = Office::open().await;
    let money = office.policy.money.as_mut().unwrap();
    money.booking = Some(Booking::Accounting);
    money.refunds = Refunds::TakeOff;
    money.wait_hours = 0;
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
        invoice_links: vec![invoice("117", 1), invoice("118", 2)],
        ..Record::default()
    };
    store.record(&lease, record, at(0)).await.unwrap();
    (office, lease)
}

/// A statement of one order.
async fn import(office: &Office, number: &str, roubles: &str, sides: &str, purpose: &str) {
    let text = format!(
        "1CClientBankExchange\r\nВерсияФормата=1.03\r\nКодировка=Windows\r\nДатаНачала=11.03.2026\r\n\
         ДатаКонца=12.03.2026\r\nРасчСчет={ACCOUNT}\r\nСекцияДокумент=Платежное поручение\r\nНомер={number}\r\n\
         Дата=11.03.2026\r\nСумма={roubles}\r\n{sides}НазначениеПлатежа={purpose}\r\nКонецДокумента\r\nКонецФайла\r\n"
    );
    let file = office.file(&text);
    office.import(&file, Mode::Book).await.unwrap();
}

async fn listed(office: &Office) -> Vec<ListedPayment> {
    let every = PaymentFilter::default();
    let listed = office.desk.store.money_list(&portal(), &every).await;
    listed.unwrap()
}

async fn states(office: &Office) -> Vec<(PaymentState, i64)> {
    let all = listed(office).await.into_iter();
    all.map(|one| (one.state, one.remaining.kopecks()))
        .collect()
}

/// A part of the whole order, and the invoice that the accountant gives it to.
fn part(whole: &ListedPayment, kopecks: i64, number: &str) -> FollowedPayment {
    let amount = Money::from_kopecks(kopecks);
    let mut order = whole.order.clone();
    order.amount = amount;
    FollowedPayment {
        line: SeenLine {
            line: LineId(format!("p-{kopecks}")),
            order,
            organisation: whole.organisation.clone(),
            kind: whole.kind,
        },
        deleted: false,
        given: vec![(InvoiceId::new(format!("id-{number}")), amount)],
    }
}

/// The question about a payment: its number and its text.
async fn question(office: &Office, payment: i64) -> (i64, String) {
    let (store, every) = (&office.desk.store, CaseFilter::default());
    let open = store.cases_open(&portal(), &every).await.unwrap();
    let subject = Subject::payment(payment);
    let case = open.iter().find(|case| case.facts.subject == subject);
    let case = case.unwrap();
    (case.id, case.facts.text.replace('\u{a0}', " "))
}

use PaymentState::{Asked, Booked, Left};

#[tokio::test]
async fn a_split_order_counts_by_its_parts_and_no_refund_is_offered_of_the_whole_one() {
    let (office, lease) = office().await;
    let came = format!(
        "ПлательщикСчет=40702810500000000777\r\nПлательщикИНН={BUYER}\r\nПолучательСчет={ACCOUNT}\r\n\
         ДатаПоступило=12.03.2026\r\n"
    );
    let named = "Оплата по счету № 117 от 01.03.2026";
    import(&office, "5", "100.00", &came, named).await;
    assert_eq!(states(&office).await, [(Booked, 0)], "by the rule");
    let whole = listed(&office).await.remove(0);
    let page = FollowedPage {
        organisation: OrganisationId::new(US),
        payments: vec![part(&whole, 6_000, "117"), part(&whole, 4_000, "118")],
        cursor: ("payments".to_owned(), "next".to_owned()),
        is_taken_over: true,
        because: FollowedReasons::default(),
        today: date(2026, 3, 13),
        cases: Vec::new(),
        journal: Vec::new(),
    };
    let (desk, policy) = (&office.desk, &office.policy);
    let followed = desk.store.money_follow(&lease, page, at(0)).await.unwrap();
    assert_eq!(followed.not_taken, vec![]);
    let now = desk.clock.now();
    let decided = reconciler::decide_new(&desk.store, &portal(), policy, None, now).await;
    decided.unwrap();
    let expected = [(Asked, 10_000), (Booked, 0), (Booked, 0)];
    assert_eq!(states(&office).await, expected);
    let (case, text) = question(&office, 1).await;
    let is_told = text.contains("внесён частями (60,00 ₽ и 40,00 ₽)");
    assert!(is_told, "{text}");
    desk.answer(case, None, "leave", "Анна").await.unwrap();
    assert_eq!(states(&office).await[0], (Left, 10_000));
    // What goes back is of the parts: the whole one has nothing that anybody paid beside them.
    let back = format!(
        "ПлательщикСчет={ACCOUNT}\r\nДатаСписано=12.03.2026\r\nПолучательСчет=40702810500000000777\r\n\
         ПолучательИНН={BUYER}\r\n"
    );
    import(&office, "9", "30.00", &back, "Возврат").await;
    assert_eq!(states(&office).await[3], (Asked, -3_000));
    let (_, text) = question(&office, 4).await;
    let offered = ["счёт № 117", "счёт № 118"].map(|invoice| text.contains(invoice));
    assert!(
        offered == [true, true] && !text.contains("платёж 1"),
        "{text}"
    );
}

#[tokio::test]
async fn who_gives_a_part_that_nobody_gave_takes_the_whole_order_back() {
    let (office, lease) = office().await;
    let came = format!(
        "ПлательщикСчет=40702810500000000777\r\nПлательщикИНН={BUYER}\r\nПолучательСчет={ACCOUNT}\r\n\
         ДатаПоступило=12.03.2026\r\n"
    );
    let named = "Оплата по счету № 117 от 01.03.2026";
    import(&office, "5", "100.00", &came, named).await;
    let whole = listed(&office).await.remove(0);
    let without_bill = |kopecks| FollowedPayment {
        given: Vec::new(),
        ..part(&whole, kopecks, "117")
    };
    let page = FollowedPage {
        organisation: OrganisationId::new(US),
        payments: vec![without_bill(6_000), without_bill(4_000)],
        cursor: ("payments".to_owned(), "next".to_owned()),
        is_taken_over: true,
        because: FollowedReasons::default(),
        today: date(2026, 3, 13),
        cases: Vec::new(),
        journal: Vec::new(),
    };
    let (desk, policy) = (&office.desk, &office.policy);
    desk.store.money_follow(&lease, page, at(0)).await.unwrap();
    let decide_new = async || {
        let now = desk.clock.now();
        let decided = reconciler::decide_new(&desk.store, &portal(), policy, None, now).await;
        decided.unwrap();
    };
    decide_new().await;
    let expected = [(Booked, 0), (Asked, 6_000), (Asked, 4_000)];
    assert_eq!(states(&office).await, expected);
    // The other invoice is open: whoever gives it that part means the parts.
    let (case, text) = question(&office, 2).await;
    assert!(text.contains("счёт № 118"), "{text}");
    let answered = desk.answer(case, None, "1", "Анна").await.unwrap();
    // Whoever answers is told which, and it is asked about at once.
    assert_eq!(answered.whole, Some(1));
    let expected = [(Asked, 10_000), (Booked, 0), (Asked, 4_000)];
    assert_eq!(states(&office).await, expected);
    let (case, _) = question(&office, 3).await;
    let answered = desk.answer(case, None, "1", "Анна").await.unwrap();
    assert_eq!(answered.whole, None);
    decide_new().await;
    let expected = [(Asked, 10_000), (Booked, 0), (Booked, 0)];
    assert_eq!(states(&office).await, expected);
}
