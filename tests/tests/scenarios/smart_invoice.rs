//! A deal with an invoice of the portal's own is asked about, and gets ours once that one came to nothing.

use emulator_bitrix24::{Deliver as _, HttpDeliver, What};
use serde_json::json;

use crate::world::World;

async fn call(world: &World, method: &str, form: &str) {
    let address = format!("{}{method}", world.credentials.webhook_url);
    assert_eq!(HttpDeliver.post(address, form.to_owned()).await, Ok(200));
}

/// The invoice of the portal's own.
fn made(world: &World) -> i64 {
    let truth = world.portal.truth();
    let mut made = truth.entries().filter_map(|entry| match &entry.what {
        What::Write { entity, id, .. } if entity == "smart_invoice" => Some(*id),
        _ => None,
    });
    made.next().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_smart_invoice_is_asked_about_until_it_came_to_nothing() {
    let world = World::usual().await;
    // The first policy says nothing of them.
    let deal = world.new_deal();
    let form = format!("entityTypeId=31&fields[parentId2]={deal}&fields[title]=own");
    call(&world, "crm.item.add", &form).await;
    world.drag(deal);
    world.until_case("DEAL-SMART-INVOICE").await;
    // The question is on record before it is told.
    world.until_quiet().await;
    assert_eq!(world.bills_ever(deal), 0);
    assert_eq!(world.notices_of_manager().len(), 1);
    // Others are invoiced as ever.
    world.invoiced_deal().await;

    let form = format!(
        "entityTypeId=31&id={}&fields[stageId]=DT31_3:D",
        made(&world)
    );
    call(&world, "crm.item.update", &form).await;
    let edited = world
        .portal
        .manager()
        .edit_deal(deal, json!({"TITLE": "Поставка, счёт свой не нужен"}));
    edited.unwrap();
    world.until_complete(deal).await;
    world.assert_one_true_invoice(deal);
    assert!(world.open_cases().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_settles_a_question_answers_it_at_once() {
    let world = World::usual().await;
    let deal = world.new_deal();
    let form = format!("entityTypeId=31&fields[parentId2]={deal}&fields[title]=own");
    call(&world, "crm.item.add", &form).await;
    world.drag(deal);
    world.until_case("DEAL-SMART-INVOICE").await;
    world
        .change_policy(|text| {
            text.replace("[invoice]\n", "[invoice]\nsmart_invoices = \"ignore\"\n")
        })
        .await;
    world.until_complete(deal).await;
    world.assert_one_true_invoice(deal);
    assert!(world.open_cases().await.is_empty());
}
