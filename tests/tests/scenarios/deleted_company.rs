//! A buyer's company that is deleted while its deal goes on.

use serde_json::json;

use crate::office;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_deleted_before_the_invoice_is_asked_about_until_another_buys() {
    let world = World::usual().await;
    let manager = world.portal.manager();
    let buyer = office::buyer(1);
    let company = manager.create_company(&buyer).unwrap();
    let seed = office::deal("Поставка", &buyer.title);
    let deal = manager.create_deal(&seed).unwrap();
    manager.delete_company(company).unwrap();
    world.drag(deal);
    world.until_case("BUYER-HIDDEN").await;
    assert_eq!(world.bills_ever(deal), 0);

    let other = world.portal.company_by_title(office::BUYER).unwrap();
    let chosen = manager.edit_deal(deal, json!({"COMPANY_ID": other}));
    assert!(chosen.unwrap());
    world.until_complete(deal).await;
    world.assert_one_true_invoice(deal);
    world.until_quiet().await;
    assert!(world.open_cases().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_deleted_after_the_invoice_leaves_it_as_it_is() {
    let world = World::usual().await;
    let manager = world.portal.manager();
    let buyer = office::buyer(1);
    let company = manager.create_company(&buyer).unwrap();
    let seed = office::deal("Поставка", &buyer.title);
    let deal = manager.create_deal(&seed).unwrap();
    world.drag(deal);
    world.until_complete(deal).await;
    manager.delete_company(company).unwrap();
    // It is looked at again.
    let edited = manager.edit_deal(deal, json!({"TITLE": "Поставка, вторая очередь"}));
    assert!(edited.unwrap());
    world.until_quiet().await;
    world.assert_one_true_invoice(deal);
    assert!(world.bill(deal).is_live());
}
