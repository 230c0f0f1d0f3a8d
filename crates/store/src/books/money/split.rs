//! A credit of acquiring or СБП is one payment for many sales, less the bank's commission: a person, or the register, says
//! which sales. Never matched by sum.
//!
//! The invoices get what the buyers paid; what the bank kept of it comes from outside. One transaction, undone like any
//! other booking (`undo`). What belongs to sales without an invoice stays in the payment. What a rule gave of the bank's
//! whole order that the credit is a part of makes room for it (`divided`).

use std::collections::BTreeMap;

use domain::payment::{GivenOtherwise, PaymentKind};
use domain::{DealId, Money, PortalId};
use jiff::{Timestamp, civil::Date};
use serde_json::json;

use super::{
    InvoiceRef, PaymentState,
    batch::{Batch, EntryRow, write},
    divided::{GIVEN_OTHERWISE, Whole, asked_anew, given_otherwise},
    ledger::{Balance, BookedShare, Standing, balances, standing, withdrawn},
    lock, take,
    undo::Order,
};
use crate::{
    error::StoreError,
    sql::statements,
    store::Store,
    tx::Tx,
    value::{json_text, params},
};

/// What a credit consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The payment's number.
    pub payment: i64,
    /// The sales that have invoices, each with what the buyer paid.
    pub shares: Vec<BookedShare>,
    /// What the bank kept.
    pub commission: Money,
    /// What belongs to sales without an invoice.
    pub other: Money,
    /// The last transaction of the payment that whoever says so saw; none: he saw none.
    pub seen: Option<i64>,
    /// The register, for the ledger and the deals.
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
pub enum WasSplit {
    /// It is recorded.
    Done {
        /// The transaction.
        transaction: i64,
        /// The deals that are looked at.
        deals: Vec<DealId>,
        /// The bank's whole order that was taken back, since its money would count twice: it is asked about anew.
        whole: Option<i64>,
    },
    /// Nothing is.
    Refused(SplitRefused),
}

/// Why a credit is not split so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SplitRefused {
    /// No such payment, or none that is given to invoices.
    NoCredit,
    /// It is given to invoices already, or was left without any: that is taken back first.
    Decided,
    /// Something was recorded of it since it was seen.
    Changed,
    /// What the buyers paid is not what came and what the bank kept.
    NotClosed {
        /// What came.
        net: Money,
        /// What the sales come to.
        gross: Money,
    },
    /// The invoices would be paid by what the bank kept alone: nothing of what came is for them.
    NothingForInvoices,
    /// There is no sale, an amount is none, or the same invoice is named twice.
    NoSuchShares,
    /// Less is open of an invoice.
    MoreThanOpen {
        /// Which one.
        invoice: InvoiceRef,
        /// So much.
        open: Money,
    },
    /// It is a part of the bank's whole order, which a person gave, or that order, of which a part is given: that is taken back
    /// first.
    Otherwise(GivenOtherwise),
}

statements! {
    LAST =
        "SELECT payment, max(number) FROM ledger_transaction WHERE portal_id = $1 AND payment IN numbers($2) GROUP BY payment";
    /// The rules took it for one buyer's money; whoever splits it knows better. What it was is given back with the split.
    IS_REGISTER =
        "UPDATE payment SET kind = 'register', kind_before = kind WHERE portal_id = $1 AND number = $2";
}

impl Store {
    /// Gives a credit to the sales that it is for.
    pub async fn money_split(
        &self,
        portal: &PortalId,
        wanted: &Split,
        now: Timestamp,
    ) -> Result<WasSplit, StoreError> {
        let done = self
            .write(
                (portal.clone(), wanted.clone(), now),
                |tx, (portal, wanted, now)| Box::pin(split(tx, portal, wanted, *now)),
            )
            .await?;
        self.ring();
        Ok(done)
    }

    /// The last transaction of each of these payments: whoever splits one says which he saw.
    pub async fn money_last(
        &self,
        portal: &PortalId,
        payments: &[i64],
    ) -> Result<BTreeMap<i64, i64>, StoreError> {
        self.read(
            (portal.clone(), payments.to_vec()),
            |tx, (portal, payments)| Box::pin(last(tx, portal, payments)),
        )
        .await
    }

    /// Why that would be refused now; none: it would be recorded. Nothing is, but it is judged behind the book's lock, as
    /// [`Store::money_split`] does.
    pub async fn money_split_preview(
        &self,
        portal: &PortalId,
        wanted: &Split,
    ) -> Result<Option<SplitRefused>, StoreError> {
        self.write((portal.clone(), wanted.clone()), |tx, (portal, wanted)| {
            Box::pin(async move { Ok(judged(tx, portal, wanted).await?.err()) })
        })
        .await
    }
}

pub(super) async fn last(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    payments: &[i64],
) -> Result<BTreeMap<i64, i64>, StoreError> {
    let ask = params![portal, json_text(&payments)];
    let found = tx.list(&LAST, &ask, |row| Ok((row.int()?, row.int()?)));
    Ok(found.await?.into_iter().collect())
}

/// What may be recorded.
struct Judged<'a> {
    payment: Standing,
    sums: BTreeMap<&'a InvoiceRef, Money>,
    invoices: BTreeMap<InvoiceRef, Balance>,
    whole: Option<Whole>,
}

async fn judged<'a>(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    wanted: &'a Split,
) -> Result<Result<Judged<'a>, SplitRefused>, StoreError> {
    lock(tx, portal).await?;
    let mut known = standing(tx, portal, [wanted.payment].into_iter()).await?;
    let payment = known.remove(&wanted.payment);
    let Some(payment) = payment.filter(Standing::is_for_invoices) else {
        return Ok(Err(SplitRefused::NoCredit));
    };
    if matches!(payment.state, PaymentState::Booked | PaymentState::Left) {
        return Ok(Err(SplitRefused::Decided));
    }
    // One that no source shows any more.
    if !payment.remaining.is_positive() {
        return Ok(Err(SplitRefused::NoCredit));
    }
    let last = last(tx, portal, &[wanted.payment]).await?;
    if wanted.seen.is_some() && wanted.seen.as_ref() != last.get(&wanted.payment) {
        return Ok(Err(SplitRefused::Changed));
    }
    let (net, told) = (payment.remaining, sums(wanted));
    let gross = told.as_ref().and_then(|told| {
        let with_invoices = told.values().copied();
        Money::sum(with_invoices.chain([wanted.other]))
    });
    let (Some(sums), Some(gross)) = (told, gross) else {
        return Ok(Err(SplitRefused::NoSuchShares));
    };
    if net.checked_add(wanted.commission) != Some(gross) {
        return Ok(Err(SplitRefused::NotClosed { net, gross }));
    }
    if wanted.other >= net {
        return Ok(Err(SplitRefused::NothingForInvoices));
    }
    let otherwise = given_otherwise(tx, portal, &[wanted.payment]).await?;
    if let Some(how) = otherwise.get(&wanted.payment) {
        return Ok(Err(SplitRefused::Otherwise(*how)));
    }
    let invoices = balances(tx, portal, sums.keys().copied()).await?;
    let whole = Whole::of(tx, portal, wanted.payment).await?;
    for (invoice, amount) in &sums {
        let room = whole.as_ref().map(|whole| whole.room(invoice));
        let known = invoices.get(*invoice);
        let open = known.map(|one| one.open_with(room.unwrap_or_default()));
        // What accounting counted before an invoice was a deal's is not open to what came later.
        let counted = known.map(|one| one.counted).unwrap_or_default();
        let open = counted.open_to(open.unwrap_or_default(), payment.came);
        if *amount > open {
            let invoice = InvoiceRef::clone(invoice);
            return Ok(Err(SplitRefused::MoreThanOpen { invoice, open }));
        }
    }
    Ok(Ok(Judged {
        payment,
        sums,
        invoices,
        whole,
    }))
}

async fn split(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    wanted: &Split,
    now: Timestamp,
) -> Result<WasSplit, StoreError> {
    let Judged {
        payment,
        sums,
        invoices,
        whole,
    } = match judged(tx, portal, wanted).await? {
        Ok(judged) => judged,
        Err(refused) => return Ok(WasSplit::Refused(refused)),
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
    let transaction = take(tx, portal, 0, 1).await?.transaction;
    let mut batch = Batch::default();
    let of = |invoice: &&InvoiceRef| invoices.get(*invoice).and_then(|known| known.deal);
    batch.deals.extend(sums.keys().filter_map(of));
    let head = params![
        portal,
        transaction,
        payment.came.to_string(),
        "allocation",
        wanted.payment,
        None::<i64>,
        &wanted.because,
        &wanted.by,
        now
    ];
    batch.transactions.push(head.to_vec());
    let leaves = |kopecks: i64| Money::from_kopecks(-kopecks);
    let for_invoices = payment.remaining.kopecks() - wanted.other.kopecks();
    let mut entries = vec![("payment", None, leaves(for_invoices))];
    if wanted.commission.is_positive() {
        entries.push(("outside", None, leaves(wanted.commission.kopecks())));
    }
    for (invoice, amount) in &sums {
        entries.push(("invoice", Some(*invoice), *amount));
        batch.pay(invoice, *amount);
    }
    let rows = (0_i64..).zip(entries);
    let rows = rows.map(|(line, (place, invoice, amount))| EntryRow {
        invoice,
        ..EntryRow::new(transaction, line, place, amount)
    });
    batch.entries.extend(rows.map(|row| row.of(portal)));
    let (state, because) = (PaymentState::Booked.as_str(), &wanted.because);
    let row = params![portal, wanted.payment, state, because, wanted.other, 0_i64];
    batch.payments.push(row.to_vec());
    if payment.state == PaymentState::Asked {
        batch.cases.push(withdrawn(wanted.payment));
    }
    if payment.kind == PaymentKind::Incoming {
        tx.execute(&IS_REGISTER, &params![portal, wanted.payment])
            .await?;
    }
    let given: Vec<serde_json::Value> = wanted.shares.iter().map(BookedShare::noted).collect();
    let body = json!({
        "booked": transaction, "payment": wanted.payment, "shares": given, "commission": wanted.commission.kopecks(),
        "other": wanted.other.kopecks(), "by": wanted.by, "because": because,
    });
    batch.note(wanted.payment, "person", body, now);
    let looks = asked_anew(tx, portal, wanted.payment, (GIVEN_OTHERWISE, now)).await?;
    batch.looks.extend(looks);
    let deals = batch.deals.iter().copied().collect();
    write(tx, portal, batch, now).await?;
    Ok(WasSplit::Done {
        transaction,
        deals,
        whole,
    })
}

/// What each invoice gets; none where that makes no sense.
fn sums(wanted: &Split) -> Option<BTreeMap<&InvoiceRef, Money>> {
    let mut sums = BTreeMap::new();
    for share in &wanted.shares {
        if !share.amount.is_positive() || sums.insert(&share.invoice, share.amount).is_some() {
            return None;
        }
    }
    let is_none = sums.is_empty() || wanted.commission.is_negative() || wanted.other.is_negative();
    (!is_none).then_some(sums)
}
