//! What the accountant's file holds, read back by a program that is not ours.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use connector_office::Organisation;
use domain::{ContractorId, DealId, InvoiceDraft, InvoiceId, Money, OrganisationId};
use rust_decimal::Decimal;
use serde_json::json;
use store::{Balance, Cancelled, GivenBill, OfficeBill};

use super::rows::{self, HEADINGS, Row};
use super::{csv, file, list};
use desk::sheet::{Cell, is_like_formula};

fn bill(number: &str, buyer: &str, name: &str) -> OfficeBill {
    let draft: InvoiceDraft = serde_json::from_value(json!({
        "seller": "north",
        "buyer": {
            "key": { "inn": "0207043410", "kpp": "020701001" },
            "name": buyer, "full_name": null, "ogrn": null, "address": null,
        },
        "mode": "included",
        "lines": [
            { "name": name, "unit": { "okei": "006", "name": "м" }, "quantity": "120.5",
              "price": "96.50", "discount": null, "vat": "22" },
            { "name": "Доставка", "unit": { "okei": null, "name": "усл. ед" }, "quantity": "1",
              "price": "1500", "discount": null, "vat": "none" },
        ],
        "currency": "RUB", "basis": "Договор № 7", "date": "2026-03-12", "due": "2026-03-17",
    }))
    .unwrap();
    OfficeBill {
        organisation: OrganisationId::new("north"),
        year: 2026,
        place: 1,
        id: InvoiceId::new("2026-1"),
        key: "p/deal/4711/invoice/whole/1".to_owned(),
        revision: draft.revision().as_str().to_owned(),
        deal: DealId(4711),
        contractor: ContractorId::new("0207043410/020701001"),
        number: number.to_owned(),
        totals: draft.totals().unwrap().amounts(),
        draft,
        test: false,
        recorded_at: "2026-03-12T09:00:00Z".parse().unwrap(),
        cancelled: None,
        issue_given: Some(3),
        cancel_given: None,
    }
}

fn organisations() -> Vec<Organisation> {
    vec![Organisation {
        id: OrganisationId::new("north"),
        name: "ООО «Север»".to_owned(),
        inn: "7707083893".parse().unwrap(),
        kpp: Some("770701001".parse().unwrap()),
        test: false,
        prefix: String::new(),
        go_on: None,
    }]
}

fn rows(bill: OfficeBill, again: bool, on_demand: bool) -> Vec<Row> {
    let given = [GivenBill { bill, again }];
    rows::of_bills(&given, &organisations(), Some(3), on_demand).unwrap()
}

fn of(row: &Row, heading: &str) -> Cell {
    let column = HEADINGS.iter().position(|(name, _)| *name == heading);
    row[column.unwrap()].clone()
}

/// A cell of a sheet's XML: the kind that it has there, and its value as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    kind: String,
    value: String,
}

/// The rows of a workbook below its headings, from the XML that a spreadsheet reads.
fn read_back(rows: &[Row]) -> Vec<Vec<Read>> {
    let now = "2026-03-12T09:00:00Z".parse().unwrap();
    let bytes = file::workbook(rows, now).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut part = |name: &str| {
        let mut text = String::new();
        archive
            .by_name(name)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    };
    let strings: Vec<String> = between(&part("xl/sharedStrings.xml"), "<si>", "</si>")
        .iter()
        .map(|one| unescaped(one.split_once('>').unwrap().1.trim_end_matches("</t>")))
        .collect();
    let sheet = part("xl/worksheets/sheet1.xml");
    assert!(
        !sheet.contains("<f>") && !sheet.contains("<f "),
        "a formula"
    );
    let mut lines: Vec<Vec<Read>> = Vec::new();
    for line in between(&sheet, "<row ", "</row>") {
        let mut cells = vec![
            Read {
                kind: "empty".into(),
                value: String::new()
            };
            HEADINGS.len()
        ];
        for cell in between(&line, "<c ", "</c>") {
            let reference = &between(&cell, "r=\"", "\"")[0];
            let letter = reference.bytes().next().unwrap();
            let value = between(&cell, "<v>", "</v>").remove(0);
            let is_text = cell.contains("t=\"s\"");
            let value = if is_text {
                strings[value.parse::<usize>().unwrap()].clone()
            } else {
                value
            };
            let kind = if is_text { "text" } else { "number" };
            cells[usize::from(letter - b'A')] = Read {
                kind: kind.into(),
                value,
            };
        }
        lines.push(cells);
    }
    let headings = lines.remove(0).into_iter().map(|cell| cell.value);
    assert_eq!(headings.collect::<Vec<_>>(), HEADINGS.map(|(name, _)| name));
    lines
}

fn between(text: &str, open: &str, close: &str) -> Vec<String> {
    let parts = text.split(open).skip(1);
    let inner = parts.filter_map(|part| Some(part.split_once(close)?.0.to_owned()));
    inner.collect()
}

fn unescaped(text: &str) -> String {
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"");
    text.replace("&amp;", "&")
}

#[test]
fn each_line_has_all_that_an_import_needs() {
    let rows = rows(bill("СВ-1", "ООО «Ромашка»", "Кабель"), false, false);
    assert_eq!(rows.len(), 2);
    let money = |kopecks| Cell::Money(Money::from_kopecks(kopecks));
    // 120.5 × 96.50 = 11 628.25, of which 22/122.
    for (heading, cell) in [
        ("Номер", Cell::text("СВ-1")),
        ("Дата", Cell::Date("2026-03-12".parse().unwrap())),
        ("Организация", Cell::text("ООО «Север»")),
        ("ИНН организации", Cell::text("7707083893")),
        ("Покупатель", Cell::text("ООО «Ромашка»")),
        ("ИНН покупателя", Cell::text("0207043410")),
        ("КПП покупателя", Cell::text("020701001")),
        ("Строка", Cell::Number(Decimal::ONE)),
        ("Наименование", Cell::text("Кабель")),
        ("Код ОКЕИ", Cell::text("006")),
        ("Количество", Cell::Number(Decimal::new(1205, 1))),
        ("Ставка НДС", Cell::text("22%")),
        ("Сумма без НДС", money(953_135)),
        ("НДС", money(209_690)),
        ("Сумма с НДС", money(1_162_825)),
        ("Итого по счёту", money(1_312_825)),
        ("Сделка", Cell::Number(Decimal::from(4711))),
        ("Состояние", Cell::text("Выставлен")),
        ("Отметка", Cell::Empty),
    ] {
        assert_eq!(of(&rows[0], heading), cell, "{heading}");
    }
    assert_eq!(of(&rows[1], "Ставка НДС"), Cell::text("без НДС"));
    assert_eq!(of(&rows[1], "НДС"), money(0));
}

#[test]
fn what_may_have_been_seen_before_says_so() {
    let cancelled = |issue_given| OfficeBill {
        cancelled: Some(Cancelled {
            at: "2026-03-13T09:00:00Z".parse().unwrap(),
            by: "anna".to_owned(),
            because: "ошибка".to_owned(),
        }),
        issue_given,
        ..bill("1", "Б", "К")
    };
    for (bill, again, on_demand, state, mark) in [
        (
            bill("1", "Б", "К"),
            true,
            false,
            "Выставлен",
            "Повторно: выгрузка № 3 не была завершена",
        ),
        (
            bill("1", "Б", "К"),
            true,
            true,
            "Выставлен",
            "Повторно: выгрузка № 3",
        ),
        (cancelled(Some(3)), false, false, "Отменён: ошибка", ""),
        (
            cancelled(Some(2)),
            false,
            false,
            "Отменён: ошибка",
            "Отмена: счёт уже был в выгрузке № 2",
        ),
        (
            cancelled(Some(2)),
            true,
            false,
            "Отменён: ошибка",
            "Повторно: выгрузка № 3 не была завершена; Отмена: счёт уже был в выгрузке № 2",
        ),
    ] {
        let rows = rows(bill, again, on_demand);
        for row in &rows {
            assert_eq!(of(row, "Состояние"), Cell::text(state));
            assert_eq!(of(row, "Отметка"), Cell::text(mark));
        }
    }
}

#[test]
fn a_preview_of_what_was_never_given_marks_a_cancellation_of_what_was() {
    let cancelled = OfficeBill {
        cancelled: Some(Cancelled {
            at: "2026-03-13T09:00:00Z".parse().unwrap(),
            by: "anna".to_owned(),
            because: "ошибка".to_owned(),
        }),
        ..bill("СВ-1", "Б", "К")
    };
    let never = OfficeBill {
        issue_given: None,
        ..bill("СВ-2", "Б", "К")
    };
    let given = [cancelled, never].map(|bill| GivenBill { bill, again: false });
    let rows = rows::of_bills(&given, &organisations(), None, false).unwrap();
    assert_eq!(
        of(&rows[0], "Отметка"),
        Cell::text("Отмена: счёт уже был в выгрузке № 3")
    );
    assert_eq!(of(&rows[2], "Отметка"), Cell::Empty);
    let told = list::preview(&rows);
    assert!(
        told.contains("СВ-2") && told.contains("строк 4, ничего не записано"),
        "{told}"
    );
}

#[test]
fn the_list_says_what_came_for_each_invoice() {
    let bills = [("СВ-1", "2026-1"), ("СВ-2", "2026-2")].map(|(number, id)| OfficeBill {
        id: InvoiceId::new(id),
        ..bill(number, "ООО «Ромашка»", "Кабель")
    });
    let paid = Balance {
        deal: DealId(4711),
        number: "СВ-1".to_owned(),
        date: bills[0].draft.date,
        total: bills[0].totals.gross,
        paid: Money::from_kopecks(50_000),
        stands: true,
    };
    let balances = BTreeMap::from([(list::of_ledger(&bills[0]), paid)]);
    let told = |as_json| list::told(&bills, &balances, &organisations(), as_json).unwrap();
    let told_to_people = told(false);
    let row = |number: &str| {
        let mut lines = told_to_people.lines();
        let row = lines.find(|line| line.contains(number)).unwrap();
        row.replace('\u{a0}', " ")
    };
    assert!(told_to_people.contains("Оплачено"), "{told_to_people}");
    assert!(row("СВ-1").contains(" 500,00 "), "{told_to_people}");
    assert!(row("СВ-2").contains(" 0,00 "), "{told_to_people}");
    let told_to_programs: serde_json::Value = serde_json::from_str(&told(true)).unwrap();
    assert_eq!(told_to_programs[0]["paid_kopecks"], 50_000);
    assert_eq!(told_to_programs[1]["paid_kopecks"], 0);
}

#[test]
fn numbers_dates_and_texts_keep_their_kind_in_a_workbook() {
    let read = read_back(&rows(bill("1", "ООО «Ромашка»", "Кабель"), false, false));
    // The number of an invoice, an INN and a KPP are texts: their leading zeros stay.
    for (heading, kind, value) in [
        ("Номер", "text", "1"),
        ("ИНН покупателя", "text", "0207043410"),
        ("КПП покупателя", "text", "020701001"),
        ("Количество", "number", "120.5"),
        ("Цена", "number", "96.5"),
        ("Сумма с НДС", "number", "11628.25"),
        ("НДС", "number", "2096.9"),
        // Days since the end of 1899, as spreadsheets count.
        ("Дата", "number", "46093"),
        ("Отметка", "empty", ""),
    ] {
        let column = HEADINGS.iter().position(|(name, _)| *name == heading);
        let cell = &read[0][column.unwrap()];
        assert_eq!(
            (cell.kind.as_str(), cell.value.as_str()),
            (kind, value),
            "{heading}"
        );
    }
}

#[test]
fn a_number_too_long_for_a_spreadsheet_stays_as_it_is() {
    let mut bill = bill("1", "Б", "К");
    let long = "0.1234567890123456".parse::<Decimal>().unwrap();
    bill.draft.lines[0].quantity = domain::Quantity::new(long);
    let read = read_back(&rows(bill, false, false));
    let cell = &read[0][12];
    assert_eq!(
        (cell.kind.as_str(), cell.value.as_str()),
        ("text", "0.1234567890123456")
    );
}

const HOSTILE: [&str; 12] = [
    "=HYPERLINK(\"https://example.org\";\"x\")",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1",
    "  =1+1",
    "\u{a0}=1+1",
    "\u{feff}=1+1",
    "＝1+1",
    "|cmd",
];

#[test]
fn no_text_from_outside_becomes_a_formula() {
    for hostile in HOSTILE {
        assert!(is_like_formula(hostile), "{hostile:?}");
        let rows = rows(bill("1", hostile, hostile), false, false);
        let read = read_back(&rows);
        assert_eq!(read[0][5].kind, "text", "{hostile:?}");
        let text = String::from_utf8(csv::bytes(&rows)).unwrap();
        let fields = parsed(&text);
        assert_eq!(fields[1][5], format!("'{hostile}"), "{hostile:?}");
    }
    for harmless in ["ООО «Ромашка»", "3-й этаж", "А=Б", "", "1,5 м"] {
        assert!(!is_like_formula(harmless), "{harmless:?}");
    }
}

#[test]
fn a_text_that_no_workbook_can_hold_spoils_none() {
    let strange = "А\u{0}\u{1}\u{b}\u{ffff}\r\nБ";
    let read = read_back(&rows(bill("1", strange, &"я".repeat(40_000)), false, false));
    assert_eq!(read[0][5].value, "А     \nБ");
    let shortened = &read[0][9].value;
    assert_eq!(shortened.chars().count(), 32_001);
    assert!(shortened.ends_with("я…"));
}

#[test]
fn csv_is_read_back_as_it_was_meant() {
    let name = "Кабель \"ВВГ\"; 3х2,5\r\nчёрный";
    let bytes = csv::bytes(&rows(bill("1", "ООО «Ромашка»", name), false, false));
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with('\u{feff}'));
    let lines = parsed(&text);
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.len() == HEADINGS.len()));
    let line = &lines[1];
    assert_eq!((line[1].as_str(), line[9].as_str()), ("12.03.2026", name));
    assert_eq!(
        (line[12].as_str(), line[19].as_str()),
        ("120,5", "11628,25")
    );
}

#[test]
fn a_negative_sum_is_a_number_and_no_formula() {
    let mut rows = rows(bill("1", "Б", "К"), false, false);
    rows[0][19] = Cell::Money(Money::from_kopecks(-5));
    let lines = parsed(&String::from_utf8(csv::bytes(&rows)).unwrap());
    assert_eq!(lines[1][19], "-0,05");
    let cell = &read_back(&rows)[0][19];
    assert_eq!(
        (cell.kind.as_str(), cell.value.as_str()),
        ("number", "-0.05")
    );
}

#[test]
fn an_organisation_that_left_the_configuration_is_named_by_its_id() {
    let given = [GivenBill {
        bill: bill("1", "Б", "К"),
        again: false,
    }];
    let rows = rows::of_bills(&given, &[], Some(3), false).unwrap();
    assert_eq!(of(&rows[0], "Организация"), Cell::text("north"));
}

/// RFC 4180 with `;`, as a reader that knows nothing of the writer reads it.
fn parsed(text: &str) -> Vec<Vec<String>> {
    let mut lines = vec![vec![String::new()]];
    let mut within = false;
    let mut chars = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(c) = chars.next() {
        let line = lines.last_mut().unwrap();
        match c {
            '"' if within && chars.peek() == Some(&'"') => {
                chars.next();
                line.last_mut().unwrap().push('"');
            }
            '"' => within = !within,
            ';' if !within => line.push(String::new()),
            '\r' if !within && chars.peek() == Some(&'\n') => {
                chars.next();
                lines.push(vec![String::new()]);
            }
            other => line.last_mut().unwrap().push(other),
        }
    }
    lines.pop();
    lines
}
