//! Balances by account and days, and whether the documents come to them.

use std::collections::BTreeMap;

use domain::Money;
use domain::payment::{AccountNumber, Direction, PaymentOrder};
use jiff::civil::Date;
use serde::Serialize;

use crate::error::FaultKind;
use crate::statement::MOST_ACCOUNTS;

/// What a file says of an account over some days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountDays {
    /// Which account.
    pub account: AccountNumber,
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
    /// The balance when they begin.
    pub at_beginning: Option<Money>,
    /// What came on them.
    pub came: Option<Money>,
    /// What left on them.
    pub left: Option<Money>,
    /// The balance when they end.
    pub at_end: Option<Money>,
}

/// Sums over the whole file by account: as many as it has accounts, however many documents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Balances {
    by_account: BTreeMap<AccountNumber, Sums>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Sums {
    stated_in: Option<Money>,
    stated_out: Option<Money>,
    documents_in: Option<Money>,
    documents_out: Option<Money>,
}

impl Default for Sums {
    fn default() -> Self {
        let nothing = Some(Money::ZERO);
        Self {
            stated_in: nothing,
            stated_out: nothing,
            documents_in: nothing,
            documents_out: nothing,
        }
    }
}

impl AccountDays {
    /// The fault where the balance at the end does not follow.
    pub(crate) fn fault(&self) -> Option<FaultKind> {
        let computed = self
            .at_beginning?
            .checked_add(self.came?)?
            .checked_sub(self.left?)?;
        let stated = self.at_end?;
        (computed != stated).then(|| FaultKind::BalanceDiffers {
            account: self.account.clone(),
            from: self.from,
            computed,
            stated,
        })
    }
}

impl Balances {
    pub(crate) fn add_days(&mut self, days: &AccountDays) {
        let is_known = self.by_account.contains_key(&days.account);
        if !is_known && self.by_account.len() >= MOST_ACCOUNTS {
            return;
        }
        let sums = self.by_account.entry(days.account.clone()).or_default();
        // Days whose turnover is not told make the whole of the account unknown.
        sums.stated_in = add(sums.stated_in, days.came);
        sums.stated_out = add(sums.stated_out, days.left);
    }

    pub(crate) fn add_order(&mut self, order: &PaymentOrder) {
        let is_known = self.by_account.contains_key(&order.own_account);
        if !is_known && self.by_account.len() >= MOST_ACCOUNTS {
            return;
        }
        let sums = self
            .by_account
            .entry(order.own_account.clone())
            .or_insert_with(|| Sums {
                stated_in: None,
                stated_out: None,
                ..Sums::default()
            });
        let amount = Some(order.amount);
        match order.direction {
            Direction::In => sums.documents_in = add(sums.documents_in, amount),
            Direction::Out => sums.documents_out = add(sums.documents_out, amount),
        }
    }

    /// What came to each account and what left it, by the documents.
    pub fn turnovers(&self) -> impl Iterator<Item = (&AccountNumber, Money, Money)> {
        self.by_account.iter().map(|(account, sums)| {
            (
                account,
                sums.documents_in.unwrap_or_default(),
                sums.documents_out.unwrap_or_default(),
            )
        })
    }

    /// Where the documents do not come to what the file says.
    pub(crate) fn faults(&self) -> Vec<FaultKind> {
        let by_account = self.by_account.iter();
        by_account
            .flat_map(|(account, sums)| {
                [
                    differs(account, true, sums.documents_in, sums.stated_in),
                    differs(account, false, sums.documents_out, sums.stated_out),
                ]
            })
            .flatten()
            .collect()
    }
}

fn add(sum: Option<Money>, more: Option<Money>) -> Option<Money> {
    sum?.checked_add(more?)
}

fn differs(
    account: &AccountNumber,
    incoming: bool,
    documents: Option<Money>,
    stated: Option<Money>,
) -> Option<FaultKind> {
    let (documents, stated) = (documents?, stated?);
    (documents != stated).then(|| FaultKind::TurnoverDiffers {
        account: account.clone(),
        incoming,
        documents,
        stated,
    })
}
