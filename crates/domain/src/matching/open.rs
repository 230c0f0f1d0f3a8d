//! The invoices that wait for money, found by buyer, by his name and by number; those of buyers without an INN also by what
//! is open.

use std::collections::HashMap;

use jiff::civil::Date;

use super::{Gone, GoneInvoice, Share};
use crate::purpose::{NameKey, NumberKey, StatedDate};
use crate::{Inn, InvoiceId, Money, OrganisationId};

/// An invoice that is not paid in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenInvoice {
    /// Its id in the accounting system.
    pub id: InvoiceId,
    /// Which of our legal entities sells.
    pub seller: OrganisationId,
    /// The buyer's INN; none of a person or a foreigner without one: its payer is never known for certain.
    pub buyer: Option<Inn>,
    /// The buyer's name, where it is known.
    pub buyer_name: Option<NameKey>,
    /// Its number.
    pub number: String,
    /// Its date.
    pub date: Date,
    /// Numbers of the invoices that it replaced: payments by the old number still arrive.
    pub aliases: Vec<Alias>,
    /// What is still to be paid.
    pub open: Money,
    /// What of it was counted as paid before.
    pub counted_before: CountedBefore,
}

/// What the accounting side counted as paid of an invoice before it was a deal's, and no payment of ours shows yet: money
/// that comes may be that very money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CountedBefore {
    /// How much.
    pub amount: Money,
    /// The day of that: what came later is not it. None where nobody wrote it down.
    pub until: Option<Date>,
}

impl CountedBefore {
    /// Whether money that came on that day is certainly not what was counted.
    #[must_use]
    pub fn is_before(self, came: Date) -> bool {
        self.until.is_some_and(|until| came > until)
    }

    /// What of so much money that is open may be paid by what came on that day.
    #[must_use]
    pub fn open_to(self, open: Money, came: Date) -> Money {
        if !self.is_before(came) {
            return open;
        }
        let left = open.checked_sub(self.amount).unwrap_or(Money::ZERO);
        left.max(Money::ZERO)
    }

    /// What is left of it once so much is known that came on that day.
    #[must_use]
    pub fn without(self, amount: Money, came: Date) -> CountedBefore {
        if self.is_before(came) {
            return self;
        }
        let left = self.amount.checked_sub(amount).unwrap_or(Money::ZERO);
        CountedBefore {
            amount: left.max(Money::ZERO),
            ..self
        }
    }
}

/// A number that an invoice had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The number.
    pub number: String,
    /// The date beside it.
    pub date: Date,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct OpenInvoices {
    invoices: Vec<OpenInvoice>,
    by_buyer: HashMap<Inn, Vec<usize>>,
    /// Of buyers without an INN, by a sum that was open of it.
    by_sum: HashMap<Money, Vec<usize>>,
    by_number: HashMap<NumberKey, Vec<usize>>,
    by_name: HashMap<NameKey, Vec<usize>>,
    by_id: HashMap<InvoiceId, usize>,
    gone: HashMap<NumberKey, Vec<GoneInvoice>>,
}

impl OpenInvoices {
    /// Adds an invoice; one that is known by its id takes the place of what was known. What is not open is no longer found.
    pub fn add(&mut self, invoice: OpenInvoice) {
        self.forget(&invoice.id);
        let place = self.invoices.len();
        let places = match &invoice.buyer {
            Some(buyer) => self.by_buyer.entry(buyer.clone()).or_default(),
            None => self.by_sum.entry(invoice.open).or_default(),
        };
        places.push(place);
        if let Some(name) = &invoice.buyer_name {
            self.by_name.entry(name.clone()).or_default().push(place);
        }
        for number in numbers(&invoice) {
            let places = self.by_number.entry(number).or_default();
            if !places.contains(&place) {
                places.push(place);
            }
        }
        self.by_id.insert(invoice.id.clone(), place);
        self.invoices.push(invoice);
    }

    /// Adds one that is not open any more, so that whoever is paid for it is told.
    pub fn add_gone(&mut self, invoice: GoneInvoice) {
        let number = NumberKey::of(&invoice.number);
        self.gone.entry(number).or_default().push(invoice);
    }

    /// What became of the invoice of this number that is meant, where it was taken back or closed.
    pub(super) fn gone(
        &self,
        number: &NumberKey,
        is_meant: impl Fn(&GoneInvoice) -> bool,
    ) -> Option<Gone> {
        let mut gone = self.gone.get(number)?.iter();
        gone.find(|invoice| is_meant(invoice))
            .map(|invoice| invoice.how)
    }

    /// What was booked, and came on that day, is no longer open.
    pub fn book(&mut self, share: &Share, came: Date) {
        let Some(place) = self.by_id.get(&share.invoice).copied() else {
            return;
        };
        if let Some(invoice) = self.invoices.get_mut(place) {
            invoice.take(share.amount, came);
            if invoice.buyer.is_none() {
                self.by_sum.entry(invoice.open).or_default().push(place);
            }
        }
    }

    /// The open invoices of this buyer.
    pub fn of_buyer<'a>(&'a self, buyer: &Inn) -> impl Iterator<Item = &'a OpenInvoice> + use<'a> {
        self.at(self.by_buyer.get(buyer))
    }

    /// The open invoices of whoever is called so.
    pub fn of_name<'a>(
        &'a self,
        name: &NameKey,
    ) -> impl Iterator<Item = &'a OpenInvoice> + use<'a> {
        self.at(self.by_name.get(name))
    }

    /// The invoices of buyers without an INN of which just so much is open.
    pub fn without_inn<'a>(
        &'a self,
        open: Money,
    ) -> impl Iterator<Item = &'a OpenInvoice> + use<'a> {
        self.at(self.by_sum.get(&open))
            .filter(move |invoice| invoice.open == open)
    }

    /// The open invoices that have this number, or had it.
    pub fn numbered<'a>(
        &'a self,
        number: &NumberKey,
    ) -> impl Iterator<Item = &'a OpenInvoice> + use<'a> {
        self.at(self.by_number.get(number))
    }

    fn at<'a>(&'a self, places: Option<&'a Vec<usize>>) -> impl Iterator<Item = &'a OpenInvoice> {
        places
            .into_iter()
            .flatten()
            .filter_map(|place| self.invoices.get(*place))
            .filter(|invoice| invoice.open.is_positive())
    }

    fn forget(&mut self, id: &InvoiceId) {
        if let Some(invoice) = self
            .by_id
            .remove(id)
            .and_then(|place| self.invoices.get_mut(place))
        {
            invoice.open = Money::ZERO;
        }
    }
}

impl OpenInvoice {
    /// What is open whatever was paid before.
    pub(super) fn surely_open(&self) -> Money {
        let open = self.open.checked_sub(self.counted_before.amount);
        open.unwrap_or(Money::ZERO)
    }

    /// So much of it is paid now, by money that came on that day.
    pub fn take(&mut self, amount: Money, came: Date) {
        self.open = self.open.checked_sub(amount).unwrap_or(Money::ZERO);
        self.counted_before = self.counted_before.without(amount, came);
    }

    /// Whether it has, or had, this number beside a date that may be the stated one.
    pub fn is(&self, number: &NumberKey, date: StatedDate) -> bool {
        self.named()
            .any(|(own, day)| date.may_be(day) && NumberKey::of(own) == *number)
    }

    /// Its numbers and dates, present and former.
    fn named(&self) -> impl Iterator<Item = (&str, Date)> {
        let former = self
            .aliases
            .iter()
            .map(|alias| (alias.number.as_str(), alias.date));
        std::iter::once((self.number.as_str(), self.date)).chain(former)
    }
}

fn numbers(invoice: &OpenInvoice) -> impl Iterator<Item = NumberKey> {
    invoice.named().map(|(number, _)| NumberKey::of(number))
}
