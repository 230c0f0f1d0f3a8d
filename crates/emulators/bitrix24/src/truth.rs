//! The true history of the imitated portal: what really happened, whatever callers were told.
//!
//! Only tests and the demo's judge read it; no method of the portal does. Long values (files) are
//! kept as their length.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
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
        #[serde(serialize_with = "shared")]
        before: Option<Arc<Value>>,
        #[serde(serialize_with = "shared")]
        after: Option<Arc<Value>>,
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

/// A record as one write left it and the next one found it stands in both, once in memory.
fn shared<S: Serializer>(record: &Option<Arc<Value>>, serializer: S) -> Result<S::Ok, S::Error> {
    record.as_deref().serialize(serializer)
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

/// How records were when they were written last, by entity and id.
#[derive(Debug, Default)]
pub(crate) struct Written(BTreeMap<String, BTreeMap<i64, Arc<Value>>>);

impl Written {
    /// What the next write of a record finds: mostly what the last one left.
    pub(crate) fn found(&self, entity: &str, id: i64, record: &Map) -> Arc<Value> {
        let last = self.0.get(entity).and_then(|written| written.get(&id));
        match last {
            Some(last) if matches!(&**last, Value::Object(last) if last == record) => {
                Arc::clone(last)
            }
            Some(_) | None => Arc::new(Value::Object(trimmed(record))),
        }
    }

    /// What a write leaves; nothing where it deletes.
    pub(crate) fn left(
        &mut self,
        entity: &str,
        id: i64,
        record: Option<&Map>,
    ) -> Option<Arc<Value>> {
        let written = self.0.entry(entity.to_owned()).or_default();
        let Some(record) = record else {
            written.remove(&id);
            return None;
        };
        let record = Arc::new(Value::Object(trimmed(record)));
        written.insert(id, Arc::clone(&record));
        Some(record)
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

fn trimmed(fields: &Map) -> Map {
    fields
        .iter()
        .map(|(name, value)| (name.clone(), without_files(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Arc, Map, Value, Written};

    fn record(stage: &str) -> Map {
        let record = json!({"ID": 1, "STAGE_ID": stage});
        record.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_write_that_finds_what_the_last_one_left_shares_it() {
        let mut written = Written::default();
        let left = written.left("deal", 1, Some(&record("NEW"))).unwrap();
        assert!(Arc::ptr_eq(
            &left,
            &written.found("deal", 1, &record("NEW"))
        ));
        let other = written.found("deal", 1, &record("WON"));
        assert_eq!(
            *other,
            Value::Object(record("WON")),
            "it was changed without a write"
        );
        assert_eq!(written.left("deal", 1, None), None);
        assert!(!Arc::ptr_eq(
            &left,
            &written.found("deal", 1, &record("NEW"))
        ));
    }

    #[test]
    fn long_values_are_kept_as_their_length_whoever_shares_them() {
        let mut written = Written::default();
        let long = record(&"x".repeat(5_000));
        let left = written.left("deal", 1, Some(&long)).unwrap();
        assert_eq!(left.get("STAGE_ID"), Some(&json!("<5000 bytes>")));
        assert_eq!(written.found("deal", 1, &long), left);
    }
}
