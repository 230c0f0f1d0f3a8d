//! Events of the portal: bounded, verified, on disk, answered; in this order.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use connector_bitrix24::webhook::{self, Delivery, Limits, TokenDigest};
use domain::PortalId;
use domain::observed::Record;
use http::{HeaderMap, Request, StatusCode};
use jiff::Timestamp;
use planted::Bug;
use store::{Lane, NewEvent, Subject};

use crate::addresses::bounded;
use crate::clicks::Clicks;
use crate::health::Readiness;
use crate::removals::Removals;
use crate::strangers::Strangers;
use crate::{App, Removal};

/// Largest body of an event, in bytes.
const MOST_BYTES: usize = 256 << 10;

/// What the webhook routes remember between requests.
pub(crate) struct Doorkeeper {
    pub(crate) app: App,
    pub(crate) strangers: Strangers,
    pub(crate) clicks: Clicks,
    pub(crate) removals: Removals,
    pub(crate) readiness: Readiness,
}

impl Doorkeeper {
    pub(crate) fn new(app: App) -> Self {
        Self {
            app,
            strangers: Strangers::default(),
            clicks: Clicks::default(),
            removals: Removals::default(),
            readiness: Readiness::default(),
        }
    }
}

/// `POST /webhooks/bitrix24`. 200 once the event is on disk; 200 as well for what is not ours, so that a
/// stranger learns nothing; 503 when it could not be kept, and the portal's log shows it.
pub(crate) async fn bitrix24(
    State(door): State<Arc<Doorkeeper>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let now = door.app.clock.now();
    let client = door.app.guard.client(peer.ip(), request.headers());
    if !door.app.guard.bitrix24.admits(client) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if !is_form(request.headers()) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let body = match bounded(request.into_body(), MOST_BYTES).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    match webhook::parse(&body, Limits::default()) {
        Ok(delivery) => take(&door, client, now, delivery).await,
        Err(refused) => stranger(&door, client, now, StatusCode::BAD_REQUEST, || {
            tracing::warn!(%client, %refused, "a request that is no event");
        }),
    }
}

async fn take(door: &Doorkeeper, client: IpAddr, now: Timestamp, delivery: Delivery) -> Response {
    let Ok(stored) = door.app.portals.token_digest(&delivery.member_id).await else {
        // It may be true and could not be kept either.
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let known =
        webhook::verify(&delivery, &stored.unwrap_or(TokenDigest::NONE)) && stored.is_some();
    if let Some(grant) = delivery.install {
        if door.strangers.is_blocked(client, now) {
            return StatusCode::TOO_MANY_REQUESTS.into_response();
        }
        // Proved at the vendor and not by the body: an install is the first word of a portal.
        if !door.app.portals.install(grant).await {
            door.strangers.failed(client, now);
        }
        return StatusCode::OK.into_response();
    }
    if !known {
        return stranger(door, client, now, StatusCode::OK, || {
            unproved(client, &delivery, stored.is_some());
        });
    }
    if delivery.event == "ONAPPUNINSTALL" {
        return removal(door, now, &delivery.member_id)
            .await
            .into_response();
    }
    keep(door, now, delivery).await
}

/// 503 where it was not found out or could not be kept. If it is true nevertheless, the portal refuses the next call.
async fn removal(door: &Doorkeeper, now: Timestamp, portal: &PortalId) -> StatusCode {
    if !door.removals.may_ask(portal, now) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match door.app.portals.uninstalled(portal).await {
        Removal::Kept => StatusCode::OK,
        Removal::Untrue => {
            door.removals.untrue(portal, door.app.clock.now());
            StatusCode::OK
        }
        Removal::Unknown => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The answer to who did not prove itself. Many portals share the vendor's addresses, so an address that is
/// blocked is still heard when it shows the right token: nobody can shut out another's events.
fn stranger(
    door: &Doorkeeper,
    client: IpAddr,
    now: Timestamp,
    answer: StatusCode,
    log: impl FnOnce(),
) -> Response {
    if door.strangers.is_blocked(client, now) {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    log();
    door.strangers.failed(client, now);
    answer.into_response()
}

/// Whoever binds an outgoing webhook learns the portal's `member_id` nowhere else: it is named, for it is no secret.
fn unproved(client: IpAddr, delivery: &Delivery, is_known: bool) {
    let member_id = shown(delivery.member_id.as_str());
    let hint = if is_known {
        "its application_token is not the one we know: compare PROVODKA_BITRIX24_APPLICATION_TOKEN"
    } else {
        "compare its member_id with bitrix24.member_id; where they are the same, the token of events is not set yet"
    };
    tracing::warn!(%client, member_id, hint, "an event that does not prove itself");
}

/// A stranger's word, as far as it can be an id: nothing else gets into the log.
fn shown(member_id: &str) -> String {
    let plain = member_id.chars().filter(char::is_ascii_alphanumeric);
    plain.take(64).collect()
}

async fn keep(door: &Doorkeeper, now: Timestamp, delivery: Delivery) -> Response {
    let doorbell = delivery.event == "ONOFFLINEEVENT";
    let record = match &delivery.record {
        Some(record) => Some(subject_of(record)),
        None if doorbell => Some(Subject::portal("offline")),
        None => return StatusCode::OK.into_response(),
    };
    let lane = match &delivery.record {
        Some(Record::Deal(_)) => door.clicks.lane(&delivery.member_id, now),
        _ => Lane::Due,
    };
    let event = NewEvent {
        portal: delivery.member_id,
        source: "online".to_owned(),
        name: delivery.event,
        record,
        lane,
        received_at: now,
        detail: serde_json::json!({"sent_at": delivery.ts}),
    };
    if planted::is(Bug::AnswerBeforeCommit) {
        let store = door.app.store.clone();
        drop(tokio::spawn(
            async move { store.accept(&[event], now).await },
        ));
        return StatusCode::OK.into_response();
    }
    match door.app.store.accept(&[event], now).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "an event could not be kept"
            );
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

fn subject_of(record: &Record) -> Subject {
    match record {
        Record::Deal(id) => Subject::deal(*id),
        Record::Company(id) => Subject::company(*id),
        Record::Contact(id) => Subject::contact(*id),
        Record::Requisite(id) => Subject::requisite(*id),
        Record::BankDetail(id) => Subject::bank_detail(*id),
    }
}

pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        })
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn of_a_strangers_id_only_letters_and_digits_are_shown() {
        assert_eq!(
            shown("a223c6b3710f85df22e9377d6c4f7553"),
            "a223c6b3710f85df22e9377d6c4f7553"
        );
        assert_eq!(shown("x\n2026 ERROR \u{1b}[31mж-_."), "x2026ERROR31m");
        assert_eq!(shown(&"x".repeat(100)).len(), 64);
    }
}
