//! One order that is counted twice: the bank shows it whole, and an accountant split it in two under its number; or he
//! entered it himself, without its number or with another day or account.
//!
//! So they are not alike ([`super::Likeness`]). Nobody but a person can tell for certain: here it is only noticed.

use jiff::civil::Date;

use super::{OtherSide, PaymentOrder};
use crate::Money;
use crate::purpose::NumberKey;

/// A payment with who shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The order.
    pub order: PaymentOrder,
    /// A statement shows it.
    pub in_bank: bool,
    /// An accounting side shows it.
    pub in_accounting: bool,
}

/// What a payment is together with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CountedTwice {
    /// The bank's whole one, of which the accounting side shows these parts.
    Whole(Vec<Money>),
    /// A part of the bank's whole one, which came to so much.
    PartOf(Money),
    /// One side alone shows it, and the other alone as much money of the same payer under this number or none, soon before
    /// or after.
    Alike {
        /// The number of the other order.
        number: String,
        /// Its date.
        date: Date,
    },
}

/// How the money of an order that is there whole and in parts is given already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenOtherwise {
    /// A person gave the bank's whole order of this number.
    Whole(i64),
    /// This part of it is given.
    Part(i64),
}

/// More parts than anybody splits an order in.
const MOST_PARTS: usize = 12;
/// What is paid each month is as much money of the same payer as well, and was entered without a number each time.
const DAYS_APART: i32 = 27;

impl Shown {
    fn is_whole(&self) -> bool {
        self.in_bank && !self.in_accounting
    }

    fn is_part(&self) -> bool {
        self.in_accounting && !self.in_bank
    }

    /// The same day, payer, account of ours and number, whatever the amount.
    fn is_same_order(&self, other: &Shown) -> bool {
        let (one, two) = (&self.order, &other.order);
        one.own_account == two.own_account
            && one.direction == two.direction
            && one.date == two.date
            && NumberKey::of(&one.number) == NumberKey::of(&two.number)
            && is_same_payer(&one.other, &two.other)
    }

    /// As much money of the same payer, soon before or after, that only the other side shows; of another number it is
    /// another order.
    fn may_be_same_money(&self, other: &Shown) -> bool {
        let (one, two) = (&self.order, &other.order);
        let sides = (self.is_whole() && other.is_part()) || (self.is_part() && other.is_whole());
        let inn = one.other.inn.as_ref();
        let apart = one.date.until(two.date).map(|span| span.get_days());
        sides
            && one.direction == two.direction
            && one.amount == two.amount
            && inn.is_some_and(|inn| two.other.inn.as_ref() == Some(inn))
            && may_be_same_number(&one.number, &two.number)
            && apart.is_ok_and(|days| (-DAYS_APART..=DAYS_APART).contains(&days))
    }
}

/// Also where one side does not tell it.
fn may_be_same_number(one: &str, two: &str) -> bool {
    let is_missing = |number: &str| number.trim().is_empty();
    is_missing(one) || is_missing(two) || NumberKey::of(one) == NumberKey::of(two)
}

/// What both tell of the payer is the same, and they tell something.
fn is_same_payer(one: &OtherSide, two: &OtherSide) -> bool {
    let accounts = one.account.as_ref().zip(two.account.as_ref());
    let inns = one.inn.as_ref().zip(two.inn.as_ref());
    let told = [
        accounts.map(|(one, two)| one == two),
        inns.map(|(one, two)| one == two),
    ];
    told.contains(&Some(true)) && !told.contains(&Some(false))
}

/// Whether the payment's money is counted twice: as the bank's order, and as its parts or in another shape on the
/// accounting side. All are of one organisation.
pub fn counted_twice(payment: &Shown, others: &[Shown]) -> Option<CountedTwice> {
    let divided = divided(payment, others);
    divided.or_else(|| {
        let other = others.iter().find(|one| one.may_be_same_money(payment))?;
        Some(CountedTwice::Alike {
            number: other.order.number.clone(),
            date: other.order.date,
        })
    })
}

/// As the bank's whole order, and as its parts.
fn divided(payment: &Shown, others: &[Shown]) -> Option<CountedTwice> {
    let same = |one: &&Shown| one.is_same_order(payment);
    let parts = others.iter().filter(same).filter(|one| one.is_part());
    let parts: Vec<Money> = parts.map(|one| one.order.amount).take(MOST_PARTS).collect();
    let amount = payment.order.amount;
    if payment.is_whole() {
        return adding_up(&parts, amount, 2).map(CountedTwice::Whole);
    }
    let mut wholes = others.iter().filter(same).filter(|one| one.is_whole());
    let whole = wholes.find(|whole| {
        let rest = whole.order.amount.checked_sub(amount);
        rest.is_some_and(|rest| adding_up(&parts, rest, 1).is_some())
    });
    let whole = whole.filter(|_| payment.is_part());
    whole.map(|whole| CountedTwice::PartOf(whole.order.amount))
}

/// Some of the amounts, at least so many, that come to the sum.
fn adding_up(amounts: &[Money], sum: Money, least: usize) -> Option<Vec<Money>> {
    if !sum.is_positive() {
        return None;
    }
    let sets = 1_u32.checked_shl(u32::try_from(amounts.len()).ok()?)?;
    (0..sets).find_map(|set| {
        let chosen = (0_u32..)
            .zip(amounts)
            .filter(|(place, _)| set.checked_shr(*place).is_some_and(|rest| rest & 1 == 1));
        let chosen: Vec<Money> = chosen.map(|(_, amount)| *amount).collect();
        let is_it = chosen.len() >= least && Money::sum(chosen.iter().copied()) == Some(sum);
        is_it.then_some(chosen)
    })
}
