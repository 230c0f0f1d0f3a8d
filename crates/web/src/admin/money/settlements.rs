//! Invoices that people close without a bank line: the form, what was closed, and taking it back. Both orders ask for the
//! password again, since no bank proves them.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use desk::invoices::NotNamed;
use desk::policy::NoBooking;
use desk::settlements::{self, NotSettled, kind_word};
use domain::DealId;
use domain::display::{date, money};
use domain::ledger::SettlementKind;
use http::StatusCode;
use store::{ListedSettlement, StoreError};

use super::proven::{Refusal, proven};
use super::said;
use super::typed::{amount, named, reason};
use super::words::{NO_BOOKING, not_named, plain};
use crate::admin::Admin;
use crate::admin::answer::{self, Frame};
use crate::admin::form::Order;
use crate::admin::guard::Way;
use crate::admin::session::Session;

/// The newest of them.
const SHOWN: usize = 100;

const KINDS: [(&str, SettlementKind); 4] = [
    ("cash", SettlementKind::Cash),
    ("netting", SettlementKind::Netting),
    ("card", SettlementKind::Card),
    ("marked-paid", SettlementKind::MarkedPaid),
];

#[derive(Template)]
#[template(path = "money/settlements.html")]
struct Page {
    frame: Frame,
    said: Option<&'static str>,
    trouble: Option<String>,
    wanted: Wanted,
    kinds: Vec<(&'static str, &'static str)>,
    settlements: Vec<InWords>,
}

/// The form as it was typed.
#[derive(Clone, Default)]
struct Wanted {
    invoice: String,
    kind: String,
    document: String,
    amount: String,
    day: String,
}

struct InWords {
    number: i64,
    day: String,
    invoice: String,
    deal: u64,
    kind: &'static str,
    document: String,
    author: String,
    amount: String,
    undone: Option<String>,
}

/// `GET /money/settlements`
pub(in crate::admin) async fn show(
    State(admin): State<Arc<Admin>>,
    session: Session,
    uri: Uri,
) -> Response {
    let view = View {
        said: said(&uri),
        ..View::default()
    };
    shown(&admin, &session, StatusCode::OK, view).await
}

/// What is said beside the list.
#[derive(Default)]
struct View {
    said: Option<&'static str>,
    trouble: Option<String>,
    wanted: Wanted,
}

/// `POST /money/settlements`
pub(in crate::admin) async fn settle(
    State(admin): State<Arc<Admin>>,
    Extension(way): Extension<Way>,
    Order {
        session,
        mut fields,
    }: Order,
) -> Response {
    let wanted = Wanted {
        invoice: fields.take("invoice"),
        kind: fields.take("kind"),
        document: fields.take("document"),
        amount: fields.take("amount"),
        day: fields.take("day"),
    };
    let password = fields.take("password");
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let settled: Result<(), Refusal> = async {
        let order = wanted.order()?;
        proven(&admin, &session, password, &way).await?;
        let desk = admin.desk();
        let settled = desk.settle(&order, &session.account, &admin.pages.zone);
        settled.await.map(drop).map_err(not_settled)
    }
    .await;
    match settled {
        Ok(()) => answer::see("/money/settlements?said=settled"),
        Err(refusal) => refused(&admin, &session, refusal, wanted).await,
    }
}

/// `POST /money/settlements/{number}/undo`
pub(in crate::admin) async fn undo(
    State(admin): State<Arc<Admin>>,
    Extension(way): Extension<Way>,
    Path(number): Path<i64>,
    Order {
        session,
        mut fields,
    }: Order,
) -> Response {
    let (because, password) = (fields.take("because"), fields.take("password"));
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let undone: Result<Option<Vec<DealId>>, Refusal> = async {
        let because = reason(&because)?;
        proven(&admin, &session, password, &way).await?;
        let (desk, by) = (admin.desk(), session.account.as_str());
        let undone = desk.unsettle(number, (by, because), &admin.pages.zone);
        Ok(undone.await?)
    }
    .await;
    match undone {
        Ok(Some(_)) => answer::see("/money/settlements?said=unsettled"),
        Ok(None) => answer::see("/money/settlements?said=nothing"),
        Err(refusal) => refused(&admin, &session, refusal, Wanted::default()).await,
    }
}

impl Wanted {
    fn order(&self) -> Result<settlements::Order, &'static str> {
        let document = named(&self.document, "Назовите документ: до 500 знаков.")?;
        if self.invoice.trim().is_empty() {
            return Err("Назовите счёт по номеру.");
        }
        let mut kinds = KINDS.into_iter();
        let kind = kinds.find(|(word, _)| *word == self.kind);
        let dated = match self.day.trim() {
            "" => None,
            text => Some(text.parse().map_err(|_| "День не читается.")?),
        };
        Ok(settlements::Order {
            invoice: self.invoice.clone(),
            amount: amount(&self.amount)?,
            kind: kind.ok_or("Выберите, чем закрыт счёт.")?.1,
            document: document.to_owned(),
            dated,
        })
    }
}

fn not_settled(error: NotSettled) -> Refusal {
    Refusal::of(match error {
        NotSettled::Store(error)
        | NotSettled::NotNamed(NotNamed::Store(error))
        | NotSettled::NoBooking(NoBooking::Store(error)) => return error.into(),
        NotSettled::NoBooking(_) => NO_BOOKING.to_owned(),
        NotSettled::NotNamed(error) => not_named(&error),
        NotSettled::MoreThanOpen { open, .. } => {
            format!("По счёту осталось {}: больше закрыть нельзя.", money(open))
        }
        NotSettled::Already(number) => format!(
            "Такое закрытие уже записано под № {number}. Если это другое, укажите номер его документа."
        ),
        NotSettled::NoDocument => "Назовите документ.".to_owned(),
        NotSettled::NotYet(_) => "День документа ещё не наступил.".to_owned(),
    })
}

async fn refused(admin: &Admin, session: &Session, refusal: Refusal, wanted: Wanted) -> Response {
    match refusal {
        Refusal::Why(status, why) => {
            let view = View {
                trouble: Some(why),
                wanted,
                ..View::default()
            };
            shown(admin, session, status, view).await
        }
        Refusal::Broken(response) => *response,
    }
}

async fn shown(admin: &Admin, session: &Session, status: StatusCode, view: View) -> Response {
    match gathered(admin, session, view).await {
        Ok(page) => answer::page(status, &page),
        Err(error) => answer::broken(&error),
    }
}

async fn gathered(admin: &Admin, session: &Session, view: View) -> Result<Page, StoreError> {
    let settlements = admin.desk().settlements(SHOWN).await?;
    Ok(Page {
        frame: Frame::of(session, "settlements"),
        said: view.said,
        trouble: view.trouble,
        wanted: view.wanted,
        kinds: KINDS.map(|(word, kind)| (word, kind_word(kind))).to_vec(),
        settlements: settlements.iter().map(InWords::of).collect(),
    })
}

impl InWords {
    fn of(one: &ListedSettlement) -> Self {
        let (number, day) = &one.name;
        Self {
            number: one.number,
            day: date(one.dated),
            invoice: format!("счёт № {} от {}", plain(number), date(*day)),
            deal: one.deal.get(),
            kind: kind_word(one.settlement.kind),
            document: plain(&one.settlement.document),
            author: plain(&one.settlement.author),
            amount: money(one.amount),
            undone: one.undone.as_deref().map(plain),
        }
    }
}
