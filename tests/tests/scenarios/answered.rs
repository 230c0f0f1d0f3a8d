//! A person answers what the product asked: a deal changed after its invoice gets another in its place.

use provodka::args::{CasesArgs, CasesCommand};
use provodka::cases;
use serde_json::json;
use store::{Case, CaseState};

use crate::office;
use crate::world::{World, until};

const CHANGED: &str = "DEAL-CHANGED-AFTER-INVOICE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_replaces_the_invoice_once_and_the_old_entry_says_by_which() {
    let world = World::usual().await;
    let deal = world.invoiced_deal().await;
    let first = world.portal.deal_field(deal, office::NUMBER);
    let manager = world.portal.manager();
    manager.set_lines(deal, &[office::line("Другое", "5000", "2")]);
    manager
        .edit_deal(deal, json!({"TITLE": "Поставка, другая"}))
        .unwrap();
    world.until_case(CHANGED).await;
    let asked = world.open_cases().await.remove(0);

    let refused = answer(&world, asked.id, "maybe").await.unwrap_err();
    assert!(refused.contains("has no choice `maybe`"), "{refused}");
    let answered = answer(&world, asked.id, "reissue").await.unwrap();
    assert_eq!(answered.state, CaseState::Answered);
    assert_eq!(answered.answered_by.as_deref(), Some("Анна"));

    let shows_another = || world.portal.deal_field(deal, office::NUMBER) != first;
    until("the number of another invoice", shows_another).await;
    world.until_quiet().await;
    let second = world.portal.deal_field(deal, office::NUMBER);
    assert_eq!(world.bills_ever(deal), 2);
    // Each of the two entries has one file, and the first says what took its place.
    assert_eq!(world.entries(deal), [1, 1]);
    let comments = world.portal.comments_of_deal(deal);
    let of_first = comments
        .iter()
        .find(|(text, _)| text.contains("Заменён счётом"));
    let (text, _) = of_first.unwrap_or_else(|| panic!("{comments:?}"));
    assert!(text.contains(&format!("№ {second}")), "{text}");
    assert!(world.open_cases().await.is_empty());

    let again = answer(&world, asked.id, "leave").await.unwrap_err();
    assert!(again.contains("closed already"), "{again}");
}

async fn answer(world: &World, number: i64, choice: &str) -> Result<Case, String> {
    let args = CasesArgs {
        json: false,
        code: None,
        command: Some(CasesCommand::Answer {
            number,
            choice: choice.to_owned(),
            by: "Анна".to_owned(),
        }),
    };
    let answered = cases::run(&world.product(), &args).await;
    answered
        .map(|mut answered| answered.remove(0))
        .map_err(|error| error.to_string())
}
