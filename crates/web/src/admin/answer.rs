//! Pages as answers: rendered, with a status; a short word in place of a page; the way to another page.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};
use store::StoreError;

use super::session::Session;

/// What every page shows around its own.
#[derive(Clone, Default)]
pub(super) struct Frame {
    /// Who is signed in; nobody on the pages before that.
    pub(super) account: Option<String>,
    /// For the forms of the page.
    pub(super) form_token: String,
    /// Which entry of the menu it belongs to.
    pub(super) place: &'static str,
}

impl Frame {
    /// Of a page behind the sign-in.
    pub(super) fn of(session: &Session, place: &'static str) -> Self {
        Self {
            account: Some(session.account.clone()),
            form_token: session.form_token.clone(),
            place,
        }
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    frame: Frame,
    title: &'a str,
    text: &'a str,
}

/// A page.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            (status, [(CONTENT_TYPE, kind)], html).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page of one thought.
pub(super) fn message(status: StatusCode, title: &str, text: &str) -> Response {
    let frame = Frame::default();
    page(status, &Message { frame, title, text })
}

/// Go and look there.
pub(super) fn see(place: &str) -> Response {
    match HeaderValue::from_str(place) {
        Ok(place) => (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Our records cannot be read or written now. What is the matter stands in the log alone.
pub(super) fn broken(error: &StoreError) -> Response {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "a page needs records that cannot be had");
    let text = "Попробуйте через минуту. Если не пройдёт, причина — в журнале программы.";
    message(
        StatusCode::SERVICE_UNAVAILABLE,
        "Записи сейчас недоступны",
        text,
    )
}

/// There is no such page.
pub(super) async fn not_found() -> Response {
    message(
        StatusCode::NOT_FOUND,
        "Такой страницы нет",
        "Проверьте адрес или начните с первой страницы.",
    )
}
