//! The page of one's own account: where it is signed in, and another password.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use store::{AdminSession, StoreError};

use super::answer::{self, Frame};
use super::form::Order;
use super::guard::Way;
use super::session::{self, Session};
use super::sign_in::{Refused, in_words, is_password};
use super::{Admin, passwords};

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    name: String,
    sessions: Vec<Shown>,
    trouble: Option<String>,
}

/// A session on the page.
struct Shown {
    digest: String,
    address: String,
    begun: String,
    seen: String,
    is_this: bool,
}

/// `GET /account`
pub(super) async fn show(State(admin): State<Arc<Admin>>, session: Session) -> Response {
    shown(&admin, &session, StatusCode::OK, None).await
}

/// `POST /account/password`
pub(super) async fn change_password(
    State(admin): State<Arc<Admin>>,
    Extension(way): Extension<Way>,
    Order {
        session,
        mut fields,
    }: Order,
) -> Response {
    let former = fields.take("password");
    let (new, again) = (fields.take("new"), fields.take("again"));
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    if new != again {
        return refuse(&admin, &session, "Новые пароли различаются.").await;
    }
    if let Err(unfit) = passwords::judge(&new, &session.account) {
        return refuse(&admin, &session, unfit.0).await;
    }
    match is_password(&admin, &session.account, former, &way).await {
        Ok(true) => {}
        Ok(false) => return refuse(&admin, &session, "Прежний пароль не подходит.").await,
        Err(Refused::Rest(rest)) => return refuse(&admin, &session, &in_words(rest)).await,
        Err(Refused::Broken(response)) => return response,
    }
    match changed(&admin, &session, new).await {
        Ok(true) => match session::begin(&admin, &session.account, &way).await {
            Ok(cookie) => session::with_cookie(answer::see("/account"), cookie),
            Err(error) => answer::broken(&error),
        },
        Ok(false) => {
            refuse(
                &admin,
                &session,
                "Пароль только что сменили в другом месте.",
            )
            .await
        }
        Err(error) => answer::broken(&error),
    }
}

async fn changed(admin: &Admin, session: &Session, new: String) -> Result<bool, StoreError> {
    let pages = &admin.pages;
    let (store, portal, account) = (&pages.store, &pages.portal, &session.account);
    let former = store.admin_password(portal, account).await?;
    let (Some(former), Some(new)) = (former, admin.passwords.hash(new).await) else {
        return Ok(false);
    };
    let hashes = (former.as_str(), new.as_str());
    store
        .admin_password_change(portal, account, hashes, pages.clock.now())
        .await
}

/// `POST /account/session`: ends one of the account's own.
pub(super) async fn end_session(
    State(admin): State<Arc<Admin>>,
    Order {
        session,
        mut fields,
    }: Order,
) -> Response {
    let digest = fields.take("session");
    if let Err(unreadable) = fields.end() {
        return unreadable.into_response();
    }
    let (store, portal) = (&admin.pages.store, &admin.pages.portal);
    match store
        .admin_session_end(portal, &session.account, &digest)
        .await
    {
        Ok(_) => answer::see("/account"),
        Err(error) => answer::broken(&error),
    }
}

async fn refuse(admin: &Admin, session: &Session, why: &str) -> Response {
    shown(
        admin,
        session,
        StatusCode::UNPROCESSABLE_ENTITY,
        Some(why.to_owned()),
    )
    .await
}

async fn shown(
    admin: &Admin,
    session: &Session,
    status: StatusCode,
    trouble: Option<String>,
) -> Response {
    let (store, portal) = (&admin.pages.store, &admin.pages.portal);
    let alive = session::alive(admin.pages.clock.now());
    let sessions = match store.admin_sessions(portal, &session.account, alive).await {
        Ok(sessions) => sessions,
        Err(error) => return answer::broken(&error),
    };
    let sessions = sessions
        .into_iter()
        .map(|one| of_session(one, session, &admin.pages.zone));
    let page = Account {
        frame: Frame::of(session, "account"),
        name: session.account.clone(),
        sessions: sessions.collect(),
        trouble,
    };
    answer::page(status, &page)
}

fn of_session(one: AdminSession, session: &Session, zone: &TimeZone) -> Shown {
    let minute = |moment: Timestamp| {
        let moment = moment.to_zoned(zone.clone());
        moment.strftime("%d.%m.%Y %H:%M").to_string()
    };
    Shown {
        is_this: one.digest == session.digest,
        begun: minute(one.begun_at),
        seen: minute(one.seen_at),
        digest: one.digest,
        address: one.address,
    }
}
