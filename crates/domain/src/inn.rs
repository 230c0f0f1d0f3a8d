//! INN (ИНН), the taxpayer's number: 10 digits for an organisation, 12 for a person.
//!
//! Since 2026-01-01 digits 3 and 4 of new numbers no longer name a tax office (order ЕД-7-14/559@ of
//! 2025-06-26), so nothing here derives a region. Length and check digits did not change.

use std::fmt;

use crate::digits::{self, Fault};

/// A taxpayer's number whose check digits hold.
///
/// That it was ever issued, and to whom, only the tax service knows. `Debug` masks a person's number.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Inn(String);

/// Whose number it is, told by its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InnKind {
    /// 10 digits: a legal entity, Russian or foreign with Russian registration.
    Organisation,
    /// 12 digits: a sole proprietor (ИП) or a private person; the number alone does not tell which.
    Person,
}

/// Why a text is no INN. Messages never repeat the number: a person's INN is personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InnError {
    /// Nothing was given.
    #[error("empty")]
    Empty,
    /// A character that is no ASCII digit; positions count from 1.
    #[error("character {position} is not a digit")]
    NotDigit {
        /// Where it stands, from 1.
        position: usize,
    },
    /// Neither 10 nor 12 digits.
    #[error("10 or 12 digits expected, found {found}")]
    Length {
        /// How many digits there are.
        found: usize,
    },
    /// Zeros only: the sums hold, but such a number is never issued.
    #[error("all digits are zero")]
    AllZero,
    /// A check digit does not follow from the digits before it.
    #[error("check digit {position} is wrong")]
    CheckDigit {
        /// Where it stands, from 1.
        position: usize,
    },
}

const ORGANISATION: [u32; 9] = [2, 4, 10, 3, 5, 9, 4, 6, 8];
const PERSON_FIRST: [u32; 10] = [7, 2, 4, 10, 3, 5, 9, 4, 6, 8];
const PERSON_SECOND: [u32; 11] = [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8];

impl Inn {
    /// Reads an INN; surrounding blanks are not trimmed.
    pub fn parse(text: &str) -> Result<Inn, InnError> {
        digits::only_digits(text)?;
        match text.len() {
            10 | 12 if digits::all_zero(text) => return Err(InnError::AllZero),
            10 => check_digit(text, 10, &ORGANISATION)?,
            12 => {
                check_digit(text, 11, &PERSON_FIRST)?;
                check_digit(text, 12, &PERSON_SECOND)?;
            }
            found => return Err(InnError::Length { found }),
        }
        Ok(Inn(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose number it is.
    pub fn kind(&self) -> InnKind {
        if self.0.len() == 12 {
            InnKind::Person
        } else {
            InnKind::Organisation
        }
    }

    /// True for 12 digits: a sole proprietor or a private person, who has no KPP.
    pub fn is_person(&self) -> bool {
        self.kind() == InnKind::Person
    }

    /// For journals and logs: an organisation's number as it is, a person's as `5042******12`.
    pub fn masked(&self) -> String {
        match (self.kind(), self.0.get(..4), self.0.get(10..)) {
            (InnKind::Person, Some(head), Some(tail)) => format!("{head}******{tail}"),
            _ => self.0.clone(),
        }
    }
}

impl fmt::Debug for Inn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inn({})", self.masked())
    }
}

impl From<Fault> for InnError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Empty => InnError::Empty,
            Fault::NotDigit { position } => InnError::NotDigit { position },
        }
    }
}

crate::validated::validated_text!(Inn, InnError);

fn check_digit(text: &str, position: usize, weights: &[u32]) -> Result<(), InnError> {
    let expected = digits::weighted_sum(digits::values(text), weights) % 11 % 10;
    if digits::digit_at(text, position) == Some(expected) {
        Ok(())
    } else {
        Err(InnError::CheckDigit { position })
    }
}
