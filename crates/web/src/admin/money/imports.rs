//! Statements: which account is known through which day, a file that is brought, what of it would be new, and booking it.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Path, Request, State};
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use desk::statement::{Known, Mode, Summary};
use domain::display::{date, money};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use multer::{Constraints, Multipart, SizeLimit};
use rand::Rng as _;
use tokio::io::AsyncWriteExt as _;

use super::questions::{AccountInWords, account_in_words, why_off};
use super::said;
use super::uploads::{self, Stage, Upload};
use super::words::{plain, plural};
use crate::admin::Admin;
use crate::admin::answer::{self, Frame};
use crate::admin::form::{self, Order};
use crate::admin::session::Session;

/// Largest file, in bytes: a hundred thousand documents and as many again.
const MOST_BYTES: u64 = 200 << 20;
/// Beside the file: its token and the frame around both.
const AROUND: u64 = 16 << 10;
/// Characters of a file's name that are shown.
const LONGEST_NAME: usize = 120;

#[derive(Template)]
#[template(path = "money/statements.html")]
struct Page {
    frame: Frame,
    said: Option<&'static str>,
    off: Option<String>,
    trouble: Option<&'static str>,
    accounts: Vec<AccountInWords>,
}

#[derive(Template)]
#[template(path = "money/statement.html")]
struct One {
    frame: Frame,
    id: u64,
    name: String,
    /// How far it is, of a hundred; none: it rests.
    percent: Option<usize>,
    doing: &'static str,
    refused: Option<String>,
    shown: Option<Shown>,
    is_booked: bool,
}

/// What is known of a file.
struct Shown {
    days: Vec<String>,
    read: String,
    new: String,
    has_new: bool,
    known: String,
    came: String,
    left: String,
    became: Vec<(&'static str, String)>,
    faults: Vec<String>,
    more_faults: usize,
    lost: bool,
    /// Payments that statements showed before on its days, and it does not.
    not_shown: Vec<i64>,
}

/// `GET /money/statements`
pub(in crate::admin) async fn show(
    State(admin): State<Arc<Admin>>,
    session: Session,
    uri: Uri,
) -> Response {
    page(&admin, &session, StatusCode::OK, said(&uri), None).await
}

async fn page(
    admin: &Admin,
    session: &Session,
    status: StatusCode,
    said: Option<&'static str>,
    trouble: Option<&'static str>,
) -> Response {
    let today = admin.today();
    let (accounts, off) = match admin.desk().accounts().await {
        Ok(accounts) => (accounts, None),
        Err(why) => (Vec::new(), Some(why_off(&why))),
    };
    let page = Page {
        frame: Frame::of(session, "statements"),
        said,
        off,
        trouble,
        accounts: accounts
            .iter()
            .map(|one| account_in_words(one, today))
            .collect(),
    };
    answer::page(status, &page)
}

/// `POST /money/statements`: a form with its token and then the file, which goes to disk as it comes.
pub(in crate::admin) async fn bring(State(admin): State<Arc<Admin>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let session = match Session::from_request_parts(&mut parts, &admin).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    let header = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value: &http::HeaderValue| value.to_str().ok())
    };
    let length = header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if length.is_none_or(|length| length > MOST_BYTES + AROUND) {
        return refuse(&admin, &session, Refused::TooLarge).await;
    }
    let boundary = header(CONTENT_TYPE).and_then(|kind| multer::parse_boundary(kind).ok());
    let Some(boundary) = boundary else {
        return refuse(&admin, &session, Refused::NoFile).await;
    };
    let (name, file) = match received(body, boundary, &session).await {
        Ok(received) => received,
        Err(refused) => return refuse(&admin, &session, refused).await,
    };
    let (id, now) = (admin.pages.rng.clone().next_u64(), admin.pages.clock.now());
    let taken = admin.uploads.take((&session.account, name), file, id, now);
    let Some(upload) = taken else {
        return refuse(&admin, &session, Refused::TooMany).await;
    };
    let place = format!("/money/statements/{}", upload.id);
    uploads::look_through(admin.desk(), upload);
    answer::see(&place)
}

/// Why a file was not received.
enum Refused {
    TooLarge,
    TooMany,
    NoFile,
    Stale,
    NoRoom(std::io::Error),
}

async fn refuse(admin: &Admin, session: &Session, why: Refused) -> Response {
    let (status, trouble) = match why {
        Refused::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "Файл больше 200 МБ. Попросите выписку за более короткий срок.",
        ),
        Refused::TooMany => (
            StatusCode::TOO_MANY_REQUESTS,
            "Сразу разбирается восемь файлов. Решите, что делать с прежними.",
        ),
        Refused::NoFile => (
            StatusCode::BAD_REQUEST,
            "Файл пуст или не пришёл целиком. Выберите его ещё раз; если он пуст, скачайте у банка заново.",
        ),
        Refused::Stale => return form::stale(),
        Refused::NoRoom(error) => {
            tracing::error!(%error, "a file that was brought could not be put to disk");
            (
                StatusCode::INSUFFICIENT_STORAGE,
                "На диске нет места для файла.",
            )
        }
    };
    page(admin, session, status, None, Some(trouble)).await
}

async fn received(
    body: Body,
    boundary: String,
    session: &Session,
) -> Result<(String, tempfile::NamedTempFile), Refused> {
    let limit = SizeLimit::new()
        .whole_stream(MOST_BYTES + AROUND)
        .for_field(form::TOKEN, 200);
    let constraints = Constraints::new().size_limit(limit);
    let mut fields = Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
    let broken = |error: multer::Error| match error {
        multer::Error::StreamSizeExceeded { .. } => Refused::TooLarge,
        _ => Refused::NoFile,
    };
    let token = fields.next_field().await.map_err(broken)?;
    let token = token
        .filter(|field| field.name() == Some(form::TOKEN))
        .ok_or(Refused::Stale)?;
    let token = token.text().await.map_err(broken)?;
    if !form::is_of_session(&token, session) {
        return Err(Refused::Stale);
    }
    let file = fields.next_field().await.map_err(broken)?;
    let mut field = file
        .filter(|field| field.name() == Some("file"))
        .ok_or(Refused::NoFile)?;
    let name: String = field
        .file_name()
        .map(plain)
        .unwrap_or_default()
        .chars()
        .take(LONGEST_NAME)
        .collect();
    let place = uploads::place().map_err(Refused::NoRoom)?;
    let mut out = tokio::fs::File::create(place.path())
        .await
        .map_err(Refused::NoRoom)?;
    let mut size = 0_usize;
    while let Some(piece) = field.chunk().await.map_err(broken)? {
        size += piece.len();
        out.write_all(&piece).await.map_err(Refused::NoRoom)?;
    }
    out.flush().await.map_err(Refused::NoRoom)?;
    if size == 0 {
        return Err(Refused::NoFile);
    }
    Ok((name, place))
}

/// `GET /money/statements/{id}`
pub(in crate::admin) async fn look(
    State(admin): State<Arc<Admin>>,
    session: Session,
    Path(id): Path<u64>,
) -> Response {
    match admin.uploads.get(id, &session.account) {
        Some(upload) => answer::page(StatusCode::OK, &one(&session, &upload)),
        None => gone(),
    }
}

/// `POST /money/statements/{id}/book`
pub(in crate::admin) async fn book(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<u64>,
    Order { session, fields }: Order,
) -> Response {
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let Some(upload) = admin.uploads.get(id, &session.account) else {
        return gone();
    };
    uploads::book(admin.desk(), upload);
    answer::see(&format!("/money/statements/{id}"))
}

/// `POST /money/statements/{id}/forget`
pub(in crate::admin) async fn forget(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<u64>,
    Order { session, fields }: Order,
) -> Response {
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    admin.uploads.forget(id, &session.account);
    answer::see("/money/statements?said=forgotten")
}

/// Another process has it, or its hour is over.
fn gone() -> Response {
    let text = "Он хранится час и только в той программе, которой его принесли. Принесите его ещё раз: дважды ничего не запишется.";
    answer::message(StatusCode::NOT_FOUND, "Этого файла здесь больше нет", text)
}

fn one(session: &Session, upload: &Upload) -> One {
    let mut page = One {
        frame: Frame::of(session, "statements"),
        id: upload.id,
        name: upload.name.clone(),
        percent: None,
        doing: "",
        refused: None,
        shown: None,
        is_booked: false,
    };
    match upload.stage() {
        Stage::Reading => {
            page.percent = Some(0);
            page.doing = "Читаю файл";
        }
        Stage::Going { mode, known, read } => {
            page.percent = Some(read.saturating_mul(100) / known.orders.max(1));
            page.doing = match mode {
                Mode::Preview => "Сравниваю с тем, что уже известно",
                Mode::Book => "Записываю и отношу к счетам",
            };
        }
        Stage::Shown { known, summary } => page.shown = Some(in_words(&known, &summary)),
        Stage::Booked { known, summary } => {
            page.shown = Some(in_words(&known, &summary));
            page.is_booked = true;
        }
        Stage::Refused(why) => page.refused = Some(why),
    }
    page
}

fn in_words(known: &Known, summary: &Summary) -> Shown {
    let payments = |count: usize| {
        plural(
            i64::try_from(count).unwrap_or(i64::MAX),
            "платёж",
            "платежа",
            "платежей",
        )
    };
    let days = known.spans.iter().map(|days| {
        let span = &days.span;
        let (account, from, to) = (plain(span.account.as_str()), date(span.from), date(span.to));
        format!("счёт {account}: с {from} по {to}")
    });
    let became = [
        ("booked", "отнесено к счетам"),
        ("asked", "ждут решения"),
        ("aside", "не оплата счетов"),
        ("left", "оставлено без счёта"),
        ("new", "ещё не рассмотрено"),
    ];
    let became = became.into_iter().filter_map(|(word, text)| {
        let became = summary.became.get(word)?;
        let count = usize::try_from(became.payments).unwrap_or_default();
        Some((
            text,
            format!("{} на {}", payments(count), money(became.amount)),
        ))
    });
    Shown {
        days: days.collect(),
        read: payments(summary.read),
        new: payments(summary.new),
        has_new: summary.new > 0,
        known: payments(summary.read.saturating_sub(summary.new)),
        came: money(summary.came),
        left: money(summary.left),
        became: became.collect(),
        faults: known.faults.iter().map(|fault| plain(fault)).collect(),
        more_faults: known.more_faults,
        lost: known.lost,
        not_shown: summary.not_shown.clone(),
    }
}
