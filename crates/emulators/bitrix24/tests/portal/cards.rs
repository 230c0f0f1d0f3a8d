//! Requisites, bank details and addresses that people enter in a card: lists show them, and events tell of them.

use std::collections::BTreeMap;

use emulator_bitrix24::{RequisiteSeed, texts};
use serde_json::{Value, json};

use crate::hand::Portal;

const BOUND: [&str; 4] = [
    "ONCRMREQUISITEADD",
    "ONCRMBANKDETAILADD",
    "ONCRMADDRESSREGISTER",
    "ONCRMADDRESSUNREGISTER",
];

fn seed() -> RequisiteSeed {
    RequisiteSeed {
        fields: texts(&[("RQ_INN", "7707083893")]),
        addresses: BTreeMap::from([("6".to_owned(), texts(&[("CITY", "Тверь")]))]),
        ..RequisiteSeed::default()
    }
}

async fn cities(portal: &Portal, requisite: i64) -> Vec<Value> {
    let filter = json!({"filter": {"ENTITY_TYPE_ID": 8, "ENTITY_ID": requisite}});
    let rows = portal.result("crm.address.list", filter).await;
    let rows = rows.as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["CITY"].clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_entered_in_a_card_is_listed_and_told() {
    let portal = Portal::sample();
    portal.bind(&BOUND).await;
    let manager = portal.emulator.manager();
    let contact = json!({"NAME": "Ольга", "LAST_NAME": "Котова"});
    let contact = manager.create_contact(contact).unwrap();
    let requisite = manager.add_requisite_of_contact(contact, &seed());
    let owner = json!({"filter": {"ENTITY_TYPE_ID": 3, "ENTITY_ID": contact}});
    let listed = portal.result("crm.requisite.list", owner).await;
    assert_eq!(listed[0]["ID"], json!(requisite.to_string()));
    assert_eq!(listed[0]["RQ_INN"], json!("7707083893"));
    assert_eq!(cities(&portal, requisite).await, [json!("Тверь")]);
    manager.set_legal_address(requisite, &texts(&[("CITY", "Псков")]));
    assert_eq!(cities(&portal, requisite).await, [json!("Псков")]);
    assert!(manager.remove_legal_address(requisite));
    assert!(!manager.remove_legal_address(requisite));
    assert!(cities(&portal, requisite).await.is_empty());
    let account = texts(&[("RQ_ACC_NUM", "40702810900000012344")]);
    let bank = manager.add_bank_detail(requisite, &account);
    let filter = json!({"filter": {"ENTITY_ID": requisite}});
    let banks = portal.result("crm.requisite.bankdetail.list", filter).await;
    assert_eq!(banks[0]["ID"], json!(bank.to_string()));
    assert_eq!(banks[0]["RQ_ACC_NUM"], json!("40702810900000012344"));
    portal.wait(60_000).await;
    let mut names = portal.handlers.names();
    names.sort();
    let told = [
        "ONCRMADDRESSREGISTER",
        "ONCRMADDRESSREGISTER",
        "ONCRMADDRESSUNREGISTER",
        "ONCRMBANKDETAILADD",
        "ONCRMREQUISITEADD",
    ];
    assert_eq!(names, told);
}
