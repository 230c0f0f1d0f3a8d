//! A database that was restored from a backup: what it forgot is found before anything is made again.

use std::time::Duration;

use capability::accounting::FOREIGN;
use domain::{
    Amounts, CompanyId, DealId, EffectKey, InvoiceId, Money, Order, OrganisationId, Slot, SlotKind,
};
use engine::clock::later;
use planner::Advance;
use store::Lane;
use testkit::builders::portal;
use testkit::time::paused;

use crate::decisions::{order, shown, with_invoice};
use crate::desk::Desk;
use crate::office::{Bill, Trouble};
use crate::unknown::{begun_anew, order_an_invoice};

/// An order in the field of a deal that is there, too, and of which nothing was forgotten.
async fn order_another(desk: &Desk) {
    desk.office.enter(2);
    desk.office.edit(2, |reading| {
        reading.glance.fields.command = Some("выставить счёт".to_owned());
    });
    desk.event(2).await;
    desk.run(60).await;
}

#[test]
fn an_order_waits_for_a_bill_that_could_not_be_read_also_across_a_restart() {
    for (is_restarted, trouble) in [
        (false, Trouble::Busy),
        (true, Trouble::Busy),
        (true, Trouble::Garbled),
        (false, Trouble::Refused),
    ] {
        paused(async {
            let mut desk = begun_anew().await;
            desk.office.order("read_invoices", trouble);
            desk.task("feed").await;
            order_an_invoice(&desk).await;
            if is_restarted {
                desk.restart();
            }
            desk.run(400).await;
            assert_eq!(desk.office.calls("issue"), 0);
            assert!(desk.known(1).await.invoice_links.is_empty());
            desk.run(300).await;
            assert_eq!(desk.known(1).await.invoice_links[0].number, "1");
            assert!(desk.questions().await.is_empty(), "{}", desk.office.story());
            order_another(&desk).await;
            assert_eq!(desk.office.calls("issue"), 1);
        });
    }
}

#[test]
fn a_bill_of_others_that_cannot_be_read_keeps_back_no_order_also_across_a_restart() {
    paused(async {
        let mut desk = begun_anew().await;
        let by_hand = InvoiceId::new("H-1");
        {
            let mut state = desk.office.state();
            state.feed.push(by_hand.clone());
            state.unreadable_bills.insert(by_hand, FOREIGN);
        }
        desk.task("feed").await;
        desk.run(60).await;
        desk.restart();
        desk.task("feed").await;
        desk.run(60).await;
        order_another(&desk).await;
        assert_eq!(desk.office.calls("issue"), 1, "{}", desk.office.story());
        desk.run(1_300).await;
        assert!(desk.questions().await.is_empty(), "{}", desk.office.story());
    });
}

#[test]
fn a_bill_that_may_be_ours_and_cannot_be_read_is_asked_about_until_it_can() {
    paused(async {
        let desk = begun_anew().await;
        let bill = desk.office.bills()[0].invoice.id.clone();
        let unreadable = (bill, "not-understood");
        desk.office.state().unreadable_bills.extend([unreadable]);
        desk.task("feed").await;
        desk.run(60).await;
        assert!(desk.questions().await.is_empty(), "it may pass by itself");
        desk.run(700).await;
        let asked = desk.open_cases().await;
        let asked: Vec<(&str, String)> = asked
            .iter()
            .map(|case| (case.facts.code.as_str(), case.facts.subject.to_string()))
            .collect();
        let subject = "invoice/org/B-1".to_owned();
        assert_eq!(asked, [("KONTUR-ACCOUNTING", subject)]);
        order_an_invoice(&desk).await;
        assert_eq!(desk.office.calls("issue"), 0);
        desk.office.state().unreadable_bills.clear();
        desk.run(700).await;
        assert!(desk.questions().await.is_empty(), "{}", desk.office.story());
        assert_eq!(desk.known(1).await.invoice_links[0].number, "1");
        assert_eq!(desk.office.calls("issue"), 0);
    });
}

#[test]
fn a_feed_that_cannot_be_read_keeps_back_no_deal_of_another_organisation() {
    paused(async {
        let desk = begun_anew().await;
        let other = OrganisationId::new("org-2");
        desk.set_policy(|policy| {
            let mut second = policy.organisations[0].clone();
            (second.id, second.own_company) = (other.clone(), CompanyId(2));
            policy.organisations.insert(0, second);
            policy.funnels[0].organisation = Some(OrganisationId::new("org"));
        });
        desk.office.state().shut_feed = Some(other);
        desk.task("feed").await;
        order_an_invoice(&desk).await;
        assert_eq!(desk.known(1).await.invoice_links[0].number, "1");
        assert_eq!(desk.office.calls("issue"), 0);
        order_another(&desk).await;
        assert_eq!(desk.office.calls("issue"), 1);
        // The reading comes to its end, and somebody is asked about the feed that is broken.
        desk.task("feed").await;
        let due = desk.due(Lane::Due).await;
        desk.look(Lane::Due, due).await.unwrap();
        assert!(desk.questions().await.contains(&"answer".to_owned()));
    });
}

/// One of ours for this slot of deal 1, made like the first bill.
fn bill_for(desk: &Desk, slot: Slot, (net, vat): (i64, i64)) -> Bill {
    let mut bill = desk.office.bills()[0].clone();
    let key = EffectKey::invoice(&portal(), DealId(1), slot);
    bill.key = key.as_str().to_owned();
    let invoice = &mut bill.invoice;
    (invoice.id, invoice.number) = (InvoiceId::new("B-2"), "2".to_owned());
    invoice.made_as = Some(key);
    invoice.totals = Amounts {
        net: Money::from_kopecks(net),
        vat: Money::from_kopecks(vat),
        gross: Money::from_kopecks(net + vat),
    };
    bill
}

/// What was made since the backup; the product begins anew with it at this moment.
async fn restored_without(desk: &mut Desk, bill: Bill) {
    let second = Duration::from_secs(1);
    desk.clock
        .sleep_until(later(desk.clock.now(), second))
        .await;
    let now = desk.clock.now();
    desk.set_policy(|policy| policy.start_at = now);
    {
        let mut state = desk.office.state();
        state.feed.push(bill.invoice.id.clone());
        state.bills.push(bill);
    }
    desk.restart();
}

async fn call(desk: &Desk, order: Order) {
    let now = desk.clock.now();
    desk.store
        .order_call(&portal(), DealId(1), order, Lane::Click, now)
        .await
        .unwrap();
}

/// The feed is read before anything else is looked at.
async fn read_the_feed_first(desk: &Desk) {
    desk.task("feed").await;
    let due = desk.due(Lane::Due).await;
    desk.look(Lane::Due, due).await.unwrap();
}

/// The slots of deal 1 and whether their invoices are live.
async fn slots(desk: &Desk) -> Vec<String> {
    let links = desk.known(1).await.invoice_links.into_iter();
    let slots = links.map(|link| {
        let gone = if link.live { "" } else { " gone" };
        format!("{}{gone}", link.slot)
    });
    slots.collect()
}

const FIRST: Slot = Slot::first(SlotKind::Whole);

fn second() -> Slot {
    FIRST.next().unwrap()
}

#[test]
fn a_forgotten_replacement_takes_the_place_of_the_invoice_that_the_backup_knew() {
    paused(async {
        let mut desk = with_invoice().await;
        desk.task("feed").await;
        desk.run(60).await;
        let bill = bill_for(&desk, second(), (10_000, 2_200));
        restored_without(&mut desk, bill).await;
        desk.task("feed").await;
        desk.run(60).await;
        assert_eq!(slots(&desk).await, ["whole/1 gone", "whole/2"]);
        assert_eq!(shown(&desk, 1), (Some("2".to_owned()), false));
        assert!(desk.questions().await.is_empty(), "{}", desk.office.story());
        // What is ordered from here on is carried out as ever.
        call(&desk, Order::Reissue).await;
        desk.run(60).await;
        assert_eq!(
            slots(&desk).await,
            ["whole/1 gone", "whole/2 gone", "whole/3"]
        );
        assert_eq!(desk.office.calls("issue"), 2);
    });
}

#[test]
fn a_forgotten_replacement_that_does_not_fit_is_named_beside_what_the_deal_shows() {
    paused(async {
        let mut desk = with_invoice().await;
        desk.task("feed").await;
        desk.run(60).await;
        let bill = bill_for(&desk, second(), (20_000, 4_400));
        restored_without(&mut desk, bill).await;
        desk.office.state().story.clear();
        desk.task("feed").await;
        desk.run(60).await;
        assert_eq!(desk.questions().await, ["INVOICE-TWIN/B-2"]);
        let story = desk.office.story();
        for told in [
            "стоит счёт № 2 от",
            "он на 244,00 ₽, сделка на 122,00 ₽. В сделке показан другой счёт, № 1.",
            "Приведите сделку к тому, на что выставлен счёт № 2, или удалите его",
        ] {
            assert!(story.contains(told), "{story}");
        }
        assert_eq!(slots(&desk).await, ["whole/1"]);
        call(&desk, Order::Reissue).await;
        desk.run(60).await;
        assert_eq!(desk.office.calls("issue"), 1);
    });
}

#[test]
fn of_two_forgotten_bills_the_one_that_was_replaced_is_asked_about() {
    paused(async {
        let desk = begun_anew().await;
        let bill = bill_for(&desk, second(), (10_000, 2_200));
        {
            let mut state = desk.office.state();
            state.feed_at_once = Some(10);
            state.feed.push(bill.invoice.id.clone());
            state.bills.push(bill);
            state.story.clear();
        }
        desk.task("feed").await;
        desk.run(60).await;
        assert_eq!(slots(&desk).await, ["whole/2"]);
        assert_eq!(desk.questions().await, ["INVOICE-TWIN/B-1"]);
        let story = desk.office.story();
        let told = "Вместо него выставлен более новый, № 2.";
        assert!(story.contains(told), "{story}");
    });
}

#[test]
fn of_two_forgotten_bills_with_one_mark_one_is_linked_and_the_other_asked_about() {
    paused(async {
        let desk = begun_anew().await;
        let bill = bill_for(&desk, FIRST, (10_000, 2_200));
        {
            let mut state = desk.office.state();
            state.feed_at_once = Some(10);
            state.feed.push(bill.invoice.id.clone());
            state.bills.push(bill);
        }
        desk.task("feed").await;
        desk.run(60).await;
        assert_eq!(slots(&desk).await, ["whole/1"]);
        assert_eq!(desk.known(1).await.invoice_links[0].number, "1");
        assert_eq!(desk.questions().await, ["INVOICE-TWIN/B-2"]);
        let story = desk.office.story();
        let told = "у сделки уже есть счёт № 1: отмените в учёте тот из двух, который не нужен";
        assert!(story.contains(told), "{story}");
    });
}

/// Deal 1 as an order for a rest, an addition or a reissue finds it, and what that order makes.
async fn before(order: Order) -> (Desk, Slot, (i64, i64)) {
    let (desk, slot, sums) = match order {
        Order::Rest => {
            let desk = Desk::open().await;
            desk.office.knows_romashka();
            desk.set_policy(|policy| {
                policy.invoice.advance = Some(Advance {
                    percent: Some(30),
                    ..Advance::default()
                });
            });
            desk.office.enter(1);
            ordered(&desk, "аванс").await;
            desk.run(60).await;
            (desk, Slot::first(SlotKind::Rest), (7_000, 1_540))
        }
        Order::Additional => {
            let slot = Slot::first(SlotKind::Additional);
            (with_invoice().await, slot, (10_000, 2_200))
        }
        _ => (with_invoice().await, second(), (10_000, 2_200)),
    };
    desk.task("feed").await;
    desk.run(60).await;
    assert_eq!(desk.office.bills().len(), 1);
    if order == Order::Additional {
        desk.office.edit(1, |reading| {
            let mut row = reading.rows[0].clone();
            row.name = "Ещё".to_owned();
            reading.rows.push(row);
            reading.glance.deal.amount = Money::from_kopecks(24_400);
        });
    }
    (desk, slot, sums)
}

async fn ordered(desk: &Desk, word: &str) {
    order(desk, 1, word);
    desk.event(1).await;
}

#[test]
fn an_order_that_the_backup_holds_as_not_done_is_not_carried_out_again() {
    for (order, word, expected) in [
        (Order::Rest, "остаток", ["advance/1", "rest/1"]),
        (
            Order::Additional,
            "дополнительный",
            ["additional/1", "whole/1"],
        ),
        (Order::Reissue, "перевыставить", ["whole/1 gone", "whole/2"]),
    ] {
        for (by_call, is_read_first) in [(true, true), (true, false), (false, true), (false, false)]
        {
            paused(async {
                let what = format!("{word}, called: {by_call}, read first: {is_read_first}");
                let (mut desk, slot, sums) = before(order).await;
                if by_call {
                    call(&desk, order).await;
                } else {
                    ordered(&desk, word).await;
                }
                let bill = bill_for(&desk, slot, sums);
                restored_without(&mut desk, bill).await;
                if is_read_first {
                    read_the_feed_first(&desk).await;
                } else {
                    desk.task("feed").await;
                }
                desk.run(120).await;
                let story = desk.office.story();
                assert_eq!(desk.office.calls("issue"), 1, "{what}: {story}");
                assert_eq!(slots(&desk).await, expected, "{what}");
                assert_eq!(shown(&desk, 1), (Some("2".to_owned()), false), "{what}");
                assert!(desk.known(1).await.orders.is_empty(), "{what}");
                assert!(desk.questions().await.is_empty(), "{what}: {story}");
            });
        }
    }
}

#[test]
fn an_order_that_was_called_after_the_restore_is_carried_out_once_the_feed_was_read() {
    paused(async {
        let (mut desk, slot, sums) = before(Order::Reissue).await;
        let bill = bill_for(&desk, slot, sums);
        restored_without(&mut desk, bill).await;
        call(&desk, Order::Reissue).await;
        read_the_feed_first(&desk).await;
        desk.run(120).await;
        let all = ["whole/1 gone", "whole/2 gone", "whole/3"];
        assert_eq!(slots(&desk).await, all);
        assert_eq!(desk.office.calls("issue"), 2);
    });
}

#[test]
fn a_deal_that_shows_a_number_we_do_not_know_is_asked_for_before_another_is_made() {
    paused(async {
        let (mut desk, slot, sums) = before(Order::Reissue).await;
        desk.office.state().without_feed = true;
        let bill = bill_for(&desk, slot, sums);
        restored_without(&mut desk, bill).await;
        desk.office.edit(1, |reading| {
            reading.glance.fields.number = Some("2".to_owned());
        });
        call(&desk, Order::Reissue).await;
        desk.run(60).await;
        assert_eq!(desk.office.calls("issue"), 1, "{}", desk.office.story());
        assert_eq!(desk.office.calls("find_by_key"), 1);
        assert_eq!(slots(&desk).await, ["whole/1 gone", "whole/2"]);
        assert_eq!(shown(&desk, 1), (Some("2".to_owned()), false));
        assert!(desk.known(1).await.orders.is_empty());
    });
}
