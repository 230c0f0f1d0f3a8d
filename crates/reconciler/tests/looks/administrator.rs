//! What the administrator is told: one message for a cause, which is edited as long as the portal lets us.

use domain::DealId;
use store::Case;
use testkit::time::paused;

use crate::desk::Desk;
use crate::office::Trouble;

/// Deals that the technical user may not read: a question to the administrator, of one cause.
async fn hidden(desk: &Desk, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        desk.office.enter(id);
        desk.office.state().denied.push(DealId(id));
        desk.event(id).await;
    }
    desk.run(60).await;
}

fn names(text: &str) -> Vec<u64> {
    let is_named = |id: &u64| text.contains(&format!("/crm/deal/details/{id}/"));
    (1..=99).filter(is_named).collect()
}

fn edits(desk: &Desk) -> usize {
    desk.office.story().matches("edit ").count()
}

async fn assert_all_told(desk: &Desk) {
    let told = |case: &Case| case.told_at.is_some_and(|at| at >= case.changed_at);
    let cases = desk.open_cases().await;
    assert!(cases.iter().all(told), "{cases:?}");
}

#[test]
fn a_later_deal_joins_the_message_of_its_cause() {
    paused(async {
        let desk = Desk::open().await;
        hidden(&desk, 1..=1).await;
        hidden(&desk, 2..=5).await;
        hidden(&desk, 6..=6).await;
        let chat = desk.office.chat();
        let [text] = chat.as_slice() else {
            panic!("{chat:?}");
        };
        assert_eq!(names(text), [1, 2, 3, 4, 5, 6], "{text}");
        assert_eq!(edits(&desk), 2);
        assert_all_told(&desk).await;
        // Nothing is said again as long as nothing is new.
        desk.task("cases").await;
        desk.run(3_700).await;
        assert_eq!((desk.office.chat().len(), edits(&desk)), (1, 2));
        // What has answered itself is named no more.
        desk.office.state().denied.retain(|id| *id != DealId(2));
        desk.event(2).await;
        desk.run(60).await;
        hidden(&desk, 7..=7).await;
        assert_eq!(names(&desk.office.chat()[0]), [1, 3, 4, 5, 6, 7]);
    });
}

#[test]
fn of_more_deals_than_a_message_has_room_for_the_number_is_told() {
    paused(async {
        let desk = Desk::open().await;
        hidden(&desk, 1..=60).await;
        hidden(&desk, 61..=61).await;
        let chat = desk.office.chat();
        let [text] = chat.as_slice() else {
            panic!("{chat:?}");
        };
        assert!(names(text).contains(&61), "{text}");
        assert!(text.contains("и ещё 10"), "{text}");
        assert_all_told(&desk).await;
    });
}

#[test]
fn a_message_that_can_be_edited_no_more_is_followed_by_one_that_tells_of_all() {
    paused(async {
        let desk = Desk::open().await;
        hidden(&desk, 1..=3).await;
        desk.office.order("edit", Trouble::Refused);
        hidden(&desk, 4..=5).await;
        let chat = desk.office.chat();
        let [_, second] = chat.as_slice() else {
            panic!("{chat:?}");
        };
        assert_eq!(names(second), [1, 2, 3, 4, 5]);
        assert_all_told(&desk).await;
        // From now on that one is edited, also when what was new in it is settled.
        desk.office.state().denied.retain(|id| id.0 <= 3);
        desk.task("cases").await;
        desk.run(60).await;
        hidden(&desk, 6..=6).await;
        let chat = desk.office.chat();
        assert_eq!(chat.len(), 2, "{chat:?}");
        assert_eq!(names(&chat[1]), [1, 2, 3, 6]);
        assert_eq!(desk.questions().await, ["DEAL-HIDDEN"; 4]);
    });
}

#[test]
fn an_edit_of_which_nobody_knows_whether_it_took_effect_is_made_again() {
    paused(async {
        let desk = Desk::open().await;
        hidden(&desk, 1..=2).await;
        desk.office.order("edit", Trouble::Lost);
        desk.office.order_after(1, "edit", Trouble::AnswerLost);
        hidden(&desk, 3..=4).await;
        desk.run(900).await;
        let chat = desk.office.chat();
        assert_eq!(chat.len(), 1, "{chat:?}");
        assert_eq!(names(&chat[0]), [1, 2, 3, 4]);
        assert_all_told(&desk).await;
    });
}

#[test]
fn a_message_whose_answer_was_lost_is_found_and_edited() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("chat", Trouble::AnswerLost);
        hidden(&desk, 1..=2).await;
        desk.run(600).await;
        hidden(&desk, 3..=3).await;
        desk.run(600).await;
        let chat = desk.office.chat();
        assert_eq!(chat.len(), 1, "{chat:?}");
        assert_eq!(names(&chat[0]), [1, 2, 3]);
        assert_all_told(&desk).await;
    });
}

#[test]
fn another_chat_is_told_of_all_that_is_open_in_one_message() {
    paused(async {
        let desk = Desk::open().await;
        hidden(&desk, 1..=2).await;
        desk.set_policy(|policy| policy.administrator = Some("chat77".to_owned()));
        hidden(&desk, 3..=3).await;
        let chat = desk.office.chat();
        assert_eq!(chat.len(), 2, "{chat:?}");
        assert_eq!(names(&chat[1]), [1, 2, 3]);
        assert_eq!(edits(&desk), 0);
    });
}

#[test]
fn what_the_accountant_answers_goes_to_his_chat_and_the_rest_to_the_administrators() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| {
            policy.accountant = Some("chat14".to_owned());
            policy.invoice.new_buyers = planner::NewBuyers::Ask;
        });
        for id in [1, 2] {
            desk.deal_enters(id).await;
        }
        hidden(&desk, 3..=4).await;
        let told = |dialog: &str| -> Vec<u64> {
            let said = format!("chat {dialog}: ");
            let state = desk.office.state();
            let lines = state
                .story
                .iter()
                .filter(|(_, line)| line.starts_with(&said));
            lines.flat_map(|(_, line)| names(line)).collect()
        };
        for (dialog, theirs) in [("chat14", [1, 2]), ("chat12", [3, 4])] {
            let named = told(dialog);
            let are_theirs = named.iter().all(|id| theirs.contains(id));
            assert!(are_theirs && !named.is_empty(), "{dialog}: {named:?}");
        }
        assert_all_told(&desk).await;
        // The administrator's questions are nobody's where only the accountant is named.
        desk.set_policy(|policy| policy.administrator = None);
        hidden(&desk, 5..=5).await;
        let chat = desk.office.chat();
        assert!(
            !chat.iter().any(|text| names(text).contains(&5)),
            "{chat:?}"
        );
        assert_eq!(desk.questions().await.len(), 5);
    });
}

#[test]
fn refused_actions_with_one_answer_are_one_message() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("fields", Trouble::Refused);
        desk.deal_enters(1).await;
        desk.run(120).await;
        desk.office.order("fields", Trouble::Refused);
        desk.deal_enters(2).await;
        desk.run(120).await;
        let chat = desk.office.chat();
        let [text] = chat.as_slice() else {
            panic!("{chat:?}");
        };
        assert_eq!(names(text), [1, 2], "{text}");
        assert_all_told(&desk).await;
    });
}

#[test]
fn a_manager_who_cannot_be_told_of_many_deals_is_stood_in_for_at_once() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("bell", Trouble::Refused);
        for id in 1..=8 {
            desk.office.enter(id);
            desk.office.edit(id, |reading| reading.rows.clear());
            desk.event(id).await;
        }
        desk.run(60).await;
        assert!(desk.office.bells().is_empty());
        let chat = desk.office.chat();
        let [text] = chat.as_slice() else {
            panic!("{chat:?}");
        };
        assert_eq!(names(text), (1..=8).collect::<Vec<_>>());
        // That the bell was refused is no question any more: somebody was told.
        assert_eq!(desk.questions().await, ["DEAL-DATA-MISSING"; 8]);
        assert_all_told(&desk).await;
        for id in 1..=8 {
            desk.office.enter(id);
            desk.event(id).await;
        }
        desk.run(120).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
    });
}

#[test]
fn of_a_kind_that_is_switched_off_nobody_is_told() {
    paused(async {
        let desk = Desk::open().await;
        let off = planner::Kind::try_from("ACTION-REFUSED".to_owned());
        desk.set_policy(|policy| policy.notices.off = vec![off.unwrap()]);
        desk.office.order("fields", Trouble::Refused);
        desk.deal_enters(1).await;
        desk.run(120).await;
        assert_eq!(desk.questions().await, ["ACTION-REFUSED/write_fields"]);
        assert_eq!(desk.office.chat(), Vec::<String>::new());
        desk.task("cases").await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
        assert_eq!(desk.office.chat(), Vec::<String>::new());
    });
}
