//! Many invoices at once that nobody ordered.

use insta::assert_snapshot;
use jiff::SignedDuration;
use planner::flood::{Count, Standing, Verdict, counts, may_want, question, verdict, would_issue};

use crate::build::{TestDeal, deal};

fn standing(standing: Standing) -> TestDeal {
    deal().with(|deal| deal.snapshot.flood = standing)
}

#[test]
fn more_than_the_limit_is_asked_and_as_many_are_not() {
    let mut policy = deal().policy;
    let count = |begun, would, undecided| Count {
        begun,
        would,
        undecided,
    };
    let by = |policy: &planner::Policy, would, undecided| {
        verdict(count(0, would, undecided), false, policy)
    };
    assert_eq!(policy.invoice.ask_above, 20);
    assert_eq!(by(&policy, 20, 0), Verdict::Go);
    assert_eq!(by(&policy, 21, 0), Verdict::Ask);
    // Nothing leaves while it is not known how many there are.
    assert_eq!(by(&policy, 1, 20), Verdict::Wait);
    assert_eq!(by(&policy, 1, 19), Verdict::Go);
    assert_eq!(by(&policy, 0, 0), Verdict::Go);
    // However they fall into passes.
    let after = |begun, would, undecided| verdict(count(begun, would, undecided), false, &policy);
    assert_eq!(after(19, 1, 0), Verdict::Go);
    assert_eq!(after(20, 1, 0), Verdict::Ask);
    assert_eq!(after(12, 5, 4), Verdict::Wait);
    assert_eq!(after(12, 5, 3), Verdict::Go);
    assert_eq!(after(20, 0, 9), Verdict::Go);
    // While the question is open every other joins it.
    assert_eq!(verdict(count(0, 1, 0), true, &policy), Verdict::Ask);
    assert_eq!(verdict(count(0, 0, 5), true, &policy), Verdict::Go);
    policy.invoice.ask_above = 0;
    assert_eq!(by(&policy, 5_000, 5_000), Verdict::Go);
    assert_eq!(verdict(count(20, 5, 0), true, &policy), Verdict::Go);
}

#[test]
fn what_was_let_through_counts_for_a_minute_unless_it_is_answered_for() {
    let now = deal().now;
    let ago = |seconds| now.checked_sub(SignedDuration::from_secs(seconds)).unwrap();
    assert!(counts(now, None, now));
    assert!(counts(ago(59), None, now));
    assert!(!counts(ago(60), None, now));
    // By a clock that was set back: a little, and by so much that it says nothing of when it was.
    assert!(counts(ago(-30), None, now));
    assert!(!counts(ago(-60), None, now));
    assert!(!counts(ago(20), Some(ago(20)), now));
    assert!(!counts(ago(20), Some(ago(10)), now));
    assert!(counts(ago(10), Some(ago(20)), now));
}

#[test]
fn an_invoice_and_the_buyer_it_needs_first_are_counted_and_an_order_is_not() {
    let counted = |deal: &TestDeal| would_issue(&deal.snapshot, &deal.planned());
    assert!(counted(&deal()));
    assert!(counted(&deal().accounting_knows(&[])));
    assert!(!counted(&deal().ordered()));
    assert!(!counted(&deal().settled()));
    assert!(!counted(&standing(Standing::Released)));
}

#[test]
fn only_deals_that_may_want_one_are_waited_for() {
    let may = |deal: &TestDeal| may_want(&deal.snapshot, &deal.policy, deal.now);
    assert!(may(&deal()));
    assert!(may(&deal().glanced()));
    assert!(may(&deal().seen(planner::Seen::Unread)));
    assert!(!may(&deal().seen(planner::Seen::Gone)));
    assert!(!may(&deal().stage("NEW").glanced()));
    assert!(!may(&deal().ordered()));
    assert!(!may(&deal().settled()));
    assert!(!may(&standing(Standing::Held)));
}

#[test]
fn a_held_deal_waits_a_left_one_never_comes_and_an_order_passes_both() {
    assert_snapshot!(standing(Standing::Held).plan(), @"because: счёт ждёт решения администратора: слишком много счетов сразу");
    assert_snapshot!(standing(Standing::Left).plan(), @"because: администратор решил не выставлять счёт: он выставляется только по команде");
    assert_eq!(
        standing(Standing::Held).glanced().plan(),
        standing(Standing::Held).plan()
    );
    assert_eq!(standing(Standing::Released).plan(), deal().plan());
    for held in [Standing::Held, Standing::Left] {
        assert_eq!(standing(held).ordered().plan(), deal().ordered().plan());
    }
    // What is issued already is kept true.
    let settled = deal()
        .settled()
        .with(|deal| deal.snapshot.flood = Standing::Left);
    assert!(settled.planned().is_empty(), "{}", settled.plan());
}

#[test]
fn the_administrator_reads_what_may_be_answered() {
    assert_snapshot!(question(&deal().policy), @r"
    Счетов, которых никто не заказывал, за минуту больше предела (20): массовый перенос сделок, импорт или робот? По сделкам списка ничего не отправлено. Список: `provodka cases --code INVOICE-FLOOD`. Выберите:
    • выставить все эти счета (issue)
    • не выставлять: только по команде человека в сделке (leave)
    ");
}
