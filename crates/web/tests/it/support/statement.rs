//! Statements as a bank writes them, brought and booked as a person does.

use std::time::Duration;

use store::{PageFilter, PaymentState, Store, Subject};
use testkit::builders::portal;

use super::browser::Browser;
use super::money::{ACCOUNT, BUYER, order_at};

/// A payment in a statement: number, roubles, payer, purpose.
pub(crate) fn order(number: &str, sum: &str, payer: &str, purpose: &str) -> String {
    format!(
        "СекцияДокумент=Платежное поручение\r\nНомер={number}\r\nДата=11.03.2026\r\nСумма={sum}\r\n\
         ПлательщикСчет=40702810500000000777\r\nПлательщикИНН={BUYER}\r\nПлательщик1={payer}\r\n\
         ПолучательСчет={ACCOUNT}\r\nДатаПоступило=12.03.2026\r\nНазначениеПлатежа={purpose}\r\nКонецДокумента\r\n"
    )
}

pub(crate) fn statement(orders: &[String]) -> Vec<u8> {
    let orders = orders.concat();
    format!(
        "1CClientBankExchange\r\nВерсияФормата=1.03\r\nКодировка=Windows\r\nДатаНачала=11.03.2026\r\n\
         ДатаКонца=12.03.2026\r\nРасчСчет={ACCOUNT}\r\n{orders}КонецФайла\r\n"
    )
    .into_bytes()
}

/// The page of a file once nothing is done with it any more.
pub(crate) async fn rested(anna: &mut Browser, place: &str) -> String {
    let looking = async {
        loop {
            let page = anna.get(place).await.text();
            if !page.contains("http-equiv=\"refresh\"") {
                return page;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looking)
        .await
        .expect("it ends")
}

pub(crate) async fn bring(anna: &mut Browser, name: &str, file: &[u8]) -> (String, String) {
    let token = anna.token("/money/statements").await;
    let answer = anna.bring(&token, name, file).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let place = answer.leads_to().to_owned();
    let page = rested(anna, &place).await;
    (place, page)
}

/// Brings a file and has it booked.
pub(crate) async fn book(anna: &mut Browser, file: &[u8]) -> String {
    let (place, _) = bring(anna, "kl_to_1c.txt", file).await;
    order_at(anna, &format!("{place}/book"), &[]).await;
    rested(anna, &place).await
}

pub(crate) async fn states(store: &Store) -> Vec<(i64, PaymentState, i64)> {
    let filter = PageFilter {
        limit: 100,
        ..PageFilter::default()
    };
    let page = store.money_page(&portal(), &filter).await.unwrap();
    let of = page
        .payments
        .iter()
        .map(|one| (one.number, one.state, one.remaining.kopecks()));
    let mut states: Vec<_> = of.collect();
    states.sort_by_key(|(number, ..)| *number);
    states
}

/// The question about a payment, and what it asks.
pub(crate) async fn case_of(store: &Store, payment: i64) -> (String, String) {
    let open = store
        .cases_open(&portal(), &store::CaseFilter::default())
        .await
        .unwrap();
    let subject = Subject::payment(payment);
    let case = open
        .iter()
        .find(|case| case.facts.subject == subject)
        .unwrap();
    (case.id.to_string(), desk::payments::fingerprint(case))
}
