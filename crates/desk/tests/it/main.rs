//! The desk of an office: its statements, its folder, and what becomes of payments whatever order they come in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

mod any_order;
mod closed;
mod folder;
mod office;
mod split;
mod statement;
mod together;
