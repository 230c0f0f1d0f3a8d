//! Writes every sample invoice as a PDF to a folder and prints how long the making took.
//!
//! `cargo run -p documents --example render -- /tmp/papers`

#![allow(clippy::print_stdout, reason = "an example speaks to a person")]
#![allow(
    clippy::disallowed_methods,
    reason = "it measures real time on this machine"
)]

#[path = "../tests/samples/mod.rs"]
mod samples;

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use documents::{InvoicePaper, Renderer};

const MEASURED: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or("name a folder for the papers")?;
    std::fs::create_dir_all(&folder)?;
    let renderer = Renderer::default();
    println!("| paper | lines | pages | KB | ms |\n|---|--:|--:|--:|--:|");
    for (name, sample) in samples::all() {
        let paper = sample.paper();
        let (pdf, took) = timed(&renderer, &paper)?;
        std::fs::write(folder.join(format!("{name}.pdf")), &pdf)?;
        let pages = renderer.lay_out_invoice(&paper)?.len();
        let (lines, size_kb) = (paper.lines.len(), pdf.len() / 1024);
        println!(
            "| {name} | {lines} | {pages} | {size_kb} | {} |",
            took.as_millis()
        );
    }
    measure(&renderer)
}

/// Different papers one after another, as a running program meets them.
fn measure(renderer: &Renderer) -> Result<(), Box<dyn Error>> {
    let mut all = Vec::with_capacity(MEASURED);
    for number in 0..MEASURED {
        let mut sample = samples::many_lines(number % 20 + 1);
        sample.number = number.to_string();
        all.push(timed(renderer, &sample.paper())?.1);
    }
    all.sort();
    let at = |percent: usize| {
        all.get((all.len() - 1) * percent / 100)
            .map_or(0, Duration::as_millis)
    };
    println!(
        "\n{MEASURED} different papers of 1 to 20 lines: p50 {} ms, p95 {} ms, max {} ms",
        at(50),
        at(95),
        at(100)
    );
    Ok(())
}

fn timed(renderer: &Renderer, paper: &InvoicePaper) -> Result<(Vec<u8>, Duration), Box<dyn Error>> {
    let start = Instant::now();
    let pdf = renderer.render_invoice(paper)?;
    Ok((pdf, start.elapsed()))
}
