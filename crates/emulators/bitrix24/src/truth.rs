//! The true history of the imitated portal: what really happened, whatever callers were told.
//!
//! Only tests and the demo's judge read it; no method of the portal does. Long values (files) are
//! kept as their length.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::call::Actor;
use crate::value::Map;

/// One thing that happened, in order.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Rises by one.
    pub number: u64,
    /// By the portal's clock.
    pub at: Timestamp,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum What {
    /// A record changed. Absent `before` is a creation, absent `after` a deletion.
    Write {
        method: String,
        actor: Actor,
        entity: String,
        id: i64,
        arguments: Value,
        before: Option<Value>,
        after: Option<Value>,
    },
    /// One HTTP request that reached the REST address, and what was answered on it.
    Request {
        method: String,
        account: String,
        source: String,
        answer: Told,
    },
    /// One method carried out: alone or within a batch.
    Command {
        method: String,
        account: String,
        outcome: Outcome,
    },
    EventCreated {
        delivery: u64,
        event: String,
        handler: String,
        data: Value,
    },
    EventDelivered {
        delivery: u64,
        event: String,
        handler: String,
        status: u16,
    },
    EventDropped {
        delivery: u64,
        event: String,
        handler: String,
        reason: String,
    },
    /// The portal's limits refused a call.
    LimitRefused {
        method: String,
        code: String,
    },
    TokenIssued {
        client_id: String,
        grant: String,
    },
    /// A person or the settings changed the portal itself.
    Note {
        text: String,
    },
}

/// What the caller was told, which may differ from what was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    Answered {
        status: u16,
    },
    /// A switched fault hid, spoilt or replaced the answer.
    Fault {
        kind: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Refused { code: String },
}

/// The history, cheap to copy.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    entries: Vec<Arc<Entry>>,
}

impl Truth {
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(Arc::as_ref)
    }

    /// Writes of records of one entity (`deal`, `company`, `timeline_comment`…).
    pub fn writes_of<'a>(&'a self, entity: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries().filter(move |entry| matches!(&entry.what, What::Write { entity: written, .. } if written == entity))
    }

    /// Writes of one record.
    pub fn writes_to<'a>(
        &'a self,
        entity: &'a str,
        wanted: i64,
    ) -> impl Iterator<Item = &'a Entry> {
        self.writes_of(entity)
            .filter(move |entry| matches!(entry.what, What::Write { id, .. } if id == wanted))
    }

    /// How often the limits refused something.
    pub fn limit_refusals(&self) -> usize {
        self.entries()
            .filter(|entry| matches!(entry.what, What::LimitRefused { .. }))
            .count()
    }

    /// How many HTTP requests reached the REST address.
    pub fn requests(&self) -> usize {
        self.entries()
            .filter(|entry| matches!(entry.what, What::Request { .. }))
            .count()
    }

    pub(crate) fn add(&mut self, at: Timestamp, what: What) {
        let number = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        self.entries.push(Arc::new(Entry { number, at, what }));
    }
}

const LONG: usize = 4096;

/// A copy in which long strings are replaced by their length.
pub(crate) fn without_files(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() > LONG => Value::from(format!("<{} bytes>", text.len())),
        Value::Array(items) => items.iter().map(without_files).collect(),
        Value::Object(fields) => Value::Object(trimmed(fields)),
        other => other.clone(),
    }
}

pub(crate) fn trimmed(fields: &Map) -> Map {
    fields
        .iter()
        .map(|(name, value)| (name.clone(), without_files(value)))
        .collect()
}
