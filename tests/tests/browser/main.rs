//! What people see: a real Chromium on the pages, over the product at work.
//!
//! `driver` is the browser, driven through its debugging pipe: no driver, no port, no further dependency. `portal` is what a
//! manager sees on the emulated portal, `money` and `questions` what an accountant and an administrator see on the product's
//! own pages. Where there is no Chromium the tests say that they are skipped; `cargo xtask check` installs Debian's.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may"
)]

#[allow(dead_code, reason = "shared with the scenarios, which use all of it")]
#[path = "../scenarios/bank.rs"]
mod bank;
#[allow(dead_code, reason = "shared with the scenarios, which use all of it")]
#[path = "../scenarios/database.rs"]
mod database;
mod driver;
mod money;
#[allow(dead_code, reason = "shared with the scenarios, which use all of it")]
#[path = "../scenarios/office.rs"]
mod office;
mod portal;
mod questions;
#[allow(dead_code, reason = "shared with the scenarios, which use all of it")]
#[path = "../scenarios/world.rs"]
mod world;
