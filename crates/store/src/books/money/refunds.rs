//! What we paid back to a buyer, taken off what he paid: off what his payment has left, or off what it gave to an invoice.
//!
//! Each part is a transaction of its own, which moves money from there into the refund and says whose payment it was; so
//! no payer's money is paid back twice, and none of another payer. Nothing of what it is taken off is edited: whoever takes
//! that back later releases what rests on it first (`undo`, `moved`, `given`), and the refund is decided anew. Not here:
//! what a refund is of (`planner::refunds`).

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::{CountedTwice, Direction, PaymentKind, PaymentOrder};
use domain::{DealId, Inn, Money, OrganisationId, PortalId};
use jiff::{Timestamp, civil::Date};
use serde_json::json;

use super::{
    InvoiceRef, PaymentState,
    batch::{Batch, EntryRow},
    ledger::{Decision, Ruling, Standing, standing, withdrawn},
    list::standing_shares,
    page::{Balance, named},
    sightings::decide_soon,
    twice::twice,
    undo::{Order, Transaction, read_entries},
};
use crate::{
    books::links::read_deal,
    error::StoreError,
    mechanics::work::{Lane, Look},
    sql::statements,
    store::Store,
    subject::{Subject, text_set},
    tx::Tx,
    value::{Row, Value, json_text, params},
};

/// A part of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundPart {
    /// The payment whose money goes back.
    pub payment: i64,
    /// The invoice that it was given to; none: it is what the payment has left, an advance.
    pub invoice: Option<InvoiceRef>,
    /// How much.
    pub amount: Money,
}

/// A payment of somebody whom money may go back to.
#[derive(Clone, Debug, PartialEq)]
pub struct PaidBy {
    /// Its number.
    pub payment: i64,
    /// Whose account it came to.
    pub organisation: OrganisationId,
    /// Who paid.
    pub payer: Inn,
    /// Somebody decided what it is for, or that it is for nothing: only such money goes back.
    pub is_decided: bool,
    /// The order.
    pub order: PaymentOrder,
    /// What of it is given to nothing.
    pub remaining: Money,
    /// What of it stands for which invoice, less what went back already.
    pub given: Vec<(InvoiceRef, Money)>,
}

/// What payers paid, and the invoices of deals that got it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refundable {
    /// The newest first.
    pub payments: Vec<PaidBy>,
    /// Invoices of deals; what was given to others does not go back by our doing.
    pub invoices: BTreeMap<InvoiceRef, Balance>,
}

statements! {
    /// Of each payer the newest thousand: money goes back soon or never.
    PAID_BY =
        "SELECT number, organisation_id, payer_inn, state, remaining, body FROM (
             SELECT number, organisation_id, payer_inn, state, remaining, body,
                    row_number() OVER (PARTITION BY payer_inn ORDER BY number DESC) AS place
             FROM payment
             WHERE portal_id = $1 AND payer_inn IN keys($2) AND kind = 'incoming' AND direction = 'in' AND nth >= 0
         ) AS newest
         WHERE place <= 1000 ORDER BY number DESC";
    THESE =
        "SELECT number, organisation_id, payer_inn, state, remaining, body FROM payment
         WHERE portal_id = $1 AND number IN numbers($2) AND kind = 'incoming' AND direction = 'in' AND nth >= 0
             AND payer_inn <> ''
         ORDER BY number DESC";
    /// Those of these payments that are decided, or that no source shows any more.
    DECIDED =
        "SELECT number FROM payment
         WHERE portal_id = $1 AND number IN numbers($2) AND (state IN ('booked', 'left') OR nth < 0)";
    /// What went back of what these payments gave.
    RETURNED =
        "SELECT other_payment, organisation_id, invoice_id, CAST(sum(amount) AS BIGINT) FROM ledger_entry
         WHERE portal_id = $1 AND other_payment IN numbers($2) AND place = 'invoice'
         GROUP BY other_payment, organisation_id, invoice_id
         HAVING sum(amount) <> 0";
    /// Refunds that stand and rest on these payments.
    RESTING =
        "SELECT t.payment, t.number, t.author, e.line, e.place, e.organisation_id, e.invoice_id, e.amount,
                e.other_payment
         FROM ledger_entry r
         JOIN ledger_transaction t ON t.portal_id = r.portal_id AND t.number = r.transaction_no AND t.kind = 'allocation'
         JOIN ledger_entry e ON e.portal_id = t.portal_id AND e.transaction_no = t.number
         WHERE r.portal_id = $1 AND r.other_payment IN numbers($2)
             AND NOT EXISTS (
                 SELECT 1 FROM ledger_entry u WHERE u.portal_id = $1 AND u.undoes = t.number AND u.line = r.line
             )
         ORDER BY t.payment, t.number, e.line";
    /// Deals whose invoices got something of these payments.
    DEALS =
        "SELECT DISTINCT t.payment, b.deal
         FROM ledger_transaction t CROSS JOIN ledger_entry e CROSS JOIN invoice_balance b
         WHERE t.portal_id = $1 AND t.payment IN numbers($2) AND t.kind = 'allocation'
             AND e.portal_id = t.portal_id AND e.transaction_no = t.number AND e.place || '' = 'invoice'
             AND b.portal_id = e.portal_id AND b.organisation_id = e.organisation_id AND b.invoice_id = e.invoice_id
             AND b.deal <> 0
         ORDER BY t.payment, b.deal";
    NEWEST =
        "SELECT payer_inn, max(number) FROM payment
         WHERE portal_id = $1 AND payer_inn IN keys($2) AND kind = 'incoming' AND direction = 'in' AND nth >= 0
         GROUP BY payer_inn";
    AGAIN =
        "UPDATE payment SET state = 'new', waits_until = 0
         WHERE portal_id = $1 AND payer_inn IN keys($2) AND kind = 'refund_out' AND waits_until > 0
             AND state IN ('new', 'aside')";
    /// Refunds to these people that are asked about, and those of which [`AGAIN`] makes new ones.
    TO_PAYERS =
        "SELECT number, state FROM payment
         WHERE portal_id = $1 AND payer_inn IN keys($2) AND kind = 'refund_out' AND state = 'asked'
         UNION ALL
         SELECT number, state FROM payment
         WHERE portal_id = $1 AND payer_inn IN keys($2) AND kind = 'refund_out' AND waits_until > 0
             AND state IN ('new', 'aside')";
}

impl Store {
    /// What these people paid, and where it went: their money may go back to them.
    pub async fn money_refundable(
        &self,
        portal: &PortalId,
        payers: &[Inn],
    ) -> Result<Refundable, StoreError> {
        let payers = text_set(payers.iter().map(ToString::to_string));
        self.read((portal.clone(), payers), |tx, (portal, payers)| {
            Box::pin(refundable(tx, portal, payers))
        })
        .await
    }
}

async fn refundable(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    payers: &Value,
) -> Result<Refundable, StoreError> {
    let ask = params![portal, payers.clone()];
    let payments = tx.list(&PAID_BY, &ask, read_paid_by).await?;
    with_given(tx, portal, payments).await
}

/// Adds what the payments gave, less what went back. The money of a whole order that is given to nothing is that of its parts:
/// nothing of it goes back, nor is it waited for.
async fn with_given(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    mut payments: Vec<PaidBy>,
) -> Result<Refundable, StoreError> {
    if payments.is_empty() {
        return Ok(Refundable::default());
    }
    let numbers: Vec<i64> = payments.iter().map(|one| one.payment).collect();
    let mut given = standing_shares(tx, portal, &numbers).await?;
    let ask = params![portal, json_text(&numbers)];
    let returned = tx.list(&RETURNED, &ask, |row| {
        let payment = row.int()?;
        let invoice = InvoiceRef {
            organisation: row.parsed()?,
            invoice: row.parsed()?,
        };
        Ok(((payment, invoice), Money::from_kopecks(row.int()?)))
    });
    let returned: BTreeMap<(i64, InvoiceRef), Money> = returned.await?.into_iter().collect();
    for payment in &mut payments {
        let shares = given.remove(&payment.payment).unwrap_or_default();
        let left = shares.into_iter().map(|(invoice, sum)| {
            let key = (payment.payment, invoice);
            let back = returned.get(&key).copied().unwrap_or_default();
            (key.1, plus(sum, back))
        });
        payment.given = left.filter(|(_, sum)| sum.is_positive()).collect();
    }
    let twice = twice(tx, portal, &numbers).await?;
    let is_by_parts = |one: &PaidBy| {
        let twice = twice.get(&one.payment);
        one.given.is_empty() && matches!(twice, Some(CountedTwice::Whole(_)))
    };
    for whole in payments.iter_mut().filter(|one| is_by_parts(one)) {
        (whole.remaining, whole.is_decided) = (Money::ZERO, true);
    }
    let mentioned = payments.iter().flat_map(|one| &one.given);
    let mentioned: Vec<InvoiceRef> = mentioned.map(|(invoice, _)| invoice.clone()).collect();
    let invoices = named(tx, portal, &mentioned).await?;
    Ok(Refundable { payments, invoices })
}

fn plus(one: Money, other: Money) -> Money {
    Money::from_kopecks(one.kopecks() + other.kopecks())
}

fn read_paid_by(row: &mut Row) -> Result<PaidBy, StoreError> {
    let (payment, organisation) = (row.int()?, row.parsed()?);
    let payer = row.text()?;
    let payer = Inn::parse(&payer).map_err(|error| row.undecodable(error.to_string()))?;
    let state: PaymentState = row.parsed()?;
    Ok(PaidBy {
        payment,
        organisation,
        payer,
        is_decided: matches!(state, PaymentState::Booked | PaymentState::Left),
        remaining: Money::from_kopecks(row.int()?),
        order: row.json()?,
        given: Vec::new(),
    })
}

/// What refunds of some decisions are taken off, as it stands behind the lock.
#[derive(Default)]
pub(super) struct Refunded {
    payments: BTreeMap<i64, PaidBy>,
    invoices: BTreeMap<InvoiceRef, Balance>,
    /// Deals that show the money of a payment.
    deals: BTreeMap<i64, Vec<DealId>>,
    /// The newest payment of each receiver who is said to have paid nothing since.
    newest: BTreeMap<String, i64>,
    /// Payments that were seen undecided, and are decided by now.
    decided: BTreeSet<i64>,
}

/// A refund, as it is recorded.
pub(super) struct Refund<'a> {
    pub(super) payment: i64,
    pub(super) parts: &'a [RefundPart],
    pub(super) dated: Date,
    pub(super) because: &'a str,
    pub(super) author: &'a str,
}

impl Refunded {
    /// Reads nothing where none of the decisions is about a refund.
    pub(super) async fn of(
        tx: &mut Tx<'_>,
        portal: &PortalId,
        decisions: &[Decision],
        refunds: &BTreeMap<i64, Standing>,
    ) -> Result<Refunded, StoreError> {
        let mut known = Refunded::default();
        let parts = decisions.iter().flat_map(Decision::parts);
        let numbers: BTreeSet<i64> = parts.map(|part| part.payment).collect();
        if !numbers.is_empty() {
            let numbers: Vec<i64> = numbers.into_iter().collect();
            let ask = params![portal, json_text(&numbers)];
            let payments = tx.list(&THESE, &ask, read_paid_by).await?;
            let found = with_given(tx, portal, payments).await?;
            let payments = found.payments.into_iter();
            known.payments = payments.map(|one| (one.payment, one)).collect();
            known.invoices = found.invoices;
            known.deals = deals_of(tx, portal, &numbers).await?;
        }
        let waiting = decisions
            .iter()
            .filter(|one| matches!(one.ruling, Ruling::AsideUntilPaid { .. }));
        let receivers: Vec<String> = waiting
            .filter_map(|one| refunds.get(&one.payment)?.payer.as_ref())
            .map(ToString::to_string)
            .collect();
        if !receivers.is_empty() {
            let ask = params![portal, text_set(receivers)];
            let newest = tx.list(&NEWEST, &ask, |row| Ok((row.text()?, row.int()?)));
            known.newest = newest.await?.into_iter().collect();
        }
        let undecided = decisions.iter().flat_map(|one| &one.undecided);
        let undecided: BTreeSet<i64> = undecided.copied().collect();
        if !undecided.is_empty() {
            let ask = params![portal, json_text(&undecided)];
            let decided = tx.list(&DECIDED, &ask, Row::int).await?;
            known.decided = decided.into_iter().collect();
        }
        Ok(known)
    }

    /// Whether what was seen undecided still is: who decides it from now on looks at the refund again.
    pub(super) fn is_as_seen(&self, decision: &Decision) -> bool {
        let mut undecided = decision.undecided.iter();
        undecided.all(|payment| !self.decided.contains(payment))
    }

    /// Whether its receiver paid nothing since that payment.
    pub(super) fn waits_for(&self, refund: &Standing, last: i64) -> bool {
        let receiver = refund.payer.as_ref().map(ToString::to_string);
        let newest = receiver.map(|inn| self.newest.get(&inn).copied().unwrap_or_default());
        refund.kind == PaymentKind::RefundOut && newest.is_some_and(|newest| newest <= last)
    }

    /// Whether all of the refund may be taken off so: its receiver's own money, no more than there is.
    pub(super) fn bears(&self, refund: &Standing, parts: &[RefundPart]) -> bool {
        let mut of_source: BTreeMap<(i64, Option<&InvoiceRef>), i64> = BTreeMap::new();
        for part in parts {
            let sum = of_source.entry((part.payment, part.invoice.as_ref()));
            *sum.or_default() += part.amount.kopecks();
        }
        let fits = |((payment, invoice), sum): (&(i64, Option<&InvoiceRef>), &i64)| {
            let most = self.most(refund, *payment, *invoice);
            most.is_some_and(|most| *sum <= most.kopecks())
        };
        refund.kind == PaymentKind::RefundOut
            && refund.direction == Direction::Out
            && !parts.is_empty()
            && parts.iter().all(|part| part.amount.is_positive())
            && of_source.values().sum::<i64>() == -refund.remaining.kopecks()
            && of_source.iter().all(fits)
    }

    /// How much of a payment may go back to the receiver of the refund, off an invoice or of what is left.
    fn most(&self, refund: &Standing, payment: i64, invoice: Option<&InvoiceRef>) -> Option<Money> {
        let paid = self.payments.get(&payment)?;
        let is_his =
            refund.payer.as_ref() == Some(&paid.payer) && refund.organisation == paid.organisation;
        if !is_his || !paid.is_decided {
            return None;
        }
        let Some(invoice) = invoice else {
            return Some(paid.remaining);
        };
        let mut given = paid.given.iter();
        let (_, given) = given.find(|(one, _)| one == invoice)?;
        self.invoices.contains_key(invoice).then_some(*given)
    }

    /// Gathers what taking it off writes. What is taken is there for no other refund.
    pub(super) fn take_off(
        &mut self,
        portal: &PortalId,
        next: &mut i64,
        refund: &Refund<'_>,
        batch: &mut Batch,
        now: Timestamp,
    ) {
        let mut transactions = Vec::with_capacity(refund.parts.len());
        for part in refund.parts {
            let head = params![
                portal,
                *next,
                refund.dated.to_string(),
                "allocation",
                refund.payment,
                None::<i64>,
                refund.because,
                refund.author,
                now
            ];
            batch.transactions.push(head.to_vec());
            let leaves = Money::from_kopecks(-part.amount.kopecks());
            let place = if part.invoice.is_some() {
                "invoice"
            } else {
                "payment"
            };
            let rows = [
                EntryRow {
                    invoice: part.invoice.as_ref(),
                    other: Some(part.payment),
                    ..EntryRow::new(*next, 0, place, leaves)
                },
                EntryRow::new(*next, 1, "payment", part.amount),
            ];
            batch
                .entries
                .extend(rows.into_iter().map(|row| row.of(portal)));
            match &part.invoice {
                Some(invoice) => {
                    batch.pay(invoice, leaves);
                    let known = self.invoices.get(invoice);
                    batch.deals.extend(known.map(|known| known.deal));
                }
                None => {
                    batch.change_rest(part.payment, leaves);
                    let deals = self.deals.get(&part.payment);
                    batch.deals.extend(deals.into_iter().flatten());
                }
            }
            self.take(part);
            transactions.push(*next);
            *next += 1;
        }
        let total = Money::sum(refund.parts.iter().map(|part| part.amount)).unwrap_or_default();
        let body = json!({
            "refunded": transactions, "payment": refund.payment, "kopecks": total.kopecks(), "by": refund.author,
            "because": refund.because,
        });
        batch.note(refund.payment, "decision", body, now);
    }

    fn take(&mut self, part: &RefundPart) {
        let Some(paid) = self.payments.get_mut(&part.payment) else {
            return;
        };
        let less = Money::from_kopecks(-part.amount.kopecks());
        match &part.invoice {
            None => paid.remaining = plus(paid.remaining, less),
            Some(invoice) => {
                let mut given = paid.given.iter_mut();
                if let Some((_, given)) = given.find(|(one, _)| one == invoice) {
                    *given = plus(*given, less);
                }
            }
        }
    }
}

/// The deals that show money of these payments, also such as was taken back.
pub(super) async fn deals_of(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    payments: &[i64],
) -> Result<BTreeMap<i64, Vec<DealId>>, StoreError> {
    let mut deals: BTreeMap<i64, Vec<DealId>> = BTreeMap::new();
    if payments.is_empty() {
        return Ok(deals);
    }
    let ask = params![portal, json_text(&payments)];
    let rows = tx.list(&DEALS, &ask, |row| Ok((row.int()?, read_deal(row)?)));
    for (payment, deal) in rows.await? {
        deals.entry(payment).or_default().push(deal);
    }
    Ok(deals)
}

/// What is taken off some payments for refunds of ours.
#[derive(Default)]
pub(super) struct Resting {
    refunds: BTreeMap<i64, Vec<Transaction>>,
    known: BTreeMap<i64, Standing>,
}

impl Resting {
    /// What stands and rests on these payments.
    pub(super) async fn on(
        tx: &mut Tx<'_>,
        portal: &PortalId,
        payments: &[i64],
    ) -> Result<Resting, StoreError> {
        if payments.is_empty() {
            return Ok(Resting::default());
        }
        let ask = params![portal, json_text(&payments)];
        let refunds = read_entries(tx, &RESTING, &ask).await?;
        let known = if refunds.is_empty() {
            BTreeMap::new()
        } else {
            standing(tx, portal, refunds.keys().copied()).await?
        };
        Ok(Resting { refunds, known })
    }

    /// Only what is meant of it: by the refund, the payment that it rests on, and the invoice.
    pub(super) fn of(
        &self,
        is_meant: impl Fn(i64, i64, Option<&InvoiceRef>) -> bool,
    ) -> Vec<(i64, &Transaction)> {
        let all = self.refunds.iter();
        let all = all.flat_map(|(refund, of)| of.iter().map(|one| (*refund, one)));
        all.filter(|(refund, one)| {
            let mut rests = one.rests_on();
            rests.any(|(payment, invoice)| is_meant(*refund, payment, invoice))
        })
        .collect()
    }

    /// Takes these back: each refund is to be decided anew for so much. Gives the refunds.
    pub(super) fn release(
        &self,
        portal: &PortalId,
        released: &[(i64, &Transaction)],
        next: &mut i64,
        batch: &mut Batch,
        order: Order<'_>,
    ) -> Vec<i64> {
        let mut by_refund: BTreeMap<i64, Vec<&Transaction>> = BTreeMap::new();
        for (refund, transaction) in released {
            by_refund.entry(*refund).or_default().push(transaction);
        }
        for (refund, transactions) in &by_refund {
            let known = self.known.get(refund);
            let mut remaining = known.map_or(0, |known| known.remaining.kopecks());
            for transaction in transactions {
                batch.correct(portal, *next, *refund, transaction, order);
                remaining += transaction.given().kopecks();
                *next += 1;
            }
            let row = params![portal, *refund, order.because, remaining];
            batch.reopened.push(row.to_vec());
            if known.is_some_and(|known| known.state == PaymentState::Asked) {
                batch.cases.push(withdrawn(*refund));
            }
            let numbers: Vec<i64> = transactions.iter().map(|one| one.number).collect();
            let body = json!({
                "released": numbers, "payment": refund, "by": order.by, "because": order.because,
            });
            batch.note(*refund, "decision", body, order.now);
            batch.looks.push(Look {
                subject: Subject::payment(*refund),
                lane: Lane::Due,
                due_at: order.now,
                reason: "what it was taken off is taken back".to_owned(),
            });
        }
        by_refund.into_keys().collect()
    }
}

/// Refunds that were set aside until these people pay, or wait for the accountant, are to be decided; how many there are.
pub(super) async fn again(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    payers: impl IntoIterator<Item = String>,
) -> Result<u64, StoreError> {
    let payers: BTreeSet<String> = payers.into_iter().filter(|inn| !inn.is_empty()).collect();
    if payers.is_empty() {
        return Ok(0);
    }
    tx.execute(&AGAIN, &params![portal, text_set(payers)]).await
}

/// What these people paid was decided: refunds to them that are asked about are looked at, and those that waited for it
/// are to be decided.
pub(super) async fn once_decided(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    payers: BTreeSet<String>,
    now: Timestamp,
) -> Result<Vec<Look>, StoreError> {
    if payers.is_empty() {
        return Ok(Vec::new());
    }
    let ask = params![portal, text_set(payers.iter().cloned())];
    let refunds = tx.list(&TO_PAYERS, &ask, |row| {
        Ok((row.int()?, row.parsed::<PaymentState>()?))
    });
    let (asked, waiting): (Vec<_>, Vec<_>) = refunds
        .await?
        .into_iter()
        .partition(|(_, state)| *state == PaymentState::Asked);
    let looks = asked.into_iter().map(|(number, _)| Look {
        subject: Subject::payment(number),
        lane: Lane::Due,
        due_at: now,
        reason: "money of its receiver is decided".to_owned(),
    });
    let mut looks: Vec<Look> = looks.collect();
    if !waiting.is_empty() && again(tx, portal, payers).await? > 0 {
        looks.push(decide_soon(now));
    }
    Ok(looks)
}
