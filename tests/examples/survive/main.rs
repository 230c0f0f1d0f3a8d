//! The real program in processes of its own, under a stream of events, through bad cycles: killed, frozen, cut off
//! from its database at COMMIT, its disk full, the remotes away. Run by `cargo xtask survive`.
//!
//! The emulators live in this process and survive everything; their true history judges, and the rows of the
//! database, read by SQL that shares nothing with the product. A seed decides what happens and in which order; the
//! moments are the machine's. Not here: what a paused clock can prove (`provodka simulate`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests may, and this one measures a real program by the machine's clock"
)]

mod cycle;
mod disk;
#[path = "../../tests/scenarios/office.rs"]
#[allow(dead_code, reason = "the scenarios use more of it")]
mod office;
mod plan;
mod post;
mod program;
mod proxy;
mod remotes;
mod tally;
mod witness;
mod world;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use clap::Parser;

use crate::plan::{Kind, Leg, Plan};
use crate::tally::{Outcome, Tally};
use crate::world::World;

/// What may be asked for.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask survive")]
pub(crate) struct Args {
    /// How many cycles
    #[arg(long, value_name = "N", default_value_t = 200)]
    cycles: usize,
    /// Decides what happens and in which order
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Only cycles of this kind; may be repeated
    #[arg(long, value_enum, value_name = "NAME")]
    kind: Vec<Kind>,
    /// Lives until it has caught this bug, which is left in the program on purpose
    #[arg(long, value_name = "BUG")]
    planted: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let began = Instant::now();
    let plan = Plan::new(args.seed, args.cycles, &args.kind);
    let tally = Arc::new(Mutex::new(Tally::new(plan.len())));
    let planted = args.planted.as_deref();
    runtime.block_on(async {
        let legs = Leg::ALL.map(|leg| {
            tokio::spawn(live(
                leg,
                plan.of(leg),
                args.seed,
                planted.map(str::to_owned),
                Arc::clone(&tally),
            ))
        });
        for leg in legs {
            if let Err(error) = leg.await {
                tally
                    .lock()
                    .unwrap()
                    .broke(format!("the harness itself: {error}"));
            }
        }
    });
    let mut tally = tally.lock().unwrap();
    tally.close();
    print!("{}", tally.told(args.seed, began.elapsed()));
    let as_expected = match planted {
        Some(bug) => {
            let told = if tally.is_broken() {
                "caught"
            } else {
                "NOT CAUGHT"
            };
            println!("planted `{bug}`: {told}");
            tally.is_broken()
        }
        None => tally.is_well(),
    };
    if as_expected {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Lives the cycles of one world, one after another.
async fn live(
    leg: Leg,
    cycles: Vec<(usize, Kind)>,
    seed: u64,
    planted: Option<String>,
    tally: Arc<Mutex<Tally>>,
) {
    if cycles.is_empty() {
        return;
    }
    let mut world = World::begin(leg, seed, planted.as_deref()).await;
    for (number, kind) in cycles {
        if planted.is_some() && tally.lock().unwrap().is_broken() {
            break;
        }
        let outcome = cycle::live(&mut world, number, kind, seed).await;
        let is_well = outcome.violations.is_empty();
        let line = tally.lock().unwrap().add(number, kind, outcome);
        eprintln!("{line}");
        if !is_well {
            eprintln!("{}", world.evidence());
            break;
        }
    }
    let last = Outcome {
        violations: world.end().await,
        events: world.post.counts(),
        ..Outcome::default()
    };
    tally.lock().unwrap().end(leg, last);
}
