//! Money that comes for a bill which was closed without a bank: asked about, and counted once.

use desk::settlements::Order;
use domain::ledger::SettlementKind;
use jiff::tz::TimeZone;
use store::PaymentState;
use testkit::builders::portal;

use crate::office::ACCOUNT;
use crate::together::{BUYER, import, office, question, states};

#[tokio::test]
async fn money_for_a_bill_that_its_mark_closed_is_asked_about_and_booked_once_that_is_taken_back() {
    let office = office().await;
    let desk = &office.desk;
    let order = Order {
        invoice: "117".to_owned(),
        amount: None,
        kind: SettlementKind::MarkedPaid,
        document: "Отметка в учёте об оплате счёта № 117".to_owned(),
        dated: None,
    };
    let closed = desk.settle(&order, "Анна", &TimeZone::UTC).await.unwrap();
    let payment = format!(
        "СекцияДокумент=Платежное поручение\r\nНомер=5\r\nДата=11.03.2026\r\nСумма=100.00\r\n\
         ПлательщикСчет=40702810500000000777\r\nПлательщикИНН={BUYER}\r\nПолучательСчет={ACCOUNT}\r\n\
         ДатаПоступило=12.03.2026\r\nНазначениеПлатежа=Оплата по счету № 117 от 01.03.2026\r\n\
         КонецДокумента\r\n"
    );
    import(&office, &[payment]).await;
    assert_eq!(states(&office).await, [(PaymentState::Asked, 10_000)]);
    let (_, text) = question(&office, 1).await;
    let why = format!(
        "счёт № 117 закрыт без выписки (запись № {}): если это те же деньги, снимите её",
        closed.number
    );
    assert!(text.contains(&why), "{text}");
    let because = ("Анна", "деньги пришли");
    let undone = desk
        .unsettle(closed.number, because, &TimeZone::UTC)
        .await
        .unwrap();
    assert!(undone.is_some());
    // As it is looked at again by the hour.
    let now = desk.clock.now();
    reconciler::decide_these(&desk.store, &portal(), &office.policy, &[1], now)
        .await
        .unwrap();
    assert_eq!(states(&office).await, [(PaymentState::Booked, 0)]);
    let bill = ["117".to_owned()];
    let paid = desk.store.money_invoices(&portal(), &bill).await.unwrap();
    assert!(paid[0].1.open().is_zero(), "{paid:?}");
}
