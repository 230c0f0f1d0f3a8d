//! `provodka simulate`: lives seeded bad days with the real product and says what did not hold.
//!
//! Progress goes to stderr, what was found to stdout. A seed tells the same story each time.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use engine::{Clock as _, SteadyClock};
use simulator::{Report, Simulator};

use crate::args::SimulateArgs;
use crate::fault::Told;

/// What came of many seeds.
#[derive(Debug, Default)]
struct Tally {
    seeds: u64,
    failed: Vec<Report>,
    counts: BTreeMap<String, u64>,
    lived: Duration,
}

/// Lives one day and tells it, or many and counts.
///
/// # Errors
/// When something did not hold, or the output is closed.
pub fn run(args: &SimulateArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let simulator = Simulator::default();
    match args.seed {
        Some(seed) => one(&simulator, seed, out),
        None => many(&simulator, args, out),
    }
}

fn one(simulator: &Simulator, seed: u64, out: &mut impl Write) -> anyhow::Result<()> {
    let report = simulator.tell(seed);
    for (at, words) in &report.story {
        writeln!(out, "{} {words}", at.strftime("%d.%m %H:%M:%S%.3f"))?;
    }
    writeln!(
        out,
        "\nseed {seed}: {} minutes lived, hash {}",
        report.lasted.as_secs() / 60,
        report.hash
    )?;
    judge(std::slice::from_ref(&report), out)
}

fn many(simulator: &Simulator, args: &SimulateArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let clock = SteadyClock::of_this_machine();
    let began = clock.now();
    let seeds = args.seeds;
    let threads = args
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let mut tally = Tally::default();
    simulator.many(args.from, seeds, threads, |report| {
        tally.add(report);
        let took = clock.now().duration_since(began);
        if tally.seeds.is_multiple_of(100) || tally.seeds == seeds {
            eprintln!(
                "{} of {seeds} seeds, {} a minute, {} failed",
                tally.seeds,
                a_minute(tally.seeds, took.as_millis()),
                tally.failed.len()
            );
        }
        true
    });
    writeln!(
        out,
        "{} seeds from {}, {} hours lived",
        tally.seeds,
        args.from,
        tally.hours()
    )?;
    for (kind, count) in &tally.counts {
        writeln!(out, "{count:>10}  {kind}")?;
    }
    judge(&tally.failed, out)
}

impl Tally {
    fn add(&mut self, report: Report) {
        self.seeds = self.seeds.saturating_add(1);
        self.lived = self.lived.saturating_add(report.lasted);
        for (kind, count) in &report.counts {
            let sum = self.counts.entry(kind.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        if !report.violations.is_empty() {
            self.failed.push(report);
        }
    }

    /// Whole hours of all days together.
    fn hours(&self) -> u64 {
        self.lived.as_secs() / 3_600
    }
}

fn a_minute(seeds: u64, milliseconds: i128) -> i128 {
    i128::from(seeds)
        .saturating_mul(60_000)
        .checked_div(milliseconds)
        .unwrap_or(0)
}

fn judge(reports: &[Report], out: &mut impl Write) -> anyhow::Result<()> {
    let mut broken = 0_usize;
    for report in reports {
        for violation in &report.violations {
            writeln!(out, "seed {}: {violation}", report.seed)?;
        }
        broken = broken.saturating_add(usize::from(!report.violations.is_empty()));
    }
    out.flush()?;
    if broken == 0 {
        return Ok(());
    }
    let told = Told::failure(format!("{broken} seeds broke a promise"));
    Err(told
        .hint("`provodka simulate --seed N` tells the story of one")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lived(seed: u64, minutes: u64, violations: &[&str]) -> Report {
        Report {
            seed,
            violations: violations.iter().map(|&words| words.to_owned()).collect(),
            story: Vec::new(),
            counts: BTreeMap::from([("killed".to_owned(), seed)]),
            hash: String::new(),
            lasted: Duration::from_secs(60 * minutes),
        }
    }

    #[test]
    fn days_add_up_and_their_parts_of_an_hour_as_well() {
        let mut tally = Tally::default();
        for seed in 1..=3 {
            tally.add(lived(seed, 50, &[]));
        }
        assert_eq!((tally.seeds, tally.hours()), (3, 2));
        assert_eq!(tally.counts, BTreeMap::from([("killed".to_owned(), 6)]));
        assert!(tally.failed.is_empty());
    }

    #[test]
    fn a_day_that_broke_a_promise_is_named_and_fails_the_command() {
        let mut tally = Tally::default();
        tally.add(lived(1, 50, &[]));
        tally.add(lived(2, 50, &["[I-1] two invoices", "[I-4] not quiet"]));
        let mut out = Vec::new();
        let error = judge(&tally.failed, &mut out).unwrap_err();
        assert_eq!(error.to_string(), "1 seeds broke a promise");
        let told = String::from_utf8(out).unwrap();
        assert_eq!(
            told,
            "seed 2: [I-1] two invoices\nseed 2: [I-4] not quiet\n"
        );
        assert!(judge(&[], &mut Vec::new()).is_ok());
    }
}
