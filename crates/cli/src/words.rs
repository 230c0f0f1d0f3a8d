//! Texts that were written for the portal, shown in a terminal.

use desk::cases::{Piece, pieces};

/// Turns the portal's links, `[URL=/path/]word[/URL]`, into `word (/path/)`; other marks stay as they are.
pub(crate) fn plain(text: &str) -> String {
    let plain = |piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Link { place, word } => format!("{word} ({place})"),
    };
    pieces(text).into_iter().map(plain).collect()
}

/// The same with all lines but the first moved in by `columns`.
pub(crate) fn indented(text: &str, columns: usize) -> String {
    let gap = format!("\n{}", " ".repeat(columns));
    plain(text).trim_end().replace('\n', &gap)
}

/// What others wrote, for a terminal: it would obey control characters.
pub(crate) fn harmless(text: &str) -> String {
    let is_bad = |c: char| c.is_control() && c != '\n';
    let shown = text.chars().map(|c| if is_bad(c) { '\u{fffd}' } else { c });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::{harmless, indented, plain};

    #[test]
    fn a_terminal_gets_nothing_to_obey() {
        assert_eq!(
            harmless("\u{1b}[31mСделка\r\n"),
            "\u{fffd}[31mСделка\u{fffd}\n"
        );
    }

    #[test]
    fn links_become_words_with_their_address() {
        for (text, expected) in [
            ("без ссылок [B]и[/B]", "без ссылок [B]и[/B]"),
            (
                "КПП — [URL=/crm/company/details/1/]исправить[/URL].",
                "КПП — исправить (/crm/company/details/1/).",
            ),
            ("[URL=/a/]а[/URL][URL=/b/]б[/URL]", "а (/a/)б (/b/)"),
            ("[URL=/a/ и конец", "[URL=/a/ и конец"),
        ] {
            assert_eq!(plain(text), expected);
        }
        assert_eq!(indented("одно\nдругое\n", 2), "одно\n  другое");
    }
}
