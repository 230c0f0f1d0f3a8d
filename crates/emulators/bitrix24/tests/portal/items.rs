//! Deals and their kin: reading, writing, filters, paging, rows.

use serde_json::{Value, json};

use crate::hand::Portal;

fn ids(items: &Value) -> Vec<i64> {
    items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_i64().unwrap())
        .collect()
}

async fn portal_of_deals() -> Portal {
    let portal = Portal::sample();
    for (title, sum, source) in [
        ("Альфа", "100.10", "WEB"),
        ("альбом", "200", "CALL"),
        ("Бета", "300.5", ""),
    ] {
        let fields = json!({"title": title, "opportunity": sum, "sourceId": source, "categoryId": 1, "originId": title});
        portal
            .result("crm.item.add", json!({"entityTypeId": 2, "fields": fields}))
            .await;
    }
    portal
}

#[tokio::test(start_paused = true)]
async fn every_filter_prefix_finds_what_it_should() {
    let portal = portal_of_deals().await;
    let rows = [
        (json!({"title": "Бета"}), vec![7]),
        (json!({"=title": "бета"}), vec![7]),
        (json!({"!title": "Бета"}), vec![5, 6]),
        (json!({"!=sourceId": ""}), vec![5, 6]),
        (json!({"sourceId": ""}), vec![7]),
        (json!({">opportunity": 100.1}), vec![6, 7]),
        (
            json!({">=opportunity": "100.10", "<opportunity": 300.5}),
            vec![5, 6],
        ),
        (json!({"<=opportunity": 200}), vec![5, 6]),
        (json!({"@sourceId": ["WEB", "CALL"]}), vec![5, 6]),
        (json!({"sourceId": ["WEB", "CALL"]}), vec![5, 6]),
        (json!({"!@sourceId": ["WEB"]}), vec![6, 7]),
        (json!({"%title": "ет"}), vec![7]),
        (json!({"=%title": "аль%"}), vec![5, 6]),
        (json!({"%=title": "%ом"}), vec![6]),
        (json!({"!%title": "ль"}), vec![7]),
        (json!({"!=%title": "аль%"}), vec![7]),
        (
            json!({"0": {"logic": "OR", "0": {"title": "Бета"}, "1": {"=%title": "альб%"}}}),
            vec![6, 7],
        ),
        (
            json!([{"logic": "OR", "0": {"title": "Бета"}, "1": {"title": "Альфа", ">opportunity": 500}}]),
            vec![7],
        ),
        (json!({"@id": [5, "7", 900]}), vec![5, 7]),
        (json!({">id": 5}), vec![6, 7]),
        (
            json!({"companyId": 0, ">=createdTime": "2026-06-01T12:00:00+03:00"}),
            vec![5, 6, 7],
        ),
        (json!({"<createdTime": "2026-06-01T12:00:00+03:00"}), vec![]),
        (
            json!({"stageSemanticId": "P", "closed": "N"}),
            vec![5, 6, 7],
        ),
    ];
    for (filter, expected) in rows {
        let mut whole = json!([{"categoryId": 1}, filter]);
        if filter.is_array() {
            whole = json!([{"categoryId": 1}, filter[0]]);
        }
        let result = portal
            .result(
                "crm.item.list",
                json!({"entityTypeId": 2, "filter": whole, "select": ["id"]}),
            )
            .await;
        assert_eq!(ids(&result["items"]), expected, "{filter}");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_names_are_refused_in_filters_and_ignored_in_writes() {
    let portal = Portal::sample();
    let list = |part: Value| {
        let mut params = json!({"entityTypeId": 2});
        params
            .as_object_mut()
            .unwrap()
            .extend(part.as_object().unwrap().clone());
        params
    };
    for part in [
        json!({"filter": {"colour": 1}}),
        json!({"order": {"colour": "ASC"}}),
        json!({"order": {"id": "sideways"}}),
        json!({"filter": {">createdTime": "yesterday"}}),
    ] {
        let refusal = portal.refusal("crm.item.list", list(part.clone())).await;
        assert_eq!(refusal, (400, "INVALID_ARG_VALUE".to_owned()), "{part}");
    }
    let item = portal
        .result(
            "crm.item.update",
            json!({"entityTypeId": 2, "id": 1, "fields": {"colour": "red", "title": "Новое"}}),
        )
        .await;
    assert_eq!(item["item"]["title"], "Новое");
    assert_eq!(item["item"].get("colour"), None);
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages_of_fifty() {
    let portal = Portal::sample();
    for at in 0..120 {
        portal
            .result(
                "crm.item.add",
                json!({"entityTypeId": 2, "fields": {"title": format!("№{at}"), "categoryId": 1}}),
            )
            .await;
    }
    let page = |start: i64| {
        let portal = &portal;
        async move {
            portal.hook("crm.item.list", json!({"entityTypeId": 2, "filter": {"categoryId": 1}, "select": ["id"], "start": start})).await.1
        }
    };
    for (start, rows, next, total) in [
        (0, 50, json!(50), 120),
        (50, 50, json!(100), 120),
        (100, 20, Value::Null, 120),
        (-1, 50, Value::Null, 0),
    ] {
        let body = page(start).await;
        let got = (
            body["result"]["items"].as_array().unwrap().len(),
            body["next"].clone(),
            body["total"].as_i64().unwrap(),
        );
        assert_eq!(got, (rows, next, total), "start {start}");
    }
}

#[tokio::test(start_paused = true)]
async fn update_without_a_difference_saves_nothing() {
    let portal = Portal::sample();
    let before = portal.emulator.truth().writes_to("deal", 1).count();
    let item = portal.result("crm.item.update", json!({"entityTypeId": 2, "id": 1, "fields": {"title": "Поставка кабеля", "nothing": 1}})).await;
    assert_eq!(
        item["item"]["updatedBy"], 1,
        "the technical user changed nothing"
    );
    assert_eq!(portal.emulator.truth().writes_to("deal", 1).count(), before);
}

#[tokio::test(start_paused = true)]
async fn funnel_and_stage_go_together() {
    let portal = Portal::sample();
    let update = |fields: Value| json!({"entityTypeId": 2, "id": 1, "fields": fields});
    assert_eq!(
        portal
            .refusal("crm.item.update", update(json!({"stageId": "C1:NEW"})))
            .await
            .1,
        "CRM_FIELD_ERROR_VALUE_NOT_VALID"
    );
    assert_eq!(
        portal
            .refusal("crm.item.update", update(json!({"stageId": "NOWHERE"})))
            .await
            .1,
        "CRM_FIELD_ERROR_VALUE_NOT_VALID"
    );
    let moved = portal
        .result(
            "crm.item.update",
            update(json!({"categoryId": 1, "stageId": "C1:EXECUTING"})),
        )
        .await;
    assert_eq!(
        (&moved["item"]["categoryId"], &moved["item"]["stageId"]),
        (&json!(1), &json!("C1:EXECUTING"))
    );
    let moved = portal
        .result("crm.item.update", update(json!({"categoryId": 0})))
        .await;
    assert_eq!(
        moved["item"]["stageId"], "NEW",
        "the first stage of the other funnel"
    );
    // The older method passes a stage of another funnel over in silence.
    assert_eq!(
        portal
            .result(
                "crm.deal.update",
                json!({"id": 1, "fields": {"STAGE_ID": "C1:NEW"}})
            )
            .await,
        json!(true)
    );
    assert_eq!(portal.emulator.deal_field(1, "STAGE_ID"), "NEW");
    let won = portal
        .result("crm.item.update", update(json!({"stageId": "WON"})))
        .await;
    assert_eq!(
        (&won["item"]["stageSemanticId"], &won["item"]["closed"]),
        (&json!("S"), &json!("Y"))
    );
    let history = portal
        .result(
            "crm.stagehistory.list",
            json!({"entityTypeId": 2, "filter": {"OWNER_ID": 1}}),
        )
        .await;
    let kinds: Vec<i64> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["TYPE_ID"].as_i64().unwrap())
        .collect();
    assert_eq!(kinds, [1, 5, 5, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_list_field_tells_its_items_and_is_kept_by_their_numbers() {
    let portal = Portal::sample();
    let list = json!([{"VALUE": "List item #1"}, {"VALUE": "List item #2"}]);
    let fields = json!({"FIELD_NAME": "KB_LIST", "USER_TYPE_ID": "enumeration", "LABEL": "List", "LIST": list});
    portal
        .result("crm.deal.userfield.add", json!({"fields": fields}))
        .await;
    let fields = portal
        .result("crm.item.fields", json!({"entityTypeId": 2}))
        .await;
    // As the vendor's page on adding items prints it.
    let items = &fields["fields"]["ufCrmKbList"]["items"];
    let words: Vec<&str> = items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["VALUE"].as_str().unwrap())
        .collect();
    assert_eq!(words, ["List item #1", "List item #2"]);
    let second = items[1]["ID"].as_str().unwrap().parse::<i64>().unwrap();
    let manager = portal.emulator.manager();
    assert_eq!(
        manager.choose(1, "UF_CRM_KB_LIST", "List item #2"),
        Ok(true)
    );
    assert!(manager.choose(1, "UF_CRM_KB_LIST", "List item #3").is_err());
    let item = portal
        .result("crm.item.get", json!({"entityTypeId": 2, "id": 1}))
        .await;
    assert_eq!(item["item"]["ufCrmKbList"], second);
}

#[tokio::test(start_paused = true)]
async fn custom_fields_are_named_by_the_vendors_rules_and_files_are_whole_sets() {
    let portal = Portal::sample();
    for (name, kind, multiple) in [
        ("KB_NUMBER", "string", "N"),
        ("KB_SENT", "boolean", "N"),
        ("KB_PAPERS", "file", "Y"),
    ] {
        let fields =
            json!({"FIELD_NAME": name, "USER_TYPE_ID": kind, "MULTIPLE": multiple, "LABEL": name});
        assert!(
            portal
                .result("crm.deal.userfield.add", json!({"fields": fields}))
                .await
                .is_i64()
        );
    }
    let fields = portal
        .result("crm.item.fields", json!({"entityTypeId": 2}))
        .await;
    assert_eq!(
        fields["fields"]["ufCrmKbNumber"]["upperName"],
        "UF_CRM_KB_NUMBER"
    );
    let update = |fields: Value| json!({"entityTypeId": 2, "id": 1, "useOriginalUfNames": "Y", "fields": fields});
    let item = portal.result("crm.item.update", update(json!({"UF_CRM_KB_NUMBER": "7", "UF_CRM_KB_SENT": "Y", "UF_CRM_KB_PAPERS": [["a.pdf", "YQ=="], ["b.pdf", "Yg=="]]}))).await;
    let papers = item["item"]["UF_CRM_KB_PAPERS"].as_array().unwrap().clone();
    assert_eq!(papers.len(), 2);
    let path = papers[1]["urlMachine"]
        .as_str()
        .unwrap()
        .strip_prefix(crate::hand::BASE)
        .unwrap()
        .to_owned();
    assert_eq!(portal.get(&path).await, (200, json!("b")));
    let keep = json!({"UF_CRM_KB_PAPERS": [{"id": papers[0]["id"]}, ["c.pdf", "Yw=="]]});
    portal.result("crm.item.update", update(keep)).await;
    let names: Vec<String> = portal
        .emulator
        .files_of_deal(1, "UF_CRM_KB_PAPERS")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["a.pdf", "c.pdf"]);
    assert_eq!(
        portal.get(&path).await.0,
        404,
        "a file that was not named again is gone"
    );
    let found = |value: Value| {
        portal.result(
            "crm.item.list",
            json!({"entityTypeId": 2, "filter": {"ufCrmKbSent": value}}),
        )
    };
    assert_eq!(found(json!(1)).await["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        found(json!("Y")).await["items"].as_array().unwrap().len(),
        0,
        "a word is the number 0, and no deal has that"
    );
}

#[tokio::test(start_paused = true)]
async fn rows_replace_one_another_and_the_sum_follows() {
    let portal = Portal::sample();
    let rows = json!([{"productName": "Кабель", "price": "33.33", "quantity": 3, "taxRate": 22, "taxIncluded": "Y"}, {"productName": "Работа", "price": 1000, "quantity": "0.5"}]);
    let set = portal
        .result(
            "crm.item.productrow.set",
            json!({"ownerType": "D", "ownerId": 1, "productRows": rows}),
        )
        .await;
    assert_eq!(set["productRows"][0]["priceExclusive"], json!(27.32));
    assert_eq!(set["productRows"][1]["taxRate"], Value::Null);
    assert_eq!(portal.emulator.deal_field(1, "OPPORTUNITY"), "599.99");
    let first = set["productRows"][0]["id"].clone();
    assert_eq!(
        portal
            .result("crm.item.productrow.delete", json!({"id": first}))
            .await,
        Value::Null
    );
    assert_eq!(portal.emulator.deal_field(1, "OPPORTUNITY"), "500");
    let of_many = portal
        .result(
            "crm.item.productrow.list",
            json!({"filter": {"=ownerType": "D", "=ownerId": [1, 2]}}),
        )
        .await;
    assert_eq!(of_many["productRows"].as_array().unwrap().len(), 2);
    assert_eq!(
        portal
            .refusal(
                "crm.item.productrow.add",
                json!({"fields": {"ownerType": "D", "ownerId": 999, "price": 1}})
            )
            .await
            .1,
        "OWNER_NOT_FOUND"
    );
    // While the sum is automatic, nobody else sets it.
    portal
        .result(
            "crm.item.update",
            json!({"entityTypeId": 2, "id": 1, "fields": {"opportunity": 1}}),
        )
        .await;
    assert_eq!(portal.emulator.deal_field(1, "OPPORTUNITY"), "500");
}

#[tokio::test(start_paused = true)]
async fn phones_are_added_changed_and_removed_by_id() {
    let portal = Portal::sample();
    let update = |fm: Value| json!({"entityTypeId": 4, "id": 2, "fields": {"fm": fm}});
    let item = portal.result("crm.item.update", update(json!({"n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+7 900 1"}, "n1": {"typeId": "EMAIL", "valueType": "WORK", "value": "a@b.example"}}))).await;
    let phone = item["item"]["fm"][0]["id"].to_string();
    assert_eq!(
        (&item["item"]["hasPhone"], &item["item"]["phoneWork"]),
        (&json!("Y"), &json!("+7 900 1"))
    );
    let found = portal
        .result(
            "crm.duplicate.findbycomm",
            json!({"type": "PHONE", "values": ["7(900)1"], "entity_type": "COMPANY"}),
        )
        .await;
    assert_eq!(found, json!({"COMPANY": [2]}));
    let item = portal
        .result(
            "crm.item.update",
            update(json!({phone: {"typeId": "PHONE", "value": ""}})),
        )
        .await;
    assert_eq!(item["item"]["fm"].as_array().unwrap().len(), 1);
}
