//! The accounting side's webhook as a hint: a first payment after quiet is seen at once, and where no hint comes nothing is lost
//! but time.

use emulator_kontur_accounting::{Allocation, Kopecks};
use provodka::args::HintCommand;

use crate::by_accountant::{let_accountant_decide, listed, order, until_listed};
use crate::office;
use crate::world::{Start, World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_payment_after_quiet_is_seen_at_its_hint_and_without_one_it_waits() {
    let world = World::begin(Start {
        // It knows where others reach it.
        as_application: true,
        // As in a quiet office.
        timing: |timing| timing.payments_idle_every = "5m".to_owned(),
        ..Start::default()
    })
    .await;
    let_accountant_decide(&world).await;
    let deal = world.invoiced_deal().await;
    let bill = world.bill(deal);
    let accountant = world.accountant();

    // Nobody was given the address: the list is not asked for minutes yet.
    let payment = accountant
        .add_payment(order("7", &bill, office::KOPECKS))
        .unwrap();
    world.until_quiet().await;
    assert!(listed(&world).await.is_empty());

    let address = provodka::hint::new(&world.product()).await.unwrap();
    world
        .kontur
        .configure(|settings| settings.webhook_url = address);
    let all = vec![Allocation {
        bill_id: bill.meta.id,
        sum: Kopecks(office::KOPECKS),
    }];
    accountant.allocate(payment.meta.id, all).unwrap();
    until_listed(&world, "the payment", |all| all.len() == 1).await;
    world.until_shown(deal, "STAGE_ID", "EXECUTING").await;
    assert_eq!(world.kontur.hints()[0].answered, Some(200));

    // An address that was withdrawn is nobody's: the accounting side is told so, and goes on.
    provodka::hint::run(&world.product(), &HintCommand::Off)
        .await
        .unwrap();
    accountant.add_payment(order("8", &bill, 100)).unwrap();
    until("the answer", || world.kontur.hints().len() == 2).await;
    assert_eq!(world.kontur.hints()[1].answered, Some(401));
}
