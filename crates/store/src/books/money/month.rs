//! What a month is reconciled by: each payment of its days with who shows it and what is given of it, corrections across
//! its ends, and the days that statements cover.
//!
//! One read of a fixed number of queries, however large the month is. Not here: what of it is a difference
//! (`desk::reconciliation`).

use std::collections::{BTreeMap, BTreeSet};

use domain::ledger::Settlement;
use domain::payment::{Direction, Likeness, PaymentKind, PaymentOrder};
use domain::{DealId, InvoiceId, Money, OrganisationId, PortalId, Slot};
use jiff::civil::Date;

use super::{InvoiceRef, PaymentState, days, days::day, ledger::NO_DEAL, read_kind, settled};
use crate::{
    error::StoreError,
    sql::statements,
    store::Store,
    tx::Tx,
    value::{Row, params},
};

/// What a month is reconciled by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MonthFacts {
    /// Every payment that counts for one of its days, by day and number.
    pub payments: Vec<MonthPayment>,
    /// Corrections of it that are dated later, and those of it that correct an earlier month; by number.
    pub corrections: Vec<MonthCorrection>,
    /// What settled invoices without a bank line on one of its days and stands; by number.
    pub settlements: Vec<MonthSettlement>,
    /// The days of all accounts that statements cover, without a gap each.
    pub covered: Vec<days::AccountSpan>,
    /// The organisations whose accounting side tells its payments.
    pub followed: BTreeSet<OrganisationId>,
}

/// A payment of the month.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthPayment {
    /// Its number in our records.
    pub number: i64,
    /// Whose account.
    pub organisation: OrganisationId,
    /// What kind of money.
    pub kind: PaymentKind,
    /// What became of it.
    pub state: PaymentState,
    /// Why, in Russian.
    pub because: String,
    /// What is given to nothing; below zero for what we paid.
    pub remaining: Money,
    /// The order.
    pub order: PaymentOrder,
    /// A statement shows it.
    pub in_bank: bool,
    /// What its accountant gave of it, where the accounting side holds it.
    pub in_accounting: Option<BTreeMap<InvoiceId, Money>>,
    /// What our ledger gave of it.
    pub shares: Vec<MonthShare>,
}

/// A part of a payment for an invoice, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthShare {
    /// The transaction that gave it.
    pub transaction: i64,
    /// How much.
    pub amount: Money,
    /// For what.
    pub invoice: NamedInvoice,
}

/// An invoice as people know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedInvoice {
    /// Which one.
    pub id: InvoiceRef,
    /// Its number and date; none for one that is no deal's.
    pub name: Option<(String, Date)>,
    /// Whose, and which of the deal's invoices it is.
    pub of_deal: Option<(DealId, Slot)>,
}

/// An entry that took something back in another month than it was given in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthCorrection {
    /// Its transaction.
    pub number: i64,
    /// Whose account.
    pub organisation: OrganisationId,
    /// The payment; none: it corrects a settlement.
    pub payment: Option<i64>,
    /// The day of the correction.
    pub dated: Date,
    /// The day of what it corrects.
    pub corrects: Date,
    /// Why.
    pub because: String,
    /// Who.
    pub author: String,
    /// What it took from which invoice; none: it took the payment itself away, or gave an advance back.
    pub share: Option<(NamedInvoice, Money)>,
    /// It corrects what was given or taken off, not the payment itself.
    pub is_of_share: bool,
}

/// What settled an invoice without a bank line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthSettlement {
    /// Its transaction.
    pub number: i64,
    /// The day of its document.
    pub dated: Date,
    /// How, by what document, and who says so.
    pub settlement: Settlement,
    /// For what.
    pub invoice: NamedInvoice,
    /// How much.
    pub amount: Money,
}

/// The day of what a correction takes back.
macro_rules! corrects {
    () => {
        concat!("coalesce(", day!(), ", u.dated)")
    };
}

macro_rules! of_month {
    ($column:literal) => {
        concat!(
            "(SELECT ",
            $column,
            " FROM payment p WHERE p.portal_id = $1 AND p.nth >= 0
                 AND ",
            day!(),
            " >= $2 AND ",
            day!(),
            " <= $3)"
        )
    };
}

statements! {
    PAYMENTS = concat!(
        "SELECT p.number, p.organisation_id, p.kind, p.state, p.because, p.remaining, p.body, p.key, f.given
         FROM payment p
         LEFT JOIN followed_payment f ON f.portal_id = p.portal_id AND f.payment = p.number AND f.deleted = 0
         WHERE p.portal_id = $1 AND p.nth >= 0 AND ", day!(), " >= $2 AND ", day!(), " <= $3
         ORDER BY ", day!(), ", p.number"
    );
    /// How often each statement shows an order. What was shown before there were likenesses is found by its key.
    IN_STATEMENTS = concat!(
        "SELECT s.key, s.likeness, s.source, count(*) FROM payment_sighting s
         WHERE s.portal_id = $1 AND s.likeness <> '' AND s.likeness IN ", of_month!("p.likeness"), "
         GROUP BY s.key, s.likeness, s.source
         UNION ALL SELECT s.key, s.likeness, s.source, count(*) FROM payment_sighting s
         WHERE s.portal_id = $1 AND s.likeness = '' AND s.key IN ", of_month!("p.key"), "
         GROUP BY s.key, s.likeness, s.source"
    );
    SHARES = concat!(
        "SELECT p.number, t.number, e.amount, e.organisation_id, e.invoice_id, b.deal, b.slot_kind, b.slot_generation,
                b.number, b.date
         FROM payment p
         JOIN ledger_transaction t ON t.portal_id = p.portal_id AND t.payment = p.number AND t.kind = 'allocation'
         JOIN ledger_entry e ON e.portal_id = t.portal_id AND e.transaction_no = t.number AND e.place = 'invoice'
         LEFT JOIN invoice_balance b ON b.portal_id = e.portal_id AND b.organisation_id = e.organisation_id
             AND b.invoice_id = e.invoice_id
         WHERE p.portal_id = $1 AND p.nth >= 0 AND ", day!(), " >= $2 AND ", day!(), " <= $3
             AND NOT EXISTS (
                 SELECT 1 FROM ledger_entry u WHERE u.portal_id = $1 AND u.undoes = t.number AND u.line = e.line
             )
         ORDER BY t.number, e.line"
    );
    /// A payment came on the day of credit that is known by now; the ledger has the one that was known when it was recorded.
    CORRECTIONS = concat!(
        "SELECT t.number, coalesce(p.organisation_id, e.organisation_id), p.number, t.dated, ", corrects!(), ",
                t.because, t.author,
                CASE WHEN u.kind = 'payment' THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END, e.amount, e.organisation_id, e.invoice_id, b.deal, b.slot_kind, b.slot_generation, b.number, b.date
         FROM ledger_transaction t
         JOIN ledger_transaction u ON u.portal_id = t.portal_id AND u.number = t.undoes
         LEFT JOIN payment p ON p.portal_id = t.portal_id AND p.number = t.payment
         LEFT JOIN ledger_entry e ON e.portal_id = t.portal_id AND e.transaction_no = t.number AND e.place = 'invoice'
         LEFT JOIN invoice_balance b ON b.portal_id = e.portal_id AND b.organisation_id = e.organisation_id
             AND b.invoice_id = e.invoice_id
         WHERE t.portal_id = $1 AND t.kind = 'correction' AND t.dated >= $2 AND ", corrects!(), " <= $3
             AND (", corrects!(), " < $2 AND t.dated <= $3 OR ", corrects!(), " >= $2 AND t.dated > $3)
         ORDER BY t.number, e.line"
    );
    SETTLEMENTS =
        "SELECT t.number, t.dated, s.kind, s.document, t.author, e.amount, e.organisation_id, e.invoice_id,
                b.deal, b.slot_kind, b.slot_generation, b.number, b.date
         FROM ledger_transaction t
         JOIN ledger_settlement s ON s.portal_id = t.portal_id AND s.transaction_no = t.number
         JOIN ledger_entry e ON e.portal_id = t.portal_id AND e.transaction_no = t.number AND e.place = 'invoice'
         LEFT JOIN invoice_balance b ON b.portal_id = e.portal_id AND b.organisation_id = e.organisation_id
             AND b.invoice_id = e.invoice_id
         WHERE t.portal_id = $1 AND t.kind = 'settlement' AND t.dated >= $2 AND t.dated <= $3
             AND NOT EXISTS (SELECT 1 FROM ledger_transaction u WHERE u.portal_id = $1 AND u.undoes = t.number)
         ORDER BY t.number";
    FOLLOWED = "SELECT name FROM sweep_cursor WHERE portal_id = $1 AND name LIKE 'payments/%'";
}

impl Store {
    /// What the days from `first` to `last` are reconciled by.
    pub async fn money_month(
        &self,
        portal: &PortalId,
        (first, last): (Date, Date),
    ) -> Result<MonthFacts, StoreError> {
        self.read(
            (portal.clone(), first, last),
            |tx, (portal, first, last)| Box::pin(month(tx, portal, *first, *last)),
        )
        .await
    }
}

async fn month(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    first: Date,
    last: Date,
) -> Result<MonthFacts, StoreError> {
    let ask = params![portal, first.to_string(), last.to_string()];
    let payments = tx.list(&PAYMENTS, &ask, read_payment).await?;
    let in_statements = tx.list(&IN_STATEMENTS, &ask, read_shown).await?;
    let mut shares: BTreeMap<i64, Vec<MonthShare>> = BTreeMap::new();
    for (payment, share) in tx.list(&SHARES, &ask, read_share).await? {
        shares.entry(payment).or_default().push(share);
    }
    let mut payments = with_banks(payments, &in_statements);
    for payment in &mut payments {
        payment.shares = shares.remove(&payment.number).unwrap_or_default();
    }
    Ok(MonthFacts {
        payments,
        settlements: tx.list(&SETTLEMENTS, &ask, read_settled).await?,
        corrections: tx.list(&CORRECTIONS, &ask, read_correction).await?,
        covered: days::covered(tx, portal).await?,
        followed: tx
            .list(&FOLLOWED, &params![portal], |row| {
                let name = row.text()?;
                let organisation = name.strip_prefix("payments/").unwrap_or_default();
                Ok(OrganisationId::new(organisation))
            })
            .await?
            .into_iter()
            .collect(),
    })
}

/// How many of the payments that are alike the bank shows: the largest count of one statement for each wording. What no
/// accounting side holds is of a statement in any case; of the others those that know their day of credit go first.
fn with_banks(payments: Vec<(String, MonthPayment)>, in_statements: &[Shown]) -> Vec<MonthPayment> {
    let likeness_of: BTreeMap<&str, Likeness> = payments
        .iter()
        .map(|(key, payment)| (key.as_str(), Likeness::of(&payment.order)))
        .collect();
    let mut most: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for shown in in_statements {
        let told = likeness_of.get(shown.key.as_str()).map(Likeness::as_str);
        let likeness = if shown.likeness.is_empty() {
            told.unwrap_or_default()
        } else {
            &shown.likeness
        };
        let count = most.entry((likeness, &shown.key)).or_default();
        *count = shown.count.max(*count);
    }
    let mut in_bank: BTreeMap<&str, usize> = BTreeMap::new();
    for ((likeness, _), count) in most {
        *in_bank.entry(likeness).or_default() += count;
    }
    let mut order: Vec<usize> = (0..payments.len()).collect();
    order.sort_by_key(|place| {
        payments.get(*place).map(|(_, payment)| {
            let order = &payment.order;
            (
                payment.in_accounting.is_some(),
                order.booked.is_none(),
                payment.number,
            )
        })
    });
    let mut shown = BTreeSet::new();
    for place in order {
        let Some((key, _)) = payments.get(place) else {
            continue;
        };
        let likeness = likeness_of.get(key.as_str()).map(Likeness::as_str);
        let left = likeness.and_then(|likeness| in_bank.get_mut(likeness));
        if let Some(left) = left.filter(|left| **left > 0) {
            *left -= 1;
            shown.insert(place);
        }
    }
    drop(likeness_of);
    payments
        .into_iter()
        .enumerate()
        .map(|(place, (_, payment))| MonthPayment {
            in_bank: shown.contains(&place),
            ..payment
        })
        .collect()
}

/// How often a statement shows an order.
struct Shown {
    key: String,
    likeness: String,
    count: usize,
}

fn read_shown(row: &mut Row) -> Result<Shown, StoreError> {
    let (key, likeness, _source) = (row.text()?, row.text()?, row.text()?);
    let count = usize::try_from(row.int()?).unwrap_or_default();
    Ok(Shown {
        key,
        likeness,
        count,
    })
}

fn read_payment(row: &mut Row) -> Result<(String, MonthPayment), StoreError> {
    let mut payment = MonthPayment {
        number: row.int()?,
        organisation: row.parsed()?,
        kind: read_kind(row)?,
        state: row.parsed()?,
        because: row.text()?,
        remaining: Money::from_kopecks(row.int()?),
        order: row.json()?,
        in_bank: false,
        in_accounting: None,
        shares: Vec::new(),
    };
    let key = row.text()?;
    let given: Option<BTreeMap<String, i64>> = row.json_or_null()?;
    payment.in_accounting = given.map(|given| {
        let given = given.into_iter();
        given
            .map(|(invoice, kopecks)| (InvoiceId::new(invoice), Money::from_kopecks(kopecks)))
            .collect()
    });
    Ok((key, payment))
}

fn read_share(row: &mut Row) -> Result<(i64, MonthShare), StoreError> {
    let (payment, transaction) = (row.int()?, row.int()?);
    let amount = Money::from_kopecks(row.int()?);
    let id = InvoiceRef {
        organisation: row.parsed()?,
        invoice: row.parsed()?,
    };
    let share = MonthShare {
        transaction,
        amount,
        invoice: read_name(row, id)?,
    };
    Ok((payment, share))
}

/// Deal, slot, number and date of an invoice, where they are known.
fn read_name(row: &mut Row, id: InvoiceRef) -> Result<NamedInvoice, StoreError> {
    let deal = row.int_or_null()?.and_then(|deal| u64::try_from(deal).ok());
    let deal = deal.map(DealId).filter(|deal| *deal != NO_DEAL);
    let (kind, generation) = (row.text_or_null()?, row.int_or_null()?);
    let (number, date) = (row.text_or_null()?, row.text_or_null()?);
    let slot = kind.zip(generation).and_then(|(kind, generation)| {
        let generation = u32::try_from(generation).ok()?;
        let kind = kind.parse().ok()?;
        Some(Slot { kind, generation })
    });
    let name = number.zip(date.and_then(|date| date.parse().ok()));
    Ok(NamedInvoice {
        id,
        name: name.filter(|_| deal.is_some()),
        of_deal: deal.zip(slot),
    })
}

fn read_settled(row: &mut Row) -> Result<MonthSettlement, StoreError> {
    let (number, dated) = (row.int()?, row.parsed()?);
    let settlement = settled::read_settlement(row)?;
    let amount = Money::from_kopecks(row.int()?);
    let id = InvoiceRef {
        organisation: row.parsed()?,
        invoice: row.parsed()?,
    };
    Ok(MonthSettlement {
        number,
        dated,
        settlement,
        invoice: read_name(row, id)?,
        amount,
    })
}

fn read_correction(row: &mut Row) -> Result<MonthCorrection, StoreError> {
    let (number, organisation, payment) = (row.int()?, row.parsed()?, row.int_or_null()?);
    let (dated, corrects) = (row.parsed()?, row.parsed()?);
    let (because, author) = (row.text()?, row.text()?);
    let is_of_share = row.flag()?;
    let amount = row.int_or_null()?.map(Money::from_kopecks);
    let (of, invoice) = (row.text_or_null()?, row.text_or_null()?);
    let id = of.zip(invoice).map(|(organisation, invoice)| InvoiceRef {
        organisation: OrganisationId::new(organisation),
        invoice: InvoiceId::new(invoice),
    });
    let share = match id.zip(amount) {
        Some((id, amount)) => Some((read_name(row, id)?, amount)),
        None => None,
    };
    Ok(MonthCorrection {
        number,
        organisation,
        payment,
        dated,
        corrects,
        because,
        author,
        share,
        is_of_share,
    })
}

impl MonthPayment {
    /// The day it counts for.
    pub fn day(&self) -> Date {
        self.order.booked.unwrap_or(self.order.date)
    }

    /// Money of a buyer that came: the only kind that goes to invoices.
    pub fn is_for_invoices(&self) -> bool {
        let kind = matches!(self.kind, PaymentKind::Incoming | PaymentKind::Register);
        kind && self.order.direction == Direction::In
    }

    /// What our ledger gave to invoices.
    pub fn given(&self) -> Money {
        Money::sum(self.shares.iter().map(|share| share.amount)).unwrap_or_default()
    }
}
