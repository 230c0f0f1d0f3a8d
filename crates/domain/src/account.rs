//! Accounts in banks: the settlement account (расчётный) and the correspondent account of the bank.
//!
//! The key in position 9 follows Bank of Russia order № 515 of 1997-09-08: three digits of the bank are put
//! before the twenty of the account, weighed 7, 1, 3 and so on, and the low digits of the products add up
//! to a number that ends in 0. A key that holds never proves that the account exists; inside one region it
//! does not even tell one bank's correspondent account from another's, so the tail is compared too.

use serde::{Serialize, Serializer};

use crate::Bik;

/// An account of an organisation or a sole proprietor whose key holds under its BIK.
///
/// It can only be read together with the BIK; from JSON through [`crate::BankDetails`]. `Debug` shows the
/// last four characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SettlementAccount {
    number: String,
    kept_at: KeptAt,
}

/// The bank's own account in the Bank of Russia (30101…), or the treasury's single account (40102…).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CorrespondentAccount(String);

/// Where a settlement account is kept; it decides the prefix of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeptAt {
    /// In a credit institution: the prefix is the last three digits of the BIK.
    CreditInstitution,
    /// In a unit of the Bank of Russia (РКЦ): the prefix is `0` and digits 5 and 6 of the BIK.
    BankOfRussia,
    /// In the treasury (03…): its key does not follow order № 515 and is not checked.
    Treasury,
}

/// Why a text is not the account that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Nothing was given.
    #[error("empty")]
    Empty,
    /// Not 20 characters.
    #[error("20 characters expected, found {found}")]
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
    /// Zeros only.
    #[error("all digits are zero")]
    AllZero,
    /// A bank's correspondent account where the account of a company is wanted.
    #[error("this is a correspondent account")]
    Correspondent,
    /// Does not begin as a correspondent account does.
    #[error("a correspondent account begins with `30101`")]
    NotCorrespondent,
    /// The last three digits of a correspondent account are those of the BIK.
    #[error("the last three digits differ from those of the BIK")]
    Tail,
    /// The key in position 9 does not hold: a digit of the account or the BIK is wrong.
    #[error("the key does not hold: the account or the BIK is wrong")]
    Key,
}

/// The letters that may stand at position 6 (accounts in clearing currencies), each in place of its index.
const CLEARING_LETTERS: [char; 10] = ['A', 'B', 'C', 'E', 'H', 'K', 'M', 'P', 'T', 'X'];
const CORRESPONDENT: &str = "30101";
const SINGLE_TREASURY: &str = "40102";
const KEY_WEIGHTS: [u32; 3] = [7, 1, 3];

impl SettlementAccount {
    /// Reads the account that is kept under `bik`. Accounts in the treasury pass without a check of the key.
    pub fn parse(bik: &Bik, text: &str) -> Result<SettlementAccount, AccountError> {
        let digits = account_digits(text)?;
        if text.starts_with(CORRESPONDENT) {
            return Err(AccountError::Correspondent);
        }
        let kept_at = kept_at(bik, text);
        let holds = match kept_at {
            KeptAt::CreditInstitution => key_holds(bik.tail(), &digits),
            KeptAt::BankOfRussia => key_holds(&bik.bank_of_russia_prefix(), &digits),
            KeptAt::Treasury => true,
        };
        if !holds {
            return Err(AccountError::Key);
        }
        Ok(SettlementAccount {
            number: text.to_owned(),
            kept_at,
        })
    }

    /// The twenty characters.
    pub fn as_str(&self) -> &str {
        &self.number
    }

    /// Where it is kept.
    pub fn kept_at(&self) -> KeptAt {
        self.kept_at
    }

    /// True for an account in roubles (currency 810).
    pub fn is_rouble(&self) -> bool {
        self.number.get(5..8) == Some("810")
    }

    /// For journals and logs: only the last four characters.
    pub fn masked(&self) -> String {
        masked(&self.number)
    }
}

impl CorrespondentAccount {
    /// Reads the correspondent account of the bank whose BIK is `bik`.
    ///
    /// An ordinary bank's begins with 30101 and ends in the tail of the BIK (Bank of Russia telegram 86-97).
    /// For a treasury body the single account 40102… stands in its place; it has the key, not the tail.
    pub fn parse(bik: &Bik, text: &str) -> Result<CorrespondentAccount, AccountError> {
        let digits = account_digits(text)?;
        if !CorrespondentAccount::looks_like(bik, text) {
            return Err(AccountError::NotCorrespondent);
        }
        let single_treasury_account = !text.starts_with(CORRESPONDENT);
        if !single_treasury_account && !text.ends_with(bik.tail()) {
            return Err(AccountError::Tail);
        }
        if !key_holds(&bik.bank_of_russia_prefix(), &digits) {
            return Err(AccountError::Key);
        }
        Ok(CorrespondentAccount(text.to_owned()))
    }

    /// Whether a text begins as a correspondent account does, right or wrong in the rest.
    pub fn looks_like(bik: &Bik, text: &str) -> bool {
        text.starts_with(CORRESPONDENT) || (bik.is_treasury() && text.starts_with(SINGLE_TREASURY))
    }

    /// The twenty characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! printed {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), masked(self.as_str()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

printed!(SettlementAccount);
printed!(CorrespondentAccount);

fn masked(number: &str) -> String {
    format!("…{}", number.get(16..).unwrap_or_default())
}

fn kept_at(bik: &Bik, account: &str) -> KeptAt {
    if bik.is_treasury() && account.starts_with("03") {
        KeptAt::Treasury
    } else if bik.is_bank_of_russia() {
        KeptAt::BankOfRussia
    } else {
        KeptAt::CreditInstitution
    }
}

/// The twenty digits, a clearing letter at position 6 replaced by its digit.
fn account_digits(text: &str) -> Result<Vec<u32>, AccountError> {
    if text.is_empty() {
        return Err(AccountError::Empty);
    }
    let found = text.chars().count();
    if found != 20 {
        return Err(AccountError::Length { found });
    }
    let mut digits = Vec::with_capacity(20);
    for (index, c) in text.chars().enumerate() {
        let letter = if index == 5 { clearing_digit(c) } else { None };
        let position = index.saturating_add(1);
        let digit = c
            .to_digit(10)
            .or(letter)
            .ok_or(AccountError::Character { position })?;
        digits.push(digit);
    }
    if digits.iter().all(|digit| *digit == 0) {
        return Err(AccountError::AllZero);
    }
    Ok(digits)
}

fn clearing_digit(c: char) -> Option<u32> {
    let index = CLEARING_LETTERS.iter().position(|letter| *letter == c)?;
    u32::try_from(index).ok()
}

fn key_holds(prefix: &str, account: &[u32]) -> bool {
    let sum = crate::digits::values(prefix)
        .chain(account.iter().copied())
        .zip(KEY_WEIGHTS.iter().cycle())
        .map(|(digit, weight)| digit.saturating_mul(*weight) % 10)
        .fold(0, u32::saturating_add);
    sum % 10 == 0
}
