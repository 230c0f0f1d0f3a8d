//! Booking, by the rules of [`domain::ledger::Ledger`]: never more than the payment, never more than the invoice, every
//! transaction comes to nothing. Not here: taking back (`undo`), what the accountant gave (`followed`).
//!
//! The rules are judged by balances that are read behind the lock of the portal's book. What breaks one is refused alone:
//! the other decisions of the same transaction stand.

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::{Direction, PaymentKind, PaymentOrder};
use domain::{DealId, Inn, Money, PortalId};
use jiff::{Timestamp, civil::Date};
use serde_json::json;

use super::{InvoiceRef, PaymentState, lock, open::until_value, read_direction, read_kind, take};
use crate::{
    books::{
        case_changes::{self, CaseChange},
        cases::{CaseFacts, CaseState},
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
    value::{Value, json_text, params},
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
    /// The accountant's word is waited for: until then, when it is looked at again if none came, or without end.
    Wait(Option<Timestamp>),
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

/// The deal of an invoice that is no deal's.
pub(super) const NO_DEAL: DealId = DealId(0);

statements! {
    PUT_TRANSACTION =
        "INSERT INTO ledger_transaction (portal_id, number, dated, kind, payment, undoes, because, author, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    PUT_ENTRY =
        "INSERT INTO ledger_entry (portal_id, transaction_no, line, place, organisation_id, invoice_id, amount, undoes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
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
        "UPDATE payment SET state = $3, because = $4, remaining = $5, waits_until = $6
         WHERE portal_id = $1 AND number = $2";
    REOPEN =
        "UPDATE payment SET state = 'new', because = $3, remaining = $4, undone = undone + 1, waits_until = 0
         WHERE portal_id = $1 AND number = $2";
    PAID =
        "UPDATE invoice_balance SET paid = paid + $4
         WHERE portal_id = $1 AND organisation_id = $2 AND invoice_id = $3";
    CHOSEN =
        "INSERT INTO payer_choice (portal_id, payer_inn, buyer_inn, times) VALUES ($1, $2, $3, 1)
         ON CONFLICT (portal_id, payer_inn, buyer_inn) DO UPDATE SET times = payer_choice.times + 1";
}

/// A payment as the rules need it.
pub(super) struct Standing {
    pub(super) state: PaymentState,
    undone: i64,
    pub(super) direction: Direction,
    kind: PaymentKind,
    pub(super) remaining: Money,
    payer: Option<Inn>,
    pub(super) order: PaymentOrder,
}

/// An invoice as the rules need it.
pub(super) struct Balance {
    /// None for one that is no deal's: only the accountant gives it anything.
    pub(super) deal: Option<DealId>,
    buyer: String,
    pub(super) open: Money,
}

/// What a transaction of the store writes, gathered so that round trips are shared.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) transactions: Vec<Vec<Value>>,
    pub(super) entries: Vec<Vec<Value>>,
    /// Payments that are decided, as [`DECIDE`] takes them.
    pub(super) payments: Vec<Vec<Value>>,
    /// Payments that are to be decided again, as [`REOPEN`] takes them.
    pub(super) reopened: Vec<Vec<Value>>,
    pub(super) paid: Vec<Vec<Value>>,
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
        amount,
        None::<i64>
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
    let shares = decisions.iter().flat_map(Decision::shares);
    let mut invoices = balances(tx, portal, shares.map(|share| &share.invoice)).await?;
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

impl Decision {
    fn shares(&self) -> &[BookedShare] {
        match &self.ruling {
            Ruling::Book { shares, .. } => shares,
            Ruling::Ask(_) | Ruling::Aside | Ruling::Leave | Ruling::Wait(_) => &[],
        }
    }
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
    let mut waits_until = Value::Int(0);
    let state = match &decision.ruling {
        Ruling::Ask(case) => {
            batch.cases.push(CaseChange::Open((**case).clone()));
            PaymentState::Asked
        }
        Ruling::Aside => PaymentState::Aside,
        Ruling::Leave => PaymentState::Left,
        Ruling::Wait(until) => {
            waits_until = until_value(*until);
            PaymentState::New
        }
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
                    batch.deals.extend(invoice.deal);
                    if let (true, Some(payer)) = (*chosen, &payment.payer) {
                        let row = params![portal, payer.as_str(), invoice.buyer.as_str()];
                        batch.chosen.push(row.to_vec());
                    }
                }
            }
            let allocation = Allocation {
                payment: decision.payment,
                shares,
                dated: payment.order.booked.unwrap_or(payment.order.date),
                because: &decision.because,
                author,
            };
            batch.allocate(portal, *next, &allocation, now);
            *next += 1;
            PaymentState::Booked
        }
    };
    if payment.state == PaymentState::Asked && state != PaymentState::Asked {
        batch.cases.push(withdrawn(decision.payment));
    }
    payment.state = state;
    batch.payments.push(
        params![
            portal,
            decision.payment,
            state.as_str(),
            &decision.because,
            payment.remaining,
            waits_until
        ]
        .to_vec(),
    );
    true
}

/// Nothing is asked of the payment any more.
pub(super) fn withdrawn(payment: i64) -> CaseChange {
    CaseChange::Withdraw {
        subject: Subject::payment(payment),
        key: PAYMENT_CASE_KEY.to_owned(),
    }
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

impl Batch {
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
                let row = entry_row(portal, transaction, line, place, invoice, amount);
                self.entries.push(row);
                line += 1;
            }
            let InvoiceRef {
                organisation,
                invoice,
            } = &share.invoice;
            let row = params![portal, organisation, invoice, share.amount];
            self.paid.push(row.to_vec());
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
    fn noted(&self) -> serde_json::Value {
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
    tx.execute_each(&PAID, &batch.paid).await?;
    tx.execute_each(&DECIDE, &batch.payments).await?;
    tx.execute_each(&REOPEN, &batch.reopened).await?;
    // One after the other: several payments of a pass may be evidence for the same pair.
    for row in &batch.chosen {
        tx.execute(&CHOSEN, row).await?;
    }
    case_changes::apply(tx, portal, &batch.cases, now).await?;
    let mut looks = batch.looks;
    looks.extend(batch.deals.iter().map(|deal| moved(*deal, now)));
    work::enqueue(tx, portal, &looks).await?;
    journal::park_each(tx, portal, &batch.journal).await
}

pub(super) fn moved(deal: DealId, now: Timestamp) -> Look {
    Look {
        subject: Subject::deal(deal),
        lane: Lane::Due,
        due_at: now,
        reason: MONEY_MOVED.to_owned(),
    }
}

pub(super) async fn standing(
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
pub(super) async fn balances(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    invoices: impl Iterator<Item = &InvoiceRef>,
) -> Result<BTreeMap<InvoiceRef, Balance>, StoreError> {
    let ids = text_set(invoices.map(|one| one.invoice.to_string()));
    let rows = tx
        .list(&INVOICES, &params![portal, ids], |row| {
            let invoice = InvoiceRef {
                organisation: row.parsed()?,
                invoice: row.parsed()?,
            };
            let deal = Some(read_deal(row)?).filter(|deal| *deal != NO_DEAL);
            let buyer = row.text()?;
            let (total, paid, stands) = (row.int()?, row.int()?, row.flag()?);
            let open = if stands { (total - paid).max(0) } else { 0 };
            let open = Money::from_kopecks(open);
            Ok((invoice, Balance { deal, buyer, open }))
        })
        .await?;
    Ok(rows.into_iter().collect())
}
