//! What would stay unseen for ever: drift of which no invoice could be made, a history that never comes.

use domain::Money;
use planner::{CaseCode, Plan, Seen};

use crate::build::{ago, deal};

fn asks(plan: &Plan) -> Vec<CaseCode> {
    plan.cases.iter().map(|case| case.code).collect()
}

#[test]
fn a_sum_typed_by_hand_after_the_invoice_is_a_difference() {
    let typed = deal().settled().of(|deal| {
        deal.manual_amount = true;
        deal.amount = Money::from_kopecks(1);
    });
    assert_eq!(asks(&typed.planned()), [CaseCode::DealChanged]);
}

#[test]
fn rows_cleared_after_the_invoice_are_a_difference() {
    let empty = deal().settled().rows([]);
    let plan = empty.planned();
    assert_eq!(asks(&plan), [CaseCode::DealChanged]);
    assert!(plan.cases[0].text.contains("нет товаров"), "{plan:?}");
}

#[test]
fn a_young_deal_whose_history_never_comes_is_not_waited_for_without_end() {
    let young = deal().history(&[]).of(|deal| {
        deal.created = ago(1_000);
        deal.changed = ago(900);
    });
    assert_eq!(young.plan(), deal().plan());
}

#[test]
fn whatever_was_asked_about_a_deal_that_is_no_more_is_withdrawn() {
    let gone = deal()
        .open("DEAL-DATA-MISSING", "нет КПП", true)
        .open("ACTION-REFUSED/issue_invoice", "отказано", true)
        .seen(Seen::Gone);
    assert_eq!(
        gone.planned().withdrawn,
        ["ACTION-REFUSED/issue_invoice", "DEAL-DATA-MISSING"]
    );
}
