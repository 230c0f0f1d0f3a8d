//! A transport that answers by a script, a gate that admits everything, a vault in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use capability::{Admission, Call, Exchange, Gate, NotAdmitted, Portal, Urgency};
use connector_bitrix24::{
    App, Bitrix24, Connection, FieldNames, Offline, RenewalTurn, Settings, TokenVault, Tokens,
    VaultError,
};
use domain::PortalId;
use domain::observed::OurField;
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use transport::{Allowed, Answer, Pause, Request, Transport, TransportError};

pub(crate) const WEBHOOK: &str = "https://portal.bitrix24.test/rest/1/s3cr3t/";
pub(crate) const MEMBER: &str = "a223c6b3710f85df22e9377d6c4f7553";
pub(crate) const NOW: &str = "2026-03-01T10:00:00Z";

/// What the connector sent.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) host: String,
    pub(crate) method: String,
    pub(crate) http: String,
    pub(crate) body: Value,
    pub(crate) raw: String,
}

type Handler = dyn Fn(&Seen, usize) -> Result<Answer, TransportError> + Send + Sync;

/// Answers by a function of the request and its number.
pub(crate) struct Script {
    handler: Box<Handler>,
    seen: Mutex<Vec<Seen>>,
}

impl Script {
    pub(crate) fn new(
        handler: impl Fn(&Seen, usize) -> Result<Answer, TransportError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            handler: Box::new(handler),
            seen: Mutex::new(Vec::new()),
        })
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.method == method)
            .count()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request) -> Result<Answer, TransportError> {
        let raw = String::from_utf8(request.body.to_vec()).unwrap();
        let path = request.url.path().trim_end_matches('/').to_owned();
        let seen = Seen {
            host: request.url.host_str().unwrap().to_owned(),
            method: path.rsplit('/').next().unwrap().to_owned(),
            http: request.method.to_string(),
            body: serde_json::from_str(&raw).unwrap_or(Value::Null),
            raw,
        };
        let number = {
            let mut all = self.seen.lock().unwrap();
            all.push(seen.clone());
            all.len() - 1
        };
        // Lets others send before this one is answered.
        tokio::task::yield_now().await;
        (self.handler)(&seen, number)
    }
}

/// Parameters with their brackets, as a server would read them.
pub(crate) type Params = BTreeMap<String, String>;

/// What a method answers.
pub(crate) enum Reply {
    Result(Value),
    Error(&'static str),
    /// The batch answers without this key.
    Missing,
}

/// A portal whose methods are a function.
pub(crate) fn portal(
    method: impl Fn(&str, &Params) -> Reply + Send + Sync + 'static,
) -> Arc<Script> {
    Script::new(move |seen, _| Ok(answer_of(seen, &method)))
}

pub(crate) fn answer_of(seen: &Seen, method: &impl Fn(&str, &Params) -> Reply) -> Answer {
    if seen.method != "batch" {
        let mut params = Params::new();
        flatten("", &seen.body, &mut params);
        return match method(&seen.method, &params) {
            Reply::Result(result) => ok(json!({"result": result, "time": time(0)})),
            Reply::Error(code) => status(400, json!({"error": code, "error_description": "Words"})),
            Reply::Missing => panic!("only a batch can miss an answer"),
        };
    }
    let (mut results, mut errors, mut times) = (Map::new(), Map::new(), Map::new());
    for (key, command) in seen.body["cmd"].as_object().unwrap() {
        let (name, query) = command
            .as_str()
            .unwrap()
            .split_once('?')
            .unwrap_or((command.as_str().unwrap(), ""));
        let params = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        match method(name, &params) {
            Reply::Result(result) => drop(results.insert(key.clone(), result)),
            Reply::Error(code) => drop(errors.insert(
                key.clone(),
                json!({"error": code, "error_description": "Words"}),
            )),
            Reply::Missing => {}
        }
        times.insert(key.clone(), time(1));
    }
    // As PHP writes empty maps.
    let map = |map: Map<String, Value>| {
        if map.is_empty() {
            json!([])
        } else {
            map.into()
        }
    };
    ok(
        json!({"result": {"result": map(results), "result_error": map(errors), "result_total": [], "result_next": [], "result_time": times}, "time": time(0)}),
    )
}

fn time(operating: u64) -> Value {
    json!({
        "duration": 0.05, "operating": operating, "operating_reset_at": 1_772_359_800,
        "date_start": "2026-03-01T12:30:00+03:00",
    })
}

fn flatten(path: &str, value: &Value, params: &mut Params) {
    let join = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}[{key}]")
        }
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, value)| flatten(&join(key), value, params)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(key, value)| flatten(&join(&key.to_string()), value, params)),
        Value::String(text) => drop(params.insert(path.to_owned(), text.clone())),
        other => drop(params.insert(path.to_owned(), other.to_string())),
    }
}

/// The values of a list parameter.
pub(crate) fn list(params: &Params, prefix: &str) -> Vec<u64> {
    let values = params
        .iter()
        .filter(|(key, _)| key.starts_with(&format!("{prefix}[")));
    let mut values: Vec<u64> = values.map(|(_, value)| value.parse().unwrap()).collect();
    values.sort_unstable();
    values
}

pub(crate) fn ok(body: Value) -> Answer {
    status(200, body)
}

pub(crate) fn status(status: u16, body: Value) -> Answer {
    raw(status, "application/json", body.to_string())
}

pub(crate) fn raw(status: u16, kind: &'static str, body: String) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(kind));
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: body.into(),
        sent_at: NOW.parse().unwrap(),
        duration_ms: 12,
    }
}

pub(crate) fn fixture(name: &str) -> Value {
    let path = format!("{}/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Admits everything and keeps what was booked.
#[derive(Default)]
pub(crate) struct Open {
    pub(crate) asked: Mutex<Vec<Admission>>,
    pub(crate) booked: Mutex<Vec<Exchange>>,
}

#[async_trait]
impl Gate for Open {
    async fn admit(&self, ask: &Admission) -> Result<(), NotAdmitted> {
        self.asked.lock().unwrap().push(ask.clone());
        Ok(())
    }

    async fn room(&self, _: &Admission) -> u32 {
        u32::MAX
    }

    async fn book(&self, _portal: &PortalId, exchange: &Exchange) {
        self.booked.lock().unwrap().push(exchange.clone());
    }
}

impl Open {
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.booked.lock().unwrap().clone()
    }
}

/// A portal's connection with everything around it.
pub(crate) struct Stage {
    pub(crate) script: Arc<Script>,
    pub(crate) gate: Arc<Open>,
    pub(crate) bitrix: Bitrix24,
    pub(crate) portal: Portal,
    pub(crate) member: PortalId,
}

impl Stage {
    pub(crate) fn webhook(script: Arc<Script>) -> Self {
        let connection = Connection::Webhook {
            url: WEBHOOK.to_owned().into(),
        };
        Self::connect(script, connection, Offline::Absent)
    }

    pub(crate) fn app(script: Arc<Script>, vault: Arc<dyn TokenVault>, offline: Offline) -> Self {
        Self::connect(script, Connection::App(app(vault)), offline)
    }

    /// A portal whose contacts' names policy does not want.
    pub(crate) fn without_names(script: Arc<Script>) -> Self {
        let connection = Connection::Webhook {
            url: WEBHOOK.to_owned().into(),
        };
        let mut settings = settings(Offline::Absent);
        settings.fields = settings.fields.and_contacts(false);
        Self::of(script, connection, settings)
    }

    pub(crate) fn connect(script: Arc<Script>, connection: Connection, offline: Offline) -> Self {
        Self::of(script, connection, settings(offline))
    }

    fn of(script: Arc<Script>, connection: Connection, settings: Settings) -> Self {
        let bitrix = Bitrix24::new(connection, script.clone(), settings).unwrap();
        Self {
            portal: bitrix.portal(),
            bitrix,
            script,
            gate: Arc::new(Open::default()),
            member: PortalId::new(MEMBER),
        }
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call::new(&self.member, Urgency::Due, self.gate.as_ref())
    }
}

/// Lets no time pass.
pub(crate) fn at_once() -> Pause {
    Arc::new(|_| Box::pin(async {}))
}

pub(crate) fn app(vault: Arc<dyn TokenVault>) -> App {
    app_waiting(vault, at_once())
}

pub(crate) fn app_waiting(vault: Arc<dyn TokenVault>, pause: Pause) -> App {
    App {
        member_id: PortalId::new(MEMBER),
        oauth: "https://oauth.bitrix24.tech/".parse().unwrap(),
        client_id: "local.573ad8a0346747".to_owned(),
        client_secret: "cl13nt-s3cr3t".to_owned().into(),
        tokens: vault,
        turn: RenewalTurn::new(pause),
    }
}

pub(crate) fn settings(offline: Offline) -> Settings {
    let now: Timestamp = NOW.parse().unwrap();
    let fields = [
        (OurField::Number, "NUMBER"),
        (OurField::Date, "DATE"),
        (OurField::Status, "STATUS"),
        (OurField::Link, "LINK"),
        (OurField::Sum, "SUM"),
        (OurField::Command, "COMMAND"),
    ];
    Settings {
        fields: FieldNames::new(
            fields.map(|(field, name)| (field, format!("UF_CRM_PROVODKA_{name}"))),
        )
        .and_reading(["UF_CRM_SELLER".to_owned(), "UF_CRM_PILOT".to_owned()])
        .and_contacts(true),
        offline,
        allowed: Allowed::default(),
        development_oauth_host: None,
        now: Arc::new(move || now),
    }
}

/// A vault whose tokens do not open: another key sealed them.
pub(crate) struct Shut;

#[async_trait]
impl TokenVault for Shut {
    async fn load(&self) -> Result<Option<(u64, Tokens)>, VaultError> {
        Err(VaultError::Sealed("another key".to_owned()))
    }

    async fn replace(&self, _expected: u64, _tokens: Tokens) -> Result<bool, VaultError> {
        Ok(false)
    }
}

/// Tokens in memory, with a log of what was stored.
pub(crate) struct Memory {
    pair: Mutex<Option<(u64, Tokens)>>,
    pub(crate) stored: Mutex<Vec<String>>,
    /// How many replacements fail before one succeeds.
    pub(crate) failures: Mutex<u32>,
}

impl Memory {
    pub(crate) fn holding(access: &str, refresh: &str) -> Arc<Self> {
        Self::with(tokens(access, refresh))
    }

    pub(crate) fn with(tokens: Tokens) -> Arc<Self> {
        Arc::new(Self {
            pair: Mutex::new(Some((1, tokens))),
            stored: Mutex::new(Vec::new()),
            failures: Mutex::new(0),
        })
    }

    pub(crate) fn put(&self, version: u64, access: &str, refresh: &str) {
        *self.pair.lock().unwrap() = Some((version, tokens(access, refresh)));
    }

    pub(crate) fn endpoint(&self) -> String {
        self.pair
            .lock()
            .unwrap()
            .as_ref()
            .unwrap()
            .1
            .client_endpoint
            .clone()
    }
}

pub(crate) fn tokens(access: &str, refresh: &str) -> Tokens {
    Tokens {
        access: access.to_owned().into(),
        refresh: refresh.to_owned().into(),
        client_endpoint: "https://portal.bitrix24.test/rest/".to_owned(),
    }
}

#[async_trait]
impl TokenVault for Memory {
    async fn load(&self) -> Result<Option<(u64, Tokens)>, VaultError> {
        Ok(self.pair.lock().unwrap().clone())
    }

    async fn replace(&self, expected: u64, tokens: Tokens) -> Result<bool, VaultError> {
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(VaultError::Failed("the disk is full".to_owned()));
        }
        let mut pair = self.pair.lock().unwrap();
        if pair.as_ref().map(|(version, _)| *version) != Some(expected) {
            return Ok(false);
        }
        self.stored
            .lock()
            .unwrap()
            .push(tokens.access.expose_secret().to_owned());
        *pair = Some((expected + 1, tokens));
        Ok(true)
    }
}
