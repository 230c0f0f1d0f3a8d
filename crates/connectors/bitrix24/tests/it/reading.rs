//! Reading deals and finding changes, with the vendor's documented examples.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use capability::portal::{Changed, Presence, RecordKind, StageSemantics, SweepAsk, SweepOf};
use domain::observed::{Owner, Record, RowVat};
use domain::{
    BankDetailId, CompanyId, ContactId, DealId, FunnelId, RequisiteId, StageId, VatRate, Verdict,
};
use jiff::Timestamp;
use jiff::civil::date;
use serde_json::{Value, json};

use crate::script::{Params, Reply, Script, Stage, fixture, list, portal};

pub(crate) fn example(method: &str, params: &Params) -> Reply {
    Reply::Result(
        match (method, params.get("entityTypeId").map(String::as_str)) {
            ("crm.item.list", Some("2")) => fixture("crm.item.list.deal"),
            ("crm.item.list", _) if params.contains_key("filter[=isMyCompany]") => {
                json!({"items": [{"id": 1, "title": "Свои"}]})
            }
            ("crm.item.list", _) => json!({"items": [{"id": 3027, "title": "Ромашка"}]}),
            ("crm.item.fields", _) => json!({"fields": {
                "UF_CRM_PROVODKA_SUM": {"type": "money", "upperName": "UF_CRM_PROVODKA_SUM"},
                "title": {"type": "string", "upperName": "TITLE"},
            }}),
            ("crm.requisite.list", _) => {
                let (owners, ids) = (
                    list(params, "filter[@ENTITY_ID]"),
                    list(params, "filter[@ID]"),
                );
                let id =
                    |row: &Value, key: &str| row[key].as_str().unwrap().parse::<u64>().unwrap();
                let wanted = |row: &&Value| {
                    owners.contains(&id(row, "ENTITY_ID")) || ids.contains(&id(row, "ID"))
                };
                fixture(method)
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(wanted)
                    .cloned()
                    .collect()
            }
            _ => fixture(method),
        },
    )
}

#[tokio::test]
async fn a_deal_whose_buyer_is_known_is_read_whole_in_one_request() {
    let stage = Stage::webhook(portal(example));
    let glances = stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(351)])
        .await
        .unwrap();
    // Own companies and requisites are known from the first whole look on.
    stage
        .portal
        .deals
        .read(&stage.call(), &[DealId(351)])
        .await
        .unwrap();
    let before = stage.script.seen().len();
    let reading = stage
        .portal
        .deals
        .read(&stage.call(), &[DealId(351)])
        .await
        .unwrap();
    assert_eq!(stage.script.seen().len() - before, 1);

    let deal = &reading.deals[0];
    assert_eq!(deal.glance.fields, glances[0].fields);
    assert_eq!(deal.glance.deal.amount.kopecks(), 13_392_001);
    assert_eq!(deal.glance.deal.company, Some(CompanyId(3027)));
    assert_eq!(deal.glance.deal.contact, None);
    assert_eq!(deal.glance.deal.own_company, Some(CompanyId(1)));
    assert_eq!(deal.glance.deal.created.to_string(), "2024-07-23T17:10:26Z");
    assert_eq!(deal.company_title.as_deref(), Some("Ромашка"));
    let fields = &deal.glance.fields;
    assert_eq!(fields.number.as_deref(), Some("СЧ-17"));
    assert_eq!(fields.date, Some(date(2024, 7, 31)));
    assert_eq!(fields.sum.unwrap().kopecks(), 13_392_001);
    assert_eq!(
        (&fields.status, &fields.link, &fields.command),
        (&None, &None, &None)
    );
    let stages: Vec<&str> = deal
        .history
        .iter()
        .map(|entry| entry.stage.as_str())
        .collect();
    assert_eq!(stages, ["NEW", "C9:UC_NYL06U"]);
}

#[tokio::test]
async fn the_portals_own_fields_that_policy_names_are_read_and_a_template_is_told() {
    let named = |method: &str, params: &Params| {
        let Reply::Result(mut result) = example(method, params) else {
            panic!("{method} has an example");
        };
        let kind = params.get("entityTypeId").map(String::as_str);
        match (method, kind) {
            ("crm.item.list", Some("2")) => {
                let item = &mut result["items"][0];
                item["UF_CRM_SELLER"] = json!(45);
                item["UF_CRM_PILOT"] = json!(true);
                item["isRecurring"] = json!("Y");
            }
            ("crm.item.fields", _) => {
                result["fields"]["UF_CRM_SELLER"] = json!({
                    "type": "enumeration", "upperName": "UF_CRM_SELLER",
                    "items": [{"ID": "45", "VALUE": "Филиал"}],
                });
            }
            _ => {}
        }
        Reply::Result(result)
    };
    let stage = Stage::webhook(portal(named));
    let asked = [DealId(351)];
    let glances = stage
        .portal
        .deals
        .glance(&stage.call(), &asked)
        .await
        .unwrap();
    let said: Vec<(&str, &str)> = glances[0]
        .named
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(said, [("UF_CRM_PILOT", "Y"), ("UF_CRM_SELLER", "Филиал")]);
    assert!(glances[0].deal.template);
    let reading = stage
        .portal
        .deals
        .read(&stage.call(), &asked)
        .await
        .unwrap();
    assert_eq!(reading.deals[0].glance.named, glances[0].named);
    let products: Vec<_> = reading.deals[0]
        .rows
        .iter()
        .map(|row| row.product)
        .collect();
    assert_eq!(products.len(), 4);
    let lists = stage.script.seen();
    let selects = lists
        .iter()
        .any(|seen| format!("{seen:?}").contains("isRecurring"));
    assert!(
        selects,
        "templates are told apart by a field that is asked for"
    );
}

#[tokio::test]
async fn rows_keep_their_exact_prices_and_rates() {
    let stage = Stage::webhook(portal(example));
    let reading = stage
        .portal
        .deals
        .read(&stage.call(), &[DealId(351)])
        .await
        .unwrap();
    let rows: Vec<(String, String, bool, RowVat)> = reading.deals[0]
        .rows
        .iter()
        .map(|row| {
            (
                row.quantity.to_string(),
                row.price.to_string(),
                row.vat_included,
                row.vat.clone(),
            )
        })
        .collect();
    let row = |quantity: &str, price: &str, included, vat| {
        (quantity.to_owned(), price.to_owned(), included, vat)
    };
    assert_eq!(
        rows,
        [
            row("1", "5550", true, RowVat::Known(VatRate::Without)),
            row("3", "90000", true, RowVat::Known(VatRate::Percent10)),
            // Tax on top: the price as it was typed, without tax.
            row("0.5", "33.33", false, RowVat::Known(VatRate::Percent22)),
            row("1", "1", true, RowVat::Strange("13".to_owned())),
        ]
    );
}

#[tokio::test]
async fn requisites_come_with_banks_and_legal_address_in_the_portals_order() {
    let stage = Stage::webhook(portal(example));
    let reading = stage
        .portal
        .deals
        .read(&stage.call(), &[DealId(351)])
        .await
        .unwrap();
    let deal = &reading.deals[0];
    let ids: Vec<u64> = deal
        .requisites
        .iter()
        .map(|requisite| requisite.id.0)
        .collect();
    assert_eq!(ids, [41, 40]);
    assert!(deal.requisites[0].address_only);
    assert_eq!(deal.requisites[1].owner, Owner::Company(CompanyId(3027)));
    assert_eq!(
        deal.requisites[1].address,
        "101000, Москва, ул. Ленина, 5, оф. 701"
    );
    assert_eq!(deal.chosen.buyer, Some(RequisiteId(40)));
    assert_eq!(deal.chosen.seller, Some(RequisiteId(2)));
    assert_eq!(deal.chosen.seller_bank, Some(BankDetailId(5)));
    let own = &reading.own_companies[0];
    assert_eq!((own.id, own.title.as_str()), (CompanyId(1), "Свои"));
    let banks: Vec<u64> = own.requisites[0]
        .banks
        .iter()
        .map(|bank| bank.id.0)
        .collect();
    assert_eq!(banks, [6, 5]);
    assert_eq!(own.requisites[0].director, "Директорова Д. Д.");
}

/// So many rows, read by a portal that makes of a reference to the page before what it is told.
async fn rows_of_one(
    count: u64,
    refer: impl Fn(u64) -> u64 + Send + Sync + 'static,
) -> (usize, usize) {
    let last = Mutex::new(0);
    let script = portal(move |method, params| {
        if method != "crm.item.productrow.list" {
            return example(method, params);
        }
        let mut last = last.lock().unwrap();
        let after = &params["filter[>id]"];
        let after = after.parse().unwrap_or_else(|_| {
            assert!(
                after.starts_with("$result[c") && after.ends_with("][productRows][49][id]"),
                "{after}"
            );
            refer(*last)
        });
        let ids: Vec<u64> = (after + 1..=count).take(50).collect();
        *last = if ids.len() == 50 { ids[49] } else { 0 };
        let page: Vec<Value> = ids
            .into_iter()
            .map(|id| json!({"id": id, "ownerId": 351, "productName": "Товар", "price": 1, "quantity": 1, "taxRate": 22, "taxIncluded": "Y", "sort": 300 - id.min(300)}))
            .collect();
        Reply::Result(json!({"productRows": page}))
    });
    let stage = Stage::webhook(Arc::clone(&script));
    let deals = &stage.portal.deals;
    let reading = deals.read(&stage.call(), &[DealId(351)]).await.unwrap();
    (reading.deals[0].rows.len(), script.seen().len())
}

#[tokio::test]
async fn a_deal_with_hundreds_of_rows_is_read_to_its_end_in_few_requests() {
    let (_, usual) = rows_of_one(1, |last| last).await;
    for (count, more) in [(49, 0), (50, 1), (51, 1), (300, 1), (449, 1), (890, 3)] {
        let read = rows_of_one(count, |last| last).await;
        assert!(read.1 <= usual.max(1 + more), "{count}: {read:?}, {usual}");
        assert_eq!(u64::try_from(read.0).unwrap(), count);
    }
}

#[tokio::test]
async fn where_references_lead_nowhere_rows_are_read_page_by_page() {
    let (rows, _) = rows_of_one(300, |_| 0).await;
    assert_eq!(rows, 300);
}

#[tokio::test]
async fn a_requisite_chosen_from_another_owner_is_read_as_well() {
    let stage = Stage::webhook(portal(|method, params| match method {
        "crm.requisite.link.list" => Reply::Result(
            json!([{"ENTITY_ID": "351", "REQUISITE_ID": "77", "MC_REQUISITE_ID": "0"}]),
        ),
        "crm.requisite.list" if list(params, "filter[@ID]") == [77] => Reply::Result(
            json!([{"ID": "77", "ENTITY_TYPE_ID": "3", "ENTITY_ID": "5", "RQ_LAST_NAME": "Иванов", "RQ_FIRST_NAME": "Иван"}]),
        ),
        _ => example(method, params),
    }));
    let reading = stage
        .portal
        .deals
        .read(&stage.call(), &[DealId(351)])
        .await
        .unwrap();
    let chosen = reading.deals[0].requisites.last().unwrap();
    assert_eq!(
        (chosen.id, chosen.owner),
        (RequisiteId(77), Owner::Contact(ContactId(5)))
    );
    assert_eq!(chosen.name, "Иванов Иван");
}

#[tokio::test]
async fn a_thousand_deals_are_glanced_at_in_one_request() {
    let stage = Stage::webhook(portal(|method, params| match method {
        "crm.item.list" => {
            let items: Vec<Value> = list(params, "filter[@id]")
                .into_iter()
                .map(|id| json!({"id": id, "categoryId": 0, "stageId": "NEW", "createdTime": "2026-01-01T00:00:00+03:00", "updatedTime": "2026-01-01T00:00:00+03:00"}))
                .collect();
            Reply::Result(json!({"items": items}))
        }
        _ => example(method, params),
    }));
    let ids: Vec<DealId> = (1..=1000).map(DealId).collect();
    let glances = stage
        .portal
        .deals
        .glance(&stage.call(), &ids)
        .await
        .unwrap();
    assert_eq!(glances.len(), 1000);
    assert_eq!(stage.script.seen().len(), 1);
}

#[tokio::test]
async fn a_limit_inside_a_batch_fails_the_whole_read() {
    let stage = Stage::webhook(portal(|method, params| match method {
        "crm.stagehistory.list" => Reply::Error("OPERATION_TIME_LIMIT"),
        _ => example(method, params),
    }));
    let error = stage
        .portal
        .deals
        .read(&stage.call(), &[DealId(351)])
        .await
        .unwrap_err();
    assert!(error.limit);
}

#[tokio::test]
async fn a_row_of_another_shape_is_a_defect_and_shows_no_value() {
    let stage = Stage::webhook(portal(|method, params| match method {
        "crm.item.list" => Reply::Result(json!({"items": [{"id": "Иванов", "categoryId": 0}]})),
        _ => example(method, params),
    }));
    let error = stage
        .portal
        .deals
        .glance(&stage.call(), &[DealId(1)])
        .await
        .unwrap_err();
    assert_eq!(error.verdict, Verdict::Defect);
    assert!(!error.to_string().contains("Иванов"));
}

#[tokio::test]
async fn only_a_read_by_id_proves_that_a_deal_is_gone() {
    let stage = Stage::webhook(portal(|_, params| match params["id"].as_str() {
        "1" => Reply::Result(json!({"item": {"id": 1}})),
        "2" => Reply::Error("NOT_FOUND"),
        "3" => Reply::Error("ACCESS_DENIED"),
        _ => Reply::Error("INTERNAL_SERVER_ERROR"),
    }));
    let ids = [1, 2, 3, 4].map(DealId);
    let seen = stage
        .portal
        .deals
        .presence(&stage.call(), &ids)
        .await
        .unwrap();
    assert_eq!(
        seen,
        [
            (DealId(1), Presence::Visible),
            (DealId(2), Presence::Gone),
            (DealId(3), Presence::Denied)
        ]
    );
    assert!(
        stage
            .portal
            .deals
            .presence(&stage.call(), &[DealId(4)])
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_sweep_goes_page_by_page_by_id() {
    let stage = Stage::webhook(portal(|method, params| {
        if method == "crm.item.fields" {
            return example(method, params);
        }
        assert_eq!(params["filter[>=updatedTime]"], "2026-03-01T09:00:00+00:00");
        let after: u64 = params["filter[>id]"].parse().unwrap();
        let items: Vec<Value> = (after + 1..=70)
            .take(50)
            .map(|id| json!({"id": id, "updatedTime": "2026-03-01T12:30:00+03:00"}))
            .collect();
        Reply::Result(json!({"items": items}))
    }));
    // The portal's older methods read no fractions of a second.
    let since = "2026-03-01T09:00:00.987654Z".parse().unwrap();
    let deals = SweepOf::Changed(RecordKind::Deal);
    let first = swept(&stage, deals.clone(), since, None).await;
    assert_eq!((first.records.len(), first.next), (50, Some(50)));
    let portal_time = "2026-03-01T09:30:00Z".parse().unwrap();
    assert_eq!(first.asked_at, Some(portal_time));
    let second = swept(&stage, deals, since, first.next).await;
    assert_eq!((second.records.len(), second.next), (20, None));
    assert_eq!(
        second.records[0],
        (
            Record::Deal(DealId(51)),
            Some("2026-03-01T09:30:00Z".parse().unwrap())
        )
    );
}

#[tokio::test]
async fn a_sweep_shows_deals_as_a_glance_does_and_a_row_that_cannot_be_read_keeps_no_other_back() {
    let are_kinds_missing = AtomicBool::new(true);
    let stage = Stage::webhook(portal(move |method, params| {
        if method == "crm.item.fields" && are_kinds_missing.swap(false, Ordering::Relaxed) {
            return Reply::Missing;
        }
        if !params.contains_key("filter[>=updatedTime]") {
            return example(method, params);
        }
        let Reply::Result(mut found) = example(method, params) else {
            panic!("no deal is an example");
        };
        let items = found["items"].as_array_mut().unwrap();
        let mut spoilt = items[0].clone();
        spoilt["id"] = 352.into();
        spoilt["opportunity"] = "much".into();
        items.push(spoilt);
        items.push(json!({"id": 353, "updatedTime": "2026-03-01T12:30:00+03:00"}));
        Reply::Result(found)
    }));
    let since = "2026-03-01T09:00:00Z".parse().unwrap();
    let deals = SweepOf::Changed(RecordKind::Deal);
    let first = swept(&stage, deals.clone(), since, None).await;
    assert!(
        first.deals.is_empty(),
        "nobody knows yet of which kinds our fields are"
    );
    assert_eq!(first.records.len(), 3);
    let second = swept(&stage, deals, since, None).await;
    assert_eq!(second.records.len(), 3);
    assert_eq!(
        stage.script.count("batch"),
        2,
        "the kinds are asked with the deals"
    );
    let ids = [DealId(351)];
    let glances = stage.portal.deals.glance(&stage.call(), &ids).await;
    assert_eq!(second.deals, glances.unwrap());
}

/// A portal with so many changed deals, which does as told with a reference.
fn many_deals(count: u64, refer: impl Fn(&str, u64) -> u64 + Send + Sync + 'static) -> Arc<Script> {
    let last = Mutex::new(0);
    portal(move |method, params| {
        if method == "crm.item.fields" {
            return example(method, params);
        }
        let mut last = last.lock().unwrap();
        let after = &params["filter[>id]"];
        let after = after.parse().unwrap_or_else(|_| refer(after, *last));
        let ids: Vec<u64> = (after + 1..=count).take(50).collect();
        *last = ids.last().copied().unwrap_or(0);
        let items: Vec<Value> = ids
            .into_iter()
            .map(|id| json!({"id": id, "updatedTime": "2026-03-01T12:30:00+03:00"}))
            .collect();
        Reply::Result(json!({"items": items}))
    })
}

/// The ids that a sweep of deals found, and the requests that it took.
async fn swept_to_its_end(script: Arc<Script>) -> (Vec<u64>, usize) {
    let stage = Stage::webhook(Arc::clone(&script));
    let mut ask = SweepAsk {
        of: SweepOf::Changed(RecordKind::Deal),
        since: "2026-03-01T09:00:00Z".parse().unwrap(),
        after: None,
        pages: 0,
    };
    let mut found = Vec::new();
    loop {
        let asks = std::slice::from_ref(&ask);
        let changed = stage.portal.sweep.changed(&stage.call(), asks).await;
        let changed = changed.unwrap().remove(0);
        found.extend(changed.records.iter().map(|(record, _)| match record {
            Record::Deal(id) => id.0,
            other => panic!("{other:?}"),
        }));
        ask.pages += changed.pages;
        ask.after = changed.next;
        if ask.after.is_none() {
            return (found, script.seen().len());
        }
    }
}

#[tokio::test]
async fn a_list_that_goes_on_and_on_is_read_by_many_pages_in_one_request() {
    for (count, requests) in [(20, 1), (60, 2), (200, 3), (3_020, 4), (10_000, 7)] {
        let script = many_deals(count, |reference, last| {
            assert!(reference.starts_with("$result[c") && reference.ends_with("][items][49][id]"));
            last
        });
        let seen = swept_to_its_end(script).await;
        assert_eq!(seen, ((1..=count).collect(), requests), "{count}");
    }
}

#[tokio::test]
async fn where_references_lead_nowhere_a_sweep_goes_on_page_by_page() {
    let (found, requests) = swept_to_its_end(many_deals(170, |_, _| 0)).await;
    assert_eq!((found, requests), ((1..=170).collect(), 4));
}

async fn swept(stage: &Stage, of: SweepOf, since: Timestamp, after: Option<u64>) -> Changed {
    let asks = [SweepAsk {
        of,
        since,
        after,
        pages: 0,
    }];
    let mut pages = stage
        .portal
        .sweep
        .changed(&stage.call(), &asks)
        .await
        .unwrap();
    assert_eq!(pages.len(), 1);
    pages.remove(0)
}

#[tokio::test]
async fn a_requisite_that_was_never_changed_is_found_by_its_creation() {
    let stage = Stage::webhook(portal(|_, params| {
        let after: u64 = params["filter[>ID]"].parse().unwrap();
        let created = params.contains_key("filter[>=DATE_CREATE]");
        let ids: Vec<u64> = if created {
            (after + 1..=60).take(50).collect()
        } else {
            vec![7, 55].into_iter().filter(|id| *id > after).collect()
        };
        let rows: Vec<Value> = ids
            .into_iter()
            .map(|id| json!({"ID": id.to_string(), "DATE_CREATE": "2026-03-01T12:00:00+03:00", "DATE_MODIFY": if created { "" } else { "2026-03-01T12:30:00+03:00" }}))
            .collect();
        Reply::Result(rows.into())
    }));
    let since = "2026-03-01T09:00:00Z".parse().unwrap();
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let requisites = SweepOf::Changed(RecordKind::Requisite);
        let page = swept(&stage, requisites, since, after).await;
        found.extend(page.records.into_iter().map(|(record, _)| record));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let all: Vec<Record> = (1..=60)
        .map(|id| Record::Requisite(RequisiteId(id)))
        .collect();
    assert_eq!(found, all);
}

#[tokio::test]
async fn deals_that_entered_a_stage_are_found_in_the_history() {
    let stage = Stage::webhook(portal(|method, params| {
        assert_eq!(
            (method, params["filter[@STAGE_ID][0]"].as_str()),
            ("crm.stagehistory.list", "C9:UC_NYL06U")
        );
        Reply::Result(fixture(method))
    }));
    let since = "2024-01-01T00:00:00Z".parse().unwrap();
    let entered = SweepOf::Entered(vec![StageId::new("C9:UC_NYL06U")]);
    let page = swept(&stage, entered, since, None).await;
    assert_eq!(
        page.records[0],
        (
            Record::Deal(DealId(351)),
            Some("2024-04-25T14:59:11Z".parse().unwrap())
        )
    );
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn which_deals_entered_a_stage_is_asked_of_all_of_them_at_once() {
    let asked: Arc<Mutex<Vec<Vec<u64>>>> = Arc::default();
    let noted = Arc::clone(&asked);
    let stage = Stage::webhook(portal(move |method, params| {
        assert_eq!(
            (method, params["filter[@STAGE_ID][0]"].as_str()),
            ("crm.stagehistory.list", "C9:UC_NYL06U")
        );
        let owners = list(params, "filter[@OWNER_ID]");
        noted.lock().unwrap().push(owners.clone());
        let row = |id: u64, owner: u64| json!({"ID": id, "OWNER_ID": owner, "CREATED_TIME": "2024-04-25T17:59:11+03:00"});
        // One deal fills a page; the others are asked for again.
        let rows: Vec<Value> = match owners.contains(&351) {
            true => (1..=50).map(|id| row(id, 351)).collect(),
            false => vec![row(51, 352)],
        };
        Reply::Result(json!({"items": rows}))
    }));
    let ids = [351, 352, 353].map(DealId);
    let stages = [StageId::new("C9:UC_NYL06U")];
    let deals = &stage.portal.deals;
    let entered = deals.entered(&stage.call(), &ids, &stages).await.unwrap();
    assert_eq!(entered, [351, 352].map(DealId));
    let expected = vec![vec![351, 352, 353], vec![352, 353]];
    assert_eq!(*asked.lock().unwrap(), expected);
    // No stage is no filter of the portal's.
    let none = deals.entered(&stage.call(), &ids, &[]).await.unwrap();
    assert!(none.is_empty());
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn the_owner_behind_a_bank_detail_is_found() {
    let stage = Stage::webhook(portal(|method, _| {
        Reply::Result(match method {
            "crm.requisite.bankdetail.list" => json!([{"ID": "5", "ENTITY_ID": "40"}]),
            _ => {
                json!([{"ID": "40", "ENTITY_TYPE_ID": "4", "ENTITY_ID": "3027"}, {"ID": "41", "ENTITY_TYPE_ID": "3", "ENTITY_ID": "8"}])
            }
        })
    }));
    let records = [
        Record::BankDetail(BankDetailId(5)),
        Record::Requisite(RequisiteId(41)),
        Record::Requisite(RequisiteId(99)),
    ];
    let owners = stage
        .portal
        .sweep
        .owners(&stage.call(), &records)
        .await
        .unwrap();
    let owners: Vec<Option<Record>> = owners.into_iter().map(|owner| owner.owner).collect();
    assert_eq!(
        owners,
        [
            Some(Record::Company(CompanyId(3027))),
            Some(Record::Contact(ContactId(8))),
            None
        ]
    );
}

#[tokio::test]
async fn funnels_come_with_their_stages_in_order() {
    let stage = Stage::webhook(portal(|method, params| match method {
        "crm.status.list" if params["filter[ENTITY_ID]"] == "DEAL_STAGE_9" => {
            Reply::Result(json!([]))
        }
        _ => Reply::Result(fixture(method)),
    }));
    let funnels = stage.portal.directory.funnels(&stage.call()).await.unwrap();
    let ids: Vec<FunnelId> = funnels.iter().map(|funnel| funnel.id).collect();
    assert_eq!(ids, [FunnelId(9), FunnelId(0)]);
    let stages: Vec<(&str, StageSemantics)> = funnels[1]
        .stages
        .iter()
        .map(|stage| (stage.id.as_str(), stage.semantics))
        .collect();
    assert_eq!(
        stages,
        [
            ("NEW", StageSemantics::Process),
            ("WON", StageSemantics::Won),
            ("LOSE", StageSemantics::Lost)
        ]
    );
}
