//! How long an invoice takes to become a PDF: the first one of a process, and the next ones.
//!
//! The first one reads the fonts and fills what the layout engine remembers; so each of the first ones is a process of
//! its own. Processor time is told beside the clock's: other programs do not lengthen it.
#![allow(
    clippy::disallowed_methods,
    reason = "it measures by the machine's clock"
)]

use std::fmt::Write as _;
use std::process::Command;
use std::time::Instant;

use documents::{InvoicePaper, Renderer};

use crate::machine::{median, processor_time};

#[path = "../../crates/documents/tests/samples/mod.rs"]
mod samples;

/// Lines of the papers.
pub const LINES: [usize; 3] = [1, 20, 300];
/// Processes for the first paper.
const COLD: usize = 5;
/// Papers that go before those that count as warm.
const BEFORE: usize = 3;
/// Lines that are printed warm, over all papers of one length.
const WARM_LINES: usize = 3_000;

/// What papers of one length took, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Took {
    /// By the clock, in the middle.
    pub wall_ms: f64,
    /// Of the processor, in the middle.
    pub cpu_ms: f64,
    /// Pages of each.
    pub pages: f64,
}

impl Took {
    fn a_page(self) -> f64 {
        self.cpu_ms / self.pages.max(1.0)
    }
}

/// Measures all lengths; gives a table, and the most that a page took of the processor, warm, in milliseconds.
///
/// # Errors
/// Where a paper cannot be made.
pub fn all(progress: impl Fn(&str)) -> Result<(String, f64), String> {
    let mut most: f64 = 0.0;
    let mut table = String::from(
        "| lines | pages | | ms | processor ms | processor ms a page |\n|--:|--:|---|--:|--:|--:|\n",
    );
    for lines in LINES {
        progress(&format!("{lines} lines"));
        let (cold, warm) = (cold(lines)?, warm(lines)?);
        most = most.max(warm.a_page());
        for (word, took) in [("cold", cold), ("warm", warm)] {
            let Took {
                wall_ms,
                cpu_ms,
                pages,
            } = took;
            let a_page = took.a_page();
            let _written = writeln!(
                table,
                "| {lines} | {pages:.0} | {word} | {wall_ms:.1} | {cpu_ms:.1} | {a_page:.1} |"
            );
        }
    }
    Ok((table, most))
}

fn cold(lines: usize) -> Result<Took, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut seen = Vec::new();
    for _process in 0..COLD {
        let told = Command::new(&program)
            .args(["papers-first", &lines.to_string()])
            .output()
            .map_err(|error| error.to_string())?;
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        seen.push(read(&told).ok_or(told)?);
    }
    Ok(middle(&seen))
}

/// The first paper of this process, in a line.
///
/// # Errors
/// Where it cannot be made.
pub fn first(lines: usize) -> Result<String, String> {
    let renderer = Renderer::default();
    let paper = paper(lines, 0);
    let took = made(&renderer, &paper)?;
    let pages = pages(&renderer, &paper)?;
    Ok(format!("{:.3} {:.3} {pages}", took.wall_ms, took.cpu_ms))
}

fn read(line: &str) -> Option<Took> {
    let mut words = line.split_whitespace();
    let mut next = || words.next()?.parse::<f64>().ok();
    Some(Took {
        wall_ms: next()?,
        cpu_ms: next()?,
        pages: next()?,
    })
}

/// Different papers one after another, as a running program meets them.
fn warm(lines: usize) -> Result<Took, String> {
    let renderer = Renderer::default();
    let counted = (WARM_LINES / lines.max(1)).clamp(10, 40);
    let mut seen = Vec::new();
    for number in 0..BEFORE + counted {
        let took = made(&renderer, &paper(lines, number))?;
        if number >= BEFORE {
            seen.push(took);
        }
    }
    Ok(Took {
        pages: pages(&renderer, &paper(lines, 0))?,
        ..middle(&seen)
    })
}

fn middle(seen: &[Took]) -> Took {
    let of = |value: fn(&Took) -> f64| median(seen.iter().map(value).collect());
    Took {
        wall_ms: of(|took| took.wall_ms),
        cpu_ms: of(|took| took.cpu_ms),
        pages: of(|took| took.pages),
    }
}

fn made(renderer: &Renderer, paper: &InvoicePaper) -> Result<Took, String> {
    let own = std::process::id();
    let (start, before) = (Instant::now(), processor_time(own)?);
    let pdf = renderer.render_invoice(paper);
    let (wall, cpu) = (start.elapsed(), processor_time(own)?.saturating_sub(before));
    pdf.map_err(|error| error.to_string())?;
    Ok(Took {
        wall_ms: wall.as_secs_f64() * 1e3,
        cpu_ms: cpu.as_secs_f64() * 1e3,
        pages: 0.0,
    })
}

fn pages(renderer: &Renderer, paper: &InvoicePaper) -> Result<f64, String> {
    let laid = renderer.lay_out_invoice(paper);
    Ok(laid.map_err(|error| error.to_string())?.len() as f64)
}

fn paper(lines: usize, number: usize) -> InvoicePaper {
    let mut sample = samples::many_lines(lines);
    sample.number = format!("{}", number + 1);
    for (place, line) in sample.lines.iter_mut().enumerate() {
        let _written = write!(line.name, " {}", number * 7 + place % 3);
    }
    sample.paper()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paper_is_made_and_its_pages_are_counted() {
        let renderer = Renderer::default();
        for (lines, expected) in [(1, 1.0), (40, 2.0)] {
            let paper = paper(lines, 0);
            let took = made(&renderer, &paper).unwrap();
            assert!(took.wall_ms > 0.0 && took.cpu_ms > 0.0, "{took:?}");
            assert_eq!(pages(&renderer, &paper).unwrap(), expected);
        }
    }

    #[test]
    fn what_a_process_tells_of_its_first_paper_is_read() {
        let took = read(&first(1).unwrap()).unwrap();
        assert_eq!(took.pages, 1.0);
        assert_eq!(took.a_page(), took.cpu_ms);
        assert!(read("it failed").is_none());
    }
}
