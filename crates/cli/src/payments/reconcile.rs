//! `provodka payments reconcile`: a month between bank, accounting side and CRM, as a table and lines, JSON, or a workbook.
//!
//! Not here: the computation (`desk::reconciliation`).

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use desk::policy::NoBooking;
use desk::reconciliation::{
    Columns, Line, Month, NotReconciled, OrganisationMonth, Reconciliation, Section,
    agreement_word, columns, kind_word, section_word, what_word, workbook,
};
use domain::display::date;

use crate::args::ReconcileArgs;
use crate::fault::{Told, Unwell};
use crate::product::Product;
use crate::words::harmless;
use crate::{out, zone};

/// What a reconciliation came to.
#[derive(Debug)]
pub struct Report {
    /// For people, or JSON.
    pub text: String,
    /// No side says otherwise than another.
    pub agrees: bool,
}

impl Report {
    /// The exit status: whoever runs it by a timer should hear of differences.
    ///
    /// # Errors
    /// [`Unwell`] if the sides differ.
    pub fn judged(&self) -> anyhow::Result<()> {
        if self.agrees {
            Ok(())
        } else {
            Err(Unwell.into())
        }
    }
}

/// Reconciles a month; gives what is to be printed.
///
/// # Errors
/// When nothing is booked, there is no such organisation, or the workbook cannot be written.
pub async fn run(product: &Product, args: &ReconcileArgs) -> anyhow::Result<Report> {
    out::refuse_taken(args.xlsx.as_deref())?;
    let month = match args.month {
        Some(month) => month,
        None => {
            let zone = zone::in_force(product).await;
            Month::of(product.clock.now().to_zoned(zone).date())
        }
    };
    let desk = product.desk();
    let report = desk.reconcile(month, args.organisation.as_deref()).await;
    let report = report.map_err(told)?;
    if let Some(out) = &args.xlsx {
        out::write_new(out, &workbook(&report, product.clock.now())?)?;
    }
    let text = if args.json {
        let mut text = serde_json::to_string(&report)?;
        text.push('\n');
        text
    } else {
        in_words(&report)
    };
    Ok(Report {
        text,
        agrees: report.agrees(),
    })
}

fn told(error: NotReconciled) -> anyhow::Error {
    let hint = match &error {
        NotReconciled::NoBooking(NoBooking::NoPolicy) => "run `provodka setup` first",
        NotReconciled::NoBooking(NoBooking::NoMoney) => {
            "add the section as in docs/guide/payments.md, and run `provodka policy apply`"
        }
        NotReconciled::Nobody(_) => "`provodka policy export` shows them under [[organisations]]",
        NotReconciled::NoBooking(_) | NotReconciled::Store(_) => return error.into(),
    };
    Told::mistake(error.to_string()).hint(hint).into()
}

/// The report for a terminal.
pub(crate) fn in_words(report: &Reconciliation) -> String {
    let mut told = String::new();
    for one in &report.organisations {
        told.push_str(&of_organisation(report.month, one));
    }
    let last = if report.agrees() {
        agreement_word(report)
    } else {
        "Стороны расходятся: что сделать с каждой строкой, говорит docs/guide/payments.md."
    };
    told.push_str(&format!("{last}\n"));
    harmless(&told)
}

fn of_organisation(month: Month, one: &OrganisationMonth) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_header(["", "Банк", "Учёт", "CRM"]);
    let mut row = |name: String, amounts: Columns| {
        let mut cells = vec![name];
        cells.extend(columns(amounts));
        table.add_row(cells);
    };
    for sum in &one.sums {
        row(what_word(sum.what).to_owned(), sum.columns);
    }
    if one.accounts.len() > 1 {
        for account in &one.accounts {
            row(
                format!("от покупателей на {}", account.number),
                account.came,
            );
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut told = format!("{} · {}\n{table}\n", one.title, month.in_words());
    for section in Section::ALL {
        let mut lines = one.of(section).peekable();
        if lines.peek().is_none() {
            continue;
        }
        told.push_str(&format!("\n{}\n", section_word(section)));
        for line in lines {
            told.push_str(&in_line(line));
        }
    }
    told.push('\n');
    told
}

fn in_line(line: &Line) -> String {
    let [bank, accounting, crm] = columns(line.columns);
    let mut amounts = Vec::new();
    for (name, amount, is_told) in [
        ("банк", bank, line.columns.bank.is_some()),
        ("учёт", accounting, line.columns.accounting.is_some()),
        ("CRM", crm, line.columns.crm.is_some()),
    ] {
        if is_told {
            amounts.push(format!("{name} {amount}"));
        }
    }
    let mut told = format!(
        "  {} · {} · {}",
        date(line.day),
        kind_word(line.kind),
        line.document
    );
    if !amounts.is_empty() {
        told.push_str(&format!(" · {}", amounts.join(", ")));
    }
    told.push_str(&format!("\n      {}\n", line.why));
    told
}
