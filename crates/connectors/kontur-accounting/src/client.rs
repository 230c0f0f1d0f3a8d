//! The HTTP part: address, key, one exchange at a time through the gate, the transport and the journal.
//!
//! Every request asks the gate first and is booked afterwards, answered or not. Nothing is retried here.

use std::sync::Arc;

use bytes::Bytes;
use capability::exchange::Exchange;
use capability::{Call, Remote};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use transport::{Answer, Deadlines, Request, TimeSource, Transport, TransportError};
use url::Url;

use crate::error::{Asked, Failure, Nature};
use crate::{Settings, journal};

const API_KEY: &str = "x-kontur-apikey";
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const JSON: &str = "application/json";

/// Why a connection cannot be made from its settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The key has a line break or something else that no header may hold, or is empty.
    #[error("the key of the accounting side is empty or holds characters that no key has")]
    Key,
    /// Such as `mailto:`.
    #[error("`{0}` cannot be the address of the accounting side")]
    Base(String),
}

/// Speaks to one service with one key.
pub(crate) struct Client {
    transport: Arc<dyn Transport>,
    base: Url,
    key: SecretString,
    account: String,
    now: TimeSource,
}

/// One request as a capability wants it.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) asked: Asked,
    pub(crate) method: Method,
    /// Below `/v1`; each piece is encoded.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
    pub(crate) idempotency_key: Option<String>,
    accept: &'static str,
}

impl<'a> Ask<'a> {
    /// A GET.
    pub(crate) fn get(operation: &'static str, path: &'a [&'a str]) -> Self {
        Self::new(operation, Nature::Read, Method::GET, path)
    }

    /// A POST without effect.
    pub(crate) fn search(operation: &'static str, path: &'a [&'a str]) -> Self {
        Self::new(operation, Nature::Read, Method::POST, path)
    }

    /// A POST with an effect.
    pub(crate) fn write(operation: &'static str, path: &'a [&'a str]) -> Self {
        Self::new(operation, Nature::Write, Method::POST, path)
    }

    /// With a parameter in the query.
    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// With a body. Our own types always serialise; should one not, the remote refuses the empty body.
    pub(crate) fn body(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_value(body).ok();
        self
    }

    /// With the header `Idempotency-Key`, if there is one.
    pub(crate) fn idempotency_key(mut self, key: Option<String>) -> Self {
        self.idempotency_key = key;
        self
    }

    /// Wants something else than JSON.
    pub(crate) fn accept(mut self, media_type: &'static str) -> Self {
        self.accept = media_type;
        self
    }

    fn new(operation: &'static str, nature: Nature, method: Method, path: &'a [&'a str]) -> Self {
        Self {
            asked: Asked { operation, nature },
            method,
            path,
            query: Vec::new(),
            body: None,
            idempotency_key: None,
            accept: JSON,
        }
    }
}

impl Client {
    pub(crate) fn new(
        settings: Settings,
        transport: Arc<dyn Transport>,
        now: TimeSource,
    ) -> Result<Self, SettingsError> {
        let Settings {
            base, key, account, ..
        } = settings;
        if key.expose_secret().is_empty() || HeaderValue::from_str(key.expose_secret()).is_err() {
            return Err(SettingsError::Key);
        }
        if base.cannot_be_a_base() {
            return Err(SettingsError::Base(base.scheme().to_owned()));
        }
        Ok(Self {
            transport,
            base,
            key,
            account,
            now,
        })
    }

    /// Asks, and reads the answer as `T`.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        ask: Ask<'_>,
    ) -> Result<T, Failure> {
        self.exchange(call, ask, from_json).await
    }

    /// Asks, and reads a successful answer with `decode`.
    pub(crate) async fn exchange<T>(
        &self,
        call: &Call<'_>,
        ask: Ask<'_>,
        decode: fn(Asked, &Answer) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let asked = ask.asked;
        let request = self.request(call, &ask)?;
        let said = journal::request(&ask, request.url.path());
        call.admit(Remote::KonturAccounting, &self.account, &[asked.operation])
            .await
            .map_err(Failure::of)?;
        let at = (self.now)();
        let answer = self.transport.send(request).await;
        let outcome = match &answer {
            Err(error) => Err(asked.unanswered(error)),
            Ok(answer) if answer.status.is_success() => decode(asked, answer),
            Ok(answer) => Err(asked.refused(answer)),
        };
        let failure = outcome.as_ref().err();
        call.done(self.booked(asked, at, said, &answer, failure))
            .await;
        outcome
    }

    /// How many requests of this operation can leave in time.
    pub(crate) async fn room(&self, call: &Call<'_>, operation: &str) -> u32 {
        call.room(Remote::KonturAccounting, &self.account, &[operation])
            .await
    }

    fn booked(
        &self,
        asked: Asked,
        at: jiff::Timestamp,
        request: Value,
        answer: &Result<Answer, TransportError>,
        failure: Option<&Failure>,
    ) -> Exchange {
        let answered = answer.as_ref().ok();
        let status = answered.map(|answer| answer.status);
        let sent_at = answered.map_or(at, |answer| answer.sent_at);
        Exchange {
            at: sent_at,
            remote: Remote::KonturAccounting,
            account: self.account.clone(),
            method: asked.operation.to_owned(),
            request,
            response: answered.map_or(Value::Null, |answer| {
                journal::response(answer.status, &answer.body)
            }),
            status: status.as_ref().map(StatusCode::as_u16),
            duration_ms: answered.map_or_else(
                || u64::try_from((self.now)().duration_since(at).as_millis()).unwrap_or(0),
                |answer| answer.duration_ms,
            ),
            times: Vec::new(),
            limit: failure
                .filter(|_| status.is_some())
                .and_then(|failure| failure.limit(sent_at)),
            result: failure.map_or_else(|| "ok".to_owned(), |failure| failure.error.code.clone()),
            remote_failed: match answer {
                Ok(answer) => answer.status.is_server_error(),
                Err(error) => error.blames_remote(),
            },
        }
    }

    fn request(&self, call: &Call<'_>, ask: &Ask<'_>) -> Result<Request, Failure> {
        let body = match &ask.body {
            Some(body) => Bytes::from(body.to_string()),
            None => Bytes::new(),
        };
        Ok(Request {
            method: ask.method.clone(),
            url: self.address(ask),
            headers: self.headers(ask).ok_or_else(|| {
                let verdict = domain::Verdict::Reject;
                ask.asked.failure(
                    verdict,
                    "not-a-header",
                    "a header would hold characters that it may not",
                )
            })?,
            body,
            deadlines: match ask.asked.nature {
                Nature::Read => Deadlines::READ,
                Nature::Write => Deadlines::WRITE,
            },
            not_after: call.deadline(),
        })
    }

    fn address(&self, ask: &Ask<'_>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v1").extend(ask.path);
        }
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        url
    }

    fn headers(&self, ask: &Ask<'_>) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        let mut key = HeaderValue::from_str(self.key.expose_secret()).ok()?;
        key.set_sensitive(true);
        headers.insert(API_KEY, key);
        headers.insert(ACCEPT, HeaderValue::from_static(ask.accept));
        if ask.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        }
        if let Some(key) = &ask.idempotency_key {
            headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(key).ok()?);
        }
        Some(headers)
    }
}

fn from_json<T: DeserializeOwned>(asked: Asked, answer: &Answer) -> Result<T, Failure> {
    // serde's own words would quote the value, which may be personal: only the place is told.
    serde_json::from_slice(&answer.body).map_err(|error| {
        asked.undecodable(format!(
            "the answer is not what the contract promises: line {}, column {}",
            error.line(),
            error.column()
        ))
    })
}
