//! How a question reads: what was written for the portal, with its links leading there, and the part of a code's page that
//! says what to do.
//!
//! A link leads to our portal or nowhere: its place is a path, and what others wrote goes through [`plain`], [`shown`] and
//! the templates' escaping.

use desk::cases::{Piece, pieces};
use store::{Subject, SubjectKind};

pub(super) use crate::admin::money::words::plain;
use crate::admin::money::words::shown;

/// Part of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bit {
    pub(super) text: String,
    /// Where it leads; mostly nowhere.
    pub(super) address: String,
    /// Something to be typed.
    pub(super) is_code: bool,
}

/// A paragraph, or the items of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) is_list: bool,
    pub(super) items: Vec<Vec<Bit>>,
}

/// The portal, by the address at which people open it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portal<'a>(pub(super) &'a str);

impl Portal<'_> {
    /// Line by line, with its links.
    pub(super) fn text(self, text: &str) -> Vec<Vec<Bit>> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines
            .map(|line| {
                pieces(line)
                    .into_iter()
                    .map(|piece| self.piece(piece))
                    .collect()
            })
            .collect()
    }

    /// What a question is about.
    pub(super) fn subject(self, subject: &Subject) -> Vec<Bit> {
        let id = &subject.id;
        let number = id.parse::<u64>().ok();
        let card = |kind: &str| match number {
            Some(number) => self.at(&format!("/crm/{kind}/details/{number}/")),
            None => String::new(),
        };
        let (name, address) = match subject.kind {
            SubjectKind::Deal => (format!("Сделка {id}"), card("deal")),
            SubjectKind::Company => (format!("Компания {id}"), card("company")),
            SubjectKind::Contact => (format!("Контакт {id}"), card("contact")),
            SubjectKind::Requisite => (format!("Реквизиты {id}"), String::new()),
            SubjectKind::BankDetail => (format!("Банковские реквизиты {id}"), String::new()),
            SubjectKind::Invoice => (format!("Счёт {id}"), String::new()),
            SubjectKind::Payment => {
                let address = number.map(|number| format!("/money/payments/{number}"));
                (format!("Платёж № {id}"), address.unwrap_or_default())
            }
            SubjectKind::Portal => ("Портал".to_owned(), String::new()),
        };
        let text = plain(&name);
        vec![Bit {
            text,
            address,
            is_code: false,
        }]
    }

    /// One of the deals that a question is about.
    pub(super) fn deal(self, deal: u64) -> Bit {
        Bit {
            text: deal.to_string(),
            address: self.at(&format!("/crm/deal/details/{deal}/")),
            is_code: false,
        }
    }

    fn piece(self, piece: Piece<'_>) -> Bit {
        match piece {
            Piece::Text(text) => Bit {
                text: shown(text),
                ..Bit::default()
            },
            Piece::Link { place, word } if is_path(place) => Bit {
                text: shown(word),
                address: self.at(place),
                is_code: false,
            },
            Piece::Link { place, word } => Bit {
                text: shown(&format!("{word} ({place})")),
                ..Bit::default()
            },
        }
    }

    fn at(self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

/// A path, and no address of another host.
fn is_path(place: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && c != '\\';
    place.starts_with('/') && !place.starts_with("//") && place.chars().all(is_plain)
}

/// A part of a page of `docs/errors/`: paragraphs, lists, and what is to be typed.
pub(super) fn parts(page: &str) -> Vec<Part> {
    let mut told: Vec<(bool, String)> = Vec::new();
    let mut begins = true;
    for line in page.lines().map(str::trim) {
        let item = item(line);
        if line.is_empty() {
            begins = true;
            continue;
        }
        if item.is_none()
            && !begins
            && let Some((_, last)) = told.last_mut()
        {
            last.push(' ');
            last.push_str(line);
            continue;
        }
        told.push((item.is_some(), item.unwrap_or(line).to_owned()));
        begins = false;
    }
    let mut parts: Vec<Part> = Vec::new();
    for (is_list, text) in told {
        let bits = typed_apart(&text);
        match parts.last_mut() {
            Some(part) if part.is_list && is_list => part.items.push(bits),
            _ => parts.push(Part {
                is_list,
                items: vec![bits],
            }),
        }
    }
    parts
}

/// What stands behind the mark of an item, if it is one.
fn item(line: &str) -> Option<&str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    line.strip_prefix("- ").or_else(|| {
        let (number, item) = line.split_once(". ")?;
        is_number(number).then_some(item)
    })
}

/// What stands between backticks is to be typed.
fn typed_apart(text: &str) -> Vec<Bit> {
    let bits = text.split('`').enumerate().map(|(index, text)| Bit {
        text: without_links(text),
        address: String::new(),
        is_code: index % 2 == 1,
    });
    bits.filter(|bit| !bit.text.is_empty()).collect()
}

/// `[words](page.md)` leads between the pages: here only the words stand.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        plain.push_str(before);
        let inside = link.split_once("](");
        match inside.and_then(|(words, after)| Some((words, after.split_once(')')?.1))) {
            Some((words, after)) => {
                plain.push_str(words);
                rest = after;
            }
            None => {
                plain.push('[');
                rest = link;
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use store::Subject;

    use super::{Bit, Portal, parts};

    const PORTAL: Portal<'_> = Portal("https://office.bitrix24.test");

    fn told(bits: &[Bit]) -> String {
        let told = bits
            .iter()
            .map(|bit| match (bit.is_code, bit.address.as_str()) {
                (true, _) => format!("<{}>", bit.text),
                (false, "") => bit.text.clone(),
                (false, address) => format!("{} -> {address}", bit.text),
            });
        told.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn links_lead_to_the_portal_and_nowhere_else() {
        for (text, expected) in [
            (
                "• КПП — [URL=/crm/company/details/1/]исправить[/URL].",
                "• КПП — |исправить -> https://office.bitrix24.test/crm/company/details/1/|.",
            ),
            ("[URL=//evil.test/]x[/URL]", "x (//evil.test/)"),
            ("[URL=https://evil.test]x[/URL]", "x (https://evil.test)"),
            (
                "[URL=javascript:alert(1)]x[/URL]",
                "x (javascript:alert(1))",
            ),
            ("[URL=/\\evil.test/]x[/URL]", "x (/\\evil.test/)"),
            ("имя \u{202e}задом", "имя  задом"),
        ] {
            let lines = PORTAL.text(text);
            assert_eq!(lines.len(), 1, "{text}");
            assert_eq!(told(&lines[0]), expected, "{text}");
        }
        assert_eq!(PORTAL.text("первая\n\nвторая\n").len(), 2);
    }

    #[test]
    fn what_a_question_is_about_is_named_and_opened() {
        for (subject, expected) in [
            (
                "deal/4711",
                "Сделка 4711 -> https://office.bitrix24.test/crm/deal/details/4711/",
            ),
            (
                "company/12",
                "Компания 12 -> https://office.bitrix24.test/crm/company/details/12/",
            ),
            ("payment/17", "Платёж № 17 -> /money/payments/17"),
            ("deal/1/../../x", "Сделка 1/../../x"),
            ("portal/flood", "Портал"),
        ] {
            let subject: Subject = subject.parse().unwrap();
            assert_eq!(told(&PORTAL.subject(&subject)), expected);
        }
    }

    #[test]
    fn a_page_reads_as_paragraphs_and_lists() {
        let page = "Исправьте `КПП` сами\nили спросите, см. [страницу](A.md).\n\n- раз,\n  и ещё;\n- два `cases`.\n\nКонец [1].";
        let read: Vec<(bool, Vec<String>)> = parts(page)
            .iter()
            .map(|part| {
                (
                    part.is_list,
                    part.items.iter().map(|item| told(item)).collect(),
                )
            })
            .collect();
        let expected = [
            (
                false,
                vec!["Исправьте |<КПП>| сами или спросите, см. страницу."],
            ),
            (true, vec!["раз, и ещё;", "два |<cases>|."]),
            (false, vec!["Конец [1]."]),
        ];
        let expected: Vec<(bool, Vec<String>)> = expected
            .into_iter()
            .map(|(is_list, items)| (is_list, items.into_iter().map(str::to_owned).collect()))
            .collect();
        assert_eq!(read, expected);
        let numbered = parts("1. один\n2. два");
        assert_eq!(numbered.len(), 1);
        assert_eq!(numbered[0].items.len(), 2);
    }
}
