//! The format as it is spelled: sections, and `Key=Value` lines within them.
//!
//! The specification is 1C's (v8.1c.ru/edi/edi_stnd/100/101.htm, version 1.03 and its differences from 1.02). Seen in files and
//! not in it: keys with blanks around, sections that repeat for each day, values that go on in the next line, several files
//! in one.

/// The first line.
pub(crate) const FIRST_LINE: &str = "1CClientBankExchange";
/// The last line.
pub(crate) const LAST_LINE: &str = "КонецФайла";
/// Begins the balances of an account.
pub(crate) const ACCOUNT: &str = "СекцияРасчСчет";
/// Ends them.
pub(crate) const ACCOUNT_END: &str = "КонецРасчСчет";
/// Begins a document; its value is the kind.
pub(crate) const DOCUMENT: &str = "СекцияДокумент";
/// Ends it.
pub(crate) const DOCUMENT_END: &str = "КонецДокумента";
/// An own account, in the header and in the balances.
pub(crate) const OWN_ACCOUNT: &str = "РасчСчет";

/// Beginnings of the keys by which the code page is found out.
const KNOWN: [&str; 20] = [
    "ВерсияФормата",
    "Кодировка",
    "Отправитель",
    "Получатель",
    "ДатаСоздания",
    "ВремяСоздания",
    "ДатаНачала",
    "ДатаКонца",
    "РасчСчет",
    "Документ",
    "Секция",
    "Конец",
    "Номер",
    "Дата",
    "Сумма",
    "Плательщик",
    "Назначение",
    "НачальныйОстаток",
    "Вид",
    "Всего",
];

/// Whether a line begins with a key of the format.
pub(crate) fn begins_with_known_key(line: &str) -> bool {
    KNOWN
        .iter()
        .any(|known| line.trim_start().starts_with(known))
}

/// Whether a line is the beginning of such a key, and no more of it is there.
pub(crate) fn begins_a_known_key(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && KNOWN.iter().any(|known| known.starts_with(line))
}

/// The keys and values of a section in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Fields {
    pairs: Vec<(String, String)>,
    size_bytes: usize,
}

/// A document has some sixty keys. More than these are no document, and must not fill the memory.
const MOST_FIELDS: usize = 1_000;
const MOST_BYTES: usize = 256 * 1024;

impl Fields {
    /// `false` if the section is longer than any can be.
    pub(crate) fn add(&mut self, key: &str, value: &str) -> bool {
        let fits = self.pairs.len() < MOST_FIELDS && self.has_room(key.len() + value.len());
        if fits {
            self.pairs.push((key.to_owned(), value.to_owned()));
        }
        fits
    }

    fn has_room(&mut self, more_bytes: usize) -> bool {
        self.size_bytes = self.size_bytes.saturating_add(more_bytes);
        self.size_bytes <= MOST_BYTES
    }

    /// A line that belongs to the value before it: a purpose with a line break. `false` as in [`Fields::add`].
    pub(crate) fn go_on(&mut self, line: &str) -> bool {
        let fits = self.has_room(line.len());
        if let Some((_, value)) = self.pairs.last_mut().filter(|_| fits) {
            value.push(' ');
            value.push_str(line);
        }
        fits
    }

    /// The last value is that of a purpose.
    pub(crate) fn ends_in_purpose(&self) -> bool {
        let last = self.pairs.last();
        last.is_some_and(|(key, _)| key.starts_with("НазначениеПлатежа"))
    }

    /// The value of the key without blanks around; `None` where the key is missing or says nothing.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let mut same = self.pairs.iter().filter(|(known, _)| known == key);
        same.find_map(|(_, value)| says(value))
    }

    /// The values of a key that may be there more than once.
    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        let same = self.pairs.iter().filter(move |(known, _)| known == key);
        same.filter_map(|(_, value)| says(value))
    }

    /// The values of `key` with the numbers 1 and on, joined.
    pub(crate) fn numbered(&self, key: &str) -> String {
        let parts = (1..=6).filter_map(|number| self.get(&format!("{key}{number}")));
        parts.collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

fn says(value: &str) -> Option<&str> {
    Some(value.trim()).filter(|value| !value.is_empty())
}

/// Cuts a line at its first `=`. No key holds a blank, so `в т.ч. НДС=18` is the end of a purpose.
pub(crate) fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_key.then_some((key, value))
}
