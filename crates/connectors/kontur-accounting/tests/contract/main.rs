//! Whole exchanges with the accounting side on a scripted transport: what goes out, what comes of each answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

mod changing;
mod counterparties;
mod examples;
mod issuing;
mod paying;
mod probing;
mod reading;
mod stage;
