//! What books are to this connector: a few questions, each one transaction of whoever keeps them.

use async_trait::async_trait;
use domain::{
    Amounts, ContractorId, Counterparty, Invoice, InvoiceDraft, InvoiceId, OrganisationId,
    PortalId, Verdict, Who,
};
use jiff::Timestamp;

/// Keeps invoices and counterparties.
#[async_trait]
pub trait Books: Send + Sync {
    /// Gives the invoice the next number of its organisation and year and records it, both or neither; an invoice
    /// that the books hold under this key already is found instead.
    async fn record(
        &self,
        portal: &PortalId,
        bill: &NewBill,
        now: Timestamp,
    ) -> Result<Recorded, BooksError>;

    /// The invoices that were recorded under these keys.
    async fn by_key(
        &self,
        portal: &PortalId,
        keys: &[String],
    ) -> Result<Vec<(String, Invoice)>, BooksError>;

    /// The invoices of an organisation with these ids, in any order.
    async fn by_id(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        ids: &[InvoiceId],
    ) -> Result<Vec<Invoice>, BooksError>;

    /// The invoices with this printed number, of whichever organisation and year.
    async fn by_number(&self, portal: &PortalId, number: &str) -> Result<Vec<Invoice>, BooksError>;

    /// Whether an invoice of a series cannot bear this number: another does, or it was given by hand.
    async fn is_taken(
        &self,
        portal: &PortalId,
        series: &Series,
        number: &str,
    ) -> Result<bool, BooksError>;

    /// The number that the next invoice of a year gets; `None` before its first.
    async fn next_number(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        year: i16,
    ) -> Result<Option<u32>, BooksError>;

    /// These counterparties of an organisation, whatever their KPP.
    async fn counterparties(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        all: &[Who],
    ) -> Result<Vec<Counterparty>, BooksError>;

    /// Records a counterparty; one with its key stays as it is.
    async fn add_counterparty(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        counterparty: &Counterparty,
        now: Timestamp,
    ) -> Result<(), BooksError>;
}

/// An invoice that is to get a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBill {
    /// The effect's key.
    pub key: String,
    /// For whom.
    pub contractor: ContractorId,
    /// What it says.
    pub draft: InvoiceDraft,
    /// What it comes to.
    pub totals: Amounts,
    /// Whether its organisation is for trying out.
    pub test: bool,
    /// What stands before the number.
    pub prefix: String,
    /// The number is not below this one.
    pub first: u32,
}

/// The numbers of an organisation and year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Whose.
    pub organisation: OrganisationId,
    /// Of which year.
    pub year: i16,
    /// What stands before them.
    pub prefix: String,
    /// The first: smaller ones were given by hand.
    pub first: u32,
}

/// What became of a wish to record an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is in the books, now or since before.
    Invoice(Box<Invoice>),
    /// Under this key the books hold an invoice made from something else.
    OfAnotherRevision,
    /// Nothing was recorded: the create was given up meanwhile, or its time is over.
    NotUnderWay,
    /// Nothing was recorded: another invoice of its organisation and year bears the number that it was to bear.
    NumberTaken,
    /// Nothing was recorded: its series has real numbers, and this one is for trying out, or the other way about.
    OfAnotherKind,
}

/// Why the books did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BooksError {
    /// What may be done next.
    pub verdict: Verdict,
    /// In words.
    pub message: String,
}
