//! Numbers of documents, told from sums, accounts and dates; and when two of them are the same number.

use super::dates::{self, Expected};
use super::lexicon::Meaning;
use super::tokens::{Token, like_cyrillic};

/// Longer runs are accounts or nonsense.
const MAX_CHARS: usize = 40;
/// An account has twenty digits; a register number at most fifteen.
const MAX_DIGITS: usize = 15;
const JOINTS: [char; 9] = ['-', '/', '\\', '_', '.', '–', '—', '‑', ':'];

/// A number as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: usize,
}

/// The number of a document at the beginning of `rest`; `signed` after `№`, where it may begin with letters.
pub(super) fn number<'a>(text: &'a str, rest: &[Token], signed: bool) -> Option<Found<'a>> {
    let (first, behind) = rest.split_first()?;
    let begins =
        first.is_digits() || (first.is_word() && begins_with_letters(first, behind, signed));
    if !begins || dates::date(text, rest, Expected::Perhaps).is_some_and(|_| !signed) {
        return None;
    }
    let mut taken = 1_usize;
    let mut has_digits = first.is_digits();
    while let Some(more) = continued(text, rest, taken, has_digits) {
        has_digits |= rest.iter().skip(taken).take(more).any(Token::is_digits);
        taken = taken.saturating_add(more);
    }
    let last = rest.get(taken.checked_sub(1)?)?;
    let number = text.get(first.start..last.end)?;
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let only_digits = digits == number.len();
    let sane =
        has_digits && number.chars().count() <= MAX_CHARS && !(only_digits && digits > MAX_DIGITS);
    sane.then_some(Found {
        text: number,
        tokens: taken,
    })
}

/// `INV-000021`, `АБ12`; with the sign before it also `№ ТД 4521`.
fn begins_with_letters(first: &Token, behind: &[Token], signed: bool) -> bool {
    if matches!(
        first.meaning,
        Meaning::Of | Meaning::NoNumber | Meaning::Vat
    ) {
        return false;
    }
    let short = first.end.saturating_sub(first.start) <= 8;
    match behind {
        [next, ..] if next.is_digits() && !next.spaced => short,
        [joint, next, ..] if joint.is_mark(&JOINTS) && !joint.spaced && !next.spaced => {
            (next.is_digits() || signed) && !joint.is_mark(&['.'])
        }
        [next, ..] if next.is_digits() && signed => short && first.meaning == Meaning::Other,
        _ => false,
    }
}

/// How many tokens go on with the number: a glued piece, or a joint and a glued piece.
fn continued(text: &str, rest: &[Token], taken: usize, has_digits: bool) -> Option<usize> {
    let behind = rest.get(taken..)?;
    let (next, after) = behind.split_first()?;
    if next.spaced {
        // `№ ТД 4521`: letters, a blank, and the digits.
        return (!has_digits && next.is_digits()).then_some(1);
    }
    if next.is_digits() {
        return Some(1);
    }
    if next.is_word() {
        let own_word = matches!(
            next.meaning,
            Meaning::Of
                | Meaning::Vat
                | Meaning::Without
                | Meaning::WithoutVat
                | Meaning::Document(_)
        );
        let of_year = next.meaning == Meaning::Year || next.meaning == Meaning::Rouble;
        return (!own_word && !of_year).then_some(1);
    }
    if !next.is_mark(&JOINTS) {
        return None;
    }
    let piece = after.first().filter(|piece| !piece.spaced)?;
    let date_begins = dates::date(text, after, Expected::Perhaps).is_some();
    let word_goes_on = piece.is_word()
        && !next.is_mark(&['.', ':'])
        && !matches!(
            piece.meaning,
            Meaning::Of | Meaning::Vat | Meaning::WithoutVat
        );
    let goes_on = (piece.is_digits() && !date_begins) || word_goes_on;
    goes_on.then_some(2)
}

/// A document's number as far as it decides whether two are the same.
///
/// Capitals, Latin and Cyrillic letters that look alike, kinds of dashes and blanks are one; zeros before the number are
/// padding (`00000123`, `INV-000021`), zeros inside are not (`1-01` is not `1-1`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NumberKey(String);

impl NumberKey {
    /// The key of a number as it is printed or typed.
    pub fn of(number: &str) -> NumberKey {
        let mut key = String::with_capacity(number.len());
        let mut leading = true;
        let folded = number
            .chars()
            .filter(|c| !c.is_whitespace())
            .flat_map(char::to_lowercase)
            .map(comparable);
        let mut folded = folded.peekable();
        while let Some(c) = folded.next() {
            let more_digits = folded.peek().is_some_and(char::is_ascii_digit);
            if leading && c == '0' && more_digits {
                continue;
            }
            leading = leading && !c.is_ascii_digit();
            key.push(c);
        }
        NumberKey(key)
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn comparable(c: char) -> char {
    match c {
        'ё' => 'е',
        '–' | '—' | '‑' | '−' => '-',
        '\\' => '/',
        other => like_cyrillic(other),
    }
}
