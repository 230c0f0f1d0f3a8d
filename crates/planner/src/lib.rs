//! What to do next: pure functions from a snapshot, the policy and the moment to a plan.
//!
//! No I/O, no clock, no randomness: the same function serves the reconciler, `provodka plan` and the
//! simulator. One file per promise to the user; [`invoicing`], and [`payments`] with [`refunds`], `registers` and [`receipts`] for money that comes back. Who carries a plan out, and how a
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

pub mod adopting;
mod asking;
mod buyer;
mod cancelling;
mod changed;
mod copied;
mod differences;
mod draft;
pub mod flood;
pub mod foretold;
mod gone;
pub mod invoicing;
pub mod known_days;
mod lines;
mod lost_deals;
pub mod marked;
mod newcomers;
pub mod notices;
mod orders;
mod overdue;
mod paid_before;
mod parts;
pub mod payments;
mod plan;
mod policy;
pub mod receipts;
pub mod refunds;
mod registers;
mod seller;
mod showing;
mod slots;
mod smart_invoices;
mod snapshot;
mod sums;
mod terms;
mod texts;
mod triggers;
pub mod twins;
mod units;
mod vat;
mod wanted;

pub use orders::{answers_given_up, is_answer};
pub use plan::{
    Action, Case, CaseCode, Choice, Fault, GivenUp, List, Need, NextDay, Plan, Reply,
    UnknownAccount, Whom,
};
pub use policy::{
    Advance, Attach, Booking, Cancel, Contract, Demand, DueCount, FormerOrder, Funnel,
    InvoicePolicy, Kind, KnownBy, Mode, MoneyPolicy, MovedBy, NewBuyers, NoRate, Notices,
    Organisation, Overdue, OwnAccount, OwnLine, OwnPaper, OwnUnit, PaidStage, PaperFile, Pictures,
    Pilot, Policy, PolicyError, Quiet, Refunds, Registers, SmartInvoices, Terms, VatPeriod,
    VatRegime, WithoutInn,
};
pub use seller::Seller;
pub use showing::is_test;
pub use snapshot::{
    Answer, Answers, Called, Creating, DealSnapshot, Fired, Heard, IsSaid, OpenCase, OrderAnswer,
    OurInvoice, Repeatable, Seen,
};
pub use texts::{by_strangers, status_label};
pub use wanted::{NOT_FOLLOWED, is_at_work, is_followed};
