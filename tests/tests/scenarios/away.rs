//! The product away: stopped, or killed in the middle of what it does.

use std::time::Duration;

use emulator_harness::{FaultKind, FaultRule};

use crate::world::{World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_moved_while_the_product_was_stopped_is_invoiced_after_the_start() {
    let mut world = World::usual().await;
    world.stop().await;
    let deal = world.new_deal();
    world.drag(deal);
    until("events that reach nobody", || {
        world.portal.events_in_flight() == 0
    })
    .await;
    world.start_again().await;
    world.until_complete(deal).await;
    world.assert_one_true_invoice(deal);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bill_whose_answer_met_nobody_alive_is_adopted() {
    let mut world = World::usual().await;
    let delay = Duration::from_millis(1_500);
    let slow = FaultRule::once(FaultKind::Slow { delay }, "createBill");
    world.kontur.faults().add(slow);
    let deal = world.new_deal();
    world.drag(deal);
    until("bill without its answer", || world.bills_ever(deal) == 1).await;
    world.kill().await;
    world.start_again().await;
    world.until_complete(deal).await;
    world.assert_one_true_invoice(deal);
    assert_eq!(world.kontur.truth().asked("createBill"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_any_request_make_no_second_bill_or_entry() {
    let mut world = World::usual().await;
    // Three deaths over one deal would set it aside: each kill meets another deal.
    for requests in [1, 3, 4, 5, 6, 8] {
        let before = world.requests();
        let deal = world.new_deal();
        world.drag(deal);
        until("moment to kill", || world.requests() >= before + requests).await;
        world.kill().await;
        world.start_again().await;
        world.until_complete(deal).await;
        world.assert_one_true_invoice(deal);
    }
}
