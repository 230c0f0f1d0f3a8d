//! What each command prints.

use std::fmt::Write as _;
use std::time::Duration;

use crate::events::server::Kind;
use crate::events::{self, ms};
use crate::goals::Goals;
use crate::invoices::{self, Besides, Figures};
use crate::machine::{median, percentile};
use crate::others::{self, Habit};
use crate::outage::{self, Size};
use crate::startup::Started;
use crate::{booking, feed, growth, matching, papers, startup, statement, tenants};

/// A thousand deals due at once.
///
/// # Errors
/// Where the world does not get there.
pub fn invoices(progress: impl Fn(&str)) -> Result<String, String> {
    let figures = Figures::GOAL;
    let mut told = format!("{figures:?}\n");
    progress("a thousand deals");
    let plain = invoices::measure(figures, Besides::default())?;
    let (bound, floor) = (figures.bound(), figures.floor());
    let least = figures.write_batches();
    let mut goals = Goals::default();
    goals.kept(plain.calls <= 50, "at most 50 calls");
    goals.kept(ratio(plain.shown, bound) <= 1.3, "at most 1.3 of the bound");
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
            "time       {:>9}  bound {} with {} batches of writes under way, {:.2} of it; floor {}, {:.2} of it",
            seconds(plain.shown),
            seconds(bound),
            figures.batches_in_flight(),
            ratio(plain.shown, bound),
            seconds(floor),
            ratio(plain.shown, floor)
        ),
    );
    progress("the same where nothing takes time");
    let instant = invoices::measure(figures.at_zero_latency(), Besides::default())?;
    line(
        &mut told,
        format!(
            "at zero latency {} calls, {}; bound {}; what of the bucket ordinary work may take at once, {} requests, leaves {}",
            instant.calls,
            seconds(instant.shown),
            seconds(figures.at_zero_latency().bound()),
            figures.at_once(),
            seconds(figures.left_for_later(instant.calls)),
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
    let in_time = full
        .click
        .is_some_and(|click| click <= Duration::from_secs(2));
    goals.kept(in_time, "a click is answered within 2 s");
    if let Some(files) = full.files {
        let bound = figures.files_bound();
        let left = 100.0 * ratio(bound, files);
        goals.kept(left >= 95.0, "files at 95 % of what the limit leaves");
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
        goals.kept(seen.astray == (0, 0), "one bill for each deal");
        goals.kept(seen.limit_answers == 0, "no refusal because of a limit");
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
    goals.judge(told)
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
    let mut goals = Goals::default();
    goals.kept(seen.astray == (0, 0), "one bill for each deal");
    goals.kept(seen.limit_answers == 0, "no refusal because of a limit");
    let of_files = ratio(seen.files, with_files);
    goals.kept(of_files <= 1.25, "files within 1.25 of the floor");
    line(
        &mut told,
        format!(
            "MB before the start, all shown, nothing due, the end: {:.0?}; processor {}",
            seen.memory_mb,
            seconds(seen.cpu)
        ),
    );
    goals.judge(told)
}

/// Events over HTTP.
///
/// # Errors
/// Where a server does not begin, or a goal is missed.
pub fn events(progress: impl Fn(&str)) -> Result<String, String> {
    let size = events::Size::GOAL;
    let mut goals = Goals::default();
    let mut told = format!(
        "open loop, {}/s for {} s on {} connections\n\n\
         | | answered | on disk | p50 ms | p99 ms | max ms | processor µs an event | most MB |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
        size.rate, size.seconds, size.callers
    );
    for (word, kind) in Kind::ALL {
        progress(&format!("open loop, {word}"));
        let open = events::open(kind, size)?;
        goals.of_open(kind, &open, size);
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
        goals.of_closed(&closed);
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
    goals.judge(told)
}

/// A thousand portals of which one floods.
///
/// # Errors
/// Where they cannot be made, or a goal is missed.
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
    let mut goals = Goals::default();
    goals.of_tenants(&seen);
    goals.judge(told)
}

/// An invoice as PDF.
///
/// # Errors
/// Where a paper cannot be made, or the goal is missed.
pub fn papers(progress: impl Fn(&str)) -> Result<String, String> {
    let (table, most) = papers::all(progress)?;
    let mut goals = Goals::default();
    goals.kept(most <= 20.0, "a page within 20 ms, warm");
    goals.judge(table)
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

/// Payments of the accounting program.
///
/// # Errors
/// Where the world does not get there, or a goal is missed.
pub fn feed(progress: impl Fn(&str)) -> Result<String, String> {
    let size = feed::Size::GOAL;
    let seen = feed::measure(size, progress)?;
    let mut goals = Goals::default();
    goals.kept(seen.missing == 0, "every payment is seen in the CRM");
    goals.kept(
        seen.late() * 20 <= seen.ways.len(),
        "95 of 100 within the interval in force and 2 s",
    );
    goals.judge(format!("{size:?}\n\n{}\n", feed::table(&seen)))
}

/// The program's start.
///
/// # Errors
/// Where it does not become ready, or a goal is missed.
pub fn startup(progress: impl Fn(&str)) -> Result<String, String> {
    let [new, again] = startup::measure(STARTS, progress)?;
    let mut told = format!(
        "{STARTS} starts each\n\n| | ready ms, least | ready ms, median | processor ms, median | MB after 5 s | most MB |\n\
         |---|--:|--:|--:|--:|--:|\n"
    );
    let mut goals = Goals::default();
    for (word, starts) in [("new folder", new), ("its own database", again)] {
        let of = |value: fn(&Started) -> f64| -> Vec<f64> { starts.iter().map(value).collect() };
        let least = of(|start| start.ready_ms)
            .into_iter()
            .fold(f64::MAX, f64::min);
        let ready = median(of(|start| start.ready_ms));
        let idle = starts.iter().find_map(|start| start.idle_mb);
        goals.kept(ready <= 100.0, "ready within 100 ms");
        goals.kept(idle.is_some_and(|mb| mb <= 40.0), "idle with 40 MB");
        let most = of(|start| start.most_mb).into_iter().fold(0.0, f64::max);
        line(
            &mut told,
            format!(
                "| {word} | {least:.0} | {ready:.0} | {:.0} | {:.1} | {most:.1} |",
                median(of(|start| start.cpu_ms)),
                idle.unwrap_or(0.0)
            ),
        );
    }
    goals.judge(told)
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
