//! A local imitation of the accounting side, as `docs/reference/kontur-accounting.openapi.yaml`
//! describes it: stateful, with limits, lag, faults, people's acts and a page for a person who
//! plays the accountant.
//!
//! Used by the demo, the scenarios and the simulator in the place of the remote. It shares no
//! type with the connector and reads no clock but the one it is given. The `README.md` lists
//! what it does not imitate.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        reason = "tests may"
    )
)]

mod accountant;
mod amount;
mod book;
mod catalogue;
mod config;
mod documents;
mod emulator;
mod hints;
mod id;
mod identifiers;
mod items;
mod limits;
mod operations;
mod page;
mod payments;
mod pdf;
mod print_form;
mod problem;
mod reader;
mod records;
mod replies;
mod service;
mod shelf;
mod truth;

pub use accountant::{Accountant, NewPayment};
pub use amount::{Kopecks, Millionths, NdsRate};
pub use config::{ApiKey, BankAccount, Config, Organization, Settings};
pub use emulator::{Credentials, Emulator};
pub use hints::HintSent;
pub use id::Id;
pub use problem::{Fault, Problem};
pub use records::{
    Allocation, Bill, BillState, ClosingDocument, Contractor, ContractorOfDocument, CreatedBy,
    Direction, DocumentKind, DocumentState, Item, Meta, Payer, Payment, Product, ProductKind,
    Reason, RecordState, Signature, UtdStatus,
};
pub use truth::{Change, ChangeKind, RecordKind, RequestSeen, Truth, TruthOfOrganization, Who};
