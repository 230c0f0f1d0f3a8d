//! The Bitrix24 connector: deals, requisites and stages read in packs, fields, timeline and bells
//! written in packs, changes found by sweep, by the offline queue and by verified events.
//!
//! It implements the traits of `capability::portal` over `transport`. `wire.rs` has the portal's
//! spelling, `translate.rs` the mapping, `client.rs` the HTTP side, `webhook.rs` and `robot.rs`
//! what the portal sends to us. Nothing here decides what a deal needs; nothing stores anything but access tokens,
//! and those through the [`TokenVault`] it is given.
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
mod answer;
mod batch;
mod client;
mod command;
mod connection;
mod deals;
mod density;
mod dialog;
mod directory;
mod entered;
mod error;
mod fields;
mod form;
mod gather;
mod load;
mod masking;
mod oauth;
mod offline;
mod pace;
mod probe;
pub mod robot;
mod row_pages;
mod scalar;
mod setup;
mod smart_invoices;
mod staff;
mod sweep;

mod tokens;
mod translate;
pub mod webhook;
mod wire;
mod write;

pub use connection::{Bitrix24, ConfigError, Connection, Offline, Settings};
pub use dialog::Addressee;
pub use fields::FieldNames;
pub use oauth::oauth_host_is_pinned;
pub use probe::refused;
pub use tokens::{App, RenewalTurn, TokenVault, Tokens, VaultError};
