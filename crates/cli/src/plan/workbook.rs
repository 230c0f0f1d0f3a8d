//! The summary as a workbook: what would be issued, what people have to mend, what would be left alone.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::summary::{Group, Named, Summary, ToIssue};
use desk::sheet::{self, Cell, Sheet};

const TO_ISSUE: [(&str, u16); 10] = [
    ("Сделка", 9),
    ("Название", 36),
    ("Ответственный", 13),
    ("Покупатель", 36),
    ("ИНН/КПП", 22),
    ("Контрагент в учёте", 14),
    ("Организация", 28),
    ("Строк", 7),
    ("НДС", 14),
    ("Сумма с НДС", 15),
];

const GROUPED: [(&str, u16); 8] = [
    ("Сделка", 9),
    ("Название", 36),
    ("Ответственный", 13),
    ("Покупатель", 36),
    ("Сумма сделки", 15),
    ("Код", 26),
    ("Причина", 50),
    ("Что сделать", 60),
];

/// The bytes of the file.
pub(super) fn bytes(summary: &Summary, now: Timestamp) -> anyhow::Result<Vec<u8>> {
    let to_issue: Vec<_> = summary.to_issue.iter().map(issue_row).collect();
    let questions = rows_of(&summary.questions);
    let left_alone = rows_of(&summary.left_alone);
    let sheets = [
        Sheet {
            name: "Будут выставлены",
            headings: &TO_ISSUE,
            rows: to_issue.iter().map(<[Cell; 10]>::as_slice).collect(),
        },
        grouped("Нужен человек", &questions),
        grouped("Ничего не нужно", &left_alone),
    ];
    Ok(sheet::workbook(&sheets, now)?)
}

fn grouped<'a>(name: &'a str, rows: &'a [[Cell; 8]]) -> Sheet<'a> {
    Sheet {
        name,
        headings: &GROUPED,
        rows: rows.iter().map(<[Cell; 8]>::as_slice).collect(),
    }
}

fn issue_row(one: &ToIssue) -> [Cell; 10] {
    let known = if one.new_buyer {
        "создать"
    } else {
        "есть"
    };
    [
        link(&one.deal),
        Cell::text(&one.deal.title),
        responsible(&one.deal),
        Cell::text(&one.buyer),
        Cell::text(&one.buyer_key),
        Cell::text(known),
        Cell::text(&one.seller),
        Cell::Number(Decimal::from(one.lines)),
        Cell::Money(one.vat),
        Cell::Money(one.total),
    ]
}

fn rows_of(groups: &[Group]) -> Vec<[Cell; 8]> {
    let rows = groups.iter().flat_map(|group| {
        let of_group = group.deals.iter();
        of_group.map(move |deal| {
            [
                link(deal),
                Cell::text(&deal.title),
                responsible(deal),
                Cell::text(deal.buyer.as_deref().unwrap_or_default()),
                deal.amount.map_or(Cell::Empty, Cell::Money),
                Cell::text(group.code.unwrap_or_default()),
                Cell::text(&group.cause),
                Cell::text(deal.text.as_deref().unwrap_or_default()),
            ]
        })
    });
    rows.collect()
}

fn link(deal: &Named) -> Cell {
    Cell::Link {
        text: deal.id.to_string(),
        address: deal.address.clone(),
    }
}

fn responsible(deal: &Named) -> Cell {
    let id = deal.responsible.map(Decimal::from);
    id.map_or(Cell::Empty, Cell::Number)
}
