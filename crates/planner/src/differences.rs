//! What differs between the invoice as it was issued and what the deal would ask for now.

use domain::{InvoiceDraft, Line, OrganisationId, display};

use crate::Policy;

/// One sentence for each difference, in Russian; empty when the revisions agree.
pub(crate) fn differences(
    issued: &InvoiceDraft,
    asked: &InvoiceDraft,
    policy: &Policy,
) -> Vec<String> {
    if issued.revision() == asked.revision() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut say = |what: &str, was: String, is: String| {
        if was != is {
            found.push(format!("{what}: в счёте {was}, в сделке {is}"));
        }
    };
    say(
        "ИНН/КПП покупателя",
        display::known_by(&issued.buyer.key),
        display::known_by(&asked.buyer.key),
    );
    let (was, is) = sellers(&issued.seller, &asked.seller, policy);
    say("продавец", was, is);
    say("основание", basis(issued), basis(asked));
    let total = |draft: &InvoiceDraft| {
        draft.totals().map_or_else(
            |error| error.to_string(),
            |totals| display::money(totals.gross),
        )
    };
    say("сумма", total(issued), total(asked));
    found.extend(lines(&issued.lines, &asked.lines));
    if found.is_empty() {
        found.push("изменён способ начисления НДС".to_owned());
    }
    found
}

/// As people call them; by their ids where policy knows one of them no more, or calls both alike.
fn sellers(issued: &OrganisationId, asked: &OrganisationId, policy: &Policy) -> (String, String) {
    let title = |id| policy.organisation(id).map(|own| own.title.trim());
    match (title(issued), title(asked)) {
        (Some(was), Some(is)) if was != is => (was.to_owned(), is.to_owned()),
        (Some(_) | None, Some(_) | None) => (issued.to_string(), asked.to_string()),
    }
}

fn basis(draft: &InvoiceDraft) -> String {
    draft
        .basis
        .clone()
        .unwrap_or_else(|| "не указано".to_owned())
}

fn lines(issued: &[Line], asked: &[Line]) -> Vec<String> {
    let mut found = Vec::new();
    let longest = issued.len().max(asked.len());
    for (index, number) in (0..longest).zip(1_u32..) {
        match (issued.get(index), asked.get(index)) {
            (Some(was), Some(is)) if was == is => {}
            (Some(was), Some(is)) => {
                found.push(format!(
                    "строка {number}: была {}, стала {}",
                    line(was),
                    line(is)
                ));
            }
            (Some(was), None) => found.push(format!("строка {number} убрана: {}", line(was))),
            (None, Some(is)) => found.push(format!("строка {number} добавлена: {}", line(is))),
            (None, None) => {}
        }
    }
    found
}

fn line(line: &Line) -> String {
    let vat = match line.vat.percent() {
        Some(_) => format!("НДС {}", line.vat.label()),
        None => line.vat.label().to_owned(),
    };
    format!(
        "«{}» {} {} по {}, {vat}",
        line.name, line.quantity, line.unit.name, line.price
    )
}
