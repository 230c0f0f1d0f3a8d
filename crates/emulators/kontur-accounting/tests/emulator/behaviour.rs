//! State, refusals, limits, lag and faults, in process on a paused clock.

use std::time::Duration;

use emulator_harness::FaultRule;
use emulator_kontur_accounting::{ApiKey, Config, Organization};
use http::HeaderValue;
use serde_json::{Value, json};

use crate::support::{World, after, bill_request, id_of, own};

fn numbers(page: &Value) -> Vec<String> {
    let bills = page["bills"].as_array().unwrap().iter();
    bills
        .map(|bill| bill["number"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn limit_refuses_with_the_wait_and_opens_again() {
    let world = World::new();
    world
        .emulator
        .configure(|settings| settings.requests_per_minute = 3);
    for _ in 0..3 {
        assert_eq!(world.get("/bills").await.status, 200);
        after(10).await;
    }
    let refused = world.get("/bills").await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (429, "tooManyRequests")
    );
    assert_eq!(refused.headers["retry-after"], "30");
    after(30).await;
    assert_eq!(world.get("/bills").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn equal_requests_make_two_bills_without_an_idempotency_key() {
    let world = World::new();
    let contractor = world.romashka().await;
    for _ in 0..2 {
        let mut request = world.request(
            "POST",
            &own("/bills"),
            Some(&bill_request(&contractor, "м")),
        );
        let key = HeaderValue::from_static("portal/deal/1");
        request.headers_mut().insert("idempotency-key", key);
        let heard = world.send(request).await.unwrap();
        assert_eq!(heard.status, 201);
        assert!(!heard.headers.contains_key("idempotency-replayed"));
    }
    assert_eq!(world.emulator.truth().bills().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn idempotency_key_gives_the_first_answer_again_for_a_day() {
    let world = World::new();
    world
        .emulator
        .configure(|settings| settings.idempotency_key = true);
    let contractor = world.romashka().await;
    let send = |key: &'static str| {
        let mut request = world.request(
            "POST",
            &own("/bills"),
            Some(&bill_request(&contractor, "м")),
        );
        request
            .headers_mut()
            .insert("idempotency-key", HeaderValue::from_static(key));
        world.send(request)
    };
    let first = send("one").await.unwrap();
    let again = send("one").await.unwrap();
    assert_eq!(first.json(), again.json());
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["location"], first.headers["location"]);
    assert_ne!(send("two").await.unwrap().json()["id"], first.json()["id"]);
    assert_eq!(world.emulator.truth().bills().count(), 2);
    after(24 * 3600).await;
    assert_ne!(send("one").await.unwrap().json()["id"], first.json()["id"]);
}

#[tokio::test(start_paused = true)]
async fn refusal_is_not_remembered_under_its_key() {
    let world = World::new();
    world
        .emulator
        .configure(|settings| settings.idempotency_key = true);
    let contractor = world.romashka().await;
    let mut request = bill_request(&contractor, "м");
    request["date"] = json!("2025-12-31");
    let send = |request: Value| {
        let mut request = world.request("POST", &own("/bills"), Some(&request));
        request
            .headers_mut()
            .insert("idempotency-key", HeaderValue::from_static("one"));
        world.send(request)
    };
    assert_eq!(send(request).await.unwrap().code(), "periodClosed");
    assert_eq!(
        send(bill_request(&contractor, "м")).await.unwrap().status,
        201
    );
}

#[tokio::test(start_paused = true)]
async fn late_effect_appears_after_its_delay_and_never_twice_under_a_key() {
    for with_key in [false, true] {
        let world = World::new();
        world
            .emulator
            .configure(|settings| settings.idempotency_key = with_key);
        let contractor = world.romashka().await;
        world
            .emulator
            .faults()
            .add("late-effect=30s:createBill:times=1".parse().unwrap());
        let send = || {
            let mut request = world.request(
                "POST",
                &own("/bills"),
                Some(&bill_request(&contractor, "м")),
            );
            request
                .headers_mut()
                .insert("idempotency-key", HeaderValue::from_static("one"));
            world.send(request)
        };
        assert!(send().await.is_none(), "the answer is lost");
        after(29).await;
        assert_eq!(world.get("/bills").await.json()["bills"], json!([]));
        assert_eq!(send().await.unwrap().status, 201);
        after(2).await;
        let made = world.emulator.truth().live_bills_marked("м").len();
        assert_eq!(made, if with_key { 1 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answer_leaves_the_bill_to_be_found_by_its_mark() {
    let world = World::new();
    let contractor = world.romashka().await;
    world
        .emulator
        .faults()
        .add("answer-lost:createBill:times=1".parse().unwrap());
    let mark = "[provodka:7f3a/deal/4711/invoice/whole/1]";
    let request = world.request(
        "POST",
        &own("/bills"),
        Some(&bill_request(&contractor, mark)),
    );
    assert!(world.send(request).await.is_none());
    let page = world
        .get("/bills?changedSince=2026-03-12T08:50:00Z")
        .await
        .json();
    assert_eq!(page["bills"][0]["comment"], mark);
    let seen = world.emulator.truth().requests;
    let create = seen
        .iter()
        .find(|seen| seen.operation == "createBill")
        .unwrap();
    assert_eq!(create.status, Some(201));
    assert!(create.fault.is_some());
}

#[tokio::test(start_paused = true)]
async fn faults_without_effect_leave_no_bill() {
    for (rule, status) in [
        ("not-done", None),
        ("html-page", Some(200)),
        ("status=503", Some(503)),
        ("limit", Some(429)),
    ] {
        let world = World::new();
        let contractor = world.romashka().await;
        let rule: FaultRule = format!("{rule}:createBill:times=1").parse().unwrap();
        world.emulator.faults().add(rule.clone());
        let request = world.request(
            "POST",
            &own("/bills"),
            Some(&bill_request(&contractor, "м")),
        );
        let heard = world.send(request).await;
        assert_eq!(heard.map(|heard| heard.status.as_u16()), status, "{rule}");
        assert_eq!(world.emulator.truth().bills().count(), 0, "{rule}");
    }
}

#[tokio::test(start_paused = true)]
async fn list_and_feed_lag_while_reading_by_id_does_not() {
    let world = World::new();
    let contractor = world.romashka().await;
    world
        .emulator
        .configure(|settings| settings.list_lag_ms = 60_000);
    after(60).await;
    let bill = world.bill(&contractor, "первый").await;
    let by_id = format!("/bills/{}", bill["id"].as_str().unwrap());
    assert_eq!(world.get(&by_id).await.status, 200);
    assert_eq!(world.get("/bills").await.json()["bills"], json!([]));
    assert_eq!(world.get("/changes").await.json()["nextOffset"], 1);
    after(60).await;
    assert_eq!(numbers(&world.get("/bills").await.json()), ["1"]);
    assert_eq!(world.get("/changes").await.json()["nextOffset"], 2);

    world
        .accountant()
        .edit_bill(id_of(&bill), &json!({"comment": "второй"}))
        .unwrap();
    assert_eq!(world.get(&by_id).await.json()["comment"], "второй");
    assert_eq!(
        world.get("/bills").await.json()["bills"][0]["comment"],
        "первый"
    );
    after(60).await;
    assert_eq!(
        world.get("/bills").await.json()["bills"][0]["comment"],
        "второй"
    );
}

#[tokio::test(start_paused = true)]
async fn pages_by_change_meet_every_bill_once() {
    let world = World::new();
    let contractor = world.romashka().await;
    for at in 0..7 {
        world.bill(&contractor, "м").await;
        if at % 3 == 2 {
            after(1).await;
        }
    }
    let mut met = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = world.get(&format!("/bills{query}")).await.json();
        met.extend(numbers(&page));
        let next = &page["next"];
        let Some(since) = next["changedSince"].as_str() else {
            assert!(next.is_null());
            break;
        };
        let id = next["afterId"].as_str().unwrap();
        query = format!("?limit=2&changedSince={since}&afterId={id}");
    }
    met.sort();
    assert_eq!(met, ["1", "2", "3", "4", "5", "6", "7"]);

    let since = world
        .get("/bills?changedSince=2026-03-12T09:00:02.000Z")
        .await
        .json();
    assert_eq!(numbers(&since), ["7"]);
    for (query, fault) in [
        ("?limit=501", "outOfRange limit"),
        ("?changedSince=yesterday", "invalidDate changedSince"),
        (
            "?afterId=9bcc6d6f-23c0-4549-b81c-1299e2d983fe",
            "required changedSince",
        ),
    ] {
        assert_eq!(world.get(&format!("/bills{query}")).await.faults(), [fault]);
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_run_per_organisation_and_year_and_are_not_given_twice() {
    let world = World::new();
    let contractor = world.romashka().await;
    let first = world.bill(&contractor, "м").await;
    world.accountant().delete_bill(id_of(&first)).unwrap();
    assert_eq!(world.bill(&contractor, "м").await["number"], "2");
    let mut next_year = bill_request(&contractor, "м");
    next_year["date"] = json!("2027-01-11");
    assert_eq!(world.post("/bills", &next_year).await.json()["number"], "1");
    let mut freed = bill_request(&contractor, "м");
    freed["number"] = json!("1");
    assert_eq!(
        world.post("/bills", &freed).await.status,
        201,
        "a deleted bill frees its number"
    );
    assert_eq!(world.post("/bills", &freed).await.code(), "numberTaken");
    assert_eq!(world.bill(&contractor, "м").await["number"], "3");
}

#[tokio::test(start_paused = true)]
async fn wrong_requests_name_each_fault() {
    let world = World::new();
    let contractor = world.romashka().await;
    let with = |changes: Value| {
        let mut request = bill_request(&contractor, "м");
        for (key, value) in changes.as_object().unwrap() {
            request[key] = value.clone();
        }
        request
    };
    let item = |changes: Value| {
        let mut request = bill_request(&contractor, "м");
        for (key, value) in changes.as_object().unwrap() {
            request["items"][0][key] = value.clone();
        }
        request
    };
    let rows = [
        (with(json!({"colour": "red"})), "unknownField colour"),
        (with(json!({"date": null})), "required date"),
        (with(json!({"date": "2028-01-01"})), "outOfRange date"),
        (with(json!({"number": ""})), "required number"),
        (
            with(json!({"comment": "я".repeat(10_001)})),
            "tooLong comment",
        ),
        (
            with(json!({"withNds": false, "sumsWithNds": false})),
            "ndsRateWithoutNds items[0].ndsRate",
        ),
        (
            with(json!({"paymentDueDate": "2026-03-11"})),
            "dueDateBeforeDate paymentDueDate",
        ),
        (
            with(json!({"bankAccountId": contractor})),
            "bankAccountNotFound bankAccountId",
        ),
        (with(json!({"items": []})), "required items"),
        (
            with(json!({"reason": {"number": "1"}})),
            "required reason.name",
        ),
        (
            item(json!({"price": 10.5})),
            "decimalStringExpected items[0].price",
        ),
        (
            item(json!({"quantity": "0"})),
            "outOfRange items[0].quantity",
        ),
        (
            item(json!({"quantity": "1.1234567"})),
            "decimalStringExpected items[0].quantity",
        ),
        (
            item(json!({"ndsRate": "nds18"})),
            "outOfRange items[0].ndsRate",
        ),
        (
            item(json!({"unitCode": "шт"})),
            "outOfRange items[0].unitCode",
        ),
        (
            item(json!({"productName": ""})),
            "required items[0].productName",
        ),
        (
            item(json!({"discountPercent": "5", "discountSum": "1.00"})),
            "twoDiscounts items[0].discountSum",
        ),
        (
            item(json!({"discountSum": "150000.01"})),
            "outOfRange items[0].discountSum",
        ),
        (
            item(json!({"quantity": "99999999999", "price": "99999999999"})),
            "outOfRange items[0].price",
        ),
    ];
    for (request, fault) in rows {
        let heard = world.post("/bills", &request).await;
        assert_eq!(heard.status, 400, "{fault}");
        assert_eq!(heard.faults(), [fault]);
    }
    let no_vat = with(json!({"withNds": false}));
    let expected = [
        "sumsWithNdsWithoutNds sumsWithNds",
        "ndsRateWithoutNds items[0].ndsRate",
    ];
    assert_eq!(world.post("/bills", &no_vat).await.faults(), expected);
    assert_eq!(world.emulator.truth().bills().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_no_json_are_refused() {
    let world = World::new();
    let mut text = world.request("POST", &own("/bills"), Some(&json!({})));
    text.headers_mut()
        .insert("content-type", HeaderValue::from_static("text/plain"));
    assert_eq!(world.send(text).await.unwrap().status, 415);
    let mut huge = world.request("POST", &own("/bills"), None);
    *huge.body_mut() = axum::body::Body::from(vec![b' '; 1024 * 1024 + 1]);
    assert_eq!(world.send(huge).await.unwrap().status, 413);
    let mut torn = world.request("POST", &own("/bills"), None);
    *torn.body_mut() = axum::body::Body::from("{\"date\":");
    assert_eq!(world.send(torn).await.unwrap().status, 400);
    assert_eq!(
        world.post("/bills", &json!([])).await.faults(),
        ["wrongType "]
    );
}

#[tokio::test(start_paused = true)]
async fn keys_open_their_organisations_alone() {
    let mut other = Organization::example();
    other.id = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    other.bank_accounts.clear();
    let config = Config {
        organizations: vec![Organization::example(), other.clone()],
        api_keys: vec![
            ApiKey {
                key: "both".to_owned(),
                organizations: None,
            },
            ApiKey {
                key: "one".to_owned(),
                organizations: Some(vec![other.id]),
            },
        ],
        ..Config::default()
    };
    let mut world = World::with(config, 1);
    assert_eq!(world.key, "both");
    let both = world.call("GET", "/v1/organizations", None).await.json();
    assert_eq!(both["organizations"].as_array().unwrap().len(), 2);
    let contractor = world.romashka().await;
    world.key = "one".to_owned();
    let one = world.call("GET", "/v1/organizations", None).await.json();
    assert_eq!(one["organizations"][0]["id"], json!(other.id));
    assert_eq!(world.get("/bills").await.status, 403);
    let foreign = format!("/v1/organizations/{}/contractors/{contractor}", other.id);
    assert_eq!(world.call("GET", &foreign, None).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn print_form_is_a_pdf_and_may_take_its_time() {
    let world = World::new();
    let contractor = world.romashka().await;
    world
        .emulator
        .configure(|settings| settings.print_form_delay_ms = 1_500);
    let bill = world.bill(&contractor, "м").await;
    let path = format!("/bills/{}/print-form", bill["id"].as_str().unwrap());
    let early = world.get(&path).await;
    assert_eq!((early.status.as_u16(), early.bytes.len()), (204, 0));
    assert_eq!(early.headers["retry-after"], "2");
    after(2).await;
    let ready = world.get(&path).await;
    assert_eq!(ready.headers["content-type"], "application/pdf");
    assert!(ready.bytes.starts_with(b"%PDF-1."));
    assert!(ready.bytes.ends_with(b"%%EOF\n"));
}

#[tokio::test(start_paused = true)]
async fn latency_is_passed_before_the_request_is_looked_at() {
    let world = World::new();
    world
        .emulator
        .configure(|settings| settings.latency_ms = 250);
    let started = tokio::time::Instant::now();
    assert_eq!(world.get("/bills").await.status, 200);
    assert_eq!(started.elapsed(), Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn two_runs_from_one_seed_are_equal() {
    let run = |seed| async move {
        let world = World::with(Config::default(), seed);
        world
            .emulator
            .faults()
            .add("answer-lost:createBill:permille=500".parse().unwrap());
        let contractor = world.romashka().await;
        let mut heard = vec![world.key.clone(), contractor.clone()];
        for _ in 0..20 {
            let request = world.request(
                "POST",
                &own("/bills"),
                Some(&bill_request(&contractor, "м")),
            );
            let answer = world.send(request).await;
            heard.push(
                answer
                    .map(|answer| answer.json().to_string())
                    .unwrap_or_default(),
            );
        }
        heard
    };
    let first = run(5).await;
    assert_eq!(first, run(5).await);
    assert_ne!(first, run(6).await);
    assert!(first.iter().any(String::is_empty), "some answers were lost");
}
