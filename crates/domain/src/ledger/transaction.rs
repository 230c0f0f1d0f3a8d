//! Transactions and their entries, each kind made by one function so that it always comes to nothing.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::matching::Share;
use crate::payment::{Direction, PaymentId, PaymentKind};
use crate::{InvoiceId, Money};

/// The place of a transaction in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransactionId(pub u64);

/// Where money is, or what it did.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// With others: where payments come from and refunds go to.
    Outside,
    /// In a payment, not given to anything yet.
    Payment(PaymentId),
    /// In an invoice: so much of it is paid.
    Invoice(InvoiceId),
    /// What closed invoices without a line in a bank statement; reconciliation shows it apart.
    Settled(SettlementKind),
}

/// How an invoice is settled without a bank line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettlementKind {
    /// Cash.
    Cash,
    /// An act of netting (взаимозачёт, GK 410).
    Netting,
    /// A sale by card, whose money comes in a register.
    Card,
    /// The accounting side says that it is paid, and no more.
    MarkedPaid,
}

/// A settlement with what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// How.
    pub kind: SettlementKind,
    /// The document: `Акт зачёта № 4 от 01.02.2026`.
    pub document: String,
    /// Who says so.
    pub author: String,
}

/// One side of a movement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where.
    pub place: Place,
    /// How much comes there; negative for what leaves.
    pub amount: Money,
}

/// What a transaction is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionKind {
    /// A payment became known.
    Payment {
        /// Which one.
        payment: PaymentId,
        /// What it is.
        kind: PaymentKind,
    },
    /// A part of a payment was given to invoices.
    Allocation,
    /// An invoice was settled without a payment.
    Settlement(Settlement),
    /// An earlier transaction was undone, or some of its shares.
    Correction {
        /// Which one.
        of: TransactionId,
        /// Why: the letter with its number and date, the accountant's edit.
        reason: String,
        /// It undoes something of a month that is closed; such corrections are listed apart.
        closed_month: bool,
    },
}

/// Entries that belong together and come to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Its place in the ledger.
    pub id: TransactionId,
    /// The day it counts for: the day of credit of a payment, today for a correction.
    pub dated: Date,
    /// What it is.
    pub kind: TransactionKind,
    /// The movements.
    pub entries: Vec<Entry>,
}

impl Transaction {
    /// A payment became known. `amount` is positive whichever way the money went.
    pub fn payment(
        id: TransactionId,
        dated: Date,
        payment: PaymentId,
        kind: PaymentKind,
        direction: Direction,
        amount: Money,
    ) -> Option<Transaction> {
        let outside = Place::Outside;
        let own = Place::Payment(payment.clone());
        let entries = match direction {
            Direction::In => movement(outside, own, amount)?,
            Direction::Out => movement(own, outside, amount)?,
        };
        Some(Transaction {
            id,
            dated,
            kind: TransactionKind::Payment { payment, kind },
            entries,
        })
    }

    /// Parts of a payment go to invoices. For a refund of ours (`direction` out) they are taken from the invoices.
    pub fn allocation(
        id: TransactionId,
        dated: Date,
        payment: &PaymentId,
        direction: Direction,
        shares: &[Share],
    ) -> Option<Transaction> {
        let mut entries = Vec::with_capacity(shares.len().saturating_mul(2));
        for share in shares {
            let own = Place::Payment(payment.clone());
            let invoice = Place::Invoice(share.invoice.clone());
            entries.extend(match direction {
                Direction::In => movement(own, invoice, share.amount)?,
                Direction::Out => movement(invoice, own, share.amount)?,
            });
        }
        let kind = TransactionKind::Allocation;
        (!entries.is_empty()).then_some(Transaction {
            id,
            dated,
            kind,
            entries,
        })
    }

    /// An advance goes back: what a payment has left is given to a refund of ours.
    pub fn advance_returned(
        id: TransactionId,
        dated: Date,
        payment: &PaymentId,
        refund: &PaymentId,
        amount: Money,
    ) -> Option<Transaction> {
        let (from, to) = (payment.clone(), refund.clone());
        Some(Transaction {
            id,
            dated,
            kind: TransactionKind::Allocation,
            entries: movement(Place::Payment(from), Place::Payment(to), amount)?,
        })
    }

    /// A credit of acquiring or СБП goes to the invoices of its sales: they get what the buyers paid, and what the bank
    /// kept of it comes from outside.
    pub fn split(
        id: TransactionId,
        dated: Date,
        payment: &PaymentId,
        commission: Money,
        shares: &[Share],
    ) -> Option<Transaction> {
        let gross = Money::sum(shares.iter().map(|share| share.amount))?;
        let net = gross.checked_sub(commission)?;
        let leaves = |amount| Money::ZERO.checked_sub(amount);
        let is_possible = net.is_positive()
            && !commission.is_negative()
            && shares.iter().all(|share| share.amount.is_positive());
        let mut entries = vec![Entry {
            place: Place::Payment(payment.clone()),
            amount: leaves(net)?,
        }];
        if commission.is_positive() {
            entries.push(Entry {
                place: Place::Outside,
                amount: leaves(commission)?,
            });
        }
        entries.extend(shares.iter().map(|share| Entry {
            place: Place::Invoice(share.invoice.clone()),
            amount: share.amount,
        }));
        is_possible.then_some(Transaction {
            id,
            dated,
            kind: TransactionKind::Allocation,
            entries,
        })
    }

    /// An invoice is settled without a payment.
    pub fn settlement(
        id: TransactionId,
        dated: Date,
        settlement: Settlement,
        share: &Share,
    ) -> Option<Transaction> {
        let settled = Place::Settled(settlement.kind);
        let invoice = Place::Invoice(share.invoice.clone());
        Some(Transaction {
            id,
            dated,
            kind: TransactionKind::Settlement(settlement),
            entries: movement(settled, invoice, share.amount)?,
        })
    }

    /// The opposite of this transaction, dated today: a closed month stays as it was reported.
    pub fn undone(
        &self,
        id: TransactionId,
        today: Date,
        closed_through: Option<Date>,
        reason: String,
    ) -> Option<Transaction> {
        self.undone_where(|_| true, id, today, closed_through, reason)
    }

    /// The opposite of what went to one invoice: the other shares stay as they are, where they are movements of their own.
    pub fn undone_of(
        &self,
        invoice: &InvoiceId,
        id: TransactionId,
        today: Date,
        closed_through: Option<Date>,
        reason: String,
    ) -> Option<Transaction> {
        let is_of = |entry: &Entry| matches!(&entry.place, Place::Invoice(of) if of == invoice);
        self.undone_where(
            |movement| movement.iter().any(is_of),
            id,
            today,
            closed_through,
            reason,
        )
    }

    fn undone_where(
        &self,
        is_meant: impl Fn(&[Entry]) -> bool,
        id: TransactionId,
        today: Date,
        closed_through: Option<Date>,
        reason: String,
    ) -> Option<Transaction> {
        let meant = self.movements().filter(|movement| is_meant(movement));
        let opposite = meant.flatten().map(|entry| {
            Some(Entry {
                place: entry.place.clone(),
                amount: Money::ZERO.checked_sub(entry.amount)?,
            })
        });
        Some(Transaction {
            id,
            dated: today,
            kind: TransactionKind::Correction {
                of: self.id,
                reason,
                closed_month: closed_through.is_some_and(|closed| self.dated <= closed),
            },
            entries: opposite.collect::<Option<_>>()?,
        })
    }

    /// What of it is taken back together: its entries by twos, each of which leaves one place and comes to another; all of
    /// it where they are not such, as a credit of many sales with the bank's commission.
    pub(super) fn movements(&self) -> impl Iterator<Item = &[Entry]> {
        let goes_by_twos = self.entries.chunks(2).all(come_to_nothing);
        let together = if goes_by_twos { 2 } else { self.entries.len() };
        self.entries.chunks(together.max(1))
    }

    /// Whether its entries come to nothing.
    pub fn closes(&self) -> bool {
        !self.entries.is_empty() && come_to_nothing(&self.entries)
    }

    /// Which movements of the other transaction its own say the opposite of, each of another one and of none that is
    /// `undone`; none where one of its own does not.
    pub(super) fn opposites_in(
        &self,
        other: &Transaction,
        mut undone: BTreeSet<usize>,
    ) -> Option<BTreeSet<usize>> {
        let mut found = BTreeSet::new();
        for movement in self.movements() {
            let (place, _) = other.movements().enumerate().find(|(place, theirs)| {
                !undone.contains(place) && are_opposite(movement, theirs)
            })?;
            undone.insert(place);
            found.insert(place);
        }
        Some(found)
    }
}

fn come_to_nothing(entries: &[Entry]) -> bool {
    Money::sum(entries.iter().map(|entry| entry.amount)) == Some(Money::ZERO)
}

fn are_opposite(one: &[Entry], two: &[Entry]) -> bool {
    let mut pairs = one.iter().zip(two);
    one.len() == two.len()
        && pairs.all(|(one, two)| {
            one.place == two.place && one.amount.checked_add(two.amount) == Some(Money::ZERO)
        })
}

/// `amount`, which is positive, goes from one place to the other.
fn movement(from: Place, to: Place, amount: Money) -> Option<Vec<Entry>> {
    let leaves = Money::ZERO.checked_sub(amount)?;
    amount.is_positive().then(|| {
        vec![
            Entry {
                place: from,
                amount: leaves,
            },
            Entry { place: to, amount },
        ]
    })
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
