//! A paid deal is moved by the portal's own automation, through our trigger, where a person bound it to a stage; where nobody
//! did, somebody is asked.

use emulator_bitrix24::{RobotAction, RobotSeed, What};
use emulator_kontur_accounting::{Allocation, Kopecks};
use provodka::setup;

use crate::by_accountant::{let_accountant_decide, order};
use crate::office;
use crate::world::{Start, World};

/// A portal that is connected as an application, whose policy moves paid deals by the trigger that `setup` registered.
async fn world() -> World {
    let world = World::begin(Start {
        as_application: true,
        ..Start::default()
    })
    .await;
    let_accountant_decide(&world).await;
    let to = "to = \"EXECUTING\"";
    let by_trigger = format!("{to}\nby = \"trigger\"");
    world
        .change_policy(|text| text.replace(to, &by_trigger))
        .await;
    let wishes = setup::Wishes {
        administrator: Some(office::ADMINISTRATOR.to_string()),
        active: true,
        settle_seconds: Some(0),
        gather_seconds: Some(0),
        at_any_hour: true,
        ..setup::Wishes::default()
    };
    let report = setup::run(&world.product(), &wishes).await.unwrap();
    let mut findings = report.findings.iter();
    let trigger = findings.find(|one| one.what.contains("Оплата получена"));
    assert!(
        trigger.is_some_and(|one| one.holds),
        "{:#?}",
        report.findings
    );
    world
}

/// The accountant enters a payment and gives it to the deal's bill.
fn pay(world: &World, deal: i64) {
    let (bill, accountant) = (world.bill(deal), world.accountant());
    let payment = accountant
        .add_payment(order("7", &bill, office::KOPECKS))
        .unwrap();
    let whole = Allocation {
        bill_id: bill.meta.id,
        sum: Kopecks(office::KOPECKS),
    };
    accountant.allocate(payment.meta.id, vec![whole]).unwrap();
}

/// How often our trigger was fired.
fn fired(world: &World) -> usize {
    let truth = world.portal.truth();
    let notes = truth.entries().filter(|entry| {
        matches!(&entry.what, What::Note { text } if text.starts_with("trigger provodka_paid"))
    });
    notes.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_trigger_moves_a_paid_deal_once_and_a_person_may_put_it_back() {
    let world = world().await;
    world.portal.add_robot(RobotSeed {
        on_stage: Some("trigger:provodka_paid".to_owned()),
        on_field: None,
        after_ms: 0,
        then: RobotAction::MoveTo {
            stage: "EXECUTING".to_owned(),
        },
        times: None,
    });
    let deal = world.invoiced_deal().await;
    pay(&world, deal);
    world.until_shown(deal, "STAGE_ID", "EXECUTING").await;
    world.until_shown(deal, office::STATUS, "Оплачен").await;
    world.drag(deal);
    world.until_quiet().await;
    assert_eq!(world.portal.deal_field(deal, "STAGE_ID"), office::INVOICE);
    assert_eq!(fired(&world), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trigger_that_nobody_bound_is_asked_about() {
    let world = world().await;
    let deal = world.invoiced_deal().await;
    pay(&world, deal);
    world.until_case("TRIGGER-UNBOUND").await;
    assert_eq!(world.portal.deal_field(deal, "STAGE_ID"), office::INVOICE);
    assert_eq!(fired(&world), 1);
}
