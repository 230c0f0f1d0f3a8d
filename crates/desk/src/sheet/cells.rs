//! The cells of a sheet: numbers as numbers, dates as dates, and texts that no program takes for a formula.

use domain::Money;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A text.
    Text(String),
    /// A text that leads somewhere.
    Link {
        /// What is shown.
        text: String,
        /// With its scheme.
        address: String,
    },
    /// A day.
    Date(Date),
    /// Roubles, to the kopeck.
    Money(Money),
    /// Any other number, exact.
    Number(Decimal),
}

impl Cell {
    /// A text; nothing where it is empty.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() {
            Self::Empty
        } else {
            Self::Text(text)
        }
    }
}

/// Whether a spreadsheet could take a text for a formula, also after it has trimmed it or folded wide letters. What
/// came from outside, a buyer's name or a product's, must not compute anything at the accountant's.
pub fn is_like_formula(text: &str) -> bool {
    let blank =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}' | '\u{feff}');
    let begins = |c: char| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '−' | '|' | '%'
        )
    };
    text.starts_with(['\t', '\r', '\n']) || text.trim_start_matches(blank).starts_with(begins)
}
