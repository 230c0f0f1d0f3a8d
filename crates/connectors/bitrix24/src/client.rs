//! The HTTP side: one request, a batch, renewal of access, limits, and what the journal gets to see.
//!
//! Every request passes [`Call::admit`] before and [`Call::done`] after. A request is repeated here
//! in two cases only, both of which prove that it was not executed: an expired token (renewed once)
//! and a redirect to the portal's new address (posted there again). Everything else is a verdict.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use capability::exchange::{Exchange, LimitHit};
use capability::{Call, ConnectorError, MethodTime, Remote};
use domain::Verdict;
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use transport::{Allowed, Answer, Deadlines, Request, TimeSource, Transport, TransportError};
use url::Url;

use crate::answer::{Part, Parts, latest, milliseconds, refusal, refusal_of};
use crate::command::Command;
use crate::error::{
    Effect, Meaning, Refusal, failed, no_answer, other_shape, retry_after, unclear_answer,
};
use crate::masking;
use crate::pace::Pace;
use crate::tokens::{Access, App, Pass, Tokens, Way, exchange};

/// One portal's client.
pub(crate) struct Client {
    pub(crate) access: Access,
    transport: Arc<dyn Transport>,
    allowed: Allowed,
    now: TimeSource,
    pace: Pace,
    /// When the oldest part of a method's run time leaves the window; a refusal does not tell it.
    resets: Mutex<HashMap<String, Timestamp>>,
}

/// What one HTTP request carries.
enum Load<'a> {
    One(&'a Command),
    Batch(&'a [(String, &'a Command)]),
}

/// What came of one HTTP request.
enum Outcome {
    /// Understood as success; the whole body.
    Answered(Value),
    /// The token is too old; nothing was executed.
    Expired(ConnectorError),
    /// The portal lives elsewhere; nothing was executed.
    Moved(Url),
}

impl Client {
    pub(crate) fn new(
        access: Access,
        transport: Arc<dyn Transport>,
        allowed: Allowed,
        now: TimeSource,
    ) -> Self {
        Self {
            access,
            transport,
            allowed,
            now,
            pace: Pace::default(),
            resets: Mutex::new(HashMap::new()),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// One method in a request of its own; its `result`.
    pub(crate) async fn call(
        &self,
        call: &Call<'_>,
        command: &Command,
        effect: Effect,
    ) -> Result<Value, ConnectorError> {
        let whole = self.send(call, &Load::One(command), effect).await?;
        take_result(whole)
            .ok_or_else(|| other_shape(effect, command.method, "the answer has no `result`"))
    }

    /// Many methods in as few requests as fit; one result per command, in their order. Commands are
    /// independent of one another: a refusal of one does not stop the rest.
    pub(crate) async fn batch(
        &self,
        call: &Call<'_>,
        commands: &[Command],
        effect: Effect,
    ) -> Vec<Result<Value, ConnectorError>> {
        let mut results: Vec<Option<Result<Value, ConnectorError>>> = vec![None; commands.len()];
        let mut open: VecDeque<usize> = (0..commands.len()).collect();
        let mut renewed = false;
        let mut most = usize::MAX;
        while !open.is_empty() {
            let methods = open
                .iter()
                .filter_map(|&index| commands.get(index))
                .map(|command| command.method);
            let take = self
                .pace
                .fit(methods, effect)
                .min(most)
                .max(1)
                .min(open.len());
            let chunk: Vec<usize> = open.drain(..take).collect();
            let keyed: Vec<(String, &Command)> = chunk
                .iter()
                .filter_map(|&index| Some((format!("c{index}"), commands.get(index)?)))
                .collect();
            let whole = match self.send(call, &Load::Batch(&keyed), effect).await {
                Ok(whole) => whole,
                Err(error) => {
                    let held_back = held_back(&error);
                    settle(&mut results, chunk, &error);
                    if let Some(error) = held_back {
                        settle(&mut results, std::mem::take(&mut open), &error);
                    }
                    continue;
                }
            };
            let mut parts = Parts::of(whole, effect);
            let mut expired = Vec::new();
            let mut too_long = Vec::new();
            for (&index, (key, command)) in chunk.iter().zip(&keyed) {
                let result = match parts.take(key, command.method, effect) {
                    Ok(value) => Ok(value),
                    Err(Part::Refused(refusal)) => match refusal.meaning(effect) {
                        Meaning::Expired if !renewed => {
                            expired.push(index);
                            continue;
                        }
                        Meaning::TooLong if take > 1 => {
                            too_long.push(index);
                            continue;
                        }
                        _ => Err(refusal.error(
                            effect,
                            command.method,
                            self.now(),
                            self.reset_of(command.method),
                        )),
                    },
                    Err(Part::Unclear(error)) => Err(error),
                };
                if let Some(slot) = results.get_mut(index) {
                    *slot = Some(result);
                }
            }
            if !too_long.is_empty() {
                most = (take / 2).max(1);
                open.extend(too_long);
            }
            if !expired.is_empty() {
                renewed = true;
                match self.renew(call).await {
                    Ok(()) => open.extend(expired),
                    Err(error) => settle(&mut results, expired, &error),
                }
            }
        }
        results
            .into_iter()
            .map(|result| {
                result.unwrap_or_else(|| {
                    Err(unclear_answer(
                        effect,
                        "batch",
                        "missing-key",
                        "no answer for this command",
                    ))
                })
            })
            .collect()
    }

    /// Tries an install grant at the pinned token server.
    pub(crate) async fn exchange(
        &self,
        call: &Call<'_>,
        app: &App,
        refresh: &secrecy::SecretString,
    ) -> Result<(domain::PortalId, Tokens), ConnectorError> {
        exchange(call, app, refresh, &self.way()).await
    }

    async fn renew(&self, call: &Call<'_>) -> Result<(), ConnectorError> {
        let pass = self.access.pass().await?;
        self.access.renew(call, &pass, &self.way()).await
    }

    fn way(&self) -> Way<'_> {
        Way {
            transport: self.transport.as_ref(),
            allowed: &self.allowed,
            now: &self.now,
        }
    }

    /// Sends until there is an outcome: at most once more after a renewal, at most once at a new address.
    async fn send(
        &self,
        call: &Call<'_>,
        load: &Load<'_>,
        effect: Effect,
    ) -> Result<Value, ConnectorError> {
        let mut pass = self.access.pass().await?;
        let (mut renewed, mut moved) = (false, false);
        loop {
            match self.once(call, &pass, load, effect).await? {
                Outcome::Answered(value) => {
                    if moved {
                        tracing::warn!(
                            host = pass.endpoint.host_str(),
                            "the portal has a new address"
                        );
                        self.access.moved(&pass.endpoint).await?;
                    }
                    return Ok(value);
                }
                Outcome::Expired(error) if renewed => return Err(error),
                Outcome::Expired(_) => {
                    renewed = true;
                    self.access.renew(call, &pass, &self.way()).await?;
                    pass = self.access.pass().await?;
                }
                Outcome::Moved(to) => {
                    if moved {
                        return Err(failed(
                            Verdict::Reauthorize,
                            load.method(),
                            "moved-again",
                            "the portal redirects in circles",
                        ));
                    }
                    moved = true;
                    pass.endpoint = self.new_address(&pass.endpoint, &to, load.method())?;
                }
            }
        }
    }

    /// Our path at the redirect's host. Followed only inside the vendor's own domain, so that a
    /// token never leaves it; anything else a person must enter.
    fn new_address(&self, old: &Url, to: &Url, method: &str) -> Result<Url, ConnectorError> {
        let refused = |words: &str| failed(Verdict::Reauthorize, method, "moved", words);
        let mut address = old.clone();
        let ours = parent(old).is_some() && parent(old) == parent(to);
        let (Some(host), true) = (to.host_str(), ours && to.scheme() == old.scheme()) else {
            return Err(refused(
                "the portal redirects to an address outside its domain",
            ));
        };
        address
            .set_host(Some(host))
            .map_err(|_| refused("the new address is wrong"))?;
        address
            .set_port(to.port())
            .map_err(|()| refused("the new address is wrong"))?;
        if old.scheme() == "https" {
            self.allowed.add(host);
        }
        Ok(address)
    }

    /// One HTTP request: admitted, sent, judged, booked.
    async fn once(
        &self,
        call: &Call<'_>,
        pass: &Pass,
        load: &Load<'_>,
        effect: Effect,
    ) -> Result<Outcome, ConnectorError> {
        let account = account(&pass.endpoint);
        let methods = load.methods();
        let methods: Vec<&str> = methods.iter().copied().collect();
        call.admit(Remote::Bitrix24, &account, &methods).await?;
        let request = self.request(call, pass, load, effect)?;
        let at = self.now();
        let answer = self.transport.send(request).await;
        let judged = self.judge(&answer, load, effect, at);
        if matches!(answer, Err(TransportError::TimedOut(_))) {
            self.pace.timed_out(methods.iter().copied(), effect);
        }
        let exchange = Exchange {
            at: answer.as_ref().map_or(at, |answer| answer.sent_at),
            remote: Remote::Bitrix24,
            account,
            method: load.method().to_owned(),
            request: load.masked(),
            response: judged.response,
            status: answer.as_ref().ok().map(|answer| answer.status.as_u16()),
            duration_ms: answer
                .as_ref()
                .map_or_else(|_| span_ms(at, self.now()), |answer| answer.duration_ms),
            times: judged.times,
            limit: judged.limit,
            result: match &judged.outcome {
                Ok(Outcome::Answered(_)) => "ok".to_owned(),
                Ok(Outcome::Moved(_)) => "moved".to_owned(),
                Ok(Outcome::Expired(error)) | Err(error) => error.code.clone(),
            },
            remote_failed: judged.remote_failed,
        };
        call.done(exchange).await;
        judged.outcome
    }

    fn request(
        &self,
        call: &Call<'_>,
        pass: &Pass,
        load: &Load<'_>,
        effect: Effect,
    ) -> Result<Request, ConnectorError> {
        let wrong = || {
            failed(
                Verdict::Reauthorize,
                load.method(),
                "bad-address",
                "the portal's address is wrong",
            )
        };
        let url = pass.endpoint.join(load.method()).map_err(|_| wrong())?;
        let mut body = load.body();
        if let (Value::Object(fields), Some(token)) = (&mut body, &pass.token) {
            fields.insert("auth".to_owned(), token.expose_secret().into());
        }
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Ok(Request {
            method: Method::POST,
            url,
            headers,
            body: body.to_string().into(),
            deadlines: match effect {
                Effect::Read => Deadlines::READ,
                Effect::Write => Deadlines::WRITE,
            },
            not_after: call.deadline(),
        })
    }

    fn judge(
        &self,
        answer: &Result<Answer, TransportError>,
        load: &Load<'_>,
        effect: Effect,
        now: Timestamp,
    ) -> Judged {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let mut judged = Judged::failed(no_answer(effect, load.method(), error));
                judged.remote_failed = true;
                return judged;
            }
        };
        if answer.status.is_redirection() {
            return moved(answer, load, effect);
        }
        let retry_at = retry_after(
            answer
                .headers
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()),
            now,
        );
        let body: Value = match serde_json::from_slice(&answer.body) {
            Ok(body @ Value::Object(_)) => body,
            _ => return no_json(answer, load, effect, retry_at),
        };
        match refusal(answer.status.as_u16(), &body) {
            Some(refusal) => self.refused(&refusal, &body, load, effect, now, retry_at),
            None if answer.status.is_success() => self.answered(body, load, effect),
            None => no_json(answer, load, effect, retry_at),
        }
    }

    fn refused(
        &self,
        refusal: &Refusal,
        body: &Value,
        load: &Load<'_>,
        effect: Effect,
        now: Timestamp,
        retry_at: Option<Timestamp>,
    ) -> Judged {
        let method = load.method();
        let reset = self.reset_of(method);
        let meaning = refusal.meaning(effect);
        let until = if meaning == Meaning::Method {
            reset
        } else {
            retry_at
        };
        let error = refusal.error(effect, method, now, until);
        Judged {
            limit: match meaning {
                Meaning::Rate => Some(LimitHit::Rate { retry_at }),
                Meaning::Method => Some(LimitHit::Method {
                    method: method.to_owned(),
                    until: reset,
                }),
                Meaning::Blocked => Some(LimitHit::Blocked),
                _ => None,
            },
            remote_failed: matches!(meaning, Meaning::Plain(_))
                && refusal.status.is_some_and(|status| status >= 500),
            response: masking::refusal(body),
            times: Vec::new(),
            outcome: if meaning == Meaning::Expired && self.access.is_app() {
                Ok(Outcome::Expired(error))
            } else {
                Err(error)
            },
        }
    }

    fn answered(&self, body: Value, load: &Load<'_>, effect: Effect) -> Judged {
        let mut times = Vec::new();
        let mut limit = None;
        let response = match load {
            Load::One(command) => {
                times.extend(self.time_of(command.method, body.get("time")));
                masking::result(command.method, body.get("result").unwrap_or(&Value::Null))
            }
            Load::Batch(commands) => {
                let result = body.get("result").unwrap_or(&Value::Null);
                let mut kept = Map::new();
                for (key, command) in *commands {
                    let inside = |part: &str| result.get(part).and_then(|part| part.get(key));
                    times.extend(self.time_of(command.method, inside("result_time")));
                    if let Some(refused) = inside("result_error") {
                        let refusal = refusal_of(None, refused);
                        if refusal.meaning(effect) == Meaning::Method {
                            limit = Some(LimitHit::Method {
                                method: command.method.to_owned(),
                                until: self.reset_of(command.method),
                            });
                        }
                        kept.insert(key.clone(), masking::refusal(refused));
                    } else if let Some(value) = inside("result") {
                        kept.insert(key.clone(), masking::result(command.method, value));
                    }
                }
                kept.into()
            }
        };
        Judged {
            outcome: Ok(Outcome::Answered(body)),
            response,
            times: latest(times),
            limit,
            remote_failed: false,
        }
    }

    /// Takes note of what a method took; its booked run time, where the portal tells it.
    fn time_of(&self, method: &str, time: Option<&Value>) -> Option<MethodTime> {
        let time = time?;
        if let Some(ms) = milliseconds(time.get("duration")) {
            self.pace.saw(method, ms);
        }
        let operating_ms = milliseconds(time.get("operating"))?;
        let seconds = time.get("operating_reset_at").and_then(Value::as_i64);
        let reset_at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        if let Some(reset_at) = reset_at {
            let mut resets = self.resets.lock().unwrap_or_else(PoisonError::into_inner);
            resets.insert(method.to_owned(), reset_at);
        }
        Some(MethodTime {
            method: method.to_owned(),
            operating_ms,
            reset_at,
        })
    }

    fn reset_of(&self, method: &str) -> Option<Timestamp> {
        let resets = self.resets.lock().unwrap_or_else(PoisonError::into_inner);
        resets.get(method).copied().filter(|&at| at > self.now())
    }
}

/// A judged answer with what the journal gets.
struct Judged {
    outcome: Result<Outcome, ConnectorError>,
    response: Value,
    times: Vec<MethodTime>,
    limit: Option<LimitHit>,
    remote_failed: bool,
}

impl Judged {
    fn failed(error: ConnectorError) -> Self {
        Self {
            outcome: Err(error),
            response: Value::Null,
            times: Vec::new(),
            limit: None,
            remote_failed: false,
        }
    }
}

impl<'a> Load<'a> {
    fn method(&self) -> &'a str {
        match self {
            Self::One(command) => command.method,
            Self::Batch(_) => "batch",
        }
    }

    fn methods(&self) -> BTreeSet<&'a str> {
        match self {
            Self::One(command) => BTreeSet::from([command.method]),
            Self::Batch(commands) => commands.iter().map(|(_, command)| command.method).collect(),
        }
    }

    fn body(&self) -> Value {
        match self {
            Self::One(command) if command.params.is_null() => json!({}),
            Self::One(command) => command.params.clone(),
            Self::Batch(commands) => {
                let cmd: Map<String, Value> = commands
                    .iter()
                    .map(|(key, command)| (key.clone(), command.in_batch().into()))
                    .collect();
                json!({ "halt": 0, "cmd": cmd })
            }
        }
    }

    fn masked(&self) -> Value {
        match self {
            Self::One(command) => masking::params(command),
            Self::Batch(commands) => masking::commands(
                commands
                    .iter()
                    .map(|(key, command)| (key.as_str(), *command)),
            ),
        }
    }
}

/// What the commands get that were not sent, because the error tells that they would fare alike.
fn held_back(error: &ConnectorError) -> Option<ConnectorError> {
    let mut error = error.clone();
    let unsent = matches!(error.code.as_str(), "not-sent" | "not-admitted");
    match error.verdict {
        Verdict::Reauthorize => Some(error),
        Verdict::Retry { .. } if error.limit || unsent => Some(error),
        Verdict::Verify if error.code == "timed-out" => {
            error.verdict = Verdict::Retry { after: None };
            "not-sent".clone_into(&mut error.code);
            "not sent, because the batch before it got no answer".clone_into(&mut error.message);
            Some(error)
        }
        _ => None,
    }
}

fn settle(
    results: &mut [Option<Result<Value, ConnectorError>>],
    which: impl IntoIterator<Item = usize>,
    error: &ConnectorError,
) {
    for index in which {
        if let Some(slot) = results.get_mut(index) {
            *slot = Some(Err(error.clone()));
        }
    }
}

/// A redirect: the portal was renamed, or something stands before it.
fn moved(answer: &Answer, load: &Load<'_>, effect: Effect) -> Judged {
    let location = answer
        .headers
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok());
    match location.and_then(|location| Url::parse(location).ok()) {
        Some(to) => Judged {
            response: json!({"moved_to": to.host_str()}),
            outcome: Ok(Outcome::Moved(to)),
            times: Vec::new(),
            limit: None,
            remote_failed: false,
        },
        None => Judged::failed(unclear_answer(
            effect,
            load.method(),
            "redirect",
            "a redirect without an address",
        )),
    }
}

/// No JSON object that we know: a gateway's page, a login page, a cut body.
fn no_json(
    answer: &Answer,
    load: &Load<'_>,
    effect: Effect,
    retry_at: Option<Timestamp>,
) -> Judged {
    let status = answer.status.as_u16();
    let error = match status {
        401 => failed(
            Verdict::Reauthorize,
            load.method(),
            "not-json",
            "the portal asks to sign in",
        ),
        _ => unclear_answer(
            effect,
            load.method(),
            "not-json",
            format!("an answer that is not the portal's, status {status}"),
        ),
    };
    let mut judged = Judged::failed(error);
    judged.remote_failed = status != 401;
    judged.limit = matches!(status, 429 | 503).then_some(LimitHit::Rate { retry_at });
    judged
}

fn take_result(mut whole: Value) -> Option<Value> {
    whole.get_mut("result").map(Value::take)
}

/// The account of the limits: host and port, never the path, which may hold a secret.
pub(crate) fn account(endpoint: &Url) -> String {
    endpoint.authority().to_owned()
}

/// What stands behind the first label of a host: `bitrix24.ru`. Loopback is its own domain.
fn parent(url: &Url) -> Option<String> {
    match url.host()? {
        url::Host::Domain("localhost") => Some("loopback".to_owned()),
        url::Host::Domain(name) => name
            .split_once('.')
            .filter(|(_, rest)| rest.contains('.'))
            .map(|(_, rest)| rest.to_lowercase()),
        url::Host::Ipv4(address) => address.is_loopback().then(|| "loopback".to_owned()),
        url::Host::Ipv6(address) => address.is_loopback().then(|| "loopback".to_owned()),
    }
}

fn span_ms(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}
