//! The stage: a transport that plays a script and remembers what it was asked, a gate that notes everything.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use capability::exchange::Exchange;
use capability::{Accounting, Admission, Call, Gate, NotAdmitted, Urgency};
use connector_kontur_accounting::{Offers, Settings, Waits, connect};
use domain::{OrganisationId, PortalId};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use transport::{Answer, Request, Transport, TransportError};

pub(crate) const KEY: &str = "0f2c8a3e-secret-key";
pub(crate) const ORGANISATION: &str = "972252c5-6551-4ec4-90ad-cb5b296490cb";
pub(crate) const BILL: &str = "9bcc6d6f-23c0-4549-b81c-1299e2d983fe";

/// One connected accounting side with its script.
pub(crate) struct Stage {
    pub(crate) accounting: Accounting,
    script: Arc<Script>,
    gate: Notes,
    portal: PortalId,
}

impl Stage {
    pub(crate) fn plays(answers: impl IntoIterator<Item = Played>) -> Self {
        Self::offering(Offers::default(), answers)
    }

    pub(crate) fn offering(offers: Offers, answers: impl IntoIterator<Item = Played>) -> Self {
        let script = Arc::new(Script {
            answers: Mutex::new(answers.into_iter().collect()),
            seen: Mutex::default(),
        });
        let settings = Settings {
            base: "https://accounting.example/kontur/".parse().unwrap(),
            key: KEY.to_owned().into(),
            account: "main".to_owned(),
            offers,
            waits: Waits::default(),
        };
        let accounting = connect(settings, script.clone(), Arc::new(now)).unwrap();
        Self {
            accounting,
            script,
            gate: Notes::default(),
            portal: PortalId::new("7f3a"),
        }
    }

    pub(crate) fn refuses_turns(mut self) -> Self {
        self.gate.closed = true;
        self
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call::new(&self.portal, Urgency::Due, &self.gate)
    }

    /// What was sent, in order. That every request was admitted before and booked after is checked each time.
    pub(crate) fn seen(&self) -> Vec<Request> {
        let seen = self.script.seen.lock().unwrap().clone();
        let notes = self.gate.notes.lock().unwrap().clone();
        let alternating: Vec<&str> = ["admit", "book"].repeat(seen.len());
        assert_eq!(notes, alternating, "each request is admitted, then booked");
        for request in &seen {
            assert_eq!(request.headers["x-kontur-apikey"], KEY);
            assert!(!request.url.as_str().contains(KEY));
        }
        seen
    }

    /// The whole script was played.
    pub(crate) fn ends(&self) {
        assert!(self.script.answers.lock().unwrap().is_empty());
        for exchange in self.booked() {
            let text = serde_json::to_string(&exchange).unwrap();
            assert!(!text.contains(KEY), "the key stands in the journal");
            assert!(!text.contains("Ромашка"), "a name stands in the journal");
        }
    }

    pub(crate) fn booked(&self) -> Vec<Exchange> {
        self.gate.booked.lock().unwrap().clone()
    }

    pub(crate) fn asked(&self) -> Vec<Admission> {
        self.gate.asked.lock().unwrap().clone()
    }
}

pub(crate) fn organisation() -> OrganisationId {
    OrganisationId::new(ORGANISATION)
}

pub(crate) fn now() -> Timestamp {
    "2026-03-12T09:00:00Z".parse().unwrap()
}

pub(crate) fn fixture(name: &str) -> Value {
    let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

pub(crate) fn parameters(request: &Request) -> Vec<(String, String)> {
    request.url.query_pairs().into_owned().collect()
}

/// An answer or its absence.
pub(crate) type Played = Result<Answer, TransportError>;

pub(crate) fn example(status: u16, name: &str) -> Played {
    json(status, &fixture(name))
}

pub(crate) fn json(status: u16, value: &Value) -> Played {
    raw(status, &[], value.to_string().into_bytes())
}

pub(crate) fn raw(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Played {
    let headers = headers.iter().map(|(name, value)| {
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    });
    Ok(Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::from_iter(headers),
        body: body.into(),
        sent_at: now(),
        duration_ms: 12,
    })
}

/// Each way in which an answer of a remote can fail to say what became of a request.
pub(crate) fn unclear() -> Vec<Played> {
    let mut cut = fixture("bill").to_string().into_bytes();
    cut.truncate(100);
    vec![
        Err(TransportError::TimedOut(Duration::from_secs(75))),
        Err(TransportError::Cut("reset by peer".to_owned())),
        Err(TransportError::TooLarge),
        raw(200, &[], "<html><body>Вход</body></html>"),
        raw(201, &[], ""),
        raw(201, &[], cut),
        json(201, &serde_json::json!({"id": "x"})),
        raw(500, &[], "Internal Server Error"),
        raw(502, &[], "<html>Bad Gateway</html>"),
        raw(503, &[("retry-after", "30")], ""),
        raw(504, &[], ""),
    ]
}

struct Script {
    answers: Mutex<VecDeque<Played>>,
    seen: Mutex<Vec<Request>>,
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request) -> Played {
        self.seen.lock().unwrap().push(request);
        let next = self.answers.lock().unwrap().pop_front();
        next.expect("no more requests than the script has answers")
    }
}

#[derive(Default)]
struct Notes {
    closed: bool,
    notes: Mutex<Vec<&'static str>>,
    asked: Mutex<Vec<Admission>>,
    booked: Mutex<Vec<Exchange>>,
}

#[async_trait]
impl Gate for Notes {
    async fn admit(&self, ask: &Admission) -> Result<(), NotAdmitted> {
        self.asked.lock().unwrap().push(ask.clone());
        if self.closed {
            return Err(NotAdmitted {
                retry_after: None,
                reason: "the budget is spent".to_owned(),
            });
        }
        self.notes.lock().unwrap().push("admit");
        Ok(())
    }

    async fn room(&self, _: &Admission) -> u32 {
        u32::MAX
    }

    async fn book(&self, portal: &PortalId, exchange: &Exchange) {
        assert_eq!(portal.as_str(), "7f3a");
        self.notes.lock().unwrap().push("book");
        self.booked.lock().unwrap().push(exchange.clone());
    }
}
