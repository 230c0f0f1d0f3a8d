//! Quantities and prices: exact decimals that never pass through a binary float.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Money, NumberError};

/// How many units of a line. May have a fraction; serialises as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quantity(Decimal);

/// Roubles for one unit; may have more than two decimals. Serialises as text.
///
/// Whether it holds VAT says the [`crate::VatMode`] of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Price(Decimal);

impl Quantity {
    /// One unit.
    pub const ONE: Quantity = Quantity(Decimal::ONE);
}

impl From<Money> for Price {
    fn from(money: Money) -> Price {
        Price::new(money.roubles())
    }
}

macro_rules! exact_decimal {
    ($name:ident) => {
        impl $name {
            /// From an exact decimal; trailing zeros do not matter.
            pub fn new(value: Decimal) -> $name {
                $name(value.normalize())
            }

            /// Reads `3`, `33.330`, `0,5`, `1 234,5`, or a JSON number's raw token such as `1.5e3`.
            pub fn parse(text: &str) -> Result<$name, NumberError> {
                crate::number::parse(text).map($name::new)
            }

            /// The exact decimal, without trailing zeros.
            pub fn value(self) -> Decimal {
                self.0
            }

            /// More than nothing.
            pub fn is_positive(self) -> bool {
                self.0 > Decimal::ZERO
            }

            /// Less than nothing.
            pub fn is_negative(self) -> bool {
                self.0 < Decimal::ZERO
            }

            /// Exactly nothing.
            pub fn is_zero(self) -> bool {
                self.0.is_zero()
            }
        }

        /// A point, no trailing zeros, no exponent.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = NumberError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $name::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                as_text::serialize(&self.0, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                as_text::deserialize(deserializer).map($name::new)
            }
        }
    };
}

exact_decimal!(Quantity);
exact_decimal!(Price);

/// A decimal as text in serde, for fields of the bare type.
pub(crate) mod as_text {
    use super::{Decimal, Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        value: &Decimal,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&value.normalize())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Decimal, D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::number::parse(&text).map_err(serde::de::Error::custom)
    }
}
