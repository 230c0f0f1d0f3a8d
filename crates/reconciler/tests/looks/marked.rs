//! A bill that the accounting side only calls paid, from what was seen of it to the question and to what answers it.

use std::time::Duration;

use domain::ledger::{Settlement, SettlementKind};
use domain::{InvoiceStatus, OrganisationId};
use engine::clock::later;
use jiff::civil::date;
use planner::marked::{ByMark, SETTLE};
use planner::{Booking, MoneyPolicy};
use serde_json::json;
use store::{Case, InvoiceRef, InvoiceSettled, NewSettlement, Subject};
use testkit::builders::portal;
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

/// The accountant marks the bill, or takes that back, and a hint tells of it.
async fn marks(desk: &Desk, status: InvoiceStatus) {
    let id = {
        let mut state = desk.office.state();
        let bill = &mut state.bills[0].invoice;
        bill.status = status;
        bill.id.clone()
    };
    let subject = Subject::invoice(&OrganisationId::new("org"), &id);
    desk.event_about(subject).await;
    desk.run(60).await;
}

/// Somebody chooses that the mark closes the bill; the number of the entry.
async fn choose(desk: &Desk, asked: &Case) -> i64 {
    let closing = asked.facts.facts["by_mark"].clone();
    let closing: ByMark = serde_json::from_value(closing).unwrap();
    let new = NewSettlement {
        invoice: InvoiceRef {
            organisation: closing.organisation,
            invoice: closing.invoice,
        },
        amount: None,
        settlement: Settlement {
            kind: SettlementKind::MarkedPaid,
            document: closing.document,
            author: "anna".to_owned(),
        },
        dated: closing.dated,
    };
    let (portal, answer) = (portal(), json!({"choice": SETTLE}));
    let (said, now) = ((asked, &answer), desk.clock.now());
    let settled = desk.store.case_settle(&portal, said, &new, now).await;
    let Some(InvoiceSettled::Done { number, amount, .. }) = settled.unwrap() else {
        panic!("it is refused");
    };
    let total = desk.office.state().bills[0].invoice.totals.gross;
    assert_eq!(amount, total);
    number
}

#[test]
fn a_bill_is_closed_by_its_mark_until_the_mark_or_the_entry_is_taken_back() {
    for booking in [Booking::Provodka, Booking::Accounting] {
        paused(async move {
            let desk = Desk::open().await;
            desk.set_policy(|policy| {
                let booking = Some(booking);
                policy.money = Some(MoneyPolicy { booking, ..money() });
            });
            desk.office.knows_romashka();
            desk.deal_enters(1).await;
            desk.run(60).await;
            marks(&desk, InvoiceStatus::Paid).await;
            desk.run(25 * HOUR).await;
            let asked = desk.open_cases().await.remove(0);
            assert_eq!(asked.facts.code, "INVOICE-MARKED-PAID");
            let number = choose(&desk, &asked).await;
            desk.run(60).await;
            assert_eq!(desk.questions().await, Vec::<String>::new());
            let story = desk.office.story();
            assert!(story.contains("Status=Оплачен"), "{story}");
            assert!(story.contains("закрыт по отметке в учёте"), "{story}");
            let told = desk.known(1).await.receipts.remove(0);
            assert_eq!(told.dated, date(2026, 3, 12), "the day of the mark");
            // The mark is taken back, and comes again.
            marks(&desk, InvoiceStatus::Issued).await;
            assert_eq!(desk.questions().await, ["PAID-MARK-GONE"]);
            marks(&desk, InvoiceStatus::Paid).await;
            assert_eq!(desk.questions().await, Vec::<String>::new());
            marks(&desk, InvoiceStatus::Issued).await;
            assert_eq!(desk.questions().await, ["PAID-MARK-GONE"]);
            let (portal, because) = (portal(), ("anna", "не оплачен"));
            let now = desk.clock.now();
            let undone =
                desk.store
                    .money_unsettle(&portal, number, because, date(2026, 3, 13), now);
            assert!(undone.await.unwrap().is_some());
            desk.run(60).await;
            assert_eq!(desk.questions().await, Vec::<String>::new());
            let story = desk.office.story();
            let last = story.rsplit("Status=").next().unwrap();
            assert!(last.starts_with("Выставлен"), "{story}");
        });
    }
}
