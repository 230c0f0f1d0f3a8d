//! A month between bank, accounting side and CRM: a page that can be printed, and the same as a workbook.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use desk::reconciliation::{
    Columns, Line, Month, NotReconciled, OrganisationMonth, Reconciliation, Section,
    agreement_word, columns, kind_word, section_word, what_word, workbook,
};
use domain::display::date;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

use super::asked;
use super::words::plain;
use crate::admin::Admin;
use crate::admin::answer::{self, Frame};
use crate::admin::session::Session;

/// Lines of one part that a page shows; all of them are in the workbook.
const ON_A_PAGE: usize = 500;

#[derive(Template)]
#[template(path = "money/reconciliation.html")]
struct Page {
    frame: Frame,
    /// Nothing is booked, or nobody is of that name.
    off: Option<String>,
    trouble: Option<&'static str>,
    /// `2026-03`
    month: String,
    in_words: String,
    /// When: a printed sheet outlives what it says.
    as_of: String,
    before: String,
    after: String,
    /// That no side says otherwise than another, where none does.
    agreement: Option<&'static str>,
    organisations: Vec<OfOrganisation>,
}

struct OfOrganisation {
    title: String,
    rows: Vec<Row>,
    accounts: Vec<Row>,
    parts: Vec<Part>,
}

/// A name and its amounts on three sides.
struct Row {
    name: String,
    columns: [String; 3],
    /// Sides that tell it tell different amounts.
    differs: bool,
}

struct Part {
    name: &'static str,
    is_difference: bool,
    lines: Vec<InWords>,
    /// How many more the workbook has.
    more: usize,
}

struct InWords {
    day: String,
    kind: &'static str,
    document: String,
    why: String,
    payment: Option<i64>,
    columns: [String; 3],
}

/// `GET /money/reconciliation`
pub(in crate::admin) async fn show(
    State(admin): State<Arc<Admin>>,
    session: Session,
    uri: Uri,
) -> Response {
    let (month, trouble) = wanted(&admin, &uri);
    let now = admin.pages.clock.now().to_zoned(admin.pages.zone.clone());
    let as_of = now.strftime("%d.%m.%Y %H:%M").to_string();
    let page = match admin.desk().reconcile(month, None).await {
        Ok(report) => Page {
            trouble,
            ..Page::of(&session, month, as_of, &report)
        },
        Err(NotReconciled::Store(error)) => return answer::broken(&error),
        Err(error) => Page {
            off: Some(off(&error)),
            ..Page::empty(&session, month, as_of)
        },
    };
    answer::page(StatusCode::OK, &page)
}

/// `GET /money/reconciliation.xlsx`
pub(in crate::admin) async fn download(
    State(admin): State<Arc<Admin>>,
    _session: Session,
    uri: Uri,
) -> Response {
    let (month, _) = wanted(&admin, &uri);
    let report = match admin.desk().reconcile(month, None).await {
        Ok(report) => report,
        Err(NotReconciled::Store(error)) => return answer::broken(&error),
        Err(error) => {
            return answer::message(StatusCode::CONFLICT, "Сверять нечего", &off(&error));
        }
    };
    let bytes = match workbook(&report, admin.pages.clock.now()) {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "no workbook");
            let text = "Строк больше, чем вмещает файл.";
            return answer::message(StatusCode::INTERNAL_SERVER_ERROR, "Файл не собрать", text);
        }
    };
    let name = format!("attachment; filename=\"reconciliation-{month}.xlsx\"");
    let Ok(name) = HeaderValue::from_str(&name) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let kind = HeaderValue::from_static(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    );
    let keep = HeaderValue::from_static("no-store");
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_DISPOSITION, name),
        (CACHE_CONTROL, keep),
    ];
    (headers, bytes).into_response()
}

/// The month of the address; one that cannot be read is the present one, and that is said.
fn wanted(admin: &Admin, uri: &Uri) -> (Month, Option<&'static str>) {
    let now = Month::of(admin.today());
    match asked(uri, "month") {
        None => (now, None),
        Some(text) => match text.parse() {
            Ok(month) => (month, None),
            Err(_) => (now, Some("Такого месяца нет: показан текущий.")),
        },
    }
}

fn off(error: &NotReconciled) -> String {
    match error {
        NotReconciled::NoBooking(_) => {
            "Деньги не учитываются: в политике нет раздела money. Как его добавить, сказано в docs/guide/payments.md."
                .to_owned()
        }
        NotReconciled::Nobody(_) | NotReconciled::Store(_) => error.to_string(),
    }
}

impl Page {
    fn empty(session: &Session, month: Month, as_of: String) -> Self {
        Self {
            frame: Frame::of(session, "reconciliation"),
            off: None,
            trouble: None,
            month: month.to_string(),
            in_words: month.in_words(),
            as_of,
            before: month.before().to_string(),
            after: month.after().to_string(),
            agreement: None,
            organisations: Vec::new(),
        }
    }

    fn of(session: &Session, month: Month, as_of: String, report: &Reconciliation) -> Self {
        let organisations = report.organisations.iter();
        Self {
            agreement: report.agrees().then(|| agreement_word(report)),
            organisations: organisations.map(OfOrganisation::of).collect(),
            ..Self::empty(session, month, as_of)
        }
    }
}

impl OfOrganisation {
    fn of(one: &OrganisationMonth) -> Self {
        let sums = one.sums.iter();
        let accounts = one.accounts.iter();
        let parts = Section::ALL.into_iter().map(|section| {
            let lines: Vec<&Line> = one.of(section).collect();
            Part {
                name: section_word(section),
                is_difference: section == Section::Differences,
                more: lines.len().saturating_sub(ON_A_PAGE),
                lines: lines.into_iter().take(ON_A_PAGE).map(InWords::of).collect(),
            }
        });
        Self {
            title: plain(&one.title),
            rows: sums
                .map(|sum| Row::of(what_word(sum.what).to_owned(), sum.columns))
                .collect(),
            accounts: accounts
                .map(|account| {
                    Row::of(
                        format!("от покупателей на {}", account.number),
                        account.came,
                    )
                })
                .collect(),
            parts: parts.filter(|part| !part.lines.is_empty()).collect(),
        }
    }
}

impl Row {
    fn of(name: String, amounts: Columns) -> Self {
        let told = [amounts.bank, amounts.accounting, amounts.crm];
        let mut told = told.into_iter().flatten();
        let first = told.next();
        Self {
            name,
            columns: columns(amounts),
            differs: told.any(|amount| Some(amount) != first),
        }
    }
}

impl InWords {
    fn of(line: &Line) -> Self {
        Self {
            day: date(line.day),
            kind: kind_word(line.kind),
            document: plain(&line.document),
            why: plain(&line.why),
            payment: line.payment,
            columns: columns(line.columns),
        }
    }
}
