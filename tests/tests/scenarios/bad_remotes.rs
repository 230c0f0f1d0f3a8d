//! Remotes that misbehave once in each way known: at the end one bill, one entry with one file.

use std::time::Duration;

use emulator_harness::{FaultKind, FaultRule, Faults};

use crate::world::{World, until};

/// Every way a request can go wrong; what comes late still comes within the quiet time.
fn ways() -> [FaultKind; 9] {
    let delay = Duration::from_millis(1_500);
    [
        FaultKind::AnswerLost,
        FaultKind::LateEffect { delay },
        FaultKind::NotDone,
        FaultKind::HtmlPage,
        FaultKind::CutBody,
        FaultKind::Slow { delay },
        FaultKind::Status(500),
        FaultKind::StatusAfter(500),
        FaultKind::Limit,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_of_a_bill_that_goes_wrong_in_any_way_ends_in_one_bill() {
    goes_wrong(|world| world.kontur.faults().clone(), "createBill").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_of_fields_that_goes_wrong_in_any_way_ends_in_one_invoice() {
    goes_wrong(|world| world.portal.faults().clone(), "crm.item.update").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeline_entry_that_goes_wrong_in_any_way_ends_in_one_entry() {
    goes_wrong(
        |world| world.portal.faults().clone(),
        "crm.timeline.comment.add",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_goes_wrong_in_any_way_ends_in_one_file() {
    goes_wrong(
        |world| world.portal.faults().clone(),
        "crm.timeline.comment.update",
    )
    .await;
}

async fn goes_wrong(remote: impl Fn(&World) -> Faults, method: &str) {
    let world = World::usual().await;
    let faults = remote(&world);
    let mut deals = Vec::new();
    for way in ways() {
        let deal = world.new_deal();
        faults.add(FaultRule::once(way, method));
        world.drag(deal);
        let what = format!("{method} to go wrong: {way}");
        until(&what, || faults.rules().is_empty()).await;
        deals.push(deal);
    }
    for deal in deals {
        world.until_complete(deal).await;
        world.assert_one_true_invoice(deal);
    }
    assert_eq!(world.kontur.truth().bills().count(), ways().len());
}
