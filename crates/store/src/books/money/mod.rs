//! Money that comes back: payments counted once, the ledger, and what is open of each invoice.
//!
//! `sightings` takes what a source shows, `followed` what an accounting side holds, `given` what its accountant gave, `open` finds the
//! invoices that a payment may be for (`names` says how their buyers are called, `gone` which were taken back), `ledger` books (`borne` says what may be, `batch` writes) and `undo` takes back, `refunds` takes off what we paid back,
//! `moved` gives elsewhere, `by_hand` gives what a person names, `split` gives a credit to its sales, `twice` notices an order that is there whole and in parts and
//! `divided` counts it once, and `settled` closes without a payment
//! by the rules of [`domain::ledger::Ledger`],
//! `receipts` tells a deal what came, `asked` tells what else a payer's money is asked about, `list`, `page`, `month` and `days`
//! tell people. Every
//! method that writes first locks the portal's row of `money_book`: two replicas book one after the other, and what a
//! rule rests on is read behind that lock. Not here: which payment is for which invoice (`domain::matching`, `planner`).

pub(crate) mod asked;
pub(crate) mod batch;
pub(crate) mod borne;
pub(crate) mod by_hand;
pub(crate) mod days;
pub(crate) mod divided;
pub(crate) mod followed;
pub(crate) mod given;
pub(crate) mod gone;
pub(crate) mod ledger;
pub(crate) mod list;
pub(crate) mod month;
pub(crate) mod moved;
pub(crate) mod names;
pub(crate) mod open;
pub(crate) mod page;
pub(crate) mod receipts;
pub(crate) mod refunds;
pub(crate) mod settled;
pub(crate) mod sightings;
pub(crate) mod split;
pub(crate) mod twice;
pub(crate) mod undo;

use std::str::FromStr;

use domain::payment::{Direction, PaymentKind};
use domain::{InvoiceId, OrganisationId, PortalId};
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    sql::statements,
    subject::text_set,
    tx::Tx,
    value::{Row, Value, params},
};

/// An invoice, whose id is unique within its organisation alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InvoiceRef {
    /// Whose.
    pub organisation: OrganisationId,
    /// Its id there.
    pub invoice: InvoiceId,
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Nobody looked at it yet, or what was decided is undone.
    New,
    /// A person is asked.
    Asked,
    /// Given to invoices.
    Booked,
    /// No buyer's payment: a transfer of our own, a fee, a register, a refund.
    Aside,
    /// A person decided that it is given to nothing.
    Left,
}

statements! {
    /// Takes numbers, the first of which is 1, and holds everybody else off until the commit.
    TAKE_NUMBERS =
        "INSERT INTO money_book (portal_id, payments, transactions)
         VALUES ($1, 1 + CAST($2 AS BIGINT), 1 + CAST($3 AS BIGINT))
         ON CONFLICT (portal_id) DO UPDATE SET
             payments = money_book.payments + CAST($2 AS BIGINT),
             transactions = money_book.transactions + CAST($3 AS BIGINT)
         RETURNING payments - CAST($2 AS BIGINT), transactions - CAST($3 AS BIGINT)";
}

/// The first of the numbers that were taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    pub(crate) payment: i64,
    pub(crate) transaction: i64,
}

/// Whose these invoices are, and their ids: found by both, since by their ids alone all of the portal's are walked over.
fn sets_of<'a>(invoices: impl Iterator<Item = &'a InvoiceRef>) -> (Value, Value) {
    let texts = |one: &InvoiceRef| (one.organisation.to_string(), one.invoice.to_string());
    let (organisations, ids): (Vec<String>, Vec<String>) = invoices.map(texts).unzip();
    (text_set(organisations), text_set(ids))
}

/// Locks the portal's book.
pub(crate) async fn lock(tx: &mut Tx<'_>, portal: &PortalId) -> Result<(), StoreError> {
    take(tx, portal, 0, 0).await.map(drop)
}

/// Takes numbers for so many payments and transactions, and locks the portal's book.
pub(crate) async fn take(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    payments: usize,
    transactions: usize,
) -> Result<Numbers, StoreError> {
    let taken = tx
        .first(
            &TAKE_NUMBERS,
            &params![portal, payments, transactions],
            |row| {
                Ok(Numbers {
                    payment: row.int()?,
                    transaction: row.int()?,
                })
            },
        )
        .await?;
    taken.ok_or_else(|| StoreError::Missing {
        portal: portal.clone(),
        what: "book of money",
        key: String::new(),
    })
}

impl PaymentState {
    /// All of them.
    pub const ALL: [PaymentState; 5] = [
        PaymentState::New,
        PaymentState::Asked,
        PaymentState::Booked,
        PaymentState::Aside,
        PaymentState::Left,
    ];

    /// The stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            PaymentState::New => "new",
            PaymentState::Asked => "asked",
            PaymentState::Booked => "booked",
            PaymentState::Aside => "aside",
            PaymentState::Left => "left",
        }
    }
}

impl FromStr for PaymentState {
    type Err = String;

    fn from_str(text: &str) -> Result<PaymentState, String> {
        let mut all = PaymentState::ALL.into_iter();
        all.find(|state| state.as_str() == text)
            .ok_or_else(|| format!("unknown state of a payment `{text}`"))
    }
}

const fn direction_text(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

fn read_direction(row: &mut Row) -> Result<Direction, StoreError> {
    match row.text()?.as_str() {
        "in" => Ok(Direction::In),
        "out" => Ok(Direction::Out),
        other => Err(row.undecodable(format!("`{other}` is no direction"))),
    }
}

const fn kind_text(kind: PaymentKind) -> &'static str {
    match kind {
        PaymentKind::Incoming => "incoming",
        PaymentKind::Register => "register",
        PaymentKind::ReturnedToUs => "returned_to_us",
        PaymentKind::RefundOut => "refund_out",
        PaymentKind::OwnTransfer => "own_transfer",
        PaymentKind::BankFee => "bank_fee",
        PaymentKind::Outgoing => "outgoing",
    }
}

fn read_kind(row: &mut Row) -> Result<PaymentKind, StoreError> {
    let text = row.text()?;
    let kinds = [
        PaymentKind::Incoming,
        PaymentKind::Register,
        PaymentKind::ReturnedToUs,
        PaymentKind::RefundOut,
        PaymentKind::OwnTransfer,
        PaymentKind::BankFee,
        PaymentKind::Outgoing,
    ];
    let mut kinds = kinds.into_iter();
    kinds
        .find(|kind| kind_text(*kind) == text)
        .ok_or_else(|| row.undecodable(format!("`{text}` is no kind of payment")))
}
