//! `inspect qr`: the text of a payment QR code out of requisites.

use std::fmt::Display;

use domain::{
    BankDetails, Bik, CorrespondentAccount, Inn, Kpp, Money, PaymentQr, SettlementAccount,
};
use serde::{Deserialize, Serialize};

use super::Refusal;
use super::tax::{Token, from_json};

#[derive(Serialize)]
pub(super) struct Answer {
    payload: Option<String>,
    #[serde(flatten)]
    refusal: Option<Refusal>,
}

/// Our names of the requisites, or those of the standard.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requisites {
    #[serde(alias = "Name")]
    name: String,
    #[serde(alias = "PersonalAcc")]
    account: String,
    #[serde(alias = "BankName")]
    bank_name: String,
    #[serde(alias = "BIC", alias = "bic")]
    bik: String,
    #[serde(default, alias = "CorrespAcc", alias = "correspondent_account")]
    correspondent: Option<String>,
    #[serde(default, alias = "PayeeINN")]
    inn: Option<String>,
    #[serde(default, alias = "KPP")]
    kpp: Option<String>,
    /// Roubles.
    #[serde(default)]
    sum: Option<Token>,
    /// The standard's field, in kopecks.
    #[serde(default, rename = "Sum", alias = "sum_kopecks")]
    kopecks: Option<Token>,
    #[serde(default, alias = "Purpose")]
    purpose: Option<String>,
}

pub(super) fn answer(readable: Result<&str, String>) -> Answer {
    match readable.and_then(payload) {
        Ok(payload) => Answer {
            payload: Some(payload),
            refusal: None,
        },
        Err(reason) => Answer {
            payload: None,
            refusal: Some(Refusal::new(reason)),
        },
    }
}

fn payload(text: &str) -> Result<String, String> {
    let given: Requisites = from_json(text)?;
    let sum = sum(&given)?;
    let bik = Bik::parse(&given.bik).map_err(in_field("bik"))?;
    let correspondent = |text: String| CorrespondentAccount::parse(&bik, &text);
    let qr = PaymentQr {
        name: given.name,
        inn: optional(given.inn, |text| Inn::parse(&text), "inn")?,
        kpp: optional(given.kpp, |text| Kpp::parse(&text), "kpp")?,
        sum,
        purpose: given.purpose,
        bank: BankDetails {
            account: SettlementAccount::parse(&bik, &given.account).map_err(in_field("account"))?,
            correspondent: optional(given.correspondent, correspondent, "correspondent")?,
            bank_name: given.bank_name,
            bik,
        },
    };
    qr.payload().map_err(|error| error.to_string())
}

fn sum(given: &Requisites) -> Result<Option<Money>, String> {
    match (&given.sum, &given.kopecks) {
        (None, None) => Ok(None),
        (Some(roubles), None) => Money::parse(&roubles.text()?)
            .map(Some)
            .map_err(in_field("sum")),
        (None, Some(kopecks)) => {
            let kopecks = kopecks.text()?.parse::<i64>();
            kopecks
                .map(Money::from_kopecks)
                .map(Some)
                .map_err(in_field("Sum"))
        }
        (Some(_), Some(_)) => Err("`sum` is in roubles and `Sum` in kopecks: give one".to_owned()),
    }
}

/// An empty text is as good as none, as forms send it.
fn optional<T, E: Display>(
    given: Option<String>,
    read: impl FnOnce(String) -> Result<T, E>,
    field: &'static str,
) -> Result<Option<T>, String> {
    given
        .filter(|text| !text.is_empty())
        .map(read)
        .transpose()
        .map_err(in_field(field))
}

fn in_field<E: Display>(field: &'static str) -> impl Fn(E) -> String {
    move |error| format!("`{field}`: {error}")
}
