//! Every example of the contract is accepted and answered as it is written there.
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::support::{ORGANIZATION, World, own};
use emulator_kontur_accounting::{Direction, Id, Kopecks, NewPayment, Payer};
use serde_json::Value;

const CONTRACT: &str = include_str!("../../../../../docs/reference/kontur-accounting.openapi.yaml");

const ROMASHKA: &str = "b79d3808-beef-4ce8-b27a-1192e7366d4e";
const BILL: &str = "9bcc6d6f-23c0-4549-b81c-1299e2d983fe";
const BILL_WITHOUT_VAT: &str = "3e5a5b1d-3f72-4c1c-9d73-7bab4d2f6e03";
const PAYMENT: &str = "5d6f7a8b-1234-4c1c-9d73-7bab4d2f6e77";
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// One example: of a request (`status` is `None`) or of an answer.
#[derive(Debug)]
struct Example {
    method: String,
    path: String,
    status: Option<u16>,
    name: String,
    value: Value,
}

/// Reads the examples out of the contract: they are written as JSON behind `value:`, and the
/// indentation above says whose they are.
fn examples() -> Vec<Example> {
    let mut found = Vec::new();
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut at = 0;
    while at < CONTRACT.len() {
        let line = CONTRACT[at..].lines().next().unwrap_or_default();
        let next = at + line.len() + 1;
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if let Some(written) = text.strip_prefix("value: ") {
            let begin = at + line.len() - written.len();
            let mut values = serde_json::Deserializer::from_str(&CONTRACT[begin..]).into_iter();
            let value = values.next().unwrap().unwrap();
            above.retain(|(other, _)| *other < indent);
            found.push(example(&above, value));
            let end = begin + values.byte_offset();
            at = end + CONTRACT[end..].find('\n').unwrap() + 1;
            continue;
        }
        if let Some((key, _)) = text.split_once(':') {
            above.retain(|(other, _)| *other < indent);
            above.push((indent, key.trim_matches('"').to_owned()));
        }
        at = next;
    }
    found
}

fn example(above: &[(usize, String)], value: Value) -> Example {
    let keys: Vec<&str> = above.iter().map(|(_, key)| key.as_str()).collect();
    let responses = keys.iter().position(|key| *key == "responses");
    Example {
        path: keys[1].to_owned(),
        method: keys[2].to_owned(),
        status: responses.map(|at| keys[at + 1].parse().unwrap()),
        name: keys.last().unwrap().to_string(),
        value,
    }
}

/// A run of examples against one emulator: ids of the contract stand for the emulator's own.
struct Run {
    world: World,
    examples: Vec<Example>,
    ids: RefCell<BTreeMap<String, String>>,
    headers: Vec<(&'static str, String)>,
}

thread_local! {
    static ANSWERED: RefCell<BTreeSet<(String, String)>> = RefCell::default();
}

impl Run {
    fn new() -> Self {
        Self {
            world: World::new(),
            examples: examples(),
            ids: RefCell::default(),
            headers: Vec::new(),
        }
    }

    /// Sends the named request (or none, where the operation has no body) and compares.
    async fn answers(&self, method: &str, path: &str, name: &str) {
        self.answers_at(method, path, name, &[]).await;
    }

    async fn answers_at(&self, method: &str, path: &str, name: &str, named: &[(&str, &str)]) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let named_so = |example: &&Example| {
            example.method == method && example.path == path && example.name == name
        };
        let request = self
            .examples
            .iter()
            .filter(named_so)
            .find(|e| e.status.is_none());
        let expected = self
            .examples
            .iter()
            .filter(named_so)
            .find(|e| e.status.is_some());
        let expected = expected.unwrap_or_else(|| panic!("{path} has an answer `{name}`"));

        let mut uri = format!("/v1{path}?{query}");
        if !named.iter().any(|(key, _)| *key == "organizationId") {
            uri = uri.replace("{organizationId}", ORGANIZATION);
        }
        for (key, id) in named {
            uri = uri.replace(&format!("{{{key}}}"), &self.real(id));
        }
        let body = request.map(|request| self.with_real_ids(&request.value));
        let mut request = self
            .world
            .request(&method.to_uppercase(), &uri, body.as_ref());
        for (key, value) in &self.headers {
            request.headers_mut().insert(*key, value.parse().unwrap());
        }
        let heard = self.world.send(request).await.unwrap();
        let place = format!("{method} {path} `{name}`");
        assert_eq!(
            Some(heard.status.as_u16()),
            expected.status,
            "{place}: {}",
            heard.json()
        );
        self.compare(&expected.value, &heard.json(), &place);
        if heard.status == 429 {
            assert!(heard.headers.contains_key("retry-after"), "{place}");
        }
        ANSWERED.with_borrow_mut(|done| done.insert((expected.path.clone(), name.to_owned())));
    }

    fn real(&self, id: &str) -> String {
        let ids = self.ids.borrow();
        ids.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    fn with_real_ids(&self, value: &Value) -> Value {
        let mut text = value.to_string();
        for (id, real) in &*self.ids.borrow() {
            text = text.replace(id, real);
        }
        serde_json::from_str(&text).unwrap()
    }

    fn compare(&self, expected: &Value, actual: &Value, place: &str) {
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) => {
                let (ours, theirs): (Vec<_>, Vec<_>) =
                    (expected.keys().collect(), actual.keys().collect());
                assert_eq!(ours, theirs, "{place}");
                for (key, value) in expected.iter().filter(|(key, _)| *key != "traceId") {
                    self.compare(value, &actual[key], &format!("{place}.{key}"));
                }
            }
            (Value::Array(expected), Value::Array(actual)) => {
                assert_eq!(expected.len(), actual.len(), "{place}");
                for (at, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                    self.compare(expected, actual, &format!("{place}[{at}]"));
                }
            }
            (Value::String(expected), Value::String(actual)) if expected.parse::<Id>().is_ok() => {
                let mut ids = self.ids.borrow_mut();
                let taken = ids
                    .iter()
                    .any(|(id, real)| real == actual && id != expected);
                assert!(!taken, "{place}: `{actual}` stands for another id");
                let real = ids
                    .entry(expected.clone())
                    .or_insert_with(|| actual.clone());
                assert_eq!(real, actual, "{place}");
            }
            _ => assert_eq!(expected, actual, "{place}"),
        }
    }

    async fn with_contractor() -> Self {
        let run = Self::new();
        run.answers("post", CONTRACTORS, "legalEntity").await;
        run
    }

    async fn with_bill() -> Self {
        let run = Self::with_contractor().await;
        run.answers("post", BILLS, "vatIncluded").await;
        run
    }
}

const CONTRACTORS: &str = "/organizations/{organizationId}/contractors";
const CONTRACTOR: &str = "/organizations/{organizationId}/contractors/{contractorId}";
const UPDATE_CONTRACTOR: &str = "/organizations/{organizationId}/contractors/{contractorId}/update";
const SEARCH: &str = "/organizations/{organizationId}/contractors/search";
const PRODUCTS: &str = "/organizations/{organizationId}/products";
const BILLS: &str = "/organizations/{organizationId}/bills";
const ONE_BILL: &str = "/organizations/{organizationId}/bills/{billId}";
const PRINT_FORM: &str = "/organizations/{organizationId}/bills/{billId}/print-form";
const CANCEL: &str = "/organizations/{organizationId}/bills/{billId}/cancel";
const PAYMENTS: &str = "/organizations/{organizationId}/payments";
const ALLOCATIONS: &str = "/organizations/{organizationId}/payments/{paymentId}/allocations";

#[tokio::test(start_paused = true)]
async fn every_example_is_answered_as_written() {
    service_and_organizations().await;
    contractors().await;
    products().await;
    bills().await;
    idempotency_and_limits().await;
    payments_and_cancelling().await;
    closing_documents().await;
    change_feed().await;

    let answers = examples()
        .into_iter()
        .filter(|example| example.status.is_some());
    let written: BTreeSet<_> = answers
        .map(|example| (example.path, example.name))
        .collect();
    assert!(written.len() > 30, "the contract's examples are found");
    ANSWERED.with_borrow(|done| assert_eq!(&written, done));
}

async fn service_and_organizations() {
    let mut run = Run::new();
    run.answers("get", "/capabilities", "withoutIdempotencyKey")
        .await;
    run.answers("get", "/organizations", "organizations").await;
    run.answers(
        "get",
        "/organizations/{organizationId}/bank-accounts",
        "bankAccounts",
    )
    .await;
    run.world
        .emulator
        .configure(|settings| settings.idempotency_key = true);
    run.answers("get", "/capabilities", "withIdempotencyKey")
        .await;
    run.world.key = "another".to_owned();
    run.answers("get", "/organizations", "unknownKey").await;
}

async fn contractors() {
    let run = Run::with_contractor().await;
    run.answers("get", CONTRACTORS, "contractorsPage").await;
    run.answers("post", CONTRACTORS, "soleProprietor").await;
    for name in ["sameInnAndKpp", "wrongInn", "soleProprietorWithKpp"] {
        run.answers("post", CONTRACTORS, name).await;
    }
    for name in ["byInnAndKpp", "nothingFound", "emptyFilter"] {
        run.answers("post", SEARCH, name).await;
    }
    run.answers_at(
        "get",
        CONTRACTOR,
        "contractor",
        &[("contractorId", ROMASHKA)],
    )
    .await;
    run.answers_at(
        "get",
        CONTRACTOR,
        "unknownContractor",
        &[("contractorId", NOBODY)],
    )
    .await;

    let run = Run::with_contractor().await;
    for name in ["newAddress", "staleRevision"] {
        run.answers_at(
            "post",
            UPDATE_CONTRACTOR,
            name,
            &[("contractorId", ROMASHKA)],
        )
        .await;
    }
}

async fn products() {
    let run = Run::with_contractor().await;
    run.answers("post", PRODUCTS, "service").await;
    run.answers("post", PRODUCTS, "sameName").await;
}

async fn bills() {
    let run = Run::with_bill().await;
    run.answers("get", BILLS, "billsPage").await;
    for name in ["vatOnTopWithDiscounts", "withoutVat"] {
        run.answers("post", BILLS, name).await;
    }
    for name in ["manyFaults", "oldVatRate", "numberTaken", "periodClosed"] {
        run.answers("post", BILLS, name).await;
    }
    let deleted = run.real(BILL_WITHOUT_VAT).parse().unwrap();
    run.world.accountant().delete_bill(deleted).unwrap();
    let named = [("billId", BILL_WITHOUT_VAT)];
    run.answers_at("get", ONE_BILL, "deletedBill", &named).await;
    run.answers_at("get", PRINT_FORM, "printFormOfDeleted", &named)
        .await;
    run.answers_at("get", ONE_BILL, "unknownBill", &[("billId", NOBODY)])
        .await;
    let foreign = [("organizationId", NOBODY), ("billId", BILL)];
    run.answers_at("get", ONE_BILL, "foreignOrganization", &foreign)
        .await;
    run.world.accountant().set_tariff_paid(false).unwrap();
    run.answers("post", BILLS, "notPaidFor").await;
}

async fn idempotency_and_limits() {
    let mut run = Run::with_bill().await;
    run.world
        .emulator
        .configure(|settings| settings.idempotency_key = true);
    run.headers
        .push(("idempotency-key", "portal/deal/1".to_owned()));
    let first = run.world.request(
        "POST",
        &own("/contractors"),
        Some(&serde_json::json!({"name": "Кто-то"})),
    );
    let mut first = first;
    first
        .headers_mut()
        .insert("idempotency-key", "portal/deal/1".parse().unwrap());
    assert_eq!(run.world.send(first).await.unwrap().status, 201);
    run.answers("post", BILLS, "keyReused").await;

    let run = Run::with_contractor().await;
    run.world
        .emulator
        .configure(|settings| settings.requests_per_minute = 1);
    run.answers("post", BILLS, "tooFast").await;
}

async fn payments_and_cancelling() {
    let run = Run::with_bill().await;
    let paid = run.world.accountant().add_payment(NewPayment {
        number: Some("318".to_owned()),
        date: jiff::civil::date(2026, 3, 12),
        direction: Direction::Incoming,
        sum: Kopecks(10_000_000),
        payer: Payer {
            name: Some("ООО «Ромашка»".to_owned()),
            inn: Some("7707083893".to_owned()),
            kpp: Some("770701001".to_owned()),
            account_number: Some("40702810638000012345".to_owned()),
            bik: Some("044525225".to_owned()),
        },
        bank_account: None,
        purpose: "Оплата по счёту № 1 от 12.03.2026, в т. ч. НДС 22 % - 18032,79".to_owned(),
    });
    let id = paid.unwrap().meta.id.to_string();
    run.ids.borrow_mut().insert(PAYMENT.to_owned(), id.clone());
    let request = run
        .examples
        .iter()
        .find(|e| e.path == ALLOCATIONS && e.name == "wholePayment");
    let body = run.with_real_ids(&request.unwrap().value);
    let path = own(&format!("/payments/{id}/allocations"));
    assert_eq!(run.world.call("PUT", &path, Some(&body)).await.status, 200);
    run.answers("get", PAYMENTS, "paymentsPage").await;
    run.answers_at("post", CANCEL, "cancelPaid", &[("billId", BILL)])
        .await;
}

async fn closing_documents() {
    let run = Run::with_bill().await;
    run.answers("post", "/organizations/{organizationId}/acts", "act")
        .await;
    let transfers = "/organizations/{organizationId}/universal-transfer-documents";
    run.answers("post", transfers, "universalTransferDocument")
        .await;
}

async fn change_feed() {
    let run = Run::with_bill().await;
    let request = run
        .examples
        .iter()
        .find(|e| e.path == CANCEL && e.name == "cancel")
        .unwrap();
    let path = format!("/bills/{}/cancel", run.real(BILL));
    let cancelled = run.world.post(&path, &request.value).await;
    assert_eq!(cancelled.json()["status"], "cancelled");
    let feed = "/organizations/{organizationId}/changes";
    run.answers("get", feed, "changes").await;
    run.answers("get", &format!("{feed}?offset=3"), "nothingNew")
        .await;
}

/// What the contract names is what the emulator has, and nothing besides.
#[tokio::test(start_paused = true)]
async fn every_operation_of_the_contract_has_its_address() {
    let world = World::new();
    world
        .emulator
        .configure(|settings| settings.requests_per_minute = 0);
    let mut path = "";
    let mut method = "";
    let mut operations = 0;
    for line in CONTRACT.lines() {
        let text = line.trim_start();
        match (line.len() - text.len(), text.trim_end_matches(':')) {
            (2, name) if name.starts_with('/') => path = name,
            (4, name @ ("get" | "post" | "put")) => method = name,
            (6, name) => {
                let Some(operation) = name.strip_prefix("operationId: ") else {
                    continue;
                };
                let uri = format!("/v1{}", path.replace("{organizationId}", ORGANIZATION));
                let uri = uri.replace("Id}", "").replace('{', "");
                let heard = world.call(&method.to_uppercase(), &uri, None).await;
                assert!(heard.status.as_u16() < 500, "{operation}");
                let seen = world.emulator.truth().requests.pop();
                assert_eq!(
                    seen.map(|seen| seen.operation),
                    Some(operation),
                    "{method} {uri}"
                );
                operations += 1;
            }
            _ => {}
        }
    }
    assert_eq!(operations, world.emulator.truth().requests.len());
    assert!(operations >= 29, "{operations}");
}
