//! Questions: asked once, of the right person, and taken back when they answered themselves.

use std::time::Duration;

use domain::observed::Record;
use domain::{CompanyId, DealId, Price, RequisiteId, UserId};
use futures_util::future::join;
use insta::assert_snapshot;
use planner::Mode;
use store::{Case, CaseState, Lane, Look, Subject};
use testkit::time::paused;

use crate::desk::Desk;
use crate::office::Trouble;

async fn desk_without_kpp() -> Desk {
    let desk = Desk::open().await;
    desk.office.enter(1);
    desk.office
        .edit(1, |reading| reading.requisites[0].kpp.clear());
    let owner = Record::Company(CompanyId(7));
    let requisite = Record::Requisite(RequisiteId(21));
    desk.office.state().owner_of.insert(requisite, owner);
    desk.event(1).await;
    desk
}

#[test]
fn a_missing_kpp_rings_one_bell_however_often_it_is_looked_at() {
    paused(async {
        let desk = desk_without_kpp().await;
        for _hour in 0..5 {
            desk.run(3_600).await;
            desk.task("cases").await;
            desk.event(1).await;
        }
        desk.run(60).await;
        assert_snapshot!(desk.office.story(), @r"
        bell for 5: [URL=/crm/deal/details/1/]Сделка 1[/URL]. Счёт не выставлен. Что нужно сделать:
        • не указан КПП покупателя — [URL=/crm/company/details/7/]исправить[/URL]
        После исправления счёт будет выставлен сам.
        ");
        assert_eq!(desk.questions().await, ["DEAL-DATA-MISSING"]);
        let case = desk.open_cases().await.remove(0);
        assert!(case.told_at.is_some());
        let bells = desk.office.bells();
        assert_eq!(bells.values().next().unwrap().0, UserId(5));
    });
}

#[test]
fn the_event_of_the_mended_requisite_brings_the_invoice_and_withdraws_the_question() {
    paused(async {
        let desk = desk_without_kpp().await;
        desk.run(60).await;
        desk.office.edit(1, |reading| {
            reading.requisites[0].kpp = "770801001".to_owned();
        });
        desk.event_about(Subject::requisite(RequisiteId(21))).await;
        desk.run(5).await;
        assert_eq!(desk.office.bills().len(), 1, "{}", desk.office.story());
        assert!(desk.questions().await.is_empty());
        let case = desk.store.case_get(&testkit::builders::portal(), 1).await;
        assert_eq!(case.unwrap().unwrap().state, CaseState::Withdrawn);
    });
}

#[test]
fn a_new_requisite_of_the_company_wakes_the_deal_by_its_owner() {
    paused(async {
        let desk = desk_without_kpp().await;
        desk.office.edit(1, |reading| reading.requisites.clear());
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["DEAL-DATA-MISSING"]);
        // Nobody waits for requisite 22: it was made after the question.
        let owner = Record::Company(CompanyId(7));
        desk.office
            .state()
            .owner_of
            .insert(Record::Requisite(RequisiteId(22)), owner);
        desk.office.enter(1);
        desk.event_about(Subject::requisite(RequisiteId(22))).await;
        desk.run(5).await;
        assert_eq!(desk.office.bills().len(), 1);
    });
}

#[test]
fn a_bell_that_did_not_ring_is_rung_later() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("bell", Trouble::Busy);
        desk.office.enter(1);
        desk.office.edit(1, |reading| reading.rows.clear());
        desk.event(1).await;
        desk.run(120).await;
        assert_eq!(desk.office.bells().len(), 1);
    });
}

#[test]
fn another_fault_is_told_although_the_first_was() {
    paused(async {
        let desk = desk_without_kpp().await;
        desk.run(60).await;
        desk.office.edit(1, |reading| reading.rows.clear());
        // The second message fails at first: that the first was told must not stand for it.
        desk.office.order("bell", Trouble::Busy);
        desk.event(1).await;
        desk.run(120).await;
        let bells = desk.office.bells();
        let (_, text) = bells.values().next().unwrap();
        assert!(text.contains("нет товаров"), "{text}");
        assert_eq!(bells.len(), 1, "a second bell instead of the first");
    });
}

#[test]
fn a_write_that_is_refused_is_a_question_that_the_administrator_hears_of() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("fields", Trouble::Refused);
        desk.deal_enters(1).await;
        desk.run(120).await;
        assert_eq!(desk.questions().await, ["ACTION-REFUSED/write_fields"]);
        let case = desk.open_cases().await.remove(0);
        assert!(
            case.facts.text.contains("записать поля сделки"),
            "{}",
            case.facts.text
        );
        let chat = desk.office.chat();
        let [told] = chat.as_slice() else {
            panic!("{}", desk.office.story());
        };
        assert!(told.contains("Повторим сами"), "{told}");
        // As it says.
        desk.task("cases").await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn a_refused_write_that_works_later_takes_its_question_back() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("fields", Trouble::Refused);
        desk.deal_enters(1).await;
        desk.run(120).await;
        desk.event(1).await;
        desk.run(120).await;
        assert!(
            desk.questions().await.is_empty(),
            "{:?}",
            desk.questions().await
        );
        assert_eq!(desk.office.timeline().len(), 1);
    });
}

#[test]
fn an_invoice_that_is_refused_is_a_question_and_is_tried_with_other_data_only() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.office.order("issue", Trouble::Refused);
        desk.deal_enters(1).await;
        desk.run(600).await;
        desk.event(1).await;
        desk.run(600).await;
        assert_eq!(desk.office.calls("issue"), 1);
        assert_eq!(desk.questions().await, ["ACTION-REFUSED/issue_invoice"]);
        let case = desk.open_cases().await.remove(0);
        assert!(case.facts.text.contains("только если правка меняет"));
        desk.office.edit(1, |reading| {
            reading.rows[0].price = domain::Price::parse("244").unwrap();
        });
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
        assert!(
            desk.questions().await.is_empty(),
            "{:?}",
            desk.questions().await
        );
    });
}

#[test]
fn what_is_tried_in_vain_ends_as_a_question() {
    paused(async {
        let desk = Desk::open().await;
        for _time in 0..40 {
            desk.office.order("timeline", Trouble::Busy);
        }
        desk.deal_enters(1).await;
        desk.run(86_400).await;
        assert_eq!(
            desk.questions().await,
            ["TRIED-TOO-OFTEN/add_timeline_entry"]
        );
        assert_eq!(desk.office.timeline().len(), 0);
    });
}

#[test]
fn many_hidden_deals_are_one_message_to_the_administrator() {
    paused(async {
        let desk = Desk::open().await;
        for id in 1..=5 {
            desk.office.enter(id);
            desk.office.state().denied.push(DealId(id));
            desk.event(id).await;
        }
        desk.run(60).await;
        // One more, in a look of its own.
        desk.office.enter(6);
        desk.office.state().denied.push(DealId(6));
        desk.event(6).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["DEAL-HIDDEN"; 6]);
        assert_eq!(
            desk.office.chat().len(),
            1,
            "{:?}",
            desk.office.state().chat
        );
        // The right is granted.
        desk.office.state().denied.clear();
        desk.task("cases").await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty());
        assert_eq!(desk.office.bills().len(), 6);
    });
}

#[test]
fn what_a_watched_deal_lacks_is_noted_told_to_nobody_and_asked_once_its_funnel_is_active() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.funnels[0].mode = Mode::WatchOnly);
        without_rows(&desk, 1..=3).await;
        desk.run(600).await;
        assert_eq!(desk.questions().await, ["DEAL-DATA-MISSING"; 3]);
        let watched = |case: &Case| case.facts.facts["watched"] == true;
        assert!(desk.open_cases().await.iter().all(watched));
        assert_eq!(desk.office.story(), "");
        // Seen again it is no news, mended it is no question, and of a funnel that is off nothing is noted.
        let before = desk.open_cases().await;
        desk.event(1).await;
        desk.office
            .edit(2, |reading| reading.glance.deal.lost = true);
        desk.event(2).await;
        desk.run(60).await;
        let after = desk.open_cases().await;
        assert_eq!(after, [before[0].clone(), before[2].clone()]);
        desk.set_policy(|policy| policy.funnels[0].mode = Mode::Off);
        without_rows(&desk, 4..=4).await;
        assert_eq!(desk.open_cases().await, after);
        assert!(desk.office.bells().is_empty());
        desk.set_policy(|policy| policy.funnels[0].mode = Mode::Active);
        desk.task("cases").await;
        desk.run(60).await;
        assert_eq!(desk.office.bells().len(), 2, "{:?}", desk.office.bells());
        let asked = desk.open_cases().await;
        assert!(!asked.iter().any(watched), "{asked:?}");
        let told = |case: &Case| case.told_at.is_some_and(|at| at >= case.changed_at);
        assert!(asked.iter().all(told), "{asked:?}");
    });
}

#[test]
fn what_would_be_issued_stands_with_the_questions_is_kept_true_and_told_to_nobody() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.funnels[0].mode = Mode::WatchOnly);
        for id in 1..=3 {
            desk.deal_enters(id).await;
        }
        desk.run(600).await;
        assert_eq!(desk.questions().await, ["INVOICE-FORETOLD"; 3]);
        let before = desk.open_cases().await;
        // Seen again it stands as it stood; an edit is followed, and what would not be issued any more is taken out.
        desk.event(1).await;
        desk.office.edit(2, |reading| {
            reading.rows[0].price = Price::parse("244").unwrap();
        });
        desk.event(2).await;
        desk.office
            .edit(3, |reading| reading.requisites[0].kpp.clear());
        desk.event(3).await;
        desk.run(60).await;
        let after = desk.open_cases().await;
        assert_eq!(after[0], before[0]);
        assert_eq!(after[1].id, before[1].id);
        assert_ne!(after[1].facts.text, before[1].facts.text);
        assert_eq!(desk.questions().await[2..], ["DEAL-DATA-MISSING"]);
        assert_eq!(desk.office.story(), "");
        assert!(desk.office.bells().is_empty() && desk.office.chat().is_empty());
        desk.set_policy(|policy| policy.funnels[0].mode = Mode::Active);
        desk.task("cases").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 2);
        assert_eq!(desk.questions().await, ["DEAL-DATA-MISSING"]);
        assert_eq!(desk.office.bells().len(), 1, "of what is missing");
    });
}

#[test]
fn what_would_be_issued_is_not_read_each_hour() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.funnels[0].mode = Mode::WatchOnly);
        desk.deal_enters(1).await;
        desk.run(60).await;
        let mut hours = 0;
        for _hour in 0..50 {
            let before = desk.office.calls("read");
            desk.task("cases").await;
            desk.run(3_600).await;
            hours += usize::from(desk.office.calls("read") > before);
        }
        // While it is young, and once a day.
        assert!((3..=6).contains(&hours), "{hours}");
        assert_eq!(desk.questions().await, ["INVOICE-FORETOLD"]);
    });
}

#[test]
fn what_was_foretold_of_a_deal_from_before_the_start_is_taken_out() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.funnels[0].mode = Mode::WatchOnly);
        desk.deal_enters(1).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["INVOICE-FORETOLD"]);
        let now = desk.clock.now();
        desk.set_policy(|policy| {
            policy.funnels[0].mode = Mode::Active;
            policy.funnels[0].start_at = Some(now);
        });
        desk.task("cases").await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty());
        assert_eq!(desk.office.bills().len(), 0);
    });
}

#[test]
fn what_was_noted_before_the_funnel_began_is_asked_of_nobody() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.funnels[0].mode = Mode::WatchOnly);
        without_rows(&desk, 1..=1).await;
        assert_eq!(desk.questions().await, ["DEAL-DATA-MISSING"]);
        let now = desk.clock.now();
        desk.set_policy(|policy| {
            policy.funnels[0].mode = Mode::Active;
            policy.funnels[0].start_at = Some(now);
        });
        desk.task("cases").await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty());
        assert!(desk.office.bells().is_empty());
    });
}

/// Two deals of one buyer whom the accountant is to enter.
async fn newcomers() -> Desk {
    let desk = Desk::open().await;
    desk.set_policy(|policy| policy.invoice.new_buyers = planner::NewBuyers::Ask);
    for id in [1, 2] {
        desk.deal_enters(id).await;
    }
    desk.run(60).await;
    desk
}

fn state_of(desk: &Desk, id: u64) -> Option<String> {
    let state = desk.office.state();
    let fields = &state.deals[&domain::DealId(id)].glance.fields;
    fields.status.clone()
}

#[test]
fn a_new_buyer_waits_for_the_accountant_who_enters_it() {
    paused(async {
        let desk = newcomers().await;
        assert_eq!(desk.office.contractors().len(), 0);
        assert_eq!(desk.office.bills().len(), 0);
        assert_eq!(desk.questions().await, ["COUNTERPARTY-NEW"; 2]);
        // One buyer is one cause.
        assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
        for id in [1, 2] {
            let state = state_of(&desk, id);
            assert_eq!(state.as_deref(), Some("Ждёт бухгалтера: новый покупатель"));
        }
        desk.assert_at_rest(1).await;
        desk.office.knows_romashka();
        desk.task("cases").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 2);
        assert_eq!(desk.office.contractors().len(), 1);
        assert!(desk.questions().await.is_empty());
        assert_eq!(state_of(&desk, 2).as_deref(), Some("Выставлен"));
    });
}

#[test]
fn an_answer_enters_the_new_buyer_once_for_all_its_deals() {
    paused(async {
        let desk = newcomers().await;
        crate::decisions::answer(&desk, "COUNTERPARTY-NEW", "create").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
        assert_eq!(desk.office.contractors().len(), 1);
        desk.task("cases").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 2);
        assert_eq!(desk.office.contractors().len(), 1);
        assert!(desk.questions().await.is_empty());
    });
}

pub(crate) async fn without_rows(desk: &Desk, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        desk.office.enter(id);
        desk.office.edit(id, |reading| reading.rows.clear());
        desk.event(id).await;
    }
    desk.run(60).await;
}

#[test]
fn many_deals_with_one_cause_are_one_message_that_lists_them() {
    paused(async {
        let desk = Desk::open().await;
        without_rows(&desk, 1..=3).await;
        assert_eq!(desk.office.bells().len(), 3, "a few are told one by one");
        let desk = Desk::open().await;
        without_rows(&desk, 1..=8).await;
        let bells = desk.office.bells();
        let [(_, text)] = bells.values().collect::<Vec<_>>()[..] else {
            panic!("{bells:?}");
        };
        for id in 1..=8 {
            assert!(text.contains(&format!("/crm/deal/details/{id}/")), "{text}");
        }
        // Each of them counts as told: an hour later nobody is told again.
        desk.task("cases").await;
        desk.run(3_700).await;
        assert_eq!(desk.office.story().matches("bell for").count(), 1);
        let told = |case: &Case| case.told_at.is_some_and(|at| at >= case.changed_at);
        assert!(desk.open_cases().await.iter().all(told));
    });
}

#[test]
fn a_later_deal_joins_the_list_which_takes_the_place_of_the_former() {
    paused(async {
        let desk = Desk::open().await;
        without_rows(&desk, 1..=5).await;
        assert_eq!(desk.office.bells().len(), 1);
        without_rows(&desk, 6..=7).await;
        let bells = desk.office.bells();
        let [(_, text)] = bells.values().collect::<Vec<_>>()[..] else {
            panic!("{bells:?}");
        };
        for id in 1..=7 {
            assert!(text.contains(&format!("/crm/deal/details/{id}/")), "{text}");
        }
        // What has answered itself is named no more.
        desk.office
            .edit(2, |reading| reading.glance.deal.lost = true);
        desk.event(2).await;
        desk.run(60).await;
        without_rows(&desk, 8..=8).await;
        let bells = desk.office.bells();
        let (_, text) = bells.values().next().unwrap();
        let is_named = |id: u64| text.contains(&format!("/crm/deal/details/{id}/"));
        let named: Vec<u64> = (1..=8).filter(|id| is_named(*id)).collect();
        assert_eq!(bells.len(), 1);
        assert_eq!(named, [1, 3, 4, 5, 6, 7, 8], "{text}");
    });
}

#[test]
fn deals_that_come_one_by_one_become_a_list_with_the_fourth() {
    paused(async {
        let desk = Desk::open().await;
        for id in 1..=6 {
            without_rows(&desk, id..=id).await;
        }
        // Three by themselves, and one list of all.
        let bells = desk.office.bells();
        assert_eq!(bells.len(), 4, "{bells:?}");
        let all = |text: &String| (1..=6).all(|id| text.contains(&format!("/details/{id}/")));
        assert_eq!(bells.values().filter(|(_, text)| all(text)).count(), 1);
        let told = |case: &Case| case.told_at.is_some_and(|at| at >= case.changed_at);
        assert!(desk.open_cases().await.iter().all(told));
    });
}

#[test]
fn what_was_told_one_by_one_stands_in_the_first_list_alone() {
    paused(async {
        let desk = Desk::open().await;
        for id in 1..=3 {
            without_rows(&desk, id..=id).await;
        }
        without_rows(&desk, 4..=52).await;
        without_rows(&desk, 53..=54).await;
        let bells = desk.office.bells();
        let of = |id: u64| {
            let path = format!("/crm/deal/details/{id}/");
            let texts = bells.values().map(|(_, text)| text);
            texts.filter(|text| text.contains(&path)).count()
        };
        assert_eq!(bells.len(), 5, "three by themselves, and two lists");
        for id in 1..=54 {
            assert_eq!(of(id), if id <= 3 { 2 } else { 1 }, "deal {id}");
        }
    });
}

#[test]
fn of_more_than_fifty_deals_none_is_lost() {
    paused(async {
        let desk = Desk::open().await;
        without_rows(&desk, 1..=120).await;
        desk.run(600).await;
        let bells = desk.office.bells();
        assert_eq!(bells.len(), 3, "{bells:?}");
        let texts: Vec<&String> = bells.values().map(|(_, text)| text).collect();
        for id in 1..=120 {
            let path = format!("/crm/deal/details/{id}/");
            let named = texts.iter().filter(|text| text.contains(&path)).count();
            assert_eq!(named, 1, "deal {id}");
        }
    });
}

#[test]
fn two_passes_at_one_time_do_not_take_the_place_of_each_others_list() {
    paused(async {
        let desk = Desk::open().await;
        let without_rows = |id: u64| {
            desk.office.enter(id);
            desk.office.edit(id, |reading| reading.rows.clear());
        };
        for id in 1..=5 {
            without_rows(id);
            desk.event(id).await;
        }
        // The other pass gathers its list at the same moment, and tells it later: with what comes of deal 11.
        desk.office.slow_down("find", Duration::from_secs(1));
        (6..=10).for_each(without_rows);
        desk.office.enter(11);
        let look = |id: u64| Look {
            subject: Subject::deal(DealId(id)),
            lane: Lane::Due,
            due_at: desk.clock.now(),
            reason: "interval".to_owned(),
        };
        let looks: Vec<Look> = (6..=11).map(look).collect();
        let portal = testkit::builders::portal();
        desk.store.look(&portal, &looks).await.unwrap();
        let (click, due) = (desk.due(Lane::Click).await, desk.due(Lane::Due).await);
        let (one, other) = join(desk.look(Lane::Click, click), desk.look(Lane::Due, due)).await;
        one.unwrap();
        other.unwrap();
        desk.run(60).await;
        let bells = desk.office.bells();
        let [(_, text)] = bells.values().collect::<Vec<_>>()[..] else {
            panic!("{bells:?}");
        };
        for id in 1..=10 {
            assert!(text.contains(&format!("/crm/deal/details/{id}/")), "{text}");
        }
        let told = |case: &Case| case.told_at.is_some_and(|at| at >= case.changed_at);
        assert!(desk.open_cases().await.iter().all(told));
    });
}

#[test]
fn a_list_that_was_not_heard_is_told_again_with_all_its_deals() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("bell", Trouble::Busy);
        without_rows(&desk, 1..=8).await;
        desk.run(600).await;
        let bells = desk.office.bells();
        let [(_, text)] = bells.values().collect::<Vec<_>>()[..] else {
            panic!("{bells:?}");
        };
        for id in 1..=8 {
            assert!(text.contains(&format!("/crm/deal/details/{id}/")), "{text}");
        }
        let told = |case: &Case| case.told_at.is_some_and(|at| at >= case.changed_at);
        assert!(desk.open_cases().await.iter().all(told));
    });
}

#[test]
fn the_administrator_reads_of_all_deals_that_one_buyer_stops() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.new_buyers = planner::NewBuyers::Ask);
        for id in 1..=3 {
            desk.deal_enters(id).await;
        }
        desk.run(60).await;
        let chat = desk.office.chat();
        let [text] = chat.as_slice() else {
            panic!("{chat:?}");
        };
        for id in 1..=3 {
            assert!(text.contains(&format!("/crm/deal/details/{id}/")), "{text}");
        }
    });
}
