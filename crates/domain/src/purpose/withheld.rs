//! What the bank kept of a register of sales: `Комиссия 150.00. Возврат покупки 0.00/0.00`, `за вычетом комиссии 22-50`.
//!
//! Only what is written as an amount counts, with its kopecks or the word of roubles: a rate, a day or the number of a
//! contract may stand there as well.

use super::dates::{self, Expected};
use super::lexicon::Meaning;
use super::tokens::Token;
use super::vat;
use crate::Money;

/// The commission; none where it is not told, told in two ways, or where purchases that were given back were kept, too: what
/// came and the commission are not what the buyers paid then.
pub(super) fn commission(text: &str, tokens: &[Token]) -> Option<Money> {
    let told = |meaning| amounts_behind(meaning, text, tokens);
    if told(Meaning::Refund).into_iter().any(Money::is_positive) {
        return None;
    }
    let mut kept = told(Meaning::Commission);
    kept.dedup();
    match kept.as_slice() {
        [one] => Some(*one),
        [] | [_, ..] => None,
    }
}

/// The amounts behind words of that meaning.
fn amounts_behind(meaning: Meaning, text: &str, tokens: &[Token]) -> Vec<Money> {
    let words = (1_usize..).zip(tokens);
    let words = words.filter(|(_, token)| token.meaning == meaning);
    words
        .filter_map(|(next, _)| {
            let behind = tokens.get(next..)?;
            let filler = behind.iter().take(6).take_while(|token| is_filler(token));
            let amount = behind.get(filler.count()..)?;
            written_out(text, amount)
        })
        .collect()
}

/// Marks and words between `комиссия` and its amount: `комиссия банка - 22.00`, `возврат покупки 0.00`.
fn is_filler(token: &Token) -> bool {
    token.is_mark(&['-', '–', '—', ':', '=', '(', '.'])
        || (token.is_word()
            && matches!(
                token.meaning,
                Meaning::Other | Meaning::Preposition | Meaning::Sum | Meaning::Rouble
            ))
}

/// An amount that can be nothing else.
fn written_out(text: &str, rest: &[Token]) -> Option<Money> {
    if dates::date(text, rest, Expected::Perhaps).is_some() {
        return None;
    }
    let (amount, tokens) = vat::amount(text, rest)?;
    let (written, behind) = rest.split_at_checked(tokens)?;
    let next = behind.first().map(|token| token.meaning);
    let has_kopecks = match written {
        [.., mark, part] => {
            mark.is_mark(&['.', ',', '-', '=']) && part.end.saturating_sub(part.start) <= 2
        }
        [] | [_] => false,
    };
    let in_roubles = next == Some(Meaning::Rouble)
        || written.iter().any(|token| token.meaning == Meaning::Rouble);
    let is_rate = next == Some(Meaning::Percent);
    (!is_rate && (has_kopecks || in_roubles)).then_some(amount)
}
