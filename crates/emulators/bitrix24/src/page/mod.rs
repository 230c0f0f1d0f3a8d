//! The page for a person: the funnel with deals to drag, a deal's card, files.
//!
//! Plain HTML and JavaScript that ask `/page/api/…`; no part of the imitated remote.

mod board;
mod card;
mod portal;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State as Shared};
use axum::response::Response;
use axum::routing::{any, get, post};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::emulator::{Emulator, Inner};
use crate::people::Declined;
use crate::server::json_response;
use crate::value::int_of;

pub(crate) fn router() -> Router<Emulator> {
    Router::new()
        .route(
            "/",
            get(|| async { asset("text/html; charset=utf-8", include_str!("board.html")) }),
        )
        .route(
            "/crm/deal/kanban/",
            get(|| async { asset("text/html; charset=utf-8", include_str!("board.html")) }),
        )
        .route(
            "/crm/deal/details/{id}/",
            get(|| async { asset("text/html; charset=utf-8", include_str!("card.html")) }),
        )
        .route(
            "/crm/deal/details/{id}",
            get(|| async { asset("text/html; charset=utf-8", include_str!("card.html")) }),
        )
        .route("/crm/company/details/{id}/", get(card::of_company))
        .route("/crm/contact/details/{id}/", get(card::of_contact))
        .route("/crm/type/31/details/{id}/", get(card::of_smart_invoice))
        .route(
            "/page/style.css",
            get(|| async { asset("text/css; charset=utf-8", include_str!("style.css")) }),
        )
        .route(
            "/page/common.js",
            get(|| async { asset("text/javascript; charset=utf-8", include_str!("common.js")) }),
        )
        .route(
            "/page/board.js",
            get(|| async { asset("text/javascript; charset=utf-8", include_str!("board.js")) }),
        )
        .route(
            "/page/card.js",
            get(|| async { asset("text/javascript; charset=utf-8", include_str!("card.js")) }),
        )
        .route("/page/api/board", get(board::board))
        .route("/page/api/deal", post(board::new_deal))
        .route("/page/api/deal/{id}", get(card::card).delete(card::delete))
        .route("/page/api/deal/{id}/stage", post(board::stage))
        .route("/page/api/deal/{id}/fields", post(card::fields))
        .route("/page/api/deal/{id}/lines", post(card::lines))
        .route("/page/api/deal/{id}/delivery", post(card::delivery))
        .route("/page/api/deal/{id}/seller", post(portal::sell))
        .route("/page/api/deal/{id}/comment", post(card::comment))
        .route("/page/api/required", post(portal::require))
        .route("/page/api/robot", post(portal::add_robot))
        .route("/page/api/requisite/{id}", post(card::requisite))
        .route("/page/api/bank/{id}", post(card::bank))
        .route("/page/file/{id}", get(file))
        .route("/disk/downloadFile/{id}/", any(file))
        .route("/disk/showFile/{id}/", any(file))
        .route("/bitrix/services/main/ajax.php", any(named_file))
        .route(
            "/bitrix/components/bitrix/{component}/show_file.php",
            any(named_file_of),
        )
}

fn asset(content_type: &'static str, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-cache"),
    );
    response
}

async fn file(Shared(emulator): Shared<Emulator>, Path(id): Path<i64>) -> Response {
    send(&emulator.inner, Some(id))
}

type Pairs = std::collections::HashMap<String, String>;

async fn named_file(Shared(emulator): Shared<Emulator>, Query(query): Query<Pairs>) -> Response {
    send(
        &emulator.inner,
        query.get("fileId").and_then(|id| id.parse().ok()),
    )
}

async fn named_file_of(
    Shared(emulator): Shared<Emulator>,
    Path(_component): Path<String>,
    Query(query): Query<Pairs>,
) -> Response {
    send(
        &emulator.inner,
        query.get("fileId").and_then(|id| id.parse().ok()),
    )
}

/// `crm.controller.item.getFile`: the address carries a token that the portal signed.
pub(crate) fn signed_download(inner: &Inner, token: &str) -> Response {
    send(inner, crate::files::id_in_token(token))
}

fn send(inner: &Inner, id: Option<i64>) -> Response {
    let found = id.and_then(|id| inner.lock().files.get(id).cloned());
    let Some(file) = found else {
        let mut response = Response::new(Body::from(
            "<!DOCTYPE html><html><body><h1>404</h1></body></html>",
        ));
        *response.status_mut() = StatusCode::NOT_FOUND;
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("text/html; charset=utf-8"),
        );
        return response;
    };
    let content_type = crate::files::content_type(&file.name);
    let name =
        percent_encoding::utf8_percent_encode(&file.name, percent_encoding::NON_ALPHANUMERIC)
            .to_string();
    let mut response = Response::new(Body::from(file.content));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    response.headers_mut().insert(
        header::X_CONTENT_TYPE_OPTIONS,
        header::HeaderValue::from_static("nosniff"),
    );
    if let Ok(disposition) = format!("inline; filename*=UTF-8''{name}").parse() {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

/// What an action of the page answers.
fn outcome<T>(done: Result<T, Declined>) -> Response {
    match done {
        Ok(_) => json_response(200, &json!({"ok": true})),
        Err(declined) => json_response(400, &json!({"ok": false, "why": declined.0})),
    }
}

fn number(value: Option<&Value>) -> i64 {
    value.and_then(int_of).unwrap_or(0)
}
