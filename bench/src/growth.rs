//! How cost grows with the deals that are due at once: calls, processor time and memory, as a table and a picture.
//!
//! Each size is a process of its own, so that its memory is its own. Product and imitated remotes are one process:
//! processor time and memory are those of both together.

use std::fmt::Write as _;
use std::process::Command;

use crate::invoices::{Besides, Figures, measure};
use crate::machine::{most_memory_mb, processor_time};

/// Deals due at once.
pub const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// What one size took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Deals due at once.
    pub deals: usize,
    /// Calls to the portal until all were shown, without files.
    pub calls: f64,
    /// Files that went beside them, with what the limit left.
    pub files: f64,
    /// Simulated seconds until all were shown.
    pub seconds: f64,
    /// Milliseconds of processor time.
    pub cpu_ms: f64,
    /// Megabytes at the most.
    pub memory_mb: f64,
}

/// Measures one size in this process and tells it in a line.
///
/// # Errors
/// Where the world does not get there.
pub fn one(deals: usize) -> Result<String, String> {
    let buyers = u32::try_from(deals / 5).unwrap_or(u32::MAX).clamp(2, 2_000);
    let figures = Figures {
        deals,
        buyers,
        ..Figures::GOAL
    };
    let seen = measure(figures, Besides::default())?;
    if seen.astray != (0, 0) || seen.limit_answers > 0 {
        return Err(format!("{deals} deals went wrong: {seen:?}"));
    }
    let own = std::process::id();
    let cpu_ms = processor_time(own)?.as_secs_f64() * 1e3;
    let memory_mb = most_memory_mb(own)?;
    let seconds = seen.shown.as_secs_f64();
    let files = seen.purposes.get("files").copied().unwrap_or(0);
    let calls = seen.calls.saturating_sub(files);
    Ok(format!(
        "{deals} {calls} {files} {seconds:.2} {cpu_ms:.0} {memory_mb:.0}"
    ))
}

/// Measures all sizes, each in a process of its own.
///
/// # Errors
/// Where one of them fails.
pub fn all(progress: impl Fn(&str)) -> Result<Vec<Cost>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    SIZES
        .iter()
        .map(|deals| {
            progress(&format!("{deals} deals"));
            let told = Command::new(&program)
                .args(["growth-of", &deals.to_string()])
                .output()
                .map_err(|error| error.to_string())?;
            let told = String::from_utf8_lossy(&told.stdout).into_owned();
            read(&told).ok_or(told)
        })
        .collect()
}

fn read(line: &str) -> Option<Cost> {
    let mut words = line.split_whitespace();
    let mut next = || words.next()?.parse::<f64>().ok();
    Some(Cost {
        deals: next()?.round() as usize,
        calls: next()?,
        files: next()?,
        seconds: next()?,
        cpu_ms: next()?,
        memory_mb: next()?,
    })
}

/// A table, as it stands in `README.md`.
pub fn table(costs: &[Cost]) -> String {
    let mut table = String::from(
        "| deals | calls | calls a deal | files beside | simulated s | processor ms | ms a deal | MB |\n|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for cost in costs {
        let deals = cost.deals as f64;
        let _written = writeln!(
            table,
            "| {} | {} | {:.3} | {} | {:.1} | {:.0} | {:.2} | {:.0} |",
            cost.deals,
            cost.calls,
            cost.calls / deals,
            cost.files,
            cost.seconds,
            cost.cpu_ms,
            cost.cpu_ms / deals,
            cost.memory_mb
        );
    }
    table
}

/// A picture with both axes in powers of ten.
pub fn picture(costs: &[Cost]) -> String {
    const LEFT: f64 = 60.0;
    const BOTTOM: f64 = 330.0;
    const DECADE: f64 = 130.0;
    const RISE: f64 = 60.0;
    let x = |deals: f64| LEFT + (deals.max(1.0).log10() - 1.0) * DECADE;
    let y = |value: f64| BOTTOM - value.max(1.0).log10() * RISE;
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 620 370\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"620\" height=\"370\" fill=\"white\"/>\n",
    );
    for power in 0..=5 {
        let value = 10_f64.powi(power);
        let at = y(value);
        let _written = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"450\" y1=\"{at:.0}\" y2=\"{at:.0}\" stroke=\"#ddd\"/><text x=\"52\" y=\"{:.0}\" text-anchor=\"end\">{value}</text>",
            at + 4.0
        );
    }
    for cost in costs {
        let _written = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"350\" text-anchor=\"middle\">{} deals</text>",
            x(cost.deals as f64),
            cost.deals
        );
    }
    type Value = fn(&Cost) -> f64;
    let lines: [(&str, &str, Value); 4] = [
        ("processor ms", "#d95f02", |cost| cost.cpu_ms),
        ("MB", "#7570b3", |cost| cost.memory_mb),
        ("calls", "#1b9e77", |cost| cost.calls),
        ("simulated s", "#666666", |cost| cost.seconds),
    ];
    for (name, colour, value) in lines {
        let points: Vec<String> = costs
            .iter()
            .map(|cost| format!("{:.1},{:.1}", x(cost.deals as f64), y(value(cost))))
            .collect();
        let end = costs.last().map_or(BOTTOM, |cost| y(value(cost)));
        let _written = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"462\" y=\"{:.0}\" fill=\"{colour}\">{name}</text>",
            points.join(" "),
            end + 4.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_tells_is_read_and_drawn() {
        let cost = read("1000 49 3 24.5 3100 120").unwrap();
        assert_eq!((cost.deals, cost.calls), (1_000, 49.0));
        assert!(read("it failed").is_none());
        assert!(table(&[cost]).contains("| 1000 | 49 | 0.049 | 3 |"));
        assert!(picture(&[cost]).contains("1000 deals"));
    }
}
