//! A credit of many sales is asked about with its sums, and no rule gives it to anything.

use domain::Money;
use domain::payment::{CountedTwice, PaymentKind};
use jiff::SignedDuration;
use planner::payments::{LEAVE, PaymentPlan};
use planner::refunds::Refundable;
use planner::{Booking, MoneyPolicy, Registers};

use super::{Payment, SEEN_AT, asked, claims, payment, policy};

/// A credit of acquiring.
fn credit(purpose: &str) -> Payment {
    Payment {
        kind: PaymentKind::Register,
        ..payment(97_000, purpose)
    }
}

#[test]
fn a_register_is_asked_about_with_its_sums_and_never_booked() {
    let claims = claims(&[("СВ-1", 97_000), ("СВ-2", 100_000)]);
    let named = "Эквайринг по счету № СВ-1 от 01.03.2026, комиссия 30.00";
    let question = asked(&credit(named).plan(&claims));
    for told in [
        "пришло 970,00 ₽, комиссия банка 30,00 ₽, покупатели заплатили 1 000,00 ₽",
        "реестр эквайринга или СБП, по сумме не разносится",
        "(leave)",
        "provodka payments split",
    ] {
        assert!(question.contains(told), "{told}: {question}");
    }
    assert!(
        !question.contains("№ СВ-1 от 01.03.2026, 970"),
        "{question}"
    );
    let untold = asked(&credit("Реестр СБП за 11.03.2026").plan(&claims));
    assert!(
        untold.contains("сколько удержал банк, в назначении не сказано"),
        "{untold}"
    );
    assert!(!untold.contains("заплатили"), "{untold}");
}

#[test]
fn a_register_that_the_accountant_entered_by_its_sales_is_not_to_be_split_beside_them() {
    let sales = [57_000, 40_000].map(Money::from_kopecks);
    let mut whole = credit("Эквайринг");
    whole.twice = Some(CountedTwice::Whole(sales.to_vec()));
    let question = asked(&whole.plan(&claims(&[])));
    let told = "в учёте тот же платёж внесён частями (570,00 ₽ и 400,00 ₽)";
    assert!(question.contains(told), "{question}");
    assert!(question.contains("(leave)"), "{question}");
}

#[test]
fn a_register_is_left_by_a_person_until_that_is_taken_back() {
    let claims = claims(&[("СВ-1", 97_000)]);
    let left = credit("Эквайринг").answered(LEAVE, &[]);
    assert!(matches!(left.plan(&claims), PaymentPlan::Leave(because) if because.contains("Анна")));
    // No other word gives it to anything.
    for choice in ["1", "", "x"] {
        let answered = credit("Эквайринг").answered(choice, &[("us/СВ-1", 97_000)]);
        asked(&answered.plan(&claims));
    }
    let undone = Payment { undone: 1, ..left };
    let question = asked(&undone.plan(&claims));
    assert!(question.contains("прежнее решение отменено"), "{question}");
}

#[test]
fn a_register_waits_for_the_accountant_where_he_decides_and_is_only_listed_where_policy_says() {
    let claims = claims(&[]);
    let credit = credit("Эквайринг");
    let later = SEEN_AT + SignedDuration::from_hours(24);
    let by = |now| credit.plan_by(Booking::Accounting, &claims, now);
    assert!(matches!(
        by(SEEN_AT),
        PaymentPlan::Wait { until: Some(until), .. } if until == later
    ));
    asked(&by(later));
    let listing = MoneyPolicy {
        registers: Registers::List,
        ..policy(Booking::Provodka)
    };
    let listed = credit.plan_with(&listing, (&claims, &Refundable::default()), SEEN_AT);
    assert!(matches!(listed, PaymentPlan::Aside(_)), "{listed:?}");
}
