//! Dates as people write them: `01.02.2026`, `1.2.26`, `1 февраля 2026 г.`, `2026-02-01`, `01022026`, `01.02`.

use jiff::civil::Date;

use super::StatedDate;
use super::lexicon::Meaning;
use super::tokens::{Shape, Token};

/// What stands in the place of a date, and how many tokens it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// `None` where there is no such day: `31.04`.
    pub(super) date: Option<StatedDate>,
    pub(super) tokens: usize,
}

/// How sure it is that a date comes: after `от` shorter forms count too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// Only what cannot be a number: with a year.
    Perhaps,
    /// `от` was read.
    Surely,
}

const SEPARATORS: [char; 6] = ['.', '-', '/', ',', '–', '‑'];

/// The date at the beginning of `rest`.
pub(super) fn date(text: &str, rest: &[Token], expected: Expected) -> Option<Found> {
    let rest_unquoted = rest
        .iter()
        .take_while(|token| token.is_mark(&['"', '«', '“', '\'']))
        .count();
    let (quotes, rest) = rest.split_at_checked(rest_unquoted)?;
    let found = in_words(text, rest, expected)
        .or_else(|| in_digits(text, rest, expected))
        .or_else(|| glued(text, rest, expected))?;
    let (_, behind) = rest.split_at_checked(found.tokens)?;
    Some(Found {
        tokens: found
            .tokens
            .saturating_add(quotes.len())
            .saturating_add(year_word(behind)),
        ..found
    })
}

/// `г.`, `года` behind a date.
fn year_word(behind: &[Token]) -> usize {
    match behind {
        [word, dot, ..] if word.meaning == Meaning::Year && dot.is_mark(&['.']) && !dot.spaced => 2,
        [word, ..] if word.meaning == Meaning::Year => 1,
        _ => 0,
    }
}

/// `1 февраля 2026`, `«1» февраля`, `01-фев-26`.
fn in_words(text: &str, rest: &[Token], expected: Expected) -> Option<Found> {
    let day = small(text, rest.first()?)?;
    let (marks, behind) = skip(rest.get(1..)?, &['"', '»', '”', '\'', '.', '-', '/']);
    // `1-го февраля`.
    let ordinal = behind.first().is_some_and(|word| {
        matches!(
            text.get(word.start..word.end),
            Some("го" | "ого" | "е" | "ое")
        )
    });
    let (marks, behind) = match behind.split_first() {
        Some((_, behind)) if ordinal => (marks.saturating_add(1), behind),
        _ => (marks, behind),
    };
    let (word, behind) = behind.split_first()?;
    let Meaning::Month(month) = word.meaning else {
        return None;
    };
    let (more_marks, behind) = skip(behind, &['.', '-', '/', ',']);
    let month_tokens = marks.saturating_add(2);
    if let Some(year) = behind.first().and_then(|token| year(text, token)) {
        return Some(Found {
            date: day_of(year, month, day),
            tokens: month_tokens.saturating_add(more_marks).saturating_add(1),
        });
    }
    (expected == Expected::Surely).then(|| Found {
        date: of_some_year(month, day),
        tokens: month_tokens,
    })
}

/// `01.02.2026`, `1.2.26`, `2026-02-01`, and after `от` also `01.02` and `01 02 2026`.
fn in_digits(text: &str, rest: &[Token], expected: Expected) -> Option<Found> {
    let [first, separator, second, behind @ ..] = rest else {
        return None;
    };
    if expected == Expected::Surely
        && let Some(found) = blank_between(text, rest)
    {
        return Some(found);
    }
    if !separator.is_mark(&SEPARATORS) || !second.is_digits() {
        return None;
    }
    let third = behind.split_first().and_then(|(mark, behind)| {
        let third = behind.first()?;
        (mark.is_mark(&SEPARATORS) && third.is_digits() && !mark.spaced).then_some(third)
    });
    if let Some(third) = third {
        let written = (value(text, first), value(text, second), value(text, third));
        if first.end.saturating_sub(first.start) == 4 {
            let (Some(year), Some(month), Some(day)) = written else {
                return None;
            };
            return plausible_year(year).map(|year| Found {
                date: small_of(month)
                    .zip(small_of(day))
                    .and_then(|(m, d)| day_of(year, m, d)),
                tokens: 5,
            });
        }
        if let (Some(day), Some(month)) = (small(text, first), small(text, second))
            && let Some(year) = year(text, third)
        {
            return Some(Found {
                date: day_of(year, month, day),
                tokens: 5,
            });
        }
        // After `от` this was meant for a date, however it was mistyped.
        return (expected == Expected::Surely).then_some(Found {
            date: None,
            tokens: 5,
        });
    }
    let two_digits = second.end.saturating_sub(second.start) == 2 && separator.is_mark(&['.', '/']);
    let month = small(text, second)?;
    (expected == Expected::Surely && two_digits).then(|| Found {
        date: small(text, first).and_then(|day| of_some_year(month, day)),
        tokens: 3,
    })
}

/// `01 02 2026`.
fn blank_between(text: &str, rest: &[Token]) -> Option<Found> {
    let [first, second, third, ..] = rest else {
        return None;
    };
    let (day, month) = (small(text, first)?, small(text, second)?);
    let year = year(text, third)?;
    day_of(year, month, day).map(|date| Found {
        date: Some(date),
        tokens: 3,
    })
}

/// `01022026` and `010226` after `от`.
fn glued(text: &str, rest: &[Token], expected: Expected) -> Option<Found> {
    let first = rest.first()?;
    if expected == Expected::Perhaps || !first.is_digits() {
        return None;
    }
    let digits = text.get(first.start..first.end)?;
    if !matches!(digits.len(), 6 | 8) {
        return None;
    }
    let day = digits.get(..2)?.parse().ok()?;
    let month = digits.get(2..4)?.parse().ok()?;
    let year = century(digits.get(4..)?.parse().ok()?)?;
    day_of(year, month, day).map(|date| Found {
        date: Some(date),
        tokens: 1,
    })
}

fn skip<'a>(rest: &'a [Token], marks: &[char]) -> (usize, &'a [Token]) {
    let count = rest.iter().take_while(|token| token.is_mark(marks)).count();
    (count, rest.get(count..).unwrap_or_default())
}

fn value(text: &str, token: &Token) -> Option<i16> {
    (token.shape == Shape::Digits)
        .then(|| text.get(token.start..token.end))??
        .parse()
        .ok()
}

/// One or two digits.
fn small(text: &str, token: &Token) -> Option<i8> {
    let short = token.end.saturating_sub(token.start) <= 2;
    small_of(value(text, token)?).filter(|_| short)
}

fn small_of(value: i16) -> Option<i8> {
    i8::try_from(value).ok()
}

/// Two or four digits.
fn year(text: &str, token: &Token) -> Option<i16> {
    let length = token.end.saturating_sub(token.start);
    let year = value(text, token)?;
    matches!(length, 2 | 4).then(|| century(year))?
}

fn century(year: i16) -> Option<i16> {
    if year < 100 {
        Some(year.saturating_add(2000))
    } else {
        plausible_year(year)
    }
}

/// Business with documents of other centuries is none of ours.
fn plausible_year(year: i16) -> Option<i16> {
    (1991..=2099).contains(&year).then_some(year)
}

fn day_of(year: i16, month: i8, day: i8) -> Option<StatedDate> {
    Date::new(year, month, day).ok().map(StatedDate::Day)
}

/// Of a leap year, so that 29 February is a day.
fn of_some_year(month: i8, day: i8) -> Option<StatedDate> {
    Date::new(2024, month, day).ok()?;
    Some(StatedDate::DayOfYear { month, day })
}
