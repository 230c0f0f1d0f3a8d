//! BIK (БИК), the bank's number in Russian payments: nine digits, no check digit.

use crate::digits::{self, Fault};

/// A BIK of the right shape. Whether the bank exists only the Bank of Russia's directory tells.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bik(String);

/// Why a text is no BIK.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BikError {
    /// Nothing was given.
    #[error("empty")]
    Empty,
    /// A character that is no ASCII digit; positions count from 1.
    #[error("character {position} is not a digit")]
    NotDigit {
        /// Where it stands, from 1.
        position: usize,
    },
    /// Not 9 digits.
    #[error("9 digits expected, found {found}")]
    Length {
        /// How many digits there are.
        found: usize,
    },
    /// Zeros only.
    #[error("all digits are zero")]
    AllZero,
}

impl Bik {
    /// Reads a BIK. A leading 04 is not demanded: treasury bodies begin otherwise.
    pub fn parse(text: &str) -> Result<Bik, BikError> {
        digits::only_digits(text)?;
        if text.len() != 9 {
            return Err(BikError::Length { found: text.len() });
        }
        if digits::all_zero(text) {
            return Err(BikError::AllZero);
        }
        Ok(Bik(text.to_owned()))
    }

    /// The nine digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Digits 7 to 9, the number of the bank; its correspondent account ends in them.
    pub fn tail(&self) -> &str {
        self.0.get(6..).unwrap_or_default()
    }

    /// True if the tail is 000, 001 or 002, by custom a unit of the Bank of Russia (РКЦ, ГРКЦ).
    pub fn is_bank_of_russia(&self) -> bool {
        matches!(self.tail(), "000" | "001" | "002")
    }

    /// True unless it begins with 04: then it is a treasury body or another participant, no ordinary bank.
    pub fn is_treasury(&self) -> bool {
        !self.0.starts_with("04")
    }

    /// The prefix of the key of accounts kept in the Bank of Russia: `0` and digits 5 and 6.
    pub(crate) fn bank_of_russia_prefix(&self) -> String {
        format!("0{}", self.0.get(4..6).unwrap_or_default())
    }
}

impl From<Fault> for BikError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Empty => BikError::Empty,
            Fault::NotDigit { position } => BikError::NotDigit { position },
        }
    }
}

crate::validated::validated_text!(Bik, BikError);
