//! Answers that never come, and processes that die between sending and recording.

use std::time::Duration;

use domain::DealId;
use domain::observed::OurFields;
use engine::clock::later;
use insta::assert_snapshot;
use jiff::SignedDuration;
use store::{EffectState, Lane, Record, Retried};
use testkit::builders::portal;
use testkit::time::{at, paused};

use crate::decisions;
use crate::desk::Desk;
use crate::office::Trouble;

/// From the sending of a create to its second sending at the soonest: 75 s to leave, 600 s to land.
const QUIET: f64 = 675.0;

async fn desk_with(trouble: Trouble) -> Desk {
    let desk = Desk::open().await;
    desk.office.knows_romashka();
    desk.office.order("issue", trouble);
    desk.deal_enters(1).await;
    desk
}

async fn assert_one_invoice_shown(desk: &Desk) {
    assert_one_invoice(desk).await;
    desk.assert_at_rest(1).await;
}

async fn assert_one_invoice(desk: &Desk) {
    let office = &desk.office;
    assert_eq!(office.bills().len(), 1, "{}", office.story());
    let shown = office.state().deals[&DealId(1)].glance.fields.clone();
    assert_eq!(shown.number.as_deref(), Some("1"));
    assert_eq!(office.timeline().len(), 1);
    assert!(office.timeline()[0].file.is_some());
    assert_eq!(desk.known(1).await.invoice_links.len(), 1);
    assert!(desk.questions().await.is_empty());
}

#[test]
fn a_create_whose_answer_is_lost_is_found_by_its_mark_and_adopted_at_once() {
    paused(async {
        let desk = desk_with(Trouble::AnswerLost).await;
        desk.run(5).await;
        assert_one_invoice_shown(&desk).await;
        assert_eq!(desk.office.calls("issue"), 1);
    });
}

#[test]
fn a_create_that_was_lost_on_its_way_is_sent_again_only_after_its_quiet_time_and_two_looks() {
    paused(async {
        let desk = desk_with(Trouble::Lost).await;
        desk.run(660).await;
        assert_eq!(desk.office.calls("issue"), 1, "sent again too soon");
        desk.run(300).await;
        assert_eq!(desk.office.calls("issue"), 2);
        assert_one_invoice_shown(&desk).await;
        assert!(desk.office.second_of("books: invoice") > QUIET + 30.0);
    });
}

#[test]
fn what_is_not_found_is_looked_for_patiently() {
    paused(async {
        let desk = desk_with(Trouble::Lost).await;
        desk.run(900).await;
        // Every 15 s, and no faster when its quiet time is over.
        let looked = desk.office.calls("find_by_key");
        assert!((10..=60).contains(&looked), "looked {looked} times");
    });
}

#[test]
fn a_create_that_lands_late_is_adopted_and_never_doubled() {
    for late in [1, 14, 100, 599] {
        paused(async {
            let desk = desk_with(Trouble::Late(Duration::from_secs(late))).await;
            // That the feed tells of it as well changes nothing.
            desk.task("feed").await;
            desk.run(1_200).await;
            assert_one_invoice(&desk).await;
            assert_eq!(desk.office.calls("issue"), 1, "late by {late} s");
            // It is seen within one interval of looking.
            let seen = desk.office.second_of("deal 1: fields");
            assert!(
                seen < late as f64 + 17.0,
                "late by {late} s, seen in second {seen}"
            );
        });
    }
}

#[test]
fn a_create_that_lands_after_it_was_sent_again_is_asked_about_and_never_deleted_by_us() {
    paused(async {
        let desk = desk_with(Trouble::Late(Duration::from_secs(900))).await;
        desk.task("feed").await;
        desk.run(890).await;
        assert_one_invoice(&desk).await;
        desk.office.state().story.clear();
        desk.run(900).await;
        assert_eq!(desk.questions().await, ["INVOICE-TWIN/B-2"]);
        assert_snapshot!(desk.office.story(), @r"
        books: invoice 2 for portal-a/deal/1/invoice/whole/1 to K-1: 122.00
        chat chat12: [URL=/crm/deal/details/1/]Сделка 1[/URL]. В бухгалтерии стоит счёт № 2 от 12.03.2026 на 122,00 ₽ по этой сделке, которого программа уже не ждала: ответа на его создание не было, и он появился позже обещанного срока. В сделке показан другой счёт, № 1. Программа ничего не удаляет и новых счетов по сделке не выставляет. Удалите в бухгалтерии счёт № 2: вопрос закроется сам.
        ");
        let deal = desk.office.state().deals[&DealId(1)].glance.fields.clone();
        assert_eq!(deal.number.as_deref(), Some("1"));

        // The accountant takes the one too many back.
        {
            let mut state = desk.office.state();
            state.bills[1].deleted = true;
            let id = state.bills[1].invoice.id.clone();
            state.feed.push(id);
        }
        desk.run(120).await;
        assert!(desk.questions().await.is_empty());
        assert_eq!(desk.office.calls("issue"), 2);
    });
}

#[test]
fn a_bill_of_a_create_that_a_person_ordered_anew_is_none_that_we_forgot() {
    paused(async {
        let before = Desk::open().await;
        before.office.knows_romashka();
        before.deal_enters(1).await;
        before.run(60).await;
        let desk = desk_with(Trouble::Refused).await;
        desk.task("feed").await;
        desk.run(60).await;
        let refused = desk.open_cases().await.remove(0);
        let now = desk.clock.now();
        let portal = portal();
        let retried = desk.store.case_retry(&portal, &refused, "admin", now);
        assert!(matches!(retried.await.unwrap(), Retried::Ordered(_)));
        // What was refused stands after all, and the feed tells of it before it is sent again.
        let bill = before.office.bills()[0].clone();
        {
            let mut state = desk.office.state();
            state.feed.push(bill.invoice.id.clone());
            state.bills.push(bill);
        }
        desk.task("feed").await;
        let due = desk.due(Lane::Due).await;
        desk.look(Lane::Due, due).await.unwrap();
        assert_eq!(desk.questions().await, ["INVOICE-TWIN/B-1"]);
        desk.run(60).await;
        assert_eq!(desk.office.calls("issue"), 1);
        assert!(desk.known(1).await.invoice_links.is_empty());
    });
}

#[test]
fn events_meanwhile_do_not_hasten_a_second_create() {
    paused(async {
        let desk = desk_with(Trouble::Lost).await;
        for _minute in 0..10 {
            desk.run(60).await;
            desk.event(1).await;
            desk.office.edit(1, |reading| {
                reading.rows[0].price = domain::Price::parse("244").unwrap();
            });
        }
        assert_eq!(desk.office.calls("issue"), 1);
        desk.run(300).await;
        let bills = desk.office.bills();
        assert_eq!(bills.len(), 1);
        // What was never issued is issued as it is wanted by then.
        assert_eq!(bills[0].invoice.totals.gross.to_string(), "244.00");
    });
}

#[test]
fn a_process_that_dies_after_the_effect_leaves_one_invoice() {
    paused(async {
        let desk = desk_with(Trouble::HangsDone).await;
        desk.crash_when_hung().await;
        let effect = desk.known(1).await.effects.pop().unwrap();
        assert_eq!(effect.state, EffectState::Unknown);
        desk.run(60).await;
        assert_one_invoice_shown(&desk).await;
        assert_eq!(desk.office.calls("issue"), 1);
    });
}

#[test]
fn a_process_that_dies_before_the_effect_is_not_believed_to_have_failed() {
    paused(async {
        let desk = desk_with(Trouble::HangsUndone).await;
        desk.crash_when_hung().await;
        desk.run(600).await;
        assert_eq!(desk.office.calls("issue"), 1, "sent again too soon");
        desk.run(300).await;
        assert_eq!(desk.office.calls("issue"), 2);
        assert_one_invoice_shown(&desk).await;
    });
}

#[test]
fn processes_that_die_again_and_again_at_any_request_leave_one_of_everything() {
    for kind in [
        "glance", "read", "find", "create", "issue", "fields", "timeline",
    ] {
        for trouble in [Trouble::HangsDone, Trouble::HangsUndone] {
            paused(async {
                let desk = Desk::open().await;
                desk.office.order(kind, trouble);
                desk.deal_enters(1).await;
                desk.crash_when_hung().await;
                desk.run(1_500).await;
                let office = &desk.office;
                let (contractors, bills) = (office.contractors().len(), office.bills().len());
                let made = (contractors, bills, office.timeline().len());
                assert_eq!(
                    made,
                    (1, 1, 1),
                    "{trouble:?} at {kind}: {}",
                    desk.office.story()
                );
                assert_one_invoice_shown(&desk).await;
            });
        }
    }
}

/// An accounting side that tells a repetition by its key and whose lists lag behind its records.
async fn keyed_desk_with(trouble: Trouble) -> Desk {
    let desk = desk_with(trouble).await;
    desk.office.state().honours_key = true;
    desk.office.state().unlisted_until = later(desk.office.clock.now(), Duration::from_secs(40));
    desk
}

#[test]
fn where_the_key_tells_a_repetition_a_create_is_asked_for_again_at_once() {
    for trouble in [
        Trouble::Lost,
        Trouble::AnswerLost,
        Trouble::Late(Duration::from_secs(3)),
    ] {
        paused(async {
            let desk = keyed_desk_with(trouble).await;
            desk.run(10).await;
            let story = desk.office.story();
            assert_eq!(desk.office.calls("issue"), 2, "{trouble:?}: {story}");
            assert_one_invoice_shown(&desk).await;
        });
    }
}

#[test]
fn what_may_have_happened_is_looked_for_though_the_deal_wants_something_else_by_now() {
    type Change = fn(&mut domain::observed::DealReading);
    let changes: [Change; 2] = [
        |reading| reading.requisites[0].kpp.clear(),
        |reading| reading.rows[0].price = domain::Price::parse("244").unwrap(),
    ];
    for change in changes {
        for late in [0, 20, 599] {
            paused(async {
                let desk = keyed_desk_with(Trouble::Late(Duration::from_secs(late))).await;
                desk.office.state().changed_meanwhile = Some(change);
                desk.run(1_200).await;
                let story = desk.office.story();
                assert_eq!(desk.office.calls("issue"), 1, "{story}");
                assert_eq!(desk.office.bills().len(), 1, "{story}");
                let shown = desk.office.state().deals[&DealId(1)].glance.fields.clone();
                assert_eq!(shown.number.as_deref(), Some("1"), "{story}");
            });
        }
    }
}

#[test]
fn a_repetition_that_has_no_answer_either_is_not_repeated_without_a_pause() {
    paused(async {
        let desk = keyed_desk_with(Trouble::Lost).await;
        for _time in 0..3 {
            desk.office.order("issue", Trouble::Lost);
        }
        desk.run(20).await;
        assert!(desk.office.calls("issue") <= 3, "{}", desk.office.story());
        desk.run(300).await;
        assert_one_invoice_shown(&desk).await;
    });
}

#[test]
fn whatever_is_said_of_a_repetition_its_first_sending_is_found() {
    for (said, asked) in [(Trouble::Refused, 2), (Trouble::Busy, 3)] {
        paused(async {
            let desk = keyed_desk_with(Trouble::AnswerLost).await;
            desk.office.order("issue", said);
            desk.run(300).await;
            let story = desk.office.story();
            assert_eq!(desk.office.calls("issue"), asked, "{said:?}: {story}");
            assert_one_invoice_shown(&desk).await;
            assert_eq!(desk.questions().await, Vec::<String>::new(), "{said:?}");
        });
    }
}

#[test]
fn a_counterparty_whose_answer_is_lost_is_found_by_inn_and_kpp() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("create", Trouble::AnswerLost);
        for id in 1..=3 {
            desk.deal_enters(id).await;
        }
        desk.run(120).await;
        assert_eq!(desk.office.calls("create"), 1);
        assert_eq!(desk.office.contractors().len(), 1);
        assert_eq!(desk.office.bills().len(), 3);
    });
}

#[test]
fn a_counterparty_that_was_lost_on_its_way_is_created_again_after_its_quiet_time() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("create", Trouble::Lost);
        desk.deal_enters(1).await;
        desk.run(660).await;
        assert_eq!(desk.office.calls("create"), 1, "sent again too soon");
        desk.run(300).await;
        assert_eq!(desk.office.calls("create"), 2);
        assert_one_invoice_shown(&desk).await;
    });
}

#[test]
fn a_timeline_entry_whose_answer_is_lost_is_found_by_its_mark() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("timeline", Trouble::AnswerLost);
        desk.deal_enters(1).await;
        desk.run(60).await;
        assert_one_invoice_shown(&desk).await;
    });
}

#[test]
fn an_answer_to_an_order_that_was_lost_is_written_though_the_field_is_empty() {
    paused(async {
        let desk = Desk::open().await;
        desk.deal_enters(1).await;
        desk.run(60).await;
        desk.office.order("timeline", Trouble::Lost);
        // There is no rest of a whole invoice.
        decisions::order(&desk, 1, "остаток");
        desk.event(1).await;
        desk.run(30).await;
        assert!(!decisions::shown(&desk, 1).1, "the order is in the field");
        assert_eq!(desk.office.timeline().len(), 1);
        desk.run(3_600).await;
        // Once, though it was lost.
        assert_eq!(desk.office.timeline().len(), 2, "{}", desk.office.story());
    });
}

#[test]
fn an_answer_to_an_order_that_cannot_be_written_is_given_up_in_sight_and_written_once_by_order() {
    paused(async {
        let desk = Desk::open().await;
        desk.deal_enters(1).await;
        desk.run(60).await;
        for _attempt in 0..8 {
            desk.office.order("timeline", Trouble::Busy);
        }
        decisions::order(&desk, 1, "остаток");
        desk.event(1).await;
        desk.run(86_400).await;
        let asked = ["TRIED-TOO-OFTEN/add_timeline_entry"];
        assert_eq!(desk.questions().await, asked);
        assert!(!decisions::shown(&desk, 1).1, "the order is in the field");
        // It is planned no more, and stays in sight whatever becomes of the deal.
        for _day in 0..3 {
            desk.event(1).await;
            desk.run(86_400).await;
            assert_eq!(desk.questions().await, asked);
        }
        assert_eq!(desk.office.timeline().len(), 1, "{}", desk.office.story());
        let given_up = desk.open_cases().await.remove(0);
        let (portal, now) = (portal(), desk.clock.now());
        let retried = desk.store.case_retry(&portal, &given_up, "admin", now);
        assert!(matches!(retried.await.unwrap(), Retried::Ordered(_)));
        desk.run(60).await;
        assert_eq!(desk.office.timeline().len(), 2, "{}", desk.office.story());
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn fields_whose_answer_is_lost_are_written_again_at_once() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("fields", Trouble::Lost);
        desk.deal_enters(1).await;
        desk.run(60).await;
        assert_one_invoice_shown(&desk).await;
        assert!(desk.office.second_of("deal 1: fields") < 10.0);
    });
}

#[test]
fn a_file_whose_answer_is_lost_is_put_again() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.order("file", Trouble::Lost);
        desk.deal_enters(1).await;
        desk.run(120).await;
        assert_one_invoice_shown(&desk).await;
    });
}

#[test]
fn a_look_up_that_fails_proves_nothing() {
    paused(async {
        let desk = desk_with(Trouble::AnswerLost).await;
        for _time in 0..3 {
            desk.office.order("find_by_key", Trouble::Busy);
        }
        desk.run(120).await;
        assert_one_invoice_shown(&desk).await;
        assert_eq!(desk.office.calls("issue"), 1);
    });
}

#[test]
fn a_bill_that_cannot_be_read_is_in_the_way_of_its_own_deal_alone() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.office.state().unreadable = vec!["portal-a/deal/1/invoice/whole/1".to_owned()];
        for id in [1, 2] {
            desk.office.order("issue", Trouble::AnswerLost);
            desk.deal_enters(id).await;
        }
        desk.run(60).await;
        assert_eq!(desk.known(2).await.invoice_links.len(), 1);
        // Neither linked nor, however long it takes, made a second time: somebody is asked.
        desk.run(3_600).await;
        assert!(desk.known(1).await.invoice_links.is_empty());
        assert_eq!(desk.office.calls("issue"), 2);
        let asked = |case: store::Case| (case.facts.subject.id, case.facts.code);
        let asked: Vec<_> = desk.open_cases().await.into_iter().map(asked).collect();
        assert_eq!(asked, [("1".to_owned(), "OUTCOME-UNKNOWN".to_owned())]);
        // Once it can be read it is the deal's.
        desk.office.state().unreadable.clear();
        desk.run(1_800).await;
        assert_eq!(desk.known(1).await.invoice_links.len(), 1);
        assert_eq!(desk.office.bills().len(), 2);
        assert!(desk.questions().await.is_empty());
    });
}

/// A desk whose records are older than the remotes: a deal shows the invoice that the accounting side has, and we
/// know of none.
async fn restored() -> Desk {
    let before = Desk::open().await;
    before.office.knows_romashka();
    before.deal_enters(1).await;
    before.run(60).await;
    let desk = Desk::open().await;
    desk.office.knows_romashka();
    desk.office.enter(1);
    let shown = before.office.state().deals[&DealId(1)]
        .glance
        .fields
        .clone();
    desk.office.edit(1, |reading| reading.glance.fields = shown);
    desk.office
        .state()
        .bills
        .push(before.office.bills()[0].clone());
    desk
}

#[test]
fn after_a_restore_the_invoice_that_the_deal_shows_is_taken_over_and_not_made_again() {
    paused(async {
        let desk = restored().await;
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.calls("issue"), 0);
        assert_eq!(desk.known(1).await.invoice_links[0].number, "1");
        desk.event(1).await;
        desk.run(3_600).await;
        assert_eq!(desk.office.bills().len(), 1);
        assert_eq!(desk.office.calls("find_by_key"), 1);
    });
}

#[test]
fn while_the_accounting_side_does_not_say_whose_the_shown_invoice_is_nothing_is_issued() {
    paused(async {
        let desk = restored().await;
        for _ in 0..8 {
            desk.office.order("find_by_key", Trouble::Busy);
        }
        desk.event(1).await;
        desk.run(3_600).await;
        assert_eq!(
            (desk.office.calls("issue"), desk.office.bills().len()),
            (0, 1)
        );
        assert_eq!(desk.known(1).await.invoice_links.len(), 1);
    });
}

#[test]
fn a_copied_deal_that_shows_the_number_of_another_gets_its_own_invoice() {
    paused(async {
        let desk = restored().await;
        let shown = desk.office.state().deals[&DealId(1)].glance.fields.clone();
        desk.office.enter(2);
        desk.office.edit(2, |reading| reading.glance.fields = shown);
        desk.event(2).await;
        desk.run(60).await;
        assert_eq!(
            (desk.office.calls("issue"), desk.office.bills().len()),
            (1, 2)
        );
        let state = desk.office.state();
        assert_eq!(
            state.deals[&DealId(2)].glance.fields.number.as_deref(),
            Some("2")
        );
    });
}

/// The same desk, which begins anew now: of its own accord nothing is issued for what was there. The deal shows nothing,
/// and the feed goes on from where the backup left it.
pub(crate) async fn begun_anew() -> Desk {
    let desk = restored().await;
    desk.set_policy(|policy| policy.start_at = at(0) + SignedDuration::from_secs(5));
    desk.office
        .edit(1, |reading| reading.glance.fields = OurFields::default());
    let bill = desk.office.bills()[0].invoice.id.clone();
    desk.office.state().feed.push(bill);
    let record = Record {
        cursors: vec![("feed/org".to_owned(), "0".to_owned())],
        ..Record::default()
    };
    desk.context(Lane::Due).record(record).await.unwrap();
    desk
}

pub(crate) async fn order_an_invoice(desk: &Desk) {
    desk.office.edit(1, |reading| {
        reading.glance.fields.command = Some("выставить счёт".to_owned());
    });
    desk.event(1).await;
    desk.run(60).await;
}

#[test]
fn after_a_restore_the_feed_links_what_was_forgotten_and_an_order_makes_no_second() {
    paused(async {
        let desk = begun_anew().await;
        desk.task("feed").await;
        desk.run(30).await;
        let links = desk.known(1).await.invoice_links;
        assert_eq!((&*links[0].number, links.len()), ("1", 1));
        assert_eq!(links[0].slot.to_string(), "whole/1");
        let shown = desk.office.state().deals[&DealId(1)].glance.fields.clone();
        assert_eq!(shown.number.as_deref(), Some("1"));
        order_an_invoice(&desk).await;
        assert_eq!(desk.office.calls("issue"), 0);
        assert!(desk.questions().await.is_empty(), "{}", desk.office.story());
    });
}

#[test]
fn after_a_restore_an_order_waits_until_the_feed_was_read() {
    paused(async {
        let desk = begun_anew().await;
        order_an_invoice(&desk).await;
        assert_eq!(desk.office.calls("issue"), 0);
        desk.task("feed").await;
        desk.run(60).await;
        assert_eq!(desk.office.calls("issue"), 0);
        assert_eq!(desk.known(1).await.invoice_links[0].number, "1");
        // What no bill was forgotten of is issued as ever.
        desk.office.enter(2);
        desk.office.edit(2, |reading| {
            reading.glance.fields.command = Some("выставить счёт".to_owned());
        });
        desk.event(2).await;
        desk.run(60).await;
        assert_eq!(desk.office.calls("issue"), 1);
    });
}

#[test]
fn a_forgotten_bill_that_does_not_fit_its_deal_any_more_is_asked_about() {
    paused(async {
        let desk = begun_anew().await;
        let price = |price: &str, kopecks: i64| {
            desk.office.edit(1, |reading| {
                reading.rows[0].price = domain::Price::parse(price).unwrap();
                reading.glance.deal.amount = domain::Money::from_kopecks(kopecks);
            });
        };
        price("244", 24_400);
        desk.office.state().story.clear();
        desk.task("feed").await;
        desk.run(30).await;
        assert_eq!(desk.questions().await, ["INVOICE-TWIN/B-1"]);
        let story = desk.office.story().replace('\u{a0}', " ");
        let told = "но не помнит: её база восстановлена из более старой копии";
        assert!(story.contains(told), "{story}");
        assert!(
            story.contains("он на 122,00 ₽, сделка на 244,00 ₽"),
            "{story}"
        );
        // Who was asked is not helped by reading it again and again.
        let read = desk.office.calls("read_invoices");
        desk.run(7_200).await;
        assert_eq!(desk.office.calls("read_invoices"), read);
        order_an_invoice(&desk).await;
        assert_eq!(desk.office.calls("issue"), 0);
        price("122", 12_200);
        desk.event(1).await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty(), "{}", desk.office.story());
        assert_eq!(desk.known(1).await.invoice_links[0].number, "1");
    });
}

/// Another bill with the mark of the first, for twice as much.
fn another_with_its_mark(desk: &Desk) -> crate::office::Bill {
    let mut other = desk.office.bills()[0].clone();
    other.invoice.id = domain::InvoiceId::new("B-9");
    other.invoice.number = "9".to_owned();
    other.invoice.totals.gross = domain::Money::from_kopecks(24_400);
    other
}

#[test]
fn of_two_with_one_mark_the_one_that_was_asked_for_is_taken_over() {
    paused(async {
        let desk = desk_with(Trouble::HangsDone).await;
        desk.crash_when_hung().await;
        let other = another_with_its_mark(&desk);
        desk.office.state().bills.insert(0, other);
        desk.run(60).await;
        assert_eq!(desk.known(1).await.invoice_links[0].number, "1");
        assert!(desk.questions().await.is_empty());
        assert_eq!(desk.office.calls("issue"), 1);
    });
    paused(async {
        let desk = restored().await;
        let other = another_with_its_mark(&desk);
        desk.office.state().bills.push(other);
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.known(1).await.invoice_links[0].number, "1");
        assert_eq!(desk.office.calls("issue"), 0);
    });
}

#[test]
fn one_that_is_found_billed_to_somebody_else_is_taken_over_and_asked_about() {
    paused(async {
        let desk = desk_with(Trouble::HangsDone).await;
        desk.crash_when_hung().await;
        let stranger = "7736050003/770701001".parse().unwrap();
        desk.office.state().bills[0].invoice.counterparty = Some(stranger);
        desk.run(60).await;
        assert_eq!(desk.known(1).await.invoice_links[0].number, "1");
        assert_eq!(desk.questions().await, ["INVOICE-EDITED"]);
        assert_eq!(desk.office.calls("issue"), 1);
    });
}
