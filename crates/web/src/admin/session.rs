//! Who is signed in: 256 random bits in a cookie that no script reads and no other site sends, their digest in the store.
//!
//! Over TLS the cookie is `__Host-provodka`: a browser keeps it for this host alone and for no plain connection. Without
//! TLS the pages are open on this machine only, where a browser takes no `__Host-` cookie; there it has another name and
//! the rest of the rules.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::header::{COOKIE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use store::{AdminSession, Alive, StoreError};

use super::code::hex;
use super::guard::Way;
use super::{Admin, answer};

/// A session that is not used so long is over.
const IDLE: SignedDuration = SignedDuration::from_mins(30);
/// And so is one that was begun so long ago, used or not.
const LONGEST: SignedDuration = SignedDuration::from_hours(12);
/// A use is noted when the last note is so old.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

const OVER_TLS: &str = "__Host-provodka";
const ON_THIS_MACHINE: &str = "provodka-local";

/// A person at a browser.
#[derive(Clone)]
pub(super) struct Session {
    /// Under which account.
    pub(super) account: String,
    /// What the store knows it by.
    pub(super) digest: String,
    /// What every form of this session carries.
    pub(super) form_token: String,
}

/// Since when sessions are alive.
pub(super) fn alive(now: Timestamp) -> Alive {
    let before = |span| now.saturating_sub(span).unwrap_or(Timestamp::MIN);
    Alive {
        begun_after: before(LONGEST),
        seen_after: before(IDLE),
    }
}

/// Begins one; gives the cookie.
pub(super) async fn begin(
    admin: &Admin,
    account: &str,
    way: &Way,
) -> Result<HeaderValue, StoreError> {
    let mut bytes = [0_u8; 32];
    admin.pages.rng.clone().fill_bytes(&mut bytes);
    let token = hex(&bytes);
    let now = admin.pages.clock.now();
    let session = AdminSession {
        digest: digest(&token),
        account: account.to_owned(),
        address: way.client.to_string(),
        begun_at: now,
        seen_at: now,
    };
    let (store, portal) = (&admin.pages.store, &admin.pages.portal);
    store
        .admin_session_begin(portal, &session, alive(now))
        .await?;
    Ok(cookie(way, &token, LONGEST.as_secs()))
}

/// The cookie that takes the former away.
pub(super) fn no_cookie(way: &Way) -> HeaderValue {
    cookie(way, "", 0)
}

/// An answer that sets a cookie.
pub(super) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

fn cookie(way: &Way, token: &str, lives: i64) -> HeaderValue {
    let (name, secure) = if way.secure {
        (OVER_TLS, "; Secure")
    } else {
        (ON_THIS_MACHINE, "")
    };
    let text =
        format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={lives}{secure}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

impl FromRequestParts<Arc<Admin>> for Session {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Response> {
        let way = parts.extensions.get::<Way>();
        let token = way.and_then(|way| shown(&parts.headers, way));
        let Some(token) = token else {
            return Err(answer::see("/sign-in"));
        };
        match find(admin, &token).await {
            Ok(Some(session)) => Ok(session),
            Ok(None) => Err(answer::see("/sign-in")),
            Err(error) => Err(answer::broken(&error)),
        }
    }
}

async fn find(admin: &Admin, token: &str) -> Result<Option<Session>, StoreError> {
    let (store, portal) = (&admin.pages.store, &admin.pages.portal);
    let (now, digest) = (admin.pages.clock.now(), digest(token));
    let Some(known) = store.admin_session(portal, &digest, alive(now)).await? else {
        return Ok(None);
    };
    if now.duration_since(known.seen_at) >= NOTED_EVERY {
        store.admin_session_seen(portal, &digest, now).await?;
    }
    Ok(Some(Session {
        account: known.account,
        form_token: hex(&Sha256::digest(format!("form {token}"))),
        digest,
    }))
}

/// What the browser shows. Two of one name were not both set by us.
fn shown(headers: &HeaderMap, way: &Way) -> Option<String> {
    let wanted = if way.secure {
        OVER_TLS
    } else {
        ON_THIS_MACHINE
    };
    let lines = headers.get_all(COOKIE).iter();
    let cookies = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let named = cookies.filter_map(|cookie| cookie.trim().split_once('='));
    let mut ours = named
        .filter(|(name, _)| *name == wanted)
        .map(|(_, value)| value);
    let first = ours.next()?;
    (ours.next().is_none() && !first.is_empty()).then(|| first.to_owned())
}

fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}
