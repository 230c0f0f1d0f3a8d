//! A bill that the accounting side only calls paid, from what was seen of it to the question.

use std::time::Duration;

use domain::InvoiceStatus;
use engine::clock::later;
use planner::{Booking, MoneyPolicy};
use testkit::time::paused;

use crate::desk::Desk;
use crate::office::Trouble;

const HOUR: u64 = 3_600;

fn money() -> MoneyPolicy {
    MoneyPolicy {
        booking: Some(Booking::Provodka),
        since: None,
        wait_hours: 24,
        refunds: planner::Refunds::default(),
        registers: planner::Registers::default(),
        accounts: Vec::new(),
        stages: Vec::new(),
        overdue: None,
    }
}

#[test]
fn a_bill_that_is_found_marked_after_its_answer_was_lost_is_asked_about_like_any_other() {
    paused(async {
        let desk = Desk::open().await;
        desk.set_policy(|policy| policy.money = Some(money()));
        desk.office.knows_romashka();
        desk.office.order("issue", Trouble::AnswerLost);
        // The accountant sees it before any list shows it.
        desk.office.state().unlisted_until = later(desk.clock.now(), Duration::from_secs(40));
        desk.deal_enters(1).await;
        desk.run(20).await;
        assert!(desk.known(1).await.invoice_links.is_empty());
        desk.office.state().bills[0].invoice.status = InvoiceStatus::Paid;
        desk.run(60).await;
        let link = desk.known(1).await.invoice_links.remove(0);
        assert!(link.draft.get("paid_since").is_some(), "{:?}", link.draft);
        assert_eq!(desk.office.calls("issue"), 1);
        desk.run(23 * HOUR).await;
        assert_eq!(desk.questions().await, Vec::<String>::new());
        desk.run(2 * HOUR).await;
        assert_eq!(desk.questions().await, ["INVOICE-MARKED-PAID"]);
    });
}
