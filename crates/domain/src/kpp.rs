//! KPP (КПП), the code of a reason for registration: which of an organisation's places is meant.
//!
//! `NNNNPPXXX`: four digits of the tax office, two characters of the reason, three digits of a serial
//! number. There is no check digit. The reason may hold capital Latin letters. Different organisations can
//! share a KPP, and one organisation may have several; a sole proprietor has none.

/// A KPP of the right shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kpp(String);

/// Why a text is no KPP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KppError {
    /// Nothing was given.
    #[error("empty")]
    Empty,
    /// Not 9 characters.
    #[error("9 characters expected, found {found}")]
    Length {
        /// How many characters there are.
        found: usize,
    },
    /// A character that may not stand there; positions count from 1.
    #[error("character {position} is not allowed there")]
    Character {
        /// Where it stands, from 1.
        position: usize,
    },
    /// Zeros only, as payment orders carry when there is no KPP.
    #[error("all digits are zero")]
    AllZero,
}

impl Kpp {
    /// Reads a KPP; surrounding blanks are not trimmed, small letters are refused.
    pub fn parse(text: &str) -> Result<Kpp, KppError> {
        if text.is_empty() {
            return Err(KppError::Empty);
        }
        let found = text.chars().count();
        if found != 9 {
            return Err(KppError::Length { found });
        }
        let wrong = text.chars().enumerate().position(|(index, c)| match index {
            4 | 5 => !(c.is_ascii_digit() || c.is_ascii_uppercase()),
            _ => !c.is_ascii_digit(),
        });
        if let Some(index) = wrong {
            return Err(KppError::Character {
                position: index.saturating_add(1),
            });
        }
        if crate::digits::all_zero(text) {
            return Err(KppError::AllZero);
        }
        Ok(Kpp(text.to_owned()))
    }

    /// The nine characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

crate::validated::validated_text!(Kpp, KppError);
