//! What only a person decides: many invoices at once, and an invoice that another is to replace.

use domain::observed::{DealReading, FieldValue, OurField};
use domain::{DealId, Price};
use serde_json::json;
use store::Subject;
use testkit::builders::portal;
use testkit::time::paused;

use crate::desk::Desk;
use crate::office::Trouble;

async fn flooded(count: u64) -> Desk {
    let desk = Desk::open().await;
    desk.set_policy(|policy| policy.invoice.ask_above = 20);
    for id in 1..=count {
        desk.deal_enters(id).await;
    }
    desk.run(30).await;
    desk
}

pub(crate) async fn answer(desk: &Desk, code: &str, choice: &str) {
    let cases = desk.open_cases().await;
    let case = cases.iter().find(|case| case.facts.code == code).unwrap();
    let words = case.facts.facts["choices"].as_array().unwrap();
    assert!(
        words.iter().any(|known| known["word"] == choice),
        "{words:?}"
    );
    let (portal, said) = (portal(), json!({"choice": choice}));
    let now = desk.clock.now();
    let answered = desk.store.case_answer(&portal, case, &said, "admin", now);
    assert!(answered.await.unwrap());
}

pub(crate) fn order(desk: &Desk, id: u64, word: &str) {
    desk.office.edit(id, |reading| {
        reading.glance.fields.command = Some(word.to_owned());
    });
}

#[test]
fn as_many_as_the_limit_are_issued_and_one_more_is_asked_about_once() {
    paused(async {
        assert_eq!(flooded(20).await.office.bills().len(), 20);
        let desk = flooded(21).await;
        desk.task("feed").await;
        desk.run(30).await;
        // Nothing left for the accounting side, not even the buyer.
        assert_eq!(desk.office.bills().len(), 0);
        assert_eq!(desk.office.contractors().len(), 0);
        assert_eq!(desk.questions().await, ["INVOICE-FLOOD"]);
        let case = desk.open_cases().await.remove(0);
        assert_eq!(case.facts.facts["deals"].as_array().unwrap().len(), 21);
        assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
        // Another that comes meanwhile joins the list, and nobody is told again.
        desk.deal_enters(22).await;
        desk.run(60).await;
        desk.task("feed").await;
        desk.run(60).await;
        let case = desk.open_cases().await.remove(0);
        assert_eq!(case.facts.facts["deals"].as_array().unwrap().len(), 22);
        assert_eq!(desk.office.chat().len(), 1);
        assert_eq!(desk.office.bills().len(), 0);
    });
}

/// So many deals, each in passes of its own, some seconds after the one before it.
async fn one_by_one(desk: &Desk, deals: std::ops::RangeInclusive<u64>) {
    for id in deals {
        desk.deal_enters(id).await;
        desk.run(3).await;
    }
}

#[test]
fn what_comes_in_many_passes_within_a_minute_is_counted_together() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.ask_above = 3);
        one_by_one(&desk, 1..=5).await;
        assert_eq!(desk.office.bills().len(), 3);
        assert_eq!(desk.questions().await, ["INVOICE-FLOOD"]);
        let case = desk.open_cases().await.remove(0);
        assert_eq!(case.facts.facts["deals"], json!([4, 5]));
        // An order passes it.
        order(&desk, 5, "выставить счёт");
        desk.event(5).await;
        desk.run(3).await;
        assert_eq!(desk.office.bills().len(), 4);
        // What is let go is not held again, and counting begins anew.
        answer(&desk, "INVOICE-FLOOD", "issue").await;
        desk.run(3).await;
        assert_eq!(desk.office.bills().len(), 5);
        one_by_one(&desk, 6..=8).await;
        assert_eq!(desk.office.bills().len(), 8);
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn a_process_that_takes_over_within_a_flood_counts_on() {
    paused(async {
        let mut desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.ask_above = 3);
        for id in 1..=6 {
            one_by_one(&desk, id..=id).await;
            desk.restart();
        }
        assert_eq!(desk.office.bills().len(), 3);
        assert_eq!(desk.questions().await, ["INVOICE-FLOOD"]);
        answer(&desk, "INVOICE-FLOOD", "issue").await;
        desk.restart();
        desk.run(3).await;
        assert_eq!(desk.office.bills().len(), 6);
    });
}

#[test]
fn what_was_let_through_and_failed_goes_on_though_the_question_is_open_by_then() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.set_policy(|policy| policy.invoice.ask_above = 1);
        for _try in 0..2 {
            desk.office.order("issue", Trouble::Busy);
        }
        one_by_one(&desk, 1..=2).await;
        assert_eq!(desk.questions().await, ["INVOICE-FLOOD"]);
        desk.run(30).await;
        assert_eq!(desk.office.bills().len(), 1);
        let case = desk.open_cases().await.remove(0);
        assert_eq!(case.facts.facts["deals"], json!([2]));
    });
}

#[test]
fn what_was_ordered_does_not_count() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.ask_above = 3);
        for id in 1..=5 {
            desk.office.enter(id);
            order(&desk, id, "выставить счёт");
            desk.event(id).await;
            desk.run(3).await;
        }
        one_by_one(&desk, 6..=8).await;
        assert_eq!(desk.office.bills().len(), 8);
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn after_a_no_the_minute_counts_on() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.ask_above = 3);
        one_by_one(&desk, 1..=4).await;
        answer(&desk, "INVOICE-FLOOD", "leave").await;
        one_by_one(&desk, 5..=5).await;
        assert_eq!(desk.questions().await, ["INVOICE-FLOOD"]);
        let case = desk.open_cases().await.remove(0);
        assert_eq!(case.facts.facts["deals"], json!([5]));
        answer(&desk, "INVOICE-FLOOD", "issue").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 4);
    });
}

#[test]
fn as_many_as_the_limit_in_every_minute_are_no_flood() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.invoice.ask_above = 3);
        for first in [1, 4, 7] {
            one_by_one(&desk, first..=first + 2).await;
            desk.run(60).await;
        }
        assert_eq!(desk.office.bills().len(), 9);
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn after_the_answer_all_of_them_go() {
    paused(async {
        let desk = flooded(30).await;
        answer(&desk, "INVOICE-FLOOD", "issue").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 30);
        assert!(desk.questions().await.is_empty());
        // A later one is no flood.
        desk.deal_enters(31).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 31);
    });
}

#[test]
fn what_was_left_is_issued_only_by_an_order_and_an_order_passes_the_question() {
    paused(async {
        let desk = flooded(25).await;
        order(&desk, 3, "выставить счёт");
        desk.event(3).await;
        desk.run(30).await;
        assert_eq!(desk.office.bills().len(), 1);
        answer(&desk, "INVOICE-FLOOD", "leave").await;
        desk.run(60).await;
        for id in 1..=25 {
            desk.event(id).await;
        }
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
        order(&desk, 4, "выставить счёт");
        desk.event(4).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 2);
        desk.assert_at_rest(1).await;
    });
}

pub(crate) async fn with_invoice() -> Desk {
    let desk = Desk::open().await;
    desk.office.knows_romashka();
    desk.deal_enters(1).await;
    desk.run(60).await;
    assert_eq!(desk.office.bills().len(), 1);
    desk
}

fn dearer(reading: &mut DealReading) {
    reading.rows[0].price = Price::parse("244").unwrap();
    reading.glance.deal.amount = domain::Money::from_kopecks(24_400);
}

/// The number that the deal shows and whether an order stands in it.
pub(crate) fn shown(desk: &Desk, id: u64) -> (Option<String>, bool) {
    let state = desk.office.state();
    let fields = &state.deals[&DealId(id)].glance.fields;
    let ordered = fields.command.as_ref().is_some_and(|said| !said.is_empty());
    (fields.number.clone(), ordered)
}

#[test]
fn edits_are_gathered_into_one_question() {
    paused(async {
        let desk = with_invoice().await;
        desk.set_policy(|policy| policy.invoice.gather_seconds = 300);
        for _edit in 0..3 {
            desk.office.edit(1, dearer);
            desk.event(1).await;
            desk.run(100).await;
            assert!(desk.questions().await.is_empty());
        }
        desk.run(300).await;
        assert_eq!(desk.questions().await, ["DEAL-CHANGED-AFTER-INVOICE"]);
        assert_eq!(desk.office.bells().len(), 1);
    });
}

#[test]
fn a_person_answers_and_another_invoice_takes_the_place_of_the_first() {
    paused(async {
        let desk = with_invoice().await;
        desk.office.edit(1, dearer);
        desk.event(1).await;
        desk.run(60).await;
        answer(&desk, "DEAL-CHANGED-AFTER-INVOICE", "reissue").await;
        desk.run(60).await;
        let bills = desk.office.bills();
        assert_eq!(bills.len(), 2);
        assert_eq!(shown(&desk, 1), (Some("2".to_owned()), false));
        assert!(desk.questions().await.is_empty());
        let links = desk.known(1).await.invoice_links;
        let live: Vec<bool> = links.iter().map(|link| link.live).collect();
        assert_eq!(live, [false, true]);
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 2);
        desk.assert_at_rest(1).await;
    });
}

#[test]
fn a_persons_answer_is_obeyed_also_when_the_deal_was_won_meanwhile() {
    paused(async {
        let desk = with_invoice().await;
        desk.office.edit(1, dearer);
        desk.event(1).await;
        desk.run(60).await;
        desk.office
            .edit(1, |reading| reading.glance.deal.closed = true);
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["DEAL-CHANGED-AFTER-INVOICE"]);
        answer(&desk, "DEAL-CHANGED-AFTER-INVOICE", "reissue").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 2);
        assert!(desk.questions().await.is_empty());
    });
}

#[test]
fn an_order_replaces_the_invoice_once_also_across_a_crash() {
    for (request, trouble) in [
        ("issue", Trouble::HangsDone),
        ("issue", Trouble::HangsUndone),
        ("fields", Trouble::HangsDone),
        ("fields", Trouble::HangsUndone),
    ] {
        paused(async {
            let desk = with_invoice().await;
            order(&desk, 1, "перевыставить");
            desk.event(1).await;
            desk.office.order(request, trouble);
            desk.crash_when_hung().await;
            desk.run(2_000).await;
            assert_eq!(desk.office.bills().len(), 2, "{request} {trouble:?}");
            assert_eq!(shown(&desk, 1), (Some("2".to_owned()), false));
            desk.assert_at_rest(1).await;
            // Given anew, it is obeyed anew.
            order(&desk, 1, "перевыставить");
            desk.event(1).await;
            desk.run(60).await;
            assert_eq!(desk.office.bills().len(), 3, "{request} {trouble:?}");
            assert_eq!(shown(&desk, 1), (Some("3".to_owned()), false));
        });
    }
}

#[test]
fn an_order_to_leave_closes_the_question() {
    paused(async {
        let desk = with_invoice().await;
        desk.office.edit(1, dearer);
        desk.event(1).await;
        desk.run(60).await;
        order(&desk, 1, "оставить");
        desk.event(1).await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty());
        assert_eq!(shown(&desk, 1), (Some("1".to_owned()), false));
        desk.event(1).await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty());
        assert_eq!(desk.office.bills().len(), 1);
    });
}

/// A deal in the first stage that shows the first invoice's number with this date.
async fn copy(desk: &Desk, id: u64, date: jiff::civil::Date) {
    desk.office.enter(id);
    desk.office.edit(id, |reading| {
        reading.history.clear();
        reading.glance.deal.stage = domain::StageId::new("NEW");
        let fields = &mut reading.glance.fields;
        fields.set(OurField::Number, &FieldValue::Text("1".to_owned()));
        fields.set(OurField::Date, &FieldValue::Date(date));
    });
    desk.event(id).await;
    desk.run(60).await;
}

#[test]
fn a_copied_deal_is_cleared_of_the_others_invoice_and_a_forgotten_invoice_stays() {
    paused(async {
        let desk = with_invoice().await;
        let issued = desk.known(1).await.invoice_links[0].date;
        copy(&desk, 2, issued).await;
        assert_eq!(shown(&desk, 2), (None, false));
        assert_eq!(shown(&desk, 1), (Some("1".to_owned()), false));
        desk.assert_at_rest(2).await;
        // The same number of another year is another invoice: perhaps this deal's own, forgotten by a restore.
        copy(&desk, 3, issued - jiff::Span::new().years(1)).await;
        assert_eq!(shown(&desk, 3), (Some("1".to_owned()), false));
    });
}

#[test]
fn what_was_replaced_in_the_look_that_compared_it_stays_replaced() {
    paused(async {
        let desk = with_invoice().await;
        // Read whole, compared, replaced and issued anew in one look.
        desk.office.edit(1, dearer);
        order(&desk, 1, "перевыставить");
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 2);
        let deals = [Subject::deal(DealId(1))];
        let known = desk.store.known(&portal(), &deals).await.unwrap();
        let links = known.invoice_links.iter();
        let live: Vec<u32> = links
            .filter(|link| link.live)
            .map(|link| link.slot.generation)
            .collect();
        assert_eq!(live, [2]);
    });
}

#[test]
fn an_order_that_issued_an_invoice_replaces_it_not_when_its_answer_was_lost() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.office.enter(1);
        order(&desk, 1, "перевыставить");
        desk.office.order("issue", Trouble::AnswerLost);
        desk.event(1).await;
        desk.run(3_600).await;
        assert_eq!(desk.office.bills().len(), 1);
        assert!(!shown(&desk, 1).1, "the order is out");
    });
}
