//! The register as CSV: as Russian spreadsheets and import masters read it (UTF-8 with its mark, `;`, decimal comma),
//! quoted as RFC 4180 says.

use domain::Money;
use domain::display;

use super::rows::{HEADINGS, Row};
use desk::sheet::{Cell, is_like_formula};

const MARK: &str = "\u{feff}";

/// The bytes of the file.
pub(super) fn bytes(rows: &[Row]) -> Vec<u8> {
    let mut text = String::from(MARK);
    line(
        &mut text,
        HEADINGS.iter().map(|(name, _)| (*name).to_owned()),
    );
    for row in rows {
        line(&mut text, row.iter().map(written));
    }
    text.into_bytes()
}

fn line(text: &mut String, fields: impl Iterator<Item = String>) {
    let fields: Vec<String> = fields.map(|field| quoted(&field)).collect();
    text.push_str(&fields.join(";"));
    text.push_str("\r\n");
}

fn written(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) if is_like_formula(text) => format!("'{text}"),
        Cell::Text(text) | Cell::Link { text, .. } => text.clone(),
        Cell::Date(date) => display::date(*date),
        Cell::Money(money) => plain(*money),
        Cell::Number(number) => number.normalize().to_string().replace('.', ","),
    }
}

/// `-1234,50`: without blanks between thousands.
fn plain(money: Money) -> String {
    let sign = if money.is_negative() { "-" } else { "" };
    format!("{sign}{},{:02}", money.whole_roubles(), money.kopeck_part())
}

fn quoted(field: &str) -> String {
    if field.contains([';', '"', '\r', '\n', ',']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
