//! Invoices that people settle without a bank line: by an order, or by the answer to a question that offers it.

use domain::ledger::{Settlement, SettlementKind};
use domain::{DealId, Money};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use planner::marked::{ByMark, SETTLE};
use serde_json::{Value, json};
use store::{Case, InvoiceRef, InvoiceSettled, ListedSettlement, NewSettlement, StoreError};

use crate::Desk;
use crate::invoices::NotNamed;
use crate::payments::NotAnswered;
use crate::policy::NoBooking;

/// What a person says of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The invoice's number, or `organisation/id` where several have one number.
    pub invoice: String,
    /// How much of it; none: all that is open.
    pub amount: Option<Money>,
    /// How it is settled.
    pub kind: SettlementKind,
    /// The document that proves it, with its number and date.
    pub document: String,
    /// The day of the document; none: today.
    pub dated: Option<Date>,
}

/// A settlement that is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its transaction.
    pub number: i64,
    /// Whose invoice it is.
    pub deal: DealId,
    /// How much was settled.
    pub amount: Money,
    /// What is still open.
    pub open: Money,
}

/// Why nothing was settled.
#[derive(Debug, thiserror::Error)]
pub enum NotSettled {
    /// Nothing is booked.
    #[error(transparent)]
    NoBooking(#[from] NoBooking),
    /// No one invoice is meant.
    #[error(transparent)]
    NotNamed(#[from] NotNamed),
    /// It is settled so already: twice the same is an order that was given twice.
    #[error("the same settlement stands already, under number {0}")]
    Already(i64),
    /// Less is open than that.
    #[error("invoice `{number}` has {open} open")]
    MoreThanOpen {
        /// Which invoice.
        number: String,
        /// So much.
        open: Money,
    },
    /// Nothing proves it.
    #[error("a settlement needs its document")]
    NoDocument,
    /// The day is not over: what did not happen yet settles nothing.
    #[error("{0} has not come yet")]
    NotYet(Date),
    /// Our records.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Desk {
    /// Settles an invoice in the name of `by`; today is told in `zone`.
    ///
    /// # Errors
    /// Says why nothing was settled.
    pub async fn settle(
        &self,
        order: &Order,
        by: &str,
        zone: &TimeZone,
    ) -> Result<Recorded, NotSettled> {
        self.booking_policy().await?;
        let document = order.document.trim();
        if document.is_empty() {
            return Err(NotSettled::NoDocument);
        }
        let now = self.clock.now();
        let today = now.to_zoned(zone.clone()).date();
        let dated = order.dated.unwrap_or(today);
        if dated > today {
            return Err(NotSettled::NotYet(dated));
        }
        let new = NewSettlement {
            invoice: self.invoice_named(&order.invoice, |one| one.stands).await?,
            amount: order.amount,
            settlement: Settlement {
                kind: order.kind,
                document: document.to_owned(),
                author: by.to_owned(),
            },
            dated,
        };
        match self.store.money_settle(&self.portal, &new, now).await? {
            InvoiceSettled::Done {
                number,
                deal,
                amount,
                open,
            } => {
                let note = json!({"settled": number, "document": document, "by": by});
                self.note_person(note).await?;
                Ok(Recorded {
                    number,
                    deal,
                    amount,
                    open,
                })
            }
            InvoiceSettled::NoInvoice => Err(NotNamed::NoInvoice(order.invoice.clone()).into()),
            InvoiceSettled::Already { number } => Err(NotSettled::Already(number)),
            InvoiceSettled::MoreThanOpen { open } => Err(NotSettled::MoreThanOpen {
                number: order.invoice.clone(),
                open,
            }),
        }
    }

    /// Answers a question in the name of `by` by closing the bill that it is about, as far as it is open now. False: it is not
    /// asked so any more. The accounting side's mark proves it, so no document is asked for.
    pub(crate) async fn settle_by_mark(
        &self,
        (case, answer): (&Case, &Value),
        closing: ByMark,
        by: &str,
    ) -> Result<bool, NotAnswered> {
        let new = NewSettlement {
            invoice: InvoiceRef {
                organisation: closing.organisation,
                invoice: closing.invoice,
            },
            amount: None,
            settlement: Settlement {
                kind: SettlementKind::MarkedPaid,
                document: closing.document,
                author: by.to_owned(),
            },
            dated: closing.dated,
        };
        let now = self.clock.now();
        let settled = self
            .store
            .case_settle(&self.portal, (case, answer), &new, now);
        match settled.await? {
            None => Ok(false),
            Some(InvoiceSettled::Done { .. }) => Ok(true),
            Some(
                InvoiceSettled::NoInvoice
                | InvoiceSettled::Already { .. }
                | InvoiceSettled::MoreThanOpen { .. },
            ) => Err(NotAnswered::NothingOpen(case.id)),
        }
    }

    /// Takes a settlement back in the name of `by`, by a correction of today in `zone`. The deals that are looked at; none:
    /// there is nothing to take back.
    ///
    /// # Errors
    /// The store's.
    pub async fn unsettle(
        &self,
        number: i64,
        (by, because): (&str, &str),
        zone: &TimeZone,
    ) -> Result<Option<Vec<DealId>>, StoreError> {
        let now = self.clock.now();
        let today = now.to_zoned(zone.clone()).date();
        let undone = self
            .store
            .money_unsettle(&self.portal, number, (by, because), today, now);
        let Some(deals) = undone.await? else {
            return Ok(None);
        };
        let note = json!({"unsettled": number, "by": by});
        self.note_person(note).await?;
        Ok(Some(deals))
    }

    /// The newest settlements.
    ///
    /// # Errors
    /// The store's.
    pub async fn settlements(&self, limit: usize) -> Result<Vec<ListedSettlement>, StoreError> {
        self.store
            .money_settlements(&self.portal, i64::MAX, limit)
            .await
    }
}

/// What the choice books, where it is the one that closes a bill by the mark of the accounting side.
pub fn closing(case: &Case, choice: &str) -> Option<ByMark> {
    let closing = case.facts.facts.get("by_mark")?.clone();
    let closing = serde_json::from_value(closing).ok()?;
    (choice == SETTLE).then_some(closing)
}

/// How an invoice is settled, in words.
pub const fn kind_word(kind: SettlementKind) -> &'static str {
    match kind {
        SettlementKind::Cash => "наличные",
        SettlementKind::Netting => "взаимозачёт",
        SettlementKind::Card => "оплата картой",
        SettlementKind::MarkedPaid => "отмечен оплаченным в учёте",
    }
}
