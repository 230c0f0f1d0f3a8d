//! Payments by time of change.

use capability::accounting::{PaymentPage, PaymentsFrom};
use domain::payment::Direction;
use domain::{InvoiceId, Money, Verdict};
use serde_json::{Value, json};

use crate::stage::{BILL, Stage, example, fixture, json, now, organisation, parameters};

async fn payments(stage: &Stage, from: PaymentsFrom<'_>) -> Result<PaymentPage, Verdict> {
    let read = stage.accounting.payments.clone().unwrap();
    let answer = read.payments(&stage.call(), &organisation(), from).await;
    answer.map_err(|error| error.verdict)
}

/// The contract's example with one change.
fn page(change: impl FnOnce(&mut Value)) -> Value {
    let mut page = fixture("payments_page");
    change(&mut page["payments"][0]);
    page
}

async fn told(change: impl FnOnce(&mut Value)) -> Result<PaymentPage, Verdict> {
    let stage = Stage::plays([json(200, &page(change)), example(200, "bank_accounts")]);
    payments(&stage, PaymentsFrom::Moment(now())).await
}

#[tokio::test]
async fn a_payment_is_told_with_its_account_and_what_was_given_of_it() {
    let stage = Stage::plays([example(200, "payments_page"), example(200, "bank_accounts")]);
    let page = payments(&stage, PaymentsFrom::Moment(now())).await.unwrap();
    let [payment] = page.payments.as_slice() else {
        panic!("{page:?}");
    };
    let order = &payment.order;
    assert_eq!(order.own_account.as_str(), "40702810200000012345");
    assert_eq!(order.direction, Direction::In);
    assert_eq!(
        (order.number.as_str(), order.amount),
        ("318", Money::from_kopecks(10_000_000))
    );
    assert_eq!(order.other.inn.as_ref().unwrap().as_str(), "7707083893");
    assert!(!payment.deleted);
    let given = [(InvoiceId::new(BILL), Money::from_kopecks(10_000_000))];
    assert_eq!(payment.allocations, given);
    assert!(!page.more);
    assert_eq!(page.next, "2026-03-12T08:58:00.000Z", "the list may lag");
    let asked = parameters(&stage.seen()[0]);
    assert_eq!(asked[0].1, "2026-03-12T09:00:00.000Z");
    stage.ends();
}

#[tokio::test]
async fn further_pages_are_asked_by_the_pair_that_the_contract_names() {
    let mut first = fixture("payments_page");
    first["next"] = json!({"changedSince": "2026-03-12T09:00:00.000Z", "afterId": "5d6f"});
    let empty = json!({"payments": [], "next": null});
    let accounts = example(200, "bank_accounts");
    let stage = Stage::plays([json(200, &first), accounts, json(200, &empty)]);
    let page = payments(&stage, PaymentsFrom::Moment(now())).await.unwrap();
    assert!(page.more);
    let last = payments(&stage, PaymentsFrom::Cursor(&page.next))
        .await
        .unwrap();
    assert_eq!((last.payments.len(), last.more), (0, false));
    assert_eq!(
        last.next, "2026-03-12T08:58:00.000Z",
        "no account is asked for nothing, and the list may lag behind an empty page as well"
    );
    let asked = parameters(&stage.seen()[2]);
    assert!(
        asked.contains(&("afterId".to_owned(), "5d6f".to_owned())),
        "{asked:?}"
    );
    stage.ends();

    let stage = Stage::plays([json(200, &first), example(200, "bank_accounts")]);
    let stuck = payments(&stage, PaymentsFrom::Cursor(&page.next)).await;
    assert_eq!(stuck, Err(Verdict::Defect), "a list that does not go on");
    let stage = Stage::plays([]);
    let unreadable = payments(&stage, PaymentsFrom::Cursor("soon/5d6f")).await;
    assert_eq!(unreadable, Err(Verdict::Defect));
}

#[tokio::test]
async fn a_deleted_payment_gives_nothing_to_any_bill() {
    let page = told(|payment| payment["status"] = json!("deleted"))
        .await
        .unwrap();
    assert!(page.payments[0].deleted);
    assert!(page.payments[0].allocations.is_empty());
}

#[tokio::test]
async fn a_payment_that_is_edited_down_to_nothing_is_as_good_as_deleted() {
    let page = told(|payment| payment["sum"] = json!("0.00")).await;
    let page = page.unwrap();
    assert_eq!(page.unreadable, [], "what was given of it stays beside it");
    assert!(page.payments[0].deleted);
    assert!(page.payments[0].allocations.is_empty());
    let page = told(|payment| payment["sum"] = json!("-1.00")).await;
    assert_eq!(page.unwrap().unreadable[0].field, "sum");
}

#[tokio::test]
async fn what_a_person_left_out_does_not_hide_the_payment() {
    let page = told(|payment| {
        payment["number"] = Value::Null;
        payment["bankAccountId"] = Value::Null;
        payment["counterparty"] =
            json!({"name": " ", "inn": "12", "kpp": "", "accountNumber": "0", "bik": null});
    })
    .await
    .unwrap();
    let order = &page.payments[0].order;
    assert_eq!(
        order.own_account.as_str(),
        "40702810200000012345",
        "the only one"
    );
    assert_eq!(order.number, "");
    let other = &order.other;
    assert!(other.name.is_none() && other.inn.is_none() && other.account.is_none());
}

#[tokio::test]
async fn none_of_several_accounts_is_guessed() {
    let mut page = fixture("payments_page");
    page["payments"][0]["bankAccountId"] = Value::Null;
    let mut accounts = fixture("bank_accounts");
    let mut second = accounts["bankAccounts"][0].clone();
    second["id"] = json!("c01999df-7dc3-4f5a-b815-f7cd35573099");
    second["accountNumber"] = json!("40702810900000000009");
    let all = accounts["bankAccounts"].as_array_mut().unwrap();
    all.truncate(1);
    all.push(second);
    let stage = Stage::plays([json(200, &page), json(200, &accounts)]);
    let told = payments(&stage, PaymentsFrom::Moment(now())).await.unwrap();
    assert_eq!(told.payments, []);
    let mut deleted = page.clone();
    deleted["payments"][0]["status"] = json!("deleted");
    let stage = Stage::plays([json(200, &deleted), json(200, &accounts)]);
    let gone = payments(&stage, PaymentsFrom::Moment(now())).await.unwrap();
    assert!(gone.payments[0].deleted, "{gone:?}");
    let [unreadable] = told.unreadable.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(unreadable.field, "bankAccountId");
    let main = unreadable.but_for_account.as_ref().unwrap();
    assert_eq!(main.id, unreadable.id);
    assert_eq!(main.order.own_account.as_str(), "40702810200000012345");
}

#[tokio::test]
async fn two_shares_of_one_bill_are_one() {
    let page = told(|payment| {
        payment["allocations"] =
            json!([{"billId": BILL, "sum": "30000.00"}, {"billId": BILL, "sum": "0.01"}]);
    })
    .await
    .unwrap();
    let given = [(InvoiceId::new(BILL), Money::from_kopecks(3_000_001))];
    assert_eq!(page.payments[0].allocations, given);
}

#[tokio::test]
async fn what_the_contract_rules_out_is_told_singly_and_stops_nothing() {
    for (field, value) in [
        ("sum", json!("-5.00")),
        ("sum", json!("a lot")),
        ("date", json!("soon")),
        ("direction", json!("sideways")),
        (
            "bankAccountId",
            json!("ffffffff-0000-4000-8000-000000000000"),
        ),
        ("allocations", json!([{"billId": BILL, "sum": "100000.01"}])),
        ("allocations", json!([{"billId": BILL, "sum": "0.00"}])),
        ("purpose", Value::Null),
    ] {
        let mut page = fixture("payments_page");
        let mut bad = page["payments"][0].clone();
        bad["id"] = json!("bad");
        bad[field] = value.clone();
        page["payments"].as_array_mut().unwrap().insert(0, bad);
        let stage = Stage::plays([json(200, &page), example(200, "bank_accounts")]);
        let told = payments(&stage, PaymentsFrom::Moment(now())).await.unwrap();
        assert_eq!(told.payments.len(), 1, "{field}: {value}");
        let [unreadable] = told.unreadable.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(
            (unreadable.id.0.as_str(), unreadable.number.as_str()),
            ("bad", "318")
        );
        assert_eq!(unreadable.but_for_account, None, "{field}: {value}");
        assert_eq!(told.next, "2026-03-12T08:58:00.000Z");
    }
}

#[tokio::test]
async fn a_list_whose_moments_cannot_be_read_is_read_again_from_where_it_began() {
    let page = told(|payment| payment["changedAt"] = json!("soon"))
        .await
        .unwrap();
    assert_eq!(
        (page.payments.len(), page.next.as_str()),
        (1, "2026-03-12T09:00:00.000Z")
    );
}
