//! What the accounting side refused is tried again when a person says so, and ends in one invoice.

use provodka::args::{CasesArgs, CasesCommand};
use provodka::cases;
use store::{Case, CaseState};

use crate::office;
use crate::world::World;

const REFUSED: &str = "ACTION-REFUSED";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bill_refused_in_a_closed_period_is_issued_once_after_the_order_to_retry() {
    let world = World::usual().await;
    let forever = "2999-12-31".parse().unwrap();
    world.accountant().close_period(Some(forever)).unwrap();
    let deal = world.new_deal();
    world.drag(deal);
    world.until_case(REFUSED).await;
    let asked = world.open_cases().await.remove(0);

    // Nothing is mended yet: the order is carried out, refused anew, and asked about anew.
    let answered = retry(&world, asked.id).await.unwrap();
    assert_eq!(answered.state, CaseState::Answered);
    assert_eq!(answered.answered_by.as_deref(), Some("Анна"));
    world.until_case(REFUSED).await;
    assert_eq!(world.bills_ever(deal), 0);
    let asked = world.open_cases().await.remove(0);
    assert_ne!(asked.id, answered.id, "a question of its own");

    // The accountant opens the period. Nothing happens by itself: the deal has not changed.
    world.accountant().close_period(None).unwrap();
    world.until_quiet().await;
    assert_eq!(world.bills_ever(deal), 0);
    retry(&world, asked.id).await.unwrap();
    world.until_complete(deal).await;
    world.assert_one_true_invoice(deal);
    assert!(world.open_cases().await.is_empty());

    // What is answered is not answered again.
    let again = retry(&world, asked.id).await.unwrap_err();
    assert!(again.contains("closed already"), "{again}");
    world.until_quiet().await;
    world.assert_one_true_invoice(deal);
    let story = world.story(deal).await;
    assert!(story.contains("распоряжение повторить"), "{story}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_about_no_action_is_not_answered_by_a_retry() {
    let world = World::usual().await;
    let seed = office::deal("Без КПП", office::WITHOUT_KPP);
    let deal = world.portal.manager().create_deal(&seed).unwrap();
    world.drag(deal);
    world.until_case("DEAL-DATA-MISSING").await;
    let asked = world.open_cases().await.remove(0);
    let refused = retry(&world, asked.id).await.unwrap_err();
    assert!(refused.contains("about no action"), "{refused}");
    assert_eq!(world.open_cases().await, [asked]);
}

async fn retry(world: &World, number: i64) -> Result<Case, String> {
    let args = CasesArgs {
        json: false,
        code: None,
        command: Some(CasesCommand::Retry {
            numbers: vec![number],
            by: "Анна".to_owned(),
        }),
    };
    let answered = cases::run(&world.product(), &args).await;
    answered
        .map(|mut answered| answered.remove(0))
        .map_err(|error| error.to_string())
}
