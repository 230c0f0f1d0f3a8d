//! The promise of `planner::invoicing`, rule by rule: a deal as an office would have it, and the plan in words.
//!
//! One builder (`build`), one rendering (`render`). What a person reads is compared whole.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

mod adopting;
mod after_issue;
mod build;
mod cancelling;
mod carry;
mod changed;
mod counterparty;
mod drift;
mod flood;
mod foretold;
mod forgotten;
mod issue;
mod lost_deals;
mod marked;
mod missing;
mod orders;
mod overdue;
mod paid_before;
mod policy;
mod properties;
mod quiet;
mod receipts;
mod render;
mod rules;
mod show;
mod slots;
mod smart_invoices;
mod sums;
mod triggers;
mod vat;
mod wanted;
