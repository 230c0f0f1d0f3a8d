//! Advance, rest and what was added: each issued once by a person's order, whatever happens meanwhile.

use domain::{DealId, InvoiceStatus, Money, Quantity, SlotKind};
use planner::Advance;
use testkit::time::paused;

use crate::decisions::{answer, order, shown, with_invoice};
use crate::desk::Desk;
use crate::office::Trouble;

async fn desk() -> Desk {
    let desk = Desk::open().await;
    desk.office.knows_romashka();
    desk.set_policy(|policy| {
        policy.invoice.advance = Some(Advance {
            percent: Some(30),
            ..Advance::default()
        });
    });
    desk
}

async fn ordered(desk: &Desk, word: &str) {
    order(desk, 1, word);
    desk.event(1).await;
    desk.run(60).await;
}

fn twice(desk: &Desk) {
    desk.office.edit(1, |reading| {
        reading.rows[0].quantity = Quantity::parse("2").unwrap();
        let sum = reading.glance.deal.amount.kopecks() * 2;
        reading.glance.deal.amount = Money::from_kopecks(sum);
    });
}

/// The slots of the deal's invoices that are live, with their totals in kopecks.
async fn live(desk: &Desk) -> Vec<(SlotKind, i64)> {
    let links = desk.known(1).await.invoice_links;
    let mut live: Vec<_> = links
        .into_iter()
        .filter(|link| link.live)
        .map(|link| (link.slot.kind, link.total.kopecks()))
        .collect();
    live.sort_unstable();
    live
}

#[test]
fn an_advance_the_rest_and_what_was_added_add_up_to_the_deal() {
    paused(async {
        let desk = desk().await;
        desk.office.enter(1);
        ordered(&desk, "аванс").await;
        assert_eq!(shown(&desk, 1), (Some("1".to_owned()), false));
        let [(SlotKind::Advance, advance)] = live(&desk).await[..] else {
            panic!("{:?}", live(&desk).await);
        };
        // The stage alone makes no invoice of the whole beside it.
        desk.event(1).await;
        desk.run(60).await;
        ordered(&desk, "выставить счёт").await;
        assert_eq!(desk.office.bills().len(), 1);
        ordered(&desk, "остаток").await;
        assert_eq!(shown(&desk, 1), (Some("2".to_owned()), false));
        let amount = desk.office.state().deals[&DealId(1)].glance.deal.amount;
        let rest = amount.kopecks() - advance;
        let both = [(SlotKind::Advance, advance), (SlotKind::Rest, rest)];
        assert_eq!(live(&desk).await, both);
        twice(&desk);
        ordered(&desk, "дополнительный").await;
        assert_eq!(
            live(&desk).await[2],
            (SlotKind::Additional, amount.kopecks())
        );
        assert!(desk.questions().await.is_empty());
        let before = desk.office.bills().len();
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), before);
    });
}

#[test]
fn what_happens_to_an_invoice_while_the_next_one_is_of_unknown_fate_is_seen_once_that_is_settled() {
    paused(async {
        let desk = desk().await;
        desk.office.enter(1);
        ordered(&desk, "выставить счёт").await;
        twice(&desk);
        desk.task("feed").await;
        desk.run(1).await;
        desk.office.order("issue", Trouble::Lost);
        ordered(&desk, "дополнительный").await;
        desk.accountant(|bill| bill.invoice.status = InvoiceStatus::Cancelled)
            .await;
        assert_eq!(desk.office.bills().len(), 1);
        desk.run(1_200).await;
        // Nothing is added to what was cancelled.
        assert_eq!(desk.office.bills().len(), 1);
        let links = desk.known(1).await.invoice_links;
        let whole = links.iter().find(|link| link.slot.kind == SlotKind::Whole);
        assert_eq!(whole.unwrap().status, "cancelled");
    });
}

#[test]
fn a_part_is_issued_once_also_across_a_crash() {
    for (request, trouble) in [
        ("issue", Trouble::HangsDone),
        ("issue", Trouble::HangsUndone),
        ("fields", Trouble::HangsDone),
        ("fields", Trouble::HangsUndone),
    ] {
        for (before, word, count) in [
            (&[][..], "аванс", 1),
            (&["аванс"][..], "остаток", 2),
            (&["выставить счёт"][..], "дополнительный", 2),
        ] {
            paused(async {
                let desk = desk().await;
                desk.office.enter(1);
                for word in before {
                    ordered(&desk, word).await;
                    twice(&desk);
                }
                order(&desk, 1, word);
                desk.event(1).await;
                desk.office.order(request, trouble);
                desk.crash_when_hung().await;
                desk.run(2_000).await;
                assert_eq!(
                    desk.office.bills().len(),
                    count,
                    "{word} {request} {trouble:?}"
                );
                let (number, stands) = shown(&desk, 1);
                assert_eq!((number, stands), (Some(count.to_string()), false), "{word}");
            });
        }
    }
}

#[test]
fn what_was_added_is_invoiced_by_an_answer_as_well() {
    paused(async {
        let desk = with_invoice().await;
        twice(&desk);
        desk.event(1).await;
        desk.run(60).await;
        answer(&desk, "DEAL-CHANGED-AFTER-INVOICE", "additional").await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 2);
        assert!(desk.questions().await.is_empty());
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 2);
    });
}

#[test]
fn a_rest_that_the_accountant_cancelled_is_ordered_anew_in_its_slot() {
    paused(async {
        let desk = desk().await;
        desk.office.enter(1);
        ordered(&desk, "аванс").await;
        ordered(&desk, "остаток").await;
        desk.task("feed").await;
        {
            let mut state = desk.office.state();
            let id = state.bills[1].invoice.id.clone();
            state.bills[1].invoice.status = InvoiceStatus::Cancelled;
            state.feed.push(id);
        }
        desk.task("feed").await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["INVOICE-CANCELLED"]);
        ordered(&desk, "остаток").await;
        assert_eq!(desk.office.bills().len(), 3);
        assert!(desk.questions().await.is_empty());
        let links = desk.known(1).await.invoice_links;
        let rest = links.iter().filter(|link| link.slot.kind == SlotKind::Rest);
        let rest: Vec<_> = rest.map(|link| (link.slot.generation, link.live)).collect();
        assert_eq!(rest, [(1, false), (2, true)]);
        assert_eq!(shown(&desk, 1), (Some("3".to_owned()), false));
    });
}

#[test]
fn an_order_to_cancel_waits_for_the_accountant_and_brings_no_second_invoice() {
    paused(async {
        let desk = with_invoice().await;
        ordered(&desk, "отменить").await;
        assert_eq!(shown(&desk, 1), (Some("1".to_owned()), false));
        assert_eq!(desk.questions().await, ["INVOICE-CANCEL-ORDERED"]);
        assert_eq!(desk.office.chat().len(), 1, "{:?}", desk.office.chat());
        let told = desk.office.timeline().len();
        desk.assert_at_rest(1).await;
        desk.task("feed").await;
        {
            let mut state = desk.office.state();
            let id = state.bills[0].invoice.id.clone();
            state.bills[0].invoice.status = InvoiceStatus::Cancelled;
            state.feed.push(id);
        }
        desk.task("feed").await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty());
        desk.event(1).await;
        desk.run(60).await;
        assert_eq!(desk.office.bills().len(), 1);
        assert_eq!(desk.office.timeline().len(), told);
    });
}
