//! The imitated portal against the vendor's documentation: one subject a file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests may"
)]

mod access;
mod batch;
mod cards;
mod events;
mod faults;
mod hand;
mod items;
mod messages;
mod offline;
mod page;
mod required;
mod vendor_examples;
