//! Whole-product scenarios: the product over real HTTP against the emulators, one module a promise.
//!
//! The emulators' true history judges; where the product's own records are asked, the promise is about them.
//! What a single crate can prove is proved there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may"
)]

mod database;
mod download;
mod in_parts;
mod office;
mod world;

mod accountant;
mod adopted;
mod answered;
mod application;
mod away;
mod bad_remotes;
mod bank;
mod by_accountant;
mod crowd;
mod deleted_company;
mod deleted_deal;
mod first_invoice;
mod hints;
mod money;
mod moved_on;
mod own_books;
mod own_writes;
mod pause;
mod planned;
mod reconciled;
mod refused;
mod replicas;
mod retried;
mod robot;
mod secrets;
mod settled;
mod smart_invoice;
mod triggers;
mod two_installations;
mod waiting_for_data;
mod watch_only;
