//! Which money is a buyer's, and which is not: told by whose accounts it moved between, then by what the purpose says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AccountNumber, Direction, PaymentOrder};
use crate::purpose::Purpose;
use crate::{Inn, OrganisationId};

/// What a movement on one of our accounts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    /// Money of somebody else: the only kind that is matched to invoices.
    Incoming,
    /// One credit of acquiring or СБП for many sales, less the bank's commission: a person or the register splits it.
    Register,
    /// Our own money that comes back: a refund to us, an order that the bank could not carry out.
    ReturnedToUs,
    /// We paid back to a buyer: it lessens what he paid.
    RefundOut,
    /// Between accounts of ours.
    OwnTransfer,
    /// The bank's charge.
    BankFee,
    /// Any other payment of ours.
    Outgoing,
}

/// Our accounts and legal entities, which decide what is a transfer to ourselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnSide {
    /// Whose each account is.
    pub accounts: BTreeMap<AccountNumber, OrganisationId>,
    /// Our legal entities by INN.
    pub organisations: BTreeMap<Inn, OrganisationId>,
}

impl OwnSide {
    /// Whose account it is.
    pub fn organisation(&self, account: &AccountNumber) -> Option<&OrganisationId> {
        self.accounts.get(account)
    }

    /// What the movement is. `purpose` is what [`PaymentOrder::purpose`] says.
    pub fn kind(&self, order: &PaymentOrder, purpose: &Purpose) -> PaymentKind {
        let signs = purpose.signs;
        if self.is_own_transfer(order) {
            return PaymentKind::OwnTransfer;
        }
        // A buyer may well pay for somebody's help with refunds: who names an invoice of his is asked about, at the least.
        let names_no_invoice = purpose.invoices().all(|one| one.number.is_none());
        match order.direction {
            Direction::In if signs.register && names_no_invoice => PaymentKind::Register,
            Direction::In if signs.refund && names_no_invoice => PaymentKind::ReturnedToUs,
            Direction::In => PaymentKind::Incoming,
            Direction::Out if signs.commission && order.is_banks_own() => PaymentKind::BankFee,
            Direction::Out if signs.refund => PaymentKind::RefundOut,
            Direction::Out => PaymentKind::Outgoing,
        }
    }

    /// Both accounts belong to one legal entity, or the other side is that entity itself. Money between two of our legal
    /// entities is a payment like any other: one may well have an invoice of the other.
    fn is_own_transfer(&self, order: &PaymentOrder) -> bool {
        let Some(ours) = self.organisation(&order.own_account) else {
            return false;
        };
        let by_account = order
            .other
            .account
            .as_ref()
            .and_then(|account| self.organisation(account));
        let by_inn = order
            .other
            .inn
            .as_ref()
            .and_then(|inn| self.organisations.get(inn));
        by_account.or(by_inn) == Some(ours)
    }
}

impl PaymentOrder {
    /// Whether the bank wrote it itself: `Банковский ордер`, `Мемориальный ордер`.
    pub fn is_banks_own(&self) -> bool {
        let form = self.form.as_deref().unwrap_or_default().to_lowercase();
        form.contains("ордер")
    }
}
