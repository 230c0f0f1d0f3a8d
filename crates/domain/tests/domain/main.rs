//! The crate's tables and properties, in one binary so that they link once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "tests may"
)]

mod accounts;
mod build;
mod counted;
mod gone;
mod identifiers;
mod invoices;
mod ledger;
mod lines;
mod matching;
mod money;
mod parts;
mod payment_qr;
mod payments;
mod properties;
mod purposes;
mod returns;
mod third_parties;
mod together;
mod words_and_display;
