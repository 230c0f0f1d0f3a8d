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
    if let Some(length) = name_before_form(text, named) {
        return slice(text, named, length, roles);
    }
    somebody(text, rest)
}

/// `за третье лицо`, `за третьих лиц`: somebody, who may be named behind.
fn somebody<'a>(text: &'a str, rest: &[Token]) -> Option<Found<'a>> {
    let [third, party, behind @ ..] = rest else {
        return None;
    };
    if !(third.meaning == Meaning::Role && starts(text, third, "трет") && party.is_word()) {
        return None;
    }
    let named = third_party(text, behind);
    let named = named.map(|found| Found {
        tokens: found.tokens.saturating_add(2),
        ..found
    });
    named.or_else(|| slice(text, rest, 2, 0))
}

/// `Ромашка ООО`, `"Ромашка" ООО`.
fn name_before_form(text: &str, tokens: &[Token]) -> Option<usize> {
    let named = tokens.iter().take(4).take_while(|token| {
        let name =
            token.meaning == Meaning::Other && is_capital(text, token) && !is_shouted(text, token);
        name || token.is_mark(&['"', '«', '»', '-'])
    });
    let length = named.count();
    let form = tokens.get(length)?;
    (length > 0 && form.meaning == Meaning::LegalForm).then(|| length.saturating_add(1))
}

/// In capitals throughout: then every word looks like a name.
fn is_shouted(text: &str, token: &Token) -> bool {
    let word = text.get(token.start..token.end).unwrap_or_default();
    word.chars().nth(1).is_some_and(char::is_uppercase)
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

/// `Иванова И.И.`, `Иванова Ивана Ивановича`.
fn person(text: &str, tokens: &[Token]) -> Option<usize> {
    let [surname, second, third, ..] = tokens else {
        return None;
    };
    let is_surname = surname.meaning == Meaning::Other && is_capital(text, surname);
    if !is_surname {
        return None;
    }
    if is_one_letter(second) && third.is_mark(&['.']) {
        let initials = matches!(tokens, [_, _, _, next, dot, ..] if is_one_letter(next) && dot.is_mark(&['.']));
        return Some(if initials { 5 } else { 3 });
    }
    let names = is_capital(text, second) && is_patronymic(text, third);
    names.then_some(3)
}

fn is_capital(text: &str, token: &Token) -> bool {
    let word = text.get(token.start..token.end).unwrap_or_default();
    token.is_word() && word.chars().next().is_some_and(char::is_uppercase)
}

/// `Ивановича`, `Петровны`, in any case.
fn is_patronymic(text: &str, token: &Token) -> bool {
    const ENDINGS: [&str; 6] = ["вич", "вича", "вна", "вны", "вну", "ича"];
    let word = text
        .get(token.start..token.end)
        .unwrap_or_default()
        .to_lowercase();
    token.is_word() && ENDINGS.iter().any(|ending| word.ends_with(ending))
}

/// One letter, of two bytes at most.
fn is_one_letter(token: &Token) -> bool {
    token.is_word() && token.end.saturating_sub(token.start) <= 2
}

fn starts(text: &str, token: &Token, with: &str) -> bool {
    let word = text.get(token.start..token.end).unwrap_or_default();
    word.to_lowercase().starts_with(with)
}
