//! One subcommand for each measurement.
#![allow(clippy::print_stdout, reason = "figures are what it is for")]
#![allow(clippy::print_stderr, reason = "how far it is goes beside them")]

use std::process::ExitCode;

use bench::report;

/// The program's own, as what is measured is the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "How close to the remotes' own limits the product runs.

cargo run --release -p bench -- MEASUREMENT

in simulated time; the machine does not matter to the figures:
  invoices   a thousand deals due at once on one portal, at the official limits (1 min)
  growth     how cost grows from ten deals to ten thousand: a table, and a picture into bench/growth.svg (5 min)
  outage     after three days: 50,000 changed deals, 5,000 of them want an invoice (5 min)
  feed       four days of payments in the accounting program: when each is seen in the CRM (5 min)

on this machine, which should do nothing else:
  events     events over HTTP that are on disk before they are answered, beside a handler that only answers (2 min)
  papers     an invoice as PDF: the first of a process, and the next ones (1 min)
  matching   a million payments against a million open invoices of 50,000 payers, on one core (1 min)
  statement  a bank statement of 100,000 documents, and one of ten times as many (1 min)
  booking    a bank statement of 100,000 documents booked against as many open invoices, SQLite on disk (2 min)
  tenants    a thousand portals of which one floods: how soon the others are served (3 min)
  startup    the program from its start until it is ready, and its memory when idle; needs `cargo build -p provodka`
             with the same profile (1 min)

Without --release the same, with what the development profile costs. Figures go to standard output as tables of
README.md, progress to standard error.
";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let what = words.next().unwrap_or_default();
    let (one, other) = (words.next(), words.next());
    let progress = |line: &str| eprintln!("{line}");
    let done = match what.as_str() {
        "invoices" => report::invoices(progress),
        "growth" => report::growth(progress),
        "outage" => report::outage(progress),
        "feed" => report::feed(progress),
        "events" => report::events(progress),
        "papers" => report::papers(progress),
        "matching" => report::matching(progress),
        "statement" => report::statement(progress),
        "booking" => report::booking(progress),
        "tenants" => report::tenants(progress),
        "startup" => report::startup(progress),
        "--help" | "-h" | "help" => Ok(USAGE.to_owned()),
        // What a measurement runs in a process of its own.
        "growth-of" => bench::growth::one(number(one.as_deref())),
        "papers-first" => bench::papers::first(number(one.as_deref())),
        "matching-of" => bench::matching::one(number(one.as_deref())),
        "booking-of" => bench::booking::one(number(one.as_deref())),
        "statement-of" => bench::statement::one(number(one.as_deref())),
        "events-server" => served(one.as_deref(), other.as_deref()),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(words) => {
            println!("{words}");
            ExitCode::SUCCESS
        }
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}

fn number(word: Option<&str>) -> usize {
    word.and_then(|word| word.parse().ok()).unwrap_or(1)
}

fn served(kind: Option<&str>, folder: Option<&str>) -> Result<String, String> {
    let folder = folder.ok_or("no folder")?;
    bench::events::server::serve(kind.unwrap_or_default(), folder.as_ref())?;
    Ok(String::new())
}
