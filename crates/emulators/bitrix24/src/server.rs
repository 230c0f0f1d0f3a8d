//! The HTTP side: addresses, bodies, limits, faults, and the shape of every answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State as Shared};
use axum::response::Response;
use axum::routing::any;
use emulator_harness::{is_lost, play};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::batch::{self, Results};
use crate::call::{Call, Caller, Refusal, Reply, param};
use crate::emulator::{Emulator, Inner};
use crate::limits::Spent;
use crate::methods::{Does, find};
use crate::state::State;
use crate::truth::{Outcome, Told, What};
use crate::value::{Map, text_of};

const LARGEST_BODY: usize = 256 * 1024 * 1024;

pub(crate) fn router(emulator: Emulator) -> Router {
    Router::new()
        .route("/rest/{*rest}", any(rest))
        .route("/rest//{*rest}", any(rest))
        .route("/oauth/token", any(token))
        .route("/oauth/token/", any(token))
        .route("/oauth/authorize", any(authorize))
        .route("/oauth/authorize/", any(authorize))
        .merge(crate::page::router())
        .with_state(emulator)
}

/// A request taken apart.
struct Incoming {
    path: String,
    query: String,
    params: Map,
    headers: HeaderMap,
    source: String,
    is_post: bool,
}

async fn take(request: Request) -> Result<Incoming, Response> {
    let source = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or_else(|| "in process".to_owned(), |peer| peer.0.ip().to_string());
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, LARGEST_BODY).await.map_err(|_| {
        refused(&Refusal::new(
            413,
            "INVALID_REQUEST",
            "Request is too large",
        ))
    })?;
    let content_type = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let params = crate::params::read(&query, content_type, &bytes).map_err(|_| {
        refused(&Refusal::new(
            400,
            "INVALID_REQUEST",
            "Invalid request body",
        ))
    })?;
    Ok(Incoming {
        path: parts.uri.path().to_owned(),
        query,
        params,
        headers: parts.headers,
        source,
        is_post: parts.method == http::Method::POST,
    })
}

async fn rest(Shared(emulator): Shared<Emulator>, request: Request) -> Response {
    let incoming = match take(request).await {
        Ok(incoming) => incoming,
        Err(response) => return response,
    };
    let inner = &emulator.inner;
    learn_base(inner, &incoming.headers);
    if let Some(response) = moved(inner, &incoming) {
        return response;
    }
    let target = Target::of(&incoming.path);
    if target.method == "crm.controller.item.getfile" {
        return crate::page::signed_download(inner, &text_of(param(&incoming.params, "token")));
    }
    let now = inner.clock.now();
    if let Some(response) = over_rate(inner, &target, &incoming.source, now) {
        return response;
    }
    let names = fault_names(&target.method, &incoming.params);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fault = inner.faults.draw_any(&names);
    let method = target.method.clone();
    let source = incoming.source.clone();
    let account = account_of(inner, &target, &incoming, now);
    let effect = to_its_end(answer(Arc::clone(inner), target, incoming));
    let mut response = play(fault, || refused(&too_many()), effect).await;
    if fault == Some(emulator_harness::FaultKind::MissingPart) {
        response = batch::without_a_part(response).await;
    }
    let told = match fault {
        Some(kind) => Told::Fault {
            kind: format!("{kind:?}"),
        },
        None => Told::Answered {
            status: response.status().as_u16(),
        },
    };
    if !is_lost(&response)
        && response.status() == StatusCode::SERVICE_UNAVAILABLE
        && fault == Some(emulator_harness::FaultKind::Limit)
    {
        inner.lock().truth.add(
            now,
            What::LimitRefused {
                method: method.clone(),
                code: "QUERY_LIMIT_EXCEEDED".into(),
            },
        );
    }
    inner.lock().truth.add(
        now,
        What::Request {
            method,
            account,
            source,
            answer: told,
        },
    );
    response
}

/// What an address under `/rest/` asks for.
struct Target {
    webhook: Option<(i64, String)>,
    method: String,
}

impl Target {
    /// `/rest/{method}`, `/rest/{user}/{secret}/{method}`, with any number of slashes.
    fn of(path: &str) -> Self {
        let parts: Vec<&str> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .skip(1)
            .collect();
        match parts.as_slice() {
            [user, secret, method @ ..] if user.parse::<i64>().is_ok() => Target {
                webhook: user.parse().ok().map(|user| (user, (*secret).to_owned())),
                method: batch::plain_method(&method.join("/")),
            },
            rest => Target {
                webhook: None,
                method: batch::plain_method(&rest.join("/")),
            },
        }
    }
}

/// A rule for a method meets it within a batch as well.
fn fault_names(method: &str, params: &Map) -> Vec<String> {
    let mut names = vec![method.to_owned()];
    if method == "batch" {
        names.extend(batch::methods(params));
    }
    names
}

fn learn_base(inner: &Inner, headers: &HeaderMap) {
    let mut state = inner.lock();
    if state.base_url.is_none()
        && let Some(host) = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
    {
        state.base_url = Some(format!("http://{host}"));
    }
}

fn moved(inner: &Inner, incoming: &Incoming) -> Option<Response> {
    let host = incoming.headers.get(header::HOST)?.to_str().ok()?;
    let state = inner.lock();
    let (old, new_base) = state.moved.as_ref()?;
    if old != host {
        return None;
    }
    let query = if incoming.query.is_empty() {
        String::new()
    } else {
        format!("?{}", incoming.query)
    };
    let location = format!("{new_base}{}{query}", incoming.path);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    response
        .headers_mut()
        .insert(header::LOCATION, location.parse().ok()?);
    Some(response)
}

fn too_many() -> Refusal {
    Refusal::new(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
}

fn over_rate(inner: &Inner, target: &Target, source: &str, now: Timestamp) -> Option<Response> {
    let mut state = inner.lock();
    let limits = state.config.limits.clone();
    if state.limits.admit(&limits, source, now) {
        return None;
    }
    state.truth.add(
        now,
        What::LimitRefused {
            method: target.method.clone(),
            code: "QUERY_LIMIT_EXCEEDED".into(),
        },
    );
    Some(refused(&too_many()))
}

async fn answer(inner: Arc<Inner>, target: Target, incoming: Incoming) -> Response {
    let started = inner.clock.now();
    let (caller, latency) = {
        let state = inner.lock();
        (
            identify(&state, &target, &incoming, started),
            state.config.latency.clone(),
        )
    };
    sleep(latency.request_ms).await;
    let caller = match caller {
        Ok(caller) => caller,
        Err(refusal) => return refused(&refusal),
    };
    let done = if target.method == "batch" {
        let reply = run_batch(&inner, &caller, &incoming.params).await;
        Ok((reply, None))
    } else {
        run_one(&inner, &caller, &target.method, &incoming.params).await
    };
    match done {
        Ok((reply, spent)) => answered(&inner, reply, started, spent),
        Err(refusal) => refused(&refusal),
    }
}

fn identify(
    state: &State,
    target: &Target,
    incoming: &Incoming,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    if state.config.rest_is_off {
        return Err(Refusal::denied(
            "REST API is available only on commercial plans",
        ));
    }
    if let Some((user, secret)) = &target.webhook {
        return crate::auth::webhook(state, *user, secret);
    }
    let in_header = incoming
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let in_header = in_header
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned);
    let given = match incoming.params.get("auth") {
        Some(Value::String(token)) => token.clone(),
        Some(Value::Object(parts)) => parts.get("access_token").map(text_of).unwrap_or_default(),
        _ => in_header.unwrap_or_default(),
    };
    crate::auth::token(state, &given, now)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the imitated remote lives on tokio's clock, which tests pause"
)]
async fn sleep(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// A caller who hangs up does not undo what was asked for: the work runs in a task of its own.
async fn to_its_end(work: impl Future<Output = Response> + Send + 'static) -> Response {
    let broken = || {
        refused(&Refusal::new(
            500,
            "INTERNAL_SERVER_ERROR",
            "Internal server error",
        ))
    };
    tokio::spawn(work).await.unwrap_or_else(|_| broken())
}

/// Whom a request counts for in the history; empty where nobody was recognised.
fn account_of(inner: &Inner, target: &Target, incoming: &Incoming, now: Timestamp) -> String {
    let caller = identify(&inner.lock(), target, incoming, now);
    caller.map(|caller| caller.account).unwrap_or_default()
}

async fn run_one(
    inner: &Inner,
    caller: &Caller,
    name: &str,
    params: &Map,
) -> Result<(Reply, Option<Spent>), Refusal> {
    let method = find(name)
        .ok_or_else(|| Refusal::new(404, "ERROR_METHOD_NOT_FOUND", "Method not found!"))?;
    let spent_ms = {
        let mut state = inner.lock();
        let now = inner.clock.now();
        let limits = state.config.limits.clone();
        if !state.limits.may_run(&limits, &caller.account, name, now) {
            state.truth.add(
                now,
                What::LimitRefused {
                    method: name.to_owned(),
                    code: "OPERATION_TIME_LIMIT".into(),
                },
            );
            return Err(Refusal::new(
                429,
                "OPERATION_TIME_LIMIT",
                "Method is blocked due to operation time limit.",
            ));
        }
        match method.does {
            Does::Read => state.config.latency.read_ms,
            Does::Write => state.config.latency.write_ms,
        }
    };
    sleep(spent_ms).await;
    let mut state = inner.lock();
    let now = inner.clock.now();
    let done = {
        let mut call = Call {
            state: &mut state,
            caller,
            now,
            method: name,
            params,
        };
        crate::methods::run(method, &mut call)
    };
    let spent = state.limits.book(&caller.account, name, now, spent_ms);
    let outcome = match &done {
        Ok(_) => Outcome::Done,
        Err(refusal) => Outcome::Refused {
            code: refusal.code_text(),
        },
    };
    state.truth.add(
        now,
        What::Command {
            method: name.to_owned(),
            account: caller.account.clone(),
            outcome,
        },
    );
    drop(state);
    inner.wake();
    done.map(|reply| (reply, Some(spent)))
}

async fn run_batch(inner: &Inner, caller: &Caller, params: &Map) -> Reply {
    let (commands, halt) = batch::read(params);
    let mut results = Results::default();
    let longest = inner.lock().config.limits.batch_commands;
    for (at, command) in commands.iter().enumerate() {
        let started = inner.clock.now();
        let done = if at >= longest {
            Err(Refusal::new(
                400,
                "ERROR_BATCH_LENGTH_EXCEEDED",
                "Max batch length exceeded",
            ))
        } else if matches!(
            command.method.as_str(),
            "batch" | "crm.documentgenerator.document.upload" | "disk.folder.uploadfile"
        ) {
            Err(Refusal::new(
                405,
                "ERROR_BATCH_METHOD_NOT_ALLOWED",
                "Method is not allowed for batch usage",
            ))
        } else {
            run_one(inner, caller, &command.method, &results.resolve(command)).await
        };
        match done {
            Ok((reply, spent)) => {
                let time = time_block(&inner.lock(), started, inner.clock.now(), spent);
                results.done(&command.key, reply, time);
            }
            Err(refusal) => {
                results.refused(&command.key, &refusal);
                if halt {
                    break;
                }
            }
        }
    }
    results.into_reply()
}

/// The `time` of an answer; floats, as the portal sends them.
fn time_block(
    state: &State,
    started: Timestamp,
    finished: Timestamp,
    spent: Option<Spent>,
) -> Value {
    let seconds = |at: Timestamp| at.as_microsecond() as f64 / 1e6;
    let took = finished.duration_since(started).as_secs_f64();
    let mut time = json!({
        "start": seconds(started),
        "finish": seconds(finished),
        "duration": took,
        "processing": took,
        "date_start": state.zone.moment(started.as_second()),
        "date_finish": state.zone.moment(finished.as_second()),
    });
    if let Value::Object(time) = &mut time {
        let spent = spent.unwrap_or(Spent {
            operating_ms: 0,
            reset_at: finished.as_second().saturating_add(600),
        });
        time.insert("operating_reset_at".into(), spent.reset_at.into());
        time.insert(
            "operating".into(),
            crate::value::number(rust_decimal::Decimal::new(
                i64::try_from(spent.operating_ms).unwrap_or(i64::MAX),
                3,
            )),
        );
    }
    time
}

fn answered(inner: &Inner, reply: Reply, started: Timestamp, spent: Option<Spent>) -> Response {
    let mut body = Map::new();
    body.insert("result".into(), reply.result);
    if let Some(next) = reply.next {
        body.insert("next".into(), next.into());
    }
    if let Some(total) = reply.total {
        body.insert("total".into(), total.into());
    }
    let time = time_block(&inner.lock(), started, inner.clock.now(), spent);
    body.insert("time".into(), time);
    json_response(200, &Value::Object(body))
}

pub(crate) fn refused(refusal: &Refusal) -> Response {
    json_response(refusal.status, &refusal.body())
}

pub(crate) fn json_response(status: u16, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = header::HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

async fn token(Shared(emulator): Shared<Emulator>, request: Request) -> Response {
    let incoming = match take(request).await {
        Ok(incoming) => incoming,
        Err(response) => return response,
    };
    let inner = Arc::clone(&emulator.inner);
    learn_base(&inner, &incoming.headers);
    let fault = inner.faults.draw("oauth.token");
    let effect = async move {
        let latency = inner.lock().config.latency.request_ms;
        sleep(latency).await;
        let now = inner.clock.now();
        let (status, body) = crate::auth::exchange(&mut inner.lock(), &incoming.params, now);
        json_response(status, &body)
    };
    play(fault, || refused(&too_many()), effect).await
}

async fn authorize(Shared(emulator): Shared<Emulator>, request: Request) -> Response {
    let incoming = match take(request).await {
        Ok(incoming) => incoming,
        Err(response) => return response,
    };
    let inner = &emulator.inner;
    learn_base(inner, &incoming.headers);
    let now = inner.clock.now();
    let target = crate::auth::authorize(&mut inner.lock(), &incoming.params, now);
    let (status, location, text) = match target {
        // Without a return address the person is shown the code itself.
        Ok(target) if target.starts_with('?') => (StatusCode::OK, None, target),
        Ok(target) => (
            if incoming.is_post {
                StatusCode::SEE_OTHER
            } else {
                StatusCode::FOUND
            },
            Some(target),
            String::new(),
        ),
        Err(why) => (StatusCode::FORBIDDEN, None, why.to_owned()),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    if let Some(location) = location.and_then(|location| location.parse().ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
