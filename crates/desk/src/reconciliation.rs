//! A month between the bank, the accounting side and the CRM: three columns for each organisation, and each difference
//! with the document, the side and the reason.
//!
//! `compare` is the computation, pure; here is what it is computed from, a fixed number of queries; `words` and
//! `workbook` show it. Nothing is written. The CRM's column is our ledger: what deals show follows from it, and what a deal
//! does not show yet is a difference by itself.

mod compare;
mod month;
mod words;
mod workbook;

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::AccountNumber;
use domain::{DealId, InvoiceId, Money, OrganisationId};
use jiff::civil::Date;
use planner::{Policy, receipts};
use serde::Serialize;
use store::{InvoiceRef, MonthFacts, NamedInvoice, StoreError};

use crate::Desk;
use crate::policy::NoBooking;

pub use month::{Month, NoMonth};
pub use words::{agreement_word, columns, kind_word, section_word, what_word};
pub use workbook::workbook;

/// A month, organisation by organisation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reconciliation {
    /// Which month.
    pub month: Month,
    /// In the order of the policy.
    pub organisations: Vec<OrganisationMonth>,
}

/// A month of one organisation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OrganisationMonth {
    /// Whose.
    pub organisation: OrganisationId,
    /// Whose, in words.
    pub title: String,
    /// The sums, side by side.
    pub sums: Vec<Sum>,
    /// What came, by account.
    pub accounts: Vec<AccountMonth>,
    /// All that there is to say, differences first.
    pub lines: Vec<Line>,
}

/// One amount on three sides; none where a side does not tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Columns {
    /// By statements.
    pub bank: Option<Money>,
    /// By the accounting side.
    pub accounting: Option<Money>,
    /// By our ledger, which deals show.
    pub crm: Option<Money>,
}

/// One row of the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// What is summed up.
    pub what: What,
    /// How much.
    pub columns: Columns,
}

/// What is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Money of buyers.
    Came,
    /// What of it is given to invoices.
    Given,
    /// What of that the deals show.
    Shown,
    /// What of it is given to nothing.
    Left,
    /// What closed invoices without a bank line.
    Settled,
    /// What the bank kept of credits of acquiring and СБП: their invoices got it beside what came.
    Commission,
    /// What we paid back to buyers.
    Refunded,
    /// What of that is taken off what they paid.
    TakenOff,
    /// What else came: transfers of our own, our money that came back.
    OtherIn,
    /// What else went.
    OtherOut,
}

/// What came to one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountMonth {
    /// Its number.
    pub number: AccountNumber,
    /// Money of buyers.
    pub came: Columns,
}

/// What a line is about; the order is that of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A statement shows it, the accounting side does not.
    OnlyInBank,
    /// The accounting side holds it, and no statement of its day shows it.
    OnlyInAccounting,
    /// One order, two amounts.
    AmountDiffers,
    /// One amount of one payer, another number or date.
    OrderDiffers,
    /// Given to other invoices there than here.
    AllocatedOtherwise,
    /// Given here, and its deal does not show it yet.
    NotShown,
    /// Given to nothing, or not whole.
    NotGiven,
    /// An invoice closed without a bank line.
    Settled,
    /// A correction of a month that was over.
    Corrected,
    /// Days without a statement.
    NotCovered,
}

/// The part of the report that a line stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// The sides disagree.
    Differences,
    /// The sides agree that something is still to be done.
    Open,
    /// Invoices closed without a bank line.
    Settlements,
    /// Corrections across months.
    Corrections,
    /// What cannot be judged.
    Days,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is about.
    pub kind: Kind,
    /// Its day.
    pub day: Date,
    /// The payment, where it is one.
    pub payment: Option<i64>,
    /// The document.
    pub document: String,
    /// Why it is listed.
    pub why: String,
    /// How much, on which side.
    pub columns: Columns,
}

impl Kind {
    /// Where it stands.
    pub const fn section(self) -> Section {
        match self {
            Kind::OnlyInBank
            | Kind::OnlyInAccounting
            | Kind::AmountDiffers
            | Kind::OrderDiffers
            | Kind::AllocatedOtherwise
            | Kind::NotShown => Section::Differences,
            Kind::NotGiven => Section::Open,
            Kind::Settled => Section::Settlements,
            Kind::Corrected => Section::Corrections,
            Kind::NotCovered => Section::Days,
        }
    }
}

impl Section {
    /// All of them, in order.
    pub const ALL: [Section; 5] = [
        Section::Differences,
        Section::Open,
        Section::Settlements,
        Section::Corrections,
        Section::Days,
    ];
}

impl OrganisationMonth {
    /// The lines of one part.
    pub fn of(&self, section: Section) -> impl Iterator<Item = &Line> {
        let of_section = move |line: &&Line| line.kind.section() == section;
        self.lines.iter().filter(of_section)
    }

    /// A sum; nothing where there is no such row.
    pub fn sum(&self, what: What) -> Columns {
        let mut sums = self.sums.iter();
        sums.find(|sum| sum.what == what)
            .map_or_else(Columns::default, |sum| sum.columns)
    }
}

impl Reconciliation {
    /// Whether no side says otherwise than another.
    pub fn agrees(&self) -> bool {
        let mut all = self.organisations.iter();
        all.all(|one| one.of(Section::Differences).next().is_none())
    }

    /// Whether statements cover all of it: of a day that none does the bank's side is not judged.
    pub fn is_covered(&self) -> bool {
        let mut all = self.organisations.iter();
        all.all(|one| one.of(Section::Days).next().is_none())
    }
}

/// Why a month is not reconciled.
#[derive(Debug, thiserror::Error)]
pub enum NotReconciled {
    /// Nothing is booked.
    #[error(transparent)]
    NoBooking(#[from] NoBooking),
    /// The policy names another.
    #[error("the policy knows no organisation `{0}`")]
    Nobody(String),
    /// Our records.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Desk {
    /// Reconciles a month as everything stands now, of all organisations or of one, by its id or title.
    ///
    /// # Errors
    /// Says why there is nothing to reconcile.
    pub async fn reconcile(
        &self,
        month: Month,
        only: Option<&str>,
    ) -> Result<Reconciliation, NotReconciled> {
        let policy = self.booking_policy().await?;
        let is_wanted = |id: &OrganisationId, title: &str| {
            only.is_none_or(|only| only == id.as_str() || only == title)
        };
        let mut known = policy.organisations.iter();
        if let Some(only) = only
            && !known.any(|one| is_wanted(&one.id, &one.title))
        {
            return Err(NotReconciled::Nobody(only.to_owned()));
        }
        let days = (month.first(), month.last());
        let facts = self.store.money_month(&self.portal, days).await?;
        let names = self.names(&facts).await?;
        let unseen = self.unseen(&facts).await?;
        let wanted = policy.organisations.iter();
        let wanted = wanted.filter(|one| is_wanted(&one.id, &one.title));
        let organisations = wanted.map(|one| {
            let now = self.clock.now();
            compare::compare(
                &facts,
                &compare::Side {
                    organisation: &one.id,
                    title: &one.title,
                    accounts: accounts(&policy, &one.id),
                    read_since: read_since(&policy).to_zoned(one.zone()).date(),
                    month,
                    today: now.to_zoned(one.zone()).date(),
                    names: &names,
                    unseen: &unseen,
                },
            )
        });
        Ok(Reconciliation {
            month,
            organisations: organisations.collect(),
        })
    }

    /// Numbers and dates of the invoices that anybody gave something to.
    async fn names(&self, facts: &MonthFacts) -> Result<Names, StoreError> {
        let mut names = Names::new();
        let mut unnamed = Vec::new();
        let settled = facts.settlements.iter().map(|one| &one.invoice);
        let corrected = facts
            .corrections
            .iter()
            .filter_map(|one| one.share.as_ref());
        for invoice in settled.chain(corrected.map(|(invoice, _)| invoice)) {
            name(&mut names, invoice);
        }
        for payment in &facts.payments {
            for share in &payment.shares {
                name(&mut names, &share.invoice);
            }
            let given = payment.in_accounting.iter().flatten();
            unnamed.extend(given.map(|(invoice, _)| InvoiceRef {
                organisation: payment.organisation.clone(),
                invoice: InvoiceId::clone(invoice),
            }));
        }
        unnamed.retain(|invoice| !names.contains_key(invoice));
        unnamed.sort_unstable();
        unnamed.dedup();
        if !unnamed.is_empty() {
            let balances = self.store.money_balances(&self.portal, &unnamed).await?;
            let told = balances.into_iter();
            names.extend(told.map(|(invoice, one)| (invoice, (one.number, one.date))));
        }
        Ok(names)
    }

    /// What was given to invoices of deals that do not show it.
    async fn unseen(&self, facts: &MonthFacts) -> Result<Unseen, StoreError> {
        let shares = facts.payments.iter().flat_map(|payment| &payment.shares);
        let shares = shares.map(|share| (share.transaction, &share.invoice));
        let settled = facts.settlements.iter();
        let settled = settled.map(|one| (one.number, &one.invoice));
        let entries: Vec<(String, i64, DealId)> = shares
            .chain(settled)
            .filter_map(|(transaction, invoice)| {
                let (deal, slot) = invoice.of_deal?;
                let key = receipts::entry_key(&self.portal, deal, transaction, slot);
                Some((key.as_str().to_owned(), transaction, deal))
            })
            .collect();
        let keys: Vec<String> = entries.iter().map(|(key, ..)| key.clone()).collect();
        let shown = self.store.effects_done(&self.portal, &keys).await?;
        let unseen = entries.into_iter();
        Ok(unseen
            .filter(|(key, ..)| !shown.contains(key))
            .map(|(_, transaction, deal)| (transaction, deal))
            .collect())
    }
}

/// Invoices as people know them.
type Names = BTreeMap<InvoiceRef, (String, Date)>;
/// Transactions that a deal does not show.
type Unseen = BTreeSet<(i64, DealId)>;

fn name(names: &mut Names, invoice: &NamedInvoice) {
    if let Some(name) = &invoice.name {
        names.insert(invoice.id.clone(), name.clone());
    }
}

fn accounts(policy: &Policy, organisation: &OrganisationId) -> Vec<AccountNumber> {
    let named = policy.money.iter().flat_map(|money| &money.accounts);
    named
        .filter(|account| account.organisation == *organisation)
        .map(|account| account.number.clone())
        .collect()
}

/// From when on the accounting side's payments are read.
fn read_since(policy: &Policy) -> jiff::Timestamp {
    let since = policy.money.as_ref().and_then(|money| money.since);
    since.unwrap_or(policy.start_at)
}
