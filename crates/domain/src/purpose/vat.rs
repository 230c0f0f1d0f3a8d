//! What a purpose says of VAT: `без НДС`, `в т.ч. НДС 22% - 18 032,79`, `НДС (20%) 5.616.666,67`, several rates in turn.
//!
//! The payer must state it (art. 168(4) NK); how, nobody rules.

use super::lexicon::Meaning;
use super::tokens::{Shape, Token};
use super::{StatedRate, StatedVat};
use crate::Money;

/// `без НДС`.
pub(super) const WITHOUT: StatedVat = StatedVat {
    rate: Some(StatedRate::Without),
    amount: None,
};

/// What was read behind the word `НДС`, and how many tokens it took.
pub(super) struct Found {
    pub(super) stated: Vec<StatedVat>,
    pub(super) tokens: usize,
}

/// Reads on after `НДС`. `before` are the tokens before the word: `без`, `не облагается`, `22%`.
pub(super) fn vat(text: &str, before: &[Token], rest: &[Token]) -> Found {
    let exempt_behind = rest
        .iter()
        .take(3)
        .take_while(|token| !token.is_digits())
        .any(|token| matches!(token.meaning, Meaning::No | Meaning::Exempt));
    if denied(before) || exempt_behind {
        return Found {
            stated: vec![WITHOUT],
            tokens: usize::from(exempt_behind),
        };
    }
    let mut stated = Vec::new();
    let mut taken = 0_usize;
    let mut rate_before = rate_at_end(text, before);
    // As many rates as one document has; the bound keeps hostile input cheap.
    for _ in 0..6 {
        let (Some((part, tokens)), true) = (
            part(text, rest.get(taken..).unwrap_or_default(), rate_before),
            stated.len() < 6,
        ) else {
            break;
        };
        rate_before = None;
        stated.push(part);
        taken = taken.saturating_add(tokens);
    }
    if let (true, Some(rate)) = (stated.is_empty(), rate_before) {
        stated.push(StatedVat {
            rate: Some(StatedRate::Percent(rate)),
            amount: None,
        });
    }
    Found {
        stated,
        tokens: taken,
    }
}

/// `без НДС`, `без налога (НДС)`, `не облагается НДС`.
fn denied(before: &[Token]) -> bool {
    let near = before.iter().rev().take(4);
    near.take_while(|token| !token.is_digits() && !token.is_mark(&[',', ';']))
        .any(|token| matches!(token.meaning, Meaning::Without | Meaning::Exempt))
}

/// `22% НДС`.
fn rate_at_end(text: &str, before: &[Token]) -> Option<u8> {
    let [.., digits, sign] = before else {
        return None;
    };
    (sign.meaning == Meaning::Percent).then(|| rate(text, digits))?
}

/// A rate, an amount, or both; `rate_before` stands for a rate that was read already.
fn part(text: &str, rest: &[Token], rate_before: Option<u8>) -> Option<(StatedVat, usize)> {
    let start = filler(rest);
    let behind = rest.get(start..)?;
    if let Some((rate, tokens)) = stated_rate(text, behind) {
        let after_rate = start.saturating_add(tokens);
        let gap = filler(rest.get(after_rate..)?);
        let at = after_rate.saturating_add(gap);
        let amount_tokens = rest.get(at..)?;
        // The next number may be the next rate.
        let next_is_rate = stated_rate(text, amount_tokens).is_some();
        let found = amount(text, amount_tokens).filter(|_| !next_is_rate);
        let taken = found.map_or(after_rate, |(_, tokens)| at.saturating_add(tokens));
        let stated = StatedVat {
            rate: Some(StatedRate::Percent(rate)),
            amount: found.map(|(amount, _)| amount),
        };
        return Some((stated, taken));
    }
    let (found, tokens) = amount(text, behind)?;
    let stated = StatedVat {
        rate: rate_before.map(StatedRate::Percent),
        amount: Some(found),
    };
    Some((stated, start.saturating_add(tokens)))
}

/// Marks and words between `НДС`, its rate and its amount.
fn filler(rest: &[Token]) -> usize {
    const MARKS: [char; 13] = [
        '(', ')', '-', '–', '—', ':', '=', '.', ',', ';', '"', '+', '‑',
    ];
    rest.iter()
        .take(8)
        .take_while(|token| {
            token.is_mark(&MARKS)
                || matches!(
                    token.meaning,
                    Meaning::Preposition
                        | Meaning::Sum
                        | Meaning::Rouble
                        | Meaning::And
                        | Meaning::Vat
                )
                || is_rate_word(token)
        })
        .count()
}

/// `ставке`, `размере`, `составляет`: words without a meaning of their own. A longer word ends what is said of VAT.
fn is_rate_word(token: &Token) -> bool {
    const LONGEST_BYTES: usize = 22;
    token.is_word()
        && token.meaning == Meaning::Other
        && token.end.saturating_sub(token.start) <= LONGEST_BYTES
}

/// `22%`, `22 %`, `22 процента`, `20/120`.
fn stated_rate(text: &str, rest: &[Token]) -> Option<(u8, usize)> {
    let rate = rate(text, rest.first()?)?;
    let next = rest.get(1)?;
    if next.meaning == Meaning::Percent {
        return Some((rate, 2));
    }
    let base = rest.get(2).filter(|_| next.is_mark(&['/']))?;
    let hundred_more = digits(text, base)? == format!("1{rate:02}");
    let closing = rest
        .get(3)
        .filter(|token| token.meaning == Meaning::Percent);
    hundred_more.then(|| (rate, if closing.is_some() { 4 } else { 3 }))
}

fn rate(text: &str, token: &Token) -> Option<u8> {
    digits(text, token)?.parse().ok().filter(|rate| *rate <= 30)
}

fn digits<'a>(text: &'a str, token: &Token) -> Option<&'a str> {
    (token.shape == Shape::Digits).then(|| text.get(token.start..token.end))?
}

/// `18032.79`, `18 032,79`, `5.616.666,67`, `18032-79`, `18032=79`, `18032 руб. 79 коп.`, `18032`; with its tokens.
pub(super) fn amount(text: &str, rest: &[Token]) -> Option<(Money, usize)> {
    let first = digits(text, rest.first()?)?;
    let mut whole = first.to_owned();
    let mut taken = 1_usize;
    while let Some((group, tokens)) = next_group(
        text,
        rest.get(taken..).unwrap_or_default(),
        &whole,
        first.len(),
    ) {
        whole.push_str(group);
        taken = taken.saturating_add(tokens);
    }
    let (kopecks, tokens) = kopecks(text, rest.get(taken..).unwrap_or_default());
    let roubles: i64 = whole.parse().ok()?;
    let total = roubles.checked_mul(100)?.checked_add(kopecks)?;
    Some((Money::from_kopecks(total), taken.saturating_add(tokens)))
}

/// Three more digits behind a blank, a point or an apostrophe; the first group has at most three itself.
fn next_group<'a>(
    text: &'a str,
    rest: &[Token],
    whole: &str,
    first_digits: usize,
) -> Option<(&'a str, usize)> {
    const MOST_DIGITS: usize = 15;
    let next = rest.first()?;
    let (group, tokens) = if next.is_digits() && next.spaced {
        (digits(text, next)?, 1)
    } else if next.is_mark(&['.', '\'', '’', '`']) && !next.spaced {
        (digits(text, rest.get(1).filter(|group| !group.spaced)?)?, 2)
    } else {
        return None;
    };
    let fits = group.len() == 3 && first_digits <= 3 && whole.len() <= MOST_DIGITS;
    fits.then_some((group, tokens))
}

/// The kopecks behind the roubles, and the words around them.
fn kopecks(text: &str, rest: &[Token]) -> (i64, usize) {
    let glued = match rest {
        [mark, part, ..] if mark.is_mark(&['.', ',', '-', '=']) && !mark.spaced && !part.spaced => {
            digits(text, part).filter(|part| part.len() <= 2)
        }
        _ => None,
    };
    if let Some(part) = glued {
        let value: i64 = part.parse().unwrap_or(0);
        let tenths = if part.len() == 1 { 10 } else { 1 };
        return (value.saturating_mul(tenths), 2);
    }
    in_words(text, rest).unwrap_or((0, 0))
}

/// `руб. 79 коп.`
fn in_words(text: &str, rest: &[Token]) -> Option<(i64, usize)> {
    let rouble = rest
        .first()
        .filter(|token| token.meaning == Meaning::Rouble)?;
    let dot = usize::from(
        rest.get(1)
            .is_some_and(|dot| dot.is_mark(&['.']) && !dot.spaced),
    );
    let at = dot.saturating_add(1);
    let part = rest.get(at).and_then(|token| digits(text, token))?;
    let word = rest.get(at.saturating_add(1))?;
    let is_kopeck = word.meaning == Meaning::Kopeck || text.get(word.start..word.end)? == "к";
    let value = part.parse().ok().filter(|_| part.len() <= 2 && is_kopeck)?;
    (rouble.end > rouble.start).then_some((value, at.saturating_add(2)))
}
