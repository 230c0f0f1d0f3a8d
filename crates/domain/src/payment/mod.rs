//! Payments: an order as one source shows it, what kind of money it is, and when two sightings are one payment.
//!
//! Sources are the feed of the accounting side and bank statements; all see the same money. `kind` tells revenue from
//! other movements, `identity` counts each payment once, `twice` notices what it cannot. Where the money goes is decided in [`crate::matching`] and kept
//! in [`crate::ledger`].

mod identity;
mod kind;
mod twice;

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{Inn, Kpp, Money};

pub use identity::{
    Likeness, LineId, PaymentId, PaymentKey, SeenPayment, Sightings, SourceId, identified,
};
pub use kind::{OwnSide, PaymentKind};
pub use twice::{CountedTwice, GivenOtherwise, Shown, counted_twice};

/// A number of an account as a statement carries it: nothing is checked, since a statement is not refused for one digit.
///
/// `Debug` shows the last four characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountNumber(String);

/// Which way the money went, seen from our account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To our account.
    In,
    /// From our account.
    Out,
}

/// An order to pay as one source shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PaymentOrder {
    /// Our account.
    pub own_account: AccountNumber,
    /// Which way the money went.
    pub direction: Direction,
    /// `Платежное поручение`, `Банковский ордер`; the feed of an accounting system may not tell it.
    pub form: Option<String>,
    /// The number that the payer gave: it begins anew each year and is unique to nobody else.
    pub number: String,
    /// The date of the order.
    pub date: Date,
    /// The day on which our account was credited or charged, where the source tells it. What is paid is paid on this day
    /// (GK 316: when the money reaches the creditor's bank).
    pub booked: Option<Date>,
    /// How much; always positive, but for what a source deleted.
    pub amount: Money,
    /// The other side.
    pub other: OtherSide,
    /// The purpose as it was written.
    pub purpose: String,
}

/// Who paid, or was paid. Any part may be missing: cards and СБП bring no INN, cash desks no account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct OtherSide {
    /// The name, as each bank spells it.
    pub name: Option<String>,
    /// The INN, if its check digits hold.
    pub inn: Option<Inn>,
    /// The KPP.
    pub kpp: Option<Kpp>,
    /// The account.
    pub account: Option<AccountNumber>,
    /// The BIK, unchecked.
    pub bik: Option<String>,
}

impl AccountNumber {
    /// The number without blanks around it; `None` where nothing is left, or only zeros, which is how some banks write
    /// that there is none.
    pub fn new(text: &str) -> Option<AccountNumber> {
        let text = text.trim();
        let says_something = text.bytes().any(|byte| byte != b'0');
        says_something.then(|| AccountNumber(text.to_owned()))
    }

    /// The number.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For journals and logs: only the last four characters.
    pub fn masked(&self) -> String {
        let before_tail = self.0.chars().count().saturating_sub(4);
        let tail: String = self.0.chars().skip(before_tail).collect();
        format!("…{tail}")
    }
}

impl fmt::Debug for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountNumber({})", self.masked())
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
