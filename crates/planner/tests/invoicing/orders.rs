//! Orders that are called: obeyed as if they stood in the field, answered, and used up once.

use domain::{InvoiceStatus, Money, Order, OrderNumber, SlotKind};
use insta::assert_snapshot;
use jiff::SignedDuration;
use planner::{Action, Called, Mode, Seen};
use proptest::prelude::*;
use proptest::sample::select;

use crate::build::{TestDeal, ago, deal};
use crate::changed::{changed, order, settle};
use crate::slots::{edited, parted};

fn call(deal: TestDeal, number: u64, order: Order) -> TestDeal {
    deal.with(|deal| {
        deal.snapshot.called = Some(Called {
            number: OrderNumber(number),
            order,
            called_at: ago(5),
        });
    })
}

/// Carries a called order out and says what was done.
fn obeyed(deal: TestDeal, number: u64, order: Order) -> (TestDeal, String) {
    let mut deal = call(deal, number, order);
    let done = settle(&mut deal);
    assert_eq!(deal.snapshot.called, None, "{done:?}");
    (deal, done.join("\n"))
}

/// Far from the invoice stage.
fn new() -> TestDeal {
    deal().history(&[("NEW", 600)])
}

#[test]
fn a_called_order_issues_whatever_the_stage_and_the_invoice_uses_it_up() {
    let called = call(new(), 1, Order::Issue);
    let plan = called.planned();
    let [issue @ Action::IssueInvoice { ordered, .. }] = plan.actions.as_slice() else {
        panic!("{}", called.plan());
    };
    assert_eq!((issue.uses_up(), *ordered), (Some(OrderNumber(1)), false));
    let (deal, _) = obeyed(new(), 1, Order::Issue);
    assert_eq!(deal.snapshot.invoices.len(), 1);
    assert!(!deal.snapshot.invoices[0].order_open);
    // Another call is another order, and is answered.
    let (_, said) = obeyed(deal, 2, Order::Issue);
    assert_snapshot!(said, @"Счёт не выставлен: уже есть счёт на всю сумму № 17 от 12.03.2026. Заменить его можно командой «перевыставить».");
}

#[test]
fn an_order_for_what_stands_and_one_to_leave_are_answered_in_the_timeline() {
    let both = |deal: TestDeal, word: Order| {
        let by_call = obeyed(deal.clone(), 9, word).1;
        let mut in_field = order(deal, word.in_russian());
        let by_field = settle(&mut in_field);
        assert!(order_is_out(&in_field));
        assert_eq!(
            by_field.join("\n"),
            format!("{by_call}\nfields, the order is out"),
            "{word:?}"
        );
        by_call
    };
    assert_snapshot!(both(deal().settled(), Order::Issue), @"Счёт не выставлен: уже есть счёт на всю сумму № 17 от 12.03.2026. Заменить его можно командой «перевыставить».");
    assert_snapshot!(both(deal().settled(), Order::Leave), @"Оставлять нечего: вопроса об изменённой сделке нет.");
    let mut changed = changed();
    settle(&mut changed);
    assert_snapshot!(both(changed.clone(), Order::Leave), @r"
    answer leave
    Счёт № 17 оставлен как есть, хотя сделка после него изменена.
    ");
    // Left once, it is left; whoever says so again is answered again.
    let left = obeyed(changed, 1, Order::Leave).0;
    assert_snapshot!(both(left, Order::Leave), @"Счёт № 17 оставлен как есть, хотя сделка после него изменена.");
}

#[test]
fn a_called_order_waits_for_what_the_deal_lacks() {
    let mut lacking = call(new(), 1, Order::Issue).buyer(|it| it.inn.clear());
    settle(&mut lacking);
    assert!(lacking.snapshot.called.is_some());
    assert!(
        lacking
            .snapshot
            .open_cases
            .contains_key("DEAL-DATA-MISSING")
    );
    let mut mended = lacking.buyer(|it| it.inn = "7707083893".to_owned());
    settle(&mut mended);
    assert_eq!(mended.snapshot.called, None);
    assert_eq!(mended.snapshot.invoices.len(), 1);
}

#[test]
fn a_called_order_replaces_once_for_each_call() {
    let (deal, _) = obeyed(deal().settled(), 1, Order::Reissue);
    assert_eq!(deal.snapshot.invoices.len(), 2);
    assert!(deal.snapshot.invoices.iter().all(|it| !it.order_open));
    assert!(deal.planned().is_empty(), "{}", deal.plan());
    let (deal, _) = obeyed(deal, 2, Order::Reissue);
    assert_eq!(deal.snapshot.invoices.len(), 3);
}

#[test]
fn each_call_that_is_refused_has_its_own_answer() {
    let mut paid = deal()
        .settled()
        .invoice(|it| it.status = InvoiceStatus::Paid);
    settle(&mut paid);
    let (paid, first) = obeyed(paid, 1, Order::Reissue);
    let (_, second) = obeyed(paid, 2, Order::Reissue);
    assert_snapshot!(first, @"Счёт № 17 не перевыставлен: по нему уже есть оплата. Договоритесь с бухгалтером.");
    assert_eq!(first, second);
    let (_, none) = obeyed(new(), 1, Order::Leave);
    assert_snapshot!(none, @"Команда не выполнена: счёта в сделке ещё не было.");
}

#[test]
fn a_called_cancellation_is_handed_to_the_accountant_and_called_again_is_no_news() {
    let (asked, said) = obeyed(deal().settled(), 1, Order::Cancel);
    assert_snapshot!(said, @r"
    bell/INVOICE-CANCEL-ORDERED
    Бухгалтеру передана просьба отменить счёт на всю сумму № 17 от 12.03.2026.
    ");
    assert!(
        asked
            .snapshot
            .open_cases
            .contains_key("INVOICE-CANCEL-ORDERED")
    );
    let (_, again) = obeyed(asked, 2, Order::Cancel);
    assert_snapshot!(again, @"");
}

#[test]
fn what_stands_in_the_field_is_obeyed_before_what_was_called() {
    let both = order(call(parted(), 1, Order::Rest), "аванс");
    let mut deal = both;
    settle(&mut deal);
    assert_eq!(deal.snapshot.called, None);
    assert!(order_is_out(&deal));
    let kinds: Vec<SlotKind> = deal
        .snapshot
        .invoices
        .iter()
        .map(|it| it.slot.kind)
        .collect();
    assert_eq!(kinds, [SlotKind::Advance, SlotKind::Rest]);
}

fn order_is_out(deal: &TestDeal) -> bool {
    let command = &deal.snapshot.glance().unwrap().fields.command;
    command.as_deref().unwrap_or_default().is_empty()
}

#[test]
fn what_stands_in_the_field_of_a_deal_that_is_none_of_ours_is_left_alone() {
    let ordered = || crate::changed::order(new(), "остаток");
    assert!(!ordered().planned().actions.is_empty());
    let template = ordered().of(|deal| deal.template = true);
    let elsewhere = ordered().with(|deal| deal.policy.funnels.clear());
    for deal in [template, elsewhere] {
        assert!(deal.planned().actions.is_empty(), "{}", deal.plan());
    }
}

#[test]
fn what_was_called_for_a_deal_that_is_none_of_ours_is_used_up_at_once() {
    let called = || call(new(), 7, Order::Issue);
    let gone = called().seen(Seen::Gone);
    let template = called().of(|deal| deal.template = true);
    let elsewhere = called().with(|deal| deal.policy.funnels.clear());
    for deal in [gone, template, elsewhere] {
        let plan = deal.planned();
        assert_eq!(plan.obeyed, Some(OrderNumber(7)), "{}", deal.plan());
        assert!(plan.actions.is_empty(), "{}", deal.plan());
    }
    // A record that we cannot read keeps it: somebody gives us the right.
    assert_eq!(called().seen(Seen::Denied).planned().obeyed, None);
    // Whether it may be carried out where we only watch is not the planner's matter.
    let watched = called().with(|deal| deal.policy.funnels[0].mode = Mode::WatchOnly);
    assert_eq!(watched.planned().obeyed, None);
}

#[test]
fn an_order_that_was_called_after_another_outlives_its_invoice() {
    let mut deal = call(new(), 1, Order::Issue);
    let plan = deal.planned();
    // Called while the first was on its way.
    deal = call(deal, 2, Order::Cancel);
    deal.carry_out(plan);
    assert_eq!(
        deal.snapshot.called.map(|it| it.number),
        Some(OrderNumber(2))
    );
    let (deal, _) = obeyed(deal, 2, Order::Cancel);
    assert!(
        deal.snapshot
            .open_cases
            .contains_key("INVOICE-CANCEL-ORDERED")
    );
}

/// What a deal came to: its invoices, and what is asked about it. Of two questions about an invoice the second comes when the
/// first is answered, or earlier where an order still stands in the field.
fn outcome(deal: &TestDeal) -> (Vec<(String, Money, bool)>, Vec<String>) {
    let invoices = deal.snapshot.invoices.iter();
    let mut asked: Vec<String> = deal.snapshot.open_cases.keys().cloned().collect();
    if asked.iter().any(|key| key == "INVOICE-CANCELLED") {
        asked.retain(|key| key != "DEAL-CHANGED-AFTER-INVOICE");
    }
    (
        invoices
            .map(|it| (it.slot.to_string(), it.total, it.live))
            .collect(),
        asked,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_called_comes_to_the_same_as_what_stands_in_the_field(
        steps in proptest::collection::vec((select(&Order::ALL[..]), 0..5_usize), 1..5),
    ) {
        let (mut by_field, mut by_call) = (parted(), parted());
        for (number, (word, edit)) in (1..).zip(steps) {
            let later = |deal: TestDeal| {
                edited(deal, edit).of(|deal| deal.changed += SignedDuration::from_secs(1))
            };
            by_field = order(later(by_field), word.in_russian());
            by_call = call(later(by_call), number, word);
            settle(&mut by_field);
            settle(&mut by_call);
            prop_assert_eq!(outcome(&by_field), outcome(&by_call), "{:?}", word);
            prop_assert_eq!(order_is_out(&by_field), by_call.snapshot.called.is_none());
        }
    }
}
