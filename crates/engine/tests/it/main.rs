//! The engine by what it does: who takes which portal, its gate, the life of an effect, on one store and on two.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

mod effects;
mod engine;
mod gate;
mod reading;
mod replicas;
mod states;
mod support;
mod threads;
mod transition;
mod worker;
