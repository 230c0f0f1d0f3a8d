//! Orders that are called: by a robot of the portal, or by whoever has the address with its token. Proved, bounded, on disk,
//! answered; in this order.
//!
//! Not here: what becomes of an order. The answer is the same whether there is such a deal or not.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, State};
use axum::response::{IntoResponse as _, Response};
use connector_bitrix24::robot::{self, Called, Query};
use connector_bitrix24::webhook::Limits;
use domain::PortalId;
use http::{Request, StatusCode};
use jiff::Timestamp;
use store::{Store, StoreError};

use crate::addresses::{Address, bounded, stranger};
use crate::webhooks::{Doorkeeper, is_form};

/// Largest body of a call, in bytes.
const MOST_BYTES: usize = 64 << 10;

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
        Ok(None) => return stranger(&door, client, now, "provodka robot new"),
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

/// The address, if its token is the one that we gave out.
async fn proved(
    store: &Store,
    portal: &PortalId,
    query: Option<Query>,
) -> Result<Option<Query>, StoreError> {
    let token = query.as_ref().and_then(|query| query.token.as_ref());
    let is_proved = Address::Orders.is_proved(store, portal, token).await?;
    Ok(query.filter(|_| is_proved))
}

/// A form, or nothing at all.
async fn body(request: Request<Body>) -> Result<Bytes, StatusCode> {
    let is_form = is_form(request.headers());
    let body = bounded(request.into_body(), MOST_BYTES).await?;
    if !is_form && !body.is_empty() {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    Ok(body)
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
