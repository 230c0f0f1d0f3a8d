//! What people ordered by a form: small, each field once, no field that the form does not have, and the token of the
//! session in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use subtle::ConstantTimeEq as _;

use super::session::Session;
use super::{Admin, answer};

/// Largest form, in bytes.
const MOST_BYTES: usize = 64 << 10;
/// For a form to come.
const DEADLINE: Duration = Duration::from_secs(10);
/// The field with the session's token.
pub(super) const TOKEN: &str = "form_token";

/// The fields of a form, of whomever.
pub(super) struct Fields(BTreeMap<String, String>);

/// The fields of a form that somebody who is signed in sent from a page of this session.
pub(super) struct Order {
    /// Who.
    pub(super) session: Session,
    /// What.
    pub(super) fields: Fields,
}

impl Fields {
    /// A field; empty where the form has it empty or not at all.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.0.remove(name).unwrap_or_default()
    }

    /// The form as such, once every field of it was taken.
    pub(super) fn end(self) -> Result<(), Unreadable> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Unreadable)
        }
    }

    async fn read(body: Body) -> Result<Self, Unreadable> {
        let body = Limited::new(body, MOST_BYTES).collect();
        let body = tokio::time::timeout(DEADLINE, body).await;
        let body = body.map_err(|_| Unreadable)?;
        let body = body.map_err(|_| Unreadable)?.to_bytes();
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(&body) {
            if fields
                .insert(name.into_owned(), value.into_owned())
                .is_some()
            {
                return Err(Unreadable);
            }
        }
        Ok(Self(fields))
    }
}

impl FromRequest<Arc<Admin>> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, _: &Arc<Admin>) -> Result<Self, Response> {
        Self::read(request.into_body())
            .await
            .map_err(IntoResponse::into_response)
    }
}

impl FromRequest<Arc<Admin>> for Order {
    type Rejection = Response;

    async fn from_request(request: Request, admin: &Arc<Admin>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let session = Session::from_request_parts(&mut parts, admin).await?;
        let fields = Fields::read(body).await;
        let mut fields = fields.map_err(IntoResponse::into_response)?;
        if !is_of_session(&fields.take(TOKEN), &session) {
            return Err(stale());
        }
        Ok(Self { session, fields })
    }
}

/// Whether a form was made for this session.
pub(super) fn is_of_session(token: &str, session: &Session) -> bool {
    token.as_bytes().ct_eq(session.form_token.as_bytes()).into()
}

/// The page is from another session.
pub(super) fn stale() -> Response {
    let text = "Вы входили заново с тех пор, как её открыли. Откройте раздел ещё раз и повторите.";
    answer::message(StatusCode::FORBIDDEN, "Страница устарела", text)
}

/// A form that did not come whole, or is none of ours.
pub(super) struct Unreadable;

impl IntoResponse for Unreadable {
    fn into_response(self) -> Response {
        let text = "Откройте раздел заново и повторите.";
        answer::message(StatusCode::BAD_REQUEST, "Форма пришла не целиком", text)
    }
}
