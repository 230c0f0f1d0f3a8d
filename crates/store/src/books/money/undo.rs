//! Taking back what was given of a payment, or taken off for a refund: by corrections that say the opposite, each share
//! once; what was recorded stays. What the words of a payment set aside is asked about, where a person says so.

use std::collections::BTreeMap;

use domain::payment::PaymentKind;
use domain::{DealId, InvoiceId, Money, OrganisationId, PortalId};
use jiff::{Timestamp, civil::Date};
use serde_json::json;

use super::{
    InvoiceRef, PaymentState,
    batch::{Batch, EntryRow, write},
    divided::{TAKEN_BACK, asked_anew},
    ledger::{balances, standing},
    lock,
    refunds::{Resting, deals_of},
    take,
};
use crate::{
    error::StoreError,
    mechanics::work::{Lane, Look},
    sql::{Sql, statements},
    store::Store,
    subject::Subject,
    tx::Tx,
    value::{Row, Value, json_text, params},
};

/// What a person's undoing changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Transactions that are undone by corrections.
    pub transactions: Vec<i64>,
    /// Deals that are looked at.
    pub deals: Vec<DealId>,
    /// Refunds that had been taken off it: they are to be decided anew, too.
    pub refunds: Vec<i64>,
    /// It was a refund of ours: what it was taken off has it again.
    pub is_refund: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WasUndone {
    /// It is recorded.
    Done(Undone),
    /// There is nothing to undo.
    Nothing,
    /// A refund that others' money took the place of: without it the invoice would have more than it asks for.
    MoreThanOpen {
        /// Which invoice.
        invoice: InvoiceRef,
        /// So much is open of it.
        open: Money,
    },
}

/// What stands of a transaction.
#[derive(Clone)]
pub(super) struct Transaction {
    pub(super) number: i64,
    pub(super) author: String,
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    line: i64,
    place: String,
    invoice: Option<InvoiceRef>,
    amount: Money,
    /// Whose money it is, where a refund gave that of another payment back.
    other: Option<i64>,
}

/// Who takes something back, and why.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    pub(super) by: &'a str,
    pub(super) because: &'a str,
    pub(super) today: Date,
    pub(super) now: Timestamp,
}

statements! {
    TRANSACTIONS =
        "SELECT t.payment, t.number, t.author, e.line, e.place, e.organisation_id, e.invoice_id, e.amount,
                e.other_payment
         FROM ledger_transaction t JOIN ledger_entry e ON e.portal_id = t.portal_id AND e.transaction_no = t.number
         WHERE t.portal_id = $1 AND t.payment IN numbers($2) AND t.kind = $3
             AND NOT EXISTS (
                 SELECT 1 FROM ledger_entry u WHERE u.portal_id = $1 AND u.undoes = t.number AND u.line = e.line
             )
         ORDER BY t.payment, t.number, e.line";
    IS_BUYERS = "UPDATE payment SET kind = 'incoming' WHERE portal_id = $1 AND number = $2";
}

impl Store {
    /// Undoes in the name of `by` what was given of a payment, by corrections dated `today`; the payment is to be
    /// decided again, by a person.
    pub async fn money_undo(
        &self,
        portal: &PortalId,
        payment: i64,
        (by, because): (&str, &str),
        today: Date,
        now: Timestamp,
    ) -> Result<WasUndone, StoreError> {
        let args = (
            portal.clone(),
            payment,
            by.to_owned(),
            because.to_owned(),
            today,
            now,
        );
        let undone = self
            .write(args, |tx, (portal, payment, by, because, today, now)| {
                let order = Order {
                    by,
                    because,
                    today: *today,
                    now: *now,
                };
                Box::pin(undo(tx, portal, *payment, order))
            })
            .await?;
        self.ring();
        Ok(undone)
    }
}

pub(super) async fn undo(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    payment: i64,
    order: Order<'_>,
) -> Result<WasUndone, StoreError> {
    lock(tx, portal).await?;
    let known = standing(tx, portal, [payment].into_iter()).await?;
    let Some(known) = known.get(&payment) else {
        return Ok(WasUndone::Nothing);
    };
    let given = transactions(tx, portal, &[payment], "allocation").await?;
    let given = given.into_values().next().unwrap_or_default();
    let was_set_aside = known.was_set_aside_by_words();
    if given.is_empty() && known.state != PaymentState::Left && !was_set_aside {
        return Ok(WasUndone::Nothing);
    }
    if was_set_aside {
        // A person says that it is a buyer's after all.
        tx.execute(&IS_BUYERS, &params![portal, payment]).await?;
    }
    let invoices = balances(tx, portal, given.iter().flat_map(Transaction::invoices)).await?;
    let resting = Resting::on(tx, portal, &[payment]).await?;
    let released = resting.of(|_, _, _| true);
    let transactions = given.len() + released.len();
    let mut next = take(tx, portal, 0, transactions).await?.transaction;
    let mut batch = Batch::default();
    let refunds = resting.release(portal, &released, &mut next, &mut batch, order);
    let mut remaining = known.remaining.kopecks();
    for transaction in &given {
        batch.correct(portal, next, payment, transaction, order);
        remaining += transaction.given().kopecks();
        next += 1;
    }
    if let Some((invoice, open)) = batch.overpays(&invoices) {
        return Ok(WasUndone::MoreThanOpen { invoice, open });
    }
    let of = |invoice| invoices.get(invoice).and_then(|known| known.deal);
    let deals = given.iter().flat_map(Transaction::invoices).filter_map(of);
    batch.deals.extend(deals);
    let others: Vec<i64> = given.iter().flat_map(Transaction::others).collect();
    let of_others = deals_of(tx, portal, &others).await?;
    batch.deals.extend(of_others.into_values().flatten());
    let numbers: Vec<i64> = given.iter().map(|one| one.number).collect();
    batch
        .reopened
        .push(params![portal, payment, order.because, remaining].to_vec());
    batch.given_back.push(params![portal, payment].to_vec());
    let body =
        json!({"undone": numbers, "payment": payment, "by": order.by, "because": order.because});
    batch.note(payment, "person", body, order.now);
    batch.looks.push(Look {
        subject: Subject::payment(payment),
        lane: Lane::Click,
        due_at: order.now,
        reason: "person undid it".to_owned(),
    });
    let looks = asked_anew(tx, portal, payment, (TAKEN_BACK, order.now)).await?;
    batch.looks.extend(looks);
    let deals = batch.deals.iter().copied().collect();
    write(tx, portal, batch, order.now).await?;
    Ok(WasUndone::Done(Undone {
        transactions: numbers,
        deals,
        refunds,
        is_refund: known.kind == PaymentKind::RefundOut,
    }))
}

/// What stands of the transactions of a kind, by payment.
pub(super) async fn transactions(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    payments: &[i64],
    kind: &str,
) -> Result<BTreeMap<i64, Vec<Transaction>>, StoreError> {
    let ask = params![portal, json_text(&payments), kind];
    read_entries(tx, &TRANSACTIONS, &ask).await
}

/// Transactions with their entries, by payment, of a statement that gives them in order.
pub(super) async fn read_entries(
    tx: &mut Tx<'_>,
    sql: &'static Sql,
    ask: &[Value],
) -> Result<BTreeMap<i64, Vec<Transaction>>, StoreError> {
    let rows = tx.list(sql, ask, read_entry).await?;
    let mut found: BTreeMap<i64, Vec<Transaction>> = BTreeMap::new();
    for (payment, number, author, entry) in rows {
        let of_payment = found.entry(payment).or_default();
        match of_payment.last_mut() {
            Some(last) if last.number == number => last.entries.push(entry),
            Some(_) | None => of_payment.push(Transaction {
                number,
                author,
                entries: vec![entry],
            }),
        }
    }
    Ok(found)
}

fn read_entry(row: &mut Row) -> Result<(i64, i64, String, Entry), StoreError> {
    let (payment, number, author) = (row.int()?, row.int()?, row.text()?);
    let (line, place) = (row.int()?, row.text()?);
    let (organisation, invoice) = (row.text_or_null()?, row.text_or_null()?);
    let invoice = organisation
        .zip(invoice)
        .map(|(organisation, invoice)| InvoiceRef {
            organisation: OrganisationId::new(organisation),
            invoice: InvoiceId::new(invoice),
        });
    let entry = Entry {
        line,
        place,
        invoice,
        amount: Money::from_kopecks(row.int()?),
        other: row.int_or_null()?,
    };
    Ok((payment, number, author, entry))
}

/// Whether that transaction gave just so much to the invoice, and all of it stands: the same order may be given once more.
pub(super) fn gave_just(given: &[Transaction], number: i64, share: (&InvoiceRef, Money)) -> bool {
    let one = given.iter().find(|one| one.number == number);
    one.is_some_and(|one| one.shares().eq([share]))
}

impl Transaction {
    /// What it gave to which invoice.
    pub(super) fn shares(&self) -> impl Iterator<Item = (&InvoiceRef, Money)> {
        let shares = self.entries.iter();
        shares.filter_map(|entry| Some((entry.invoice.as_ref()?, entry.amount)))
    }

    pub(super) fn invoices(&self) -> impl Iterator<Item = &InvoiceRef> {
        self.shares().map(|(invoice, _)| invoice)
    }

    /// What of it is for these invoices, with all that belongs together with it.
    pub(super) fn of_invoices(&self, is_meant: impl Fn(&InvoiceRef) -> bool) -> Transaction {
        let is_of = |entry: &Entry| entry.invoice.as_ref().is_some_and(&is_meant);
        let meant = self
            .movements()
            .filter(|movement| movement.iter().any(is_of));
        Transaction {
            number: self.number,
            author: self.author.clone(),
            entries: meant.flatten().cloned().collect(),
        }
    }

    /// What is taken back together: its entries by twos, or all of it, as [`domain::ledger::Transaction`] knows them.
    fn movements(&self) -> impl Iterator<Item = &[Entry]> {
        let together = if self.is_split() {
            self.entries.len()
        } else {
            2
        };
        self.entries.chunks(together.max(1))
    }

    /// A credit of many sales with the bank's commission: its entries do not come to nothing by twos.
    pub(super) fn is_split(&self) -> bool {
        let sum = |pair: &[Entry]| pair.iter().map(|one| one.amount.kopecks()).sum::<i64>();
        self.entries.chunks(2).any(|pair| sum(pair) != 0)
    }

    /// What it took from its payment; below zero for what a refund of ours was taken off.
    pub(super) fn given(&self) -> Money {
        let own = |one: &&Entry| one.place == PAYMENT && one.other.is_none();
        let taken = self.entries.iter().filter(own).map(|one| one.amount);
        Money::from_kopecks(-Money::sum(taken).unwrap_or_default().kopecks())
    }

    /// Other payments whose money it gave back, each with the invoice that had it; none: an advance.
    pub(super) fn rests_on(&self) -> impl Iterator<Item = (i64, Option<&InvoiceRef>)> {
        let entries = self.entries.iter();
        entries.filter_map(|one| Some((one.other?, one.invoice.as_ref())))
    }

    /// Other payments whose money it gave back.
    pub(super) fn others(&self) -> impl Iterator<Item = i64> {
        self.rests_on().map(|(payment, _)| payment)
    }
}

/// The place of what a payment has left.
const PAYMENT: &str = "payment";

impl Batch {
    /// Says the opposite of what stands of a transaction, or of a part of that.
    pub(super) fn correct(
        &mut self,
        portal: &PortalId,
        number: i64,
        payment: i64,
        undone: &Transaction,
        order: Order<'_>,
    ) {
        let head = params![
            portal,
            number,
            order.today.to_string(),
            "correction",
            payment,
            undone.number,
            order.because,
            order.by,
            order.now
        ];
        self.transactions.push(head.to_vec());
        for entry in &undone.entries {
            let opposite = Money::from_kopecks(-entry.amount.kopecks());
            let row = EntryRow {
                invoice: entry.invoice.as_ref(),
                other: entry.other,
                undoes: Some(undone.number),
                ..EntryRow::new(number, entry.line, &entry.place, opposite)
            };
            self.entries.push(row.of(portal));
            if let Some(invoice) = &entry.invoice {
                self.pay(invoice, opposite);
            } else if let (PAYMENT, Some(other)) = (entry.place.as_str(), entry.other) {
                self.change_rest(other, opposite);
            }
        }
    }
}
