//! For whom it is paid: `за ООО "Ромашка"`, `за ИП Иванова И.И.`, `за третье лицо`. `за услуги` names nobody.

use super::lexicon::Meaning;
use super::tokens::Token;

/// A name as it was written, and how many tokens it took.
pub(super) struct Found<'a> {
    pub(super) name: &'a str,
    pub(super) tokens: usize,
}

const OPENING: [char; 4] = ['"', '«', '“', '\''];
const MOST_TOKENS: usize = 16;

/// The third party behind `за` or `по поручению`.
pub(super) fn third_party<'a>(text: &'a str, rest: &[Token]) -> Option<Found<'a>> {
    let roles = rest
        .iter()
        .take(3)
        .take_while(|token| token.meaning == Meaning::Role || is_initial_dot(token))
        .count();
    let named = rest.get(roles..)?;
    let form = named
        .iter()
        .take_while(|token| token.is_mark(&OPENING))
        .count();
    let has_form = named
        .get(form)
        .is_some_and(|token| token.meaning == Meaning::LegalForm);
    // `за ИП-камеры`.
    let compound = named
        .get(form.saturating_add(1))
        .is_some_and(|next| next.is_mark(&['-']) && !next.spaced);
    if has_form && !compound {
        let length = name_length(named, form.saturating_add(1));
        return slice(text, named, length, roles);
    }
    if let Some(length) = person(text, named) {
        return slice(text, named, length, roles);
    }
    // `за третье лицо`, `за третьих лиц`: somebody, though nobody says who.
    let somebody = rest
        .first()
        .is_some_and(|token| token.meaning == Meaning::Role)
        && starts(text, rest.first()?, "трет");
    somebody.then(|| slice(text, rest, 2, 0))?
}

fn is_initial_dot(token: &Token) -> bool {
    token.is_mark(&['.'])
}

fn slice<'a>(text: &'a str, tokens: &[Token], length: usize, before: usize) -> Option<Found<'a>> {
    let first = tokens.first()?;
    let last = tokens.get(length.min(tokens.len()).checked_sub(1)?)?;
    Some(Found {
        name: text.get(first.start..last.end)?,
        tokens: before.saturating_add(length),
    })
}

/// How many tokens the name takes, its legal form included: to the closing quotes, else to a word that is no name.
fn name_length(tokens: &[Token], form: usize) -> usize {
    let quotes = tokens
        .iter()
        .take(form)
        .filter(|token| token.is_mark(&OPENING))
        .count();
    let quoted = tokens
        .get(form)
        .is_some_and(|token| token.is_mark(&OPENING));
    if (quoted || quotes > 0)
        && let Some(length) = to_closing_quotes(tokens, form, quotes)
    {
        return length;
    }
    let named = tokens
        .iter()
        .zip(tokens.iter().skip(1).map(Some).chain([None]))
        .enumerate()
        .skip(form)
        .take(MOST_TOKENS)
        .take_while(|(at, (token, next))| {
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            is_of_name(token, *next, before)
        })
        .count();
    form.saturating_add(named)
}

/// To the mark that closes what was opened; where more was opened than closed, to the last closing one.
fn to_closing_quotes(tokens: &[Token], form: usize, opened: usize) -> Option<usize> {
    let mut depth = opened;
    let mut last = None;
    for (token, length) in tokens.iter().zip(1..).skip(form).take(MOST_TOKENS) {
        let straight = token.is_mark(&['"', '\'']);
        if token.is_mark(&['«', '“']) || (straight && token.spaced) {
            depth = depth.saturating_add(1);
        } else if token.is_mark(&['»', '”']) || straight {
            depth = depth.saturating_sub(1);
            last = Some(length);
            if depth == 0 {
                break;
            }
        }
    }
    last
}

fn is_of_name(token: &Token, next: Option<&Token>, before: Option<&Token>) -> bool {
    if token.is_word() {
        let initial = is_one_letter(token) && next.is_some_and(|next| next.is_mark(&['.']));
        return initial
            || matches!(
                token.meaning,
                Meaning::Other | Meaning::Role | Meaning::Unit | Meaning::Year
            );
    }
    // The dot of an initial, the hyphen of a double name.
    let initial = before.is_some_and(is_one_letter);
    let hyphen =
        token.is_mark(&['-', '+', '&']) && next.is_some_and(|next| next.is_word() && !next.spaced);
    (token.is_mark(&['.']) && initial) || hyphen
}

/// `Иванова И.И.`: a word and at least one initial with its dot.
fn person(text: &str, tokens: &[Token]) -> Option<usize> {
    let [surname, initial, dot, ..] = tokens else {
        return None;
    };
    let capital = text
        .get(surname.start..surname.end)?
        .chars()
        .next()?
        .is_uppercase();
    let is_person = surname.is_word()
        && surname.meaning == Meaning::Other
        && capital
        && is_one_letter(initial)
        && dot.is_mark(&['.']);
    let second =
        matches!(tokens, [_, _, _, next, dot, ..] if is_one_letter(next) && dot.is_mark(&['.']));
    is_person.then_some(if second { 5 } else { 3 })
}

/// One letter, of two bytes at most.
fn is_one_letter(token: &Token) -> bool {
    token.is_word() && token.end.saturating_sub(token.start) <= 2
}

fn starts(text: &str, token: &Token, with: &str) -> bool {
    let word = text.get(token.start..token.end).unwrap_or_default();
    word.to_lowercase().starts_with(with)
}
