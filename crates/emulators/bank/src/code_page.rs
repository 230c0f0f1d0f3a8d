//! The code pages of statement files.

/// In which bytes a statement is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePage {
    /// CP1251, declared as `Windows`.
    Windows,
    /// CP866, declared as `DOS`.
    Dos,
    /// UTF-8, declared as `Windows`: some banks write it so.
    Utf8,
}

impl CodePage {
    /// All of them.
    pub const ALL: [CodePage; 3] = [CodePage::Windows, CodePage::Dos, CodePage::Utf8];

    /// The word of the form.
    pub const fn word(self) -> &'static str {
        match self {
            CodePage::Windows => "windows",
            CodePage::Dos => "dos",
            CodePage::Utf8 => "utf-8",
        }
    }

    /// What the header says.
    pub(crate) const fn declared(self) -> &'static str {
        match self {
            CodePage::Windows | CodePage::Utf8 => "Windows",
            CodePage::Dos => "DOS",
        }
    }

    pub(crate) fn encode(self, text: &str) -> Vec<u8> {
        match self {
            CodePage::Windows => text.chars().map(in_windows).collect(),
            CodePage::Dos => text.chars().map(in_dos).collect(),
            CodePage::Utf8 => text.as_bytes().to_vec(),
        }
    }
}

/// A letter's distance from another one, as a byte.
fn beyond(c: char, first: char) -> u8 {
    u8::try_from(u32::from(c).saturating_sub(u32::from(first))).unwrap_or_default()
}

fn in_windows(c: char) -> u8 {
    match c {
        '\0'..='\x7f' => beyond(c, '\0'),
        'А'..='я' => 0xc0 + beyond(c, 'А'),
        'Ё' => 0xa8,
        'ё' => 0xb8,
        '№' => 0xb9,
        '«' => 0xab,
        '»' => 0xbb,
        '–' => 0x96,
        '—' => 0x97,
        '\u{a0}' => 0xa0,
        _ => b'?',
    }
}

fn in_dos(c: char) -> u8 {
    match c {
        '\0'..='\x7f' => beyond(c, '\0'),
        'А'..='п' => 0x80 + beyond(c, 'А'),
        'р'..='я' => 0xe0 + beyond(c, 'р'),
        'Ё' => 0xf0,
        'ё' => 0xf1,
        '№' => 0xfc,
        '«' | '»' => b'"',
        '–' | '—' => b'-',
        '\u{a0}' => 0xff,
        _ => b'?',
    }
}

#[cfg(test)]
mod tests {
    use super::CodePage;

    #[test]
    fn letters_have_the_bytes_of_their_code_page() {
        let text = "Ая ё№«»Ёп р";
        assert_eq!(
            CodePage::Windows.encode(text),
            [
                0xc0, 0xff, 0x20, 0xb8, 0xb9, 0xab, 0xbb, 0xa8, 0xef, 0x20, 0xf0
            ]
        );
        assert_eq!(
            CodePage::Dos.encode(text),
            [
                0x80, 0xef, 0x20, 0xf1, 0xfc, 0x22, 0x22, 0xf0, 0xaf, 0x20, 0xe0
            ]
        );
        assert_eq!(CodePage::Utf8.encode(text), text.as_bytes());
        assert_eq!(CodePage::Windows.encode("€"), b"?");
    }
}
