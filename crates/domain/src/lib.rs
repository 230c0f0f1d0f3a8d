//! The words of the business: identifiers, money, tax, deals, invoices and what may be done after a failure.
//!
//! Every other crate speaks these types. The crate is pure: no I/O, no clock, no randomness, no floating
//! point; whatever is not known from the arguments is not known here. Rules of law and banking carry their
//! source at the type that holds them.
//!
//! Not here: what a deal needs next (`planner`), how remotes spell these things (`wire.rs` and
//! `translate.rs` of each connector), how they are kept (`store`).

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

mod account;
mod bik;
pub mod calendar;
mod counterparty;
mod deal;
mod decimal;
mod digits;
pub mod display;
mod ids;
mod inn;
mod invoice;
mod kpp;
pub mod ledger;
mod lines;
pub mod matching;
mod money;
mod number;
pub mod observed;
mod ogrn;
mod order;
pub mod part;

pub mod payment;
mod payment_qr;
pub mod purpose;
mod revision;
mod slot;
pub mod staff;
pub mod unit;
mod validated;
mod vat;
mod verdict;
pub mod words;

pub use account::{AccountError, CorrespondentAccount, KeptAt, SettlementAccount};
pub use bik::{Bik, BikError};
pub use counterparty::{Counterparty, CounterpartyKey, CounterpartyKeyError, Who};
pub use deal::Deal;
pub use decimal::{Price, Quantity};
pub use ids::{
    BankDetailId, CompanyId, ContactId, ContractorId, DealId, DepartmentId, FunnelId, IdError,
    InvoiceId, OrderNumber, OrganisationId, PortalId, RequisiteId, SmartInvoiceId, StageId, UserId,
};
pub use inn::{Inn, InnError, InnKind};
pub use invoice::{BankDetails, Invoice, InvoiceDraft, InvoiceStatus, Party};
pub use kpp::{Kpp, KppError};
pub use lines::{AmountError, Amounts, Discount, Line, Totals, Unit, totals};
pub use money::{Money, MoneyError};
pub use number::NumberError;
pub use ogrn::{Ogrn, OgrnError, OgrnKind};
pub use order::Order;
pub use part::{Part, PartError, Share};
pub use payment_qr::{PaymentQr, PaymentQrError};
pub use revision::{Revision, RevisionError};
pub use slot::{EffectKey, Slot, SlotKind, SlotKindError};
pub use vat::{VatMode, VatModeError, VatRate, VatRateError};
pub use verdict::Verdict;

/// The exact decimal behind [`Price`] and [`Quantity`].
pub use rust_decimal::Decimal;
