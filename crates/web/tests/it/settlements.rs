//! Invoices that are closed without a bank line, over real HTTP: with the password again, and back by a correction.

use domain::Money;
use testkit::builders::portal;

use crate::support::money::{HOSTILE, office, order_at};
use crate::support::office::PASSWORD;

#[tokio::test]
async fn an_invoice_is_closed_without_a_bank_and_opened_again() {
    let office = office().await;
    let mut anna = office.enrolled("Анна").await;
    let form = |invoice, amount, password| {
        [
            ("invoice", invoice),
            ("kind", "netting"),
            ("document", HOSTILE),
            ("day", "2026-03-01"),
            ("amount", amount),
            ("password", password),
        ]
    };
    for (invoice, amount, password, status, why) in [
        ("117", "", "wrong", 403, "Пароль не подходит"),
        ("999", "", PASSWORD, 422, "Такого счёта нет"),
        ("117", "1000,01", PASSWORD, 422, "осталось 1 000,00"),
        ("117", "сто", PASSWORD, 422, "Сумма не читается"),
        ("", "", PASSWORD, 422, "Назовите счёт"),
    ] {
        let answer = order_at(
            &mut anna,
            "/money/settlements",
            &form(invoice, amount, password),
        )
        .await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(why), "{}", answer.text());
    }
    let answer = order_at(
        &mut anna,
        "/money/settlements",
        &form("№ 117", "600", PASSWORD),
    )
    .await;
    assert_eq!(
        answer.leads_to(),
        "/money/settlements?said=settled",
        "{}",
        answer.text()
    );
    let twice = form("№ 117", "600", PASSWORD);
    let answer = order_at(&mut anna, "/money/settlements", &twice).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text().contains("уже записано под №"),
        "{}",
        answer.text()
    );
    let page = anna.get("/money/settlements").await.text();
    assert!(
        page.contains("счёт № 117 от 01.03.2026") && page.contains("600,00"),
        "{page}"
    );
    assert!(
        page.contains("взаимозачёт") && !page.contains("<img"),
        "{page}"
    );
    let balances = office
        .store
        .money_invoices(&portal(), &["117".to_owned()])
        .await
        .unwrap();
    assert_eq!(balances[0].1.open(), Money::from_kopecks(40_000));
    let month = anna.get("/money/reconciliation?month=2026-03").await.text();
    assert!(month.contains("Закрыто без банка"), "{month}");
    let listed = office
        .store
        .money_settlements(&portal(), i64::MAX, 9)
        .await
        .unwrap();
    let undo = format!("/money/settlements/{}/undo", listed[0].number);
    for (fields, leads) in [
        ([("because", ""), ("password", PASSWORD)], ""),
        ([("because", "ошибка"), ("password", "wrong")], ""),
        (
            [("because", "ошибка"), ("password", PASSWORD)],
            "/money/settlements?said=unsettled",
        ),
        (
            [("because", "ошибка"), ("password", PASSWORD)],
            "/money/settlements?said=nothing",
        ),
    ] {
        let answer = order_at(&mut anna, &undo, &fields).await;
        assert_eq!(answer.leads_to(), leads, "{fields:?}");
    }
    let balances = office
        .store
        .money_invoices(&portal(), &["117".to_owned()])
        .await
        .unwrap();
    assert_eq!(balances[0].1.open(), Money::from_kopecks(100_000));
}
