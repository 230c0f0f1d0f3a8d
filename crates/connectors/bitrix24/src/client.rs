//! The HTTP side: one request, renewal of access, limits, and what the journal gets to see.
//!
//! Every request passes [`Call::admit`] before and [`Call::done`] after. A request is repeated here
//! in two cases only, both of which prove that it was not executed: an expired token (renewed once)
//! and a redirect to the portal's new address (posted there again). Everything else is a verdict.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use capability::exchange::{Exchange, LimitHit, MethodRest};
use capability::{Call, ConnectorError, MethodTime, Remote};
use domain::Verdict;
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use transport::{Allowed, Answer, Deadlines, Request, TimeSource, Transport, TransportError};
use url::Url;

use crate::address::{account, moved_to};
use crate::answer::{latest, milliseconds, refusal, refusal_of, reset_at};
use crate::command::Command;
use crate::error::{
    Effect, Meaning, Refusal, failed, no_answer, other_shape, retry_after, unclear_answer,
};
use crate::load::Load;
use crate::masking;
use crate::oauth::{Way, exchange};
use crate::pace::Pace;
use crate::tokens::{Access, App, Pass, Renewed, Tokens};

/// One portal's client.
pub(crate) struct Client {
    pub(crate) access: Access,
    transport: Arc<dyn Transport>,
    allowed: Allowed,
    now: TimeSource,
    pub(crate) pace: Pace,
    /// When the oldest part of a method's run time leaves the window; a refusal does not tell it.
    resets: Mutex<HashMap<String, Timestamp>>,
}

/// What came of one HTTP request.
enum Outcome {
    /// Understood as success; the whole body.
    Answered(Value),
    /// The token is too old; nothing was executed.
    Expired(ConnectorError),
    /// The token is not taken; nothing was executed.
    NotLetIn(ConnectorError),
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
        let (whole, _pass) = self.send(call, &Load::One(command), effect).await?;
        take_result(whole)
            .ok_or_else(|| other_shape(effect, command.method, "the answer has no `result`"))
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

    pub(crate) fn way(&self) -> Way<'_> {
        Way {
            transport: self.transport.as_ref(),
            allowed: &self.allowed,
            now: &self.now,
        }
    }

    /// Sends until there is an outcome: at most once more with newer tokens (twice where those that were found
    /// stored have expired as well), at most once at a new address. Tells the pass that was taken, too.
    pub(crate) async fn send(
        &self,
        call: &Call<'_>,
        load: &Load<'_>,
        effect: Effect,
    ) -> Result<(Value, Pass), ConnectorError> {
        let mut pass = self.access.pass().await?;
        let (mut renewed, mut found, mut moved) = (false, false, false);
        loop {
            match self.once(call, &pass, load, effect).await? {
                Outcome::Answered(value) => {
                    if moved {
                        self.remember_address(&pass).await;
                    }
                    return Ok((value, pass));
                }
                Outcome::Expired(error) | Outcome::NotLetIn(error) if renewed => return Err(error),
                Outcome::Expired(_) => {
                    let came = self.access.renew(call, &pass, &self.way()).await?;
                    // What was found is tried; if it has expired too, it is renewed in its turn.
                    renewed = found || came == Renewed::Given;
                    found = true;
                    pass = self.renewed_pass(pass, moved).await?;
                }
                // The portal may have been connected anew since these tokens were loaded.
                Outcome::NotLetIn(error) => {
                    renewed = true;
                    if !self.access.reload(&pass).await? {
                        return Err(error);
                    }
                    pass = self.renewed_pass(pass, moved).await?;
                }
                Outcome::Moved(_) if moved => {
                    let words = "the portal redirects in circles";
                    return Err(failed(
                        Verdict::Reauthorize,
                        load.method(),
                        "moved-again",
                        words,
                    ));
                }
                Outcome::Moved(to) => {
                    moved = true;
                    pass.endpoint = moved_to(&pass.endpoint, &to, load.method())?;
                    // Judged above to be the vendor's as much as the old one; `Allowed` still refuses plain HTTP.
                    self.allowed
                        .add(pass.endpoint.host_str().unwrap_or_default());
                }
            }
        }
    }

    /// The newer tokens, at the address that the last answer came from.
    async fn renewed_pass(&self, former: Pass, moved: bool) -> Result<Pass, ConnectorError> {
        let mut pass = self.access.pass().await?;
        if moved {
            pass.endpoint = former.endpoint;
        }
        Ok(pass)
    }

    /// A failure to store the address must not make the answered request look unanswered: the next
    /// redirect tells it again.
    async fn remember_address(&self, pass: &Pass) {
        let host = pass.endpoint.host_str();
        match self.access.moved(&pass.endpoint).await {
            Ok(()) => tracing::warn!(host, "the portal has a new address"),
            Err(error) => tracing::warn!(host, %error, "the portal's new address was not stored"),
        }
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
                Ok(Outcome::Expired(error) | Outcome::NotLetIn(error)) | Err(error) => {
                    error.code.clone()
                }
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
                judged.remote_failed = error.blames_remote();
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
                Meaning::Method => Some(LimitHit::Methods {
                    rests: vec![MethodRest {
                        method: method.to_owned(),
                        until: reset,
                    }],
                }),
                Meaning::Blocked => Some(LimitHit::Blocked),
                _ => None,
            },
            remote_failed: matches!(meaning, Meaning::Plain(_))
                && refusal.status.is_some_and(|status| status >= 500),
            response: masking::refusal(body),
            times: Vec::new(),
            outcome: match meaning {
                Meaning::Expired if self.access.is_app() => Ok(Outcome::Expired(error)),
                Meaning::Plain(Verdict::Reauthorize) if refusal.status == Some(401) => {
                    Ok(Outcome::NotLetIn(error))
                }
                _ => Err(error),
            },
        }
    }

    fn answered(&self, body: Value, load: &Load<'_>, effect: Effect) -> Judged {
        let mut times = Vec::new();
        let mut rests: Vec<MethodRest> = Vec::new();
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
                        let is_known = rests.iter().any(|rest| rest.method == command.method);
                        if refusal.meaning(effect) == Meaning::Method && !is_known {
                            rests.push(MethodRest {
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
            limit: (!rests.is_empty()).then_some(LimitHit::Methods { rests }),
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
        let reset_at = reset_at(time, self.now());
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

    pub(crate) fn reset_of(&self, method: &str) -> Option<Timestamp> {
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
    let kind = answer.headers.get(header::CONTENT_TYPE);
    judged.response = json!({
        "content_type": kind.and_then(|kind| kind.to_str().ok()),
        "bytes": answer.body.len(),
    });
    judged.remote_failed = status != 401;
    judged.limit = matches!(status, 429 | 503).then_some(LimitHit::Rate { retry_at });
    judged
}

fn take_result(mut whole: Value) -> Option<Value> {
    whole.get_mut("result").map(Value::take)
}

fn span_ms(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}
