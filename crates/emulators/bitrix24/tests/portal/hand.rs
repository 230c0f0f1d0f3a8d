//! A portal on a paused clock, and what a test holds of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use emulator_bitrix24::{Deliver, Delivered, Emulator, PortalConfig};
use emulator_harness::TokioClock;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const BASE: &str = "http://portal.test";

/// Takes events down instead of sending them.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    got: Arc<Mutex<Vec<(String, Value)>>>,
    /// What every handler answers, and how late.
    pub(crate) answer: Arc<Mutex<(u16, Duration)>>,
}

impl Deliver for Handlers {
    fn post(&self, url: String, form: String) -> Pin<Box<dyn Future<Output = Delivered> + Send>> {
        let this = self.clone();
        Box::pin(async move {
            let (status, wait) = *this.answer.lock().unwrap();
            tokio::time::sleep(wait).await;
            let pairs: Vec<(String, String)> = form_urlencoded::parse(form.as_bytes())
                .into_owned()
                .collect();
            let event: serde_json::Map<String, Value> = pairs
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect();
            this.got.lock().unwrap().push((url, event.into()));
            Ok(status)
        })
    }
}

impl Handlers {
    /// Everything that came so far, as flat forms.
    pub(crate) fn taken(&self) -> Vec<Value> {
        self.got
            .lock()
            .unwrap()
            .iter()
            .map(|(_, form)| form.clone())
            .collect()
    }

    /// Where everything went that came so far.
    pub(crate) fn urls(&self) -> Vec<String> {
        let got = self.got.lock().unwrap();
        got.iter().map(|(url, _)| url.clone()).collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.taken()
            .iter()
            .map(|form| form["event"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

pub(crate) struct Portal {
    pub(crate) emulator: Emulator,
    pub(crate) handlers: Handlers,
    pub(crate) access: Mutex<String>,
    pub(crate) refresh: Mutex<String>,
}

impl Portal {
    pub(crate) fn new(config: PortalConfig) -> Self {
        let handlers = Handlers::default();
        handlers.answer.lock().unwrap().0 = 200;
        let clock = TokioClock::shared("2026-06-01T09:00:00Z".parse().unwrap());
        let emulator = Emulator::new(config, clock, 7, Arc::new(handlers.clone()));
        let credentials = emulator.credentials(BASE);
        drop(emulator.run_background());
        Portal {
            emulator,
            handlers,
            access: Mutex::new(credentials.access_token),
            refresh: Mutex::new(credentials.refresh_token),
        }
    }

    /// With limits out of the way.
    pub(crate) fn sample() -> Self {
        let mut config = PortalConfig::sample();
        config.limits.enabled = false;
        Portal::new(config)
    }

    /// Any request: status and body, JSON where it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> (u16, Value) {
        let response = self.emulator.router().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        match response.into_body().collect().await {
            Ok(body) => {
                let bytes = body.to_bytes();
                let text = String::from_utf8_lossy(&bytes).into_owned();
                (
                    status,
                    serde_json::from_slice(&bytes).unwrap_or(Value::from(text)),
                )
            }
            Err(cause) => (status, Value::from(format!("broken body: {cause}"))),
        }
    }

    /// As the technical user's webhook.
    pub(crate) async fn hook(&self, method: &str, params: Value) -> (u16, Value) {
        self.post(&format!("/rest/7/k3v8s1d5m2n7q4x9/{method}"), params)
            .await
    }

    /// As the application.
    pub(crate) async fn app(&self, method: &str, mut params: Value) -> (u16, Value) {
        params["auth"] = self.access.lock().unwrap().clone().into();
        self.post(&format!("/rest/{method}"), params).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = Request::post(path)
            .header("host", "portal.test")
            .header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    /// Where a page sends its reader.
    pub(crate) async fn leads_to(&self, path: &str) -> String {
        let request = Request::get(path).header("host", "portal.test");
        let request = request.body(Body::empty()).unwrap();
        let response = self.emulator.router().oneshot(request).await.unwrap();
        let place = response.headers().get("location");
        place.map_or_else(String::new, |place| place.to_str().unwrap().to_owned())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.send(
            Request::get(path)
                .header("host", "portal.test")
                .body(Body::empty())
                .unwrap(),
        )
        .await
    }

    /// The result of a call that must succeed.
    pub(crate) async fn result(&self, method: &str, params: Value) -> Value {
        let (status, mut body) = self.hook(method, params).await;
        assert_eq!(status, 200, "{method}: {body}");
        body["result"].take()
    }

    /// Status and code of a call that must be refused.
    pub(crate) async fn refusal(&self, method: &str, params: Value) -> (u16, String) {
        let (status, body) = self.hook(method, params).await;
        assert!(
            body.get("error").is_some(),
            "{method} was not refused: {body}"
        );
        (
            status,
            body["error"]
                .as_str()
                .map_or_else(|| body["error"].to_string(), str::to_owned),
        )
    }

    /// Binds a handler to events as the application.
    pub(crate) async fn bind(&self, events: &[&str]) {
        for event in events {
            let (status, body) = self
                .app(
                    "event.bind",
                    json!({"event": event, "handler": "http://office.test/events"}),
                )
                .await;
            assert_eq!(
                (status, &body["result"]),
                (200, &json!(true)),
                "{event}: {body}"
            );
        }
    }

    /// Lets the portal's clock go on, and everything that is due happen.
    pub(crate) async fn wait(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}
