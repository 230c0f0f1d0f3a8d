//! One subcommand for each measurement.
#![allow(clippy::print_stdout, reason = "figures are what it is for")]

use std::process::ExitCode;
use std::time::Duration;

use bench::growth;
use bench::invoices::{self, Besides, Figures};
use bench::others::{self, Habit};

const USAGE: &str = "cargo run --release -p bench -- MEASUREMENT

  invoices   a thousand deals due at once on one portal, at the official limits
  growth     how cost grows from ten deals to ten thousand: a table, and a picture into bench/growth.svg
";

fn main() -> ExitCode {
    let what = std::env::args().nth(1).unwrap_or_default();
    let done = match what.as_str() {
        "invoices" => measure_invoices(),
        "growth" => measure_growth(),
        "growth-of" => growth_of(),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            println!("{words}");
            ExitCode::FAILURE
        }
    }
}

fn measure_invoices() -> Result<(), String> {
    let figures = Figures::GOAL;
    println!("{figures:?}");
    let plain = invoices::measure(figures, Besides::default())?;
    let (bound, least) = (figures.bound(), figures.write_batches());
    println!(
        "calls      {:>9}  of which {least} are batches of writes",
        plain.calls
    );
    println!(
        "time       {:>9}  bound {}, {:.2} of it",
        seconds(plain.shown),
        seconds(bound),
        ratio(plain.shown, bound)
    );
    let instant = invoices::measure(figures.at_zero_latency(), Besides::default())?;
    println!(
        "at zero latency {} calls, {}",
        instant.calls,
        seconds(instant.shown)
    );
    let besides = Besides {
        click: true,
        files: true,
    };
    let full = invoices::measure(figures, besides)?;
    println!(
        "a click in the middle {}",
        full.click.map(seconds).unwrap_or_default()
    );
    if let Some(files) = full.files {
        let bound = figures.files_bound();
        println!(
            "files      {:>9}  bound {}, {:.1} % of what the limit leaves",
            seconds(files),
            seconds(bound),
            100.0 * ratio(bound, files)
        );
    }
    for seen in [&plain, &instant, &full] {
        println!(
            "bills too many and too few {:?}, refusals because of a limit {}",
            seen.astray, seen.limit_answers
        );
    }
    for habit in [Habit::OneByOne, Habit::BatchesByMethod] {
        let took = others::measure(figures, habit)?;
        println!("{habit:?}: {} calls, {}", took.calls, seconds(took.time));
    }
    Ok(())
}

fn measure_growth() -> Result<(), String> {
    let costs = growth::all()?;
    println!("{}", growth::table(&costs));
    let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/growth.svg");
    std::fs::write(picture, growth::picture(&costs)).map_err(|error| error.to_string())
}

/// One size, for [`growth::all`].
fn growth_of() -> Result<(), String> {
    let deals = std::env::args().nth(2).and_then(|deals| deals.parse().ok());
    println!("{}", growth::one(deals.unwrap_or(10))?);
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
