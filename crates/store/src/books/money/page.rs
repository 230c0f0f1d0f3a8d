//! Payments as a page shows them: by day from the newest back, found by what people know of one; the story of one; and
//! what is open of the invoices that are offered for it.
//!
//! It reads and writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::AccountNumber;
use domain::purpose::NumberKey;
use domain::{DealId, Inn, InvoiceId, Money, OrganisationId, PortalId};
use jiff::{Timestamp, civil::Date};

use super::{
    InvoiceRef, PaymentState,
    list::{ListedPayment, name_invoices, read_listed},
    sets_of,
};
use crate::{
    books::links::read_deal,
    error::StoreError,
    sql::statements,
    store::Store,
    subject::text_set,
    tx::Tx,
    value::{Row, params},
};

/// Which payments a page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageFilter {
    /// Only those that stand so.
    pub state: Option<PaymentState>,
    /// Booked by the bank on this day or later.
    pub from: Option<Date>,
    /// Booked by the bank on this day or before.
    pub to: Option<Date>,
    /// Only on this account of ours.
    pub account: Option<AccountNumber>,
    /// Only of this payer.
    pub payer: Option<Inn>,
    /// Only with this number of the order.
    pub order: Option<String>,
    /// After this one, by day and number: for reading on.
    pub after: Option<(Date, i64)>,
    /// At most so many.
    pub limit: usize,
}

/// A page of payments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PaymentPage {
    /// The newest first.
    pub payments: Vec<ListedPayment>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<(Date, i64)>,
}

/// An invoice and what is paid of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Whose deal it bills.
    pub deal: DealId,
    /// Its number.
    pub number: String,
    /// Its date.
    pub date: Date,
    /// What it bills.
    pub total: Money,
    /// What came.
    pub paid: Money,
    /// It may be paid: it lives and is not taken back.
    pub stands: bool,
}

impl Balance {
    /// What may still be given to it.
    pub fn open(&self) -> Money {
        let open = self.total.checked_sub(self.paid);
        let open = open.filter(|open| self.stands && open.is_positive());
        open.unwrap_or(Money::ZERO)
    }
}

/// One line of a payment's story: a transaction, and what it gave to an invoice or took from it. Of a buyer's payment also
/// what refunds gave back of its money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// The transaction.
    pub transaction: i64,
    /// Its day.
    pub dated: Date,
    /// `payment`, `allocation` or `correction`.
    pub kind: String,
    /// The payment that it is of; another one: a refund.
    pub payment: i64,
    /// Why.
    pub because: String,
    /// Who.
    pub author: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What went to which invoice; none for the money's coming.
    pub share: Option<(InvoiceRef, Money)>,
    /// What of a payment's rest went back, below zero.
    pub advance: Option<Money>,
}

macro_rules! day {
    () => {
        "coalesce(/*pg CAST( */body/*pg  AS JSONB) */ ->> 'booked', /*pg CAST( */body/*pg  AS JSONB) */ ->> 'date')"
    };
}

/// By order and by payer SQLite would read all days nevertheless, in their order: what is added to the day keeps it from that.
macro_rules! page {
    ($day:literal, $order:literal, $payer:literal) => {
        concat!(
            "SELECT number, organisation_id, kind, state, because, remaining, days_differ, body FROM payment
             WHERE portal_id = $1 AND ($2 = '' OR state = $2) AND ", day!(), $day, " >= $3
                 AND (", day!(), $day, ", number) < ($4, $5)
                 AND ($6 = '' OR /*pg CAST( */body/*pg  AS JSONB) */ ->> 'own_account' = $6)
                 AND (", $order, " /*pg CAST( */body/*pg  AS JSONB) */ ->> 'number' = $7)
                 AND (", $payer, " payer_inn = $8)
             ORDER BY ", day!(), $day, " DESC, number DESC LIMIT $9"
        )
    };
}

statements! {
    PAGE = page!("", "$7 = '' OR", "$8 = '' OR");
    PAGE_OF_ORDER = page!(" || ''", "", "$8 = '' OR");
    PAGE_OF_PAYER = page!(" || ''", "$7 = '' OR", "");
    BALANCES =
        "SELECT organisation_id, invoice_id, deal, number, date, total, paid, stands FROM invoice_balance
         WHERE portal_id = $1 AND organisation_id IN keys($2) AND invoice_id IN keys($3) AND deal <> 0";
    BY_NUMBER =
        "SELECT organisation_id, invoice_id, deal, number, date, total, paid, stands FROM invoice_balance
         WHERE portal_id = $1 AND number_key IN keys($2) AND deal <> 0 ORDER BY date DESC, organisation_id, invoice_id";
    STORY =
        "SELECT t.number, t.dated, t.kind, t.payment, t.because, t.author, t.recorded_at, e.organisation_id, e.invoice_id,
                e.amount
         FROM ledger_transaction t LEFT JOIN ledger_entry e
             ON e.portal_id = t.portal_id AND e.transaction_no = t.number
             AND (e.place = 'invoice' OR e.other_payment IS NOT NULL)
         WHERE t.portal_id = $1 AND t.number IN (
             SELECT own.number FROM ledger_transaction own WHERE own.portal_id = $1 AND own.payment = $2
             UNION ALL
             SELECT o.transaction_no FROM ledger_entry o WHERE o.portal_id = $1 AND o.other_payment = $2
         )
         ORDER BY t.number, e.line";
}

/// After every day that a bank writes.
const NO_DAY_YET: &str = "9999-12-31";

impl Store {
    /// Payments by the bank's day, the newest first.
    pub async fn money_page(
        &self,
        portal: &PortalId,
        filter: &PageFilter,
    ) -> Result<PaymentPage, StoreError> {
        self.read((portal.clone(), filter.clone()), |tx, (portal, filter)| {
            Box::pin(page(tx, portal, filter))
        })
        .await
    }

    /// These invoices, as far as they are known.
    pub async fn money_balances(
        &self,
        portal: &PortalId,
        invoices: &[InvoiceRef],
    ) -> Result<BTreeMap<InvoiceRef, Balance>, StoreError> {
        let args = (portal.clone(), invoices.to_vec());
        self.read(args, |tx, (portal, invoices)| {
            Box::pin(named(tx, portal, invoices))
        })
        .await
    }

    /// The invoices of deals with these numbers, however they are spelled; the newest first.
    pub async fn money_invoices(
        &self,
        portal: &PortalId,
        numbers: &[String],
    ) -> Result<Vec<(InvoiceRef, Balance)>, StoreError> {
        let keys = numbers.iter().map(|one| NumberKey::of(one));
        let keys = text_set(keys.map(|key| key.as_str().to_owned()));
        self.read((portal.clone(), keys), |tx, (portal, keys)| {
            Box::pin(async move {
                tx.list(&BY_NUMBER, &params![portal, keys.clone()], read_balance)
                    .await
            })
        })
        .await
    }

    /// All that was recorded of a payment, in order.
    pub async fn money_story(
        &self,
        portal: &PortalId,
        payment: i64,
    ) -> Result<Vec<LedgerLine>, StoreError> {
        self.read((portal.clone(), payment), |tx, (portal, payment)| {
            Box::pin(async move { tx.list(&STORY, &params![portal, *payment], read_line).await })
        })
        .await
    }
}

/// These invoices of deals, as far as they are known.
pub(super) async fn named(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    invoices: &[InvoiceRef],
) -> Result<BTreeMap<InvoiceRef, Balance>, StoreError> {
    let (organisations, ids) = sets_of(invoices.iter());
    let rows = tx
        .list(
            &BALANCES,
            &params![portal, organisations, ids],
            read_balance,
        )
        .await?;
    let mut known: BTreeMap<InvoiceRef, Balance> = rows.into_iter().collect();
    // Two organisations may have invoices of one id.
    let asked: BTreeSet<&InvoiceRef> = invoices.iter().collect();
    known.retain(|invoice, _| asked.contains(invoice));
    Ok(known)
}

async fn page(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    filter: &PageFilter,
) -> Result<PaymentPage, StoreError> {
    let text = |text: Option<String>| text.unwrap_or_default();
    // The last of a day is before every number.
    let end = filter.to.map(|day| (day, i64::MAX));
    let before = match (end, filter.after) {
        (Some(end), Some(after)) => Some(end.min(after)),
        (end, after) => end.or(after),
    };
    let (day, number) = before.map_or((NO_DAY_YET.to_owned(), i64::MAX), |(day, number)| {
        (day.to_string(), number)
    });
    let sql = match (&filter.order, &filter.payer) {
        (Some(_), _) => &PAGE_OF_ORDER,
        (None, Some(_)) => &PAGE_OF_PAYER,
        (None, None) => &PAGE,
    };
    let ask = params![
        portal,
        filter.state.map_or("", PaymentState::as_str),
        text(filter.from.map(|day| day.to_string())),
        day,
        number,
        text(filter.account.as_ref().map(|one| one.as_str().to_owned())),
        text(filter.order.clone()),
        text(filter.payer.as_ref().map(ToString::to_string)),
        filter.limit.saturating_add(1)
    ];
    let mut payments = tx.list(sql, &ask, read_listed).await?;
    let is_more = payments.len() > filter.limit;
    payments.truncate(filter.limit);
    name_invoices(tx, portal, &mut payments).await?;
    let last = payments.last().filter(|_| is_more);
    let next = last.map(|one| (one.order.booked.unwrap_or(one.order.date), one.number));
    Ok(PaymentPage { payments, next })
}

fn read_balance(row: &mut Row) -> Result<(InvoiceRef, Balance), StoreError> {
    let invoice = InvoiceRef {
        organisation: row.parsed()?,
        invoice: row.parsed()?,
    };
    let balance = Balance {
        deal: read_deal(row)?,
        number: row.text()?,
        date: row.parsed()?,
        total: Money::from_kopecks(row.int()?),
        paid: Money::from_kopecks(row.int()?),
        stands: row.flag()?,
    };
    Ok((invoice, balance))
}

fn read_line(row: &mut Row) -> Result<LedgerLine, StoreError> {
    let (transaction, dated) = (row.int()?, row.parsed()?);
    let (kind, payment) = (row.text()?, row.int()?);
    let (because, author) = (row.text()?, row.text()?);
    let recorded_at = row.moment()?;
    let (organisation, invoice) = (row.text_or_null()?, row.text_or_null()?);
    let amount = row.int_or_null()?.map(Money::from_kopecks);
    let invoice = organisation
        .zip(invoice)
        .map(|(organisation, invoice)| InvoiceRef {
            organisation: OrganisationId::new(organisation),
            invoice: InvoiceId::new(invoice),
        });
    Ok(LedgerLine {
        transaction,
        dated,
        kind,
        because,
        author,
        recorded_at,
        payment,
        advance: amount.filter(|_| invoice.is_none()),
        share: invoice.zip(amount),
    })
}
