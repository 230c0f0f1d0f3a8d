//! Orders that no bank proves ask for the password again.

use axum::response::Response;
use http::StatusCode;

use crate::admin::Admin;
use crate::admin::guard::Way;
use crate::admin::session::Session;
use crate::admin::sign_in::{Refused, in_words, is_password};

/// The password was not right, or could not be asked.
pub(super) enum NotProven {
    Why(StatusCode, String),
    Broken(Box<Response>),
}

pub(super) async fn proven(
    admin: &Admin,
    session: &Session,
    password: String,
    way: &Way,
) -> Result<(), NotProven> {
    match is_password(admin, &session.account, password, way).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let why = "Пароль не подходит: ничего не записано.".to_owned();
            Err(NotProven::Why(StatusCode::FORBIDDEN, why))
        }
        Err(Refused::Rest(rest)) => Err(NotProven::Why(
            StatusCode::TOO_MANY_REQUESTS,
            in_words(rest),
        )),
        Err(Refused::Broken(response)) => Err(NotProven::Broken(Box::new(response))),
    }
}
