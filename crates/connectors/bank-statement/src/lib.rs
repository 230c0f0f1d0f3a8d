//! Bank statements as `1CClientBankExchange` text files: the one remote that is a file.
//!
//! On the event's way it stands where the other connectors do: `client.rs` brings lines out of bytes whatever code page
//! the header claims, `wire.rs` spells the sections, `translate.rs` makes payments of them, `error.rs` says what could not be
//! read. [`Statement`] hands out one record at a time and remembers nothing but sums, so that the size of a file does not
//! matter. Not here: which payments are the same (`domain::payment`), and what becomes of them (ledger, reconciler).
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

mod balance;
mod client;
mod code_page;
mod error;
mod statement;
mod translate;
mod wire;

pub use balance::{AccountDays, Balances};
pub use code_page::CodePage;
pub use error::{Fault, FaultKind, ReadError};
pub use statement::{Header, Record, Statement};
