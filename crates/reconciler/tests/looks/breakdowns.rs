//! When one thing is out of order: who is held up by it, who is not, and who is told.

use domain::{DealId, FunnelId, InvoiceId, UserId};
use engine::Halted;
use planner::Mode;
use store::{CaseChange, CaseFacts, InvoiceLink, JournalFilter, Lane, Look, Record, Subject};
use testkit::builders::portal;
use testkit::time::{at, paused};

use crate::desk::Desk;
use crate::office::Trouble;

/// A deal that entered its stage and is looked at together with the portal's own tasks.
async fn due_deal(desk: &Desk, id: u64) {
    desk.office.enter(id);
    let look = Look {
        subject: Subject::deal(DealId(id)),
        lane: Lane::Due,
        due_at: desk.clock.now(),
        reason: "sweep".to_owned(),
    };
    desk.store.look(&portal(), &[look]).await.unwrap();
}

#[test]
fn a_change_feed_that_is_down_holds_up_no_deal_of_its_pass() {
    paused(async {
        let desk = Desk::open().await;
        for _try in 0..4 {
            desk.office.order("feed", Trouble::Busy);
        }
        desk.task("feed").await;
        due_deal(&desk, 1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1, "{}", desk.office.story());
        assert!(desk.office.second_of("books: invoice") < 2.0);
    });
}

#[test]
fn a_buyer_that_the_accounting_side_will_not_find_holds_up_its_deal_alone() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("find", Trouble::Refused);
        due_deal(&desk, 1).await;
        due_deal(&desk, 2).await;
        desk.office.edit(2, |reading| reading.rows.clear());
        desk.run(60).await;
        let mut questions = desk.questions().await;
        questions.sort();
        assert_eq!(
            questions,
            ["ACTION-REFUSED/find_counterparty", "DEAL-DATA-MISSING"]
        );
        assert_eq!(desk.office.bells().len(), 1, "the other deal's manager");
        assert_eq!(desk.office.chat().len(), 1, "the administrator");
        desk.run(600).await;
        assert_eq!(desk.office.bills().len(), 1);
        assert_eq!(desk.questions().await, ["DEAL-DATA-MISSING"]);
    });
}

#[test]
fn a_key_that_is_accepted_no_more_is_one_question_and_nobody_knocks_until_it_is_back() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("find", Trouble::Shut);
        desk.office.order("feed", Trouble::Shut);
        for id in 1..=3 {
            desk.deal_enters(id).await;
        }
        desk.run(600).await;
        assert_eq!(desk.office.calls("find"), 1);
        assert_eq!(desk.questions().await, ["access"]);
        desk.task("feed").await;
        desk.run(3).await;
        assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
        // The feed is let in again.
        desk.run(600).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
        assert_eq!(desk.office.bills().len(), 3, "{}", desk.office.story());
        assert_eq!(desk.office.chat().len(), 1);
    });
}

#[test]
fn a_lost_portal_is_one_question_that_the_next_sweep_withdraws() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("glance", Trouble::Shut);
        desk.deal_enters(1).await;
        desk.run(2).await;
        assert_eq!(desk.questions().await, ["access"]);
        desk.task("sweep").await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
        assert_eq!(desk.office.bills().len(), 1);
    });
}

/// A question about a task of the portal.
async fn set_aside(desk: &Desk, task: &str) {
    let facts = CaseFacts {
        code: "SUBJECT-SET-ASIDE".to_owned(),
        cause: "SUBJECT-SET-ASIDE".to_owned(),
        key: engine::set_aside::CASE_KEY.to_owned(),
        subject: Subject::portal(task),
        facts: serde_json::json!({}),
        text: format!("Задание портала «{task}» отложено."),
        waits_for: Vec::new(),
    };
    let record = Record {
        cases: vec![CaseChange::Open(facts)],
        ..Record::default()
    };
    let now = desk.clock.now();
    desk.store.record(&desk.lease(), record, now).await.unwrap();
}

#[test]
fn while_no_funnel_is_active_nobody_is_written_to_and_then_of_what_is_open_still() {
    for mode in [Mode::WatchOnly, Mode::Off] {
        paused(async {
            let desk = Desk::open().await;
            desk.set_policy(|policy| policy.funnels[0].mode = mode);
            // A deal that cannot be seen, and a question about the portal.
            desk.office.enter(1);
            desk.office.state().denied.push(DealId(1));
            desk.event(1).await;
            set_aside(&desk, "sweep").await;
            desk.task("feed").await;
            desk.run(600).await;
            assert_eq!(desk.office.story(), "", "{mode:?}");
            assert!(desk.office.chat().is_empty(), "{mode:?}");
            desk.set_policy(|policy| policy.funnels[0].mode = Mode::Active);
            desk.event(1).await;
            desk.task("feed").await;
            desk.run(600).await;
            assert_eq!(desk.office.chat().len(), 2, "{mode:?}");
        });
    }
}

#[test]
fn what_arises_while_a_watched_deal_is_read_is_told_once_its_funnel_is_active() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| {
            let watched = planner::Funnel {
                mode: Mode::WatchOnly,
                ..policy.funnels[0].clone()
            };
            policy.funnels[0].id = FunnelId(7);
            policy.funnels.push(watched);
        });
        for _look in 0..3 {
            desk.office.order("find", Trouble::Refused);
        }
        due_deal(&desk, 1).await;
        desk.run(30).await;
        assert_eq!(desk.questions().await, ["ACTION-REFUSED/find_counterparty"]);
        assert!(desk.office.chat().is_empty(), "{:?}", desk.office.chat());
        desk.set_policy(|policy| policy.funnels[1].mode = Mode::Active);
        desk.task("cases").await;
        desk.run(30).await;
        assert_eq!(desk.office.chat().len(), 1, "the administrator");
    });
}

#[test]
fn nothing_is_written_by_a_policy_that_is_in_force_no_more_or_while_the_portal_is_paused() {
    paused(async {
        let desk = Desk::open().await;
        let looked = async || {
            let due = desk.due(Lane::Click).await;
            assert_eq!(due.len(), 1);
            let ended = desk.look(Lane::Click, due).await;
            assert!(matches!(ended, Err(Halted::Overtaken)), "{ended:?}");
            assert_eq!(desk.office.story(), "");
        };
        desk.deal_enters(1).await;
        let now = desk.clock.now();
        let pause = async |paused: bool| {
            let change = move |row: &mut store::Portal| row.paused = paused;
            let changed = desk.store.portal_change(&portal(), now, change).await;
            assert!(changed.unwrap().is_some());
        };
        pause(true).await;
        looked().await;
        pause(false).await;
        let other = serde_json::json!({});
        desk.store
            .policy_add(&portal(), 0, &other, "somebody", now)
            .await
            .unwrap();
        looked().await;
    });
}

#[test]
fn of_a_task_that_was_set_aside_the_administrator_hears_once() {
    paused(async {
        let desk = Desk::open().await;
        set_aside(&desk, "sweep").await;
        // The first message gets no answer, and was posted: it is found by its mark.
        desk.office.order("chat", Trouble::AnswerLost);
        desk.task("feed").await;
        desk.run(600).await;
        assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
        let case = desk.open_cases().await.remove(0);
        assert!(case.told_at.is_some());
        // Another one joins the message; where that can be edited no more, another tells of both.
        let both = |text: &str| text.contains("«sweep»") && text.contains("«night»");
        set_aside(&desk, "night").await;
        desk.task("feed").await;
        desk.run(600).await;
        let chat = desk.office.chat();
        assert!(matches!(chat.as_slice(), [text] if both(text)), "{chat:?}");
        desk.office.order("edit", Trouble::Refused);
        set_aside(&desk, "offline").await;
        desk.task("feed").await;
        desk.run(600).await;
        desk.task("feed").await;
        desk.run(600).await;
        let chat = desk.office.chat();
        assert_eq!(chat.len(), 2, "{chat:?}");
        assert!(both(&chat[1]) && chat[1].contains("«offline»"), "{chat:?}");
        let told = |case: &store::Case| case.told_at.is_some_and(|at| at >= case.changed_at);
        assert!(desk.open_cases().await.iter().all(told));
    });
}

#[test]
fn the_administrator_stands_in_for_a_manager_who_cannot_be_told() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("bell", Trouble::Refused);
        desk.office.enter(1);
        desk.office.edit(1, |reading| {
            reading.rows.clear();
            reading.glance.deal.responsible = UserId(404);
        });
        desk.event(1).await;
        desk.run(60).await;
        let chat = desk.office.chat();
        assert_eq!(chat.len(), 1, "{chat:?}");
        assert!(chat[0].contains("нет товаров"), "{chat:?}");
        let cases = desk.open_cases().await;
        let missing = cases
            .iter()
            .find(|case| case.facts.key == "DEAL-DATA-MISSING");
        assert!(missing.unwrap().told_at.is_some());
    });
}

#[test]
fn what_is_decided_again_as_before_is_not_written_again() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        desk.office.edit(1, |reading| {
            reading.glance.deal.stage = domain::StageId::new("NEW");
        });
        for _event in 0..5 {
            desk.event(1).await;
            desk.run(10).await;
        }
        let filter = JournalFilter {
            subject: Some(Subject::deal(DealId(1))),
            ..JournalFilter::default()
        };
        let lines = desk.store.journal_read(&portal(), &filter).await.unwrap();
        let decisions = lines.iter().filter(|line| line.entry.kind == "decision");
        assert_eq!(decisions.count(), 1);
    });
}

#[test]
fn a_deleted_deal_leaves_no_question() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        desk.office.edit(1, |reading| reading.rows.clear());
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["DEAL-DATA-MISSING"]);
        desk.office.state().gone.push(DealId(1));
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
        desk.assert_at_rest(1).await;
    });
}

#[test]
fn an_entry_of_unknown_fate_on_a_deal_that_is_deleted_is_not_looked_for_for_ever() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.office.order("timeline", Trouble::Lost);
        desk.deal_enters(1).await;
        desk.run(5).await;
        desk.office.state().gone.push(DealId(1));
        desk.event(1).await;
        desk.run(3_600).await;
        assert_eq!(desk.questions().await, ["DEAL-DELETED"]);
        let looked = desk.office.calls("look_up");
        desk.run(3_600).await;
        assert_eq!(desk.office.calls("look_up"), looked, "still looked for");
    });
}

#[test]
fn a_counterparty_that_cannot_be_read_holds_up_its_own_deals_alone() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.office.state().unreadable_inns = vec!["7707083893".parse().unwrap()];
        for id in [1, 2] {
            desk.office.enter(id);
        }
        desk.office.edit(2, |reading| {
            reading.requisites[0].inn = "7736207543".to_owned();
            reading.requisites[0].kpp = "770401001".to_owned();
        });
        for id in [1, 2] {
            desk.event(id).await;
        }
        desk.run(30).await;
        assert_eq!(desk.known(2).await.invoice_links.len(), 1);
        assert!(desk.known(1).await.invoice_links.is_empty());
        // It may have been an accident; the second time it is not.
        assert!(desk.questions().await.is_empty());
        desk.run(300).await;
        let asked = desk.questions().await;
        assert_eq!(asked, ["ACTION-REFUSED/find_counterparty"]);
        desk.office.state().unreadable_inns.clear();
        desk.run(600).await;
        assert_eq!(desk.known(1).await.invoice_links.len(), 1);
        assert!(desk.questions().await.is_empty());
    });
}

async fn link(desk: &Desk, link: &InvoiceLink) {
    let record = Record {
        invoice_links: vec![link.clone()],
        ..Record::default()
    };
    let now = desk.clock.now();
    desk.store.record(&desk.lease(), record, now).await.unwrap();
}

#[test]
fn a_deal_whose_invoice_another_version_recorded_stands_still_until_it_can_be_read() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.deal_enters(1).await;
        desk.run(60).await;
        let readable = InvoiceLink {
            deal: DealId(2),
            invoice: InvoiceId::new("B-9"),
            ..desk.known(1).await.invoice_links[0].clone()
        };
        let sealed = InvoiceLink {
            draft: serde_json::json!({"of": "another version"}),
            ..readable.clone()
        };
        desk.due(Lane::Trailing).await;
        link(&desk, &sealed).await;
        for _time in 0..2 {
            desk.deal_enters(2).await;
            desk.run(60).await;
            assert_eq!(desk.office.calls("issue"), 1, "{}", desk.office.story());
            assert_eq!(desk.questions().await, ["SUBJECT-SET-ASIDE/record"]);
            let told = desk.office.chat();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].contains("другой версией программы"), "{told:?}");
        }
        // The version that made it is back.
        desk.due(Lane::Trailing).await;
        link(&desk, &readable).await;
        desk.event(2).await;
        desk.run(60).await;
        assert_eq!(desk.office.calls("issue"), 1);
        let asked = desk.questions().await;
        assert!(
            !asked.contains(&"SUBJECT-SET-ASIDE/record".to_owned()),
            "{asked:?}"
        );
    });
}

#[test]
fn the_nightly_look_does_not_wait_for_a_sweep_that_takes_long() {
    paused(async {
        let desk = Desk::open().await;
        desk.deal_enters(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
        desk.task("sweep").await;
        desk.clock.sleep_until(at(61)).await;
        desk.task("links").await;
        desk.office.order("changed", Trouble::HangsUndone);
        let due = desk.due(Lane::Due).await;
        let tasks: Vec<&str> = due.iter().map(|work| work.subject.id.as_str()).collect();
        assert_eq!(tasks, ["sweep", "links"]);
        tokio::select! {
            _ended = desk.look(Lane::Due, due) => panic!("it did not hang"),
            () = desk.office.until_hung() => {}
        }
        let nightly = desk.store.work_waits_for(&portal(), "nightly look").await;
        assert!(nightly.unwrap());
    });
}
