//! The store's promises, each written once and proved on every form of it: SQLite on one plain connection, SQLite
//! with its threads, and PostgreSQL where `PROVODKA_TEST_POSTGRES` holds the address of a server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests may"
)]

#[macro_use]
mod support;

mod admin;
mod adopted;
mod aside;
mod asked;
mod books;
mod budget;
mod by_hand;
mod divided;
mod effects;
mod failures;
mod followed;
mod given_back;
mod gone;
mod hints;
mod journal;
mod leases;
mod money;
mod money_month;
mod money_page;
mod moved;
mod named;
mod office;
mod opening;
mod orders;
mod portals;
mod postgres_only;
mod queue;
mod random_walk;
mod record;
mod refunds;
mod register;
mod retry;
mod settled;
mod split;
mod strangers;
