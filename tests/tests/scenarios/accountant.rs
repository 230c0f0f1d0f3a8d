//! What the accountant does to a bill is seen on the deal and asked about, and never answered with another bill.

use serde_json::json;

use crate::office;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_bill_is_shown_and_asked_about_and_not_replaced() {
    let world = World::usual().await;
    let deal = world.invoiced_deal().await;
    let bill = world.bill(deal);
    world.accountant().cancel_bill(bill.meta.id).unwrap();
    world.until_shown(deal, office::STATUS, "Отменён").await;
    one_question_and_one_bill(&world, deal, "INVOICE-CANCELLED").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_bill_is_shown_and_asked_about_and_not_replaced() {
    let world = World::usual().await;
    let deal = world.invoiced_deal().await;
    let bill = world.bill(deal);
    world.accountant().delete_bill(bill.meta.id).unwrap();
    world
        .until_shown(deal, office::STATUS, "Удалён в учёте")
        .await;
    one_question_and_one_bill(&world, deal, "INVOICE-DELETED").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_bill_is_shown_as_it_is_and_asked_about() {
    let world = World::usual().await;
    let deal = world.invoiced_deal().await;
    let bill = world.bill(deal);
    let changes = json!({
        "items": [{
            "productName": "Кабель ВВГ 3х2,5",
            "unitName": "шт",
            "quantity": "100",
            "price": "96.50",
            "ndsRate": "nds22",
        }],
    });
    let edited = world.accountant().edit_bill(bill.meta.id, &changes);
    assert_eq!(edited.unwrap().sum.0, 965_000);
    world.until_shown(deal, office::SUM, "9650.00|RUB").await;
    one_question_and_one_bill(&world, deal, "INVOICE-EDITED").await;
}

async fn one_question_and_one_bill(world: &World, deal: i64, code: &str) {
    world.until_case(code).await;
    // The manager drags it about and back: that is no order for another invoice.
    let manager = world.portal.manager();
    manager.move_deal(deal, "PREPARATION").unwrap();
    manager.move_deal(deal, office::INVOICE).unwrap();
    world.until_quiet().await;
    assert_eq!(world.bills_ever(deal), 1);
    assert_eq!(world.entries(deal), [1]);
    let cases = world.open_cases().await;
    let codes: Vec<&str> = cases.iter().map(|case| case.facts.code.as_str()).collect();
    assert_eq!(codes, [code]);
    let about = office::path(deal);
    let told = world.told_to_all();
    let told: Vec<_> = told.iter().filter(|text| text.contains(&about)).collect();
    assert_eq!(told.len(), 1, "one is told, once: {told:#?}");
}
