//! The emulator as others hold it, and its HTTP side: routes, faults, answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::response::Response;
use axum::routing::on;
use emulator_harness::{Faults, SharedClock, play, wait};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde::Serialize;

use crate::accountant::Accountant;
use crate::book::{Book, Stamp};
use crate::config::{Config, Settings};
use crate::hints::HintSent;
use crate::id::Id;
use crate::operations::{OPERATIONS, Operation, Reply, ReplyBody};
use crate::page;
use crate::problem::Problem;
use crate::service::{Answer, BodyFault, Call, Service};
use crate::truth::{Truth, Who};

const MAX_BODY: usize = 1024 * 1024;

/// An emulated accounting service. Clones are the same service.
#[derive(Clone)]
pub struct Emulator {
    shared: Arc<Shared>,
}

struct Shared {
    service: Mutex<Service>,
    faults: Faults,
    clock: SharedClock,
}

/// What a connector needs to reach the emulator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Credentials {
    /// Host and port.
    pub listen: String,
    /// Without `/v1` and without a slash at the end.
    pub base_url: String,
    pub api_key: String,
}

impl Emulator {
    /// `seed` decides ids, the made key and which requests a fault with `permille` hits.
    pub fn new(config: Config, clock: SharedClock, seed: u64) -> Self {
        let shared = Shared {
            service: Mutex::new(Service::new(config, seed)),
            faults: Faults::new(seed),
            clock,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The API under `/v1` and the accountant's page at `/`.
    pub fn router(&self) -> Router {
        let mut router = Router::new();
        for operation in OPERATIONS {
            let emulator = self.clone();
            let handler = move |Path(named): Path<HashMap<String, String>>, request: Request| {
                let emulator = emulator.clone();
                async move { emulator.handle(operation, named, request).await }
            };
            let filter = operation.verb.filter();
            router = router.route(&operation.route(), on(filter, handler));
        }
        let unknown = self.clone();
        let missing = self.clone();
        router
            .merge(page::router(self.clone()))
            .fallback(move || async move { unknown.no_such_path() })
            .method_not_allowed_fallback(move || async move { missing.no_such_path() })
    }

    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// What really happened so far.
    pub fn truth(&self) -> Truth {
        self.service().truth()
    }

    /// The calls to the webhook's address so far.
    pub fn hints(&self) -> Vec<HintSent> {
        self.service().hints.clone()
    }

    /// How a connector reaches it when it is served at `base_url`.
    pub fn credentials(&self, base_url: &str) -> Credentials {
        let base_url = base_url.trim_end_matches('/');
        let listen = base_url
            .split_once("://")
            .map_or(base_url, |(_, rest)| rest);
        Credentials {
            listen: listen.to_owned(),
            base_url: base_url.to_owned(),
            api_key: self.service().first_key(),
        }
    }

    pub fn settings(&self) -> Settings {
        self.service().settings.clone()
    }

    /// Changes the behaviour from the next request on.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.service().settings);
    }

    /// The organisations' ids, in order.
    pub fn organizations(&self) -> Vec<Id> {
        let service = self.service();
        let books = service.books.iter();
        books.map(|book| book.organization.id).collect()
    }

    /// A person who works in the accounting program of an organisation; `None` when there is no
    /// such organisation.
    pub fn accountant(&self, organization: Id) -> Option<Accountant> {
        let known = self.service().book(organization).is_some();
        known.then(|| Accountant::new(self.clone(), organization))
    }

    /// Runs a person's act on a book; what it changed is hinted at.
    pub(crate) fn in_book<T>(
        &self,
        organization: Id,
        act: impl FnOnce(&mut Book, Stamp) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let stamp = Stamp {
            now: self.shared.clock.now(),
            who: Who::Person,
        };
        let mut service = self.service();
        let book = service.book(organization);
        let book = book.ok_or_else(|| Problem::not_found("Объект", "organizationId"))?;
        let before = book.changes.len();
        let done = act(book, stamp)?;
        if book.changes.len() > before {
            let url = service.settings.webhook_url.clone();
            drop(service);
            self.hint(url, organization);
        }
        Ok(done)
    }

    pub(crate) fn service(&self) -> MutexGuard<'_, Service> {
        let service = &self.shared.service;
        service.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.shared.clock.now()
    }

    async fn handle(
        &self,
        operation: &'static Operation,
        named: HashMap<String, String>,
        request: Request,
    ) -> Response {
        let (parts, body) = request.into_parts();
        let body = read_body(&parts, body).await;
        let call = call_of(operation, named, &parts, body);
        let latency = self.settings().latency_ms;
        if latency > 0 {
            wait(Duration::from_millis(latency)).await;
        }
        let fault = self.shared.faults.draw_any(&[operation.name, &call.path]);
        let noted = self.service().note(&call, fault, self.now());
        let limited = || respond(self.service().limit_answer(), "");
        let emulator = self.clone();
        play(fault, limited, async move {
            let now = emulator.now();
            let answer = emulator.service().answer(&call, noted, now);
            respond(answer, &call.path)
        })
        .await
    }

    fn no_such_path(&self) -> Response {
        let answer = self
            .service()
            .refuse(Problem::new(404, "notFound", "Нет такого адреса"));
        respond(answer, "")
    }
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Emulator")
    }
}

async fn read_body(parts: &Parts, body: Body) -> Result<Vec<u8>, BodyFault> {
    let bytes = match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => collected.to_bytes().to_vec(),
        Err(_) => return Err(BodyFault::TooLarge),
    };
    let content_type = header(&parts.headers, &CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !bytes.is_empty() && !media_type.eq_ignore_ascii_case("application/json") {
        return Err(BodyFault::NotJson);
    }
    Ok(bytes)
}

fn call_of(
    operation: &'static Operation,
    mut named: HashMap<String, String>,
    parts: &Parts,
    body: Result<Vec<u8>, BodyFault>,
) -> Call {
    let query = parts.uri.query().unwrap_or_default();
    Call {
        operation,
        path: parts.uri.path().to_owned(),
        organization: named.remove("organizationId"),
        id: named.remove("id"),
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        api_key: header(&parts.headers, &HeaderName::from_static("x-kontur-apikey")),
        idempotency_key: header(&parts.headers, &HeaderName::from_static("idempotency-key")),
        body,
    }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn respond(answer: Answer, path: &str) -> Response {
    let mut response = match answer.outcome {
        Ok(reply) => reply_response(reply, path),
        Err(problem) => {
            let mut response = json_response(problem.status, &problem.body(&answer.trace_id));
            set_retry_after(&mut response, problem.retry_after);
            response
        }
    };
    if answer.replayed {
        let name = HeaderName::from_static("idempotency-replayed");
        let value = HeaderValue::from_static("true");
        response.headers_mut().insert(name, value);
    }
    response
}

fn reply_response(reply: Reply, path: &str) -> Response {
    let mut response = match reply.body {
        ReplyBody::Json(body) => json_response(reply.status, &body),
        ReplyBody::Empty => with_status(reply.status, Body::empty()),
        ReplyBody::Pdf { file_name, bytes } => pdf_response(&file_name, bytes.to_vec()),
    };
    set_retry_after(&mut response, reply.retry_after);
    let location = reply.created.map(|id| format!("{path}/{id}"));
    if let Some(Ok(location)) = location.map(HeaderValue::try_from) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// A PDF to be saved under `file_name`.
pub(crate) fn pdf_response(file_name: &str, bytes: Vec<u8>) -> Response {
    let mut response = with_status(200, Body::from(bytes));
    let content_type = HeaderValue::from_static("application/pdf");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    let encoded: String = form_urlencoded::byte_serialize(file_name.as_bytes()).collect();
    let encoded = encoded.replace('+', "%20");
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename*=UTF-8''{encoded}")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}

pub(crate) fn json_response(status: u16, body: &serde_json::Value) -> Response {
    let mut response = with_status(status, Body::from(body.to_string()));
    let content_type = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn with_status(status: u16, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn set_retry_after(response: &mut Response, seconds: Option<u64>) {
    if let Some(seconds) = seconds {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}
