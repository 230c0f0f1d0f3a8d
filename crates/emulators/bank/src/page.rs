//! The page at `/`: a person enters what came and went, and takes the statement of a period. Plain forms, no script.
//!
//! It has no sign-in: the emulator is for loopback.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, LOCATION, ORIGIN,
};
use http::{HeaderMap, HeaderValue};

use crate::bank::{Bank, Form, Operation, Party, Way};
use crate::code_page::CodePage;
use crate::statement::roubles;

const STYLE: &str = include_str!("page/style.css");

pub(crate) fn router(bank: Bank) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/operations", post(enter))
        .route("/statement", get(statement))
        .route("/style.css", get(style))
        .with_state(bank)
}

async fn style() -> Response {
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    ([(CONTENT_TYPE, kind)], STYLE).into_response()
}

async fn show(State(bank): State<Bank>) -> Response {
    page(StatusCode::OK, &bank, None)
}

async fn enter(State(bank): State<Bank>, headers: HeaderMap, body: Bytes) -> Response {
    // A form of a foreign page says where it comes from.
    let told = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let own = told(HOST).unwrap_or_default();
    let origin = told(ORIGIN).and_then(|origin| origin.split_once("://"));
    if origin.is_some_and(|(_, host)| host != own) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let fields = fields(&body);
    let done = read(&bank, &fields).is_some_and(|operation| bank.carry_out(operation));
    if !done {
        let why = "Не получилось: нужны сумма вида 1234.56, номер, даты по порядку и плательщик.";
        return page(StatusCode::UNPROCESSABLE_ENTITY, &bank, Some(why));
    }
    (
        StatusCode::SEE_OTHER,
        [(LOCATION, HeaderValue::from_static("/"))],
    )
        .into_response()
}

async fn statement(State(bank): State<Bank>, uri: Uri) -> Response {
    let fields = fields(uri.query().unwrap_or_default().as_bytes());
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let mut pages = CodePage::ALL.into_iter();
    let days = field("from").parse().ok().zip(field("to").parse().ok());
    let wanted = days.zip(pages.find(|page| page.word() == field("code_page")));
    let file = wanted.and_then(|(days, page)| bank.statement(field("account"), days, page));
    let Some(file) = file else {
        let why = "Такой выписки нет: проверьте счёт и дни.";
        return page(StatusCode::UNPROCESSABLE_ENTITY, &bank, Some(why));
    };
    let kind = HeaderValue::from_static("text/plain");
    let name = HeaderValue::from_static("attachment; filename=\"kl_to_1c.txt\"");
    ([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], file).into_response()
}

fn fields(form: &[u8]) -> BTreeMap<String, String> {
    let pairs = form_urlencoded::parse(form);
    pairs
        .map(|(name, value)| (name.into_owned(), value.trim().to_owned()))
        .collect()
}

fn read(bank: &Bank, fields: &BTreeMap<String, String>) -> Option<Operation> {
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let (number, name) = (field("number"), field("name"));
    if number.is_empty() || name.is_empty() {
        return None;
    }
    let booked = field("booked").parse().unwrap_or_else(|_| bank.today());
    let mut forms = Form::ALL.into_iter();
    Some(Operation {
        account: field("account"),
        way: match field("way").as_str() {
            "in" => Way::In,
            "out" => Way::Out,
            _ => return None,
        },
        form: forms.find(|form| form.word() == field("form"))?,
        number,
        date: field("date").parse().unwrap_or(booked),
        booked,
        kopecks: kopecks(&field("sum"))?,
        other: Party {
            name,
            inn: field("inn"),
            account: field("other_account"),
        },
        purpose: field("purpose"),
    })
}

/// `1234`, `1234.5`, `1 234,56` in kopecks.
fn kopecks(text: &str) -> Option<i64> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let text = text.replace(',', ".");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || part.len() > 2 || !is_number(whole) || !is_number(part) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = format!("{part:0<2}").parse().ok()?;
    whole.checked_mul(100)?.checked_add(part)
}

fn page(status: StatusCode, bank: &Bank, trouble: Option<&str>) -> Response {
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(CONTENT_TYPE, kind);
    let policy =
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'self'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    (status, headers, html(bank, trouble)).into_response()
}

fn html(bank: &Bank, trouble: Option<&str>) -> String {
    let today = bank.today();
    let mut accounts = String::new();
    for account in bank.accounts() {
        let (number, owner) = (escaped(&account.number), escaped(&account.owner.name));
        let _written = write!(
            accounts,
            "<option value=\"{number}\">{number} · {owner}</option>"
        );
    }
    let mut rows = String::new();
    for one in bank.operations().iter().rev() {
        let (sign, class) = match one.way {
            Way::In => ("+", "in"),
            Way::Out => ("−", "out"),
        };
        let _written = write!(
            rows,
            "<tr><td>{}</td><td>№ {} от {}<br><small>{}</small></td><td>{}<br><small>{}</small></td><td>{}</td>\
             <td class=\"sum {class}\">{sign}{}</td></tr>",
            one.booked.strftime("%d.%m.%Y"),
            escaped(&one.number),
            one.date.strftime("%d.%m.%Y"),
            escaped(&one.account),
            escaped(&one.other.name),
            escaped(&one.other.inn),
            escaped(&one.purpose),
            roubles(one.kopecks)
        );
    }
    if rows.is_empty() {
        rows.push_str("<tr><td colspan=\"5\">Движений пока нет.</td></tr>");
    }
    let trouble = trouble.map_or_else(String::new, |why| {
        format!("<p role=\"alert\" class=\"trouble\">{}</p>", escaped(why))
    });
    format!(
        include_str!("page/index.html"),
        trouble = trouble,
        accounts = accounts,
        today = today,
        first = today.first_of_month(),
        rows = rows
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::kopecks;

    #[test]
    fn a_sum_is_read_as_people_type_it() {
        for (text, read) in [
            ("1234", Some(123_400)),
            ("1 234,5", Some(123_450)),
            ("0.05", Some(5)),
            ("1.234", None),
            ("", None),
            (".5", None),
            ("-5", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(kopecks(text), read, "{text}");
        }
    }
}
