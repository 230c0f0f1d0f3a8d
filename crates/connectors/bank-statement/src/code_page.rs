//! The three ways in which Russian letters are bytes in these files: windows-1251, IBM 866 (`DOS`) and UTF-8.
//!
//! The header's `Кодировка` is not believed: files that say `Windows` and hold UTF-8 are common. Every file begins with keys
//! that are known, so the first line that is not plain ASCII tells which page makes such a key of it.

use std::borrow::Cow;

use crate::wire;

/// How the bytes of a file are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodePage {
    /// `Windows` in the header.
    Windows1251,
    /// `DOS` in the header.
    Ibm866,
    /// Never named by a header, and often there.
    Utf8,
}

/// Bytes 128 to 255 of windows-1251; 152 is nothing there.
const WINDOWS_1251: [char; 128] = letters(
    "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{fffd}™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕї\
     АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя",
);

/// Bytes 128 to 255 of IBM 866.
const IBM_866: [char; 128] = letters(
    "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмноп░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
     рстуфхцчшщъыьэюяЁёЄєЇїЎў°∙·√№¤■\u{a0}",
);

impl CodePage {
    /// Its name, as the registry of code pages has it.
    pub const fn name(self) -> &'static str {
        match self {
            CodePage::Windows1251 => "windows-1251",
            CodePage::Ibm866 => "ibm866",
            CodePage::Utf8 => "utf-8",
        }
    }

    /// The page in which this line begins with a key of the format; `None` where it does in none of them.
    pub(crate) fn of_known_key(line: &[u8]) -> Option<CodePage> {
        [CodePage::Utf8, CodePage::Windows1251, CodePage::Ibm866]
            .into_iter()
            .find(|page| {
                let text = page.read(line);
                text.is_some_and(|text| wire::begins_with_known_key(&text))
            })
    }

    /// The same where the file ends within the key.
    pub(crate) fn of_cut_key(line: &[u8]) -> Option<CodePage> {
        [CodePage::Utf8, CodePage::Windows1251, CodePage::Ibm866]
            .into_iter()
            .find(|page| {
                let text = page.read(page.whole_letters(line));
                text.is_some_and(|text| wire::begins_a_known_key(&text))
            })
    }

    /// Without the beginning of a letter whose end is missing.
    pub(crate) fn whole_letters(self, bytes: &[u8]) -> &[u8] {
        let whole = match std::str::from_utf8(bytes) {
            Err(error) if self == CodePage::Utf8 && error.error_len().is_none() => {
                bytes.get(..error.valid_up_to())
            }
            Ok(_) | Err(_) => None,
        };
        whole.unwrap_or(bytes)
    }

    /// The text of the bytes; `None` for what is no UTF-8. The other pages have a letter for every byte.
    pub(crate) fn read(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            CodePage::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            _ if bytes.is_ascii() => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            CodePage::Windows1251 => Some(Cow::Owned(by_table(bytes, &WINDOWS_1251))),
            CodePage::Ibm866 => Some(Cow::Owned(by_table(bytes, &IBM_866))),
        }
    }
}

fn by_table(bytes: &[u8], table: &[char; 128]) -> String {
    let letters = bytes.iter().map(|byte| {
        let high = byte.checked_sub(128).map(usize::from);
        let letter = high.and_then(|place| table.get(place).copied());
        letter.unwrap_or(char::from(*byte))
    });
    letters.collect()
}

/// The letters of a table as an array, made when the program is compiled.
#[expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it runs in the compiler, which would refuse the tables"
)]
const fn letters(text: &str) -> [char; 128] {
    let bytes = text.as_bytes();
    let mut table = ['\0'; 128];
    let (mut at, mut place) = (0, 0);
    while at < bytes.len() {
        // UTF-8 of two or three bytes: all letters of these pages are.
        let (first, second) = (bytes[at] as u32, bytes[at + 1] as u32 & 0x3f);
        let (code, length) = if first < 0xe0 {
            (((first & 0x1f) << 6) | second, 2)
        } else {
            let third = bytes[at + 2] as u32 & 0x3f;
            (((first & 0x0f) << 12) | (second << 6) | third, 3)
        };
        table[place] = match char::from_u32(code) {
            Some(letter) => letter,
            None => panic!("not a letter"),
        };
        at += length;
        place += 1;
    }
    assert!(place == 128, "a page has 128 letters above ASCII");
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_have_their_letters_where_they_belong() {
        for (page, bytes, expected) in [
            (
                CodePage::Windows1251,
                &b"\xcf\xeb\xe0\xf2\xb8\xe6 \xb9 5"[..],
                "Платёж № 5",
            ),
            (
                CodePage::Ibm866,
                &b"\x8f\xab\xa0\xe2\xf1\xa6 \xfc 5"[..],
                "Платёж № 5",
            ),
            (
                CodePage::Windows1251,
                &b"\x88\xa0\xab\xbb\x98"[..],
                "€\u{a0}«»\u{fffd}",
            ),
            (CodePage::Ibm866, &b"\xb0\xdf\xff"[..], "░▀\u{a0}"),
            (CodePage::Utf8, "Платёж".as_bytes(), "Платёж"),
        ] {
            assert_eq!(page.read(bytes).unwrap(), expected);
        }
        assert_eq!(CodePage::Utf8.read(b"\xcf\xeb"), None);
    }
}
