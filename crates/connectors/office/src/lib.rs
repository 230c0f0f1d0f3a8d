//! The connector for an office without an accounting program: its own books are the accounting side.
//!
//! On the event's way it stands behind [`capability::Accounting`] as any other accounting side: the reconciler asks,
//! this crate keeps the books by way of [`Books`]. `books.rs` says what books are; each capability has its file. Not
//! here: the database behind the books (`store`, put together in `desk`), the paper (`documents`), what the accountant
//! is given (`cli`).
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

mod books;
mod counterparties;
mod error;
mod issue;
mod organisation;
mod probe;
mod read;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use capability::Accounting;
use jiff::Timestamp;

pub use books::{Books, BooksError, NewBill, Recorded, Series};
pub use organisation::{GoOn, Organisation, OrganisationError, TEST_PREFIX};

/// The present moment, as the caller's clock tells it.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Connects the books of these organisations.
pub fn connect(organisations: Vec<Organisation>, books: Arc<dyn Books>, now: Now) -> Accounting {
    let office = Arc::new(Office {
        organisations,
        books,
        now,
    });
    Accounting {
        counterparties: office.clone(),
        issue: office.clone(),
        read: office.clone(),
        print: None,
        feed: None,
        payments: None,
        probe: office,
    }
}

/// The office; every capability is implemented for it in the file of its name.
struct Office {
    organisations: Vec<Organisation>,
    books: Arc<dyn Books>,
    now: Now,
}
