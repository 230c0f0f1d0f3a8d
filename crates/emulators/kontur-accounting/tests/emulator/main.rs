//! The emulator as its clients and its people meet it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "tests may"
)]

mod behaviour;
mod contract;
mod over_http;
mod people;
mod support;
