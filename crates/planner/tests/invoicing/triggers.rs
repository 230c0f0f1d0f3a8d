//! A paid deal that the portal's automation is to move: the trigger is fired once, and what became of it is read back.

use jiff::SignedDuration;
use planner::{Action, MovedBy, Need};

use crate::build::{INVOICE_STAGE, TestDeal, entered};
use crate::receipts::{paid, receipt};

const CODE: &str = "TRIGGER-UNBOUND";

/// A paid deal where policy moves by a trigger.
fn wanted() -> TestDeal {
    paid([receipt(2, 12_200)]).with(|it| {
        let money = it.policy.money.as_mut().unwrap();
        money.stages[0].by = MovedBy::Trigger;
    })
}

/// Its trigger was fired, and so many seconds later the deal was read again.
fn fired(seconds: i64) -> TestDeal {
    let mut it = wanted();
    let plan = it.planned();
    it.carry_out(plan);
    it.now += SignedDuration::from_secs(seconds);
    let now = it.now;
    it.seen_at(now)
}

fn is_asked(deal: &TestDeal) -> bool {
    let cases = deal.planned().cases;
    cases.iter().any(|case| case.key == CODE)
}

fn is_fired(deal: &TestDeal) -> bool {
    let actions = deal.planned().actions;
    let is_one = |action: &Action| matches!(action, Action::MoveStage { trigger: true, .. });
    actions.iter().any(is_one)
}

#[test]
fn a_trigger_is_fired_once_and_the_deal_is_looked_at_again() {
    let it = wanted();
    assert!(is_fired(&it), "{}", it.plan());
    let again = fired(0);
    assert!(again.planned().is_empty(), "{}", again.plan());
    let at = again.now + SignedDuration::from_secs(10);
    assert_eq!(again.planned().look_again.map(|(at, _)| at), Some(at));
    for seconds in [10, 1_000_000] {
        assert!(!is_fired(&fired(seconds)));
    }
    // What was there before the trigger tells nothing about it.
    let mut stale = fired(0);
    stale.now += SignedDuration::from_secs(10);
    assert_eq!(stale.planned().needs, [Need::Whole]);
    let glanced = fired(10).glanced();
    assert_eq!(glanced.planned().needs, [Need::Whole]);
}

#[test]
fn one_that_moved_nothing_is_a_question_that_says_where_to_bind_it() {
    let it = fired(10);
    let plan = it.plan();
    assert!(is_asked(&it), "{plan}");
    for told in [
        "осталась на стадии PREPAYMENT_INVOICE",
        "Триггеры, стадия EXECUTING",
    ] {
        assert!(plan.contains(told), "{plan}");
    }
    // Somebody moves it, it is lost, or its money is taken back: nothing is asked any more.
    let mut asked = fired(10);
    let plan = asked.planned();
    asked.carry_out(plan);
    assert!(asked.planned().is_empty(), "{}", asked.plan());
    let undone = asked.clone().with(|it| {
        it.snapshot.receipts[0].undone = Some((9, "письмо № 4".to_owned()));
    });
    for answered in [
        asked.clone().stage("EXECUTING"),
        asked
            .clone()
            .of(|deal| (deal.closed, deal.lost) = (true, true)),
        undone,
    ] {
        let plan = answered.plan();
        assert!(plan.contains("withdraw TRIGGER-UNBOUND"), "{plan}");
    }
}

#[test]
fn one_that_moved_nothing_is_asked_about_also_once_its_money_is_given_again() {
    let again = fired(10).with(|it| {
        it.snapshot.receipts[0].undone = Some((9, "письмо № 4".to_owned()));
        let mut same = it.snapshot.receipts[0].clone();
        (same.transaction, same.undone) = (10, None);
        it.snapshot.receipts.push(same);
    });
    assert!(is_asked(&again), "{}", again.plan());
    assert!(!is_fired(&again));
}

#[test]
fn a_deal_that_it_moved_may_be_put_back_and_a_stage_of_before_is_no_move() {
    let back = fired(60).read(|reading| {
        let at = reading.glance.deal.changed;
        reading.history.push(entered("EXECUTING", at));
        reading.history.push(entered(INVOICE_STAGE, at));
    });
    assert!(!is_asked(&back), "{}", back.plan());
    assert!(!is_fired(&back));
    let brought_again = fired(60).read(|reading| {
        let at = reading.glance.deal.changed;
        reading.history.push(entered("NEW", at));
        reading.history.push(entered(INVOICE_STAGE, at));
    });
    assert!(is_asked(&brought_again), "{}", brought_again.plan());
    let before = fired(60).read(|reading| {
        let at = reading.glance.deal.changed - SignedDuration::from_secs(1);
        reading.history.insert(0, entered("EXECUTING", at));
    });
    assert!(is_asked(&before), "{}", before.plan());
    let of_that_second = fired(60).read(|reading| {
        let at = reading.glance.deal.changed;
        reading.history = vec![entered("NEW", at), entered(INVOICE_STAGE, at)];
    });
    assert!(is_asked(&of_that_second), "{}", of_that_second.plan());
}

#[test]
fn where_the_connection_has_no_triggers_the_deal_is_put_into_its_stage() {
    for (may_fire, expected) in [(true, true), (false, false)] {
        let mut it = wanted();
        it.policy = it.policy.moved_by_triggers(may_fire);
        assert_eq!(is_fired(&it), expected);
        let plan = it.plan();
        assert!(
            plan.contains("move to EXECUTING for transaction 2"),
            "{plan}"
        );
    }
}
