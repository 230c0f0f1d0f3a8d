//! Sheets as a workbook.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Url, Workbook, Worksheet, XlsxError};

use super::{Cell, Sheet, is_like_formula};

/// A spreadsheet keeps so many digits of a number; one with more stays a text, as it is.
const DIGITS: usize = 15;
/// So many characters fit a cell, and some to spare.
const LONGEST: usize = 32_000;
/// A workbook holds so many links of a sheet; further ones stay texts.
const MOST_LINKS: u32 = 60_000;

/// No file could be made.
#[derive(Debug, thiserror::Error)]
#[error("the workbook cannot be made")]
pub struct NoWorkbook(#[from] XlsxError);

/// The bytes of the file. `now` becomes its time of creation.
///
/// # Errors
/// When a sheet is larger than a workbook may be.
pub fn workbook(sheets: &[Sheet<'_>], now: Timestamp) -> Result<Vec<u8>, NoWorkbook> {
    Ok(written(sheets, now)?)
}

fn written(sheets: &[Sheet<'_>], now: Timestamp) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let created = now.to_zoned(TimeZone::UTC).datetime();
    let created =
        ExcelDateTime::parse_from_str(&created.strftime("%Y-%m-%dT%H:%M:%S").to_string())?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
    let formats = Formats::new();
    for one in sheets {
        let sheet = workbook.add_worksheet();
        sheet.set_name(one.name)?;
        headings(sheet, one.headings)?;
        for (place, row) in (1_u32..).zip(&one.rows) {
            for (column, cell) in (0_u16..).zip(*row) {
                formats.write(sheet, (place, column), cell)?;
            }
        }
    }
    workbook.save_to_buffer()
}

fn headings(sheet: &mut Worksheet, headings: &[(&str, u16)]) -> Result<(), XlsxError> {
    let bold = Format::new().set_bold().set_text_wrap();
    for (column, (name, width)) in (0_u16..).zip(headings) {
        sheet.write_string_with_format(0, column, *name, &bold)?;
        sheet.set_column_width(column, *width)?;
    }
    sheet.set_freeze_panes(1, 1)?;
    Ok(())
}

struct Formats {
    date: Format,
    money: Format,
    number: Format,
    /// Shows that a text is one, whatever it begins with.
    quoted: Format,
}

impl Formats {
    fn new() -> Self {
        Self {
            date: Format::new().set_num_format("dd.mm.yyyy"),
            money: Format::new().set_num_format("#,##0.00"),
            number: Format::new(),
            quoted: Format::new().set_quote_prefix(),
        }
    }

    fn write(
        &self,
        sheet: &mut Worksheet,
        (row, column): (u32, u16),
        cell: &Cell,
    ) -> Result<(), XlsxError> {
        match cell {
            Cell::Empty => {}
            Cell::Text(text) if is_like_formula(text) => {
                sheet.write_string_with_format(row, column, fitting(text), &self.quoted)?;
            }
            Cell::Text(text) => {
                sheet.write_string(row, column, fitting(text))?;
            }
            Cell::Link { text, address } if row < MOST_LINKS => {
                let link = Url::new(address).set_text(fitting(text));
                sheet.write_url(row, column, link)?;
            }
            Cell::Link { text, .. } => {
                sheet.write_string(row, column, fitting(text))?;
            }
            Cell::Date(date) => {
                let date = ExcelDateTime::parse_from_str(&date.to_string())?;
                sheet.write_datetime_with_format(row, column, &date, &self.date)?;
            }
            Cell::Money(money) => {
                self.number(sheet, (row, column), money.roubles(), &self.money)?
            }
            Cell::Number(number) => self.number(sheet, (row, column), *number, &self.number)?,
        }
        Ok(())
    }

    /// Nothing is computed here: the digits become the nearest number of a spreadsheet, which is written with the
    /// same digits again.
    fn number(
        &self,
        sheet: &mut Worksheet,
        (row, column): (u32, u16),
        number: Decimal,
        format: &Format,
    ) -> Result<(), XlsxError> {
        let digits = number.normalize().to_string();
        let is_kept = digits.chars().filter(char::is_ascii_digit).count() <= DIGITS;
        match digits.parse::<f64>() {
            Ok(number) if is_kept => sheet.write_number_with_format(row, column, number, format),
            Ok(_) | Err(_) => sheet.write_string(row, column, &digits),
        }?;
        Ok(())
    }
}

/// The text without what no workbook can hold, and shortened to what a cell can: one strange name must not keep the
/// whole file from being written or opened.
fn fitting(text: &str) -> String {
    let is_bad = |c: char| {
        c.is_control() && !matches!(c, '\t' | '\n') || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    let plain = |c: char| if is_bad(c) { ' ' } else { c };
    let mut fitting: String = text.chars().take(LONGEST).map(plain).collect();
    if text.chars().nth(LONGEST).is_some() {
        fitting.push('…');
    }
    fitting
}
