//! The bank over its own address: what a person enters stands in the statement, and nothing else can be entered.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

use axum::body::Body;
use axum::http::{Request, StatusCode};
use emulator_bank::{Account, Bank, Form, Operation, Party, Way};
use emulator_harness::TokioClock;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

const ACCOUNT: &str = "40702810900000000001";

fn bank() -> Bank {
    let account = Account {
        number: ACCOUNT.to_owned(),
        owner: Party {
            name: "ООО «Северный ветер»".to_owned(),
            inn: "7707083893".to_owned(),
            account: String::new(),
        },
        opening_kopecks: 0,
    };
    Bank::new(
        vec![account],
        TokioClock::shared("2026-03-12T09:00:00Z".parse().unwrap()),
    )
}

async fn send(bank: &Bank, request: Request<Body>) -> (StatusCode, Vec<u8>) {
    let response = bank.router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, body.to_vec())
}

async fn get(bank: &Bank, path: &str) -> (StatusCode, Vec<u8>) {
    send(bank, Request::get(path).body(Body::empty()).unwrap()).await
}

async fn enter(bank: &Bank, form: &str, origin: &str) -> StatusCode {
    let request = Request::post("/operations")
        .header("host", "127.0.0.1:8604")
        .header("origin", origin)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()));
    send(bank, request.unwrap()).await.0
}

const OWN: &str = "http://127.0.0.1:8604";

#[tokio::test(start_paused = true)]
async fn what_is_entered_stands_on_the_page_and_in_the_statement() {
    let bank = bank();
    let form = format!(
        "account={ACCOUNT}&way=in&form=payment_order&number=57&date=2026-03-11&booked=2026-03-12&sum=13080,5\
         &name=%3Cb%3E&inn=7728168971&purpose=x"
    );
    assert_eq!(enter(&bank, &form, OWN).await, StatusCode::SEE_OTHER);
    let operations = bank.operations();
    assert_eq!((operations.len(), operations[0].kopecks), (1, 1_308_050));
    assert_eq!(operations[0].other.account, "40702810007728168971");
    let (status, page) = get(&bank, "/").await;
    let page = String::from_utf8(page).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("13080.50") && page.contains("&lt;b&gt;") && !page.contains("<b>"),
        "{page}"
    );
    let path =
        format!("/statement?account={ACCOUNT}&from=2026-03-12&to=2026-03-12&code_page=utf-8");
    let (status, file) = get(&bank, &path).await;
    let file = String::from_utf8(file).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(
        file.contains("Номер=57\r\nДата=11.03.2026\r\nСумма=13080.50\r\n"),
        "{file}"
    );
    let (_, before) = get(&bank, &path.replace("2026-03-12", "2026-03-11")).await;
    assert!(!String::from_utf8(before).unwrap().contains("Номер=57"));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_order_changes_nothing() {
    let bank = bank();
    let good = format!(
        "account={ACCOUNT}&way=in&form=bank_order&number=1&date=2026-03-11&booked=2026-03-12&sum=1&name=x"
    );
    for (from, to) in [
        ("sum=1", "sum=0"),
        ("sum=1", "sum=one"),
        ("way=in", "way=up"),
        ("form=bank_order", "form=letter"),
        ("number=1", "number="),
        ("name=x", "name="),
        ("date=2026-03-11", "date=2026-03-13"),
        (ACCOUNT, "40702810900000000009"),
    ] {
        let form = good.replacen(from, to, 1);
        assert_eq!(
            enter(&bank, &form, OWN).await,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{form}"
        );
    }
    assert_eq!(
        enter(&bank, &good, "https://elsewhere.example").await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(bank.operations(), []);
    for path in [
        format!("/statement?account={ACCOUNT}&from=2026-03-12&to=2026-03-11&code_page=dos"),
        format!("/statement?account={ACCOUNT}&from=2026-03-12&to=2026-03-12&code_page=ebcdic"),
        "/statement".to_owned(),
    ] {
        assert_eq!(
            get(&bank, &path).await.0,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{path}"
        );
    }
    let nothing = Operation {
        account: ACCOUNT.to_owned(),
        way: Way::Out,
        form: Form::PaymentOrder,
        number: "1".to_owned(),
        date: bank.today(),
        booked: bank.today(),
        kopecks: -5,
        other: Party::default(),
        purpose: String::new(),
    };
    assert!(!bank.carry_out(nothing));
}
