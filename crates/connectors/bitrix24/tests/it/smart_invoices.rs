//! Invoices of the portal's own: of many deals in one go, page by page, those that came to nothing told apart.

use capability::ConnectorError;
use capability::portal::{Changed, OwnInvoices, SweepAsk, SweepOf};
use domain::observed::Record;
use domain::{CompanyId, DealId, SmartInvoiceId};
use serde_json::{Value, json};

use crate::script::{Params, Reply, Stage, list, portal};

#[tokio::test]
async fn those_of_many_deals_are_read_by_fifty_and_page_by_page() {
    let page = |method: &str, params: &Params| {
        assert_eq!(
            (method, params["entityTypeId"].as_str()),
            ("crm.item.list", "31")
        );
        let after: u64 = params["filter[>id]"].parse().unwrap();
        // Deal 7 alone has sixty.
        let ids = if list(params, "filter[@parentId2]").contains(&7) {
            60
        } else {
            0
        };
        let items: Vec<Value> = (after + 1..=ids)
            .take(50)
            .map(|id| {
                let stage = if id == 2 { "DT31_4:D" } else { "DT31_1:N" };
                json!({
                    "id": id, "parentId2": "7", "accountNumber": id.to_string(), "stageId": stage,
                    "opportunity": "122.00", "currencyId": if id == 3 { "USD" } else { "RUB" },
                    "mycompanyId": 12, "companyId": if id == 4 { 0 } else { 5 }, "contactId": null,
                })
            })
            .collect();
        Reply::Result(json!({"items": items}))
    };
    let stage = Stage::webhook(portal(page));
    let deals: Vec<DealId> = (1..=70).map(DealId).collect();
    let found = stage
        .portal
        .deals
        .smart_invoices(&stage.call(), &deals)
        .await;
    let found = found.unwrap();
    assert_eq!(found.len(), 60);
    let failed: Vec<SmartInvoiceId> = found
        .iter()
        .filter(|one| !one.live)
        .map(|one| one.id)
        .collect();
    assert_eq!(failed, [SmartInvoiceId(2)]);
    assert!(found.iter().all(|one| one.deal == DealId(7)));
    let amount = |id: usize| found[id - 1].amount.map(domain::Money::kopecks);
    assert_eq!((amount(1), amount(3)), (Some(12_200), None));
    let parties = |id: usize| {
        (
            found[id - 1].seller,
            found[id - 1].company,
            found[id - 1].contact,
        )
    };
    let ours = Some(CompanyId(12));
    assert_eq!(parties(1), (ours, Some(CompanyId(5)), None));
    assert_eq!(parties(4), (ours, None, None));
}

#[tokio::test]
async fn a_portal_has_some_or_none_or_does_not_show_them() {
    let seen = async |reply: Reply| {
        let reply = std::sync::Mutex::new(Some(reply));
        let stage = Stage::webhook(portal(move |_, _| reply.lock().unwrap().take().unwrap()));
        let call = stage.call();
        stage.portal.directory.own_invoices(&call).await.unwrap()
    };
    let one = Reply::Result(json!({"items": [{"id": 1}]}));
    assert_eq!(seen(one).await, OwnInvoices::Some);
    let none = Reply::Result(json!({"items": []}));
    assert_eq!(seen(none).await, OwnInvoices::None);
    let hidden = seen(Reply::Error("ACCESS_DENIED")).await;
    assert!(matches!(hidden, OwnInvoices::Hidden(_)), "{hidden:?}");
}

/// What a sweep of those that changed finds after the invoice of this number.
async fn swept(stage: &Stage, after: Option<u64>) -> Result<Changed, ConnectorError> {
    let asks = [SweepAsk {
        of: SweepOf::OwnInvoices,
        since: "2026-03-01T09:00:00Z".parse().unwrap(),
        after,
        pages: 0,
    }];
    let changed = stage.portal.sweep.changed(&stage.call(), &asks).await;
    changed.map(|mut changed| changed.remove(0))
}

#[tokio::test]
async fn a_sweep_finds_the_deals_of_those_that_changed() {
    let stage = Stage::webhook(portal(|method, params| {
        assert_eq!(
            (method, params["entityTypeId"].as_str()),
            ("crm.item.list", "31")
        );
        assert_eq!(params["filter[>=updatedTime]"], "2026-03-01T09:00:00+00:00");
        let after: u64 = params["filter[>id]"].parse().unwrap();
        let items: Vec<Value> = (after + 1..=60)
            .take(50)
            .map(|id| {
                let deal = if id == 2 {
                    Value::Null
                } else {
                    json!(id + 100)
                };
                json!({"id": id, "parentId2": deal, "updatedTime": "2026-03-01T12:30:00+03:00"})
            })
            .collect();
        Reply::Result(json!({"items": items}))
    }));
    let first = swept(&stage, None).await.unwrap();
    assert_eq!(
        (first.records.len(), first.next),
        (49, Some(50)),
        "one is of no deal"
    );
    let at = Some("2026-03-01T09:30:00Z".parse().unwrap());
    assert_eq!(first.records[0], (Record::Deal(DealId(101)), at));
    let second = swept(&stage, first.next).await.unwrap();
    assert_eq!((second.records.len(), second.next), (10, None));
}

#[tokio::test]
async fn where_they_are_hidden_a_sweep_finds_none_and_goes_on() {
    let stage = Stage::webhook(portal(|_, _| Reply::Error("ACCESS_DENIED")));
    let found = swept(&stage, None).await.unwrap();
    assert_eq!((found.records, found.next), (vec![], None));
    let stage = Stage::webhook(portal(|_, _| Reply::Error("QUERY_LIMIT_EXCEEDED")));
    assert!(
        swept(&stage, None).await.is_err(),
        "what was not told is asked again"
    );
}
