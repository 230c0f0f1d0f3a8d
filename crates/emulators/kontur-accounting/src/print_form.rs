//! The service's print form: a document as lines of text, for `pdf.rs` to write.
//!
//! Enough to be opened, read and searched; how a proud invoice looks is another crate's matter.

use jiff::civil::Date;

use crate::config::Organization;
use crate::pdf::{self, Font};
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
        let font = Font::new();
        let heading = wrapped(&self.title).into_iter().chain([String::new()]);
        let all: Vec<String> = heading.chain(self.lines.iter().cloned()).collect();
        let pages: Vec<String> = all
            .chunks(LINES_PER_PAGE)
            .map(|lines| page_content(lines, &font))
            .collect();
        pdf::file(&pages, &font)
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

fn page_content(lines: &[String], font: &Font) -> String {
    let mut content = "BT\n/F1 9 Tf\n13 TL\n40 790 Td\n".to_owned();
    for line in lines {
        let glyphs: String = line
            .chars()
            .map(|letter| format!("{:04X}", font.glyph(letter)))
            .collect();
        content.push_str(&format!("<{glyphs}> '\n"));
    }
    content.push_str("ET\n");
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_wrapped_within_its_width() {
        assert_eq!(wrap("раз два три", 7), ["раз два", "три"]);
        assert_eq!(wrap("абвгдежз и", 3), ["абв", "где", "жз", "и"]);
        assert_eq!(wrap("", 3), Vec::<String>::new());
    }

    #[test]
    fn every_line_is_on_a_page() {
        let form = PrintForm {
            title: "Счёт № К-77".to_owned(),
            lines: (0..200).map(|at| format!("строка {at}")).collect(),
        };
        let bytes = form.render();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("/Type /Page ").count(), 4);
        assert_eq!(text.matches("> '").count(), 202);
    }
}
