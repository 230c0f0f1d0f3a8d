//! A remote that answers what the input says, over the product's own `Transport`.
//!
//! The first line of an input names an operation and statuses, the rest are bodies between lines of `%%`. The last
//! body answers all further requests. Status 1 is a connection cut, 2 no answer in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use capability::{Admission, Exchange, Gate, NotAdmitted};
use domain::PortalId;
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use transport::{Answer, Request, Transport, TransportError};

/// An operation that asks more often than this asks for ever.
const MOST_REQUESTS: usize = 1_000;

/// What an input says.
pub(crate) struct Script {
    first_line: String,
    statuses: Vec<u16>,
    bodies: Vec<Vec<u8>>,
    requests: AtomicUsize,
}

impl Script {
    pub(crate) fn of(input: &[u8]) -> Arc<Self> {
        let (first, rest) = match input.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&input[..end], &input[end + 1..]),
            None => (input, &[][..]),
        };
        let first_line = String::from_utf8_lossy(first).into_owned();
        let statuses = first_line.split(' ').skip(1);
        let statuses = statuses.filter_map(|word| word.parse().ok()).collect();
        Arc::new(Self {
            statuses,
            bodies: bodies(rest),
            first_line,
            requests: AtomicUsize::new(0),
        })
    }

    /// One of `operations`: the one that is named, or one by chance.
    pub(crate) fn operation<T: Copy>(&self, operations: &[(&str, T)]) -> T {
        let word = self.first_line.split(' ').next().unwrap_or_default();
        let named = operations.iter().find(|(name, _)| *name == word);
        let by_chance = || {
            let sum: usize = word.bytes().map(usize::from).sum();
            &operations[sum % operations.len()]
        };
        named.unwrap_or_else(by_chance).1
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, _request: Request) -> Result<Answer, TransportError> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        assert!(number < MOST_REQUESTS, "the answers make it ask for ever");
        let status = self.statuses.get(number).or(self.statuses.last());
        let status = match status.copied().unwrap_or(200) {
            1 => return Err(TransportError::Cut("reset by peer".to_owned())),
            2 => return Err(TransportError::TimedOut(Duration::from_secs(30))),
            status => StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
        };
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        headers.insert(http::header::CONTENT_TYPE, json);
        if status.is_redirection() {
            let elsewhere = HeaderValue::from_static("https://moved.bitrix24.test/rest/1/s3cr3t/x");
            headers.insert(http::header::LOCATION, elsewhere);
        }
        let body = self.bodies.get(number).or(self.bodies.last());
        Ok(Answer {
            status,
            headers,
            body: body.cloned().unwrap_or_default().into(),
            sent_at: now(),
            duration_ms: 12,
        })
    }
}

fn bodies(rest: &[u8]) -> Vec<Vec<u8>> {
    const BETWEEN: &[u8] = b"\n%%\n";
    let mut bodies = Vec::new();
    let mut left = rest;
    while let Some(at) = left
        .windows(BETWEEN.len())
        .position(|found| found == BETWEEN)
    {
        bodies.push(left[..at].to_vec());
        left = &left[at + BETWEEN.len()..];
    }
    bodies.push(left.to_vec());
    bodies
}

/// Admits everything and drops what is booked: the masking was done by then.
pub(crate) struct OpenGate;

#[async_trait]
impl Gate for OpenGate {
    async fn admit(&self, _ask: &Admission) -> Result<(), NotAdmitted> {
        Ok(())
    }

    async fn room(&self, _ask: &Admission) -> u32 {
        u32::MAX
    }

    async fn book(&self, _portal: &PortalId, _exchange: &Exchange) {}
}

/// The time of all inputs.
pub(crate) fn now() -> Timestamp {
    Timestamp::constant(1_772_359_200, 0)
}

/// Runs a call to its end: nothing in it waits for anything but its answer.
pub(crate) fn finish<T>(call: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(call))
}
