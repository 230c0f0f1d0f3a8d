//! Addresses of ours that others call, each with a token that we gave out: made, compared, withdrawn. Only digests are kept.
//!
//! Whoever calls one proves himself by nothing else. Not here: what a call does (`orders`, `hints`).

use std::net::IpAddr;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use connector_bitrix24::webhook::TokenDigest;
use domain::PortalId;
use engine::SharedRng;
use http::StatusCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use jiff::Timestamp;
use rand::Rng as _;
use secrecy::SecretString;
use store::{Store, StoreError};

use crate::webhooks::Doorkeeper;

/// What may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// Orders, by a robot of the portal or another program.
    Orders,
    /// Hints, by the accounting side.
    Hints,
}

impl Address {
    /// Where the digest of its token is kept; empty once it was withdrawn.
    const fn fact(self) -> &'static str {
        match self {
            Self::Orders => "order_token_digest",
            Self::Hints => "hint_token_digest",
        }
    }

    /// Makes the token of a portal's address in place of the former. Only its digest is kept.
    ///
    /// # Errors
    /// The store's.
    pub async fn new_token(
        self,
        store: &Store,
        portal: &PortalId,
        rng: &SharedRng,
    ) -> Result<SecretString, StoreError> {
        let mut bytes = [0; 32];
        rng.clone().fill_bytes(&mut bytes);
        let token = SecretString::from(hex(&bytes));
        let digest = hex(TokenDigest::of(&token).as_bytes());
        store.fact_put(portal, self.fact(), &digest).await?;
        Ok(token)
    }

    /// From now on nobody can call it. False: nobody could before.
    ///
    /// # Errors
    /// The store's.
    pub async fn forget_token(self, store: &Store, portal: &PortalId) -> Result<bool, StoreError> {
        let stored = store.fact_get(portal, self.fact()).await?;
        if stored.is_none_or(|digest| digest.is_empty()) {
            return Ok(false);
        }
        store.fact_put(portal, self.fact(), "").await?;
        Ok(true)
    }

    /// Whether the token is the one that we gave out. Who is a stranger is found out in the same time for any portal.
    pub(crate) async fn is_proved(
        self,
        store: &Store,
        portal: &PortalId,
        token: Option<&SecretString>,
    ) -> Result<bool, StoreError> {
        let stored = store.fact_get(portal, self.fact()).await?;
        let digest = stored.as_deref().and_then(from_hex);
        let is_it = |token: &SecretString| digest.unwrap_or(TokenDigest::NONE).is_of(token);
        Ok(token.is_some_and(is_it) && digest.is_some())
    }
}

/// The answer to who did not prove himself; `made_by` is the command that gives the address out. The address has a secret,
/// so nothing of it is logged.
pub(crate) fn stranger(
    door: &Doorkeeper,
    client: IpAddr,
    now: Timestamp,
    made_by: &'static str,
) -> Response {
    if door.strangers.is_blocked(client, now) {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    let hint = "its token is not the one that was given out, or that was withdrawn";
    tracing::warn!(%client, hint, made_by, "a call that does not prove itself");
    door.strangers.failed(client, now);
    StatusCode::UNAUTHORIZED.into_response()
}

/// A body of so many bytes at most.
pub(crate) async fn bounded(body: Body, most_bytes: usize) -> Result<Bytes, StatusCode> {
    match Limited::new(body, most_bytes).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
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
