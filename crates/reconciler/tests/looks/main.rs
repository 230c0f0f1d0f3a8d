//! Looks from end to end, on remotes that keep state and misbehave on order.
//!
//! The store is the real one (in memory), the planner and the engine's rules are the real ones, the clock is paused.
//! `office` is what both remotes hold, `crm` and `books` are its two doors, `desk` looks at what is due.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

mod administrator;
mod adopting;
mod books;
mod breakdowns;
mod changes;
mod crm;
mod decisions;
mod desk;
mod followed;
mod invoice;
mod marked;
mod moved_on;
mod moves;
mod office;
mod orders;
mod outages;
mod overdue;
mod own_invoices;
mod parts;
mod poison;
mod questions;
mod refunds;
mod restored;
mod stand_ins;
mod unknown;
