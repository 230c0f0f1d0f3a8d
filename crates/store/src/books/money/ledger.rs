//! Booking and undoing, by the rules of [`domain::ledger::Ledger`]: never more than the payment, never more than the
//! invoice, every transaction comes to nothing, what is undone is undone once.
//!
//! The rules are judged by balances that are read behind the lock of the portal's book. What breaks one is refused alone:
//! the other decisions of the same transaction stand.

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::{Direction, PaymentKind, PaymentOrder};
use domain::{DealId, Inn, InvoiceId, Money, OrganisationId, PortalId};
use jiff::{Timestamp, civil::Date};
use serde_json::json;

use super::{InvoiceRef, PaymentState, lock, read_direction, read_kind, take};
use crate::{
    books::{
        cases::{self, CaseChange, CaseFacts, CaseState},
        links::read_deal,
    },
    error::StoreError,
    mechanics::{
        journal::{self, JournalEntry},
        work::{self, Lane, Look},
    },
    sql::statements,
    store::Store,
    subject::{Subject, key_set, text_set},
    tx::Tx,
    value::{Row, Value, json_text, params},
};

/// The reason of a look at a deal whose invoice got money, or lost it.
pub const MONEY_MOVED: &str = "money of its invoice moved";

/// A part of a payment for one invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedShare {
    /// Which invoice.
    pub invoice: InvoiceRef,
    /// How much.
    pub amount: Money,
}

/// What was decided of a payment.
#[derive(Clone, Debug, PartialEq)]
pub enum Ruling {
    /// It goes to these invoices.
    Book {
        /// Each with its part.
        shares: Vec<BookedShare>,
        /// The rule, or the person.
        author: String,
        /// A person chose it: evidence for the payer's next payment.
        chosen: bool,
    },
    /// A person is asked.
    Ask(Box<CaseFacts>),
    /// It is no buyer's payment.
    Aside,
    /// A person decided that it is given to nothing.
    Leave,
}

/// A decision, for a payment as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The payment's number.
    pub payment: i64,
    /// How often it had been undone when it was seen.
    pub undone: i64,
    /// The last question about it that was seen, and where it stood: who answers meanwhile is not overruled.
    pub seen: Option<(i64, CaseState)>,
    /// What is decided.
    pub ruling: Ruling,
    /// Why, in Russian.
    pub because: String,
}

/// What became of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It is recorded.
    Done,
    /// Nothing was recorded: somebody else decided meanwhile, or a rule of the ledger would be broken. Look again.
    Refused,
}

/// What a person's undoing changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Transactions that are undone by corrections.
    pub transactions: Vec<i64>,
    /// Deals that are looked at.
    pub deals: Vec<DealId>,
}

statements! {
    PUT_TRANSACTION =
        "INSERT INTO ledger_transaction (portal_id, number, dated, kind, payment, undoes, because, author, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    PUT_ENTRY =
        "INSERT INTO ledger_entry (portal_id, transaction_no, line, place, organisation_id, invoice_id, amount)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    STANDING =
        "SELECT number, state, undone, direction, kind, remaining, payer_inn, body FROM payment
         WHERE portal_id = $1 AND number IN numbers($2)";
    INVOICES =
        "SELECT organisation_id, invoice_id, deal, buyer_inn, total, paid, stands FROM invoice_balance
         WHERE portal_id = $1 AND invoice_id IN keys($2)
         ORDER BY organisation_id, invoice_id /*pg FOR UPDATE */";
    /// Locked, so that nobody answers meanwhile.
    QUESTIONS =
        "SELECT subject, id, state FROM office_case
         WHERE portal_id = $1 AND subject IN keys($2) AND key = 'payment' AND state IN ('open', 'answered')
         ORDER BY id /*pg FOR UPDATE */";
    DECIDE =
        "UPDATE payment SET state = $3, because = $4, remaining = $5 WHERE portal_id = $1 AND number = $2";
    PAID =
        "UPDATE invoice_balance SET paid = paid + $4
         WHERE portal_id = $1 AND organisation_id = $2 AND invoice_id = $3";
    CHOSEN =
        "INSERT INTO payer_choice (portal_id, payer_inn, buyer_inn, times) VALUES ($1, $2, $3, 1)
         ON CONFLICT (portal_id, payer_inn, buyer_inn) DO UPDATE SET times = payer_choice.times + 1";
    STANDING_ALLOCATIONS =
        "SELECT t.number FROM ledger_transaction t WHERE t.portal_id = $1 AND t.payment = $2 AND t.kind = 'allocation'
             AND NOT EXISTS (SELECT 1 FROM ledger_transaction u WHERE u.portal_id = $1 AND u.undoes = t.number)
         ORDER BY t.number";
    ENTRIES =
        "SELECT line, place, organisation_id, invoice_id, amount FROM ledger_entry
         WHERE portal_id = $1 AND transaction_no = $2 ORDER BY line";
    REOPEN =
        "UPDATE payment SET state = 'new', because = $3, remaining = $4, undone = undone + 1
         WHERE portal_id = $1 AND number = $2";
    DEAL_OF =
        "SELECT deal FROM invoice_balance WHERE portal_id = $1 AND organisation_id = $2 AND invoice_id = $3";
}

/// A payment as the rules need it.
struct Standing {
    state: PaymentState,
    undone: i64,
    direction: Direction,
    kind: PaymentKind,
    remaining: Money,
    payer: Option<Inn>,
    order: PaymentOrder,
}

/// An invoice as the rules need it.
struct Balance {
    deal: DealId,
    buyer: String,
    open: Money,
}

/// What a transaction of the store writes, gathered so that round trips are shared.
#[derive(Default)]
struct Batch {
    transactions: Vec<Vec<Value>>,
    entries: Vec<Vec<Value>>,
    payments: Vec<Vec<Value>>,
    paid: Vec<Vec<Value>>,
    chosen: Vec<Vec<Value>>,
    cases: Vec<CaseChange>,
    deals: BTreeSet<DealId>,
}

impl Store {
    /// Records decisions, each whole or not at all: transaction, question and looks at deals in one commit.
    pub async fn money_decide(
        &self,
        portal: &PortalId,
        decisions: &[Decision],
        now: Timestamp,
    ) -> Result<Vec<Decided>, StoreError> {
        let args = (portal.clone(), decisions.to_vec(), now);
        let decided = self
            .write(args, |tx, (portal, decisions, now)| {
                Box::pin(decide(tx, portal, decisions, *now))
            })
            .await?;
        self.ring();
        Ok(decided)
    }

    /// Undoes in the name of `by` what was given of a payment, by corrections dated `today`; the payment is to be
    /// decided again, by a person. `None`: there is nothing to undo.
    pub async fn money_undo(
        &self,
        portal: &PortalId,
        payment: i64,
        (by, because): (&str, &str),
        today: Date,
        now: Timestamp,
    ) -> Result<Option<Undone>, StoreError> {
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
                Box::pin(undo(tx, portal, *payment, (by, because), *today, *now))
            })
            .await?;
        self.ring();
        Ok(undone)
    }
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

/// One entry as its row.
pub(super) fn entry_row(
    portal: &PortalId,
    transaction: i64,
    line: i64,
    place: &str,
    invoice: Option<&InvoiceRef>,
    amount: Money,
) -> Vec<Value> {
    params![
        portal,
        transaction,
        line,
        place,
        invoice.map(|one| &one.organisation),
        invoice.map(|one| &one.invoice),
        amount
    ]
    .to_vec()
}

async fn decide(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    decisions: &[Decision],
    now: Timestamp,
) -> Result<Vec<Decided>, StoreError> {
    lock(tx, portal).await?;
    let mut payments = standing(tx, portal, decisions.iter().map(|one| one.payment)).await?;
    let questions = questions(tx, portal, decisions, &payments).await?;
    let mut invoices = balances(tx, portal, decisions).await?;
    let bookings = decisions
        .iter()
        .filter(|one| matches!(one.ruling, Ruling::Book { .. }));
    let mut next = take(tx, portal, 0, bookings.count()).await?.transaction;
    let mut batch = Batch::default();
    let mut decided = Vec::with_capacity(decisions.len());
    for decision in decisions {
        let payment = payments
            .get_mut(&decision.payment)
            .filter(|payment| payment.awaits(decision))
            .filter(|_| questions.get(&decision.payment).copied() == decision.seen);
        let done = match payment {
            None => false,
            Some(payment) => apply(
                portal,
                decision,
                payment,
                &mut invoices,
                &mut next,
                &mut batch,
                now,
            ),
        };
        decided.push(if done {
            Decided::Done
        } else {
            Decided::Refused
        });
    }
    write(tx, portal, batch, now).await?;
    Ok(decided)
}

impl Standing {
    /// Whether it is to be decided, and is as it was when the decision was made.
    fn awaits(&self, decision: &Decision) -> bool {
        matches!(self.state, PaymentState::New | PaymentState::Asked)
            && self.undone == decision.undone
    }

    /// Whether it may be given to invoices at all.
    fn is_for_invoices(&self) -> bool {
        let kind = matches!(self.kind, PaymentKind::Incoming | PaymentKind::Register);
        kind && self.direction == Direction::In
    }
}

/// Gathers what the decision writes; false, and nothing gathered, where it may not be.
fn apply(
    portal: &PortalId,
    decision: &Decision,
    payment: &mut Standing,
    invoices: &mut BTreeMap<InvoiceRef, Balance>,
    next: &mut i64,
    batch: &mut Batch,
    now: Timestamp,
) -> bool {
    let subject = Subject::payment(decision.payment);
    let state = match &decision.ruling {
        Ruling::Ask(case) => {
            batch.cases.push(CaseChange::Open((**case).clone()));
            PaymentState::Asked
        }
        Ruling::Aside => PaymentState::Aside,
        Ruling::Leave => PaymentState::Left,
        Ruling::Book {
            shares,
            author,
            chosen,
        } => {
            let Some(rest) = rest_after(payment, shares, invoices) else {
                return false;
            };
            payment.remaining = rest;
            for share in shares {
                if let Some(invoice) = invoices.get_mut(&share.invoice) {
                    invoice.open =
                        Money::from_kopecks(invoice.open.kopecks() - share.amount.kopecks());
                    batch.deals.insert(invoice.deal);
                    if let (true, Some(payer)) = (*chosen, &payment.payer) {
                        let row = params![portal, payer.as_str(), invoice.buyer.as_str()];
                        batch.chosen.push(row.to_vec());
                    }
                }
            }
            let dated = payment.order.booked.unwrap_or(payment.order.date);
            allocate(portal, *next, decision, shares, dated, author, now, batch);
            *next += 1;
            PaymentState::Booked
        }
    };
    if payment.state == PaymentState::Asked && state != PaymentState::Asked {
        batch.cases.push(CaseChange::Withdraw {
            subject,
            key: PAYMENT_CASE_KEY.to_owned(),
        });
    }
    payment.state = state;
    batch.payments.push(
        params![
            portal,
            decision.payment,
            state.as_str(),
            &decision.because,
            payment.remaining
        ]
        .to_vec(),
    );
    true
}

/// The key of the question about a payment: one at a time.
pub const PAYMENT_CASE_KEY: &str = "payment";

/// What is left of the payment, if it may be given so.
fn rest_after(
    payment: &Standing,
    shares: &[BookedShare],
    invoices: &BTreeMap<InvoiceRef, Balance>,
) -> Option<Money> {
    if !payment.is_for_invoices() || shares.is_empty() {
        return None;
    }
    let mut of_invoice: BTreeMap<&InvoiceRef, Money> = BTreeMap::new();
    let mut rest = payment.remaining;
    for share in shares {
        if !share.amount.is_positive() {
            return None;
        }
        rest = rest.checked_sub(share.amount)?;
        let sum = of_invoice.entry(&share.invoice).or_default();
        *sum = sum.checked_add(share.amount)?;
    }
    let fits = |(invoice, sum): (&&InvoiceRef, &Money)| {
        invoices
            .get(*invoice)
            .is_some_and(|known| *sum <= known.open)
    };
    (!rest.is_negative() && of_invoice.iter().all(fits)).then_some(rest)
}

#[expect(
    clippy::too_many_arguments,
    reason = "the parts of one row, and where it goes"
)]
fn allocate(
    portal: &PortalId,
    transaction: i64,
    decision: &Decision,
    shares: &[BookedShare],
    dated: Date,
    author: &str,
    now: Timestamp,
    batch: &mut Batch,
) {
    batch.transactions.push(
        params![
            portal,
            transaction,
            dated.to_string(),
            "allocation",
            decision.payment,
            None::<i64>,
            &decision.because,
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
            let row = entry_row(portal, transaction, line, place, invoice, amount);
            batch.entries.push(row);
            line += 1;
        }
        let InvoiceRef {
            organisation,
            invoice,
        } = &share.invoice;
        let row = params![portal, organisation, invoice, share.amount];
        batch.paid.push(row.to_vec());
    }
}

async fn write(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    batch: Batch,
    now: Timestamp,
) -> Result<(), StoreError> {
    put(tx, &batch.transactions, &batch.entries).await?;
    tx.execute_each(&PAID, &batch.paid).await?;
    tx.execute_each(&DECIDE, &batch.payments).await?;
    // One after the other: several payments of a pass may be evidence for the same pair.
    for row in &batch.chosen {
        tx.execute(&CHOSEN, row).await?;
    }
    cases::apply(tx, portal, &batch.cases, now).await?;
    let looks: Vec<Look> = batch.deals.iter().map(|deal| moved(*deal, now)).collect();
    work::enqueue(tx, portal, &looks).await
}

fn moved(deal: DealId, now: Timestamp) -> Look {
    Look {
        subject: Subject::deal(deal),
        lane: Lane::Due,
        due_at: now,
        reason: MONEY_MOVED.to_owned(),
    }
}

async fn standing(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    numbers: impl Iterator<Item = i64>,
) -> Result<BTreeMap<i64, Standing>, StoreError> {
    let numbers = json_text(&numbers.collect::<Vec<_>>());
    let rows = tx
        .list(&STANDING, &params![portal, numbers], |row| {
            let number = row.int()?;
            let standing = Standing {
                state: row.parsed()?,
                undone: row.int()?,
                direction: read_direction(row)?,
                kind: read_kind(row)?,
                remaining: Money::from_kopecks(row.int()?),
                payer: Inn::parse(&row.text()?).ok(),
                order: row.json()?,
            };
            Ok((number, standing))
        })
        .await?;
    Ok(rows.into_iter().collect())
}

/// The last question about each payment that has one.
async fn questions(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    decisions: &[Decision],
    payments: &BTreeMap<i64, Standing>,
) -> Result<BTreeMap<i64, (i64, CaseState)>, StoreError> {
    let may_have = |decision: &&Decision| {
        let payment = payments.get(&decision.payment);
        payment.is_some_and(|one| one.state == PaymentState::Asked || one.undone > 0)
    };
    let asked: Vec<Subject> = decisions
        .iter()
        .filter(may_have)
        .map(|decision| Subject::payment(decision.payment))
        .collect();
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ask = params![portal, key_set(&asked)];
    let rows = tx
        .list(&QUESTIONS, &ask, |row| {
            let subject: Subject = row.parsed()?;
            Ok((subject.as_payment(), (row.int()?, row.parsed()?)))
        })
        .await?;
    let of_payments = rows
        .into_iter()
        .filter_map(|(payment, question)| Some((payment?, question)));
    Ok(of_payments.collect())
}

/// Of the invoices that get a share; one that does not stand has nothing open.
async fn balances(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    decisions: &[Decision],
) -> Result<BTreeMap<InvoiceRef, Balance>, StoreError> {
    let shares = decisions
        .iter()
        .flat_map(|decision| match &decision.ruling {
            Ruling::Book { shares, .. } => shares.as_slice(),
            Ruling::Ask(_) | Ruling::Aside | Ruling::Leave => &[],
        });
    let ids = text_set(shares.map(|share| share.invoice.invoice.to_string()));
    let rows = tx
        .list(&INVOICES, &params![portal, ids], |row| {
            let invoice = InvoiceRef {
                organisation: row.parsed()?,
                invoice: row.parsed()?,
            };
            let (deal, buyer) = (read_deal(row)?, row.text()?);
            let (total, paid, stands) = (row.int()?, row.int()?, row.flag()?);
            let open = if stands { (total - paid).max(0) } else { 0 };
            let open = Money::from_kopecks(open);
            Ok((invoice, Balance { deal, buyer, open }))
        })
        .await?;
    Ok(rows.into_iter().collect())
}

/// An entry that is to be said the opposite of.
struct Entry {
    line: i64,
    place: String,
    invoice: Option<InvoiceRef>,
    amount: Money,
}

async fn undo(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    payment: i64,
    (by, because): (&str, &str),
    today: Date,
    now: Timestamp,
) -> Result<Option<Undone>, StoreError> {
    lock(tx, portal).await?;
    let known = standing(tx, portal, [payment].into_iter()).await?;
    let Some(known) = known.get(&payment) else {
        return Ok(None);
    };
    let transactions = tx
        .list(&STANDING_ALLOCATIONS, &params![portal, payment], Row::int)
        .await?;
    if transactions.is_empty() && known.state != PaymentState::Left {
        return Ok(None);
    }
    let mut next = take(tx, portal, 0, transactions.len()).await?.transaction;
    let mut deals = BTreeSet::new();
    let mut remaining = known.remaining.kopecks();
    for transaction in &transactions {
        let entries = tx
            .list(&ENTRIES, &params![portal, *transaction], read_entry)
            .await?;
        let head = params![
            portal,
            next,
            today.to_string(),
            "correction",
            payment,
            *transaction,
            because,
            by,
            now
        ]
        .to_vec();
        let mut rows = Vec::with_capacity(entries.len());
        for entry in &entries {
            let opposite = Money::from_kopecks(-entry.amount.kopecks());
            let invoice = entry.invoice.as_ref();
            rows.push(entry_row(
                portal,
                next,
                entry.line,
                &entry.place,
                invoice,
                opposite,
            ));
            if let Some(InvoiceRef {
                organisation,
                invoice,
            }) = invoice
            {
                let paid = params![portal, organisation, invoice, opposite];
                tx.execute(&PAID, &paid).await?;
                let of = params![portal, organisation, invoice];
                deals.extend(tx.first(&DEAL_OF, &of, read_deal).await?);
                remaining -= opposite.kopecks();
            }
        }
        put(tx, &[head], &rows).await?;
        next += 1;
    }
    let values = params![portal, payment, because, remaining];
    tx.execute(&REOPEN, &values).await?;
    let body = json!({"undone": transactions, "payment": payment, "by": by, "because": because});
    let line = JournalEntry {
        at: now,
        subject: Some(Subject::payment(payment)),
        kind: "person".to_owned(),
        body,
    };
    journal::park(tx, portal, &line).await?;
    let mut looks: Vec<Look> = deals.iter().map(|deal| moved(*deal, now)).collect();
    looks.push(Look {
        subject: Subject::payment(payment),
        lane: Lane::Click,
        due_at: now,
        reason: "person undid it".to_owned(),
    });
    work::enqueue(tx, portal, &looks).await?;
    Ok(Some(Undone {
        transactions,
        deals: deals.into_iter().collect(),
    }))
}

fn read_entry(row: &mut Row) -> Result<Entry, StoreError> {
    let (line, place) = (row.int()?, row.text()?);
    let (organisation, invoice) = (row.text_or_null()?, row.text_or_null()?);
    let invoice = organisation
        .zip(invoice)
        .map(|(organisation, invoice)| InvoiceRef {
            organisation: OrganisationId::new(organisation),
            invoice: InvoiceId::new(invoice),
        });
    Ok(Entry {
        line,
        place,
        invoice,
        amount: Money::from_kopecks(row.int()?),
    })
}
