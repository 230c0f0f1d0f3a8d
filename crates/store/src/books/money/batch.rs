//! What a transaction of the store writes of money, gathered so that round trips are shared, and the last word on it: an
//! invoice or a payment that cannot hold what would be booked is an error, whatever was judged before, and all is rolled
//! back. Not here: who decides (`ledger`), taking back (`undo`).

use std::collections::{BTreeMap, BTreeSet};

use domain::{DealId, Money, PortalId};
use jiff::{Timestamp, civil::Date};
use planted::Bug;
use serde_json::json;

use super::{
    InvoiceRef,
    asked::offered_anew,
    ledger::{Balance, BookedShare, MONEY_MOVED},
    refunds,
};
use crate::{
    books::case_changes::{self, CaseChange},
    error::StoreError,
    mechanics::{
        journal::{self, JournalEntry},
        work::{self, Lane, Look},
    },
    sql::statements,
    subject::Subject,
    tx::Tx,
    value::{Value, params},
};

statements! {
    PUT_TRANSACTION =
        "INSERT INTO ledger_transaction (portal_id, number, dated, kind, payment, undoes, because, author, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    PUT_ENTRY =
        "INSERT INTO ledger_entry (portal_id, transaction_no, line, place, organisation_id, invoice_id, amount,
             other_payment, undoes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    DECIDE =
        "UPDATE payment SET state = $3, because = $4, remaining = $5, waits_until = $6
         WHERE portal_id = $1 AND number = $2";
    PUT_OFFERED = "UPDATE payment SET offered = $3 WHERE portal_id = $1 AND number = $2";
    REOPEN =
        "UPDATE payment SET state = 'new', because = $3, remaining = $4, undone = undone + 1, waits_until = 0
         WHERE portal_id = $1 AND number = $2";
    /// What was split by mistake is what the rules took it for.
    GIVE_KIND_BACK =
        "UPDATE payment SET kind = kind_before, kind_before = ''
         WHERE portal_id = $1 AND number = $2 AND kind_before <> ''";
    /// Whatever was judged before: never below nothing, and never above the total where that may not be ($5). A bill of no
    /// deal has no total that we know.
    PAID =
        "UPDATE invoice_balance SET paid = paid + $4
         WHERE portal_id = $1 AND organisation_id = $2 AND invoice_id = $3 AND paid + $4 >= 0
             AND ($4 <= 0 OR deal = 0 OR paid + $4 <= total OR CAST($5 AS BIGINT) = 1)";
    /// What a buyer's payment has left for others: never below nothing, never more than it brought.
    REST =
        "UPDATE payment SET remaining = remaining + $3
         WHERE portal_id = $1 AND number = $2 AND remaining + $3 >= 0 AND remaining + $3 <= amount";
    CHOSEN =
        "INSERT INTO payer_choice (portal_id, payer_inn, buyer_inn, times) VALUES ($1, $2, $3, 1)
         ON CONFLICT (portal_id, payer_inn, buyer_inn) DO UPDATE SET times = payer_choice.times + 1";
}

/// What a transaction of the store writes, gathered so that round trips are shared.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) transactions: Vec<Vec<Value>>,
    pub(super) entries: Vec<Vec<Value>>,
    /// Payments that are decided, as [`DECIDE`] takes them.
    pub(super) payments: Vec<Vec<Value>>,
    /// What payments that wait for the accountant may be for, as [`PUT_OFFERED`] takes it.
    pub(super) offered: Vec<Vec<Value>>,
    /// Payments that are to be decided again, as [`REOPEN`] takes them.
    pub(super) reopened: Vec<Vec<Value>>,
    /// Payments of which all that was given is taken back, as [`GIVE_KIND_BACK`] takes them.
    pub(super) given_back: Vec<Vec<Value>>,
    /// What each invoice gets, or loses.
    pub(super) paid: BTreeMap<InvoiceRef, i64>,
    /// Invoices that may get more than they ask for: what was taken off them never left.
    pub(super) may_be_overpaid: BTreeSet<InvoiceRef>,
    /// What other payments get back, or lose: advances that a refund returned.
    pub(super) rest: BTreeMap<i64, i64>,
    /// Payers whose money is decided: refunds to them may be, too.
    pub(super) payers: BTreeSet<String>,
    pub(super) chosen: Vec<Vec<Value>>,
    pub(super) cases: Vec<CaseChange>,
    pub(super) deals: BTreeSet<DealId>,
    pub(super) looks: Vec<Look>,
    pub(super) journal: Vec<JournalEntry>,
}

/// Money of a payment for invoices, as it is recorded.
pub(super) struct Allocation<'a> {
    pub(super) payment: i64,
    pub(super) shares: &'a [BookedShare],
    pub(super) dated: Date,
    pub(super) because: &'a str,
    pub(super) author: &'a str,
}

/// Transactions and their entries.
pub(super) async fn put(
    tx: &mut Tx<'_>,
    transactions: &[Vec<Value>],
    entries: &[Vec<Value>],
) -> Result<(), StoreError> {
    tx.execute_each(&PUT_TRANSACTION, transactions).await?;
    tx.execute_each(&PUT_ENTRY, entries).await.map(drop)
}

/// One entry of a transaction.
pub(super) struct EntryRow<'a> {
    pub(super) transaction: i64,
    pub(super) line: i64,
    pub(super) place: &'a str,
    pub(super) amount: Money,
    /// Where the place is an invoice.
    pub(super) invoice: Option<&'a InvoiceRef>,
    /// Whose money it is, where that is another payment than the transaction's.
    pub(super) other: Option<i64>,
    /// The transaction whose entry of this line it says the opposite of.
    pub(super) undoes: Option<i64>,
}

impl<'a> EntryRow<'a> {
    pub(super) fn new(transaction: i64, line: i64, place: &'a str, amount: Money) -> EntryRow<'a> {
        EntryRow {
            transaction,
            line,
            place,
            amount,
            invoice: None,
            other: None,
            undoes: None,
        }
    }

    /// As [`PUT_ENTRY`] takes it.
    pub(super) fn of(self, portal: &PortalId) -> Vec<Value> {
        params![
            portal,
            self.transaction,
            self.line,
            self.place,
            self.invoice.map(|one| &one.organisation),
            self.invoice.map(|one| &one.invoice),
            self.amount,
            self.other,
            self.undoes
        ]
        .to_vec()
    }
}

impl Batch {
    /// The invoice gets so much, or loses it.
    pub(super) fn pay(&mut self, invoice: &InvoiceRef, amount: Money) {
        *self.paid.entry(invoice.clone()).or_default() += amount.kopecks();
    }

    /// Another payment than the one that is decided has so much more left, or less.
    pub(super) fn change_rest(&mut self, payment: i64, amount: Money) {
        *self.rest.entry(payment).or_default() += amount.kopecks();
    }

    /// Whether an invoice of a deal would get more than it asks for, and which.
    pub(super) fn overpays(
        &self,
        invoices: &BTreeMap<InvoiceRef, Balance>,
    ) -> Option<(InvoiceRef, Money)> {
        let mut gains = self.paid.iter().filter(|(_, sum)| **sum > 0);
        gains.find_map(|(invoice, sum)| {
            let known = invoices.get(invoice).filter(|one| one.deal.is_some())?;
            let open = known.unpaid.max(Money::ZERO);
            (*sum > open.kopecks()).then(|| (invoice.clone(), open))
        })
    }

    /// Gives money of a payment to invoices, and says so in the journal.
    pub(super) fn allocate(
        &mut self,
        portal: &PortalId,
        transaction: i64,
        allocation: &Allocation<'_>,
        now: Timestamp,
    ) {
        let Allocation {
            payment,
            shares,
            dated,
            because,
            author,
        } = *allocation;
        self.transactions.push(
            params![
                portal,
                transaction,
                dated.to_string(),
                "allocation",
                payment,
                None::<i64>,
                because,
                author,
                now
            ]
            .to_vec(),
        );
        let mut line = 0;
        for share in shares {
            let leaves = Money::from_kopecks(-share.amount.kopecks());
            let comes = (Some(&share.invoice), "invoice", share.amount);
            for (invoice, place, amount) in [(None, "payment", leaves), comes] {
                let row = EntryRow {
                    invoice,
                    ..EntryRow::new(transaction, line, place, amount)
                };
                self.entries.push(row.of(portal));
                line += 1;
            }
            self.pay(&share.invoice, share.amount);
        }
        let given: Vec<serde_json::Value> = shares.iter().map(BookedShare::noted).collect();
        let body = json!({"booked": transaction, "payment": payment, "shares": given, "by": author, "because": because});
        self.note(payment, "decision", body, now);
    }

    /// A line of the journal about a payment.
    pub(super) fn note(
        &mut self,
        payment: i64,
        kind: &str,
        body: serde_json::Value,
        now: Timestamp,
    ) {
        self.journal.push(JournalEntry {
            at: now,
            subject: Some(Subject::payment(payment)),
            kind: kind.to_owned(),
            body,
        });
    }
}

impl BookedShare {
    pub(super) fn noted(&self) -> serde_json::Value {
        let InvoiceRef {
            organisation,
            invoice,
        } = &self.invoice;
        json!({"invoice": Subject::invoice(organisation, invoice).id, "kopecks": self.amount.kopecks()})
    }
}

pub(super) async fn write(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    batch: Batch,
    now: Timestamp,
) -> Result<(), StoreError> {
    put(tx, &batch.transactions, &batch.entries).await?;
    pay(tx, portal, &batch).await?;
    tx.execute_each(&DECIDE, &batch.payments).await?;
    tx.execute_each(&PUT_OFFERED, &batch.offered).await?;
    tx.execute_each(&REOPEN, &batch.reopened).await?;
    tx.execute_each(&GIVE_KIND_BACK, &batch.given_back).await?;
    change_rests(tx, portal, &batch).await?;
    // One after the other: several payments of a pass may be evidence for the same pair.
    for row in &batch.chosen {
        tx.execute(&CHOSEN, row).await?;
    }
    case_changes::apply(tx, portal, &batch.cases, now).await?;
    let mut looks = batch.looks;
    let paid = batch.paid.iter().filter(|(_, sum)| **sum != 0);
    let paid = paid.map(|(invoice, _)| invoice.clone());
    looks.extend(offered_anew(tx, portal, paid, now).await?);
    looks.extend(refunds::once_decided(tx, portal, batch.payers, now).await?);
    looks.extend(batch.deals.iter().map(|deal| moved(*deal, now)));
    work::enqueue(tx, portal, &looks).await?;
    journal::park_each(tx, portal, &batch.journal).await
}

/// What each invoice gets or loses.
async fn pay(tx: &mut Tx<'_>, portal: &PortalId, batch: &Batch) -> Result<(), StoreError> {
    let changed: Vec<(&InvoiceRef, &i64)> =
        batch.paid.iter().filter(|(_, sum)| **sum != 0).collect();
    let rows: Vec<Vec<Value>> = changed
        .iter()
        .map(|(invoice, sum)| {
            let may_be_overpaid =
                batch.may_be_overpaid.contains(*invoice) || planted::is(Bug::MovedBeyondOpen);
            let InvoiceRef {
                organisation,
                invoice,
            } = invoice;
            params![portal, organisation, invoice, **sum, may_be_overpaid].to_vec()
        })
        .collect();
    let touched = tx.execute_each(&PAID, &rows).await?;
    let refused = touched.iter().position(|touched| *touched == 0);
    match refused.and_then(|place| changed.get(place)) {
        None => Ok(()),
        Some((invoice, _)) => Err(not_borne(invoice)),
    }
}

/// The invoice cannot hold what would be booked: all of the transaction is rolled back.
pub(super) fn not_borne(invoice: &InvoiceRef) -> StoreError {
    StoreError::NotBorne {
        what: "invoice",
        key: Subject::invoice(&invoice.organisation, &invoice.invoice).id,
    }
}

/// What other payments have left.
async fn change_rests(tx: &mut Tx<'_>, portal: &PortalId, batch: &Batch) -> Result<(), StoreError> {
    let changed: Vec<(&i64, &i64)> = batch.rest.iter().filter(|(_, sum)| **sum != 0).collect();
    let rows: Vec<Vec<Value>> = changed
        .iter()
        .map(|(payment, sum)| params![portal, **payment, **sum].to_vec())
        .collect();
    let touched = tx.execute_each(&REST, &rows).await?;
    let refused = touched.iter().position(|touched| *touched == 0);
    match refused.and_then(|place| changed.get(place)) {
        None => Ok(()),
        Some((payment, _)) => Err(StoreError::NotBorne {
            what: "payment",
            key: payment.to_string(),
        }),
    }
}

pub(super) fn moved(deal: DealId, now: Timestamp) -> Look {
    Look {
        subject: Subject::deal(deal),
        lane: Lane::Due,
        due_at: now,
        reason: MONEY_MOVED.to_owned(),
    }
}
