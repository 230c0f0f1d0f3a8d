//! What the accountant is given of each invoice: one row a line, all that an import needs in each of them.

use anyhow::Context as _;
use connector_office::Organisation;
use domain::{Amounts, Discount, Line, VatMode, VatRate, display};
use rust_decimal::Decimal;
use store::{GivenBill, OfficeBill};

use desk::sheet::Cell;

/// The columns with their widths in letters.
pub(super) const HEADINGS: [(&str, u16); 26] = [
    ("Номер", 12),
    ("Дата", 11),
    ("Организация", 24),
    ("ИНН организации", 14),
    ("КПП организации", 11),
    ("Покупатель", 32),
    ("ИНН покупателя", 14),
    ("КПП покупателя", 11),
    ("Строка", 7),
    ("Наименование", 40),
    ("Единица", 9),
    ("Код ОКЕИ", 8),
    ("Количество", 11),
    ("Цена", 12),
    ("Скидка", 9),
    ("Цена и НДС", 12),
    ("Ставка НДС", 9),
    ("Сумма без НДС", 14),
    ("НДС", 12),
    ("Сумма с НДС", 14),
    ("Итого по счёту", 14),
    ("Оплатить до", 11),
    ("Основание", 26),
    ("Сделка", 9),
    ("Состояние", 34),
    ("Отметка", 34),
];

/// One row of the file, a cell for each heading.
pub(super) type Row = [Cell; HEADINGS.len()];

/// The rows of these invoices, in their order. `export`: the number of the export they are given in, if it has one;
/// `on_demand`: a person asked for an export once more.
pub(super) fn of_bills(
    bills: &[GivenBill],
    organisations: &[Organisation],
    export: Option<i64>,
    on_demand: bool,
) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for given in bills {
        let bill = &given.bill;
        let seller = organisations.iter().find(|one| one.id == bill.organisation);
        let totals = bill.draft.totals();
        let totals =
            totals.with_context(|| format!("invoice `{}` cannot be added up", bill.number))?;
        let mark = mark(given, export, on_demand);
        let lines = bill.draft.lines.iter().zip(&totals.lines);
        for (place, (line, amounts)) in (1_u32..).zip(lines) {
            rows.push(row(bill, seller, &mark, place, line, *amounts));
        }
    }
    Ok(rows)
}

fn row(
    bill: &OfficeBill,
    seller: Option<&Organisation>,
    mark: &str,
    place: u32,
    line: &Line,
    amounts: Amounts,
) -> Row {
    let (draft, buyer) = (&bill.draft, &bill.draft.buyer);
    let kpp = |kpp: Option<String>| Cell::text(kpp.unwrap_or_default());
    [
        Cell::text(&bill.number),
        Cell::Date(draft.date),
        // One that left the configuration is still somebody's.
        Cell::text(seller.map_or(bill.organisation.as_str(), |one| one.name.as_str())),
        Cell::text(seller.map(|one| one.inn.to_string()).unwrap_or_default()),
        kpp(seller.and_then(|one| one.kpp.as_ref().map(ToString::to_string))),
        Cell::text(&buyer.name),
        Cell::text(
            buyer
                .key
                .who
                .inn()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ),
        kpp(buyer.key.kpp.as_ref().map(ToString::to_string)),
        Cell::Number(Decimal::from(place)),
        Cell::text(&line.name),
        Cell::text(&line.unit.name),
        Cell::text(line.unit.okei.as_deref().unwrap_or_default()),
        Cell::Number(line.quantity.value()),
        Cell::Number(line.price.value()),
        Cell::text(discount(line)),
        Cell::text(match draft.mode {
            VatMode::Included => "НДС в цене",
            VatMode::OnTop => "НДС сверху",
        }),
        Cell::text(rate(line.vat)),
        Cell::Money(amounts.net),
        Cell::Money(amounts.vat),
        Cell::Money(amounts.gross),
        Cell::Money(bill.totals.gross),
        draft.due.map_or(Cell::Empty, Cell::Date),
        Cell::text(draft.basis.as_deref().unwrap_or_default()),
        Cell::Number(Decimal::from(bill.deal.get())),
        Cell::text(state(bill)),
        Cell::text(mark),
    ]
}

fn discount(line: &Line) -> String {
    match line.discount {
        None => String::new(),
        Some(Discount::Percent(percent)) => format!("{} %", display::number(percent)),
        Some(Discount::Money(off)) => display::figures(off),
    }
}

fn rate(rate: VatRate) -> String {
    match rate.percent() {
        Some(percent) => format!("{percent}%"),
        None => "без НДС".to_owned(),
    }
}

/// Where the invoice stands now.
pub(super) fn state(bill: &OfficeBill) -> String {
    match &bill.cancelled {
        None if bill.test => "Тест".to_owned(),
        None => "Выставлен".to_owned(),
        Some(cancelled) => format!("Отменён: {}", cancelled.because),
    }
}

/// Why somebody may have seen these rows before.
fn mark(given: &GivenBill, export: Option<i64>, on_demand: bool) -> String {
    let number = export.map_or_else(String::new, |number| format!(" № {number}"));
    let bill = &given.bill;
    let mut marks = Vec::new();
    if bill.test {
        marks.push("Тест: не счёт".to_owned());
    }
    if given.again && on_demand {
        marks.push(format!("Повторно: выгрузка{number}"));
    } else if given.again {
        marks.push(format!("Повторно: выгрузка{number} не была завершена"));
    }
    if let (Some(_), Some(before)) = (&bill.cancelled, bill.issue_given)
        && export != Some(before)
    {
        marks.push(format!("Отмена: счёт уже был в выгрузке № {before}"));
    }
    marks.join("; ")
}
