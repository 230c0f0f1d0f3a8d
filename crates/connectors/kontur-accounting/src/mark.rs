//! Our mark in a bill's comment: `[provodka:KEY]`, by which a bill is found after a lost answer.
//!
//! `KEY` is the effect's key; brackets, blanks, `%` and whatever is not visible ASCII stand in it
//! percent-encoded, so that the first `]` ends the mark. The mark comes after what people wrote, parted
//! by a blank. A person may write around it, and copy a bill together with it.

use domain::EffectKey;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

const OPENS: &str = "[provodka:";
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'[').add(b']');

/// A comment that ends in the mark of `key`.
pub(crate) fn append(comment: &str, key: &str) -> String {
    let mark = format!("{OPENS}{}]", visible(key));
    match comment.trim_end() {
        "" => mark,
        said => format!("{said} {mark}"),
    }
}

/// The keys of all marks in a comment, in their order, each once. What only looks like a mark is passed over.
pub(crate) fn keys(comment: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for piece in comment.split(OPENS).skip(1) {
        let Some((encoded, _rest)) = piece.split_once(']') else {
            continue;
        };
        let decoded = percent_decode_str(encoded).decode_utf8();
        let Ok(key) = decoded.map(|key| key.into_owned()) else {
            continue;
        };
        // A person's own words between the brackets are no key of ours: ours has no bare blank or bracket.
        if !key.is_empty() && visible(&key) == encoded && !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The key under which we made a bill, by who made it and its comment. A bill that a person made by copying ours bears our
/// mark too: only what came through the API counts.
pub(crate) fn made_as(by: Option<&str>, comment: Option<&str>) -> Option<EffectKey> {
    let of_api = comment.filter(|_| by != Some("person"));
    let key = keys(of_api.unwrap_or_default()).into_iter().next();
    key.map(EffectKey::from_stored)
}

/// Whether there is a mark in a comment.
pub(crate) fn is_in(comment: &str) -> bool {
    !keys(comment).is_empty()
}

/// The key in visible ASCII, as it stands in a mark and in the header `Idempotency-Key`.
pub(crate) fn visible(key: &str) -> String {
    utf8_percent_encode(key, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::{append, keys, visible};

    const KEY: &str = "7f3a/deal/4711/invoice/whole/1";

    #[test]
    fn the_mark_follows_what_people_wrote() {
        assert_eq!(
            append("Договор № 34 от 01.03.2026.", KEY),
            "Договор № 34 от 01.03.2026. [provodka:7f3a/deal/4711/invoice/whole/1]"
        );
        assert_eq!(append("", KEY), "[provodka:7f3a/deal/4711/invoice/whole/1]");
        assert_eq!(append(" \n", KEY), append("", KEY));
    }

    #[test]
    fn every_key_comes_back_from_its_mark() {
        for key in [
            KEY,
            "a]b",
            "a[provodka:b]",
            "мой портал/deal/1",
            "50%25/x y",
            "%2F",
            "\n",
        ] {
            assert_eq!(keys(&append("до", key)), [key], "{key:?}");
            assert!(visible(key).bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn marks_are_found_among_foreign_words() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("Оплатить до пятницы [срочно]", &[]),
            ("до [provodka:a/1] после, звонить Ивану", &["a/1"]),
            (
                "[provodka:a/1][provodka:a/2] [provodka:a/1]",
                &["a/1", "a/2"],
            ),
            ("[provodka:a/1", &[]),
            ("[provodka:]", &[]),
            ("[provodka:сам написал]", &[]),
            ("[provodka: a/1]", &[]),
            ("[Provodka:a/1] [другое:a/2] [provodka:%FF]", &[]),
        ];
        for (comment, expected) in cases {
            assert_eq!(keys(comment), expected, "{comment}");
        }
    }

    #[test]
    fn a_broken_mark_does_not_hide_the_next() {
        assert_eq!(keys("[provodka:a/1 обрезано [provodka:a/2]"), ["a/2"]);
    }
}
