//! The vendor's queue of changes: reserved without deleting, cleared once our own record is committed.
//!
//! Never called with `clear=1` or without `clear`: both delete what was not stored yet. A packet whose
//! reader ended between reserving and clearing stays hidden under its process id; the first
//! reservation of a process, and every one after a reservation without an answer, looks for such packets first.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use capability::portal::{OfflineQueue, Reserved};
use capability::{Call, ConnectorError};
use domain::observed::Record;
use planted::Bug;
use serde_json::{Value, json};

use crate::command::Command;
use crate::connection::{AUTH_CONNECTOR, Connector, Offline};
use crate::error::{Effect, other_shape};
use crate::gather::rows;
use crate::webhook::record_of;
use crate::wire;

#[async_trait]
impl OfflineQueue for Connector {
    async fn reserve(&self, call: &Call<'_>) -> Result<Reserved, ConnectorError> {
        if !self.orphans_sought.load(Ordering::Acquire) {
            if let Some(process_id) = self.orphan(call).await? {
                let packet = self.get(call, Some(&process_id)).await?;
                if !packet.messages.is_empty() {
                    return Ok(packet);
                }
            }
            self.orphans_sought.store(true, Ordering::Release);
        }
        let reserved = self.get(call, None).await;
        if reserved.is_err() {
            // It may have been reserved all the same.
            self.orphans_sought.store(false, Ordering::Release);
        }
        reserved
    }

    async fn clear(&self, call: &Call<'_>, packet: &Reserved) -> Result<(), ConnectorError> {
        if packet.process_id.is_empty() || packet.messages.is_empty() {
            return Ok(());
        }
        let command = self
            .of_our_queue(json!({"process_id": packet.process_id, "message_id": packet.messages}));
        // Clearing twice is clearing once, so an unclear answer may simply be repeated.
        let cleared = self
            .client
            .call(
                call,
                &Command::new("event.offline.clear", command),
                Effect::Read,
            )
            .await;
        if cleared.is_err() {
            self.orphans_sought.store(false, Ordering::Release);
        }
        match cleared? {
            Value::Bool(true) => Ok(()),
            _ => Err(other_shape(
                Effect::Read,
                "event.offline.clear",
                "the queue was not cleared",
            )),
        }
    }
}

impl Connector {
    /// The process id of a packet that somebody reserved and did not clear.
    async fn orphan(&self, call: &Call<'_>) -> Result<Option<String>, ConnectorError> {
        let method = "event.offline.list";
        // The oldest page: a packet that was left behind is older than what nobody reserved.
        let params = self.of_our_queue(json!({"order": {"ID": "ASC"}, "start": 0}));
        let result = self
            .client
            .call(call, &Command::new(method, params), Effect::Read)
            .await?;
        let events = rows::<wire::OfflineEvent>(result, "offline events")
            .map_err(|shape| other_shape(Effect::Read, method, shape.to_string()))?;
        let left = events.into_iter().filter(|event| !event.error.0);
        Ok(left
            .map(|event| event.process_id.0)
            .find(|id| !id.is_empty()))
    }

    async fn get(
        &self,
        call: &Call<'_>,
        process_id: Option<&str>,
    ) -> Result<Reserved, ConnectorError> {
        let method = "event.offline.get";
        // Reserved and not deleted: until our own commit the queue is the only one that knows.
        let clear = i32::from(planted::is(Bug::QueueClearedByReading));
        let mut params = json!({"clear": clear, "limit": 50, "order": {"ID": "ASC"}});
        if let (Value::Object(params), Some(process_id)) = (&mut params, process_id) {
            params.insert("process_id".to_owned(), process_id.into());
        }
        let result = self
            .client
            .call(
                call,
                &Command::new(method, self.of_our_queue(params)),
                Effect::Read,
            )
            .await?;
        let packet = wire::read::<wire::OfflinePacket>(result, "offline packet")
            .map_err(|shape| other_shape(Effect::Read, method, shape.to_string()))?;
        Ok(Reserved {
            process_id: packet.process_id.0,
            messages: packet
                .events
                .0
                .iter()
                .map(|event| event.message_id.0.clone())
                .filter(|id| !id.is_empty())
                .collect(),
            records: records(&packet.events.0),
        })
    }

    fn of_our_queue(&self, mut params: Value) -> Value {
        if let (Value::Object(params), Offline::KeptWithoutOurs) = (&mut params, self.offline) {
            params.insert("auth_connector".to_owned(), AUTH_CONNECTOR.into());
        }
        params
    }
}

/// Each changed record once. `EVENT_DATA` is shaped like `data` of an online event.
fn records(events: &[wire::OfflineEvent]) -> Vec<Record> {
    let mut records: Vec<Record> = events
        .iter()
        .filter_map(|event| {
            let fields = event.event_data.get("FIELDS").unwrap_or(&event.event_data);
            let field = |name: &str| {
                serde_json::from_value::<wire::Link>(fields.get(name)?.clone())
                    .ok()?
                    .0
            };
            record_of(&event.event_name.0.to_uppercase(), field)
        })
        .collect();
    records.sort_unstable();
    records.dedup();
    records
}
