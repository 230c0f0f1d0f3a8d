//! Booking, by the rules of [`domain::ledger::Ledger`]: never more than the payment, never more than the invoice, every
//! transaction comes to nothing. Not here: taking back (`undo`), what we paid back (`refunds`), what the accountant gave
//! (`followed`).
//!
//! The rules are judged by balances that are read behind the lock of the portal's book. What breaks one is refused alone:
//! the other decisions of the same transaction stand.

use std::collections::BTreeMap;

use domain::matching::CountedBefore;
use domain::payment::{Direction, PaymentKind};
use domain::{DealId, Inn, Money, OrganisationId, PortalId};
use jiff::{Timestamp, civil::Date};

use super::{
    InvoiceRef, PaymentState,
    batch::{Allocation, Batch, write},
    borne::{are_open_to, rest_after},
    days::day,
    divided::{decide_divided, divided_by_people},
    lock,
    open::{counted, open_ids, read_counted, until_value},
    read_direction, read_kind,
    refunds::{Refund, RefundPart, Refunded},
    sets_of,
    sightings::decide_soon,
    take,
    twice::twice,
};
use crate::{
    books::{
        case_changes::CaseChange,
        cases::{CaseFacts, CaseState},
        links::read_deal,
    },
    error::StoreError,
    sql::statements,
    store::Store,
    subject::{Subject, key_set},
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
        /// Where a person chose it.
        by_parts: Option<ByParts>,
    },
    /// A person is asked.
    Ask(Box<CaseFacts>),
    /// It is no buyer's payment.
    Aside,
    /// What we paid to somebody who paid nothing that we know: set aside until he does.
    AsideUntilPaid {
        /// The newest payment of his that was known when it was decided; 0: none.
        last: i64,
    },
    /// What we paid back to a buyer is taken off what he paid.
    TakeOff {
        /// Where it comes from: all of the refund.
        parts: Vec<RefundPart>,
        /// The rule, or the person.
        author: String,
    },
    /// A person decided that it is given to nothing.
    Leave,
    /// The accountant's word is waited for.
    Wait {
        /// Until then, when it is looked at again if none came, or without end.
        until: Option<Timestamp>,
        /// Invoices that it may be for.
        offered: Vec<InvoiceRef>,
    },
}

/// How what a rule or the accountant gave of the bank's whole order is taken back, where a person gives a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByParts {
    /// Why.
    pub because: String,
    /// Corrections are dated by it.
    pub today: Date,
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
    /// Payments of a refund's receiver that were seen undecided: once one of them is decided, what rests on that is not.
    pub undecided: Vec<i64>,
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
    /// It is recorded, and the bank's whole order of this number was taken back with it, since its money would count twice:
    /// that is asked about anew.
    InPlaceOf(i64),
    /// Nothing was recorded: somebody else decided meanwhile, a rule of the ledger would be broken, or a rule would give money
    /// that is counted twice by now. Look again.
    Refused,
}

/// The author of what is given without a person.
pub const RULE: &str = "rule";

/// The deal of an invoice that is no deal's.
pub(super) const NO_DEAL: DealId = DealId(0);

statements! {
    STANDING = concat!(
        "SELECT p.number, p.organisation_id, p.state, p.undone, p.direction, p.kind, p.remaining, p.payer_inn, ",
        day!(),
        ", CASE WHEN EXISTS (SELECT 1 FROM followed_payment x WHERE x.portal_id = $1) THEN 1 ELSE 0 END
         FROM payment p WHERE p.portal_id = $1 AND p.number IN numbers($2)"
    );
    /// One that was paid in full before it was a deal's takes nothing more, but its payments may become known yet.
    INVOICES = concat!(
        "SELECT o.organisation_id, o.invoice_id, o.deal, o.buyer_inn, o.paid, o.stands,
             CASE WHEN o.stands = 1 OR (o.paid_before > 0 AND o.paid_before >= o.total AND EXISTS (
                 SELECT 1 FROM invoice_link l
                 WHERE l.portal_id = $1 AND l.organisation_id = o.organisation_id AND l.invoice_id = o.invoice_id
                     AND l.live = 1 AND l.status NOT IN ('cancelled', 'deleted')
             )) THEN 1 ELSE 0 END, ",
        counted!(),
        "FROM invoice_balance o
         WHERE o.portal_id = $1 AND o.organisation_id IN keys($2) AND o.invoice_id IN keys($3)
         ORDER BY o.organisation_id, o.invoice_id /*pg FOR UPDATE */"
    );
    /// Locked, so that nobody answers meanwhile. By what they are about: by the state alone SQLite would read all open ones.
    QUESTIONS =
        "SELECT subject, id, state FROM office_case
         WHERE portal_id = $1 AND subject IN keys($2) AND key = 'payment' AND state || '' IN ('open', 'answered')
         ORDER BY id /*pg FOR UPDATE */";
}

/// A payment as the rules need it.
pub(super) struct Standing {
    pub(super) organisation: OrganisationId,
    pub(super) state: PaymentState,
    undone: i64,
    pub(super) direction: Direction,
    pub(super) kind: PaymentKind,
    pub(super) remaining: Money,
    pub(super) payer: Option<Inn>,
    /// The day that counts for it.
    pub(super) came: Date,
    /// An accounting side tells payments.
    has_feed: bool,
}

/// An invoice as the rules need it.
pub(super) struct Balance {
    /// None for one that is no deal's: only the accountant gives it anything.
    pub(super) deal: Option<DealId>,
    /// Payments that we decide on may be given to it.
    pub(super) stands: bool,
    buyer: String,
    pub(super) open: Money,
    /// The same for what the accountant gives: he alone knows which payments paid an invoice before it was a deal's.
    pub(super) open_to_accountant: Money,
    /// What is not paid of its total, whether it stands or not; below zero where more is.
    pub(super) unpaid: Money,
    /// What was counted as paid of it before it was a deal's, and no money of ours shows yet.
    pub(super) counted: CountedBefore,
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

async fn decide(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    decisions: &[Decision],
    now: Timestamp,
) -> Result<Vec<Decided>, StoreError> {
    // Where no person gives anything no order is divided: all goes together, and its numbers are taken with the lock.
    if decisions.iter().all(|one| one.by_parts().is_none()) {
        return decide_together(tx, portal, decisions, now).await;
    }
    lock(tx, portal).await?;
    let divided = divided_by_people(tx, portal, decisions).await?;
    let is_divided = |one: &Decision| divided.contains(&one.payment);
    // Each by itself: what makes room for a part is open to those after it, and an order is given one way alone.
    let apart = decisions.chunk_by(|one, next| !is_divided(one) && !is_divided(next));
    let apart: Vec<&[Decision]> = apart.collect();
    let mut decided = Vec::with_capacity(decisions.len());
    for some in apart {
        decided.extend(match some {
            [one] if is_divided(one) => vec![decide_divided(tx, portal, one, now).await?],
            some => decide_together(tx, portal, some, now).await?,
        });
    }
    Ok(decided)
}

/// What of these stands as it was seen, and no rule of the ledger breaks.
pub(super) async fn decide_together(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    decisions: &[Decision],
    now: Timestamp,
) -> Result<Vec<Decided>, StoreError> {
    // Numbers lock the book: all that is read below stands until the commit.
    let transactions = decisions.iter().map(Decision::transactions);
    let mut next = take(tx, portal, 0, transactions.sum()).await?.transaction;
    let mut payments = standing(tx, portal, decisions.iter().map(|one| one.payment)).await?;
    let questions = questions(tx, portal, decisions, &payments).await?;
    let shares = decisions.iter().flat_map(Decision::shares);
    let shares: Vec<&InvoiceRef> = shares.map(|share| &share.invoice).collect();
    let mut invoices = balances(tx, portal, shares.into_iter()).await?;
    let mut refunded = Refunded::of(tx, portal, decisions, &payments).await?;
    // An order's parts may have come since a rule saw it whole: people say which of them counts.
    let by_rule = decisions.iter().filter(|one| one.is_booked_by_rule());
    let by_rule: Vec<i64> = by_rule.map(|one| one.payment).collect();
    let twice = if payments.values().any(|one| one.has_feed) {
        twice(tx, portal, &by_rule).await?
    } else {
        BTreeMap::new()
    };
    let mut batch = Batch::default();
    let mut decided = Vec::with_capacity(decisions.len());
    let mut is_left = false;
    for decision in decisions {
        let payment = payments
            .get_mut(&decision.payment)
            .filter(|payment| payment.awaits(decision))
            .filter(|_| questions.get(&decision.payment).copied() == decision.seen)
            .filter(|_| refunded.is_as_seen(decision))
            .filter(|_| !twice.contains_key(&decision.payment));
        let done = match payment {
            None => false,
            Some(payment) => apply(
                portal,
                decision,
                payment,
                (&mut invoices, &mut refunded),
                &mut next,
                &mut batch,
                now,
            ),
        };
        let known = payments.get(&decision.payment);
        is_left |= !done && known.is_some_and(|known| known.state == PaymentState::New);
        decided.push(if done {
            Decided::Done
        } else {
            Decided::Refused
        });
    }
    // What is asked about is looked at again by whoever asked; what is new waits for the portal's task alone.
    if is_left {
        batch.looks.push(decide_soon(now));
    }
    write(tx, portal, batch, now).await?;
    Ok(decided)
}

impl Decision {
    pub(super) fn shares(&self) -> &[BookedShare] {
        match &self.ruling {
            Ruling::Book { shares, .. } => shares,
            Ruling::TakeOff { .. }
            | Ruling::Ask(_)
            | Ruling::Aside
            | Ruling::AsideUntilPaid { .. }
            | Ruling::Leave
            | Ruling::Wait { .. } => &[],
        }
    }

    /// What a refund is taken off.
    pub(super) fn parts(&self) -> &[RefundPart] {
        match &self.ruling {
            Ruling::TakeOff { parts, .. } => parts,
            Ruling::Book { .. }
            | Ruling::Ask(_)
            | Ruling::Aside
            | Ruling::AsideUntilPaid { .. }
            | Ruling::Leave
            | Ruling::Wait { .. } => &[],
        }
    }

    /// Whether no person chose where the money goes.
    fn is_booked_by_rule(&self) -> bool {
        matches!(&self.ruling, Ruling::Book { author, .. } if author == RULE)
    }

    /// Who gives it, and how the whole order makes room where it is a part of one.
    pub(super) fn by_parts(&self) -> Option<(&str, &ByParts)> {
        match &self.ruling {
            Ruling::Book {
                author, by_parts, ..
            } => Some((author.as_str(), by_parts.as_ref()?)),
            Ruling::TakeOff { .. }
            | Ruling::Ask(_)
            | Ruling::Aside
            | Ruling::AsideUntilPaid { .. }
            | Ruling::Leave
            | Ruling::Wait { .. } => None,
        }
    }

    /// How many transactions it makes.
    fn transactions(&self) -> usize {
        let booking = usize::from(matches!(self.ruling, Ruling::Book { .. }));
        booking + self.parts().len()
    }
}

impl Standing {
    /// Whether it is to be decided, and is as it was when the decision was made.
    pub(super) fn awaits(&self, decision: &Decision) -> bool {
        matches!(self.state, PaymentState::New | PaymentState::Asked)
            && self.undone == decision.undone
    }

    /// Whether only its words made it somebody else's money than a buyer's.
    pub(super) fn was_set_aside_by_words(&self) -> bool {
        set_aside_by_words(self.state, self.kind, self.remaining)
    }

    /// Whether a person may give it, or what is left of it, to an invoice of his choice.
    pub(super) fn may_be_given(&self) -> bool {
        may_be_given(self.direction, self.kind, self.state, self.remaining)
    }

    /// Whether it may be given to invoices at all.
    pub(super) fn is_for_invoices(&self) -> bool {
        let kind = matches!(self.kind, PaymentKind::Incoming | PaymentKind::Register);
        kind && self.direction == Direction::In
    }
}

impl Balance {
    /// What is open once so much of what it has is taken back.
    pub(super) fn open_with(&self, room: Money) -> Money {
        let is_open = self.stands && self.deal.is_some();
        let unpaid = self.unpaid.kopecks() + room.kopecks();
        Money::from_kopecks(if is_open { unpaid.max(0) } else { 0 })
    }
}

/// Gathers what the decision writes; false, and nothing gathered, where it may not be.
fn apply(
    portal: &PortalId,
    decision: &Decision,
    payment: &mut Standing,
    (invoices, refunded): (&mut BTreeMap<InvoiceRef, Balance>, &mut Refunded),
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
        Ruling::AsideUntilPaid { last } => {
            if !refunded.waits_for(payment, *last) {
                return false;
            }
            waits_until = until_value(None);
            PaymentState::Aside
        }
        Ruling::TakeOff { parts, author } => {
            if !refunded.bears(payment, parts) {
                return false;
            }
            let refund = Refund {
                payment: decision.payment,
                parts,
                dated: payment.came,
                because: &decision.because,
                author,
            };
            refunded.take_off(portal, next, &refund, batch, now);
            payment.remaining = Money::ZERO;
            PaymentState::Booked
        }
        Ruling::Leave => PaymentState::Left,
        Ruling::Wait { until, offered } => {
            waits_until = until_value(*until);
            let row = params![portal, decision.payment, json_text(&open_ids(offered))];
            batch.offered.push(row.to_vec());
            PaymentState::New
        }
        Ruling::Book {
            shares,
            author,
            chosen,
            by_parts: _,
        } => {
            let came = payment.came;
            let allocation = Allocation {
                payment: decision.payment,
                shares,
                dated: came,
                because: &decision.because,
                author,
            };
            let booking = (*next, &allocation);
            if !are_open_to(shares, came, invoices)
                || !book(portal, booking, *chosen, payment, invoices, batch, now)
            {
                return false;
            }
            for share in shares {
                if let Some(invoice) = invoices.get_mut(&share.invoice) {
                    invoice.counted = invoice.counted.without(share.amount, came);
                }
            }
            *next += 1;
            PaymentState::Booked
        }
    };
    if payment.state == PaymentState::Asked && state != PaymentState::Asked {
        batch.cases.push(withdrawn(decision.payment));
    }
    if payment.direction == Direction::In
        && matches!(state, PaymentState::Booked | PaymentState::Left)
    {
        batch
            .payers
            .extend(payment.payer.as_ref().map(ToString::to_string));
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

/// Gives money of a payment to invoices; false, and nothing gathered, where one of them does not bear it. What a person
/// chose is evidence for the payer.
pub(super) fn book(
    portal: &PortalId,
    (transaction, allocation): (i64, &Allocation<'_>),
    is_chosen: bool,
    payment: &mut Standing,
    invoices: &mut BTreeMap<InvoiceRef, Balance>,
    batch: &mut Batch,
    now: Timestamp,
) -> bool {
    let Some(rest) = rest_after(payment, allocation.shares, invoices) else {
        return false;
    };
    payment.remaining = rest;
    for share in allocation.shares {
        let Some(invoice) = invoices.get_mut(&share.invoice) else {
            continue;
        };
        invoice.open = Money::from_kopecks(invoice.open.kopecks() - share.amount.kopecks());
        batch.deals.extend(invoice.deal);
        // A buyer without an INN is nobody in particular.
        let payer = payment.payer.as_ref().filter(|_| is_chosen);
        if let Some(payer) = payer.filter(|_| !invoice.buyer.is_empty()) {
            let row = params![portal, payer.as_str(), invoice.buyer.as_str()];
            batch.chosen.push(row.to_vec());
        }
    }
    batch.allocate(portal, transaction, allocation, now);
    true
}

/// Nothing is asked of the payment any more.
pub(super) fn withdrawn(payment: i64) -> CaseChange {
    CaseChange::Withdraw {
        subject: Subject::payment(payment),
        key: PAYMENT_CASE_KEY.to_owned(),
    }
}

/// Money that came and that only its purpose made our own that comes back: a person may say that it is a buyer's after all.
/// A payment that no source shows any more has nothing left; a credit of many sales is split, whatever became of it.
pub(super) fn set_aside_by_words(state: PaymentState, kind: PaymentKind, left: Money) -> bool {
    state == PaymentState::Aside && kind == PaymentKind::ReturnedToUs && left.is_positive()
}

/// What a person may give to an invoice of his choice. Of a credit of many sales only what is left once it is split: before,
/// the bank's commission belongs to all of them.
pub(super) fn may_be_given(
    direction: Direction,
    kind: PaymentKind,
    state: PaymentState,
    left: Money,
) -> bool {
    let stands_so = matches!(
        (kind, state),
        (
            PaymentKind::Incoming,
            PaymentState::New | PaymentState::Asked | PaymentState::Booked | PaymentState::Left
        ) | (PaymentKind::Register, PaymentState::Booked)
    );
    stands_so && direction == Direction::In && left.is_positive()
}

/// The key of the question about a payment: one at a time.
pub const PAYMENT_CASE_KEY: &str = "payment";

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
                organisation: row.parsed()?,
                state: row.parsed()?,
                undone: row.int()?,
                direction: read_direction(row)?,
                kind: read_kind(row)?,
                remaining: Money::from_kopecks(row.int()?),
                payer: Inn::parse(&row.text()?).ok(),
                came: row.parsed()?,
                has_feed: row.flag()?,
            };
            Ok((number, standing))
        })
        .await?;
    Ok(rows.into_iter().collect())
}

/// The last question about each payment that has one.
pub(super) async fn questions(
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
    let (organisations, ids) = sets_of(invoices);
    let rows = tx
        .list(&INVOICES, &params![portal, organisations, ids], |row| {
            let invoice = InvoiceRef {
                organisation: row.parsed()?,
                invoice: row.parsed()?,
            };
            let deal = Some(read_deal(row)?).filter(|deal| *deal != NO_DEAL);
            let buyer = row.text()?;
            let paid = row.int()?;
            let (stands, takes_known) = (row.flag()?, row.flag()?);
            let (total, counted) = read_counted(row)?;
            let open = |is_open: bool| {
                let open = if is_open { (total - paid).max(0) } else { 0 };
                Money::from_kopecks(open)
            };
            let balance = Balance {
                deal,
                stands,
                buyer,
                open: open(stands),
                open_to_accountant: open(takes_known),
                unpaid: Money::from_kopecks(total - paid),
                counted,
            };
            Ok((invoice, balance))
        })
        .await?;
    Ok(rows.into_iter().collect())
}
