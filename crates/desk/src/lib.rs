//! What people do at their desk: answer a question and read what its code means, bring a statement, give a payment to an
//! invoice, take a booking back, split a credit of many sales, reconcile a month, and get tables.
//!
//! The command line and the pages order the same things here, so that there is one way of doing them. All of it works on
//! our own records, beside a running server; no remote is called. Not here: what is booked (`planner::payments`), how it
//! is recorded (`store`), how it looks (`cli`, `web::admin`).
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

pub mod accounts;
pub mod books;
pub mod cases;
pub mod codes;
pub mod folder;
pub mod giving;
pub mod invoices;
pub mod pause;
pub mod payments;
pub mod policy;
pub mod questions;
pub mod reconciliation;
pub mod registers;
pub mod settlements;
pub mod sheet;
pub mod statement;

use std::sync::Arc;

use domain::PortalId;
use engine::Clock;
use store::{JournalEntry, Store, StoreError};

/// What is worked with.
#[derive(Clone)]
pub struct Desk {
    /// Our records.
    pub store: Store,
    /// Whose.
    pub portal: PortalId,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The accounting side returns what its accountant gave: he decides about payments unless the policy says otherwise.
    pub accountant_gives: bool,
}

impl Desk {
    /// Notes in the journal what a person ordered.
    async fn note_person(&self, body: serde_json::Value) -> Result<(), StoreError> {
        let entry = JournalEntry {
            at: self.clock.now(),
            subject: None,
            kind: "person".to_owned(),
            body,
        };
        self.store.journal_note(&self.portal, &entry).await
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("portal", &self.portal)
            .finish_non_exhaustive()
    }
}
