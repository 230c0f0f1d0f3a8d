//! The register in a terminal: all invoices, and what an export would give.

use std::collections::BTreeMap;

use comfy_table::{ContentArrangement, Table};
use connector_office::Organisation;
use domain::{Money, display};
use serde_json::json;
use store::{Balance, InvoiceRef, OfficeBill};

use super::rows::{HEADINGS, Row, state};
use desk::sheet::Cell;

/// Columns of a file that fit a terminal.
const SHOWN: [&str; 9] = [
    "Номер",
    "Дата",
    "Покупатель",
    "Строка",
    "Наименование",
    "Сумма с НДС",
    "Сделка",
    "Состояние",
    "Отметка",
];

/// An invoice as the ledger names it.
pub(super) fn of_ledger(bill: &OfficeBill) -> InvoiceRef {
    InvoiceRef {
        organisation: bill.organisation.clone(),
        invoice: bill.id.clone(),
    }
}

/// All invoices in the order of their numbers with what came for them, or one JSON array. There is no other program that
/// would say which of them are paid.
pub(super) fn told(
    bills: &[OfficeBill],
    balances: &BTreeMap<InvoiceRef, Balance>,
    organisations: &[Organisation],
    as_json: bool,
) -> anyhow::Result<String> {
    let paid = |bill: &OfficeBill| {
        let balance = balances.get(&of_ledger(bill));
        balance.map_or(Money::ZERO, |balance| balance.paid)
    };
    if as_json {
        let bills = bills.iter().map(|bill| as_value(bill, paid(bill)));
        let bills: Vec<serde_json::Value> = bills.collect();
        return Ok(format!("{}\n", serde_json::to_string(&bills)?));
    }
    if bills.is_empty() {
        return Ok("Счетов ещё нет.\n".to_owned());
    }
    let mut table = table(&[
        "Номер",
        "Дата",
        "Организация",
        "Покупатель",
        "Сумма",
        "Оплачено",
        "Сделка",
        "Состояние",
        "Выгрузка",
    ]);
    for bill in bills {
        let seller = organisations.iter().find(|one| one.id == bill.organisation);
        let given = [bill.issue_given, bill.cancel_given];
        let mut given: Vec<String> = given.iter().flatten().map(i64::to_string).collect();
        given.dedup();
        table.add_row([
            bill.number.clone(),
            display::date(bill.draft.date),
            seller.map_or(bill.organisation.to_string(), |one| one.name.clone()),
            bill.draft.buyer.name.clone(),
            display::figures(bill.totals.gross),
            display::figures(paid(bill)),
            bill.deal.to_string(),
            state(bill),
            given.join(", "),
        ]);
    }
    Ok(format!("{table}\n"))
}

fn as_value(bill: &OfficeBill, paid: Money) -> serde_json::Value {
    json!({
        "number": bill.number,
        "date": bill.draft.date,
        "organisation": bill.organisation,
        "buyer": bill.draft.buyer.name,
        "buyer_inn": bill.draft.buyer.key.who.inn(),
        "buyer_kpp": bill.draft.buyer.key.kpp,
        "total_kopecks": bill.totals.gross.kopecks(),
        "vat_kopecks": bill.totals.vat.kopecks(),
        "paid_kopecks": paid.kopecks(),
        "deal": bill.deal,
        "test": bill.test,
        "cancelled": bill.cancelled,
        "export": bill.issue_given,
        "cancel_export": bill.cancel_given,
    })
}

/// What an export would give; nothing was written.
pub(super) fn preview(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "Проба: выгружать нечего.\n".to_owned();
    }
    let columns = SHOWN.map(|name| HEADINGS.iter().position(|(known, _)| *known == name));
    let mut table = table(&SHOWN);
    for row in rows {
        let cells = columns
            .iter()
            .map(|column| column.and_then(|column| row.get(column)));
        table.add_row(cells.map(|cell| cell.map(shown).unwrap_or_default()));
    }
    format!(
        "{table}\nПроба: строк {}, ничего не записано.\n",
        rows.len()
    )
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) | Cell::Link { text, .. } => text.clone(),
        Cell::Date(date) => display::date(*date),
        Cell::Money(money) => display::figures(*money),
        Cell::Number(number) => display::number(*number),
    }
}

fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headings);
    table
}
