//! `inspect vat`: what lines come to, with VAT included or on top.

use domain::{AmountError, Discount, Line, Money, Price, Quantity, Totals, Unit, VatMode, VatRate};
use serde::{Deserialize, Serialize};

use super::Refusal;

/// Amounts are text with two decimals, so that no reader makes floats of them.
#[derive(Serialize)]
pub(super) struct Answer {
    lines: Option<Vec<LineAnswer>>,
    net: Option<String>,
    vat: Option<String>,
    gross: Option<String>,
    #[serde(flatten)]
    refusal: Option<Refusal>,
}

#[derive(Serialize)]
struct LineAnswer {
    net: String,
    vat: String,
    gross: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    mode: VatMode,
    lines: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    quantity: Token,
    price: Token,
    vat: Token,
    #[serde(default)]
    discount_percent: Option<Token>,
    #[serde(default)]
    discount_money: Option<Token>,
}

/// A number as text, or a JSON number short enough that no digit of it was lost.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Token {
    Text(String),
    Number(serde_json::Number),
}

pub(super) fn answer(readable: Result<&str, String>) -> Answer {
    match readable.and_then(totals) {
        Ok(totals) => Answer {
            lines: Some(totals.lines.iter().map(LineAnswer::from).collect()),
            net: Some(totals.net.to_string()),
            vat: Some(totals.vat.to_string()),
            gross: Some(totals.gross.to_string()),
            refusal: None,
        },
        Err(reason) => Answer {
            lines: None,
            net: None,
            vat: None,
            gross: None,
            refusal: Some(Refusal::new(reason)),
        },
    }
}

/// Reads JSON; the reason is cut, since it may repeat a hostile value at full length.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    const MAX_CHARS: usize = 200;
    serde_json::from_str(text).map_err(|error| {
        let reason = format!("not the expected JSON: {error}");
        if reason.chars().nth(MAX_CHARS).is_none() {
            return reason;
        }
        reason.chars().take(MAX_CHARS).chain(['…']).collect()
    })
}

impl Token {
    /// The digits as they were written, as far as that can be known.
    pub(super) fn text(&self) -> Result<String, String> {
        match self {
            Token::Text(text) => Ok(text.clone()),
            Token::Number(number) if exact(number) => Ok(number.to_string()),
            Token::Number(_) => {
                Err("a number of more than 15 digits must be given as text".to_owned())
            }
        }
    }
}

/// JSON numbers that are no integers went through a binary float, which keeps 15 decimal digits.
fn exact(number: &serde_json::Number) -> bool {
    let text = number.to_string();
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa
        .bytes()
        .filter(u8::is_ascii_digit)
        .skip_while(|digit| *digit == b'0');
    !number.is_f64() || digits.count() <= 15
}

fn totals(text: &str) -> Result<Totals, String> {
    let document: Document = from_json(text)?;
    let mut lines = Vec::with_capacity(document.lines.len());
    for (index, row) in document.lines.iter().enumerate() {
        lines.push(line(row).map_err(|reason| format!("line {}: {reason}", index + 1))?);
    }
    domain::totals(document.mode, &lines).map_err(|error: AmountError| error.to_string())
}

fn line(row: &Row) -> Result<Line, String> {
    let quantity = Quantity::parse(&row.quantity.text()?);
    let price = Price::parse(&row.price.text()?);
    Ok(Line {
        name: String::new(),
        unit: Unit {
            okei: None,
            name: String::new(),
        },
        quantity: quantity.map_err(|error| format!("`quantity`: {error}"))?,
        price: price.map_err(|error| format!("`price`: {error}"))?,
        discount: discount(row)?,
        vat: row
            .vat
            .text()?
            .parse::<VatRate>()
            .map_err(|error| format!("`vat`: {error}"))?,
    })
}

fn discount(row: &Row) -> Result<Option<Discount>, String> {
    match (&row.discount_percent, &row.discount_money) {
        (None, None) => Ok(None),
        (Some(percent), None) => {
            let percent = Quantity::parse(&percent.text()?);
            let percent = percent.map_err(|error| format!("`discount_percent`: {error}"))?;
            Ok(Some(Discount::Percent(percent.value())))
        }
        (None, Some(money)) => {
            let money = Money::parse(&money.text()?);
            Ok(Some(Discount::Money(
                money.map_err(|error| format!("`discount_money`: {error}"))?,
            )))
        }
        (Some(_), Some(_)) => Err("a discount is in per cent or in money, not both".to_owned()),
    }
}

impl From<&domain::Amounts> for LineAnswer {
    fn from(amounts: &domain::Amounts) -> LineAnswer {
        LineAnswer {
            net: amounts.net.to_string(),
            vat: amounts.vat.to_string(),
            gross: amounts.gross.to_string(),
        }
    }
}
