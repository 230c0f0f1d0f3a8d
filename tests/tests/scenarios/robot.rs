//! The portal's own robot orders by an address of ours: answered within two seconds, once a call, also across a kill, and
//! kept while the portal is paused.

use std::time::Duration;

use domain::Order;
use emulator_bitrix24::{Deliver as _, HttpDeliver, RobotAction, RobotSeed, What};
use provodka::args::RobotCommand;

use crate::world::{Start, World, until};

/// A stage before the one in which a deal wants an invoice by itself.
const STAGE: &str = "PREPARATION";

async fn world() -> World {
    World::begin(Start {
        // It knows where the portal reaches it.
        as_application: true,
        ..Start::default()
    })
    .await
}

/// The address of an order, as `provodka robot new` gives it.
async fn address(world: &World, order: Order) -> String {
    let addresses = provodka::robot::new(&world.product()).await.unwrap();
    let mut addresses = addresses.into_iter();
    addresses.find(|(known, _)| *known == order).unwrap().1
}

/// In the stage's designer the administrator adds the robot «Исходящий вебхук».
fn add_robot(world: &World, url: String) {
    world.portal.add_robot(RobotSeed {
        on_stage: Some(STAGE.to_owned()),
        on_field: None,
        after_ms: 0,
        then: RobotAction::CallAddress { url },
        times: None,
    });
}

fn answered(world: &World) -> usize {
    let truth = world.portal.truth();
    let posted = truth.entries().filter(|entry| {
        matches!(&entry.what, What::EventDelivered { event, .. } if event == "robot webhook")
    });
    posted.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_robots_call_issues_within_two_seconds_and_once_a_call() {
    let world = world().await;
    let issue = address(&world, Order::Issue).await;
    // The first invoice of a portal also makes the buyer known.
    world.invoiced_deal().await;
    add_robot(&world, issue);
    let deal = world.new_deal();
    let moved = world.portal.now();
    world.portal.manager().move_deal(deal, STAGE).unwrap();
    world.until_numbered(deal).await;
    let took = world.portal.now().duration_since(moved);
    assert!(
        took <= Duration::from_secs(2).try_into().unwrap(),
        "a person waits two seconds at most, not {took}"
    );
    world.until_complete(deal).await;
    world.assert_one_true_invoice(deal);

    // The same call again finds the invoice there; another replaces it, once.
    let reissue = address(&world, Order::Reissue).await;
    let form = format!("document_id[2]=DEAL_{deal}");
    assert_eq!(
        HttpDeliver.post(reissue.clone(), form.clone()).await,
        Ok(200)
    );
    until("the second bill", || world.bills_ever(deal) == 2).await;
    world.until_quiet().await;
    assert_eq!(world.bills_ever(deal), 2);
    // An order that cannot be carried out is answered in the timeline, whoever called.
    let rest = reissue.replace("order=reissue", "order=rest");
    let by_program = format!("{rest}&deal={deal}");
    assert_eq!(HttpDeliver.post(by_program, String::new()).await, Ok(200));
    let refused = |(text, _): &(String, usize)| text.contains("Счёт на остаток не выставлен");
    until("an answer", || {
        world.portal.comments_of_deal(deal).iter().any(refused)
    })
    .await;

    provodka::robot::run(&world.product(), &RobotCommand::Off)
        .await
        .unwrap();
    assert_eq!(HttpDeliver.post(reissue, form).await, Ok(401));
    let story = world.story(deal).await;
    assert!(
        story.contains("команда по адресу для роботов: перевыставить"),
        "{story}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_answered_survives_a_kill_and_waits_while_the_portal_is_paused() {
    let mut world = world().await;
    let issue = address(&world, Order::Issue).await;
    add_robot(&world, issue);
    provodka::pause::run(&world.product(), Some(None))
        .await
        .unwrap();
    let deal = world.new_deal();
    world.portal.manager().move_deal(deal, STAGE).unwrap();
    until("an answered call", || answered(&world) == 1).await;
    world.kill().await;
    world.start_again().await;
    world.until_quiet().await;
    assert!(!world.has_number(deal));
    provodka::pause::run(&world.product(), None).await.unwrap();
    world.until_complete(deal).await;
    world.assert_one_true_invoice(deal);
}
