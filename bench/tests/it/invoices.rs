//! The measurement of `invoices` with fewer deals, and its bounds.

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

#[test]
fn the_floor_knows_no_choice_of_ours_and_at_zero_latency_only_our_share_of_the_bucket_is_left() {
    let figures = Figures::GOAL;
    // A glance, a reading, 61 rounds of the accounting side, two writes.
    assert_eq!(
        figures.floor(),
        Duration::from_millis(360 + 810 + 4_880 + 195)
    );
    assert!(figures.floor() < figures.bound());
    assert_eq!(figures.at_zero_latency().floor(), Duration::ZERO);
    assert_eq!(figures.at_once(), 36);
    assert_eq!(figures.left_for_later(50), Duration::from_secs(7));
}
