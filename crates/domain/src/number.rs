//! Exact decimals out of text: what people type, what payment orders print, what JSON carries.
//!
//! A remote's JSON number is read from its raw token, never through a binary float.

use rust_decimal::Decimal;

/// Why a text is no number that can be kept exactly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Nothing was given.
    #[error("empty")]
    Empty,
    /// Not the shape of a number.
    #[error("not a number")]
    Shape,
    /// More digits than can be kept exactly.
    #[error("too many digits")]
    TooLong,
}

/// Longer texts are no amounts; the bound keeps hostile input cheap.
const MAX_CHARS: usize = 80;
/// The exact decimal holds 28 digits; a larger exponent cannot fit.
const MAX_EXPONENT: i32 = 40;

/// The parts of a number as it was written.
struct Written {
    negative: bool,
    whole: String,
    fraction: String,
    exponent: i32,
}

/// Reads `1234.56`, `1234,5`, `1 234,56` (plain, no-break, thin and narrow blanks), `150000-00`,
/// `150000=`, and JSON's `1.5e3`. A minus may be `-` or `−`; blanks must part groups of three.
pub(crate) fn parse(text: &str) -> Result<Decimal, NumberError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(NumberError::Empty);
    }
    if text.chars().nth(MAX_CHARS).is_some() {
        return Err(NumberError::TooLong);
    }
    plain(&written(text)?)
}

fn written(text: &str) -> Result<Written, NumberError> {
    let unsigned = text.strip_prefix(['-', '\u{2212}']);
    let negative = unsigned.is_some();
    let rest = unsigned.unwrap_or(text);
    let (whole, tail) = split_at_first(rest, |c| !c.is_ascii_digit() && !is_blank(c));
    let grouped = whole.contains(is_blank);
    let whole = ungrouped(whole)?;
    let (fraction, exponent) = after_whole(tail)?;
    if grouped && exponent != 0 {
        return Err(NumberError::Shape);
    }
    Ok(Written {
        negative,
        whole,
        fraction: fraction.to_owned(),
        exponent,
    })
}

/// What follows the whole part: the digits of the fraction and the exponent.
fn after_whole(tail: &str) -> Result<(&str, i32), NumberError> {
    if matches!(tail, "" | "=") {
        return Ok(("", 0));
    }
    if tail.starts_with(['e', 'E']) {
        return Ok(("", read_exponent(tail)?));
    }
    if let Some(kopecks) = tail.strip_prefix('-') {
        let shape = kopecks.len() == 2 && all_digits(kopecks);
        return if shape {
            Ok((kopecks, 0))
        } else {
            Err(NumberError::Shape)
        };
    }
    let after_point = tail.strip_prefix(['.', ',']).ok_or(NumberError::Shape)?;
    let (fraction, exponent) = split_at_first(after_point, |c| !c.is_ascii_digit());
    if fraction.is_empty() {
        return Err(NumberError::Shape);
    }
    Ok((
        fraction,
        if exponent.is_empty() {
            0
        } else {
            read_exponent(exponent)?
        },
    ))
}

/// The decimal, the point moved by the exponent; trailing zeros of the fraction do not count as digits.
fn plain(number: &Written) -> Result<Decimal, NumberError> {
    let mut whole = number.whole.clone();
    let mut fraction = number.fraction.clone();
    for _ in 0..number.exponent.max(0) {
        let moved = if fraction.is_empty() {
            '0'
        } else {
            fraction.remove(0)
        };
        whole.push(moved);
    }
    for _ in number.exponent.min(0)..0 {
        fraction.insert(0, whole.pop().unwrap_or('0'));
    }
    let sign = if number.negative { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { &whole };
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let exact = Decimal::from_str_exact(&format!("{sign}{whole}{point}{fraction}"));
    exact
        .map(|value| value.normalize())
        .map_err(|_| NumberError::TooLong)
}

fn read_exponent(text: &str) -> Result<i32, NumberError> {
    let digits = text.strip_prefix(['e', 'E']).ok_or(NumberError::Shape)?;
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    if unsigned.is_empty() || !all_digits(unsigned) {
        return Err(NumberError::Shape);
    }
    let exponent: i32 = digits.parse().map_err(|_| NumberError::TooLong)?;
    if exponent.abs() > MAX_EXPONENT {
        Err(NumberError::TooLong)
    } else {
        Ok(exponent)
    }
}

fn ungrouped(text: &str) -> Result<String, NumberError> {
    let groups: Vec<&str> = text.split(is_blank).collect();
    let whole = groups.concat();
    let mut lengths = groups.iter().map(|group| group.len());
    let first = lengths.next().unwrap_or(0);
    let well_grouped = groups.len() == 1 || (first <= 3 && lengths.all(|length| length == 3));
    if first == 0 || !well_grouped {
        Err(NumberError::Shape)
    } else {
        Ok(whole)
    }
}

fn split_at_first(text: &str, at: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(at).unwrap_or(text.len()))
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}
