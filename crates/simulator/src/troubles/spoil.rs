//! Answers that are not what they should be: other types, missing keys, too much, too slow, somebody else's.
//!
//! What is answered instead of the remote proves that nothing was done or proves nothing; what is spoilt on its way
//! back hides what was done. The values themselves stay true: a remote that lies consistently is no fault that can be seen.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use memchr::memmem;
use serde_json::{Map, Value, json};
use transport::MOST_BYTES;

use crate::chance::dice::Dice;
use crate::machine::freeze::pause;
use crate::machine::network::Remote;

/// How an answer is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spoil {
    /// Numbers as texts, texts as numbers, empty objects as empty lists.
    OtherTypes,
    /// What every answer of its kind has is null.
    Nulls,
    /// A command of a batch has neither result nor error.
    MissingKey,
    /// The keys of every object in another order.
    OtherOrder,
    /// Every key twice.
    DoubleKeys,
    /// Not text.
    NotUtf8,
    /// Deeper than anybody reads.
    Deep,
    /// Larger than anybody reads.
    Giant,
    /// Nothing for longer than any deadline. The client's twin sees no single bytes: those now and then are for the tests
    /// of the client itself.
    Silence,
    /// A redirect to somebody else's host.
    Redirect,
    /// "Too many requests", with an absurd wish how long to wait.
    RetryAfter,
    /// "Unavailable", with an absurd wish how long to wait.
    Unavailable,
    /// The vendor has blocked the application.
    Overload,
    /// The tokens run out within the batch: the rest of it was not done.
    ExpiredWithin,
    /// The batch breaks off: the rest of it was not done and is not told of.
    CutBatch,
}

use Spoil::{
    CutBatch, Deep, DoubleKeys, ExpiredWithin, Giant, MissingKey, NotUtf8, Nulls, OtherOrder,
    OtherTypes, Overload, Redirect, RetryAfter, Silence, Unavailable,
};

/// All of them.
pub(crate) const ALL: [Spoil; 15] = [
    OtherTypes,
    Nulls,
    MissingKey,
    OtherOrder,
    DoubleKeys,
    NotUtf8,
    Deep,
    Giant,
    Silence,
    Redirect,
    RetryAfter,
    Unavailable,
    Overload,
    ExpiredWithin,
    CutBatch,
];

/// What no answer may lack.
const MUST: [&str; 9] = [
    "id", "ID", "stageId", "price", "quantity", "number", "sum", "date", "state",
];
const ABSURD: [&str; 7] = [
    "0",
    "-1",
    "1000000000",
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "soon",
    "2",
    "30",
];

/// What one seed's answers suffer.
#[derive(Debug)]
pub(crate) struct Spoils {
    dice: Dice,
    rules: Vec<(Remote, Spoil, u64)>,
    counts: BTreeMap<Spoil, u64>,
}

impl Spoils {
    pub(crate) fn new(dice: Dice) -> Self {
        Self {
            dice,
            rules: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Answers suffer this from now on.
    pub(crate) fn follow(&mut self, rules: Vec<(Remote, Spoil, u64)>) {
        self.rules = rules;
    }

    /// How often each happened.
    pub(crate) fn counts(&self) -> &BTreeMap<Spoil, u64> {
        &self.counts
    }

    /// What becomes of the answer to this request.
    pub(crate) fn draw(&mut self, remote: Remote, request: &[u8]) -> Option<Spoilt> {
        if self.rules.is_empty() {
            return None;
        }
        let is_batch =
            request.starts_with(b"{\"halt\"") || memmem::find(request, b"\"cmd\"").is_some();
        let dice = &mut self.dice;
        let rules = self.rules.iter();
        let how = rules
            .filter(|(of, how, _)| *of == remote && (is_batch || !how.is_of_batches()))
            .find_map(|(_, how, permille)| dice.chance(*permille).then_some(*how))?;
        let count = self.counts.entry(how).or_default();
        *count = count.saturating_add(1);
        Some(Spoilt {
            how,
            chance: self.dice.below(u64::MAX),
        })
    }
}

impl Spoil {
    fn is_of_batches(self) -> bool {
        matches!(self, MissingKey | ExpiredWithin | CutBatch)
    }

    /// Whether the answer still says what was done.
    pub(crate) fn is_readable(self) -> bool {
        matches!(self, OtherOrder)
    }
}

/// One answer's fate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spoilt {
    pub(crate) how: Spoil,
    chance: u64,
}

impl Spoilt {
    fn pick<'a>(&self, among: &[&'a str]) -> &'a str {
        let count = u64::try_from(among.len()).unwrap_or(1).max(1);
        let place = usize::try_from(self.chance % count).unwrap_or(0);
        among.get(place).copied().unwrap_or_default()
    }

    /// An answer in the place of the remote's, which is not asked.
    pub(crate) fn instead(&self) -> Option<http::Response<Bytes>> {
        let (status, name, value, body) = match self.how {
            Redirect => {
                let to = self.pick(&[
                    "https://elsewhere.example/rest/batch",
                    "http://portal-0.example/rest/batch",
                    "https://127.0.0.1/latest/meta-data",
                ]);
                (302, header::LOCATION, to, "")
            }
            RetryAfter => (429, header::RETRY_AFTER, self.pick(&ABSURD), ""),
            Unavailable => (503, header::RETRY_AFTER, self.pick(&ABSURD), ""),
            Overload => {
                let body = r#"{"error":"OVERLOAD_LIMIT","error_description":"REST API is blocked due to overload."}"#;
                (503, header::CONTENT_TYPE, "application/json", body)
            }
            _ => return None,
        };
        let mut answer = http::Response::new(Bytes::from_static(body.as_bytes()));
        *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
        Some(answer)
    }

    /// The request as the remote gets it, and the keys of the commands that it does not get.
    pub(crate) fn request(&self, body: &Bytes) -> (Bytes, Vec<String>) {
        if !matches!(self.how, ExpiredWithin | CutBatch) {
            return (body.clone(), Vec::new());
        }
        let Ok(Value::Object(mut whole)) = serde_json::from_slice::<Value>(body) else {
            return (body.clone(), Vec::new());
        };
        let Some(Value::Object(commands)) = whole.get_mut("cmd") else {
            return (body.clone(), Vec::new());
        };
        let count = u64::try_from(commands.len()).unwrap_or(0);
        let kept = usize::try_from(self.chance % count.max(1)).unwrap_or(0);
        let left: Vec<String> = commands.keys().skip(kept).cloned().collect();
        for key in &left {
            commands.remove(key);
        }
        (Value::Object(whole).to_string().into(), left)
    }

    /// The answer as it arrives.
    pub(crate) async fn spoil(
        &self,
        answer: http::Response<Bytes>,
        left: &[String],
    ) -> http::Response<Bytes> {
        if self.how == Silence {
            pause(Duration::from_secs(200)).await;
            return answer;
        }
        let (head, body) = answer.into_parts();
        let body = self.body(&body, left).unwrap_or(body);
        http::Response::from_parts(head, body)
    }

    /// None: it stays as it is.
    fn body(&self, body: &Bytes, left: &[String]) -> Option<Bytes> {
        match self.how {
            Giant => return Some(giant()),
            NotUtf8 => return Some([b"{\"result\":\"\xff\xfe", body.as_ref()].concat().into()),
            Deep => {
                let open = "[".repeat(200_000);
                return Some(format!("{{\"result\":{open}").into());
            }
            _ => {}
        }
        let mut value: Value = serde_json::from_slice(body).ok()?;
        match self.how {
            OtherTypes => other_types(&mut value),
            Nulls => null_one(&mut value, &mut (self.chance % 5)),
            OtherOrder => other_order(&mut value),
            DoubleKeys => return Some(double_keys(&value).into()),
            MissingKey => forget(&mut value, self.chance),
            ExpiredWithin => refuse(&mut value, left),
            _ => return None,
        }
        Some(value.to_string().into())
    }
}

fn giant() -> Bytes {
    static GIANT: OnceLock<Bytes> = OnceLock::new();
    GIANT
        .get_or_init(|| vec![b' '; MOST_BYTES + 1].into())
        .clone()
}

fn other_types(value: &mut Value) {
    match value {
        Value::Number(number) => *value = Value::String(number.to_string()),
        Value::String(text) => {
            let number = text.parse::<u64>().ok();
            // A text with zeros in front is no number.
            if let Some(number) = number.filter(|number| number.to_string() == *text) {
                *value = number.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(other_types),
        Value::Object(fields) if fields.is_empty() => *value = json!([]),
        Value::Object(fields) => fields.values_mut().for_each(other_types),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The n-th of what may not be missing is null.
fn null_one(value: &mut Value, nth: &mut u64) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields.iter_mut() {
                if MUST.contains(&name.as_str()) && !inner.is_object() && !inner.is_array() {
                    if *nth == 0 {
                        *inner = Value::Null;
                    }
                    *nth = nth.saturating_sub(1);
                } else {
                    null_one(inner, nth);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| null_one(item, nth)),
        _ => {}
    }
}

fn other_order(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(other_order);
            let turned: Map<String, Value> = std::mem::take(fields).into_iter().rev().collect();
            *fields = turned;
        }
        Value::Array(items) => items.iter_mut().for_each(other_order),
        _ => {}
    }
}

fn double_keys(value: &Value) -> String {
    let Value::Object(fields) = value else {
        return value.to_string();
    };
    let twice = fields.iter().map(|(name, inner)| {
        let name = Value::String(name.clone());
        format!("{name}:{inner},{name}:{inner}")
    });
    format!("{{{}}}", twice.collect::<Vec<_>>().join(","))
}

/// A command's answer is in no part of the batch's.
fn forget(value: &mut Value, chance: u64) {
    let Some(Value::Object(parts)) = value.get_mut("result") else {
        return;
    };
    let keys: Vec<String> = parts
        .values()
        .filter_map(Value::as_object)
        .flat_map(|part| part.keys().cloned())
        .collect();
    let count = u64::try_from(keys.len()).unwrap_or(0).max(1);
    let Some(key) = keys.get(usize::try_from(chance % count).unwrap_or(0)) else {
        return;
    };
    for part in parts.values_mut() {
        if let Value::Object(part) = part {
            part.remove(key);
        }
    }
}

/// The commands that were left out found the token expired.
fn refuse(value: &mut Value, left: &[String]) {
    let Some(Value::Object(parts)) = value.get_mut("result") else {
        return;
    };
    let errors = parts.entry("result_error").or_insert_with(|| json!({}));
    if !errors.is_object() {
        // The portal's empty object is an empty list.
        *errors = json!({});
    }
    if let Value::Object(errors) = errors {
        for key in left {
            let error = json!({"error": "expired_token", "error_description": "The access token provided has expired."});
            errors.insert(key.clone(), error);
        }
    }
}
