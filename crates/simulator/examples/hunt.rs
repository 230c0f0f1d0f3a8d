//! `cargo xtask hunt`: plants each bug in the product and says which seed of the simulator found it.
//!
//! Progress goes to stderr, the table to stdout; status 1 if a bug was not found.
#![allow(clippy::print_stdout, reason = "a developer's tool")]

use std::process::ExitCode;
use std::time::Duration;

use planted::Bug;
use simulator::{Found, Hunt, Simulator};

const HELP: &str = "\
cargo xtask hunt [OPTIONS] [BUG…]
  --seconds N     how long one bug is looked for (3600)
  --seeds N       how many seeds are tried from 0 on (2000)
  --kept          try the seed first that found it last
  --jobs N        seeds lived at one time (the machine's processors)
  --list          say what the bugs are called
  --story         tell what does not hold
  --without N     no hunt: what does not hold on the day of seed N without any bug";

/// What was asked for.
struct Asked {
    hunt: Hunt,
    bugs: Vec<Bug>,
    list: bool,
    story: bool,
    without: Option<u64>,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}\n{HELP}");
            ExitCode::from(2)
        }
    }
}

/// Answers whether every bug was found.
fn run() -> Result<bool, String> {
    let asked = asked(std::env::args().skip(1))?;
    if asked.list {
        for bug in Bug::ALL {
            println!("{:28} {:5} {}", bug.name(), bug.breaks(), bug.guard());
        }
        return Ok(true);
    }
    if !planted::CAN_PLANT {
        return Err("this build has no planted bugs: run `cargo xtask hunt`".to_owned());
    }
    let simulator = Simulator::default();
    if let Some(seed) = asked.without {
        let violations = simulator.run(seed).violations;
        for violation in &violations {
            println!("{violation}");
        }
        return Ok(violations.is_empty());
    }
    println!("| bug | first seed | seeds lived | seconds | what does not hold |");
    println!("|---|---|---|---|---|");
    let mut missed = 0_usize;
    for (place, bug) in asked.bugs.iter().enumerate() {
        eprintln!("{} of {}: {}", place + 1, asked.bugs.len(), bug.name());
        let found = asked.hunt.look_for(&simulator, *bug);
        println!("{}", row(&found));
        missed += usize::from(found.by.is_none());
        if !found.spoilt.is_empty() {
            eprintln!(
                "    also without the bug something does not hold: seeds {:?}",
                found.spoilt
            );
        }
        if asked.story {
            for violation in found.by.iter().flat_map(|(_, violations)| violations) {
                eprintln!("    {violation}");
            }
        }
    }
    eprintln!(
        "{} of {} found",
        asked.bugs.len() - missed,
        asked.bugs.len()
    );
    Ok(missed == 0)
}

fn row(found: &Found) -> String {
    let seconds = found.took.as_secs_f32();
    let (seed, what) = match &found.by {
        Some((seed, violations)) => (seed.to_string(), kinds(violations)),
        None => ("not found".to_owned(), String::new()),
    };
    format!(
        "| `{}` | {seed} | {} | {seconds:.1} | {what} |",
        found.bug.name(),
        found.lived
    )
}

/// The invariants in brackets, each once; the whole first sentence where none is named.
fn kinds(violations: &[String]) -> String {
    let mut kinds: Vec<&str> = violations
        .iter()
        .map(|violation| {
            let named = violation
                .strip_prefix('[')
                .and_then(|rest| rest.split_once(']'));
            named.map_or(violation.as_str(), |(kind, _)| kind)
        })
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.join(", ")
}

fn asked(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked {
        hunt: Hunt::default(),
        bugs: Vec::new(),
        list: false,
        story: false,
        without: None,
    };
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words.next().and_then(|value| value.parse::<u64>().ok());
            value.ok_or_else(|| format!("`{word}` needs a number"))
        };
        match word.as_str() {
            "--seconds" => asked.hunt.limit = Duration::from_secs(number()?),
            "--seeds" => asked.hunt.seeds = number()?,
            "--jobs" => asked.hunt.jobs = usize::try_from(number()?).unwrap_or(1),
            "--kept" => asked.hunt.kept_first = true,
            "--help" => return Err("these are the options".to_owned()),
            "--list" => asked.list = true,
            "--story" => asked.story = true,
            "--without" => asked.without = Some(number()?),
            name => asked.bugs.push(name.parse()?),
        }
    }
    if asked.bugs.is_empty() {
        asked.bugs = Bug::ALL.to_vec();
    }
    Ok(asked)
}
