//! Hints of the accounting side: it calls when something changed over there, and its feeds are read sooner. Proved, bounded, on
//! disk, answered; in this order.
//!
//! Nothing of what it says is read: what changed is found in the feeds, with this call or without it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::response::{IntoResponse as _, Response};
use domain::PortalId;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use secrecy::SecretString;
use store::StoreError;

use crate::addresses::{Address, bounded, stranger};
use crate::webhooks::Doorkeeper;

/// Largest body of a call, in bytes.
const MOST_BYTES: usize = 64 << 10;
/// Feeds are read because of hints no oftener than this apart, however many come: as often as while something comes.
const APART: SignedDuration = SignedDuration::from_secs(5);

/// `POST /hints/accounting/PORTAL?token=…`. 200 once the feeds are due on disk; 401 for whoever does not prove itself; 503 when
/// it could not be kept.
pub(crate) async fn accounting(
    State(door): State<Arc<Doorkeeper>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(portal): Path<String>,
    request: Request<Body>,
) -> Response {
    let now = door.app.clock.now();
    let client = door.app.guard.client(peer.ip(), request.headers());
    let (store, portal) = (&door.app.store, PortalId::new(portal));
    let token = token(request.uri().query().unwrap_or_default());
    match Address::Hints
        .is_proved(store, &portal, token.as_ref())
        .await
    {
        Ok(true) => {}
        Ok(false) => return stranger(&door, client, now, "provodka hint new"),
        Err(error) => return not_kept(&error),
    }
    if let Err(status) = bounded(request.into_body(), MOST_BYTES).await {
        return status.into_response();
    }
    match store.accounting_hint(&portal, APART, now).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => not_kept(&error),
    }
}

/// The one token of the address; of two it is not known which is meant.
fn token(query: &str) -> Option<SecretString> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let mut tokens = pairs.filter(|(name, _)| name == "token");
    let (_, token) = tokens.next()?;
    let is_one = !token.is_empty() && tokens.next().is_none();
    is_one.then(|| SecretString::from(token.into_owned()))
}

fn not_kept(error: &StoreError) -> Response {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "a hint could not be kept"
    );
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}
