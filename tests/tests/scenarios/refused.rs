//! A paid deal goes no further because a field is empty that the next stage requires: its manager hears of it, fills it in,
//! and the deal goes on by itself.

use emulator_bitrix24::{CustomFieldSeed, Outcome, What};
use serde_json::json;

use crate::bank::{PAID, begin, document, file, import, invoiced, named};
use crate::database::Database;
use crate::money::{entries, stage};
use crate::office;
use crate::world::World;

const WAYBILL: &str = "UF_CRM_WAYBILL";

/// So many moves the portal refused because of the field.
fn refusals(world: &World) -> usize {
    let truth = world.portal.truth();
    let refused = truth.entries().filter(|entry| {
        matches!(&entry.what, What::Command { outcome: Outcome::Refused { code }, .. }
            if code == "CRM_FIELD_ERROR_REQUIRED")
    });
    refused.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paid_deal_that_lacks_a_required_field_goes_on_once_its_manager_fills_it_in() {
    let world = begin(1, Database::Sqlite).await;
    world.portal.add_custom_field(&CustomFieldSeed {
        entity: "CRM_DEAL".to_owned(),
        name: WAYBILL.to_owned(),
        kind: "string".to_owned(),
        label: "Номер накладной".to_owned(),
        multiple: false,
        items: Vec::new(),
    });
    world.portal.require_field(WAYBILL, Some("EXECUTING"));
    let (deal, bill) = invoiced(&world, 1_000).await;
    let buyer = bill.draft.buyer.key.who.to_string();
    let purpose = format!("Оплата по счету {}", named(&bill));
    let paid = document("1", "1000.00", &buyer, purpose);
    let path = file(&world, "march.txt", &[paid]);
    import(&world, &path).await.unwrap();

    // The money is shown all the same; the manager is told which field it is, and nobody else is.
    world.until_case("ACTION-REFUSED").await;
    world.until_shown(deal, PAID, "1000.00|RUB").await;
    world.until_quiet().await;
    assert_eq!(stage(&world, deal), office::INVOICE);
    let about_field = |told: Vec<String>| {
        let told = told.into_iter();
        told.filter(|text| text.contains("Номер накладной")).count()
    };
    let told = world.notices_of_manager();
    assert_eq!(about_field(told.clone()), 1, "{told:#?}");
    assert_eq!(about_field(world.told_to_administrator()), 0);
    assert_eq!(world.open_cases().await.len(), 1);

    // An edit of something else: one more try, and no further word.
    let tries = refusals(&world);
    assert!((1..=2).contains(&tries), "{tries} tries");
    let manager = world.portal.manager();
    manager
        .edit_deal(deal, json!({"COMMENTS": "Звонили"}))
        .unwrap();
    world.until_quiet().await;
    assert_eq!(refusals(&world), tries + 1);
    assert_eq!(about_field(world.notices_of_manager()), 1);

    manager.edit_deal(deal, json!({WAYBILL: "ТН-17"})).unwrap();
    world.until_shown(deal, "STAGE_ID", "EXECUTING").await;
    world.until_quiet().await;
    assert_eq!(refusals(&world), tries + 1);
    assert_eq!(entries(&world, deal, "Оплата 1 000,00 ₽ получена"), 1);
    let open = world.open_cases().await;
    assert!(open.is_empty(), "{open:#?}");
}
