//! The whole portal stands still: what is asked then, of whom, and what proves that it goes on.

use reconciler::NotConnected;
use testkit::time::paused;

use crate::desk::Desk;
use crate::office::Trouble;

#[test]
fn without_a_feed_the_lost_key_is_asked_about_once_and_until_the_accounting_side_answers() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.state().without_feed = true;
        desk.office.order("find", Trouble::Shut);
        for _knock in 0..30 {
            desk.office.order("organisations", Trouble::Shut);
        }
        desk.deal_enters(1).await;
        desk.run(2).await;
        desk.task("feed").await;
        desk.run(100).await;
        assert_eq!(desk.questions().await, ["access"]);
        assert_eq!(desk.office.calls("find"), 1, "no deal knocks meanwhile");
        assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
        desk.run(1_200).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
        assert_eq!(desk.office.bills().len(), 1, "{}", desk.office.story());
        assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
        // Nobody knocks where nothing is lost.
        let knocks = desk.office.calls("organisations");
        desk.run(600).await;
        assert_eq!(desk.office.calls("organisations"), knocks);
    });
}

#[test]
fn an_accounting_side_that_refuses_to_list_its_organisations_has_let_us_in() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.state().without_feed = true;
        desk.office.order("find", Trouble::Shut);
        desk.office.order("organisations", Trouble::Refused);
        desk.deal_enters(1).await;
        desk.run(2).await;
        desk.task("feed").await;
        desk.run(600).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn a_sweep_that_is_refused_is_one_question_until_it_is_answered() {
    paused(async {
        let desk = Desk::open().await;
        for _sweep in 0..3 {
            desk.office.order("changed", Trouble::Refused);
        }
        desk.task("sweep").await;
        desk.run(14).await;
        assert_eq!(desk.questions().await, ["answer"]);
        assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
        desk.run(120).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
        assert_eq!(desk.office.chat().len(), 1);
    });
}

fn broken() -> NotConnected {
    NotConnected::Broken {
        code: "POLICY-OUTDATED",
        reason: "the stored policy cannot be read".to_owned(),
    }
}

#[test]
fn a_portal_that_cannot_be_connected_is_one_question_until_it_can_be() {
    paused(async {
        let desk = Desk::open().await;
        desk.task("sweep").await;
        desk.run(5).await;
        desk.connect(Some(broken()));
        for id in 1..=3 {
            desk.deal_enters(id).await;
        }
        desk.task("feed").await;
        desk.run(300).await;
        let cases = desk.open_cases().await;
        assert_eq!(cases.len(), 1);
        assert_eq!(cases[0].facts.code, "POLICY-OUTDATED");
        assert!(
            cases[0].facts.text.contains("cannot be read"),
            "{}",
            cases[0].facts.text
        );
        // Told as the portal was connected last.
        assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
        assert!(desk.office.bills().is_empty());

        desk.connect(None);
        desk.run(60).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
        assert_eq!(desk.office.bills().len(), 3);
        assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
    });
}

#[test]
fn a_portal_that_never_was_connected_is_a_question_that_nobody_can_be_told_of() {
    paused(async {
        let desk = Desk::open().await;
        desk.connect(Some(broken()));
        desk.task("sweep").await;
        desk.deal_enters(1).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["connection"]);
        assert!(desk.office.chat().is_empty());
        // A pause is no fault.
        desk.connect(Some(NotConnected::Paused));
        desk.run(120).await;
        desk.connect(None);
        desk.run(120).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
        assert_eq!(desk.office.bills().len(), 1);
    });
}
