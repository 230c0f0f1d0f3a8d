//! The measurement of `invoices` with fewer deals, and its bounds.

#![allow(clippy::unwrap_used, reason = "tests may")]

use std::time::Duration;

use bench::invoices::{Besides, Figures, measure};

const FIGURES: Figures = Figures {
    deals: 200,
    buyers: 40,
    ..Figures::GOAL
};

#[test]
fn two_hundred_deals_due_at_once_take_few_calls() {
    let seen = measure(FIGURES, Besides::default()).unwrap();
    assert_eq!(seen.astray, (0, 0));
    assert_eq!(seen.limit_answers, 0);
    // Nine batches of writes, a glance, and the readings of two portions.
    assert!(seen.calls <= 16, "{seen:?}");
    // Two waves of batches are six seconds; the bound knows no waves.
    assert!(seen.shown <= FIGURES.bound() * 17 / 10, "{seen:?}");
}

#[test]
fn a_click_among_two_hundred_is_answered_and_files_follow() {
    let besides = Besides {
        click: true,
        files: true,
    };
    let seen = measure(FIGURES, besides).unwrap();
    assert_eq!(seen.astray, (0, 0));
    assert_eq!(seen.limit_answers, 0);
    let click = seen.click.unwrap();
    assert!(click <= Duration::from_secs(2), "{click:?}");
    // The bound counts on a bucket that nobody else has used, down to its last request.
    let files = seen.files.unwrap();
    assert!(files <= FIGURES.files_bound() * 5 / 4, "{files:?}");
}
