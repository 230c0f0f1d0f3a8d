//! Issuing, and finding a bill by our mark after a lost answer.

use std::time::Duration;

use capability::accounting::InvoiceOrder;
use capability::exchange::LimitHit;
use connector_kontur_accounting::Offers;
use domain::{
    ContractorId, Counterparty, InvoiceDraft, InvoiceStatus, Line, Price, Quantity, Unit, VatMode,
    VatRate, Verdict,
};
use http::Method;
use jiff::ToSpan as _;
use serde_json::{Value, json};
use transport::{Deadlines, TransportError};

use crate::stage::{
    BILL, ORGANISATION, Stage, body, example, fixture, json, now, organisation, parameters, raw,
    unclear,
};

const SLOT: &str = "7f3a/deal/4711/invoice/whole/1";

fn order() -> InvoiceOrder {
    let line = |name: &str, unit: (&str, &str), quantity, price| Line {
        name: name.to_owned(),
        unit: Unit {
            okei: Some(unit.1.to_owned()),
            name: unit.0.to_owned(),
        },
        quantity: Quantity::parse(quantity).unwrap(),
        price: Price::parse(price).unwrap(),
        discount: None,
        vat: VatRate::Percent22,
    };
    InvoiceOrder {
        contractor: ContractorId::new("b79d3808-beef-4ce8-b27a-1192e7366d4e"),
        draft: InvoiceDraft {
            seller: organisation(),
            buyer: Counterparty {
                key: "7707083893/770701001".parse().unwrap(),
                name: "ООО «Ромашка»".to_owned(),
                full_name: None,
                ogrn: None,
                address: None,
            },
            mode: VatMode::Included,
            lines: vec![
                line("Монтаж наружного освещения", ("шт", "796"), "3", "50000"),
                line("Кабель ВВГнг 3×2,5", ("м", "006"), "12.5", "33.3333"),
            ],
            currency: "RUB".to_owned(),
            basis: None,
            date: jiff::civil::date(2026, 3, 12),
            due: None,
            valid_until: None,
            part: None,
            number: None,
        },
        key: SLOT.to_owned(),
    }
}

fn marked(id: &str, comment: &str) -> Value {
    let mut bill = fixture("bill");
    bill["id"] = json!(id);
    bill["comment"] = json!(comment);
    bill
}

fn page(bills: &[Value], next: Option<(&str, &str)>) -> Value {
    let next = next.map(|(since, id)| json!({"changedSince": since, "afterId": id}));
    json!({"bills": bills, "next": next})
}

async fn found(stage: &Stage, keys: &[&str]) -> Result<Vec<(String, String)>, Verdict> {
    let issue = &stage.accounting.issue;
    let answer = issue
        .find_by_key(&stage.call(), &organisation(), now(), &owned(keys))
        .await;
    let pairs = answer.map_err(|error| error.verdict)?;
    Ok(pairs
        .into_iter()
        .map(|(key, invoice)| (key, invoice.id.to_string()))
        .collect())
}

#[tokio::test]
async fn an_issued_bill_comes_back_with_its_number_and_sums() {
    let stage = Stage::plays([example(201, "bill")]);
    let not_after = now() + 2.seconds();
    let call = stage.call().not_after(not_after);
    let invoice = stage.accounting.issue.issue(&call, &order()).await.unwrap();
    assert_eq!((invoice.number.as_str(), invoice.id.as_str()), ("1", BILL));
    assert_eq!(invoice.totals.gross.to_string(), "150416.67");

    let request = stage.seen().remove(0);
    assert_eq!(request.method, Method::POST);
    let address =
        format!("https://accounting.example/kontur/v1/organizations/{ORGANISATION}/bills");
    assert_eq!(request.url.as_str(), address);
    assert_eq!(request.deadlines, Deadlines::WRITE);
    assert_eq!(request.not_after, Some(not_after));
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(!request.headers.contains_key("idempotency-key"));
    assert_eq!(body(&request)["comment"], format!("[provodka:{SLOT}]"));
    assert_eq!(body(&request).get("number"), None);
    stage.ends();
}

#[tokio::test]
async fn the_exchange_is_booked_with_its_cost_and_without_names() {
    let stage = Stage::plays([example(201, "bill")]);
    let call = stage.call();
    stage.accounting.issue.issue(&call, &order()).await.unwrap();
    let exchange = call.take_exchanges().remove(0);
    assert_eq!(exchange.method, "createBill");
    assert_eq!(exchange.account, "main");
    assert_eq!(
        (exchange.status, exchange.result.as_str()),
        (Some(201), "ok")
    );
    assert_eq!((exchange.duration_ms, exchange.remote_failed), (12, false));
    assert_eq!(exchange.request["body"]["items"][0]["price"], "50000");
    assert_eq!(
        exchange.request["body"]["items"][0]["productName"],
        "<text>"
    );
    assert_eq!(exchange.response["number"], "1");
    assert_eq!(stage.asked()[0].methods, ["createBill"]);
    stage.ends();
}

#[tokio::test]
async fn the_idempotency_key_goes_out_only_where_it_is_honoured() {
    let offers = Offers {
        idempotency_key: true,
        ..Offers::default()
    };
    let stage = Stage::offering(offers, [example(201, "bill")]);
    let mut order = order();
    order.key = "мой портал/1".to_owned();
    assert!(stage.accounting.issue.honours_idempotency_key());
    stage
        .accounting
        .issue
        .issue(&stage.call(), &order)
        .await
        .unwrap();
    let request = stage.seen().remove(0);
    let key = request.headers["idempotency-key"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        key,
        "%D0%BC%D0%BE%D0%B9%20%D0%BF%D0%BE%D1%80%D1%82%D0%B0%D0%BB/1"
    );
    assert_eq!(body(&request)["comment"], format!("[provodka:{key}]"));
    assert!(!Stage::plays([]).accounting.issue.honours_idempotency_key());
}

#[tokio::test]
async fn an_unclear_answer_to_a_create_is_looked_up() {
    for answer in unclear() {
        let told = format!("{answer:?}");
        let stage = Stage::plays([answer]);
        let error = stage
            .accounting
            .issue
            .issue(&stage.call(), &order())
            .await
            .unwrap_err();
        assert_eq!(
            (error.verdict, error.limit),
            (Verdict::Verify, false),
            "{told}"
        );
        assert_eq!(error.method, "createBill");
        let booked = stage.booked().remove(0);
        assert_eq!(booked.result, error.code);
        stage.ends();
    }
}

#[tokio::test]
async fn the_breaker_counts_what_is_the_remotes_fault() {
    for (answer, failed) in [
        (Err(TransportError::TimedOut(Duration::from_secs(1))), true),
        (Err(TransportError::NotSent("refused".to_owned())), true),
        (Err(TransportError::Late), false),
        (raw(503, &[], ""), true),
        (raw(201, &[], "<html>"), false),
        (example(409, "error_period_closed"), false),
        (example(429, "error_too_many"), false),
    ] {
        let stage = Stage::plays([answer]);
        stage
            .accounting
            .issue
            .issue(&stage.call(), &order())
            .await
            .unwrap_err();
        assert_eq!(stage.booked()[0].remote_failed, failed);
    }
}

#[tokio::test]
async fn being_late_ourselves_is_no_attempt_and_no_limit_of_the_remote() {
    let stage = Stage::plays([Err(TransportError::Late)]);
    let error = stage
        .accounting
        .issue
        .issue(&stage.call(), &order())
        .await
        .unwrap_err();
    assert_eq!(error.verdict, Verdict::Retry { after: None });
    assert!(error.limit, "the try is not counted");
    assert_eq!(stage.booked()[0].limit, None);
}

#[tokio::test]
async fn a_bill_whose_sums_cannot_be_read_is_looked_up() {
    let mut bill = fixture("bill");
    bill["sum"] = json!("много");
    let stage = Stage::plays([json(201, &bill)]);
    let error = stage
        .accounting
        .issue
        .issue(&stage.call(), &order())
        .await
        .unwrap_err();
    assert_eq!(error.verdict, Verdict::Verify);
    assert!(error.message.contains("`sum`"), "{}", error.message);
}

#[tokio::test]
async fn what_did_not_leave_is_sent_again() {
    let stage = Stage::plays([Err(TransportError::NotSent("refused".to_owned()))]);
    let error = stage
        .accounting
        .issue
        .issue(&stage.call(), &order())
        .await
        .unwrap_err();
    assert_eq!(error.verdict, Verdict::Retry { after: None });
    assert_eq!(stage.booked()[0].status, None);

    let stage = Stage::plays([]).refuses_turns();
    let error = stage
        .accounting
        .issue
        .issue(&stage.call(), &order())
        .await
        .unwrap_err();
    assert_eq!((error.code.as_str(), error.limit), ("not-admitted", true));
    assert!(stage.booked().is_empty());
}

#[tokio::test]
async fn a_limit_says_when_to_come_again() {
    let body = fixture("error_too_many").to_string();
    let stage = Stage::plays([raw(429, &[("retry-after", "17")], body)]);
    let error = stage
        .accounting
        .issue
        .issue(&stage.call(), &order())
        .await
        .unwrap_err();
    let after = Some(Duration::from_secs(17));
    assert_eq!(error.verdict, Verdict::Retry { after });
    assert!(error.limit);
    let hit = LimitHit::Rate {
        retry_at: Some(now() + 17.seconds()),
    };
    assert_eq!(stage.booked()[0].limit, Some(hit));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_remotes_words() {
    for (status, name, verdict, said) in [
        (
            400,
            "error_many_faults",
            Verdict::Reject,
            "date: Нет такой даты",
        ),
        (
            401,
            "error_unauthorized",
            Verdict::Reauthorize,
            "Ключ API не указан",
        ),
        (
            402,
            "error_payment_required",
            Verdict::Reauthorize,
            "Текущий тариф",
        ),
        (
            403,
            "error_forbidden",
            Verdict::Reject,
            "Нет доступа к организации",
        ),
        (
            409,
            "error_period_closed",
            Verdict::Reject,
            "Период закрыт по 31.12.2025",
        ),
        (
            409,
            "error_key_reused",
            Verdict::Verify,
            "уже был другой запрос",
        ),
    ] {
        let stage = Stage::plays([example(status, name)]);
        let error = stage
            .accounting
            .issue
            .issue(&stage.call(), &order())
            .await
            .unwrap_err();
        assert_eq!(error.verdict, verdict, "{name}");
        assert!(error.message.contains(said), "{}", error.message);
        stage.ends();
    }
}

#[tokio::test]
async fn what_the_contract_cannot_say_never_leaves() {
    let stage = Stage::plays([]);
    let mut order = order();
    order.draft.currency = "USD".to_owned();
    let error = stage
        .accounting
        .issue
        .issue(&stage.call(), &order)
        .await
        .unwrap_err();
    assert_eq!(
        (error.verdict, error.code.as_str()),
        (Verdict::Reject, "not-expressible")
    );
    assert!(stage.seen().is_empty());
}

#[tokio::test]
async fn a_bill_is_found_by_its_mark_among_foreign_comments() {
    let mark = format!("[provodka:{SLOT}]");
    let bills = [
        marked("a", "Оплатить до пятницы [срочно]"),
        marked("b", &format!("звонить Ивану {mark} после обеда")),
        marked("c", "[provodka:7f3a/deal/4712/invoice/whole/1]"),
        marked(
            "d",
            &format!("[provodka:7f3a/deal/9/invoice/whole/2] {mark}"),
        ),
        json!({"id": "e", "comment": null}),
        json!({"broken": [1, 2, 3]}),
        json!({"id": "f", "comment": format!("копия {mark}"), "createdBy": "person"}),
    ];
    let stage = Stage::plays([json(200, &page(&bills, None))]);
    let pair = |id: &str| (SLOT.to_owned(), id.to_owned());
    assert_eq!(found(&stage, &[SLOT]).await, Ok(vec![pair("b"), pair("d")]));
    let request = stage.seen().remove(0);
    assert_eq!(request.deadlines, Deadlines::READ);
    let since = (
        "changedSince".to_owned(),
        "2026-03-12T08:58:00.000Z".to_owned(),
    );
    assert_eq!(parameters(&request)[0], since);
    stage.ends();
}

#[tokio::test]
async fn every_page_is_read_with_the_pair_that_the_last_one_named() {
    let first: Vec<Value> = (0..3).map(|n| marked(&format!("x{n}"), "чужой")).collect();
    let stage = Stage::plays([
        json(200, &page(&first, Some(("2026-03-12T09:00:00.000Z", "x2")))),
        json(200, &page(&[], Some(("2026-03-12T09:00:00.000Z", "x5")))),
        json(
            200,
            &page(&[marked("y", &format!("[provodka:{SLOT}]"))], None),
        ),
    ]);
    assert_eq!(found(&stage, &[SLOT, "other"]).await.unwrap().len(), 1);
    let seen = stage.seen();
    let pair = |index: usize| {
        let parameters = parameters(&seen[index]);
        let of = |name: &str| {
            let found = parameters.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        (of("changedSince"), of("afterId"))
    };
    assert_eq!(pair(0).1, "");
    assert_eq!(
        pair(1),
        ("2026-03-12T09:00:00.000Z".to_owned(), "x2".to_owned())
    );
    assert_eq!(pair(2).1, "x5");
    stage.ends();
}

#[tokio::test]
async fn a_bill_deleted_since_was_issued_all_the_same() {
    let mut bill = marked("gone", &format!("[provodka:{SLOT}]"));
    bill["status"] = json!("deleted");
    let stage = Stage::plays([json(200, &page(&[bill], None))]);
    let call = stage.call();
    let keys = [SLOT.to_owned()];
    let issue = &stage.accounting.issue;
    let found = issue
        .find_by_key(&call, &organisation(), now(), &keys)
        .await
        .unwrap();
    assert_eq!(found[0].1.status, InvoiceStatus::Cancelled);
}

#[tokio::test]
async fn a_list_that_fails_midway_is_no_proof_of_absence() {
    for answer in unclear() {
        let told = format!("{answer:?}");
        let too_large = matches!(answer, Err(TransportError::TooLarge));
        let first = json(
            200,
            &page(
                &[marked("b", "чужой")],
                Some(("2026-03-12T09:00:00.000Z", "b")),
            ),
        );
        let more = if too_large {
            vec![answer.clone(), answer.clone()]
        } else {
            vec![]
        };
        let stage = Stage::plays([first, answer].into_iter().chain(more));
        let verdict = found(&stage, &[SLOT]).await.unwrap_err();
        assert!(matches!(verdict, Verdict::Retry { .. }), "{told}");
        stage.ends();
    }
}

#[tokio::test]
async fn our_own_bill_that_cannot_be_read_is_no_absence_either() {
    let broken = json!({"id": "b", "comment": format!("[provodka:{SLOT}]")});
    let stage = Stage::plays([json(200, &page(&[broken], None))]);
    assert_eq!(
        found(&stage, &[SLOT]).await,
        Err(Verdict::Retry { after: None })
    );
}

/// The ids that are found, and the keys that stay unread.
async fn looked_for(bills: &[Value], keys: &[&str]) -> (Vec<String>, Vec<String>) {
    let stage = Stage::plays([json(200, &page(bills, None))]);
    let issue = &stage.accounting.issue;
    let seen = issue
        .find_marked(&stage.call(), &organisation(), now(), &owned(keys))
        .await
        .unwrap();
    let found = seen.found.iter().map(|(_, invoice)| invoice.id.to_string());
    (found.collect(), seen.unread.into_keys().collect())
}

const OTHER: &str = "7f3a/deal/4712/invoice/whole/1";
const THIRD: &str = "7f3a/deal/4713/invoice/whole/1";

#[tokio::test]
async fn a_bill_that_cannot_be_read_hides_no_other_and_proves_the_absence_of_none_that_it_bears() {
    let mark = |key: &str| format!("[provodka:{key}]");
    let mut without_sum = marked("a", &mark(SLOT));
    without_sum["sum"] = json!(["150416.67"]);
    let foreign = json!({"id": "x", "comment": "чужой", "sum": {}});
    let bills = [foreign, without_sum.clone(), marked("b", &mark(OTHER))];
    let seen = looked_for(&bills, &[SLOT, OTHER, THIRD]).await;
    assert_eq!(seen, (vec!["b".to_owned()], vec![SLOT.to_owned()]));
    // Another with the same mark that can be read is there all the same.
    let bills = [without_sum, marked("c", &mark(SLOT))];
    let seen = looked_for(&bills, &[SLOT]).await;
    assert_eq!(seen, (vec!["c".to_owned()], vec![]));
}

#[tokio::test]
async fn a_bill_whose_comment_cannot_be_read_may_be_any_that_was_made_since() {
    let mark = format!("см. [provodka:{SLOT}]");
    let all: &[&str] = &[SLOT, OTHER];
    let cases: [(Value, &[&str]); 9] = [
        (json!({"id": "x", "comment": {"text": mark}}), &[SLOT]),
        (json!({"id": "x", "comment": ["a", 7, mark]}), &[SLOT]),
        (json!(mark), &[SLOT]),
        (json!({"id": "x", "comment": ["зашифровано"]}), all),
        (json!(7), all),
        (
            json!({"comment": 7, "createdAt": "2026-03-12T08:58:00Z"}),
            all,
        ),
        (
            json!({"comment": 7, "createdAt": "2026-03-12T08:57:59Z"}),
            &[],
        ),
        (json!({"comment": 7, "createdBy": "person"}), &[]),
        (json!({"id": "x"}), &[]),
    ];
    for (bill, unread) in cases {
        let told = bill.to_string();
        let (found, seen) = looked_for(&[bill], &[SLOT, OTHER]).await;
        assert_eq!(
            (found.len(), seen.as_slice()),
            (0, owned(unread).as_slice()),
            "{told}"
        );
    }
}

fn owned(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

#[tokio::test]
async fn a_page_of_long_bills_is_asked_for_in_smaller_pieces() {
    let stage = Stage::plays([Err(TransportError::TooLarge), json(200, &page(&[], None))]);
    assert_eq!(found(&stage, &[SLOT]).await, Ok(vec![]));
    let limits: Vec<String> = stage
        .seen()
        .iter()
        .map(|request| parameters(request)[1].1.clone())
        .collect();
    assert_eq!(limits, ["100", "10"]);
}

#[tokio::test]
async fn a_list_that_turns_in_a_circle_is_left() {
    let here = json(200, &page(&[], Some(("2026-03-12T09:00:00.000Z", "x"))));
    let stage = Stage::plays([here.clone(), here]);
    assert_eq!(found(&stage, &[SLOT]).await, Err(Verdict::Defect));
}
