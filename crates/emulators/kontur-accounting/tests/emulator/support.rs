//! An in-process client of the emulator, on a paused clock.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use emulator_harness::{TokioClock, is_lost};
use emulator_kontur_accounting::{Config, Emulator, Id};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const ORGANIZATION: &str = "972252c5-6551-4ec4-90ad-cb5b296490cb";

/// The moment of the contract's examples.
pub(crate) const START: &str = "2026-03-12T09:00:00Z";

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) key: String,
    router: Router,
}

pub(crate) struct Heard {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default(), 1)
    }

    pub(crate) fn with(config: Config, seed: u64) -> Self {
        let clock = TokioClock::shared(START.parse().unwrap());
        let emulator = Emulator::new(config, clock, seed);
        Self {
            key: emulator.credentials("http://127.0.0.1:1").api_key,
            router: emulator.router(),
            emulator,
        }
    }

    /// Sends a request; `None` when the answer was lost.
    pub(crate) async fn send(&self, request: Request<Body>) -> Option<Heard> {
        let response = self.router.clone().oneshot(request).await.unwrap();
        if is_lost(&response) {
            return None;
        }
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.map(|body| body.to_bytes().to_vec());
        Some(Heard {
            status: parts.status,
            headers: parts.headers,
            bytes: bytes.unwrap_or_default(),
        })
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Request<Body> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("X-Kontur-ApiKey", &self.key)
            .header("Content-Type", "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        request.body(body).unwrap()
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Heard {
        let heard = self.send(self.request(method, path, body)).await;
        heard.expect("the answer arrives")
    }

    pub(crate) async fn get(&self, path: &str) -> Heard {
        self.call("GET", &own(path), None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Heard {
        self.call("POST", &own(path), Some(body)).await
    }

    pub(crate) async fn romashka(&self) -> String {
        let request = json!({"name": "ООО «Ромашка»", "inn": "7707083893", "kpp": "770701001"});
        self.post("/contractors", &request).await.json()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) async fn bill(&self, contractor: &str, comment: &str) -> Value {
        let heard = self
            .post("/bills", &bill_request(contractor, comment))
            .await;
        assert_eq!(heard.status, 201, "{}", heard.json());
        heard.json()
    }

    pub(crate) fn organization(&self) -> Id {
        ORGANIZATION.parse().unwrap()
    }

    pub(crate) fn accountant(&self) -> emulator_kontur_accounting::Accountant {
        self.emulator.accountant(self.organization()).unwrap()
    }
}

impl Heard {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// `code target` of every named fault.
    pub(crate) fn faults(&self) -> Vec<String> {
        let details = self.json()["error"]["details"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let written = details
            .iter()
            .map(|d| format!("{} {}", text(&d["code"]), text(&d["target"])));
        written.collect()
    }
}

pub(crate) fn own(path: &str) -> String {
    format!("/v1/organizations/{ORGANIZATION}{path}")
}

pub(crate) fn bill_request(contractor: &str, comment: &str) -> Value {
    json!({
        "date": "2026-03-12",
        "withNds": true,
        "sumsWithNds": true,
        "comment": comment,
        "contractorId": contractor,
        "items": [{"productName": "Монтаж", "unitName": "шт", "quantity": "3", "price": "50000.00", "ndsRate": "nds22"}],
    })
}

pub(crate) async fn after(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

pub(crate) fn id_of(value: &Value) -> Id {
    value["id"].as_str().unwrap().parse().unwrap()
}
