//! The page for a person: its data and its actions.

use serde_json::json;

use crate::hand::Portal;

#[tokio::test(start_paused = true)]
async fn board_and_card_show_the_portal_and_a_drag_fires_an_event() {
    let portal = Portal::sample();
    portal.bind(&["ONCRMDEALUPDATE"]).await;
    let (_, board) = portal.get("/page/api/board").await;
    assert_eq!(board["deals"].as_array().unwrap().len(), 4);
    assert_eq!(
        board["funnels"][0]["stages"][2],
        json!({"id": "FINAL_INVOICE", "name": "Выставить счёт", "color": "#FFA900", "semantics": ""})
    );
    assert_eq!(
        portal
            .post("/page/api/deal/1/stage", json!({"stage": "FINAL_INVOICE"}))
            .await
            .0,
        200
    );
    assert_eq!(
        portal
            .post("/page/api/deal/1/stage", json!({"stage": "NOWHERE"}))
            .await
            .0,
        400
    );
    portal.wait(1_000).await;
    assert_eq!(portal.handlers.names(), ["ONCRMDEALUPDATE"]);
    let (_, card) = portal.get("/page/api/deal/1").await;
    assert_eq!(
        (
            &card["stage"],
            &card["company"]["requisites"][0]["fields"][0]["value"]
        ),
        (&json!("FINAL_INVOICE"), &json!("7728168971"))
    );
    let (_, newer) = portal.get("/page/api/board").await;
    assert_ne!(newer["version"], board["version"]);
}

#[tokio::test(start_paused = true)]
async fn a_deal_is_moved_to_another_funnel_and_its_history_keeps_both() {
    let portal = Portal::sample();
    let (_, card) = portal.get("/page/api/deal/1").await;
    assert_eq!(
        (&card["funnel"], &card["funnels"][0]["first"]),
        (&json!(0), &json!("NEW"))
    );
    let first = card["funnels"][1]["first"].clone();
    assert_eq!(first, "C1:NEW");
    let moved = portal.post("/page/api/deal/1/stage", json!({"stage": first}));
    assert_eq!(moved.await.0, 200);
    let (_, card) = portal.get("/page/api/deal/1").await;
    assert_eq!(
        (&card["funnel"], &card["stage"]),
        (&json!(1), &json!("C1:NEW"))
    );
    let asked = json!({"entityTypeId": 2, "filter": {"OWNER_ID": 1}, "order": {"ID": "ASC"}, "select": ["CATEGORY_ID"]});
    let (_, body) = portal.hook("crm.stagehistory.list", asked).await;
    let funnels: Vec<String> = body["result"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["CATEGORY_ID"].to_string().replace('"', ""))
        .collect();
    assert_eq!(funnels, ["0", "1"]);
}

#[tokio::test(start_paused = true)]
async fn a_sum_that_a_person_types_stays_until_it_is_emptied() {
    let portal = Portal::sample();
    let shown = async || {
        let (_, card) = portal.get("/page/api/deal/1").await;
        let mut fields = card["fields"].as_array().unwrap().iter();
        let sum = fields.find(|field| field["name"] == "OPPORTUNITY").unwrap();
        (
            sum["value"].clone(),
            sum["kind"].clone(),
            sum["editable"].clone(),
        )
    };
    assert_eq!(
        shown().await,
        (json!("13080"), json!("number"), json!(true))
    );
    for (typed, sum, is_manual) in [("90.5", "90.5", "Y"), ("", "13080", "N")] {
        let saved = portal.post("/page/api/deal/1/fields", json!({"OPPORTUNITY": typed}));
        assert_eq!(saved.await.0, 200, "{typed}");
        assert_eq!(shown().await.0, sum, "{typed}");
        let manual = portal.emulator.deal_field(1, "IS_MANUAL_OPPORTUNITY");
        assert_eq!(manual, is_manual, "{typed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_custom_yes_or_no_is_chosen_on_the_card() {
    let portal = Portal::sample();
    let field =
        json!({"FIELD_NAME": "PILOT", "USER_TYPE_ID": "boolean", "EDIT_FORM_LABEL": "Пилот"});
    let made = json!({"fields": field});
    portal.result("crm.deal.userfield.add", made).await;
    let saved = portal.post("/page/api/deal/1/fields", json!({"UF_CRM_PILOT": "Y"}));
    assert_eq!(saved.await.0, 200);
    let (_, card) = portal.get("/page/api/deal/1").await;
    let mut fields = card["fields"].as_array().unwrap().iter();
    let pilot = fields.find(|field| field["name"] == "UF_CRM_PILOT");
    let pilot = pilot.unwrap();
    assert_eq!(
        (&pilot["kind"], &pilot["value"]),
        (&json!("flag"), &json!("Y"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_line_is_counted_in_the_unit_that_is_chosen_last() {
    let portal = Portal::sample();
    let line = json!({"name": "Кабель", "price": "10", "quantity": "2", "vat": "22", "vat_included": true, "measure": 166});
    portal.post("/page/api/deal/1/lines", json!([line])).await;
    let (_, card) = portal.get("/page/api/deal/1").await;
    let known = card["measures"].as_array().unwrap();
    assert!(known.contains(&json!({"code": 166, "name": "кг"})));
    assert_eq!(card["lines"][0]["unit"], "кг");
    let of_deal = json!({"filter": {"=ownerType": "D", "=ownerId": 1}});
    let rows = portal.result("crm.item.productrow.list", of_deal).await;
    let id = rows["productRows"][0]["id"].clone();
    for (code, unit) in [(6, "м"), (9999, "")] {
        let chosen = json!({"id": id, "fields": {"measureCode": code}});
        portal.result("crm.item.productrow.update", chosen).await;
        let (_, card) = portal.get("/page/api/deal/1").await;
        assert_eq!(card["lines"][0]["unit"], unit, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn person_edits_lines_requisites_and_comments() {
    let portal = Portal::sample();
    let lines = json!([{"name": "<b>Щит</b>", "price": "10,50", "quantity": "2", "vat": "22", "vat_included": true}]);
    assert_eq!(portal.post("/page/api/deal/1/lines", lines).await.0, 200);
    assert_eq!(portal.emulator.deal_field(1, "OPPORTUNITY"), "21");
    let requisite = portal.emulator.requisites_of(5)[0];
    assert_eq!(
        portal
            .post(
                &format!("/page/api/requisite/{requisite}"),
                json!({"RQ_KPP": "770201001"})
            )
            .await
            .0,
        200
    );
    let (_, body) = portal
        .hook("crm.requisite.get", json!({"id": requisite}))
        .await;
    assert_eq!(body["result"]["RQ_KPP"], "770201001");
    assert_eq!(
        portal
            .post("/page/api/deal/1/comment", json!({"text": "Позвонить"}))
            .await
            .0,
        200
    );
    assert_eq!(
        portal.emulator.comments_of_deal(1),
        [("Позвонить".to_owned(), 0)]
    );
    let (_, card) = portal.get("/page/api/deal/1").await;
    assert_eq!(card["timeline"][0]["text"], "Позвонить");
    for (path, mark) in [
        ("/", "id=\"board\""),
        ("/crm/deal/details/1/", "id=\"timeline\""),
        ("/page/style.css", "--accent"),
        ("/page/card.js", "textContent"),
    ] {
        let (status, body) = portal.get(path).await;
        assert!(
            status == 200 && body.as_str().unwrap().contains(mark),
            "{path}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_question_links_to_leads_to_the_card_where_it_is_mended() {
    let portal = Portal::sample();
    let made = async |method: &str, params| {
        let result = portal.result(method, params).await;
        let id = result["item"]["id"].as_i64().or_else(|| result.as_i64());
        id.unwrap()
    };
    let contact = json!({"entityTypeId": 3, "fields": {"name": "Анна", "lastName": "Орлова"}});
    let contact = made("crm.item.add", contact).await;
    let deal = json!({"entityTypeId": 2, "fields": {"title": "Частное", "contactId": contact}});
    let deal = made("crm.item.add", deal).await;
    let own = json!({"entityTypeId": 31, "fields": {"title": "свой", "parentId2": deal}});
    let own = made("crm.item.add", own).await;
    let fields = json!({"fields": {"ENTITY_TYPE_ID": 3, "ENTITY_ID": contact, "PRESET_ID": 3, "NAME": "Орлова", "RQ_INN": "500100732259"}});
    made("crm.requisite.add", fields).await;
    for (path, leads_to) in [
        (
            format!("/crm/contact/details/{contact}/"),
            format!("/crm/deal/details/{deal}/#buyer"),
        ),
        (
            format!("/crm/type/31/details/{own}/"),
            format!("/crm/deal/details/{deal}/"),
        ),
        ("/crm/contact/details/999/".to_owned(), "/".to_owned()),
    ] {
        assert_eq!(portal.leads_to(&path).await, leads_to, "{path}");
    }
    let (_, card) = portal.get(&format!("/page/api/deal/{deal}")).await;
    assert_eq!(
        (
            &card["contact"]["title"],
            &card["contact"]["requisites"][0]["fields"][0]["value"]
        ),
        (&json!("Анна Орлова"), &json!("500100732259"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_a_person_put_on_the_card_is_a_part_of_the_automatic_sum() {
    let portal = Portal::sample();
    let lines = json!([{"name": "Щит", "price": "100", "quantity": "1", "vat": "22", "vat_included": true}]);
    assert_eq!(portal.post("/page/api/deal/1/lines", lines).await.0, 200);
    let put = async |price: &str| {
        let price = json!({"price": price});
        portal.post("/page/api/deal/1/delivery", price).await.0
    };
    let sum = || portal.emulator.deal_field(1, "OPPORTUNITY");
    assert_eq!((put("50,5").await, sum()), (200, "150.5".to_owned()));
    assert_eq!((put("дорого").await, sum()), (400, "150.5".to_owned()));
    let asked = json!({"entityTypeId": 2, "entityId": 1});
    let told = portal.result("crm.item.delivery.list", asked.clone()).await;
    assert_eq!(
        (&told[0]["priceDelivery"], &told[0]["currency"]),
        (&json!(50.5), &json!("RUB"))
    );
    let id = json!({"id": told[0]["id"]});
    assert_eq!(portal.result("crm.item.delivery.get", id).await, told[0]);
    // A sum that a person typed is left alone.
    let typed = json!({"entityTypeId": 2, "id": 1, "fields": {"isManualOpportunity": "Y", "opportunity": 90}});
    portal.result("crm.item.update", typed).await;
    assert_eq!((put("70").await, sum()), (200, "90".to_owned()));
    let automatic = json!({"entityTypeId": 2, "id": 1, "fields": {"isManualOpportunity": "N"}});
    portal.result("crm.item.update", automatic).await;
    assert_eq!(sum(), "170");
    assert_eq!((put("").await, sum()), (200, "100".to_owned()));
    assert_eq!(
        portal.result("crm.item.delivery.list", asked).await,
        json!([])
    );
}

#[tokio::test(start_paused = true)]
async fn a_field_that_the_card_makes_required_holds_up_the_drag_until_it_is_filled() {
    let mut config = emulator_bitrix24::PortalConfig::sample();
    config.custom_fields = vec![emulator_bitrix24::CustomFieldSeed {
        entity: "CRM_DEAL".to_owned(),
        name: "UF_CRM_WAYBILL".to_owned(),
        kind: "string".to_owned(),
        label: "Номер накладной".to_owned(),
        multiple: false,
        items: Vec::new(),
    }];
    let portal = Portal::new(config);
    let (_, card) = portal.get("/page/api/deal/1").await;
    assert_eq!(
        card["required"],
        json!([{"name": "UF_CRM_WAYBILL", "label": "Номер накладной", "from": "", "stage": ""}])
    );
    let from = json!({"field": "UF_CRM_WAYBILL", "from": "EXECUTING"});
    assert_eq!(portal.post("/page/api/required", from).await.0, 200);
    let (_, card) = portal.get("/page/api/deal/1").await;
    assert_eq!(card["required"][0]["stage"], "В работе");
    let drag = || portal.post("/page/api/deal/1/stage", json!({"stage": "EXECUTING"}));
    let (status, body) = drag().await;
    assert_eq!(status, 400);
    let why = "Поле \"Номер накладной\" обязательно для заполнения";
    assert_eq!(body["why"], why);
    let none = json!({"field": "UF_CRM_WAYBILL", "from": ""});
    assert_eq!(portal.post("/page/api/required", none).await.0, 200);
    assert_eq!(drag().await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_card_chooses_who_sells_and_leaves_the_buyers_requisites() {
    let portal = Portal::sample();
    let buyer = portal.emulator.requisites_of(2)[0];
    portal
        .emulator
        .manager()
        .choose_requisites(1, (buyer, 0), (0, 0));
    let (_, card) = portal.get("/page/api/deal/1").await;
    let seller = card["sellers"][0].clone();
    let label = "ООО «Северный ветер», 40702810438000060473";
    assert_eq!(
        (&seller["label"], &seller["chosen"]),
        (&json!(label), &json!(false))
    );
    let chosen = json!({"requisite": seller["requisite"], "bank": seller["bank"]});
    assert_eq!(portal.post("/page/api/deal/1/seller", chosen).await.0, 200);
    let link = json!({"entityTypeId": 2, "entityId": 1});
    let link = portal.result("crm.requisite.link.get", link).await;
    assert_eq!(link["REQUISITE_ID"], buyer.to_string());
    assert_eq!(link["MC_BANK_DETAIL_ID"], seller["bank"].to_string());
    let (_, card) = portal.get("/page/api/deal/1").await;
    assert_eq!(card["sellers"][0]["chosen"], true);
}

#[tokio::test(start_paused = true)]
async fn a_robot_that_the_card_adds_calls_its_address() {
    let portal = Portal::sample();
    let robot = |url: &str| json!({"stage": "PREPARATION", "url": url});
    assert_eq!(portal.post("/page/api/robot", robot("нигде")).await.0, 400);
    let address = "http://office.test/orders?token=t&order=issue";
    assert_eq!(portal.post("/page/api/robot", robot(address)).await.0, 200);
    let (_, card) = portal.get("/page/api/deal/1").await;
    assert_eq!(card["robots"][0]["url"], address);
    portal
        .post("/page/api/deal/1/stage", json!({"stage": "PREPARATION"}))
        .await;
    portal.wait(1_000).await;
    assert_eq!(portal.handlers.urls(), [address]);
}

#[tokio::test(start_paused = true)]
async fn a_deal_is_made_the_template_of_recurring_ones_on_its_card() {
    let portal = Portal::sample();
    let yes = json!({"IS_RECURRING": "Y"});
    assert_eq!(portal.post("/page/api/deal/1/fields", yes).await.0, 200);
    let item = portal
        .result("crm.item.get", json!({"entityTypeId": 2, "id": 1}))
        .await;
    assert_eq!(item["item"]["isRecurring"], "Y");
    let (_, card) = portal.get("/page/api/deal/1").await;
    let fields = card["fields"].as_array().unwrap();
    let shown = fields.iter().find(|one| one["name"] == "IS_RECURRING");
    assert_eq!(shown.unwrap()["kind"], "flag");
}
