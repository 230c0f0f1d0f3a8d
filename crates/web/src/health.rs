//! Whether the process lives and whether it can keep an event; nothing more is told in public.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::webhooks::Doorkeeper;

/// `GET /health/live`: the process answers.
pub(crate) async fn live() -> StatusCode {
    StatusCode::OK
}

/// `GET /health/ready`: events can be kept.
pub(crate) async fn ready(State(door): State<Arc<Doorkeeper>>) -> StatusCode {
    match door.app.store.ping().await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
