//! Orders that no bank proves ask for the password again; what is refused is said on the page that they came from.

use axum::response::Response;
use http::StatusCode;
use store::StoreError;

use crate::admin::Admin;
use crate::admin::answer;
use crate::admin::guard::Way;
use crate::admin::session::Session;
use crate::admin::sign_in::{Refused, in_words, is_password};

/// Why an order is not obeyed.
pub(super) enum Refusal {
    /// In words, on the page that it came from.
    Why(StatusCode, String),
    /// Our records cannot be had now.
    Broken(Box<Response>),
}

impl Refusal {
    /// What was typed cannot be done.
    pub(super) fn of(why: impl Into<String>) -> Self {
        Self::Why(StatusCode::UNPROCESSABLE_ENTITY, why.into())
    }
}

impl From<&str> for Refusal {
    fn from(why: &str) -> Self {
        Self::of(why)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Broken(Box::new(answer::broken(&error)))
    }
}

/// Whether it is the password of who is signed in.
pub(super) async fn proven(
    admin: &Admin,
    session: &Session,
    password: String,
    way: &Way,
) -> Result<(), Refusal> {
    match is_password(admin, &session.account, password, way).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let why = "Пароль не подходит: ничего не записано.".to_owned();
            Err(Refusal::Why(StatusCode::FORBIDDEN, why))
        }
        Err(Refused::Rest(rest)) => {
            Err(Refusal::Why(StatusCode::TOO_MANY_REQUESTS, in_words(rest)))
        }
        Err(Refused::Broken(response)) => Err(Refusal::Broken(Box::new(response))),
    }
}
