//! Invoices that ask for no money any more, though payers may still name them: what is told where no open one is found.

use jiff::civil::Date;

use crate::Inn;

/// An invoice that was taken back, or closed by something else than payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneInvoice {
    /// Its number.
    pub number: String,
    /// Its date.
    pub date: Date,
    /// The buyer's INN, if there is one.
    pub buyer: Option<Inn>,
    /// What became of it.
    pub how: Gone,
}

/// What became of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gone {
    /// It stands, cancelled.
    Cancelled,
    /// It is in the books no more.
    Deleted,
    /// It is closed without a bank line: money that comes may be what that stood for.
    Closed {
        /// The settlement's transaction.
        by: i64,
    },
}
