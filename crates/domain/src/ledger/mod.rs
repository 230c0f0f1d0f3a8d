//! The ledger of money (`docs/reference/words.md`): payments and what they were given to, in whole kopecks.
//!
//! Every change is a transaction whose entries come to nothing: money moves from one place to another and is never made
//! or lost. Nothing is edited; a mistake is undone by a correction that says the opposite, of all of a transaction or of
//! some of its shares. This is the arithmetic alone:
//! what is decided comes from [`crate::matching`] and from people, rows and their order from the store.

mod status;
mod transaction;

use std::collections::{BTreeMap, BTreeSet};

use crate::payment::{PaymentId, PaymentKind};
use crate::{InvoiceId, Money};

pub use status::{Life, OverdueCount, PaidState, Standing, last_day, overdue_days, overdue_on};
pub use transaction::{
    Entry, Place, Settlement, SettlementKind, Transaction, TransactionId, TransactionKind,
};

/// What the transactions so far come to, and the rules that the next one has to keep.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    transactions: BTreeMap<TransactionId, Transaction>,
    balances: BTreeMap<Place, Money>,
    payments: BTreeMap<PaymentId, Recorded>,
    totals: BTreeMap<InvoiceId, Money>,
    /// Which movements of which transactions are undone, by their places.
    undone: BTreeMap<TransactionId, BTreeSet<usize>>,
}

/// A payment as it was recorded.
#[derive(Debug, Clone, Copy)]
struct Recorded {
    kind: PaymentKind,
    /// Negative for what we paid.
    brought: Money,
}

/// Why a transaction is refused. Nothing of it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Its entries do not come to nothing.
    #[error("the entries do not come to nothing")]
    NotClosed,
    /// An id that is taken already.
    #[error("transaction `{0}` is recorded already")]
    Repeated(TransactionId),
    /// A payment is recorded once.
    #[error("payment `{0}` is recorded already")]
    PaymentRepeated(PaymentId),
    /// A payment that nobody has recorded.
    #[error("payment `{0}` is not known")]
    PaymentUnknown(PaymentId),
    /// Own transfers, fees and what came back are given to no invoice; what we paid back is only taken from one.
    #[error("payment `{0}` is of a kind that is not given to invoices in this way")]
    NotForInvoices(PaymentId),
    /// More than the payment has left.
    #[error("payment `{payment}` has {left} left")]
    MoreThanPayment {
        /// Which payment.
        payment: PaymentId,
        /// What is left of it.
        left: Money,
    },
    /// An invoice whose total nobody has told.
    #[error("invoice `{0}` is not known")]
    InvoiceUnknown(InvoiceId),
    /// More than is open of the invoice.
    #[error("invoice `{invoice}` has {open} open")]
    MoreThanInvoice {
        /// Which invoice.
        invoice: InvoiceId,
        /// What is open of it.
        open: Money,
    },
    /// More would be taken back than was paid.
    #[error("invoice `{invoice}` has {paid} paid")]
    MoreThanPaid {
        /// Which invoice.
        invoice: InvoiceId,
        /// What is paid of it.
        paid: Money,
    },
    /// A correction of what is not recorded, or of a correction.
    #[error("transaction `{0}` cannot be undone")]
    NothingToUndo(TransactionId),
    /// A correction of what is undone already.
    #[error("transaction `{0}` is undone already")]
    UndoneAlready(TransactionId),
    /// Sums beyond what can be kept.
    #[error("the amount is too large")]
    TooLarge,
}

impl Ledger {
    /// The invoice comes to that much: at its issue, and again when the accountant edits it. What was given to it stays.
    pub fn set_total(&mut self, invoice: InvoiceId, total: Money) {
        self.totals.insert(invoice, total);
    }

    /// Records the transaction if it keeps the rules.
    ///
    /// # Errors
    /// [`LedgerError`] says which rule it breaks; then nothing has changed.
    pub fn record(&mut self, transaction: Transaction) -> Result<(), LedgerError> {
        if !transaction.closes() {
            return Err(LedgerError::NotClosed);
        }
        if self.transactions.contains_key(&transaction.id) {
            return Err(LedgerError::Repeated(transaction.id));
        }
        self.judge_kind(&transaction)?;
        let moved = self.moved(&transaction)?;
        for (place, balance) in &moved {
            self.judge_balance(&transaction, place, *balance)?;
        }
        match &transaction.kind {
            TransactionKind::Payment { payment, kind } => {
                let brought = moved.get(&Place::Payment(payment.clone())).copied();
                let recorded = Recorded {
                    kind: *kind,
                    brought: brought.unwrap_or_default(),
                };
                self.payments.insert(payment.clone(), recorded);
            }
            TransactionKind::Correction { of, .. } => {
                let undone = self.undoes(&transaction, *of);
                let places = self.undone.entry(*of).or_default();
                places.extend(undone.unwrap_or_default());
                self.forget_payment(*of);
            }
            TransactionKind::Allocation | TransactionKind::Settlement(_) => {}
        }
        self.balances.extend(moved);
        self.transactions.insert(transaction.id, transaction);
        Ok(())
    }

    /// All transactions in order.
    pub fn transactions(&self) -> impl Iterator<Item = &Transaction> {
        self.transactions.values()
    }

    /// What of the payment is not given to anything: negative for a refund of ours that is not.
    pub fn left(&self, payment: &PaymentId) -> Money {
        self.balance(&Place::Payment(payment.clone()))
    }

    /// What was given to the invoice, less what was taken back.
    pub fn paid(&self, invoice: &InvoiceId) -> Money {
        self.balance(&Place::Invoice(invoice.clone()))
    }

    /// What is still to be paid; nothing for an invoice that is not known or paid above its total.
    pub fn open(&self, invoice: &InvoiceId) -> Money {
        let total = self.totals.get(invoice).copied().unwrap_or_default();
        let open = total.checked_sub(self.paid(invoice)).unwrap_or_default();
        open.max(Money::ZERO)
    }

    /// What is left of the payments that were given to the invoice: the buyer's advance, which makes it overpaid.
    pub fn advance(&self, invoice: &InvoiceId) -> Option<Money> {
        let place = Place::Invoice(invoice.clone());
        let standing = self
            .transactions
            .values()
            .filter(|transaction| transaction.kind == TransactionKind::Allocation)
            .flat_map(|transaction| self.standing(transaction))
            .filter(|movement| movement.iter().any(|entry| entry.place == place));
        let payments: BTreeSet<&Place> = standing
            .flatten()
            .map(|entry| &entry.place)
            .filter(|place| self.is_buyers(place))
            .collect();
        Money::sum(payments.into_iter().map(|place| self.balance(place)))
    }

    /// What a refund still has to be taken off is no advance, nor is what a credit of many sales has left.
    fn is_buyers(&self, place: &Place) -> bool {
        let recorded = match place {
            Place::Payment(payment) => self.payments.get(payment),
            Place::Outside | Place::Invoice(_) | Place::Settled(_) => None,
        };
        recorded.is_some_and(|recorded| recorded.kind == PaymentKind::Incoming)
    }

    /// The movements of a transaction that are not undone.
    fn standing<'a>(&'a self, of: &'a Transaction) -> impl Iterator<Item = &'a [Entry]> {
        let undone = self.undone.get(&of.id);
        let is_undone = move |place: &usize| undone.is_some_and(|undone| undone.contains(place));
        let movements = of.movements().enumerate();
        movements
            .filter(move |(place, _)| !is_undone(place))
            .map(|(_, movement)| movement)
    }

    /// Which movements of another transaction the correction says the opposite of; none where one of its own does not.
    fn undoes(&self, correction: &Transaction, of: TransactionId) -> Option<BTreeSet<usize>> {
        let free = self.undone.get(&of).cloned().unwrap_or_default();
        correction.opposites_in(self.transactions.get(&of)?, free)
    }

    /// A payment that is undone, since no source shows it any more, may be found again.
    fn forget_payment(&mut self, undone: TransactionId) {
        let undone = self.transactions.get(&undone);
        if let Some(TransactionKind::Payment { payment, .. }) = undone.map(|undone| &undone.kind) {
            self.payments.remove(payment);
        }
    }

    fn balance(&self, place: &Place) -> Money {
        self.balances.get(place).copied().unwrap_or_default()
    }

    /// The balances that the transaction would leave.
    fn moved(&self, transaction: &Transaction) -> Result<BTreeMap<Place, Money>, LedgerError> {
        let mut moved: BTreeMap<Place, Money> = BTreeMap::new();
        for entry in &transaction.entries {
            let before = moved.get(&entry.place).copied();
            let before = before.unwrap_or_else(|| self.balance(&entry.place));
            let after = before
                .checked_add(entry.amount)
                .ok_or(LedgerError::TooLarge)?;
            moved.insert(entry.place.clone(), after);
        }
        Ok(moved)
    }

    fn judge_kind(&self, transaction: &Transaction) -> Result<(), LedgerError> {
        match &transaction.kind {
            TransactionKind::Payment { payment, .. } if self.payments.contains_key(payment) => {
                Err(LedgerError::PaymentRepeated(payment.clone()))
            }
            TransactionKind::Correction { of, .. } => self.judge_correction(transaction, *of),
            TransactionKind::Payment { .. }
            | TransactionKind::Allocation
            | TransactionKind::Settlement(_) => Ok(()),
        }
    }

    fn judge_correction(
        &self,
        correction: &Transaction,
        of: TransactionId,
    ) -> Result<(), LedgerError> {
        let undone = self.transactions.get(&of);
        let undoes = undone.is_some_and(|undone| {
            !matches!(undone.kind, TransactionKind::Correction { .. })
                && correction.opposites_in(undone, BTreeSet::new()).is_some()
        });
        if !undoes {
            return Err(LedgerError::NothingToUndo(of));
        }
        match self.undoes(correction, of) {
            Some(_) => Ok(()),
            None => Err(LedgerError::UndoneAlready(of)),
        }
    }

    /// Whether the place may hold what the transaction would leave in it.
    fn judge_balance(
        &self,
        transaction: &Transaction,
        place: &Place,
        balance: Money,
    ) -> Result<(), LedgerError> {
        match place {
            Place::Outside | Place::Settled(_) => Ok(()),
            Place::Payment(payment) => self.judge_payment(transaction, payment, balance),
            Place::Invoice(invoice) => self.judge_invoice(invoice, balance),
        }
    }

    fn judge_payment(
        &self,
        transaction: &Transaction,
        payment: &PaymentId,
        balance: Money,
    ) -> Result<(), LedgerError> {
        // A payment brings its own amount, whatever it is.
        if matches!(&transaction.kind, TransactionKind::Payment { payment: own, .. } if own == payment)
        {
            return Ok(());
        }
        let recorded = self
            .payments
            .get(payment)
            .ok_or_else(|| LedgerError::PaymentUnknown(payment.clone()))?;
        let left = self.left(payment);
        let allocates = transaction.kind == TransactionKind::Allocation;
        let right_way = match recorded.kind {
            PaymentKind::Incoming | PaymentKind::Register => balance < left,
            PaymentKind::RefundOut => balance > left,
            PaymentKind::ReturnedToUs
            | PaymentKind::OwnTransfer
            | PaymentKind::BankFee
            | PaymentKind::Outgoing => false,
        };
        if allocates && !right_way {
            return Err(LedgerError::NotForInvoices(payment.clone()));
        }
        // Never more than it brought, and never its opposite.
        let bounds = recorded.brought.min(Money::ZERO)..=recorded.brought.max(Money::ZERO);
        if bounds.contains(&balance) {
            Ok(())
        } else {
            Err(LedgerError::MoreThanPayment {
                payment: payment.clone(),
                left,
            })
        }
    }

    fn judge_invoice(&self, invoice: &InvoiceId, balance: Money) -> Result<(), LedgerError> {
        let total = self
            .totals
            .get(invoice)
            .ok_or_else(|| LedgerError::InvoiceUnknown(invoice.clone()))?;
        let paid = self.paid(invoice);
        if balance.is_negative() {
            return Err(LedgerError::MoreThanPaid {
                invoice: invoice.clone(),
                paid,
            });
        }
        // An invoice that was edited below what is paid stays so; it only may not get more.
        if balance > *total && balance > paid {
            return Err(LedgerError::MoreThanInvoice {
                invoice: invoice.clone(),
                open: self.open(invoice),
            });
        }
        Ok(())
    }
}
