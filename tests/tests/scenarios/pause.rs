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

fn heard(world: &World) -> usize {
    let truth = world.portal.truth();
    let heard = truth.entries().filter(|entry| {
        matches!(&entry.what, What::EventDelivered { event, .. } if event == "ONCRMDEALUPDATE")
    });
    heard.count()
}
