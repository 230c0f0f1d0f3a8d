//! Invoices that bear our mark and of which our records, restored from a backup, know nothing.

use domain::{InvoiceStatus, Money, Order, OrderNumber, Slot, SlotKind};
use jiff::Timestamp;
use planner::Called;
use planner::adopting::{Candidate, Claim, Judged, carried_out, judge};

use crate::adopting::{adopted_at, by_hand, claim, free, said, with};
use crate::build::{ago, deal, row};
use crate::changed::order;

/// One of ours for this slot of the deal, by its mark.
fn marked(made_for: Slot) -> Candidate {
    let invoice = with(|invoice| {
        invoice.marked = true;
        invoice.counterparty = None;
    });
    Candidate {
        made_for: Some(made_for),
        ..free(invoice)
    }
}

fn nth(kind: SlotKind, generation: u32) -> Slot {
    Slot { kind, generation }
}

#[test]
fn one_that_we_made_and_forgot_stands_in_the_place_of_what_its_mark_says() {
    let deal = |slot: Slot, status: InvoiceStatus| {
        deal().issued().invoice(|one| {
            (one.number, one.slot, one.status) = ("18".to_owned(), slot, status);
        })
    };
    let (issued, cancelled) = (InvoiceStatus::Issued, InvoiceStatus::Cancelled);
    let second = nth(SlotKind::Whole, 2);
    let taken = "№ 17 in whole/2";
    let refused = "у сделки уже есть счёт № 18: отмените в учёте тот из двух, который не нужен";
    for (slot, status, expected) in [
        (nth(SlotKind::Whole, 1), issued, taken),
        (nth(SlotKind::Whole, 1), cancelled, taken),
        (nth(SlotKind::Whole, 3), issued, refused),
        (nth(SlotKind::Advance, 1), issued, refused),
        // A person went another way since the accountant took that one back.
        (nth(SlotKind::Advance, 1), cancelled, taken),
    ] {
        let told = said(&deal(slot, status), &claim(), &[marked(second)]);
        assert_eq!(told, expected, "{slot} {status:?}");
    }
    // One by hand takes nobody's place.
    let first = deal(nth(SlotKind::Whole, 1), issued);
    let told = said(&first, &claim(), &[free(by_hand())]);
    assert_eq!(told, "у сделки уже есть счёт № 18");
}

#[test]
fn what_was_added_is_taken_over_by_its_mark_beside_what_was_billed() {
    let of_added = Claim {
        bills: SlotKind::Additional,
        ..claim()
    };
    let added = [marked(nth(SlotKind::Additional, 1))];
    let billed = deal().issued();
    let more = billed.clone().rows([row("Консультация"), row("Выезд")]);
    assert_eq!(said(&more, &of_added, &added), "№ 17 in additional/1");
    assert_eq!(
        said(&billed, &of_added, &added),
        "счёт № 17 от 02.03.2026: после выставленных счетов в сделку ничего не добавлено"
    );
    assert_eq!(
        said(&deal(), &of_added, &added),
        "счёта, к которому он относится, у сделки нет: сначала нужен он"
    );
}

#[test]
fn an_order_from_before_the_start_was_carried_out_by_the_invoice_that_it_asked_for() {
    let kinds = [
        (Order::Issue, "whole/1 whole/2"),
        (
            Order::Reissue,
            "whole/1 whole/2 advance/2 rest/2 additional/2",
        ),
        (Order::Advance, "advance/1 advance/2"),
        (Order::Rest, "rest/1 rest/2"),
        (Order::Additional, "additional/1 additional/2"),
        (Order::Cancel, ""),
        (Order::Leave, ""),
    ];
    for (order, expected) in kinds {
        let by = |called_at: Timestamp| {
            let called = deal().issued().with(|deal| {
                deal.policy.start_at = ago(30);
                deal.snapshot.called = Some(Called {
                    number: OrderNumber(7),
                    order,
                    called_at,
                });
            });
            let slots = [1, 2].into_iter();
            let slots = SlotKind::ALL.into_iter().flat_map(|kind| {
                let slots = slots.clone();
                slots.map(move |generation| nth(kind, generation))
            });
            let carried_out = slots.filter(|slot| {
                let invoice = called.clone().invoice(|one| one.slot = *slot);
                let invoice = &invoice.snapshot.invoices[0];
                let number = carried_out(&called.snapshot, invoice, &called.policy);
                number == Some(OrderNumber(7))
            });
            let slots: Vec<String> = carried_out.map(|slot| slot.to_string()).collect();
            slots.join(" ")
        };
        assert_eq!(by(ago(31)), expected, "{order:?}");
        assert_eq!(by(ago(30)), "", "{order:?}");
    }
}

#[test]
fn an_order_in_the_field_counts_as_carried_out_by_what_we_made_and_forgot() {
    let ordered = order(deal(), "выставить счёт");
    for (found, expected) in [
        (marked(nth(SlotKind::Whole, 1)), true),
        (free(by_hand()), false),
    ] {
        let policy = &ordered.policy;
        let judged = judge(&ordered.snapshot, &claim(), &[found], policy, adopted_at());
        let Judged::Adopt(invoice) = judged else {
            panic!("{judged:?}");
        };
        assert_eq!(invoice.order_open, expected);
    }
}

#[test]
fn an_invoice_that_we_made_for_the_deal_and_forgot_takes_its_slot_again() {
    let second = nth(SlotKind::Whole, 2);
    assert_eq!(
        said(&deal(), &claim(), &[marked(second)]),
        "№ 17 in whole/2"
    );
    assert_eq!(
        said(&deal(), &claim(), &[marked(Slot::first(SlotKind::Rest))]),
        "счёт № 17 от 02.03.2026: по его метке он на другую часть сделки"
    );
    let dearer = deal().of(|deal| deal.amount = Money::from_kopecks(12_300));
    let why = said(&dearer, &claim(), &[marked(second)]);
    assert!(why.starts_with("счёт № 17 от 02.03.2026: "), "{why}");
}
