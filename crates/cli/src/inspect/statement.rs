//! `inspect statement`: what was read of bank statements, for people or as JSON. Nothing is booked.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;

use connector_bank_statement::{AccountDays, Fault, Header, ReadError, Record, Statement};
use domain::Money;
use domain::display::figures;
use domain::payment::{Direction, PaymentOrder};
use jiff::civil::Date;
use serde::Serialize;

use crate::fault::Unwell;
use crate::words::harmless;

/// Reads the files, or standard input where there are none, and shows each.
///
/// # Errors
/// [`Unwell`] if anything of a file was not read; it is said where it stands.
pub(crate) fn run(files: &[PathBuf], json: bool, output: &mut impl Write) -> anyhow::Result<()> {
    let mut all_read = true;
    if files.is_empty() {
        all_read = show("-", Ok(io::stdin().lock()), json, output)?;
    }
    for file in files {
        let opened = File::open(file).map(BufReader::new);
        all_read &= show(&file.display().to_string(), opened, json, output)?;
    }
    output.flush()?;
    if all_read { Ok(()) } else { Err(Unwell.into()) }
}

/// Shows one file; whether all of it was read.
pub(super) fn show(
    name: &str,
    input: io::Result<impl BufRead>,
    json: bool,
    output: &mut impl Write,
) -> io::Result<bool> {
    let mut statement = match input {
        Ok(input) => Statement::new(input),
        Err(error) => {
            tell_unread(name, &error.into(), json, output)?;
            return Ok(false);
        }
    };
    let mut seen = Summary::default();
    while let Some(record) = statement.next() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                tell_unread(name, &error, json, output)?;
                return Ok(false);
            }
        };
        if !json && !seen.begun {
            let header = named(name, statement.header(), &statement);
            writeln!(output, "{}", harmless(&header))?;
        }
        seen.note(&record);
        if json {
            write_json(output, &Line::of(name, &record))?;
        } else {
            writeln!(output, "{}", harmless(&in_words(&record)))?;
        }
    }
    if json {
        write_json(
            output,
            &Line::Summary {
                file: name,
                header: statement.header(),
                summary: &seen,
            },
        )?;
    } else {
        if !seen.begun {
            writeln!(output, "{}", named(name, statement.header(), &statement))?;
        }
        writeln!(output, "{}", seen.in_words())?;
    }
    Ok(seen.lost == 0)
}

/// What a file came to.
#[derive(Debug, Default, Serialize)]
struct Summary {
    #[serde(skip)]
    begun: bool,
    orders: usize,
    #[serde(serialize_with = "as_text")]
    came: Money,
    #[serde(serialize_with = "as_text")]
    left: Money,
    faults: usize,
    lost: usize,
}

impl Summary {
    fn note(&mut self, record: &Record) {
        self.begun = true;
        match record {
            Record::Days(_) => {}
            Record::Order { order, .. } => {
                self.orders += 1;
                let sum = match order.direction {
                    Direction::In => &mut self.came,
                    Direction::Out => &mut self.left,
                };
                *sum = sum.checked_add(order.amount).unwrap_or(*sum);
            }
            Record::Fault(fault) => {
                self.faults += 1;
                self.lost += usize::from(fault.kind.loses());
            }
        }
    }

    fn in_words(&self) -> String {
        let (came, left) = (figures(self.came), figures(self.left));
        let faults = match (self.faults, self.lost) {
            (0, _) => "замечаний нет".to_owned(),
            (faults, 0) => format!("замечаний: {faults}"),
            (faults, lost) => format!("замечаний: {faults}, из них с потерей данных: {lost}"),
        };
        format!(
            "Прочитано платежей: {}; поступило {came}, списано {left}; {faults}.\n",
            self.orders
        )
    }
}

/// One line of the JSON output. Amounts are text with two decimals.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Order {
        file: &'a str,
        line: u64,
        direction: Direction,
        number: &'a str,
        date: Date,
        booked: Option<Date>,
        amount: String,
        form: Option<&'a str>,
        own_account: &'a str,
        other: Other<'a>,
        purpose: &'a str,
    },
    Days {
        file: &'a str,
        account: &'a str,
        from: Option<Date>,
        to: Option<Date>,
        at_beginning: Option<String>,
        came: Option<String>,
        left: Option<String>,
        at_end: Option<String>,
    },
    Fault {
        file: &'a str,
        from_line: u64,
        to_line: u64,
        fault: String,
        lost: bool,
    },
    Error {
        file: &'a str,
        error: String,
    },
    Summary {
        file: &'a str,
        header: &'a Header,
        summary: &'a Summary,
    },
}

#[derive(Serialize)]
struct Other<'a> {
    name: Option<&'a str>,
    inn: Option<&'a str>,
    kpp: Option<&'a str>,
    account: Option<&'a str>,
    bik: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(file: &'a str, record: &'a Record) -> Line<'a> {
        match record {
            Record::Order { line, order } => Line::order(file, *line, order),
            Record::Days(days) => Line::days(file, days),
            Record::Fault(fault) => Line::Fault {
                file,
                from_line: fault.from_line,
                to_line: fault.to_line,
                fault: fault.kind.to_string(),
                lost: fault.kind.loses(),
            },
        }
    }

    fn order(file: &'a str, line: u64, order: &'a PaymentOrder) -> Line<'a> {
        let other = &order.other;
        Line::Order {
            file,
            line,
            direction: order.direction,
            number: &order.number,
            date: order.date,
            booked: order.booked,
            amount: order.amount.to_string(),
            form: order.form.as_deref(),
            own_account: order.own_account.as_str(),
            other: Other {
                name: other.name.as_deref(),
                inn: other.inn.as_ref().map(domain::Inn::as_str),
                kpp: other.kpp.as_ref().map(domain::Kpp::as_str),
                account: other.account.as_ref().map(|account| account.as_str()),
                bik: other.bik.as_deref(),
            },
            purpose: &order.purpose,
        }
    }

    fn days(file: &'a str, days: &'a AccountDays) -> Line<'a> {
        let text = |amount: Option<Money>| amount.map(|amount| amount.to_string());
        Line::Days {
            file,
            account: days.account.as_str(),
            from: days.from,
            to: days.to,
            at_beginning: text(days.at_beginning),
            came: text(days.came),
            left: text(days.left),
            at_end: text(days.at_end),
        }
    }
}

/// `Файл x.txt: версия 1.03, windows-1251 (в заголовке Windows), 02.02.2026–03.02.2026`.
fn named<R: BufRead>(name: &str, header: &Header, statement: &Statement<R>) -> String {
    let mut parts = Vec::new();
    parts.extend(
        header
            .version
            .as_ref()
            .map(|version| format!("версия {version}")),
    );
    let claims = header
        .claims
        .as_deref()
        .map(|claims| format!(" (в заголовке {claims})"));
    let page = statement
        .code_page()
        .map(|page| format!("{}{}", page.name(), claims.unwrap_or_default()));
    parts.extend(page);
    parts.extend(days(header.from, header.to));
    format!("Файл {name}: {}", parts.join(", "))
}

fn in_words(record: &Record) -> String {
    match record {
        Record::Order { order, .. } => order_in_words(order),
        Record::Days(days) => days_in_words(days),
        Record::Fault(Fault { kind, .. }) if kind.loses() => format!("  !! {}", told(record)),
        Record::Fault(_) => format!("  !  {}", told(record)),
    }
}

fn told(record: &Record) -> String {
    match record {
        Record::Fault(fault) => fault.to_string(),
        Record::Order { .. } | Record::Days(_) => String::new(),
    }
}

fn order_in_words(order: &PaymentOrder) -> String {
    let sign = match order.direction {
        Direction::In => '+',
        Direction::Out => '-',
    };
    let booked = order.booked.unwrap_or(order.date);
    let name = order.other.name.as_deref().unwrap_or("без имени");
    let inn = order.other.inn.as_ref().map(|inn| format!(", ИНН {inn}"));
    format!(
        "  {}  {sign}{}  № {} от {}  {name}{}: {}",
        day(booked),
        figures(order.amount),
        order.number,
        day(order.date),
        inn.unwrap_or_default(),
        order.purpose
    )
}

fn days_in_words(of: &AccountDays) -> String {
    let amount = |amount: Option<Money>| amount.map_or_else(|| "?".to_owned(), figures);
    format!(
        "  Счёт {}, {}: на начало {}, поступило {}, списано {}, на конец {}",
        of.account,
        days(of.from, of.to).unwrap_or_else(|| "без дат".to_owned()),
        amount(of.at_beginning),
        amount(of.came),
        amount(of.left),
        amount(of.at_end)
    )
}

fn days(from: Option<Date>, to: Option<Date>) -> Option<String> {
    match (from, to) {
        (Some(from), Some(to)) if from == to => Some(day(from)),
        (Some(from), Some(to)) => Some(format!("{}–{}", day(from), day(to))),
        (Some(one), None) | (None, Some(one)) => Some(day(one)),
        (None, None) => None,
    }
}

fn day(date: Date) -> String {
    date.strftime("%d.%m.%Y").to_string()
}

fn tell_unread(
    name: &str,
    error: &ReadError,
    json: bool,
    output: &mut impl Write,
) -> io::Result<()> {
    if json {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
        let error = format!("{error}{}", cause.unwrap_or_default());
        write_json(output, &Line::Error { file: name, error })
    } else {
        writeln!(output, "Файл {name} не прочитан: {}\n", why_not_read(error))
    }
}

/// Why a file is not read, for people.
fn why_not_read(error: &ReadError) -> String {
    match error {
        ReadError::Io(cause) => format!("не открывается: {cause}"),
        ReadError::NotAStatement => {
            "это не выписка для 1С, она начинается с «1CClientBankExchange»".to_owned()
        }
        ReadError::Utf16 => {
            "он в UTF-16: сохраните его в UTF-8 или windows-1251, а лучше скачайте у банка заново"
                .to_owned()
        }
        ReadError::LettersLost | ReadError::LettersUnknown => {
            "русские буквы потеряны или изменены, когда его сохраняли: скачайте выписку у банка заново"
                .to_owned()
        }
    }
}

fn write_json(output: &mut impl Write, line: &Line<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *output, line).map_err(io::Error::from)?;
    output.write_all(b"\n")
}

fn as_text<S: serde::Serializer>(amount: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}
