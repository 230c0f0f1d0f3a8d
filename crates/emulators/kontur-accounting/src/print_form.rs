//! The service's print form: a small real PDF, written by hand in one monospaced font.
//!
//! Enough to be opened, read and searched; how a proud invoice looks is another crate's matter.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::config::Organization;
use crate::records::{
    Bill, BillState, ClosingDocument, ContractorOfDocument, DocumentKind, DocumentState, Item,
    Reason,
};

/// Characters of a line: A4 less margins in 9-point Courier.
const LINE_CHARS: usize = 92;
const NAME_CHARS: usize = 36;
const LINES_PER_PAGE: usize = 56;

/// A document as lines of text.
#[derive(Debug)]
pub(crate) struct PrintForm {
    title: String,
    lines: Vec<String>,
}

impl PrintForm {
    pub(crate) fn of_bill(own: &Organization, bill: &Bill) -> Self {
        let title = titled("Счёт на оплату", &bill.number, bill.date);
        let mut lines = parties(own, &bill.contractor, bill.reason.as_ref());
        if let Some(due) = bill.payment_due_date {
            lines.push(format!("Оплатить до: {}", shown(due)));
        }
        let account = bill.bank_account_id.and_then(|id| {
            let mut accounts = own.bank_accounts.iter();
            accounts.find(|account| account.id == id)
        });
        if let Some(account) = account {
            let bank = account.bank_name.as_deref().unwrap_or_default();
            lines.push(format!(
                "Счёт {} в {bank}, БИК {}",
                account.account_number, account.bik
            ));
        }
        lines.extend(table(&bill.items));
        lines.push(format!(
            "{:>LINE_CHARS$}",
            format!("Без НДС: {}", bill.sum_without_nds.for_people())
        ));
        lines.push(format!(
            "{:>LINE_CHARS$}",
            format!("НДС: {}", bill.sum_nds.for_people())
        ));
        lines.push(format!(
            "{:>LINE_CHARS$}",
            format!("Всего к оплате: {}", bill.sum.for_people())
        ));
        lines.extend(bill.comment.as_deref().map(wrapped).unwrap_or_default());
        if bill.state == BillState::Cancelled {
            lines.push("АННУЛИРОВАН".to_owned());
        }
        Self { title, lines }
    }

    pub(crate) fn of_closing(own: &Organization, document: &ClosingDocument) -> Self {
        let what = match document.kind {
            DocumentKind::Act => "Акт",
            DocumentKind::UniversalTransferDocument => "Универсальный передаточный документ",
        };
        let title = titled(what, &document.number, document.date);
        let mut lines = parties(own, &document.contractor, document.reason.as_ref());
        lines.extend(table(&document.items));
        lines.push(format!(
            "{:>LINE_CHARS$}",
            format!("НДС: {}", document.sum_nds.for_people())
        ));
        lines.push(format!(
            "{:>LINE_CHARS$}",
            format!("Всего: {}", document.sum.for_people())
        ));
        lines.extend(document.comment.as_deref().map(wrapped).unwrap_or_default());
        if document.state == DocumentState::Cancelled {
            lines.push("АННУЛИРОВАН".to_owned());
        }
        Self { title, lines }
    }

    pub(crate) fn file_name(&self) -> String {
        format!("{}.pdf", self.title.replace(['/', '\\'], "-"))
    }

    pub(crate) fn render(&self) -> Vec<u8> {
        let font = Font::of(self.lines.iter().chain([&self.title]));
        let heading = wrapped(&self.title).into_iter().chain([String::new()]);
        let all: Vec<String> = heading.chain(self.lines.iter().cloned()).collect();
        let pages: Vec<Vec<u8>> = all
            .chunks(LINES_PER_PAGE)
            .map(|lines| page_content(lines, &font))
            .collect();
        Pdf::of(&pages, &font)
    }
}

fn titled(what: &str, number: &str, date: Date) -> String {
    format!("{what} № {number} от {}", shown(date))
}

fn shown(date: Date) -> String {
    date.strftime("%d.%m.%Y").to_string()
}

fn parties(
    own: &Organization,
    other: &ContractorOfDocument,
    reason: Option<&Reason>,
) -> Vec<String> {
    let side = |label: &str, name: &str, inn: Option<&str>, kpp: Option<&str>| {
        let inn = inn.map(|inn| format!(", ИНН {inn}")).unwrap_or_default();
        let kpp = kpp.map(|kpp| format!(", КПП {kpp}")).unwrap_or_default();
        wrapped(&format!("{label}: {name}{inn}{kpp}"))
    };
    let mut lines = side("Поставщик", &own.name, Some(&own.inn), own.kpp.as_deref());
    lines.extend(side(
        "Покупатель",
        &other.name,
        other.inn.as_deref(),
        other.kpp.as_deref(),
    ));
    if let Some(reason) = reason {
        let number = reason
            .number
            .as_ref()
            .map(|n| format!(" № {n}"))
            .unwrap_or_default();
        let date = reason
            .date
            .map(|d| format!(" от {}", shown(d)))
            .unwrap_or_default();
        lines.extend(wrapped(&format!(
            "Основание: {}{number}{date}",
            reason.name
        )));
    }
    lines
}

fn table(items: &[Item]) -> Vec<String> {
    let row = |at: &str, name: &str, quantity: &str, price: &str, rate: &str, sum: &str| {
        format!("{at:>4} {name:<NAME_CHARS$} {quantity:>12} {price:>12} {rate:>7} {sum:>16}")
    };
    let rule = "-".repeat(LINE_CHARS);
    let head = row("№", "Наименование", "Кол-во", "Цена", "НДС", "Сумма");
    let mut lines = vec![String::new(), head, rule.clone()];
    for (at, item) in items.iter().enumerate() {
        let quantity = format!("{} {}", item.quantity.written(0), item.unit_name);
        let mut names = wrap(&item.product_name, NAME_CHARS).into_iter();
        lines.push(row(
            &(at + 1).to_string(),
            &names.next().unwrap_or_default(),
            &quantity,
            &item.price.written(2),
            &item.nds_rate.label(),
            &item.sum.for_people(),
        ));
        lines.extend(names.map(|more| format!("     {more}")));
    }
    lines.push(rule);
    lines
}

fn wrapped(text: &str) -> Vec<String> {
    wrap(text, LINE_CHARS)
}

/// Breaks at spaces, and within words that are longer than a line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let letters: Vec<char> = word.chars().collect();
            let fits = line.chars().count() + 1 + letters.len() <= width;
            if !line.is_empty() && !fits {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            let mut pieces = letters.chunks(width).peekable();
            while let Some(piece) = pieces.next() {
                line.extend(piece);
                if pieces.peek().is_some() {
                    lines.push(std::mem::take(&mut line));
                }
            }
        }
        lines.push(line);
    }
    lines
}

/// A one-byte encoding made for one document: ASCII stays, other characters get the codes from
/// 128 on in the order of their code points. What does not fit becomes a question mark.
struct Font {
    codes: BTreeMap<char, u8>,
}

impl Font {
    fn of<'t>(texts: impl Iterator<Item = &'t String>) -> Self {
        let mut codes = BTreeMap::new();
        for letter in texts.flat_map(|text| text.chars()) {
            if !letter.is_ascii() && u32::from(letter) <= 0xffff {
                codes.insert(letter, 0);
            }
        }
        let numbered = codes.into_keys().zip(128..=u8::MAX);
        Self {
            codes: numbered.collect(),
        }
    }

    fn code(&self, letter: char) -> u8 {
        match u8::try_from(letter) {
            Ok(byte @ 0x20..0x7f) => byte,
            _ => self.codes.get(&letter).copied().unwrap_or(b'?'),
        }
    }

    fn dictionary(&self) -> String {
        let names: String = self
            .codes
            .keys()
            .map(|letter| format!(" /uni{:04X}", u32::from(*letter)))
            .collect();
        let differences = match names.is_empty() {
            true => String::new(),
            false => format!(" /Differences [128{names}]"),
        };
        let widths = "600 ".repeat(256 - 32);
        format!(
            "<< /Type /Font /Subtype /Type1 /BaseFont /Courier /FirstChar 32 /LastChar 255 \
             /Widths [{widths}] /Encoding << /Type /Encoding /BaseEncoding /WinAnsiEncoding{differences} >> \
             /ToUnicode 4 0 R >>"
        )
    }

    /// What makes the text selectable and searchable.
    fn to_unicode(&self) -> String {
        let entries: Vec<String> = self
            .codes
            .iter()
            .map(|(letter, code)| format!("<{code:02X}> <{:04X}>", u32::from(*letter)))
            .collect();
        let blocks: String = entries
            .chunks(100)
            .map(|chunk| {
                format!(
                    "{} beginbfchar\n{}\nendbfchar\n",
                    chunk.len(),
                    chunk.join("\n")
                )
            })
            .collect();
        format!(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
             /CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n\
             /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
             1 begincodespacerange\n<00> <FF>\nendcodespacerange\n\
             1 beginbfrange\n<20> <7E> <0020>\nendbfrange\n{blocks}\
             endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
        )
    }
}

fn page_content(lines: &[String], font: &Font) -> Vec<u8> {
    let mut content = b"BT\n/F1 9 Tf\n13 TL\n40 790 Td\n".to_vec();
    for line in lines {
        content.push(b'(');
        for letter in line.chars() {
            let code = font.code(letter);
            if matches!(code, b'(' | b')' | b'\\') {
                content.push(b'\\');
            }
            content.push(code);
        }
        content.extend_from_slice(b") '\n");
    }
    content.extend_from_slice(b"ET\n");
    content
}

/// A PDF file that is being written: its bytes and where each object begins.
#[derive(Default)]
struct Pdf {
    bytes: Vec<u8>,
    offsets: Vec<usize>,
}

/// Objects before the pages: catalogue, page tree, font, ToUnicode.
const FIXED_OBJECTS: usize = 4;

impl Pdf {
    fn of(pages: &[Vec<u8>], font: &Font) -> Vec<u8> {
        let mut pdf = Self::default();
        pdf.bytes
            .extend_from_slice(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n");
        let numbers = (0..pages.len()).map(|at| FIXED_OBJECTS + 1 + 2 * at);
        let kids: String = numbers.map(|number| format!("{number} 0 R ")).collect();
        pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
        pdf.object(&format!(
            "<< /Type /Pages /Kids [{kids}] /Count {} >>",
            pages.len()
        ));
        pdf.object(&font.dictionary());
        pdf.stream(font.to_unicode().as_bytes());
        for content in pages {
            let content_number = pdf.offsets.len() + 2;
            pdf.object(&format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] \
                 /Resources << /Font << /F1 3 0 R >> >> /Contents {content_number} 0 R >>"
            ));
            pdf.stream(content);
        }
        pdf.finish()
    }

    fn object(&mut self, body: &str) {
        self.begin();
        self.bytes.extend_from_slice(body.as_bytes());
        self.bytes.extend_from_slice(b"\nendobj\n");
    }

    fn stream(&mut self, content: &[u8]) {
        self.begin();
        let head = format!("<< /Length {} >>\nstream\n", content.len());
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(b"\nendstream\nendobj\n");
    }

    fn begin(&mut self) {
        self.offsets.push(self.bytes.len());
        let head = format!("{} 0 obj\n", self.offsets.len());
        self.bytes.extend_from_slice(head.as_bytes());
    }

    fn finish(mut self) -> Vec<u8> {
        let table_at = self.bytes.len();
        let size = self.offsets.len() + 1;
        let entries: String = self
            .offsets
            .iter()
            .map(|offset| format!("{offset:010} 00000 n \n"))
            .collect();
        let tail = format!(
            "xref\n0 {size}\n0000000000 65535 f \n{entries}\
             trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table_at}\n%%EOF\n"
        );
        self.bytes.extend_from_slice(tail.as_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(lines: usize) -> PrintForm {
        PrintForm {
            title: "Счёт на оплату № К-77 от 12.03.2026".to_owned(),
            lines: (0..lines)
                .map(|at| format!("строка (№ {at}) \\ ×"))
                .collect(),
        }
    }

    #[test]
    fn every_object_stands_where_the_table_says() {
        let bytes = form(200).render();
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        let at: usize = {
            let tail = text.rsplit("startxref\n").next().unwrap();
            tail.lines().next().unwrap().parse().unwrap()
        };
        let mut table = text[at..].lines();
        assert_eq!(table.next(), Some("xref"));
        let count: usize = table
            .next()
            .unwrap()
            .strip_prefix("0 ")
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(count, 1 + FIXED_OBJECTS + 2 * 4, "202 lines are four pages");
        for number in 1..count {
            let entry = text[at..].lines().nth(2 + number).unwrap();
            let offset: usize = entry[..10].parse().unwrap();
            assert!(text[offset..].starts_with(&format!("{number} 0 obj\n")));
        }
    }

    #[test]
    fn letters_have_codes_that_lead_back_to_them() {
        let form = form(1);
        let font = Font::of(form.lines.iter().chain([&form.title]));
        let map = font.to_unicode();
        for letter in "Счёт№×".chars() {
            let entry = format!("<{:02X}> <{:04X}>", font.code(letter), u32::from(letter));
            assert!(map.contains(&entry), "{letter}");
        }
        assert_eq!(font.code('щ'), b'?');
    }

    #[test]
    fn long_text_is_wrapped_within_its_width() {
        assert_eq!(wrap("раз два три", 7), ["раз два", "три"]);
        assert_eq!(wrap("абвгдежз и", 3), ["абв", "где", "жз", "и"]);
        assert_eq!(wrap("", 3), Vec::<String>::new());
    }
}
