//! The one way out: every request of every connector leaves through a [`Transport`].
//!
//! It keeps total and idle deadlines, the moment after which nothing may be sent, the limit of an
//! answer's size and the list of hosts that may be called at all. It knows no remote: statuses and
//! bodies are judged by the connectors. [`HttpTransport`] is the real one, [`InProcess`] its twin for
//! the simulator, on which tokio's paused clock stays exact.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests may"
    )
)]

mod destination;
mod http_transport;
mod in_process;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use url::Url;

pub use destination::{Allowed, Refused};
pub use http_transport::{BuildError, HttpTransport};
pub use in_process::{InProcess, Peer, PeerFailure};

/// Tells the time; passed in, so that deadlines follow the product's clock.
pub type TimeSource = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Lets so much time pass; passed in, so that a wait goes by the product's clock.
pub type Pause = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// Largest decoded answer that is read, in bytes.
pub const MOST_BYTES: usize = 16 << 20;

/// Deadlines of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From the first byte sent to the answer's last byte.
    pub total: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
}

impl Deadlines {
    /// For requests without effect.
    pub const READ: Self = Self {
        total: Duration::from_secs(30),
        idle: Duration::from_secs(15),
    };
    /// For requests with an effect: beyond the 60 seconds that Bitrix24 may work on one.
    pub const WRITE: Self = Self {
        total: Duration::from_secs(75),
        idle: Duration::from_secs(75),
    };
}

/// A request. Its `Debug` shows neither address path, headers nor body: they hold secrets.
#[derive(Clone)]
pub struct Request {
    /// GET, POST …
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// As they are sent.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How long to wait.
    pub deadlines: Deadlines,
    /// No byte leaves at or after this moment, and the connection is closed at it.
    pub not_after: Option<Timestamp>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A whole answer.
#[derive(Clone)]
pub struct Answer {
    /// Its status; redirects are not followed.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, decoded.
    pub body: Bytes,
    /// When the request was sent.
    pub sent_at: Timestamp,
    /// Until the last byte of the answer, in milliseconds.
    pub duration_ms: u64,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// No whole answer came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing left this machine: refused destination, no connection.
    #[error("not sent: {0}")]
    NotSent(String),
    /// Nothing left this machine: its `not_after` had passed. We were late; the remote has no part in it.
    #[error("not sent: the moment until which it might be sent has passed")]
    Late,
    /// It left, and no answer came in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// It left, and the connection broke before the answer was whole.
    #[error("the connection broke: {0}")]
    Cut(String),
    /// It left, and the answer is larger than [`MOST_BYTES`].
    #[error("the answer is larger than {MOST_BYTES} bytes")]
    TooLarge,
}

impl TransportError {
    /// Whether the request surely took no effect.
    pub fn surely_not_sent(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::Late)
    }

    /// Whether it says anything of the remote's health: being late ourselves does not.
    pub fn blames_remote(&self) -> bool {
        !matches!(self, Self::Late)
    }

    /// The word for the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotSent(_) => "not-sent",
            Self::Late => "late",
            Self::TimedOut(_) => "timed-out",
            Self::Cut(_) => "cut-off",
            Self::TooLarge => "too-large",
        }
    }
}

/// Sends a request and reads the whole answer.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends once; never retries, never follows a redirect.
    async fn send(&self, request: Request) -> Result<Answer, TransportError>;
}

/// The time left until the earlier of the total deadline and `not_after`; an error when none is.
fn time_left(request: &Request, now: Timestamp) -> Result<Duration, TransportError> {
    let Some(not_after) = request.not_after else {
        return Ok(request.deadlines.total);
    };
    match Duration::try_from(not_after.duration_since(now)) {
        Ok(left) if !left.is_zero() => Ok(left.min(request.deadlines.total)),
        _ => Err(TransportError::Late),
    }
}

fn milliseconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}
