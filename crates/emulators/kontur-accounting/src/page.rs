//! The page at `/`, where a person plays the accountant, and the few addresses it calls.
//!
//! It has no sign-in: the emulator is for loopback. The script writes all values as text,
//! never as markup.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::accountant::{Accountant, NewPayment};
use crate::amount::Kopecks;
use crate::book::Book;
use crate::config::Settings;
use crate::emulator::{Emulator, json_response, pdf_response};
use crate::id::Id;
use crate::print_form::PrintForm;
use crate::problem::{Fault, Problem};
use crate::records::{Allocation, Direction, Payer};
use crate::replies;

const INDEX: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// How many of the newest requests the page shows.
const REQUESTS_SHOWN: usize = 40;

pub(crate) fn router(emulator: Emulator) -> Router {
    Router::new()
        .route(
            "/",
            get(|| async { file("text/html; charset=utf-8", INDEX) }),
        )
        .route(
            "/ui/style.css",
            get(|| async { file("text/css; charset=utf-8", STYLE) }),
        )
        .route(
            "/ui/script.js",
            get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }),
        )
        .route("/ui/state", get(state))
        .route("/ui/act", post(act))
        .route("/ui/bills/{organization}/{bill}", get(bill_pdf))
        .with_state(emulator)
}

/// What a person does on the page.
#[derive(Debug, Deserialize)]
#[serde(tag = "act", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Act {
    IssueBill {
        organization: Id,
        bill: Value,
    },
    EditBill {
        organization: Id,
        id: Id,
        changes: Value,
    },
    CancelBill {
        organization: Id,
        id: Id,
    },
    RejectBill {
        organization: Id,
        id: Id,
    },
    MarkBillPaid {
        organization: Id,
        id: Id,
        paid: bool,
    },
    DeleteBill {
        organization: Id,
        id: Id,
    },
    RestoreBill {
        organization: Id,
        id: Id,
    },
    AddPayment {
        organization: Id,
        payment: PaymentForm,
    },
    EditPayment {
        organization: Id,
        id: Id,
        payment: PaymentForm,
    },
    AllocatePayment {
        organization: Id,
        id: Id,
        shares: Vec<ShareForm>,
    },
    DeletePayment {
        organization: Id,
        id: Id,
    },
    ClosePeriod {
        organization: Id,
        through: Option<Date>,
    },
    SetTariffPaid {
        organization: Id,
        paid: bool,
    },
    Configure {
        settings: Settings,
    },
}

/// A payment as a person enters it; with `bill_id` it is allocated at once.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentForm {
    number: Option<String>,
    date: Date,
    sum: String,
    payer_name: Option<String>,
    payer_inn: Option<String>,
    payer_kpp: Option<String>,
    /// From which it was paid; what tells two orders of one number apart.
    payer_account: Option<String>,
    payer_bik: Option<String>,
    /// Which of the organisation's own accounts; the main one where it is not said.
    bank_account_id: Option<Id>,
    /// Incoming where it is not said.
    direction: Option<DirectionForm>,
    purpose: String,
    bill_id: Option<Id>,
}

/// Which way the money went.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum DirectionForm {
    Incoming,
    Outgoing,
}

/// A part of a payment for a bill.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShareForm {
    bill_id: Id,
    sum: String,
}

async fn state(State(emulator): State<Emulator>) -> Response {
    let now = emulator.now();
    let service = emulator.service();
    let organizations: Vec<Value> = service
        .books
        .iter()
        .map(|book| book_state(book, now))
        .collect();
    let newest = service.requests.iter().rev().take(REQUESTS_SHOWN);
    let requests: Vec<Value> = newest
        .map(|seen| {
            json!({
                "at": replies::moment(seen.at),
                "operation": seen.operation,
                "path": seen.path,
                "status": seen.status,
                "fault": seen.fault.map(|fault| fault.to_string()),
            })
        })
        .collect();
    let rules: Vec<String> = emulator
        .faults()
        .rules()
        .iter()
        .map(ToString::to_string)
        .collect();
    json_response(
        200,
        &json!({
            "now": replies::moment(now),
            "organizations": organizations,
            "requests": requests,
            "faults": rules,
            "hint": service.hints.last().map(|hint| json!({
                "at": replies::moment(hint.at),
                "answered": hint.answered,
            })),
            "settings": service.settings,
        }),
    )
}

fn book_state(book: &Book, now: jiff::Timestamp) -> Value {
    let today = book.today(now);
    let mut bills: Vec<_> = book.bills.all().collect();
    bills.sort_by_key(|bill| std::cmp::Reverse(bill.meta.created_at));
    let bills: Vec<Value> = bills
        .into_iter()
        .map(|bill| replies::bill(bill, today))
        .collect();
    let contractors: Vec<Value> = book
        .contractors
        .all()
        .map(|c| replies::contractor(c))
        .collect();
    let payments: Vec<Value> = book.payments.all().map(|p| replies::payment(p)).collect();
    let accounts = book.organization.bank_accounts.iter();
    let accounts: Vec<Value> = accounts.map(replies::bank_account).collect();
    json!({
        "organization": replies::organization(&book.organization),
        "tariffPaid": book.organization.tariff_paid,
        "today": today.to_string(),
        "bills": bills,
        "contractors": contractors,
        "bankAccounts": accounts,
        "payments": payments,
    })
}

async fn act(State(emulator): State<Emulator>, headers: HeaderMap, body: Bytes) -> Response {
    // A form of a foreign page cannot send this type without asking first.
    let json = headers
        .get(CONTENT_TYPE)
        .is_some_and(|t| t.as_bytes().starts_with(b"application/json"));
    let outcome = if json {
        carry_out(&emulator, &body)
    } else {
        Err(not_understood())
    };
    match outcome {
        Ok(()) => json_response(200, &json!({"done": true})),
        Err(problem) => json_response(problem.status, &problem.body("")),
    }
}

fn carry_out(emulator: &Emulator, body: &[u8]) -> Result<(), Problem> {
    let act: Act = serde_json::from_slice(body).map_err(|_| not_understood())?;
    let at = |organization| {
        let person = emulator.accountant(organization);
        person.ok_or_else(|| Problem::not_found("Объект", "organization"))
    };
    match act {
        Act::IssueBill { organization, bill } => at(organization)?.issue_bill(&bill).map(drop),
        Act::EditBill {
            organization,
            id,
            changes,
        } => at(organization)?.edit_bill(id, &changes).map(drop),
        Act::CancelBill { organization, id } => at(organization)?.cancel_bill(id).map(drop),
        Act::RejectBill { organization, id } => at(organization)?.reject_bill(id).map(drop),
        Act::MarkBillPaid {
            organization,
            id,
            paid,
        } => at(organization)?.mark_bill_paid(id, paid).map(drop),
        Act::DeleteBill { organization, id } => at(organization)?.delete_bill(id).map(drop),
        Act::RestoreBill { organization, id } => at(organization)?.restore_bill(id).map(drop),
        Act::AddPayment {
            organization,
            payment,
        } => add_payment(&at(organization)?, payment),
        Act::EditPayment {
            organization,
            id,
            payment,
        } => at(organization)?
            .edit_payment(id, payment.read()?)
            .map(drop),
        Act::AllocatePayment {
            organization,
            id,
            shares,
        } => {
            let shares: Result<Vec<Allocation>, Problem> =
                shares.iter().map(ShareForm::read).collect();
            at(organization)?.allocate(id, shares?).map(drop)
        }
        Act::DeletePayment { organization, id } => at(organization)?.delete_payment(id),
        Act::ClosePeriod {
            organization,
            through,
        } => at(organization)?.close_period(through),
        Act::SetTariffPaid { organization, paid } => at(organization)?.set_tariff_paid(paid),
        Act::Configure { settings } => {
            emulator.configure(|own| *own = settings);
            Ok(())
        }
    }
}

fn add_payment(accountant: &Accountant, form: PaymentForm) -> Result<(), Problem> {
    let bill_id = form.bill_id;
    let new = form.read()?;
    let sum = new.sum;
    let payment = accountant.add_payment(new)?;
    if let Some(bill_id) = bill_id {
        accountant.allocate(payment.meta.id, vec![Allocation { bill_id, sum }])?;
    }
    Ok(())
}

impl PaymentForm {
    fn read(self) -> Result<NewPayment, Problem> {
        Ok(NewPayment {
            number: self.number,
            date: self.date,
            direction: match self.direction {
                None | Some(DirectionForm::Incoming) => Direction::Incoming,
                Some(DirectionForm::Outgoing) => Direction::Outgoing,
            },
            sum: sum(&self.sum)?,
            payer: Payer {
                name: self.payer_name,
                inn: self.payer_inn,
                kpp: self.payer_kpp,
                account_number: self.payer_account,
                bik: self.payer_bik,
            },
            bank_account: self.bank_account_id,
            purpose: self.purpose,
        })
    }
}

impl ShareForm {
    fn read(&self) -> Result<Allocation, Problem> {
        Ok(Allocation {
            bill_id: self.bill_id,
            sum: sum(&self.sum)?,
        })
    }
}

fn sum(text: &str) -> Result<Kopecks, Problem> {
    let sum = Kopecks::parse(text).filter(|sum| sum.0 > 0);
    sum.ok_or_else(|| {
        Problem::invalid(vec![Fault {
            code: "decimalStringExpected",
            message: "Нужна сумма вида 1234.56".to_owned(),
            target: Some("sum".to_owned()),
        }])
    })
}

async fn bill_pdf(
    State(emulator): State<Emulator>,
    Path((organization, bill)): Path<(String, String)>,
) -> Response {
    let ids = (organization.parse().ok(), bill.parse().ok());
    let (Some(organization), Some(bill)) = ids else {
        return json_response(404, &Problem::not_found("Счёт", "billId").body(""));
    };
    let form = emulator.in_book(organization, |book, _| {
        let bill = book.bill(bill)?;
        Ok(PrintForm::of_bill(&book.organization, &bill))
    });
    match form {
        Ok(form) => pdf_response(&form.file_name(), form.render()),
        Err(problem) => json_response(problem.status, &problem.body("")),
    }
}

fn not_understood() -> Problem {
    Problem::invalid(vec![Fault {
        code: "wrongType",
        message: "Действие не разобрать".to_owned(),
        target: None,
    }])
}

fn file(content_type: &'static str, text: &'static str) -> Response {
    let mut response = Response::new(axum::body::Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                  img-src 'self' data:; base-uri 'none'; form-action 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
