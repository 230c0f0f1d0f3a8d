//! OGRN (ОГРН) of an organisation, 13 digits, and OGRNIP (ОГРНИП) of a sole proprietor, 15 digits.
//!
//! The first digit tells what record it is (Minfin order 165н of 2017-10-30): 1 and 5 an organisation's
//! main number, 3 a sole proprietor's; the others number single records of the register.

use crate::digits::{self, Fault};

/// A main state registration number whose check digit holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ogrn(String);

/// Whose number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OgrnKind {
    /// OGRN, 13 digits.
    Organisation,
    /// OGRNIP, 15 digits.
    Entrepreneur,
}

/// Why a text is neither OGRN nor OGRNIP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OgrnError {
    /// Nothing was given.
    #[error("empty")]
    Empty,
    /// A character that is no ASCII digit; positions count from 1.
    #[error("character {position} is not a digit")]
    NotDigit {
        /// Where it stands, from 1.
        position: usize,
    },
    /// Neither 13 nor 15 digits.
    #[error("13 or 15 digits expected, found {found}")]
    Length {
        /// How many digits there are.
        found: usize,
    },
    /// Zeros only.
    #[error("all digits are zero")]
    AllZero,
    /// The first digit marks another record of the register, such as a GRN.
    #[error("the first digit marks another record of the register")]
    OtherRecord,
    /// The last digit does not follow from those before it.
    #[error("check digit {position} is wrong")]
    CheckDigit {
        /// Where it stands, from 1.
        position: usize,
    },
}

impl Ogrn {
    /// Reads an OGRN or OGRNIP; surrounding blanks are not trimmed.
    pub fn parse(text: &str) -> Result<Ogrn, OgrnError> {
        digits::only_digits(text)?;
        let position = text.len();
        let first_digits = match position {
            13 => ['1', '5'].as_slice(),
            15 => ['3'].as_slice(),
            found => return Err(OgrnError::Length { found }),
        };
        if digits::all_zero(text) {
            return Err(OgrnError::AllZero);
        }
        if !text.starts_with(first_digits) {
            return Err(OgrnError::OtherRecord);
        }
        if digits::digit_at(text, position) != Some(check_digit(text)) {
            return Err(OgrnError::CheckDigit { position });
        }
        Ok(Ogrn(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose number it is, told by its length.
    pub fn kind(&self) -> OgrnKind {
        if self.0.len() == 15 {
            OgrnKind::Entrepreneur
        } else {
            OgrnKind::Organisation
        }
    }
}

impl From<Fault> for OgrnError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Empty => OgrnError::Empty,
            Fault::NotDigit { position } => OgrnError::NotDigit { position },
        }
    }
}

crate::validated::validated_text!(Ogrn, OgrnError);

/// The low digit of the remainder: by 13 it can have two digits, and only the low one is printed.
fn check_digit(text: &str) -> u32 {
    let head = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    let number = digits::as_number(head);
    let digit = if text.len() == 15 {
        number % 13 % 10
    } else {
        number % 11 % 10
    };
    u32::try_from(digit).unwrap_or_default()
}
