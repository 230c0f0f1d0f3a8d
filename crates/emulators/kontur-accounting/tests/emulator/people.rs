//! What people do in the accounting program, and what the API then says.

use emulator_kontur_accounting::{
    Allocation, BillState, Direction, Id, Kopecks, NewPayment, Payer,
};
use http::HeaderValue;
use serde_json::{Value, json};

use crate::support::{ORGANIZATION, World, after, bill_request, id_of, own};

#[tokio::test(start_paused = true)]
async fn people_edit_cancel_delete_and_restore() {
    let world = World::new();
    let contractor = world.romashka().await;
    let bill = world.bill(&contractor, "м").await;
    let path = format!("/bills/{}", bill["id"].as_str().unwrap());
    let accountant = world.accountant();
    let changes = json!({
        "number": "Б-5",
        "items": [{"productName": "Монтаж", "unitName": "шт", "quantity": "2", "price": "50000.00", "ndsRate": "nds22"}],
    });
    after(1).await;
    accountant.edit_bill(id_of(&bill), &changes).unwrap();
    let edited = world.get(&path).await.json();
    assert_eq!(edited["number"], "Б-5");
    assert_eq!(edited["sum"], "100000.00");
    assert_eq!(edited["comment"], "м");
    assert_eq!(edited["createdAt"], bill["createdAt"]);
    assert_eq!(edited["changedAt"], "2026-03-12T09:00:01.000Z");
    assert_eq!(
        accountant
            .edit_bill(id_of(&bill), &json!({"withNds": false}))
            .unwrap_err()
            .status,
        400
    );

    accountant.cancel_bill(id_of(&bill)).unwrap();
    assert_eq!(world.get(&path).await.json()["status"], "cancelled");
    let error = accountant.edit_bill(id_of(&bill), &json!({})).unwrap_err();
    assert_eq!(error.code, "documentCancelled");
    accountant.delete_bill(id_of(&bill)).unwrap();
    assert_eq!(world.get(&path).await.json()["status"], "deleted");
    let cancelled = world.post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!(cancelled.code(), "documentDeleted");
    accountant.restore_bill(id_of(&bill)).unwrap();
    assert_eq!(world.get(&path).await.json()["status"], "notPaid");

    let truth = world.emulator.truth();
    let book = &truth.organizations[&world.organization()];
    let states: Vec<BillState> = book.bill_versions[0]
        .iter()
        .map(|bill| bill.state)
        .collect();
    use BillState::{Cancelled, Deleted, Open};
    assert_eq!(states, [Open, Open, Cancelled, Deleted, Open]);
}

#[tokio::test(start_paused = true)]
async fn a_bill_that_is_marked_as_paid_says_so_and_has_no_payment() {
    let world = World::new();
    let contractor = world.romashka().await;
    let bill = world.bill(&contractor, "м").await;
    let path = format!("/bills/{}", bill["id"].as_str().unwrap());
    let accountant = world.accountant();
    after(1).await;
    accountant.mark_bill_paid(id_of(&bill), true).unwrap();
    let marked = world.get(&path).await.json();
    assert_eq!(marked["status"], "paid");
    assert_eq!(marked["paidSum"], "0.00");
    assert_eq!(marked["changedAt"], "2026-03-12T09:00:01.000Z");
    // The same once more is no change, and the mark outlives an edit.
    accountant.mark_bill_paid(id_of(&bill), true).unwrap();
    assert_eq!(
        world.get(&path).await.json()["revision"],
        marked["revision"]
    );
    let number = json!({"number": "Б-6"});
    accountant.edit_bill(id_of(&bill), &number).unwrap();
    assert_eq!(world.get(&path).await.json()["status"], "paid");
    accountant.mark_bill_paid(id_of(&bill), false).unwrap();
    assert_eq!(world.get(&path).await.json()["status"], "notPaid");
    accountant.cancel_bill(id_of(&bill)).unwrap();
    let error = accountant.mark_bill_paid(id_of(&bill), true).unwrap_err();
    assert_eq!(error.code, "documentCancelled");
}

#[tokio::test(start_paused = true)]
async fn cancelling_twice_changes_nothing_more() {
    let world = World::new();
    let contractor = world.romashka().await;
    let bill = world.bill(&contractor, "м").await;
    let path = format!("/bills/{}/cancel", bill["id"].as_str().unwrap());
    assert_eq!(
        world.post(&path, &json!({"revision": 1})).await.code(),
        "revisionMismatch"
    );
    let first = world.post(&path, &json!({"revision": 2})).await;
    assert_eq!(first.json()["revision"], 3);
    assert_eq!(
        world.post(&path, &json!({"revision": 2})).await.json(),
        first.json()
    );
}

#[tokio::test(start_paused = true)]
async fn payments_move_the_bill_through_its_statuses() {
    let world = World::new();
    let contractor = world.romashka().await;
    let mut request = bill_request(&contractor, "м");
    request["paymentDueDate"] = json!("2026-03-13");
    let bill = world.post("/bills", &request).await.json();
    let path = format!("/bills/{}", bill["id"].as_str().unwrap());
    let accountant = world.accountant();
    let pay = |kopecks: i64| {
        let payment = accountant.add_payment(NewPayment {
            number: None,
            date: jiff::civil::date(2026, 3, 12),
            direction: Direction::Incoming,
            sum: Kopecks(kopecks),
            payer: Payer {
                inn: Some("7707083893".to_owned()),
                ..Payer::default()
            },
            bank_account: None,
            purpose: "Оплата".to_owned(),
        });
        payment.unwrap()
    };
    let allocate = |payment: Id, kopecks: i64| {
        let sum = format!("{}.{:02}", kopecks / 100, kopecks % 100);
        let body = json!({"allocations": [{"billId": bill["id"], "sum": sum}]});
        let path = own(&format!("/payments/{payment}/allocations"));
        let world = &world;
        async move { world.call("PUT", &path, Some(&body)).await }
    };
    let part = pay(6_000_000);
    assert_eq!(
        part.contractor_id,
        Some(contractor.parse().unwrap()),
        "recognised by INN"
    );
    let too_much = allocate(part.meta.id, 6_000_001).await;
    assert_eq!(too_much.faults(), ["allocationExceedsPayment allocations"]);
    assert_eq!(
        allocate(part.meta.id, 6_000_000).await.json()["unallocatedSum"],
        "0.00"
    );
    assert_eq!(world.get(&path).await.json()["status"], "partiallyPaid");
    after(2 * 24 * 3600).await;
    assert_eq!(world.get(&path).await.json()["status"], "overdue");
    let rest = pay(9_000_001);
    let too_much = allocate(rest.meta.id, 9_000_001).await;
    assert_eq!(too_much.faults(), ["allocationExceedsBill allocations"]);
    assert_eq!(allocate(rest.meta.id, 9_000_000).await.status, 200);
    let paid = world.get(&path).await.json();
    assert_eq!(
        (&paid["status"], &paid["paidSum"]),
        (&json!("paid"), &json!("150000.00"))
    );
    let cancelled = world.post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!(cancelled.code(), "billHasPayments");

    accountant.delete_payment(rest.meta.id).unwrap();
    assert_eq!(world.get(&path).await.json()["paidSum"], "60000.00");
    accountant
        .allocate(part.meta.id, Vec::<Allocation>::new())
        .unwrap();
    assert_eq!(world.get(&path).await.json()["status"], "overdue");
}

#[tokio::test(start_paused = true)]
async fn a_closed_period_takes_and_loses_no_payment() {
    let world = World::new();
    let accountant = world.accountant();
    let on = |day: i8| NewPayment {
        number: None,
        date: jiff::civil::date(2026, 3, day),
        direction: Direction::Incoming,
        sum: Kopecks(100),
        payer: Payer::default(),
        bank_account: None,
        purpose: "Оплата".to_owned(),
    };
    let closed = accountant.add_payment(on(11)).unwrap().meta.id;
    let open = accountant.add_payment(on(12)).unwrap().meta.id;
    accountant
        .close_period(Some(jiff::civil::date(2026, 3, 11)))
        .unwrap();
    let refused = [
        accountant.add_payment(on(11)).err(),
        accountant.edit_payment(closed, on(12)).err(),
        accountant.edit_payment(open, on(11)).err(),
        accountant.delete_payment(closed).err(),
    ];
    for problem in refused {
        let problem = problem.unwrap();
        assert_eq!(problem.code, "periodClosed");
        assert_eq!(problem.message, "Период закрыт по 11.03.2026 включительно");
    }
    accountant.edit_payment(open, on(13)).unwrap();
    accountant.delete_payment(open).unwrap();
    accountant.close_period(None).unwrap();
    accountant.delete_payment(closed).unwrap();
}

#[tokio::test(start_paused = true)]
async fn page_shows_the_books_and_carries_out_acts() {
    let world = World::new();
    let contractor = world.romashka().await;
    let page = world.call("GET", "/", None).await;
    assert!(
        page.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    assert!(page.headers.contains_key("content-security-policy"));

    let act = |body: Value| {
        let world = &world;
        async move { world.call("POST", "/ui/act", Some(&body)).await }
    };
    let organization = ORGANIZATION;
    let issued = json!({"act": "issueBill", "organization": organization, "bill": bill_request(&contractor, "<b>м</b>")});
    assert_eq!(act(issued).await.status, 200);
    let state = world.call("GET", "/ui/state", None).await.json();
    let bill = &state["organizations"][0]["bills"][0];
    assert_eq!(bill["createdBy"], "person");
    let cancel = json!({"act": "cancelBill", "organization": organization, "id": bill["id"]});
    assert_eq!(act(cancel).await.status, 200);
    let wrong =
        json!({"act": "editBill", "organization": organization, "id": bill["id"], "changes": {}});
    assert_eq!(act(wrong).await.code(), "documentCancelled");
    let settings = json!({"act": "configure", "settings": {"list_lag_ms": 5000}});
    assert_eq!(act(settings).await.status, 200);
    assert_eq!(world.emulator.settings().list_lag_ms, 5000);
    let payment = json!({
        "act": "addPayment", "organization": organization,
        "payment": {"date": "2026-03-12", "sum": "10", "purpose": "Оплата"},
    });
    assert_eq!(act(payment).await.faults(), ["decimalStringExpected sum"]);

    let payment = json!({"date": "2026-03-12", "sum": "150000.00", "purpose": "Оплата"});
    let added = json!({"act": "addPayment", "organization": organization, "payment": payment});
    assert_eq!(act(added).await.status, 200);
    let restored = json!({"act": "restoreBill", "organization": organization, "id": bill["id"]});
    assert_eq!(act(restored).await.status, 200);
    let payment_of = || {
        let world = &world;
        async move {
            world.call("GET", "/ui/state", None).await.json()["organizations"][0]["payments"][0]
                .clone()
        }
    };
    let id = payment_of().await["id"].clone();
    let split = |shares: Value| json!({"act": "allocatePayment", "organization": organization, "id": id, "shares": shares});
    let too_much = split(json!([{"billId": bill["id"], "sum": "150000.01"}]));
    let refused = act(too_much).await;
    assert!(
        refused
            .faults()
            .contains(&"allocationExceedsPayment allocations".to_owned())
    );
    let part = split(json!([{"billId": bill["id"], "sum": "100.00"}]));
    assert_eq!(act(part).await.status, 200);
    let main = world.call("GET", "/ui/state", None).await.json()["organizations"][0]
        ["bankAccounts"][0]["id"]
        .clone();
    assert_eq!(payment_of().await["bankAccountId"], main);
    let elsewhere =
        json!({"date": "2026-03-12", "sum": "1.00", "purpose": "Оплата", "bankAccountId": id});
    let elsewhere =
        json!({"act": "addPayment", "organization": organization, "payment": elsewhere});
    assert_eq!(act(elsewhere).await.status, 404, "no account of its own");
    let edit = |sum: &str| {
        let payment = json!({"number": "9", "date": "2026-03-12", "sum": sum, "purpose": "Оплата счёта",
                "payerAccount": "40702810500000000777", "payerBik": "044525225"});
        json!({"act": "editPayment", "organization": organization, "id": id, "payment": payment})
    };
    assert_eq!(
        act(edit("99.99")).await.faults(),
        ["allocationExceedsPayment allocations"]
    );
    assert_eq!(act(edit("120.00")).await.status, 200);
    let edited = payment_of().await;
    assert_eq!(
        (&edited["number"], &edited["unallocatedSum"]),
        (&json!("9"), &json!("20.00"))
    );
    assert_eq!(
        edited["counterparty"]["accountNumber"],
        "40702810500000000777"
    );
    assert_eq!(edited["counterparty"]["bik"], "044525225");
    assert_eq!(edited["bankAccountId"], main, "where it stood");
    assert_eq!(act(split(json!([]))).await.status, 200);
    assert_eq!(payment_of().await["unallocatedSum"], "120.00");
    let back =
        json!({"date": "2026-03-12", "sum": "5.00", "purpose": "Возврат", "direction": "outgoing"});
    let back = json!({"act": "addPayment", "organization": organization, "payment": back});
    assert_eq!(act(back).await.status, 200);
    let state = world.call("GET", "/ui/state", None).await.json();
    let payments = state["organizations"][0]["payments"]
        .as_array()
        .cloned()
        .unwrap();
    let outgoing = payments
        .iter()
        .filter(|payment| payment["direction"] == "outgoing");
    assert_eq!(outgoing.count(), 1);

    let mut form = world.request("POST", "/ui/act", Some(&json!({})));
    form.headers_mut()
        .insert("content-type", HeaderValue::from_static("text/plain"));
    assert_eq!(
        world.send(form).await.unwrap().status,
        400,
        "a foreign page's form is refused"
    );
    let pdf = format!("/ui/bills/{organization}/{}", bill["id"].as_str().unwrap());
    assert!(
        world
            .call("GET", &pdf, None)
            .await
            .bytes
            .starts_with(b"%PDF")
    );
}
