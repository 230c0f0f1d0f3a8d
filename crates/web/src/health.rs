//! Whether the process lives and whether it can keep an event; nothing more is told in public.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::App;
use crate::webhooks::Doorkeeper;

/// So long an answer holds: anybody may ask, and the proof is a write.
const HOLDS: SignedDuration = SignedDuration::from_secs(1);

/// `GET /health/live`: the process answers.
pub(crate) async fn live() -> StatusCode {
    StatusCode::OK
}

/// `GET /health/ready`: events can be kept.
pub(crate) async fn ready(State(door): State<Arc<Doorkeeper>>) -> StatusCode {
    if door.readiness.ask(&door.app).await {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

/// The last answer and when it was found. Who asks meanwhile waits for the one who finds it out.
#[derive(Default)]
pub(crate) struct Readiness(Mutex<Option<(Timestamp, bool)>>);

impl Readiness {
    async fn ask(&self, app: &App) -> bool {
        let mut last = self.0.lock().await;
        let now = app.clock.now();
        if let Some((found_at, is_ready)) = *last
            && now.duration_since(found_at).abs() < HOLDS
        {
            return is_ready;
        }
        let proof = app.store.prove_writable(now).await;
        if let Err(error) = &proof {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "not ready: no event could be kept now");
        }
        *last = Some((now, proof.is_ok()));
        proof.is_ok()
    }
}
