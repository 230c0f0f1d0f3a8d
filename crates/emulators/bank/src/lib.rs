//! A client bank with accounts of one company, a page for people, and statement files in the format of 1C.
//!
//! Written from the description of the format, for demos and tests; it shares nothing with whoever reads such files. Not
//! here: an interface for programs, since it imitates banks that have none.
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

mod bank;
mod code_page;
mod page;
mod statement;

pub use bank::{Account, Bank, Form, Operation, Party, Way};
pub use code_page::CodePage;
