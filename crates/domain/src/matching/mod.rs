//! Which invoices a payment is for: candidates, each with a certainty and reasons in words.
//!
//! Only a certain match is booked without a person. `certain` holds the rules that make one, `candidates` what else may be
//! meant, `cover` sets whose sum is exact, `open` the invoices that wait for money, `gone` those that do not any more. A wrong
//! booking is worse than ten questions, so whatever is not understood speaks against certainty.

mod candidates;
mod certain;
mod cover;
mod gone;
mod open;
mod reason;

use jiff::civil::Date;

use crate::purpose::Purpose;
use crate::{Inn, InnKind, InvoiceId, Money, OrganisationId};

pub use cover::{MOST_OPEN, payments_covering};
pub use gone::{Gone, GoneInvoice};
pub use open::{Alias, CountedBefore, OpenInvoice, OpenInvoices};
pub use reason::{Doubt, Reason};

/// Money that came and has to be given to invoices. Only [`crate::payment::PaymentKind::Incoming`] gets here: a register
/// is never matched by sum.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Whose account it came to.
    pub organisation: &'a OrganisationId,
    /// The payer's INN.
    pub payer: Option<&'a Inn>,
    /// How much of it is still to be given.
    pub amount: Money,
    /// The day that it came.
    pub came: Date,
    /// What its purpose says.
    pub purpose: &'a Purpose,
    /// For which buyers people took this payer's money before: evidence, never proof.
    pub chosen_before: &'a [ChosenBefore],
    /// Other money of this payer that came to the organisation and is given to nothing: together with it this may pay an invoice.
    pub others: &'a [OtherPayment],
}

impl Incoming<'_> {
    /// What of the invoice it may pay: what the accounting side counted before is not open to money that came later.
    fn open_of(&self, invoice: &OpenInvoice) -> Money {
        invoice.counted_before.open_to(invoice.open, self.came)
    }
}

/// A payment beside another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherPayment {
    /// Its number in our records.
    pub number: i64,
    /// What of it is given to nothing.
    pub left: Money,
}

/// People gave money of this payer to a buyer's invoices before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenBefore {
    /// Whose invoices they were.
    pub buyer: Inn,
    /// How often.
    pub times: u32,
}

/// A part of a payment for one invoice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// Which invoice.
    pub invoice: InvoiceId,
    /// How much of the payment.
    pub amount: Money,
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Something speaks for it.
    Possible,
    /// The purpose names it and the payer may be the buyer; something is missing.
    Likely,
    /// Booked without a person.
    Certain,
}

/// What the payment may be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The invoices, each with its part; their sum is at most the payment.
    pub shares: Vec<Share>,
    /// How sure it is.
    pub certainty: Certainty,
    /// What speaks for it.
    pub reasons: Vec<Reason>,
    /// What speaks against booking it without a person.
    pub doubts: Vec<Doubt>,
}

/// What is known of a payment: candidates from the best down, and why none of them is certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// At most [`MOST_CANDIDATES`]; only the first may be certain.
    pub candidates: Vec<Candidate>,
    /// What speaks against booking this payment without a person at all; empty where one is certain.
    pub doubts: Vec<Doubt>,
}

/// A longer list is of no use to anybody.
pub const MOST_CANDIDATES: usize = 10;

impl Proposal {
    /// The candidate to book without a person.
    pub fn certain(&self) -> Option<&Candidate> {
        self.candidates
            .first()
            .filter(|candidate| candidate.certainty == Certainty::Certain)
    }
}

/// Whether the payer may be a buyer whose invoice has no INN: a person's may stand in the bank's papers alone.
pub fn may_have_no_inn(payer: Option<&Inn>) -> bool {
    payer.is_none_or(|inn| inn.kind() == InnKind::Person)
}

/// What the payment is for, as far as it can be told.
pub fn propose(payment: Incoming<'_>, open: &OpenInvoices) -> Proposal {
    match certain::certain(payment, open) {
        Ok(certain) => Proposal {
            candidates: vec![certain],
            doubts: Vec::new(),
        },
        Err(doubts) => Proposal {
            candidates: candidates::candidates(payment, open),
            doubts,
        },
    }
}
