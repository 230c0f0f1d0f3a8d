//! A purpose cut into words, runs of digits and marks, each word with its meaning.
//!
//! Letters are folded for the comparison only; numbers and names are given back as they were written.

use super::ReferenceKind;
use super::lexicon::{self, Meaning};

/// One piece of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) shape: Shape,
    /// Bytes of the text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// A blank stands before it.
    pub(super) spaced: bool,
    pub(super) meaning: Meaning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Word,
    Digits,
    Mark(char),
}

impl Token {
    pub(super) fn is_mark(&self, marks: &[char]) -> bool {
        matches!(self.shape, Shape::Mark(mark) if marks.contains(&mark))
    }

    pub(super) fn is_digits(&self) -> bool {
        self.shape == Shape::Digits
    }

    pub(super) fn is_word(&self) -> bool {
        self.shape == Shape::Word
    }
}

/// English words in place of ours; everything else in Latin letters is taken for transliterated Russian.
const LATIN_WORDS: &[(&str, &str)] = &[
    ("n", "номер"),
    ("no", "номер"),
    ("nr", "номер"),
    ("num", "номер"),
    ("inv", "инвойс"),
    ("invoice", "инвойс"),
    ("contract", "контракт"),
    ("agreement", "договор"),
    ("act", "акт"),
    ("order", "заказ"),
    ("letter", "письмо"),
    ("dd", "от"),
    ("dated", "от"),
    ("from", "от"),
    ("and", "и"),
    ("vat", "ндс"),
    ("without", "без"),
    ("refund", "возврат"),
    ("llc", "ооо"),
];

/// Letters of the transliteration, longer ones first. `sch` is `сч` here: the word that matters is `schet`.
const TRANSLITERATION: &[(&str, &str)] = &[
    ("shch", "щ"),
    ("sch", "сч"),
    ("zh", "ж"),
    ("kh", "х"),
    ("ch", "ч"),
    ("sh", "ш"),
    ("ya", "я"),
    ("yu", "ю"),
    ("yo", "е"),
    ("a", "а"),
    ("b", "б"),
    ("c", "с"),
    ("d", "д"),
    ("e", "е"),
    ("f", "ф"),
    ("g", "г"),
    ("h", "х"),
    ("i", "и"),
    ("j", "й"),
    ("k", "к"),
    ("l", "л"),
    ("m", "м"),
    ("n", "н"),
    ("o", "о"),
    ("p", "п"),
    ("q", "к"),
    ("r", "р"),
    ("s", "с"),
    ("t", "т"),
    ("u", "у"),
    ("v", "в"),
    ("w", "в"),
    ("x", "х"),
    ("y", "й"),
    ("z", "з"),
];

/// Cuts the text.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(48);
    let mut folded = String::with_capacity(32);
    let mut spaced = false;
    let mut rest = text.char_indices().peekable();
    while let Some((start, c)) = rest.next() {
        if c.is_whitespace() || c == '\u{feff}' {
            spaced = true;
            continue;
        }
        let shape = shape(c);
        let mut end = start.saturating_add(c.len_utf8());
        if !matches!(shape, Shape::Mark(_)) {
            // `NКА-1184`: the sign and a number of Cyrillic letters.
            let is_sign = |next: char| c == 'N' && !next.is_ascii() && next.is_uppercase();
            while let Some((at, next)) =
                rest.next_if(|(_, next)| self::shape(*next) == shape && !is_sign(*next))
            {
                end = at.saturating_add(next.len_utf8());
            }
        }
        let meaning = match shape {
            Shape::Word => {
                fold(text.get(start..end).unwrap_or_default(), &mut folded);
                lexicon::meaning(&folded)
            }
            Shape::Mark('№' | '#') => Meaning::NumberSign,
            Shape::Mark('%') => Meaning::Percent,
            Shape::Mark('&') => Meaning::And,
            Shape::Digits | Shape::Mark(_) => Meaning::Other,
        };
        tokens.push(Token {
            shape,
            start,
            end,
            spaced,
            meaning,
        });
        spaced = false;
    }
    join_abbreviations(text, tokens)
}

/// The word as the lexicon has it.
pub(super) fn fold(word: &str, folded: &mut String) {
    folded.clear();
    let latin = word.is_ascii();
    folded.extend(word.chars().map(small).map(|c| match c {
        'ё' => 'е',
        _ if latin => c,
        _ => like_cyrillic(c),
    }));
    if !latin {
        return;
    }
    let english = LATIN_WORDS.iter().find(|(word, _)| folded == word);
    let russian = english.map_or_else(|| transliterated(folded), |(_, ours)| (*ours).to_owned());
    *folded = russian;
}

/// The Cyrillic small letter that looks like this one, else the letter itself.
pub(super) const fn like_cyrillic(c: char) -> char {
    match c {
        'a' => 'а',
        'b' => 'в',
        'c' => 'с',
        'e' => 'е',
        'h' => 'н',
        'k' => 'к',
        'm' => 'м',
        'o' => 'о',
        'p' => 'р',
        't' => 'т',
        'x' => 'х',
        'y' => 'у',
        other => other,
    }
}

fn transliterated(word: &str) -> String {
    let mut russian = String::with_capacity(word.len().saturating_mul(2));
    let mut rest = word;
    while !rest.is_empty() {
        let letter = TRANSLITERATION
            .iter()
            .find_map(|(latin, ours)| rest.strip_prefix(latin).map(|after| (after, *ours)));
        let Some((after, ours)) = letter else { break };
        russian.push_str(ours);
        rest = after;
    }
    russian
}

/// `с/ф`, `п/п`, `счет-фактура`, `счет фактура`: several pieces that are one word.
fn join_abbreviations(text: &str, tokens: Vec<Token>) -> Vec<Token> {
    let (mut first_word, mut second_word) = (String::new(), String::new());
    let mut joined = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let [first, behind @ ..] = rest {
        let pair = (first.is_word()).then(|| pair(behind)).flatten();
        let meaning = pair.and_then(|(second, _)| {
            fold(text.get(first.start..first.end)?, &mut first_word);
            if !lexicon::begins_abbreviation(&first_word) {
                return None;
            }
            fold(text.get(second.start..second.end)?, &mut second_word);
            let glued = !second.spaced || second.meaning == Meaning::Faktura;
            let meaning = lexicon::abbreviation(&first_word, &second_word).filter(|_| glued)?;
            let dotted = text.get(first.end..second.start)?.starts_with('.');
            let two_documents = meaning == Meaning::Document(ReferenceKind::Invoice);
            (!(dotted && two_documents)).then_some(meaning)
        });
        let (Some(meaning), Some((second, after))) = (meaning, pair) else {
            joined.push(*first);
            rest = behind;
            continue;
        };
        joined.push(Token {
            end: second.end,
            meaning,
            ..*first
        });
        rest = after;
    }
    joined
}

/// The word behind at most two marks of abbreviation, and what comes after it.
fn pair(behind: &[Token]) -> Option<(&Token, &[Token])> {
    let marks = behind
        .iter()
        .take_while(|token| token.is_mark(&['/', '.', '-', '\\', '–', '‑']))
        .count();
    let (_, from_second) = behind.split_at_checked(marks.min(2))?;
    let (second, after) = from_second.split_first()?;
    // Two words side by side are one only as `счет фактура`.
    let joined = marks > 0 || second.meaning == Meaning::Faktura;
    (second.is_word() && joined).then_some((second, after))
}

fn shape(c: char) -> Shape {
    if c.is_ascii_digit() {
        Shape::Digits
    } else if is_letter(c) {
        Shape::Word
    } else {
        Shape::Mark(c)
    }
}

/// The alphabets of purposes first: asking Unicode's tables for every letter is half of all the time that reading takes.
fn is_letter(c: char) -> bool {
    match c {
        'А'..='я' | 'a'..='z' | 'A'..='Z' => true,
        'º' | 'ª' => false,
        other => !other.is_ascii() && other.is_alphabetic(),
    }
}

/// The small letter.
fn small(c: char) -> char {
    match c {
        'а'..='я' | 'a'..='z' => c,
        other => other.to_lowercase().next().unwrap_or(other),
    }
}
