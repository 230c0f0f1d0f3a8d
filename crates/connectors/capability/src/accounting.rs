//! The accounting side: counterparties, invoices, print forms, changes, payments.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::observed::KnownCounterparty;
use domain::payment::{LineId, PaymentOrder};
use domain::{
    ContractorId, Counterparty, Inn, Invoice, InvoiceDraft, InvoiceId, Money, OrganisationId,
};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::portal::Finding;
use crate::{Call, ConnectorError};

/// A connected accounting side: every capability the connection really has.
#[derive(Clone)]
pub struct Accounting {
    /// Counterparties.
    pub counterparties: Arc<dyn Counterparties>,
    /// Issuing.
    pub issue: Arc<dyn IssueInvoices>,
    /// Reading what was issued.
    pub read: Arc<dyn ReadInvoices>,
    /// The accounting side's own print form.
    pub print: Option<Arc<dyn PrintInvoices>>,
    /// What changed over there.
    pub feed: Option<Arc<dyn ChangeFeed>>,
    /// The payments over there, with what the accountant gave of them to which invoice.
    pub payments: Option<Arc<dyn ReadPayments>>,
    /// For `check`.
    pub probe: Arc<dyn ProbeAccounting>,
}

/// Finds and creates counterparties.
#[async_trait]
pub trait Counterparties: Send + Sync {
    /// All counterparties of an organisation with these INNs, whatever their KPP, in as few calls as the remote allows. One
    /// that cannot be read is in the way of its own INN alone.
    async fn find(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        inns: &[Inn],
    ) -> Result<Found, ConnectorError>;

    /// Those of these without an INN that we created, by our own id, which is kept with each. Never by a name alone.
    async fn find_ours(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        counterparties: &[Counterparty],
    ) -> Result<Vec<KnownCounterparty>, ConnectorError>;

    /// Whether one without an INN that we created under this id is still there and bears our own id.
    async fn is_still_ours(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        counterparty: &Counterparty,
        id: &ContractorId,
    ) -> Result<bool, ConnectorError>;

    /// Creates one. `key` tells a repetition of this creation from another of the same counterparty; it is sent as
    /// idempotency key where the remote honours one.
    async fn create(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        counterparty: &Counterparty,
        key: &str,
    ) -> Result<ContractorId, ConnectorError>;
}

/// What a search for counterparties has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Counterparties.
    pub known: Vec<KnownCounterparty>,
    /// INNs with a counterparty that cannot be read, and why. Nothing else is told of them: it would not be all.
    pub unread: BTreeMap<Inn, ConnectorError>,
}

impl Found {
    /// What was found, unless anything stayed unread.
    ///
    /// # Errors
    /// With the reason of the first INN that stayed unread.
    pub fn whole(self) -> Result<Vec<KnownCounterparty>, ConnectorError> {
        match self.unread.into_values().next() {
            Some(error) => Err(error),
            None => Ok(self.known),
        }
    }
}

impl From<Vec<KnownCounterparty>> for Found {
    fn from(known: Vec<KnownCounterparty>) -> Self {
        Self {
            known,
            unread: BTreeMap::new(),
        }
    }
}

/// Issues invoices.
#[async_trait]
pub trait IssueInvoices: Send + Sync {
    /// Creates an invoice. `key` goes as idempotency key where honoured, and always as our mark in
    /// the invoice's comment, by which [`IssueInvoices::find_marked`] finds it.
    async fn issue(&self, call: &Call<'_>, order: &InvoiceOrder)
    -> Result<Invoice, ConnectorError>;

    /// How many invoices can be issued before the call's moment to be sent by is over, as far as the remote's
    /// limits go.
    async fn room(&self, call: &Call<'_>) -> u32;

    /// The invoices that carry our marks for these keys, among those changed since `since`. One that cannot be read is in
    /// the way of the keys that it bears or may bear, and of no other.
    async fn find_marked(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        since: Timestamp,
        keys: &[String],
    ) -> Result<Marked, ConnectorError>;

    /// The same for who can use nothing but the whole answer.
    async fn find_by_key(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        since: Timestamp,
        keys: &[String],
    ) -> Result<Vec<(String, Invoice)>, ConnectorError> {
        self.find_marked(call, organisation, since, keys)
            .await?
            .whole()
    }

    /// Whether the remote honours an idempotency key: then an unknown create is sent again at once.
    fn honours_idempotency_key(&self) -> bool;
}

/// What to issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceOrder {
    /// To whom, as the accounting side knows them.
    pub contractor: ContractorId,
    /// What.
    pub draft: InvoiceDraft,
    /// The effect's key, `portal/deal/4711/invoice/whole/1`.
    pub key: String,
}

/// What a look for marks has seen. A key that is in neither is one that no invoice bears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// Invoices, each with the key whose mark it carries.
    pub found: Vec<(String, Invoice)>,
    /// Keys that an invoice bears, or may bear, which cannot be read, and why. None of them is found as well.
    pub unread: BTreeMap<String, ConnectorError>,
}

impl Marked {
    /// What was found, unless anything stayed unread.
    ///
    /// # Errors
    /// With the reason of the first key that stayed unread.
    pub fn whole(self) -> Result<Vec<(String, Invoice)>, ConnectorError> {
        match self.unread.into_values().next() {
            Some(error) => Err(error),
            None => Ok(self.found),
        }
    }
}

/// The code of an error about an invoice that cannot be read and surely is none of ours: a person made it, or it bears no mark
/// of ours.
pub const FOREIGN: &str = "foreign";

/// Reads invoices.
#[async_trait]
pub trait ReadInvoices: Send + Sync {
    /// By id; `None` where the remote says that it does not exist (any more). In the order of `ids`. What cannot be read and
    /// surely is none of ours is an error with the code [`FOREIGN`].
    async fn read(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        ids: &[InvoiceId],
    ) -> Vec<Result<Option<Invoice>, ConnectorError>>;

    /// All that bear exactly this number, of whatever year and whoever made them; those that were taken back among
    /// them, as cancelled.
    async fn with_number(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        number: &str,
    ) -> Result<Vec<Invoice>, ConnectorError>;

    /// Whether an invoice of this day cannot bear this number, because another of its year does.
    async fn is_number_taken(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        number: &str,
        day: Date,
    ) -> Result<bool, ConnectorError>;
}

/// Gives print forms.
#[async_trait]
pub trait PrintInvoices: Send + Sync {
    /// The PDF.
    async fn print(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        id: &InvoiceId,
    ) -> Result<Vec<u8>, ConnectorError>;
}

/// Tells what changed.
#[async_trait]
pub trait ChangeFeed: Send + Sync {
    /// Changes from `offset` on; none asks for the feed's present end.
    async fn changes(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        offset: Option<&str>,
    ) -> Result<Changes, ConnectorError>;
}

/// One page of a change feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Invoices that changed, each once.
    pub invoices: Vec<InvoiceId>,
    /// Where to go on.
    pub next: String,
    /// Whether more is waiting.
    pub more: bool,
}

/// Reads payments.
#[async_trait]
pub trait ReadPayments: Send + Sync {
    /// A page of the payments that changed, by time of change, deleted ones too. What is read again is told again:
    /// a reader that comes to the end goes on a little before it, because lists lag. One payment that cannot be read
    /// does not keep the others back.
    async fn payments(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        from: PaymentsFrom<'_>,
    ) -> Result<PaymentPage, ConnectorError>;
}

/// Where to read payments from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentsFrom<'a> {
    /// What changed since this moment.
    Moment(Timestamp),
    /// Where the last page said to go on.
    Cursor(&'a str),
}

/// One page of payments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentPage {
    /// The payments, each as it is now.
    pub payments: Vec<ToldPayment>,
    /// Those that are not what the contract promises.
    pub unreadable: Vec<UnreadablePayment>,
    /// Where to go on, to be stored together with what was read.
    pub next: String,
    /// Whether more is waiting.
    pub more: bool,
}

/// A payment as the accounting side tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldPayment {
    /// Its lasting id there.
    pub id: LineId,
    /// The order, as it is now.
    pub order: PaymentOrder,
    /// A person took it out of the books.
    pub deleted: bool,
    /// What the accountant gave of it, each invoice once; at most its amount.
    pub allocations: Vec<(InvoiceId, Money)>,
}

/// A payment that is not what the contract promises, as far as a person can find it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadablePayment {
    /// Its lasting id there.
    pub id: LineId,
    /// The number of the order, as it is told.
    pub number: String,
    /// Its date, as it is told.
    pub date: String,
    /// What cannot be used of it: the contract's name of the field.
    pub field: &'static str,
    /// It names none of our accounts, and lacks nothing else: what it is on the main one.
    pub but_for_account: Option<Box<ToldPayment>>,
}

/// Tries what `check` asks.
#[async_trait]
pub trait ProbeAccounting: Send + Sync {
    /// Key, organisations, rights. Never fails as a whole.
    async fn probe(&self, call: &Call<'_>) -> Vec<Finding>;

    /// What is wrong if we wait shorter than the remote declares that its effects and lists may take; also part of
    /// [`ProbeAccounting::probe`].
    async fn impatience(&self, call: &Call<'_>) -> Result<Option<Finding>, ConnectorError>;

    /// The organisations the key opens: id, name, INN, KPP.
    async fn organisations(&self, call: &Call<'_>) -> Result<Vec<OwnOrganisation>, ConnectorError>;
}

/// One of our own legal entities as the accounting side knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnOrganisation {
    /// Its id there.
    pub id: OrganisationId,
    /// Its name.
    pub name: String,
    /// INN, where told.
    pub inn: Option<String>,
    /// KPP, where told.
    pub kpp: Option<String>,
    /// Whether it is known to be for trying out.
    pub test: bool,
}
