//! How close to the remotes' own limits the product runs: one module for each measurement, one command for each module.
//!
//! The measurements that need no machine of their own run in simulated time, in the simulator's still world: a call
//! costs what the figures say, and the count does not depend on who else uses the machine. Smaller ones of the same
//! measurements are tests, with their bounds asserted. What was measured, and on what, stands in `README.md`.
//!
//! Not here: that the product stays right under faults (`simulator`), and that it works as a program (`tests`).
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

pub mod booking;
pub mod bulk;
pub mod calls;
pub mod events;
pub mod feed;
mod goals;
pub mod growth;
pub mod invoices;
pub mod machine;
pub mod matching;
pub mod others;
pub mod outage;
pub mod papers;
pub mod report;
pub mod startup;
pub mod statement;
pub mod tenants;
