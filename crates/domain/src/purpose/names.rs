//! When two spellings are the name of one company: its legal form in letters or words, quotes, capitals and `ё` do not matter.
//!
//! A name proposes whose money it may be and never decides: see [`crate::matching`].

use super::lexicon::{self, Meaning};
use super::tokens::like_cyrillic;

/// A company's name as far as it decides whether two are the same: `ООО «Ромашка»` is `РОМАШКА ООО` and
/// `Общество с ограниченной ответственностью "Ромашка"`. `АО «Ромашка»` is another company.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameKey(String);

/// Legal forms in words, the longer ones first; and in another case, where a name is written behind `за`.
const IN_WORDS: [(&str, &str); 14] = [
    ("ооо", "общество с ограниченной ответственностью"),
    ("ооо", "общества с ограниченной ответственностью"),
    ("нао", "непубличное акционерное общество"),
    ("нао", "непубличного акционерного общества"),
    ("пао", "публичное акционерное общество"),
    ("пао", "публичного акционерного общества"),
    ("оао", "открытое акционерное общество"),
    ("оао", "открытого акционерного общества"),
    ("зао", "закрытое акционерное общество"),
    ("зао", "закрытого акционерного общества"),
    ("ао", "акционерное общество"),
    ("ао", "акционерного общества"),
    ("ип", "индивидуальный предприниматель"),
    ("ип", "индивидуального предпринимателя"),
];

impl NameKey {
    /// The key of a name as it is printed or typed; none where nothing but a legal form is written.
    pub fn of(name: &str) -> Option<NameKey> {
        let small = name.to_lowercase();
        let folded: String = small.chars().map(comparable).collect();
        let mut words: Vec<&str> = folded
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let form = take_form(&mut words);
        if words.is_empty() {
            return None;
        }
        let words = form.into_iter().chain(words);
        Some(NameKey(words.collect::<Vec<_>>().join(" ")))
    }

    /// The key as text, whose key is the same.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Takes the legal form out of the name, wherever in it it is written.
fn take_form<'a>(words: &mut Vec<&'a str>) -> Option<&'a str> {
    for (form, in_words) in IN_WORDS {
        let of_form: Vec<&str> = in_words.split(' ').collect();
        let place = words
            .windows(of_form.len())
            .position(|some| some == of_form);
        if let Some(place) = place {
            words.drain(place..place.saturating_add(of_form.len()));
            return Some(form);
        }
    }
    let is_form = |word: &str| lexicon::meaning(word) == Meaning::LegalForm;
    if words.first().is_some_and(|word| is_form(word)) {
        return Some(words.remove(0));
    }
    words.pop_if(|word| is_form(word))
}

const fn comparable(letter: char) -> char {
    match letter {
        'ё' => 'е',
        other => like_cyrillic(other),
    }
}
