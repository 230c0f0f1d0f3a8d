//! Money in whole kopecks. There is no other unit and no floating point anywhere.

use std::fmt;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::NumberError;

/// An amount in kopecks, negative for what is owed back. Serialises as the integer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Money(i64);

/// Why a text is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a number, or one with too many digits.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// A part of a kopeck other than zero.
    #[error("has a fraction of a kopeck")]
    FractionOfKopeck,
    /// Beyond about 92 quadrillion roubles.
    #[error("too large")]
    TooLarge,
}

impl Money {
    /// No money.
    pub const ZERO: Money = Money(0);

    /// An amount of so many kopecks.
    pub const fn from_kopecks(kopecks: i64) -> Money {
        Money(kopecks)
    }

    /// The amount in kopecks.
    pub const fn kopecks(self) -> i64 {
        self.0
    }

    /// Reads roubles: `1234.56`, `1234,5`, `1 234,56`, `150000-00`, `150000=`, or a JSON number's raw token.
    /// A fraction of a kopeck is refused unless it is zero; nothing is rounded.
    pub fn parse(text: &str) -> Result<Money, MoneyError> {
        Money::from_roubles(crate::number::parse(text)?)
    }

    /// An exact number of roubles; a fraction of a kopeck is refused.
    pub fn from_roubles(roubles: Decimal) -> Result<Money, MoneyError> {
        let kopecks = roubles
            .checked_mul(Decimal::ONE_HUNDRED)
            .ok_or(MoneyError::TooLarge)?;
        if !kopecks.fract().is_zero() {
            return Err(MoneyError::FractionOfKopeck);
        }
        kopecks.to_i64().map(Money).ok_or(MoneyError::TooLarge)
    }

    /// Roubles rounded half up to a kopeck (half away from zero below zero); `None` if too large.
    pub fn rounded(roubles: Decimal) -> Option<Money> {
        let rounded = roubles
            .round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
            .normalize();
        rounded
            .checked_mul(Decimal::ONE_HUNDRED)?
            .to_i64()
            .map(Money)
    }

    /// The amount in roubles, exact.
    pub fn roubles(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// Whole roubles without the sign.
    pub const fn whole_roubles(self) -> u64 {
        self.0.unsigned_abs() / 100
    }

    /// The kopecks beside the whole roubles, 0 to 99, without the sign.
    pub const fn kopeck_part(self) -> u64 {
        self.0.unsigned_abs() % 100
    }

    /// The sum, unless it is too large.
    pub fn checked_add(self, other: Money) -> Option<Money> {
        self.0.checked_add(other.0).map(Money)
    }

    /// The difference, unless it is too large.
    pub fn checked_sub(self, other: Money) -> Option<Money> {
        self.0.checked_sub(other.0).map(Money)
    }

    /// The sum of all, unless it is too large; of nothing it is zero.
    pub fn sum(amounts: impl IntoIterator<Item = Money>) -> Option<Money> {
        amounts
            .into_iter()
            .try_fold(Money::ZERO, Money::checked_add)
    }

    /// More than nothing.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Less than nothing.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Exactly nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// `1234.56`: a point, two decimals, no blanks. What people read is made by [`crate::display`].
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative() { "-" } else { "" };
        write!(
            f,
            "{sign}{}.{:02}",
            self.whole_roubles(),
            self.kopeck_part()
        )
    }
}

impl std::str::FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Money::parse(text)
    }
}
