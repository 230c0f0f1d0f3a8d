//! The one program: its commands, its configuration, and the product put together.
//!
//! `main` is thin, so that scenarios and the demo can run the same product in their own process. Everything that
//! decides lives in other crates; here the parts meet, and people read what they did.
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

mod address;
pub mod adopt;
pub mod args;
pub mod cases;
pub mod check;
mod clock;
pub mod config;
pub mod connect;
pub mod demo;
pub mod emulate;
pub mod explain;
pub mod fault;
mod folder;
pub mod hint;
mod inspect;
pub mod journal;
pub mod layout;
pub mod logs;
mod out;
mod owner;
pub mod pages;
pub mod papers;
pub mod pause;
pub mod payments;
pub mod plan;
pub mod policy;
pub mod product;
mod readings;
pub mod register;
pub mod robot;
mod run;
pub mod seal;
pub mod serve;
pub mod setup;
pub mod simulate;
pub mod statement;
pub mod vault;
mod words;
mod zone;

pub use run::main;
