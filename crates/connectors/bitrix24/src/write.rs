//! Writing to the portal, packed across deals, and looking up what a write of unknown outcome left.
//!
//! Setting fields, replacing an entry's file, a bell with a tag and editing a message are idempotent by nature. An entry
//! and a chat message carry a mark in their text, by which they are found. A file travels alone: the
//! portal refuses uploads inside a batch.

use std::collections::BTreeSet;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use capability::portal::{FieldValue, PortalWrite, WritePortal, Written};
use capability::{Call, ConnectorError};
use domain::observed::OurField;
use domain::{DealId, Verdict};
use jiff::Timestamp;
use planted::Bug;
use serde_json::{Map, Value, json};

use crate::command::Command;
use crate::connection::{AUTH_CONNECTOR, Connector, Offline};
use crate::error::{Effect, failed, other_shape};
use crate::gather::{PAGE, deals_command, items, rows};
use crate::translate::field_value;
use crate::wire;

/// Through a webhook a bell's tag counts only beside a name of the caller; any will do if it stays the same.
const BELL_CLIENT: &str = "provodka";
/// Our trigger among those of the application.
pub(crate) const PAID_TRIGGER: &str = "provodka_paid";
const FIRE: &str = "crm.automation.trigger.execute";
/// Pages of a timeline or chat that are searched for a mark, newest first.
const PAGES_BACK: u64 = 2;

#[async_trait]
impl WritePortal for Connector {
    async fn write(
        &self,
        call: &Call<'_>,
        writes: &[PortalWrite],
    ) -> Vec<Result<Written, ConnectorError>> {
        let mut results: Vec<Option<Result<Written, ConnectorError>>> = vec![None; writes.len()];
        let packed: Vec<usize> = writes
            .iter()
            .enumerate()
            .filter(|(_, write)| !matches!(write, PortalWrite::AttachFile { .. }))
            .map(|(index, _)| index)
            .collect();
        let of = |index: &usize| writes.get(*index);
        let commands: Vec<Command> = packed
            .iter()
            .filter_map(of)
            .map(|write| self.command(write))
            .collect();
        let question = |chunk: &[usize]| {
            let carried = chunk.iter().filter_map(|at| of(packed.get(*at)?));
            times_of_change(carried)
        };
        let answers = self
            .client
            .batch_asking(call, &commands, Effect::Write, &question)
            .await;
        for (index, (answer, before)) in packed.iter().zip(answers) {
            if let (Some(write), Some(slot)) = (of(index), results.get_mut(*index)) {
                *slot = Some(match answer {
                    Ok(value) => written(write, value, before.as_deref()),
                    // A batch that answered says nothing of a command whose key it lacks.
                    Err(error)
                        if error.code == "missing-key" && planted::is(Bug::MissingKeyIsSuccess) =>
                    {
                        Ok(Written::default())
                    }
                    Err(error) => Err(error),
                });
            }
        }
        for (write, slot) in writes.iter().zip(&mut results) {
            if slot.is_none() {
                let answer = self
                    .client
                    .call(call, &self.command(write), Effect::Write)
                    .await;
                *slot = Some(answer.and_then(|value| written(write, value, None)));
            }
        }
        results.into_iter().flatten().collect()
    }

    fn at_once(&self, writes: &[PortalWrite]) -> usize {
        let packed = writes
            .iter()
            .take_while(|write| !matches!(write, PortalWrite::AttachFile { .. }));
        let methods: Vec<&str> = packed.map(|write| self.command(write).method).collect();
        let fit = |first: Option<&'static str>| {
            let methods = first.into_iter().chain(methods.iter().copied());
            let fitting = self.client.pace.fit(methods, Effect::Write);
            fitting.saturating_sub(usize::from(first.is_some()))
        };
        let fitting = fit(None);
        let asked = times_of_change(writes.iter().take(fitting));
        asked
            .map_or(fitting, |first| fit(Some(first.method)))
            .max(1)
    }

    async fn look_up(
        &self,
        call: &Call<'_>,
        writes: &[PortalWrite],
    ) -> Vec<Result<Option<Written>, ConnectorError>> {
        let mut results: Vec<Result<Option<Written>, ConnectorError>> =
            vec![Ok(None); writes.len()];
        let mut open: Vec<Search> = writes
            .iter()
            .enumerate()
            .filter_map(|(index, write)| Search::of(index, write))
            .collect();
        for page in 0..PAGES_BACK {
            let commands: Vec<Command> = open.iter().map(|search| search.command(page)).collect();
            let answers = self.client.batch(call, &commands, Effect::Read).await;
            let mut further = Vec::new();
            for (mut search, answer) in open.into_iter().zip(answers) {
                let found = answer.and_then(|value| search.absorb(value));
                match found {
                    Ok(Page::Last) => {}
                    Ok(Page::More) => further.push(search),
                    Ok(Page::Found(id)) => put(
                        &mut results,
                        search.index,
                        Ok(Some(Written {
                            id: Some(id),
                            ..Written::default()
                        })),
                    ),
                    Err(error) => put(&mut results, search.index, Err(error)),
                }
            }
            open = further;
        }
        results
    }
}

impl Connector {
    fn command(&self, write: &PortalWrite) -> Command {
        let mut command = match write {
            PortalWrite::SetFields { deal, fields, .. } => Command::new(
                "crm.item.update",
                json!({"entityTypeId": 2, "id": deal.0, "fields": self.field_map(fields), "useOriginalUfNames": "Y"}),
            ),
            PortalWrite::MoveStage { deal, stage } => Command::new(
                "crm.item.update",
                json!({"entityTypeId": 2, "id": deal.0, "fields": {"stageId": stage.as_str()}}),
            ),
            PortalWrite::FirePaidTrigger { deal } => Command::new(
                FIRE,
                json!({"CODE": PAID_TRIGGER, "OWNER_TYPE_ID": 2, "OWNER_ID": deal.0}),
            ),
            PortalWrite::AddTimelineEntry { deal, text, mark } => Command::new(
                "crm.timeline.comment.add",
                json!({"fields": {"ENTITY_ID": deal.0, "ENTITY_TYPE": "deal", "COMMENT": marked(text, mark)}}),
            ),
            PortalWrite::AttachFile {
                deal,
                entry,
                text,
                name,
                bytes,
            } => Command::new(
                "crm.timeline.comment.update",
                json!({
                    "id": entry, "ownerTypeId": 2, "ownerId": deal.0,
                    "fields": {"COMMENT": text, "FILES": [[name, STANDARD.encode(bytes)]]},
                }),
            ),
            PortalWrite::Notify { user, tag, text } => {
                let mut params = json!({"USER_ID": user.0, "MESSAGE": text, "TAG": tag});
                if let (Value::Object(params), false) = (&mut params, self.client.access.is_app()) {
                    params.insert("CLIENT_ID".to_owned(), BELL_CLIENT.into());
                }
                Command::new("im.notify.system.add", params)
            }
            PortalWrite::PostToChat { dialog, text, mark } => Command::new(
                "im.message.add",
                json!({"DIALOG_ID": dialog, "MESSAGE": marked(text, mark)}),
            ),
            PortalWrite::EditInChat { message, text, .. } => Command::new(
                "im.message.update",
                json!({"MESSAGE_ID": message, "MESSAGE": text}),
            ),
        };
        if let (Value::Object(params), Offline::KeptWithoutOurs) =
            (&mut command.params, self.offline)
        {
            params.insert("auth_connector".to_owned(), AUTH_CONNECTOR.into());
        }
        command
    }

    /// Fields that policy does not name are left out.
    fn field_map(&self, fields: &[(OurField, FieldValue)]) -> Value {
        let kinds = self.known_kinds().unwrap_or_default();
        let named = fields.iter().filter_map(|(field, value)| {
            let name = self.fields.name(*field)?;
            Some((name.to_owned(), field_value(*field, value, kinds.get(name))))
        });
        named.collect::<Map<String, Value>>().into()
    }
}

/// The text with its mark at the end, once.
fn marked(text: &str, mark: &str) -> String {
    if carries(text, mark) {
        text.to_owned()
    } else {
        format!("{text}\n{mark}")
    }
}

/// Whether the mark stands in the text as a whole: `p-1` is not in `p-12`.
fn carries(text: &str, mark: &str) -> bool {
    let touches = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
    text.match_indices(mark).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text
            .get(at.saturating_add(mark.len())..)
            .and_then(|tail| tail.chars().next());
        !touches(before) && !touches(after)
    })
}

/// Asks, at the head of the batch that sets their fields, when the deals were changed last: someone may have edited
/// them since they were compared. A batch names fewer deals than a page holds.
fn times_of_change<'a>(writes: impl Iterator<Item = &'a PortalWrite>) -> Option<Command> {
    let deals: BTreeSet<u64> = writes
        .filter_map(|write| match write {
            PortalWrite::SetFields { deal, compared, .. } => compared.map(|_| deal.0),
            _ => None,
        })
        .collect();
    let deals: Vec<u64> = deals.into_iter().collect();
    (!deals.is_empty()).then(|| deals_command(&deals, &["id", "updatedTime"]))
}

/// When a deal was changed last, before what its batch did. What is not told was not read: nothing depends on it but a
/// look that is saved.
fn changed_before(deal: DealId, before: Option<&Value>) -> Option<Timestamp> {
    let deals = items::<wire::BriefItem>(before?.clone()).ok()?;
    let told = deals.into_iter().find(|told| told.id.0 == deal.0)?;
    told.updated_time.0
}

/// What a successful answer of this write must look like.
fn written(
    write: &PortalWrite,
    value: Value,
    before: Option<&Value>,
) -> Result<Written, ConnectorError> {
    let method = match write {
        PortalWrite::SetFields { deal, compared, .. } => {
            let undisturbed = compared.is_some() && changed_before(*deal, before) == *compared;
            return updated(*deal, value, undisturbed);
        }
        PortalWrite::MoveStage { deal, .. } => return updated(*deal, value, false),
        PortalWrite::FirePaidTrigger { .. } => FIRE,
        PortalWrite::AddTimelineEntry { .. } => "crm.timeline.comment.add",
        PortalWrite::AttachFile { .. } => "crm.timeline.comment.update",
        PortalWrite::Notify { .. } => "im.notify.system.add",
        PortalWrite::PostToChat { .. } => "im.message.add",
        PortalWrite::EditInChat { .. } => "im.message.update",
    };
    match (write, &value) {
        (PortalWrite::AttachFile { entry, .. }, Value::Bool(true)) => Ok(Written {
            id: Some(entry.clone()),
            ..Written::default()
        }),
        // The vendor: true "even if the stage has not changed".
        (PortalWrite::FirePaidTrigger { .. }, Value::Bool(true)) => Ok(Written::default()),
        (PortalWrite::EditInChat { message, .. }, Value::Bool(true)) => Ok(Written {
            id: Some(message.clone()),
            ..Written::default()
        }),
        (PortalWrite::EditInChat { .. }, Value::Bool(false)) => Err(failed(
            Verdict::Reject,
            method,
            "not-edited",
            "the portal did not change the message",
        )),
        // The vendor: "if the notification was not created, it may return false".
        (PortalWrite::Notify { .. }, Value::Bool(false)) => Err(failed(
            Verdict::Reject,
            method,
            "not-notified",
            "the portal made no notification; the user may be dismissed",
        )),
        _ => match serde_json::from_value::<wire::Id>(value) {
            Ok(id) if id.0 > 0 => Ok(Written {
                id: Some(id.0.to_string()),
                ..Written::default()
            }),
            Ok(_) | Err(_) => Err(other_shape(Effect::Write, method, "the answer is no id")),
        },
    }
}

fn updated(deal: DealId, value: Value, undisturbed: bool) -> Result<Written, ConnectorError> {
    let method = "crm.item.update";
    match wire::read::<wire::OneItem>(value, "item") {
        Ok(one) if one.item.id.0 == deal.0 => Ok(Written {
            id: None,
            changed: one.item.updated_time.0.filter(|_| undisturbed),
            written_at: one.item.updated_time.0,
        }),
        Ok(_) => Err(other_shape(
            Effect::Write,
            method,
            "the answer is about another record",
        )),
        Err(shape) => Err(other_shape(Effect::Write, method, shape.to_string())),
    }
}

/// A search for a mark.
struct Search<'a> {
    index: usize,
    place: Place<'a>,
    mark: &'a str,
    /// The smallest id seen: a chat is read backwards from it.
    before: Option<u64>,
}

enum Place<'a> {
    Timeline(DealId),
    Chat(&'a str),
}

enum Page {
    Found(String),
    More,
    Last,
}

impl<'a> Search<'a> {
    fn of(index: usize, write: &'a PortalWrite) -> Option<Self> {
        let (place, mark) = match write {
            PortalWrite::AddTimelineEntry { deal, mark, .. } => (Place::Timeline(*deal), mark),
            PortalWrite::PostToChat { dialog, mark, .. } => (Place::Chat(dialog), mark),
            PortalWrite::SetFields { .. }
            | PortalWrite::MoveStage { .. }
            | PortalWrite::FirePaidTrigger { .. }
            | PortalWrite::AttachFile { .. }
            | PortalWrite::Notify { .. }
            | PortalWrite::EditInChat { .. } => return None,
        };
        Some(Self {
            index,
            place,
            mark,
            before: None,
        })
    }

    fn command(&self, page: u64) -> Command {
        match self.place {
            Place::Timeline(deal) => Command::new(
                "crm.timeline.comment.list",
                json!({
                    "filter": {"ENTITY_ID": deal.0, "ENTITY_TYPE": "deal"}, "order": {"ID": "DESC"},
                    "select": ["ID", "COMMENT"], "start": page.saturating_mul(50),
                }),
            ),
            Place::Chat(dialog) => {
                let mut params = json!({"DIALOG_ID": dialog, "LIMIT": 50});
                if let (Value::Object(params), Some(before)) = (&mut params, self.before) {
                    params.insert("LAST_ID".to_owned(), before.into());
                }
                Command::new("im.dialog.messages.get", params)
            }
        }
    }

    fn absorb(&mut self, value: Value) -> Result<Page, ConnectorError> {
        let shape =
            |error: wire::OtherShape| other_shape(Effect::Read, "look-up", error.to_string());
        let texts: Vec<(u64, String)> = match self.place {
            Place::Timeline(_) => rows::<wire::Comment>(value, "comments")
                .map_err(shape)?
                .into_iter()
                .map(|comment| (comment.id.0, comment.comment.0))
                .collect(),
            Place::Chat(_) => wire::read::<wire::Messages>(value, "messages")
                .map_err(shape)?
                .messages
                .0
                .into_iter()
                .map(|message| (message.id.0, message.text.0))
                .collect(),
        };
        self.before = texts.iter().map(|(id, _)| *id).min();
        Ok(
            match texts.iter().find(|(_, text)| carries(text, self.mark)) {
                Some((id, _)) => Page::Found(id.to_string()),
                None if texts.len() >= PAGE => Page::More,
                None => Page::Last,
            },
        )
    }
}

fn put<T>(results: &mut [T], index: usize, value: T) {
    if let Some(slot) = results.get_mut(index) {
        *slot = value;
    }
}
