//! The connector against a scripted transport: what it sends, and what it makes of the answers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests may"
)]

mod access;
mod answers;
mod contacts;
mod events;
mod live;
mod offline;
mod reading;
mod script;
mod setting_up;
mod smart_invoices;
mod staff;
mod with_field;
mod writing;
