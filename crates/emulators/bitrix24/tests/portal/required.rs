//! Fields that must be filled: who is held up, where, and with which words.

use emulator_bitrix24::PortalConfig;
use serde_json::{Value, json};

use crate::hand::Portal;

const CODE: &str = "CRM_FIELD_ERROR_REQUIRED";

/// The number of a waybill is required from «В работе» on.
fn portal() -> Portal {
    let mut config = PortalConfig::sample();
    config.limits.enabled = false;
    config.custom_fields = vec![emulator_bitrix24::CustomFieldSeed {
        entity: "CRM_DEAL".to_owned(),
        name: "UF_CRM_WAYBILL".to_owned(),
        kind: "string".to_owned(),
        label: "Номер накладной".to_owned(),
        multiple: false,
        items: Vec::new(),
    }];
    let portal = Portal::new(config);
    portal
        .emulator
        .require_field("UF_CRM_WAYBILL", Some("EXECUTING"));
    portal
}

fn change(fields: Value) -> Value {
    json!({"entityTypeId": 2, "id": 1, "fields": fields, "useOriginalUfNames": "Y"})
}

#[tokio::test(start_paused = true)]
async fn a_stage_is_not_entered_without_what_it_requires() {
    let portal = portal();
    for stage in ["EXECUTING", "WON"] {
        let to = change(json!({"stageId": stage}));
        let (status, body) = portal.hook("crm.item.update", to).await;
        assert_eq!((status, &body["error"]), (400, &json!(CODE)), "{stage}");
        let why = "Поле \"Номер накладной\" обязательно для заполнения";
        assert_eq!(body["error_description"], why);
    }
    // What stands before it, a lost deal, and an edit that moves nothing are not held up.
    for fields in [
        json!({"stageId": "FINAL_INVOICE"}),
        json!({"title": "Другое название"}),
        json!({"stageId": "LOSE"}),
        json!({"stageId": "NEW"}),
        json!({"stageId": "EXECUTING", "UF_CRM_WAYBILL": "17"}),
    ] {
        portal.result("crm.item.update", change(fields)).await;
    }
    // Nor is whoever has it.
    let won = change(json!({"stageId": "WON"}));
    portal.result("crm.item.update", won).await;
}

#[tokio::test(start_paused = true)]
async fn another_funnel_and_the_older_method_ask_for_nothing() {
    let portal = portal();
    let to_service = change(json!({"categoryId": 1}));
    portal.result("crm.item.update", to_service).await;
    let back = change(json!({"categoryId": 0, "stageId": "EXECUTING"}));
    portal.result("crm.item.update", back).await;
    let older = json!({"id": 2, "fields": {"STAGE_ID": "EXECUTING"}});
    portal.result("crm.deal.update", older).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_record_and_a_person_are_held_up_as_well() {
    let portal = portal();
    let new = json!({"entityTypeId": 2, "fields": {"title": "Новая", "stageId": "EXECUTING"}});
    let refused = portal.refusal("crm.item.add", new).await;
    assert_eq!(refused, (400, CODE.to_owned()));
    let manager = portal.emulator.manager();
    let declined = manager.move_deal(1, "EXECUTING").unwrap_err();
    assert!(declined.0.contains("Номер накладной"), "{declined}");
    portal.emulator.require_field("UF_CRM_WAYBILL", None);
    assert!(manager.move_deal(1, "EXECUTING").unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_mandatory_field_is_asked_for_at_every_change_of_stage() {
    let portal = portal();
    portal.emulator.require_field("UF_CRM_WAYBILL", None);
    let id = portal.result("crm.deal.userfield.list", json!({})).await[0]["ID"].clone();
    let mandatory = json!({"id": id, "fields": {"MANDATORY": "Y"}});
    portal.result("crm.deal.userfield.update", mandatory).await;
    let to = change(json!({"stageId": "FINAL_INVOICE"}));
    let refused = portal.refusal("crm.item.update", to).await;
    assert_eq!(refused, (400, CODE.to_owned()));
}
