//! What a developer and CI run: `cargo xtask check` is the one command that passes everything.
//!
//! `check.rs` runs the steps, `postgres.rs` lends a throw-away database, `deny.rs` judges dependencies,
//! `suite.rs` runs the tests and counts them, `survive.rs` sets off the program's bad days, `fuzz.rs` the fuzzer,
//! `hunt.rs` has the simulator find planted bugs, `tidy/` holds the rules that no compiler knows. A library, so that a
//! harness can have a database of its own. Not here: anything of the product.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests may"
    )
)]

mod check;
mod debian;
mod deny;
mod fuzz;
mod hunt;
pub mod postgres;
mod suite;
mod survive;
mod tidy;
pub mod workspace;

use std::process::ExitCode;

use crate::workspace::Workspace;

const HELP: &str = "\
cargo xtask check [--only STEP,STEP]   everything that CI runs; steps: format, tidy, lints, tests, survive, docs, deny
cargo xtask test [ARGUMENTS]           all tests, on SQLite and on a PostgreSQL of their own; ARGUMENTS go to `cargo test`
cargo xtask survive [ARGUMENTS]        kills, freezes and cuts off the real program and looks at what is left; --cycles N, --seed N, --kind NAME; --planted BUG must be caught
cargo xtask fuzz [ARGUMENTS]           throws bytes at what reads from outside; --seconds N (20), --target NAME
cargo xtask hunt [OPTIONS] [BUG…]      plants each bug in the product and says which seed of the simulator finds it; `--help` tells the options
cargo xtask tidy                       the rules between crates, files and pages";

/// Does what the command line says.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(compiled) = fuzz::as_wrapper(&arguments) {
        return compiled;
    }
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Answers whether everything that was asked for passed.
fn run(arguments: &[String]) -> anyhow::Result<bool> {
    let workspace = Workspace::find()?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["check"] => check::run(&workspace, &check::Step::ALL),
        ["check", "--only", steps] => check::run(&workspace, &check::steps(steps)?),
        ["fuzz", rest @ ..] => fuzz::run(&workspace, rest),
        ["survive", rest @ ..] => survive::run(&workspace, rest),
        ["hunt", rest @ ..] => hunt::run(&workspace, rest),
        ["tidy"] => tidy::run(&workspace),
        ["test", rest @ ..] => {
            let counted = suite::run(&workspace, rest)?;
            eprintln!("{counted}");
            Ok(counted.all_passed())
        }
        ["help" | "--help" | "-h"] => {
            eprintln!("{HELP}");
            Ok(true)
        }
        _ => anyhow::bail!("`{}` is none of these:\n{HELP}", words.join(" ")),
    }
}
