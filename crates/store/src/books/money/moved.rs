//! A payer's letter: money that went to one invoice goes to another. The share of that invoice is taken back by corrections
//! and given anew in one transaction of the store, so that nothing is open to others in between. A part that stays is given
//! anew by whoever gave it: an accountant who withdraws what he gave withdraws that too. What the payment gave to other
//! invoices stays as it was recorded: nothing happened to their deals.

use domain::{DealId, Money, PortalId};
use jiff::{Timestamp, civil::Date};
use planted::Bug;
use serde_json::json;

use super::{
    InvoiceRef, PaymentState,
    batch::{Allocation, Batch, write},
    ledger::{BookedShare, balances, standing},
    lock,
    refunds::Resting,
    split::last,
    take,
    undo::{Order, Transaction, gave_just, transactions},
};
use crate::{error::StoreError, store::Store, tx::Tx, value::params};

/// What a letter wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The payment's number.
    pub payment: i64,
    /// The invoice that has its money.
    pub from: InvoiceRef,
    /// The one that is to have it.
    pub to: InvoiceRef,
    /// How much; none: all that it has.
    pub amount: Option<Money>,
    /// The last transaction of the payment that was seen; none: nothing was looked at, and the same may have been ordered just
    /// now.
    pub seen: Option<i64>,
    /// The letter, with its number and date.
    pub because: String,
    /// Who obeys it.
    pub by: String,
    /// Corrections are dated by it.
    pub today: Date,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is recorded.
    Done {
        /// How much was moved.
        amount: Money,
        /// The deals that are looked at.
        deals: Vec<DealId>,
        /// Refunds that had been taken off what the invoice had of it: they are to be decided anew.
        refunds: Vec<i64>,
    },
    /// Something was recorded of the payment since it was seen.
    Changed,
    /// The last that was recorded of it gave just as much to the other invoice: it may be the same order once more.
    Again {
        /// That transaction. Who saw it may move as much again.
        last: i64,
    },
    /// The invoice has nothing of that payment, or less.
    NotThatMuch {
        /// So much.
        given: Money,
    },
    /// Less is open of the other invoice.
    MoreThanOpen {
        /// So much.
        open: Money,
    },
    /// A credit of many sales: what the bank kept belongs to all of them, so that no share of it can be moved alone.
    Split,
    /// A refund was taken off what the invoice had of it, and others paid the invoice since: without the refund it would
    /// have more than it asks for.
    Refunded {
        /// The refund.
        refund: i64,
    },
}

impl Store {
    /// Moves money of a payment from one invoice to another.
    pub async fn money_move(
        &self,
        portal: &PortalId,
        letter: &Letter,
        now: Timestamp,
    ) -> Result<Moved, StoreError> {
        let moved = self
            .write(
                (portal.clone(), letter.clone(), now),
                |tx, (portal, letter, now)| Box::pin(obey(tx, portal, letter, *now)),
            )
            .await?;
        self.ring();
        Ok(moved)
    }
}

async fn obey(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    letter: &Letter,
    now: Timestamp,
) -> Result<Moved, StoreError> {
    lock(tx, portal).await?;
    let payments = standing(tx, portal, [letter.payment].into_iter()).await?;
    let given = transactions(tx, portal, &[letter.payment], "allocation").await?;
    let given = given.into_values().next().unwrap_or_default();
    let last = last(tx, portal, &[letter.payment]).await?;
    let last = last.get(&letter.payment).copied();
    if letter.seen.is_some() && letter.seen != last {
        return Ok(Moved::Changed);
    }
    if let (None, Some(last), Some(amount)) = (letter.seen, last, letter.amount)
        && gave_just(&given, last, (&letter.to, amount))
    {
        return Ok(Moved::Again { last });
    }
    let shares = given.iter();
    let shares = shares.map(|one| one.of_invoices(|invoice| *invoice == letter.from));
    let shares: Vec<Transaction> = shares.filter(|one| one.given().is_positive()).collect();
    if shares.iter().any(Transaction::is_split) {
        return Ok(Moved::Split);
    }
    let had = shares.iter().map(|one| one.given().kopecks()).sum();
    let amount = letter.amount.map_or(had, Money::kopecks);
    let known = payments.get(&letter.payment);
    let (Some(payment), true) = (known, amount > 0 && amount <= had) else {
        let given = Money::from_kopecks(had);
        return Ok(Moved::NotThatMuch { given });
    };
    let invoices = balances(tx, portal, [&letter.from, &letter.to].into_iter()).await?;
    let came = payment.came;
    // What accounting counted before the invoice was a deal's is not open to what came later.
    let open = invoices
        .get(&letter.to)
        .map(|one| one.counted.open_to(one.open, came))
        .unwrap_or_default();
    if amount > open.kopecks() && !planted::is(Bug::MovedBeyondOpen) {
        return Ok(Moved::MoreThanOpen { open });
    }
    let (undone, back) = newest(&shares, amount);
    let resting = Resting::on(tx, portal, &[letter.payment]).await?;
    let released = resting.of(|_, _, invoice| invoice == Some(&letter.from));
    let stays = back - amount;
    let given = if stays > 0 { 2 } else { 1 };
    let transactions = undone.len() + released.len() + given;
    let mut next = take(tx, portal, 0, transactions).await?.transaction;
    let mut batch = Batch::default();
    let order = Order {
        by: &letter.by,
        because: &letter.because,
        today: letter.today,
        now,
    };
    let refunds = resting.release(portal, &released, &mut next, &mut batch, order);
    for share in &undone {
        batch.correct(portal, next, letter.payment, share, order);
        next += 1;
    }
    let of = |invoice| invoices.get(invoice).and_then(|known| known.deal);
    let deals = [&letter.from, &letter.to].into_iter().filter_map(of);
    batch.deals.extend(deals);
    // Only the oldest of those that are taken back is moved in part.
    let giver = undone.last().map_or(&letter.by, |one| &one.author);
    for (invoice, kopecks, author) in [
        (&letter.from, stays, giver),
        (&letter.to, amount, &letter.by),
    ] {
        if kopecks == 0 {
            continue;
        }
        let share = BookedShare {
            invoice: invoice.clone(),
            amount: Money::from_kopecks(kopecks),
        };
        let allocation = Allocation {
            payment: letter.payment,
            shares: &[share],
            dated: came,
            because: &letter.because,
            author,
        };
        batch.allocate(portal, next, &allocation, now);
        next += 1;
    }
    if let (Some(_), Some(refund)) = (batch.overpays(&invoices), refunds.first()) {
        return Ok(Moved::Refunded { refund: *refund });
    }
    let state = PaymentState::Booked.as_str();
    let row = params![
        portal,
        letter.payment,
        state,
        &letter.because,
        payment.remaining,
        0_i64
    ];
    batch.payments.push(row.to_vec());
    let numbers: Vec<i64> = undone.iter().map(|one| one.number).collect();
    let body = json!({"undone": numbers, "payment": letter.payment, "by": letter.by, "because": letter.because});
    batch.note(letter.payment, "person", body, now);
    let deals = batch.deals.iter().copied().collect();
    write(tx, portal, batch, now).await?;
    Ok(Moved::Done {
        amount: Money::from_kopecks(amount),
        deals,
        refunds,
    })
}

/// The newest shares that make up so much, and what they come to.
fn newest(shares: &[Transaction], amount: i64) -> (Vec<&Transaction>, i64) {
    let mut taken = Vec::new();
    let mut back = 0;
    for share in shares.iter().rev() {
        if back < amount {
            back += share.given().kopecks();
            taken.push(share);
        }
    }
    (taken, back)
}
