//! Orders that are called: obeyed once across crashes and lost answers, and never where we may not write.

use domain::{DealId, InvoiceStatus, Order, Price};
use jiff::Timestamp;
use planner::Mode;
use store::Lane;
use testkit::builders::portal;
use testkit::time::{at, paused};

use crate::decisions::{order, shown, with_invoice};
use crate::desk::Desk;
use crate::office::Trouble;

async fn call(desk: &Desk, order: Order) {
    let now = desk.clock.now();
    desk.store
        .order_call(&portal(), DealId(1), order, Lane::Click, now)
        .await
        .unwrap();
}

async fn waits(desk: &Desk) -> bool {
    !desk.known(1).await.orders.is_empty()
}

#[test]
fn a_called_order_issues_far_from_the_invoice_stage() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.office.enter(1);
        desk.office.edit(1, |reading| {
            reading.history.clear();
            reading.glance.deal.stage = domain::StageId::new("NEW");
        });
        call(&desk, Order::Issue).await;
        desk.run(2).await;
        assert_eq!(shown(&desk, 1), (Some("1".to_owned()), false));
        assert!(!waits(&desk).await);
        desk.run(600).await;
        assert_eq!(desk.office.bills().len(), 1);
        desk.assert_at_rest(1).await;
    });
}

/// A person orders an invoice: in the field, or by calling our address.
async fn order_invoice(desk: &Desk, by_call: bool) {
    desk.office.state().story.clear();
    if by_call {
        call(desk, Order::Issue).await;
    } else {
        order(desk, 1, "выставить счёт");
        desk.event(1).await;
    }
    desk.run(60).await;
}

#[test]
fn an_order_is_obeyed_and_answered_within_two_seconds_by_field_and_by_call() {
    for by_call in [false, true] {
        paused(async {
            let desk = Desk::open().await;
            desk.office.knows_romashka();
            desk.office.enter(1);
            desk.office.edit(1, |reading| {
                reading.history.clear();
                reading.glance.deal.stage = domain::StageId::new("NEW");
            });
            let since = |asked: Timestamp, beginning: &str| {
                desk.office.second_of(beginning) - asked.duration_since(at(0)).as_secs_f64()
            };
            let asked = desk.clock.now();
            order_invoice(&desk, by_call).await;
            assert!(since(asked, "deal 1: fields") < 2.0, "{by_call}");
            assert!(since(asked, "deal 1: timeline") < 2.0, "{by_call}");
            // What stands already is answered as fast, and each order anew.
            for _order in 0..2 {
                let asked = desk.clock.now();
                order_invoice(&desk, by_call).await;
                assert!(since(asked, "deal 1: timeline") < 2.0, "{by_call}");
                assert!(!shown(&desk, 1).1, "{by_call}");
                assert!(!waits(&desk).await, "{by_call}");
            }
            assert_eq!(desk.office.bills().len(), 1);
        });
    }
}

#[test]
fn a_called_order_is_obeyed_once_also_across_a_crash() {
    for (request, trouble) in [
        ("issue", Trouble::HangsDone),
        ("issue", Trouble::HangsUndone),
        ("fields", Trouble::HangsDone),
        ("timeline", Trouble::HangsUndone),
    ] {
        for (order, bills) in [(Order::Reissue, 2), (Order::Additional, 2)] {
            paused(async {
                let desk = with_invoice().await;
                desk.office.edit(1, |reading| {
                    let mut row = reading.rows[0].clone();
                    row.name = "Ещё".to_owned();
                    reading.rows.push(row);
                    reading.glance.deal.amount = domain::Money::from_kopecks(24_400);
                });
                call(&desk, order).await;
                desk.office.order(request, trouble);
                desk.crash_when_hung().await;
                desk.run(2_000).await;
                let what = format!("{order:?} {request} {trouble:?}");
                assert_eq!(desk.office.bills().len(), bills, "{what}");
                assert!(!waits(&desk).await, "{what}");
                desk.assert_at_rest(1).await;
                // Called anew, a replacement is made anew; what is added already is answered.
                call(&desk, order).await;
                desk.run(60).await;
                let more = if order == Order::Reissue { 1 } else { 0 };
                assert_eq!(desk.office.bills().len(), bills + more, "{what}");
                assert!(!waits(&desk).await, "{what}");
            });
        }
    }
}

#[test]
fn an_answer_is_said_once_for_each_call_also_across_a_crash() {
    for trouble in [Trouble::HangsDone, Trouble::HangsUndone] {
        paused(async {
            let desk = with_invoice().await;
            desk.task("feed").await;
            desk.run(60).await;
            desk.accountant(|bill| bill.invoice.status = InvoiceStatus::Paid)
                .await;
            let before = desk.office.timeline().len();
            let answers = || desk.office.timeline().len() - before;
            call(&desk, Order::Reissue).await;
            desk.office.order("timeline", trouble);
            desk.crash_when_hung().await;
            desk.run(2_000).await;
            assert_eq!(answers(), 1, "{trouble:?}");
            assert!(!waits(&desk).await);
            call(&desk, Order::Reissue).await;
            desk.run(60).await;
            assert_eq!(answers(), 2, "{trouble:?}");
            assert!(!waits(&desk).await);
            assert_eq!(desk.office.bills().len(), 1);
        });
    }
}

#[test]
fn an_order_whose_answer_was_lost_is_used_up_with_the_invoice_that_is_found() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.office.enter(1);
        desk.office.order("issue", Trouble::AnswerLost);
        call(&desk, Order::Reissue).await;
        desk.run(3_600).await;
        assert_eq!(desk.office.bills().len(), 1);
        assert!(!waits(&desk).await);
    });
}

#[test]
fn an_order_waits_with_the_question_that_stands_before_it() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.enter(1);
        desk.office
            .edit(1, |reading| reading.requisites[0].inn.clear());
        call(&desk, Order::Issue).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["DEAL-DATA-MISSING"]);
        assert!(waits(&desk).await);
        desk.office.edit(1, |reading| {
            reading.requisites[0].inn = "7707083893".to_owned();
        });
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
        assert!(!waits(&desk).await);
    });
}

#[test]
fn a_called_order_to_leave_closes_the_question() {
    paused(async {
        let desk = with_invoice().await;
        desk.office.edit(1, |reading| {
            reading.rows[0].price = Price::parse("244").unwrap();
            reading.glance.deal.amount = domain::Money::from_kopecks(24_400);
        });
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["DEAL-CHANGED-AFTER-INVOICE"]);
        call(&desk, Order::Leave).await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty());
        assert!(!waits(&desk).await);
    });
}

#[test]
fn where_we_only_watch_an_order_is_carried_out_neither_now_nor_later() {
    paused(async {
        let desk = Desk::open().await;
        desk.office.knows_romashka();
        desk.office.enter(1);
        desk.office.edit(1, |reading| {
            reading.history.clear();
            reading.glance.deal.stage = domain::StageId::new("NEW");
        });
        desk.set_policy(|policy| policy.funnels[0].mode = Mode::WatchOnly);
        call(&desk, Order::Issue).await;
        desk.run(60).await;
        assert!(!waits(&desk).await);
        assert!(desk.questions().await.is_empty(), "nothing is foretold");
        desk.set_policy(|policy| policy.funnels[0].mode = Mode::Active);
        desk.event(1).await;
        desk.run(600).await;
        assert_eq!(desk.office.bills().len(), 0);
    });
}
