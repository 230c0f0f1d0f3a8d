//! The reconciliation as a workbook: sums, then all lines, to be filtered and sorted.

use domain::Money;
use jiff::Timestamp;

use super::{
    Columns, Line, OrganisationMonth, Reconciliation, Section, kind_word, section_word, what_word,
};
use crate::sheet::{self, Cell, NoWorkbook, Sheet};

const SUMS: [(&str, u16); 5] = [
    ("Организация", 34),
    ("Что", 34),
    ("Банк", 16),
    ("Учёт", 16),
    ("CRM", 16),
];

const LINES: [(&str, u16); 9] = [
    ("Организация", 34),
    ("Раздел", 26),
    ("Вид", 20),
    ("День", 12),
    ("Документ", 60),
    ("Почему", 70),
    ("Банк", 16),
    ("Учёт", 16),
    ("CRM", 16),
];

/// The bytes of the file. `now` becomes its time of creation.
///
/// # Errors
/// When it is larger than a workbook may be.
pub fn workbook(report: &Reconciliation, now: Timestamp) -> Result<Vec<u8>, NoWorkbook> {
    let organisations = report.organisations.iter();
    let sums: Vec<[Cell; 5]> = organisations.clone().flat_map(sum_rows).collect();
    let lines: Vec<[Cell; 9]> = organisations
        .flat_map(|one| {
            let sections = Section::ALL.into_iter();
            sections.flat_map(move |section| one.of(section).map(move |line| line_row(one, line)))
        })
        .collect();
    let sheets = [
        Sheet {
            name: "Суммы",
            headings: &SUMS,
            rows: sums.iter().map(<[Cell; 5]>::as_slice).collect(),
        },
        Sheet {
            name: "Строки",
            headings: &LINES,
            rows: lines.iter().map(<[Cell; 9]>::as_slice).collect(),
        },
    ];
    sheet::workbook(&sheets, now)
}

fn sum_rows(one: &OrganisationMonth) -> Vec<[Cell; 5]> {
    let sums = one.sums.iter();
    let sums = sums.map(|sum| (what_word(sum.what).to_owned(), sum.columns));
    let accounts = one.accounts.iter();
    let accounts = accounts.map(|account| {
        let what = format!("от покупателей на счёт {}", account.number);
        (what, account.came)
    });
    sums.chain(accounts)
        .map(|(what, columns)| {
            let [bank, accounting, crm] = cells(columns);
            [
                Cell::text(&one.title),
                Cell::text(what),
                bank,
                accounting,
                crm,
            ]
        })
        .collect()
}

fn line_row(one: &OrganisationMonth, line: &Line) -> [Cell; 9] {
    let [bank, accounting, crm] = cells(line.columns);
    [
        Cell::text(&one.title),
        Cell::text(section_word(line.kind.section())),
        Cell::text(kind_word(line.kind)),
        Cell::Date(line.day),
        Cell::text(&line.document),
        Cell::text(&line.why),
        bank,
        accounting,
        crm,
    ]
}

fn cells(columns: Columns) -> [Cell; 3] {
    let cell = |amount: Option<Money>| amount.map_or(Cell::Empty, Cell::Money);
    [columns.bank, columns.accounting, columns.crm].map(cell)
}
