//! Two thousand seeded days, a death at each named point, and the same day twice.
//!
//! A day that fails because of the product is kept as a test of the product (`docs/reference/found-by-simulation.md`).
//! `PROVODKA_SEEDS` names another number of days: fewer while something is tried, more for a machine that has the night
//! before it. So many are lived then, however long it takes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "how many days is said from outside, and how long they take is measured"
)]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::{Duration, Instant};

use simulator::{Report, Simulator, named_points};

mod page;

/// Days are short-lived values by the million.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A machine that needs more than the five minutes that these days shall take begins no more of them, so that all else is still
/// tried within the hour: it says how many it lived. `provodka simulate` lives the rest; whether each fault of the page is met,
/// only all of them say.
const AT_MOST: Duration = Duration::from_mins(5);

/// A seed that fails tells its whole story.
fn assert_clean(report: &Report) {
    if report.violations.is_empty() {
        return;
    }
    let told = Simulator::default().tell(report.seed);
    let story = told.story.iter().map(|(at, words)| format!("{at} {words}"));
    panic!(
        "seed {}: {:#?}\n{}",
        report.seed,
        report.violations,
        story.collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let simulator = Simulator::default();
    for seed in 1..4 {
        assert_clean(&simulator.twice(seed));
        assert_eq!(simulator.run(seed).violations, Vec::<String>::new());
    }
}

#[test]
fn nobody_is_reminded_in_vain_within_a_fortnight() {
    for seed in 0..2 {
        let wrong = Simulator::default().fortnight(seed).unwrap();
        assert!(wrong.is_empty(), "seed {seed}: {}", wrong.join("\n"));
    }
}

#[test]
fn days_end_well() {
    let asked = std::env::var("PROVODKA_SEEDS").ok();
    let asked: Option<u64> = asked.map(|days| days.parse().unwrap());
    let days = asked.unwrap_or(2_000);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let began = Instant::now();
    let mut lived = 0;
    let mut failed = Vec::new();
    let mut met = BTreeSet::new();
    Simulator::default().many(0, days, threads, |report| {
        lived += 1;
        met.extend(report.counts.keys().cloned());
        if !report.violations.is_empty() {
            eprintln!("seed {}: {:#?}", report.seed, report.violations);
            failed.push(report);
        }
        failed.len() < 10 && (asked.is_some() || began.elapsed() < AT_MOST)
    });
    for report in &failed {
        assert_clean(report);
    }
    if lived < days && failed.is_empty() {
        // Past what keeps a passing test silent.
        let said = writeln!(
            std::io::stderr(),
            "a slow machine: {lived} of {days} days in {AT_MOST:?}"
        );
        said.unwrap();
    }
    let played: BTreeSet<String> = page::played().into_iter().collect();
    let unmet: Vec<&String> = played.difference(&met).collect();
    assert!(lived < 2_000 || unmet.is_empty(), "never met: {unmet:?}");
}

#[test]
fn whoever_dies_at_a_named_point_loses_nothing_and_doubles_nothing() {
    for point in named_points() {
        // Not every day comes by every point.
        let seed = (0..20).find(|seed| deaths_at(point, *seed, 1) == 1);
        let seed = seed.unwrap_or_else(|| panic!("never met: {point}"));
        // The same again, for whoever follows: not every point is come by after a death at it.
        assert!(deaths_at(point, seed, 2) >= 1, "{point}");
    }
}

fn deaths_at(point: &str, seed: u64, deaths: u64) -> u64 {
    let report = Simulator::default().run_at(seed, point, deaths).unwrap();
    let violations = &report.violations;
    assert_eq!(
        violations,
        &Vec::<String>::new(),
        "{point}, {deaths}, {seed}"
    );
    let met = report.counts.get(&format!("died: {point}"));
    met.copied().unwrap_or(0)
}
