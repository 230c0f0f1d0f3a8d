//! Two installations for one portal: the second is refused, and whoever was taken over leaves the portal alone.
//! A portal that does not tell whose it is holds nobody up.

use emulator_harness::{FaultKind, FaultRule};
use provodka::{check, setup};

use crate::office;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_installation_is_refused_and_one_that_was_taken_over_writes_nothing() {
    let mut world = World::usual().await;
    let second = world.another_installation().await;
    let wishes = setup::Wishes {
        administrator: Some(office::ADMINISTRATOR.to_string()),
        active: true,
        settle_seconds: Some(0),
        ..setup::Wishes::default()
    };
    let refused = setup::run(&second, &wishes).await.unwrap_err();
    let refused = refused.to_string();
    assert!(refused.contains("another installation"), "{refused}");
    let policy = second.store.policy_current(second.portal()).await.unwrap();
    assert!(policy.is_none(), "it has prepared nothing");

    // The first is taken for gone, and is switched on again.
    world.stop().await;
    let over = setup::Wishes {
        take_over: true,
        ..wishes
    };
    setup::run(&second, &over).await.unwrap();
    let deal = world.new_deal();
    world.drag(deal);
    world.start_again().await;
    world.until_case("PORTAL-TAKEN").await;
    assert!(!world.has_number(deal));
    assert_eq!(world.bills_ever(deal), 0);
    let first = world.product();
    let report = check::run(Ok(first.clone())).await;
    let mut findings = report.parts.iter().flat_map(|(_, findings)| findings);
    let taken = findings.find(|one| one.code.as_deref() == Some("PORTAL-TAKEN"));
    assert!(taken.is_some(), "{report:#?}");

    // It is the one that stays after all.
    setup::run(&first, &over).await.unwrap();
    world.until_complete(deal).await;
    world.assert_one_true_invoice(deal);
    assert!(world.open_cases().await.is_empty());
    let refused = setup::run(&second, &setup::Wishes::default()).await;
    assert!(refused.is_err(), "the second is another again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_that_does_not_tell_whose_it_is_is_worked_for() {
    let mut world = World::usual().await;
    world.stop().await;
    world.portal.faults().add(FaultRule {
        method: Some("crm.deal.userfield.list".to_owned()),
        ..FaultRule::always(FaultKind::HtmlPage)
    });
    world.start_again().await;
    let deal = world.invoiced_deal().await;
    world.assert_one_true_invoice(deal);
}
