//! Everything that comes from outside, thrown at the very functions that read it in the product.
//!
//! A target takes bytes and must come back: without a panic, without hanging, without asking a remote for ever.
//! `tests/corpus.rs` plays the committed inputs in every test run; `examples/libfuzzer.rs` hands a target to libFuzzer, which goes
//! on from them guided by coverage (`cargo xtask fuzz`). An input that was once found to break something lies in
//! `corpus/` from then on. Not here: what the answers mean (the connectors' tests).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a target tells what it found"
)]

mod accounting_answer;
mod batch_answer;
mod configuration;
mod event_body;
mod remote;
mod statement;
mod token_answer;

/// One function that must come back from whatever it is given.
#[derive(Clone, Copy)]
pub struct Target {
    /// As the command line and the folder of its inputs name it.
    pub name: &'static str,
    /// The function.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    Target {
        name: "event-body",
        run: event_body::run,
    },
    Target {
        name: "batch-answer",
        run: batch_answer::run,
    },
    Target {
        name: "token-answer",
        run: token_answer::run,
    },
    Target {
        name: "accounting-answer",
        run: accounting_answer::run,
    },
    Target {
        name: "configuration",
        run: configuration::run,
    },
    Target {
        name: "statement",
        run: statement::run,
    },
];

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}
