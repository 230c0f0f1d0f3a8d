//! The pages and the doors of `web` over real HTTP: events, hints and orders by machines, and the office's people.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

mod events;
mod given_back;
mod giving;
mod hints;
mod money;
mod orders;
mod pages;
mod questions;
mod registers;
mod settlements;
mod support;
mod tls;
