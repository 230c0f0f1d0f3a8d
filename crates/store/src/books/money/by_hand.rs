//! A person gives a payment, or what is left of it, to an invoice that he names: no question has to offer it.
//!
//! It is the booking of a candidate that he chooses (`ledger`), also where the payment was left alone, or a part of it is
//! given already and an advance is left; taken back like any other (`undo`). What a rule gave of the bank's whole order that the
//! payment is a part of makes room for it, and what a person gave of it does not (`divided`). Not here: which invoice he means
//! (`desk`).

use domain::payment::{GivenOtherwise, PaymentKind};
use domain::{DealId, Money, PortalId};
use jiff::{Timestamp, civil::Date};

use super::{
    InvoiceRef, PaymentState,
    batch::{Allocation, Batch, not_borne, write},
    divided::{GIVEN_OTHERWISE, Whole, asked_anew, given_otherwise},
    ledger::{BookedShare, Standing, balances, book, standing, withdrawn},
    lock,
    split::last,
    take,
    undo::{Order, gave_just, transactions},
};
use crate::{error::StoreError, store::Store, tx::Tx, value::params};

/// What a person wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Giving {
    /// The payment's number.
    pub payment: i64,
    /// The invoice that is to have its money.
    pub invoice: InvoiceRef,
    /// How much; none: all that the payment has left and the invoice has open.
    pub amount: Option<Money>,
    /// The last transaction of the payment that he saw; none: he saw none, and may have ordered the same just now.
    pub seen: Option<i64>,
    /// Why, in Russian.
    pub because: String,
    /// Why what a rule gave of the bank's whole order is taken back, where this is a part of it.
    pub of_parts: String,
    /// Who says so.
    pub by: String,
    /// Corrections are dated by it.
    pub today: Date,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WasGiven {
    /// It is recorded.
    Done {
        /// How much.
        amount: Money,
        /// What the payment has left.
        left: Money,
        /// The deals that are looked at.
        deals: Vec<DealId>,
        /// The bank's whole order that was taken back, since its money would count twice: it is asked about anew.
        whole: Option<i64>,
    },
    /// Nothing is.
    Refused(GivingRefused),
}

/// Why nothing was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivingRefused {
    /// No such payment, or none of a buyer.
    NoPayment,
    /// Only its words set it aside: that is taken back first.
    SetAside,
    /// A credit of many sales, which is split first.
    Register,
    /// Something was recorded of it since it was seen.
    Changed,
    /// The last that was recorded of it gave just as much to this invoice: it may be the same order once more.
    Again {
        /// That transaction. Who saw it may give as much again.
        last: i64,
    },
    /// An amount of nothing.
    NoAmount,
    /// The payment has less left.
    NotThatMuch {
        /// So much.
        left: Money,
    },
    /// Less is open of the invoice.
    MoreThanOpen {
        /// So much.
        open: Money,
    },
    /// It is a part of the bank's whole order, which a person gave, or that order, of which a part is given: that is taken back
    /// first.
    Otherwise(GivenOtherwise),
}

impl Store {
    /// Gives a payment, or what is left of it, to an invoice.
    pub async fn money_give(
        &self,
        portal: &PortalId,
        wanted: &Giving,
        now: Timestamp,
    ) -> Result<WasGiven, StoreError> {
        let done = self
            .write(
                (portal.clone(), wanted.clone(), now),
                |tx, (portal, wanted, now)| Box::pin(give(tx, portal, wanted, *now)),
            )
            .await?;
        self.ring();
        Ok(done)
    }
}

async fn give(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    wanted: &Giving,
    now: Timestamp,
) -> Result<WasGiven, StoreError> {
    lock(tx, portal).await?;
    let number = wanted.payment;
    let mut known = standing(tx, portal, [number].into_iter()).await?;
    let Some(mut payment) = known.remove(&number) else {
        return Ok(WasGiven::Refused(GivingRefused::NoPayment));
    };
    if let Some(refused) = in_the_way(&payment) {
        return Ok(WasGiven::Refused(refused));
    }
    let last = last(tx, portal, &[number]).await?.get(&number).copied();
    if wanted.seen.is_some() && wanted.seen != last {
        return Ok(WasGiven::Refused(GivingRefused::Changed));
    }
    if let (None, Some(last)) = (wanted.seen, last)
        && gave_just_this(tx, portal, wanted, last).await?
    {
        return Ok(WasGiven::Refused(GivingRefused::Again { last }));
    }
    let otherwise = given_otherwise(tx, portal, &[number]).await?;
    if let Some(how) = otherwise.get(&number) {
        return Ok(WasGiven::Refused(GivingRefused::Otherwise(*how)));
    }
    let mut invoices = balances(tx, portal, [&wanted.invoice].into_iter()).await?;
    let whole = Whole::of(tx, portal, number).await?;
    let room = whole.as_ref().map(|whole| whole.room(&wanted.invoice));
    let known = invoices.get(&wanted.invoice);
    let came = payment.came;
    // What accounting counted before the invoice was a deal's is not open to what came later.
    let open = known.map(|one| {
        let open = one.open_with(room.unwrap_or_default());
        one.counted.open_to(open, came)
    });
    let open = open.unwrap_or_default();
    let amount = match how_much(wanted.amount, payment.remaining, open) {
        Ok(amount) => amount,
        Err(refused) => return Ok(WasGiven::Refused(refused)),
    };
    let order = Order {
        by: &wanted.by,
        because: &wanted.of_parts,
        today: wanted.today,
        now,
    };
    let whole = match whole {
        Some(whole) => whole.give_way(tx, portal, order).await?,
        None => None,
    };
    if whole.is_some() {
        invoices = balances(tx, portal, [&wanted.invoice].into_iter()).await?;
    }
    let transaction = take(tx, portal, 0, 1).await?.transaction;
    let mut batch = Batch::default();
    let share = BookedShare {
        invoice: wanted.invoice.clone(),
        amount,
    };
    let allocation = Allocation {
        payment: number,
        shares: &[share],
        dated: came,
        because: &wanted.because,
        author: &wanted.by,
    };
    // Who pays a credit of many sales is the bank.
    let is_evidence = payment.kind == PaymentKind::Incoming;
    let booking = (transaction, &allocation);
    if !book(
        portal,
        booking,
        is_evidence,
        &mut payment,
        &mut invoices,
        &mut batch,
        now,
    ) {
        // The whole one is not taken back for nothing.
        if whole.is_some() {
            return Err(not_borne(&wanted.invoice));
        }
        let known = invoices.get(&wanted.invoice);
        let open = known.map(|one| one.open).unwrap_or_default();
        return Ok(WasGiven::Refused(GivingRefused::MoreThanOpen { open }));
    }
    if payment.state == PaymentState::Asked {
        batch.cases.push(withdrawn(number));
    }
    let payer = payment.payer.as_ref();
    batch.payers.extend(payer.map(ToString::to_string));
    let (state, left) = (PaymentState::Booked.as_str(), payment.remaining);
    let row = params![portal, number, state, &wanted.because, left, 0_i64];
    batch.payments.push(row.to_vec());
    let looks = asked_anew(tx, portal, number, (GIVEN_OTHERWISE, now)).await?;
    batch.looks.extend(looks);
    let deals = batch.deals.iter().copied().collect();
    write(tx, portal, batch, now).await?;
    Ok(WasGiven::Done {
        amount,
        left,
        deals,
        whole,
    })
}

/// Whether the last transaction of the payment gave the invoice as much as is wanted again. Who names no amount wants all that
/// fits, of which there is nothing more.
async fn gave_just_this(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    wanted: &Giving,
    last: i64,
) -> Result<bool, StoreError> {
    let Some(amount) = wanted.amount else {
        return Ok(false);
    };
    let given = transactions(tx, portal, &[wanted.payment], "allocation").await?;
    let given = given.into_values().next().unwrap_or_default();
    Ok(gave_just(&given, last, (&wanted.invoice, amount)))
}

/// Why a payment is given to no invoice at all, as it stands.
fn in_the_way(payment: &Standing) -> Option<GivingRefused> {
    if payment.may_be_given() {
        return None;
    }
    Some(if payment.was_set_aside_by_words() {
        GivingRefused::SetAside
    } else if !payment.is_for_invoices() {
        GivingRefused::NoPayment
    } else if payment.kind == PaymentKind::Register && payment.state != PaymentState::Booked {
        GivingRefused::Register
    } else {
        GivingRefused::NotThatMuch {
            left: payment.remaining,
        }
    })
}

/// What is given of what the payment has left, where so much is open.
fn how_much(wanted: Option<Money>, left: Money, open: Money) -> Result<Money, GivingRefused> {
    let amount = wanted.unwrap_or_else(|| left.min(open));
    if amount > left {
        return Err(GivingRefused::NotThatMuch { left });
    }
    if amount > open || !open.is_positive() {
        return Err(GivingRefused::MoreThanOpen { open });
    }
    if !amount.is_positive() {
        return Err(GivingRefused::NoAmount);
    }
    Ok(amount)
}
