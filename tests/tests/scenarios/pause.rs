//! A paused portal is left alone; what happened meanwhile is done when it goes on.

use emulator_bitrix24::What;

use crate::world::{World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_dragged_in_a_pause_is_invoiced_when_it_goes_on() {
    let world = World::usual().await;
    provodka::pause::run(&world.product(), Some(Some("инвентаризация")))
        .await
        .unwrap();
    let deal = world.new_deal();
    let heard = heard(&world);
    world.drag(deal);
    until("heard event", || self::heard(&world) > heard).await;
    world.until_quiet().await;
    assert!(!world.has_number(deal));
    assert_eq!(world.kontur.truth().asked("createBill"), 0);
    assert_eq!(world.our_writes_after_setup(), 0);

    provodka::pause::run(&world.product(), None).await.unwrap();
    world.until_complete(deal).await;
    world.assert_one_true_invoice(deal);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_whose_application_was_removed_goes_on_once_a_webhook_reaches_it() {
    let mut world = World::usual().await;
    // From when it was connected as an application.
    {
        let product = world.product();
        let (store, now) = (&product.store, product.clock.now());
        desk::pause::by_portal(store, product.portal(), false, now)
            .await
            .unwrap();
        provodka::pause::run(&product, None).await.unwrap();
        let row = store.portal_get(product.portal()).await.unwrap();
        assert!(row.unwrap().paused);
    }
    world.stop().await;
    world.start_again().await;
    let deal = world.invoiced_deal().await;
    world.assert_one_true_invoice(deal);
}

fn heard(world: &World) -> usize {
    let truth = world.portal.truth();
    let heard = truth.entries().filter(|entry| {
        matches!(&entry.what, What::EventDelivered { event, .. } if event == "ONCRMDEALUPDATE")
    });
    heard.count()
}
