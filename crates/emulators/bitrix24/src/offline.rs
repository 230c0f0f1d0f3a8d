//! The offline queue: one record per changed object, read, reserved and cleared by the application.
//!
//! <https://apidocs.bitrix24.com/api-reference/events/offline-events.html>

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::call::{Answer, Call, ListParams, Refusal};
use crate::events::Subscription;
use crate::filter::{Filter, Order, Unknown, page};
use crate::state::{Origin, State, Table};
use crate::value::{Map, flag_of, int_of, members, text_of};

#[derive(Debug, Clone)]
struct Record {
    app: usize,
    connector: Option<String>,
    object: String,
    changed_at: Timestamp,
    event: String,
    data: Value,
    message_id: String,
    /// Who reserved it; empty while nobody did.
    process_id: String,
    is_error: bool,
}

#[derive(Debug, Default)]
pub(crate) struct OfflineQueue {
    records: BTreeMap<i64, Record>,
    last_id: i64,
    last_process: u64,
}

/// Keeps the latest state of an object: an unreserved record of the same event takes the new time.
pub(crate) fn enqueue(
    state: &mut State,
    subscription: &Subscription,
    data: &Value,
    object: &str,
    origin: &Origin,
) {
    let Some(app) = subscription.app else { return };
    if subscription.connector.is_some() && subscription.connector == origin.connector {
        return;
    }
    let queue = &mut state.events.offline;
    let same = queue.records.values_mut().find(|record| {
        record.app == app
            && record.object == object
            && record.event == subscription.event
            && record.connector == subscription.connector
            && record.process_id.is_empty()
    });
    match same {
        Some(record) => {
            record.changed_at = origin.at;
            record.data = data.clone();
        }
        None => {
            queue.last_id = queue.last_id.saturating_add(1);
            let digest = Sha256::digest(format!(
                "{app}:{}:{object}:{}",
                subscription.event, queue.last_id
            ));
            let message_id: String = digest
                .iter()
                .take(16)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let record = Record {
                app,
                connector: subscription.connector.clone(),
                object: object.to_owned(),
                changed_at: origin.at,
                event: subscription.event.clone(),
                data: data.clone(),
                message_id,
                process_id: String::new(),
                is_error: false,
            };
            queue.records.insert(queue.last_id, record);
        }
    }
    knock(state, app, origin);
}

/// Rings at those who asked to be told that the queue has something, not too often.
fn knock(state: &mut State, app: usize, origin: &Origin) {
    let now = origin.seconds();
    let mut bells = Vec::new();
    for known in &mut state.events.subscriptions {
        if known.app != Some(app) || known.event != "ONOFFLINEEVENT" || known.offline {
            continue;
        }
        let next = known
            .last_knock
            .map_or(now, |last| last.saturating_add(known.min_timeout));
        // A knock that is already on its way will do.
        if known.last_knock.is_some_and(|last| last > now) {
            continue;
        }
        let at = next.max(now);
        known.last_knock = Some(at);
        bells.push((
            known.clone(),
            u64::try_from(at.saturating_sub(now)).unwrap_or(0),
        ));
    }
    for (subscription, wait_seconds) in bells {
        crate::events::enqueue_event(
            state,
            subscription,
            json!({}),
            origin.actor.user(),
            origin.at,
            wait_seconds.saturating_mul(1000),
        );
    }
}

fn app_of(call: &Call<'_>) -> Result<usize, Refusal> {
    let app = call.caller.app.ok_or_else(|| {
        Refusal::new(
            403,
            "WRONG_AUTH_TYPE",
            "Current authorization type is denied for this method Application context required",
        )
    })?;
    call.need_admin("Access denied!")?;
    Ok(app)
}

fn as_row(id: i64, record: &Record) -> Map {
    let mut row = Map::new();
    row.insert("ID".into(), id.into());
    row.insert("TIMESTAMP_X".into(), record.changed_at.as_second().into());
    row.insert("EVENT_NAME".into(), record.event.clone().into());
    row.insert("MESSAGE_ID".into(), record.message_id.clone().into());
    row
}

fn shown(call: &Call<'_>, id: i64, record: &Record) -> Map {
    let data = if record.data.as_object().is_some_and(Map::is_empty) {
        Value::Bool(false)
    } else {
        record.data.clone()
    };
    let shown = json!({
        "ID": id.to_string(),
        "TIMESTAMP_X": call.state.zone.moment(record.changed_at.as_second()),
        "EVENT_NAME": record.event,
        "EVENT_DATA": data,
        "EVENT_ADDITIONAL": false,
        "MESSAGE_ID": record.message_id,
    });
    shown.as_object().cloned().unwrap_or_default()
}

/// Ids of the caller's records that a filter and an order pick, all of them.
fn pick(call: &mut Call<'_>, wanted: impl Fn(&Record) -> bool) -> Result<Vec<i64>, Refusal> {
    let schema = call.state.schema(Table::OfflineEvent);
    let list = ListParams::of(call.params)?;
    let filter = Filter::parse(list.filter, &schema, &call.state.zone, Unknown::Ignored)?;
    let default = json!({"TIMESTAMP_X": "ASC"});
    let order = if list
        .order
        .as_object()
        .is_some_and(|order| !order.is_empty())
    {
        list.order
    } else {
        &default
    };
    let order = Order::parse(order, &schema, Unknown::Ignored)?;
    let rows: Vec<Map> = call
        .state
        .events
        .offline
        .records
        .iter()
        .filter(|(_, record)| wanted(record))
        .map(|(id, record)| as_row(*id, record))
        .collect();
    let mut picked = Vec::new();
    let mut start = 0;
    loop {
        let part = page(rows.iter(), &filter, &order, &Value::from(start));
        picked.extend(part.records.iter().map(|row| crate::state::int(row, "ID")));
        match part.next {
            Some(next) => start = next,
            None => return Ok(picked),
        }
    }
}

pub(crate) fn get(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    let clear = call.param("clear").is_null() || flag_of(call.param("clear"));
    if !clear
        && !call
            .state
            .config
            .features
            .get("rest_offline_extended")
            .copied()
            .unwrap_or(false)
    {
        return Err(Refusal::denied("Access denied!"));
    }
    let limit = usize::try_from(call.int("limit").unwrap_or(50).max(0)).unwrap_or(50);
    let process = call.text("process_id");
    let errors = flag_of(call.param("error"));
    let connector = call.connector();
    let is_wanted = |record: &Record| {
        record.app == app
            && record.connector == connector
            && record.process_id == process
            && record.is_error == errors
    };
    let ids: Vec<i64> = pick(call, is_wanted)?.into_iter().take(limit).collect();
    let mut process_id = Value::Null;
    let mut reserved = String::new();
    if !clear {
        reserved = if process.is_empty() {
            new_process(call)
        } else {
            process
        };
        process_id = reserved.clone().into();
    }
    let mut events = Vec::new();
    for id in ids {
        let queue = &mut call.state.events.offline.records;
        let record = if clear {
            queue.remove(&id)
        } else {
            queue.get_mut(&id).map(|record| {
                record.process_id.clone_from(&reserved);
                record.clone()
            })
        };
        events.extend(record.map(|record| Value::Object(shown(call, id, &record))));
    }
    Ok(json!({"process_id": process_id, "events": events}).into())
}

fn new_process(call: &mut Call<'_>) -> String {
    let queue = &mut call.state.events.offline;
    queue.last_process = queue.last_process.saturating_add(1);
    let digest = Sha256::digest(format!("process:{}", queue.last_process));
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    let connector = call.connector();
    let ids = pick(call, |record| {
        record.app == app && record.connector == connector
    })?;
    let start = usize::try_from(call.int("start").unwrap_or(0).max(0)).unwrap_or(0);
    let total = ids.len();
    let next = start.saturating_add(crate::filter::PAGE);
    let mut rows = Vec::new();
    for id in ids.into_iter().skip(start).take(crate::filter::PAGE) {
        if let Some(record) = call.state.events.offline.records.get(&id) {
            let mut row = shown(call, id, record);
            row.insert("PROCESS_ID".into(), record.process_id.clone().into());
            row.insert(
                "ERROR".into(),
                if record.is_error { "1" } else { "0" }.into(),
            );
            rows.push(Value::Object(row));
        }
    }
    let as_i64 = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(crate::call::Reply {
        result: Value::Array(rows),
        total: Some(as_i64(total)),
        next: (next < total).then(|| as_i64(next)),
    })
}

/// Whether a record of the process is among those named; all are where none is named.
fn named(call: &Call<'_>, id: i64, record: &Record) -> bool {
    let ids: Vec<i64> = members(call.param("id"))
        .into_iter()
        .filter_map(int_of)
        .collect();
    let messages: Vec<String> = members(call.param("message_id"))
        .into_iter()
        .map(text_of)
        .collect();
    if !ids.is_empty() {
        return ids.contains(&id);
    }
    messages.is_empty() || messages.contains(&record.message_id)
}

fn of_process(call: &Call<'_>, app: usize) -> Result<Vec<i64>, Refusal> {
    let process = call.text("process_id");
    if process.is_empty() {
        return Err(Refusal {
            argument: Some("PROCESS_ID".into()),
            ..Refusal::new(
                400,
                "ERROR_ARGUMENT",
                "Argument 'PROCESS_ID' is null or empty",
            )
        });
    }
    let records = call.state.events.offline.records.iter();
    let own = records.filter(|(id, record)| {
        record.app == app && record.process_id == process && named(call, **id, record)
    });
    Ok(own.map(|(id, _)| *id).collect())
}

pub(crate) fn clear(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    for id in of_process(call, app)? {
        call.state.events.offline.records.remove(&id);
    }
    Ok(Value::Bool(true).into())
}

/// Failed records go back, marked: only a read with `error=1` gives them again.
pub(crate) fn error(call: &mut Call<'_>) -> Answer {
    let app = app_of(call)?;
    for id in of_process(call, app)? {
        if let Some(record) = call.state.events.offline.records.get_mut(&id) {
            record.is_error = true;
            record.process_id.clear();
        }
    }
    Ok(Value::Bool(true).into())
}
