//! One request under a fault: whether its effect happens, when, and what the client sees.

use std::future::Future;

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use http_body::Body as _;

use crate::answer::{cut_body, lost_answer};
use crate::clock::wait;
use crate::fault::FaultKind;

/// Runs `effect` as `fault` demands and gives what the client gets.
///
/// `limit` makes the remote's own answer to one who asks too often. A late effect runs on in
/// a task of its own, on tokio's clock.
pub async fn play<L, E>(fault: Option<FaultKind>, limit: L, effect: E) -> Response
where
    L: FnOnce() -> Response,
    E: Future<Output = Response> + Send + 'static,
{
    match fault {
        // What is left out of a batch's answer the remote knows that has batches.
        None | Some(FaultKind::MissingPart) => effect.await,
        Some(FaultKind::AnswerLost) => {
            drop(effect.await);
            lost_answer()
        }
        Some(FaultKind::LateEffect { delay }) => {
            drop(tokio::spawn(async move {
                wait(delay).await;
                effect.await
            }));
            lost_answer()
        }
        Some(FaultKind::NotDone) => lost_answer(),
        Some(FaultKind::HtmlPage) => page(StatusCode::OK, "Ведутся технические работы"),
        Some(FaultKind::CutBody) => {
            let response = effect.await;
            let half = response.body().size_hint().lower() / 2;
            cut_body(response, usize::try_from(half).unwrap_or(usize::MAX))
        }
        Some(FaultKind::Slow { delay }) => {
            let response = effect.await;
            wait(delay).await;
            response
        }
        Some(FaultKind::Status(status)) => gateway(status),
        Some(FaultKind::StatusAfter(status)) => {
            drop(effect.await);
            gateway(status)
        }
        Some(FaultKind::Limit) => limit(),
    }
}

fn gateway(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    page(status, &status.to_string())
}

fn page(status: StatusCode, title: &str) -> Response {
    let html = format!(
        "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::answer::is_lost;

    async fn played(fault: Option<FaultKind>) -> (Response, Arc<AtomicU32>) {
        let effects = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&effects);
        let limit = || gateway(429);
        let response = play(fault, limit, async move {
            counted.fetch_add(1, Ordering::SeqCst);
            Response::new(Body::from("done"))
        });
        (response.await, effects)
    }

    #[tokio::test]
    async fn each_fault_does_or_omits_the_effect() {
        let rows = [
            (None, 200, false, 1),
            (Some(FaultKind::AnswerLost), 200, true, 1),
            (Some(FaultKind::NotDone), 200, true, 0),
            (Some(FaultKind::HtmlPage), 200, false, 0),
            (Some(FaultKind::CutBody), 200, false, 1),
            (Some(FaultKind::Status(503)), 503, false, 0),
            (Some(FaultKind::StatusAfter(500)), 500, false, 1),
            (Some(FaultKind::Limit), 429, false, 0),
            (Some(FaultKind::MissingPart), 200, false, 1),
        ];
        for (fault, status, lost, effects) in rows {
            let (response, done) = played(fault).await;
            assert_eq!(response.status(), status, "{fault:?}");
            assert_eq!(is_lost(&response), lost, "{fault:?}");
            assert_eq!(done.load(Ordering::SeqCst), effects, "{fault:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn late_effect_comes_after_its_delay() {
        let delay = Duration::from_secs(30);
        let (response, done) = played(Some(FaultKind::LateEffect { delay })).await;
        assert!(is_lost(&response));
        wait(Duration::from_secs(29)).await;
        assert_eq!(done.load(Ordering::SeqCst), 0);
        wait(Duration::from_secs(2)).await;
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_answer_is_late_but_whole() {
        let started = tokio::time::Instant::now();
        let delay = Duration::from_secs(5);
        let (response, done) = played(Some(FaultKind::Slow { delay })).await;
        assert_eq!(response.status(), 200);
        assert_eq!(started.elapsed(), delay);
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }
}
