//! What each command prints.

use std::fmt::Write as _;
use std::time::Duration;

use crate::events::server::Kind;
use crate::events::{self, ms};
use crate::invoices::{self, Besides, Figures};
use crate::machine::{median, percentile};
use crate::others::{self, Habit};
use crate::outage::{self, Size};
use crate::startup::Started;
use crate::{booking, growth, matching, papers, startup, statement, tenants};

/// A thousand deals due at once.
///
/// # Errors
/// Where the world does not get there.
pub fn invoices(progress: impl Fn(&str)) -> Result<String, String> {
    let figures = Figures::GOAL;
    let mut told = format!("{figures:?}\n");
    progress("a thousand deals");
    let plain = invoices::measure(figures, Besides::default())?;
    let (bound, least) = (figures.bound(), figures.write_batches());
    line(
        &mut told,
        format!(
            "calls      {:>9}  of which {least} must be batches of writes; {:?}",
            plain.calls, plain.purposes
        ),
    );
    line(
        &mut told,
        format!(
            "time       {:>9}  bound {}, {:.2} of it",
            seconds(plain.shown),
            seconds(bound),
            ratio(plain.shown, bound)
        ),
    );
    progress("the same where nothing takes time");
    let instant = invoices::measure(figures.at_zero_latency(), Besides::default())?;
    line(
        &mut told,
        format!(
            "at zero latency {} calls, {}",
            instant.calls,
            seconds(instant.shown)
        ),
    );
    progress("with a click in the middle, and files");
    let besides = Besides {
        click: true,
        files: true,
    };
    let full = invoices::measure(figures, besides)?;
    let click = full.click.map(seconds).unwrap_or_default();
    line(&mut told, format!("a click in the middle {click}"));
    if let Some(files) = full.files {
        let bound = figures.files_bound();
        let left = 100.0 * ratio(bound, files);
        line(
            &mut told,
            format!(
                "files      {:>9}  bound {}, {left:.1} % of what the limit leaves",
                seconds(files),
                seconds(bound)
            ),
        );
    }
    for seen in [&plain, &instant, &full] {
        line(
            &mut told,
            format!(
                "bills too many and too few {:?}, refusals because of a limit {}",
                seen.astray, seen.limit_answers
            ),
        );
    }
    for habit in [Habit::OneByOne, Habit::BatchesByMethod] {
        let took = others::measure(figures, habit)?;
        line(
            &mut told,
            format!("{habit:?}: {} calls, {}", took.calls, seconds(took.time)),
        );
    }
    Ok(told)
}

/// Ten deals to ten thousand, with a picture.
///
/// # Errors
/// Where a size fails, or the picture cannot be kept.
pub fn growth(progress: impl Fn(&str)) -> Result<String, String> {
    let costs = growth::all(progress)?;
    let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/growth.svg");
    let kept = std::fs::write(picture, growth::picture(&costs));
    kept.map_err(|error| error.to_string())?;
    Ok(growth::table(&costs))
}

/// After days without us.
///
/// # Errors
/// Where the world does not get there.
pub fn outage(progress: impl Fn(&str)) -> Result<String, String> {
    let (figures, size) = (Figures::GOAL, Size::GOAL);
    let mut told = format!("{size:?}\n{:?}\n", size.floor());
    let seen = outage::measure(figures, size, progress)?;
    let (least, with_files) = (size.least(figures), size.least_with_files(figures));
    for (what, took, least) in [
        ("all are shown", seen.shown, least),
        ("nothing is due", seen.looked_at, least),
        ("all have files", seen.files, with_files),
    ] {
        line(
            &mut told,
            format!(
                "{what:<15} {:>10}  floor {}, {:.2} of it",
                seconds(took),
                seconds(least),
                ratio(took, least)
            ),
        );
    }
    line(
        &mut told,
        format!(
            "{} calls until nothing is due, {:?}; {} without files at least; {} files had come",
            seen.calls,
            seen.purposes,
            size.floor().calls(),
            seen.files_meanwhile
        ),
    );
    line(
        &mut told,
        format!(
            "bills too many and too few {:?}, refusals because of a limit {}",
            seen.astray, seen.limit_answers
        ),
    );
    line(
        &mut told,
        format!(
            "MB before the start, all shown, nothing due, the end: {:.0?}; processor {}",
            seen.memory_mb,
            seconds(seen.cpu)
        ),
    );
    Ok(told)
}

/// Events over HTTP.
///
/// # Errors
/// Where a server does not begin.
pub fn events(progress: impl Fn(&str)) -> Result<String, String> {
    let size = events::Size::GOAL;
    let mut told = format!(
        "open loop, {}/s for {} s on {} connections\n\n\
         | | answered | on disk | p50 ms | p99 ms | max ms | processor µs an event | most MB |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
        size.rate, size.seconds, size.callers
    );
    for (word, kind) in Kind::ALL {
        progress(&format!("open loop, {word}"));
        let open = events::open(kind, size)?;
        let at = |percent| ms(percentile(&open.heard.waits, percent));
        let on_disk = if kind == Kind::Bare {
            "none".to_owned()
        } else {
            open.on_disk.to_string()
        };
        line(
            &mut told,
            format!(
                "| {word} | {} of {} | {on_disk} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} |",
                open.heard.waits.len(),
                size.rate * size.seconds,
                at(50.0),
                at(99.0),
                at(100.0),
                open.cpu_us,
                open.most_mb
            ),
        );
    }
    let seen = events::closed(size, progress)?;
    line(
        &mut told,
        format!(
            "\nclosed loop, {} callers, {} rounds of {} s, medians\n\n\
             | | events/s | of the bare handler | p99 ms | processor µs an event | most MB | failed | lost |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|",
            size.callers,
            size.rounds,
            size.round.as_secs()
        ),
    );
    for (kind, closed) in seen {
        line(
            &mut told,
            format!(
                "| {} | {:.0} | {:.2} | {:.1} | {:.0} | {:.0} | {} | {} |",
                kind.word(),
                closed.rate,
                closed.ratio,
                closed.p99_ms,
                closed.cpu_us,
                closed.most_mb,
                closed.failed,
                closed.lost
            ),
        );
    }
    Ok(told)
}

/// A thousand portals of which one floods.
///
/// # Errors
/// Where they cannot be made.
pub fn tenants(progress: impl Fn(&str)) -> Result<String, String> {
    let size = tenants::Size::GOAL;
    let seen = tenants::measure(size, progress)?;
    let mut told = format!("{size:?}\n\n| | p50 s | p99 s | max s | of |\n|---|--:|--:|--:|--:|\n");
    for (what, waits) in [
        ("from the event's answer to the first request", &seen.begins),
        ("from the drag to the number", &seen.shown),
    ] {
        let at = |percent| tenants::seconds_at(waits, percent);
        line(
            &mut told,
            format!(
                "| {what} | {:.2} | {:.2} | {:.2} | {} |",
                at(50.0),
                at(99.0),
                at(100.0),
                waits.len()
            ),
        );
    }
    line(
        &mut told,
        format!(
            "\nwithout a number in the end: {}; of the flood {} of {} had theirs when it ended\n\
             MB empty, all portals idle, most: {:.0?}; {:.2} processors busy during the flood",
            seen.missing, seen.flood.1, seen.flood.0, seen.memory_mb, seen.busy
        ),
    );
    Ok(told)
}

/// An invoice as PDF.
///
/// # Errors
/// Where a paper cannot be made.
pub fn papers(progress: impl Fn(&str)) -> Result<String, String> {
    papers::all(progress)
}

/// Payments and invoices.
///
/// # Errors
/// Where a payment is booked wrongly.
pub fn matching(progress: impl Fn(&str)) -> Result<String, String> {
    progress("a million payments");
    matching::all()
}

/// A bank statement.
///
/// # Errors
/// Where it is not read whole.
pub fn statement(progress: impl Fn(&str)) -> Result<String, String> {
    statement::all(progress)
}

/// A bank statement, booked.
///
/// # Errors
/// Where it is not booked as it should be.
pub fn booking(progress: impl Fn(&str)) -> Result<String, String> {
    booking::all(progress)
}

/// The program's start.
///
/// # Errors
/// Where it does not become ready.
pub fn startup(progress: impl Fn(&str)) -> Result<String, String> {
    let [new, again] = startup::measure(STARTS, progress)?;
    let mut told = format!(
        "{STARTS} starts each\n\n| | ready ms, least | ready ms, median | processor ms, median | MB after 5 s | most MB |\n\
         |---|--:|--:|--:|--:|--:|\n"
    );
    for (word, starts) in [("new folder", new), ("its own database", again)] {
        let of = |value: fn(&Started) -> f64| -> Vec<f64> { starts.iter().map(value).collect() };
        let least = of(|start| start.ready_ms)
            .into_iter()
            .fold(f64::MAX, f64::min);
        let idle = starts.iter().find_map(|start| start.idle_mb);
        let most = of(|start| start.most_mb).into_iter().fold(0.0, f64::max);
        line(
            &mut told,
            format!(
                "| {word} | {least:.0} | {:.0} | {:.0} | {:.1} | {most:.1} |",
                median(of(|start| start.ready_ms)),
                median(of(|start| start.cpu_ms)),
                idle.unwrap_or(0.0)
            ),
        );
    }
    Ok(told)
}

const STARTS: usize = 10;

fn line(told: &mut String, words: impl AsRef<str>) {
    let _written = writeln!(told, "{}", words.as_ref());
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
