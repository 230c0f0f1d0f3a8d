//! Reading the purpose of a payment (назначение платежа): which documents it names, for whom, with what VAT.
//!
//! At most 210 characters of free text that the payer types, in which he must state VAT (art. 168(4) NK): evidence and never
//! proof. What follows from it is decided by [`crate::matching`]. `tokens` cuts the text, `lexicon` knows the words,
//! `reader` finds documents and `lists` what follows them; `dates`, `numbers`, `vat`, `parties` and `withheld` read the parts, and
//! `names` says when two names are one. No text is refused; what is not understood is told as [`Purpose::loose`].

mod dates;
mod lexicon;
mod lists;
mod names;
mod numbers;
mod parties;
mod reader;
mod tokens;
mod vat;
mod withheld;

use std::fmt;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::{Inn, Money};

pub use names::NameKey;
pub use numbers::NumberKey;

/// What a purpose says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Purpose {
    /// The documents that it names, in order.
    pub references: Vec<Reference>,
    /// For whom it is paid, if not for the payer: `ООО "Ромашка"`, as it was written. Art. 313 GK allows it.
    pub third_party: Option<String>,
    /// INNs that it names: the payer's own, or of whom it is paid for.
    pub inns: Vec<Inn>,
    /// What it says of VAT; empty where it says nothing. The payer's words never override our document.
    pub vat: Vec<StatedVat>,
    /// Words that speak against an ordinary payment.
    pub signs: Signs,
    /// Numbers that belong to nothing that was understood: one of them may be an invoice's after all.
    pub loose: Vec<String>,
    /// What the bank kept of a register of sales, where it says so, and that nothing else was kept.
    pub commission: Option<Money>,
}

/// A document that a purpose names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// What it is.
    pub kind: ReferenceKind,
    /// Its number as it was written; `None` for `б/н` and where only the date is named.
    pub number: Option<String>,
    /// Its date; `None` also where there is no such day.
    pub date: Option<StatedDate>,
}

/// Kinds of documents that a purpose may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceKind {
    /// Счёт на оплату: the only one that asks for money.
    Invoice,
    /// Договор, контракт.
    Contract,
    /// Акт.
    Act,
    /// Универсальный передаточный документ.
    Upd,
    /// Счёт-фактура: a paper of VAT, no invoice for payment.
    InvoiceVat,
    /// Накладная.
    Waybill,
    /// Заказ, заявка.
    Order,
    /// Письмо.
    Letter,
    /// Платёжное поручение.
    Payment,
}

/// A date as far as it was written. As text `2026-02-01`, or `--02-01` without a year (ISO 8601:1988).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatedDate {
    /// A day.
    Day(Date),
    /// A day of some year.
    DayOfYear {
        /// The month, 1 to 12.
        month: i8,
        /// The day of the month.
        day: i8,
    },
}

/// What a purpose says of VAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StatedVat {
    /// The rate; `None` where only an amount is named.
    pub rate: Option<StatedRate>,
    /// The amount of the tax.
    #[serde(serialize_with = "as_roubles")]
    pub amount: Option<Money>,
}

/// A rate as the payer names it; also rates that are over or never were. As text `22`, `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatedRate {
    /// So many per cent.
    Percent(u8),
    /// Без НДС.
    Without,
}

/// Words that speak against an ordinary payment for an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signs {
    /// Возврат, ошибочно: money that comes back.
    pub refund: bool,
    /// Собственные средства: a transfer between one's own accounts.
    pub own_funds: bool,
    /// Эквайринг, СБП, реестр: one credit for many sales.
    pub register: bool,
    /// Комиссия.
    pub commission: bool,
    /// Заём, кредит, наличные, пени, штраф: no price of anything sold.
    pub loan: bool,
    /// Претензия, решение суда, чек; also an act or an УПД without its number: a word of another document.
    pub other_document: bool,
}

impl Purpose {
    /// Reads a purpose. Longer texts than any bank passes on are read as far as [`MAX_BYTES`].
    pub fn read(text: &str) -> Purpose {
        reader::read(beginning(text))
    }

    /// The invoices among the references.
    pub fn invoices(&self) -> impl Iterator<Item = &Reference> {
        self.of_kind(ReferenceKind::Invoice)
    }

    /// Numbers that may be an invoice's: of those that it names, and of what was not understood.
    pub fn numbers(&self) -> impl Iterator<Item = NumberKey> {
        let named = self
            .invoices()
            .filter_map(|invoice| invoice.number.as_deref());
        let loose = self.loose.iter().map(String::as_str);
        named.chain(loose).map(NumberKey::of)
    }

    /// What the buyers paid, of a register of which so much came: with the commission, where that is told.
    pub fn gross(&self, net: Money) -> Option<Money> {
        net.checked_add(self.commission?)
    }

    /// The references of that kind.
    pub fn of_kind(&self, kind: ReferenceKind) -> impl Iterator<Item = &Reference> {
        self.references
            .iter()
            .filter(move |reference| reference.kind == kind)
    }
}

/// A bound against hostile input; a payment order holds 210 characters.
pub const MAX_BYTES: usize = 4096;

impl StatedDate {
    /// The day, where the year is known.
    pub const fn day(self) -> Option<Date> {
        match self {
            StatedDate::Day(date) => Some(date),
            StatedDate::DayOfYear { .. } => None,
        }
    }

    /// Whether that day may be meant.
    pub fn may_be(self, date: Date) -> bool {
        match self {
            StatedDate::Day(day) => day == date,
            StatedDate::DayOfYear { month, day } => (month, day) == (date.month(), date.day()),
        }
    }
}

impl fmt::Display for StatedDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatedDate::Day(date) => date.fmt(f),
            StatedDate::DayOfYear { month, day } => write!(f, "--{month:02}-{day:02}"),
        }
    }
}

impl fmt::Display for StatedRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatedRate::Percent(percent) => percent.fmt(f),
            StatedRate::Without => f.write_str("none"),
        }
    }
}

impl Serialize for StatedDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for StatedRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// As text with two decimals, so that no reader makes a float of it.
fn as_roubles<S: Serializer>(amount: &Option<Money>, serializer: S) -> Result<S::Ok, S::Error> {
    match amount {
        Some(amount) => serializer.collect_str(amount),
        None => serializer.serialize_none(),
    }
}

fn beginning(text: &str) -> &str {
    let end = text.floor_char_boundary(MAX_BYTES);
    text.get(..end).unwrap_or(text)
}
