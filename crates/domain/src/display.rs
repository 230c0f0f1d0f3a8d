//! Money, numbers, dates and who somebody is, the way people in a Russian office read them.
//!
//! Thousands are parted by a no-break space (U+00A0) and so is the rouble sign, so that no amount breaks
//! over two lines; the decimal mark is a comma; the minus is U+2212.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::{CounterpartyKey, Money, Who};

/// U+00A0, which keeps an amount on one line.
pub const NO_BREAK_SPACE: char = '\u{a0}';
const MINUS: char = '\u{2212}';

const MONTHS: [&str; 12] = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
];

/// `1 234 567,89 ₽`.
pub fn money(amount: Money) -> String {
    format!("{}{NO_BREAK_SPACE}₽", figures(amount))
}

/// `1 234 567,89`, for the columns of a table.
pub fn figures(amount: Money) -> String {
    let sign = if amount.is_negative() {
        MINUS.to_string()
    } else {
        String::new()
    };
    let whole = grouped(&amount.whole_roubles().to_string());
    format!("{sign}{whole},{:02}", amount.kopeck_part())
}

/// `1 234,5`: a quantity or a price without trailing zeros.
pub fn number(value: Decimal) -> String {
    let text = value.normalize().abs().to_string();
    let sign = if value < Decimal::ZERO {
        MINUS.to_string()
    } else {
        String::new()
    };
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{},{fraction}", grouped(whole)),
        None => format!("{sign}{}", grouped(&text)),
    }
}

/// A price with at least the two decimals of kopecks: `1 234,50`, `0,125`.
pub fn price(value: Decimal) -> String {
    let mut text = number(value);
    let decimals = text.split_once(',').map(|(_, fraction)| fraction.len());
    match decimals {
        None => text.push_str(",00"),
        Some(1) => text.push('0'),
        Some(_) => {}
    }
    text
}

/// By what a counterparty is known, for people: `7707083893/770801001`, or `без ИНН, контакт 9`.
pub fn known_by(key: &CounterpartyKey) -> String {
    match &key.who {
        Who::Inn(_) => key.to_string(),
        Who::Contact(id) => format!("без ИНН, контакт {id}"),
        Who::Company(id) => format!("без ИНН, компания {id}"),
    }
}

/// `12.03.2026`.
pub fn date(date: Date) -> String {
    format!("{:02}.{:02}.{:04}", date.day(), date.month(), date.year())
}

/// `12 марта 2026 г.`, no-break spaces inside.
pub fn long_date(date: Date) -> String {
    let index = usize::try_from(date.month())
        .unwrap_or_default()
        .saturating_sub(1);
    let month = MONTHS.get(index).copied().unwrap_or_default();
    let space = NO_BREAK_SPACE;
    format!(
        "{}{space}{month}{space}{}{space}г.",
        date.day(),
        date.year()
    )
}

/// A no-break space before every third digit from the right.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len().saturating_mul(2));
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(index);
        if index != 0 && left % 3 == 0 {
            text.push(NO_BREAK_SPACE);
        }
        text.push(digit);
    }
    text
}
