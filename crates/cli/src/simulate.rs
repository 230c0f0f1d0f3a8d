//! `provodka simulate`: lives seeded bad days with the real product and says what did not hold.
//!
//! Progress goes to stderr, what was found to stdout. A seed tells the same story each time.

use std::collections::BTreeMap;
use std::io::Write;

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
    simulated_hours: u64,
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
        tally.seeds, args.from, tally.simulated_hours
    )?;
    for (kind, count) in &tally.counts {
        writeln!(out, "{count:>10}  {kind}")?;
    }
    judge(&tally.failed, out)
}

impl Tally {
    fn add(&mut self, report: Report) {
        self.seeds = self.seeds.saturating_add(1);
        self.simulated_hours = self
            .simulated_hours
            .saturating_add(report.lasted.as_secs() / 3_600);
        for (kind, count) in &report.counts {
            let sum = self.counts.entry(kind.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        if !report.violations.is_empty() {
            self.failed.push(report);
        }
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
