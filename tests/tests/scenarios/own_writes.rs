//! What we write comes back as an event; what a robot writes over it comes back too.

use emulator_bitrix24::{RobotAction, RobotSeed};

use crate::office;
use crate::world::{World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_echo_of_our_own_writes_causes_no_further_writes() {
    let world = World::usual().await;
    world
        .portal
        .configure(|portal| portal.events.double_permille = 1000);
    let deal = world.invoiced_deal().await;
    world.until_quiet().await;
    let writes = world.our_writes();
    let to_deal = writes
        .iter()
        .filter(|(entity, id)| entity == "deal" && *id == deal);
    assert_eq!(to_deal.count(), 1, "all fields at once, once: {writes:?}");
    let entries = writes
        .iter()
        .filter(|(entity, _)| entity == "timeline_comment");
    assert_eq!(entries.count(), 2, "the entry and its file: {writes:?}");
    world.assert_one_true_invoice(deal);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_a_robot_changes_back_is_asked_about_after_two_writes() {
    let world = World::usual().await;
    world.portal.add_robot(RobotSeed {
        on_stage: None,
        on_field: Some(office::NUMBER.to_owned()),
        after_ms: 50,
        then: RobotAction::SetField {
            field: office::NUMBER.to_owned(),
            value: "".into(),
        },
        times: None,
    });
    let deal = world.new_deal();
    world.drag(deal);
    world.until_case("FIELD-NOT-KEPT").await;
    until("word to the administrator", || {
        let told = world.told_to_administrator();
        told.iter().any(|text| text.contains(office::NUMBER))
    })
    .await;
    world.until_quiet().await;
    let writes = world.our_writes();
    let to_deal = writes
        .iter()
        .filter(|(entity, id)| entity == "deal" && *id == deal);
    assert_eq!(to_deal.count(), 2, "{writes:?}");
    assert_eq!(world.bills_ever(deal), 1);
    assert_eq!(world.entries(deal), [1]);
}
