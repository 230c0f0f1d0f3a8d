//! A deal deleted after its invoice.

use crate::world::{World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_deleted_after_its_invoice_is_told_to_the_administrator_once() {
    let world = World::usual().await;
    let deal = world.invoiced_deal().await;
    world.portal.manager().delete_deal(deal).unwrap();
    let told = || {
        let told = world.told_to_administrator().into_iter();
        told.filter(|text| text.contains("Сделка удалена")).count()
    };
    until("word to the administrator", || told() > 0).await;
    world.until_case("DEAL-DELETED").await;
    world.until_quiet().await;
    assert_eq!(told(), 1, "{:#?}", world.told_to_administrator());
    assert_eq!(world.bills_ever(deal), 1);
    assert!(
        world.bill(deal).is_live(),
        "cancelling is a person's matter"
    );
}
