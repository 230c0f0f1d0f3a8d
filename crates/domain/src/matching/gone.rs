//! Invoices that ask for no money any more, though payers may still name them: what is told where no open one is found.

use jiff::civil::Date;

use crate::Inn;

/// An invoice that was taken back.
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

/// How an invoice was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gone {
    /// It stands, cancelled.
    Cancelled,
    /// It is in the books no more.
    Deleted,
}
