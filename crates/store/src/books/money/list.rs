//! Payments for people: listed by what became of them, and summed up.

use std::collections::BTreeMap;

use domain::payment::{Direction, PaymentKind, PaymentOrder};
use domain::{Money, OrganisationId, PortalId};
use serde::{Deserialize, Serialize};

use super::{
    InvoiceRef, PaymentState, kind_text,
    ledger::{may_be_given, set_aside_by_words},
    read_direction, read_kind,
};
use crate::{
    error::StoreError,
    sql::statements,
    store::Store,
    tx::Tx,
    value::{Row, json_text, params},
};

/// A payment and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListedPayment {
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
    /// It is shown on more days than any one source shows orders: one payment that was moved, or two.
    pub days_differ: bool,
    /// The order.
    pub order: PaymentOrder,
    /// The invoices that have money of it now.
    pub invoices: Vec<(InvoiceRef, Money)>,
}

impl ListedPayment {
    /// Whether only its words made it somebody else's money than a buyer's, so that a person may have it asked about.
    pub fn was_set_aside_by_words(&self) -> bool {
        set_aside_by_words(self.state, self.kind, self.remaining)
    }

    /// Whether a person may give it, or what is left of it, to an invoice of his choice.
    pub fn may_be_given(&self) -> bool {
        may_be_given(self.order.direction, self.kind, self.state, self.remaining)
    }
}

/// Which payments to list, by number.
#[derive(Clone, Debug, Default)]
pub struct PaymentFilter {
    /// Only those that stand so.
    pub state: Option<PaymentState>,
    /// Only this one.
    pub number: Option<i64>,
    /// Only with a greater number: for reading on.
    pub after: i64,
    /// At most so many; 0 means 1000.
    pub limit: usize,
}

/// How many payments of a kind stand so, and what they come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentSum {
    /// Which way the money went.
    pub direction: Direction,
    /// What kind of money.
    pub kind: PaymentKind,
    /// What became of them.
    pub state: PaymentState,
    /// How many.
    pub count: i64,
    /// What they brought, or took.
    pub amount: Money,
    /// What of it is given to nothing.
    pub remaining: Money,
}

statements! {
    LIST =
        "SELECT number, organisation_id, kind, state, because, remaining, days_differ, body FROM payment
         WHERE portal_id = $1 AND number > $2 AND ($3 = '' OR state = $3) AND (CAST($4 AS BIGINT) = 0 OR number = $4)
         ORDER BY number LIMIT $5";
    GIVEN =
        "SELECT t.payment, e.organisation_id, e.invoice_id, CAST(sum(e.amount) AS BIGINT)
         FROM ledger_transaction t JOIN ledger_entry e ON e.portal_id = t.portal_id AND e.transaction_no = t.number
         WHERE t.portal_id = $1 AND t.payment IN numbers($2) AND e.place = 'invoice'
         GROUP BY t.payment, e.organisation_id, e.invoice_id
         HAVING sum(e.amount) <> 0 ORDER BY t.payment, e.organisation_id, e.invoice_id";
    SUMS =
        "SELECT direction, kind, state, count(*), CAST(sum(amount) AS BIGINT), CAST(sum(remaining) AS BIGINT)
         FROM payment WHERE portal_id = $1 AND nth >= 0 GROUP BY direction, kind, state ORDER BY direction, kind, state";
    SUMS_OF =
        "SELECT direction, kind, state, count(*), CAST(sum(amount) AS BIGINT), CAST(sum(remaining) AS BIGINT)
         FROM payment WHERE portal_id = $1 AND number IN numbers($2) AND nth >= 0
         GROUP BY direction, kind, state ORDER BY direction, kind, state";
}

impl Store {
    /// Payments by number.
    pub async fn money_list(
        &self,
        portal: &PortalId,
        filter: &PaymentFilter,
    ) -> Result<Vec<ListedPayment>, StoreError> {
        self.read((portal.clone(), filter.clone()), |tx, (portal, filter)| {
            Box::pin(list(tx, portal, filter))
        })
        .await
    }

    /// What all payments of a portal come to, by kind and by what became of them; withdrawn ones brought nothing.
    pub async fn money_sums(&self, portal: &PortalId) -> Result<Vec<PaymentSum>, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move { tx.list(&SUMS, &params![portal], read_sum).await })
        })
        .await
    }

    /// The same of these payments.
    pub async fn money_sums_of(
        &self,
        portal: &PortalId,
        numbers: &[i64],
    ) -> Result<Vec<PaymentSum>, StoreError> {
        self.read(
            (portal.clone(), numbers.to_vec()),
            |tx, (portal, numbers)| {
                Box::pin(async move {
                    let ask = params![portal, json_text(numbers)];
                    tx.list(&SUMS_OF, &ask, read_sum).await
                })
            },
        )
        .await
    }
}

async fn list(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    filter: &PaymentFilter,
) -> Result<Vec<ListedPayment>, StoreError> {
    let limit = if filter.limit == 0 {
        1000
    } else {
        filter.limit
    };
    let state = filter.state.map_or("", PaymentState::as_str);
    let ask = params![
        portal,
        filter.after,
        state,
        filter.number.unwrap_or_default(),
        limit
    ];
    let mut payments = tx.list(&LIST, &ask, read_listed).await?;
    name_invoices(tx, portal, &mut payments).await?;
    Ok(payments)
}

/// Adds to payments the invoices that have money of them now.
pub(super) async fn name_invoices(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    payments: &mut [ListedPayment],
) -> Result<(), StoreError> {
    let numbers: Vec<i64> = payments.iter().map(|one| one.number).collect();
    let mut by_number = standing_shares(tx, portal, &numbers).await?;
    for payment in payments {
        payment.invoices = by_number.remove(&payment.number).unwrap_or_default();
    }
    Ok(())
}

/// What of these payments stands for which invoices.
pub(super) async fn standing_shares(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    numbers: &[i64],
) -> Result<BTreeMap<i64, Vec<(InvoiceRef, Money)>>, StoreError> {
    let given = tx
        .list(&GIVEN, &params![portal, json_text(&numbers)], |row| {
            let number = row.int()?;
            let invoice = InvoiceRef {
                organisation: row.parsed()?,
                invoice: row.parsed()?,
            };
            Ok((number, invoice, Money::from_kopecks(row.int()?)))
        })
        .await?;
    let mut by_number: BTreeMap<i64, Vec<(InvoiceRef, Money)>> = BTreeMap::new();
    for (number, invoice, amount) in given {
        by_number.entry(number).or_default().push((invoice, amount));
    }
    Ok(by_number)
}

pub(super) fn read_listed(row: &mut Row) -> Result<ListedPayment, StoreError> {
    Ok(ListedPayment {
        number: row.int()?,
        organisation: row.parsed()?,
        kind: read_kind(row)?,
        state: row.parsed()?,
        because: row.text()?,
        remaining: Money::from_kopecks(row.int()?),
        days_differ: row.flag()?,
        order: row.json()?,
        invoices: Vec::new(),
    })
}

fn read_sum(row: &mut Row) -> Result<PaymentSum, StoreError> {
    Ok(PaymentSum {
        direction: read_direction(row)?,
        kind: read_kind(row)?,
        state: row.parsed()?,
        count: row.int()?,
        amount: Money::from_kopecks(row.int()?),
        remaining: Money::from_kopecks(row.int()?),
    })
}

impl ListedPayment {
    /// The stable word of its kind.
    pub fn kind_word(&self) -> &'static str {
        kind_text(self.kind)
    }

    /// What the bank kept of a register that is split: its invoices have it beside what came.
    pub fn commission(&self) -> Option<Money> {
        let given = Money::sum(self.invoices.iter().map(|(_, amount)| *amount))?;
        let whole = given.checked_add(self.remaining)?;
        let kept = whole.checked_sub(self.order.amount)?;
        (self.kind == PaymentKind::Register && kept.is_positive()).then_some(kept)
    }
}
