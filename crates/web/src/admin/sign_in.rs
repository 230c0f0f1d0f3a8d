//! Signing in and out, and the first password by a one-time code.
//!
//! Whether an account exists is told by nothing: a wrong name and a wrong password get the same answer after the same
//! work.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::answer::{self, Frame};
use super::form::{Fields, Order};
use super::guard::Way;
use super::money::words::plain;
use super::session::{self, Session};
use super::tries::Rest;
use super::{Admin, code, passwords};

/// Characters of an account's name.
const LONGEST_NAME: usize = 64;
/// Under this name tries of codes are counted, beside their address: no account can be called so.
const BY_CODE: &str = "";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    frame: Frame,
    /// As it was typed.
    name: &'a str,
    trouble: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "start.html")]
struct Start<'a> {
    frame: Frame,
    name: &'a str,
    trouble: Option<&'a str>,
}

/// `GET /sign-in`
pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    session: Result<Session, Response>,
) -> Response {
    if session.is_ok() {
        return answer::see("/");
    }
    match admin
        .pages
        .store
        .admin_has_accounts(&admin.pages.portal)
        .await
    {
        Ok(true) => ask(StatusCode::OK, "", None),
        Ok(false) => answer::see("/start"),
        Err(error) => answer::broken(&error),
    }
}

/// `POST /sign-in`
pub(super) async fn sign_in(
    State(admin): State<Arc<Admin>>,
    Extension(way): Extension<Way>,
    mut fields: Fields,
) -> Response {
    let (name, password) = (fields.take("name"), fields.take("password"));
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let name = name.trim();
    let refuse = |status, why: &str| ask(status, name, Some(why));
    match is_password(&admin, name, password, &way).await {
        Ok(true) => welcome(&admin, name, &way).await,
        Ok(false) => refuse(StatusCode::FORBIDDEN, "Имя или пароль не подходят."),
        Err(Refused::Rest(rest)) => refuse(StatusCode::TOO_MANY_REQUESTS, &in_words(rest)),
        Err(Refused::Broken(response)) => response,
    }
}

/// Why a password was not judged.
pub(super) enum Refused {
    /// Too many were wrong.
    Rest(Rest),
    /// It cannot be read.
    Broken(Response),
}

/// Whether it is the account's password. Counted against account and address, also where somebody who is signed in is
/// asked again.
pub(super) async fn is_password(
    admin: &Admin,
    name: &str,
    password: String,
    way: &Way,
) -> Result<bool, Refused> {
    let pages = &admin.pages;
    let short: String = name.chars().take(LONGEST_NAME).collect();
    let begun = admin.tries.begin(&short, way.client, pages.clock.now());
    begun.map_err(Refused::Rest)?;
    let hash = pages.store.admin_password(&pages.portal, name).await;
    let hash = hash.map_err(|error| Refused::Broken(answer::broken(&error)))?;
    let is_right = admin.passwords.is_right(password, hash).await;
    if is_right {
        admin.tries.succeeded(&short, way.client, pages.clock.now());
    } else {
        tracing::warn!(client = %way.client, "a sign-in to the pages with a wrong name or password");
    }
    Ok(is_right)
}

/// A rest for people.
pub(super) fn in_words(Rest(seconds): Rest) -> String {
    format!("Слишком много попыток. Попробуйте через {seconds} с.")
}

/// `POST /sign-out`
pub(super) async fn sign_out(
    State(admin): State<Arc<Admin>>,
    Extension(way): Extension<Way>,
    Order { session, fields }: Order,
) -> Response {
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let (store, portal) = (&admin.pages.store, &admin.pages.portal);
    let ended = store.admin_session_end(portal, &session.account, &session.digest);
    match ended.await {
        Ok(_) => session::with_cookie(answer::see("/sign-in"), session::no_cookie(&way)),
        Err(error) => answer::broken(&error),
    }
}

/// `GET /start`
pub(super) async fn start() -> Response {
    ask_code(StatusCode::OK, "", None)
}

/// `POST /start`: a code, a name, and the password that is to be.
pub(super) async fn enrol(
    State(admin): State<Arc<Admin>>,
    Extension(way): Extension<Way>,
    mut fields: Fields,
) -> Response {
    let (typed, name) = (fields.take("code"), fields.take("name"));
    let (password, again) = (fields.take("password"), fields.take("again"));
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let name = name.trim();
    let refuse = |status, why: &str| ask_code(status, name, Some(why));
    if let Err(why) = judge(name, &password, &again) {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, why);
    }
    let pages = &admin.pages;
    if let Err(rest) = admin.tries.begin(BY_CODE, way.client, pages.clock.now()) {
        return refuse(StatusCode::TOO_MANY_REQUESTS, &in_words(rest));
    }
    let Some(hash) = admin.passwords.hash(password).await else {
        return refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "Сейчас не получилось. Попробуйте ещё раз.",
        );
    };
    let (digest, now) = (code::digest(&typed), pages.clock.now());
    let enrolled = pages
        .store
        .admin_enrol(&pages.portal, &digest, (name, &hash), now);
    match enrolled.await {
        Ok(true) => {
            tracing::warn!(client = %way.client, "a password for the pages was set by a one-time code");
            admin.tries.succeeded(BY_CODE, way.client, now);
            welcome(&admin, name, &way).await
        }
        Ok(false) => refuse(
            StatusCode::FORBIDDEN,
            "Код не подходит: он действует 15 минут и один раз. Новый печатает provodka admin code.",
        ),
        Err(error) => answer::broken(&error),
    }
}

/// Whether name and password may be.
fn judge(name: &str, password: &str, again: &str) -> Result<(), &'static str> {
    let is_name = !name.is_empty()
        && name.chars().count() <= LONGEST_NAME
        && plain(name) == name
        // What rule and statements book is signed so.
        && !["rule", "statement"].contains(&name);
    if !is_name {
        return Err("Назовите себя: от одного до 64 знаков.");
    }
    if password != again {
        return Err("Пароли различаются.");
    }
    passwords::judge(password, name).map_err(|unfit| unfit.0)
}

async fn welcome(admin: &Admin, name: &str, way: &Way) -> Response {
    match session::begin(admin, name, way).await {
        Ok(cookie) => session::with_cookie(answer::see("/"), cookie),
        Err(error) => answer::broken(&error),
    }
}

fn ask(status: StatusCode, name: &str, trouble: Option<&str>) -> Response {
    let frame = Frame::default();
    answer::page(
        status,
        &SignIn {
            frame,
            name,
            trouble,
        },
    )
}

fn ask_code(status: StatusCode, name: &str, trouble: Option<&str>) -> Response {
    let frame = Frame::default();
    answer::page(
        status,
        &Start {
            frame,
            name,
            trouble,
        },
    )
}
