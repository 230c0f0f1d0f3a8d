//! The text of a payment QR code, GOST R 56042-2014 (ГОСТ Р 56042-2014), in UTF-8: `ST00012`.
//!
//! Required fields come first in a fixed order and fit 300 bytes together, where a Cyrillic letter takes
//! two; the sum is in kopecks. Not here: the picture of the code (`documents`).

use serde::{Deserialize, Serialize};

use crate::{BankDetails, Inn, KeptAt, Kpp, Money};

/// What the code says: pay this sum to this account for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentQr {
    /// The payee, at most 160 characters.
    pub name: String,
    /// Where to; the bank's name has at most 45 characters. The account is in roubles.
    pub bank: BankDetails,
    /// The payee's INN.
    pub inn: Option<Inn>,
    /// The payee's KPP.
    pub kpp: Option<Kpp>,
    /// How much; a positive amount. Without it the payer types one.
    pub sum: Option<Money>,
    /// What for, at most 160 characters.
    pub purpose: Option<String>,
}

/// Why requisites make no payment code. Fields are named as the standard names them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentQrError {
    /// A required field has nothing in it.
    #[error("`{field}` is empty")]
    Empty {
        /// Which field.
        field: &'static str,
    },
    /// A field is longer than the standard allows.
    #[error("`{field}` has {found} characters, at most {max} are allowed")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// How many characters it has.
        found: usize,
        /// How many it may have.
        max: usize,
    },
    /// The required fields together are too long.
    #[error("the required fields take {found} bytes, at most {REQUIRED_BYTES} are allowed")]
    RequiredTooLong {
        /// How many bytes they take in UTF-8.
        found: usize,
    },
    /// Zero or a negative amount.
    #[error("the sum is not positive")]
    Sum,
    /// The standard pays in roubles only.
    #[error("the account is not in roubles")]
    NotRoubles,
    /// Every separator that the standard allows occurs in some value.
    #[error("no separator is left that occurs in no value")]
    Separator,
}

const NAME_CHARS: usize = 160;
const BANK_NAME_CHARS: usize = 45;
const PURPOSE_CHARS: usize = 160;
const REQUIRED_BYTES: usize = 300;
/// What may part the fields, the usual one first.
const SEPARATORS: [char; 19] = [
    '|', '#', ';', ':', '^', '_', '~', '{', '}', '!', '$', '%', '&', '(', ')', '*', '+', '/', '@',
];

type Field = (&'static str, String);

impl PaymentQr {
    /// `ST00012|Name=…|PersonalAcc=…|BankName=…|BIC=…|CorrespAcc=…|Sum=…|Purpose=…|PayeeINN=…|KPP=…`.
    ///
    /// Runs of blanks and control characters become one blank. If a value holds `|`, another separator is
    /// taken. Nothing is shortened silently: what is too long is an error; see [`PaymentQr::shortened`].
    pub fn payload(&self) -> Result<String, PaymentQrError> {
        if !self.bank.account.is_rouble() {
            return Err(PaymentQrError::NotRoubles);
        }
        let required = self.required_fields()?;
        let additional = self.additional_fields()?;
        let found = joined(&required, '|').len();
        if found > REQUIRED_BYTES {
            return Err(PaymentQrError::RequiredTooLong { found });
        }
        let fields = [required, additional].concat();
        let separator = separator(&fields).ok_or(PaymentQrError::Separator)?;
        Ok(format!("ST00012{separator}{}", joined(&fields, separator)))
    }

    /// The same with the names of payee and bank and the purpose cut to what the standard holds. Banks find
    /// the payee by account and BIK, so a cut name pays; a cut account never happens.
    pub fn shortened(mut self) -> PaymentQr {
        self.bank.bank_name = cut(&tidied(&self.bank.bank_name), BANK_NAME_CHARS);
        self.purpose = self
            .purpose
            .map(|purpose| cut(&tidied(&purpose), PURPOSE_CHARS));
        self.name = cut(&tidied(&self.name), NAME_CHARS);
        while joined(&self.all_required(), '|').len() > REQUIRED_BYTES && self.name.pop().is_some()
        {
        }
        self.name.truncate(self.name.trim_end().len());
        self
    }

    fn all_required(&self) -> Vec<Field> {
        let bank = &self.bank;
        // Units of the Bank of Russia have no correspondent account; the field is required, so it says 0.
        let without = match bank.account.kept_at() {
            KeptAt::BankOfRussia => "0",
            KeptAt::CreditInstitution | KeptAt::Treasury => "",
        };
        let correspondent = bank
            .correspondent
            .as_ref()
            .map_or(without, |account| account.as_str());
        vec![
            ("Name", tidied(&self.name)),
            ("PersonalAcc", bank.account.to_string()),
            ("BankName", tidied(&bank.bank_name)),
            ("BIC", bank.bik.to_string()),
            ("CorrespAcc", correspondent.to_owned()),
        ]
    }

    fn required_fields(&self) -> Result<Vec<Field>, PaymentQrError> {
        let fields = self.all_required();
        for (field, value) in &fields {
            if value.is_empty() {
                return Err(PaymentQrError::Empty { field });
            }
            match *field {
                "Name" => within(field, value, NAME_CHARS)?,
                "BankName" => within(field, value, BANK_NAME_CHARS)?,
                _ => {} // The other types hold the right length already.
            }
        }
        Ok(fields)
    }

    fn additional_fields(&self) -> Result<Vec<Field>, PaymentQrError> {
        let mut fields = Vec::new();
        if let Some(sum) = self.sum {
            if !sum.is_positive() {
                return Err(PaymentQrError::Sum);
            }
            fields.push(("Sum", sum.kopecks().to_string()));
        }
        let purpose = self
            .purpose
            .as_deref()
            .map(tidied)
            .filter(|purpose| !purpose.is_empty());
        if let Some(purpose) = purpose {
            within("Purpose", &purpose, PURPOSE_CHARS)?;
            fields.push(("Purpose", purpose));
        }
        fields.extend(self.inn.as_ref().map(|inn| ("PayeeINN", inn.to_string())));
        fields.extend(self.kpp.as_ref().map(|kpp| ("KPP", kpp.to_string())));
        Ok(fields)
    }
}

fn within(field: &'static str, value: &str, max: usize) -> Result<(), PaymentQrError> {
    let found = value.chars().count();
    if found > max {
        Err(PaymentQrError::TooLong { field, found, max })
    } else {
        Ok(())
    }
}

fn joined(fields: &[Field], separator: char) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(&separator.to_string())
}

fn separator(fields: &[Field]) -> Option<char> {
    SEPARATORS
        .into_iter()
        .find(|candidate| fields.iter().all(|(_, value)| !value.contains(*candidate)))
}

fn tidied(text: &str) -> String {
    let parts = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = parts.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn cut(text: &str, max: usize) -> String {
    text.chars()
        .take(max)
        .collect::<String>()
        .trim_end()
        .to_owned()
}
