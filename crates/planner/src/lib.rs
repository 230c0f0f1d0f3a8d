//! What to do next: pure functions from a snapshot, the policy and the moment to a plan.
//!
//! No I/O, no clock, no randomness: the same function serves the reconciler, `provodka plan` and the
//! simulator. One file per promise to the user; so far [`invoicing`]. Who carries a plan out, and how a
//! failure is survived, is not here but in `reconciler` and `engine`.

#![deny(
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::wildcard_enum_match_arm,
    missing_docs
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::arithmetic_side_effects,
        reason = "tests may"
    )
)]

mod buyer;
mod differences;
mod draft;
pub mod invoicing;
mod lines;
mod plan;
mod policy;
mod seller;
mod snapshot;
mod texts;
mod wanted;

pub use plan::{Action, Case, CaseCode, Fault, Need, Plan, Whom};
pub use policy::{Attach, Funnel, InvoicePolicy, Mode, Organisation, Policy, PolicyError};
pub use seller::Seller;
pub use snapshot::{Creating, DealSnapshot, OpenCase, OurInvoice, Repeatable, Seen};
pub use texts::status_label;
