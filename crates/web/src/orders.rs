//! Orders that are called: by a robot of the portal, or by whoever has the address with its token. Proved, bounded, on disk,
//! answered; in this order.
//!
//! Not here: what becomes of an order. The answer is the same whether there is such a deal or not.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::response::{IntoResponse as _, Response};
use connector_bitrix24::robot::{self, Called, Query};
use connector_bitrix24::webhook::{Limits, TokenDigest};
use domain::PortalId;
use engine::SharedRng;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use jiff::Timestamp;
use rand::Rng as _;
use secrecy::SecretString;
use store::{Store, StoreError};

use crate::webhooks::{Doorkeeper, is_form};

/// Largest body of a call, in bytes.
const MOST_BYTES: usize = 64 << 10;
/// Where the digest of the token is kept; empty once it was withdrawn.
const DIGEST: &str = "order_token_digest";

/// `POST /orders/bitrix24/PORTAL?token=…&order=…`. 200 once the order is on disk; 401 for whoever does not prove itself; 400
/// for what is no order; 503 when it could not be kept, and the robot's log shows it.
pub(crate) async fn bitrix24(
    State(door): State<Arc<Doorkeeper>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(portal): Path<String>,
    request: Request<Body>,
) -> Response {
    let now = door.app.clock.now();
    let client = door.app.guard.client(peer.ip(), request.headers());
    if !door.app.guard.bitrix24.admits(client) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let portal = PortalId::new(portal);
    let address = request.uri().query().unwrap_or_default();
    let query = robot::query(address, Limits::default()).ok();
    let query = match proved(&door.app.store, &portal, query).await {
        Ok(Some(query)) => query,
        Ok(None) => return stranger(&door, client, now),
        Err(error) => return not_kept(&error),
    };
    let body = match body(request).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    match robot::called(&portal, &query, &body, Limits::default()) {
        Ok(called) => keep(&door, &portal, called, now).await,
        Err(refused) => {
            tracing::warn!(%client, %refused, "a call that orders nothing");
            StatusCode::BAD_REQUEST.into_response()
        }
    }
}

/// The address, if its token is the one that we gave out. Who is a stranger is found out in the same time for any portal.
async fn proved(
    store: &Store,
    portal: &PortalId,
    query: Option<Query>,
) -> Result<Option<Query>, StoreError> {
    let stored = store.fact_get(portal, DIGEST).await?;
    let digest = stored.as_deref().and_then(from_hex);
    let is_it = |token: &SecretString| digest.unwrap_or(TokenDigest::NONE).is_of(token);
    Ok(query.filter(|query| query.token.as_ref().is_some_and(is_it) && digest.is_some()))
}

/// The address has a secret, so nothing of it is logged.
fn stranger(door: &Doorkeeper, client: IpAddr, now: Timestamp) -> Response {
    if door.strangers.is_blocked(client, now) {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    let hint = "its token is not the one of `provodka robot new`, or that was withdrawn";
    tracing::warn!(%client, hint, "a call for an order that does not prove itself");
    door.strangers.failed(client, now);
    StatusCode::UNAUTHORIZED.into_response()
}

/// A form, or nothing at all.
async fn body(request: Request<Body>) -> Result<Vec<u8>, StatusCode> {
    let is_form = is_form(request.headers());
    let body = match Limited::new(request.into_body(), MOST_BYTES)
        .collect()
        .await
    {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => return Err(StatusCode::BAD_REQUEST),
    };
    if !is_form && !body.is_empty() {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    Ok(body.to_vec())
}

async fn keep(door: &Doorkeeper, portal: &PortalId, called: Called, now: Timestamp) -> Response {
    let lane = door.clicks.lane(portal, now);
    let Called { deal, order } = called;
    let kept = door.app.store.order_call(portal, deal, order, lane, now);
    match kept.await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => not_kept(&error),
    }
}

fn not_kept(error: &StoreError) -> Response {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "an order could not be kept"
    );
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

/// Makes the token of a portal's address in place of the former. Only its digest is kept.
///
/// # Errors
/// The store's.
pub async fn new_order_token(
    store: &Store,
    portal: &PortalId,
    rng: &SharedRng,
) -> Result<SecretString, StoreError> {
    let mut bytes = [0; 32];
    rng.clone().fill_bytes(&mut bytes);
    let token = SecretString::from(hex(&bytes));
    let digest = hex(TokenDigest::of(&token).as_bytes());
    store.fact_put(portal, DIGEST, &digest).await?;
    Ok(token)
}

/// From now on nobody can call an order. False: nobody could before.
///
/// # Errors
/// The store's.
pub async fn forget_order_token(store: &Store, portal: &PortalId) -> Result<bool, StoreError> {
    let stored = store.fact_get(portal, DIGEST).await?;
    if stored.is_none_or(|digest| digest.is_empty()) {
        return Ok(false);
    }
    store.fact_put(portal, DIGEST, "").await?;
    Ok(true)
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<TokenDigest> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(TokenDigest::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use connector_bitrix24::webhook::TokenDigest;
    use secrecy::SecretString;

    use super::{from_hex, hex};

    #[test]
    fn a_digest_is_read_back_as_it_was_kept() {
        let token = SecretString::from("token of ours");
        let digest = from_hex(&hex(TokenDigest::of(&token).as_bytes())).unwrap();
        assert!(digest.is_of(&token));
        assert!(!digest.is_of(&SecretString::from("another")));
        for text in ["", "00", &"0".repeat(63), &"x".repeat(64), &"é".repeat(32)] {
            assert!(from_hex(text).is_none(), "{text}");
        }
    }
}
