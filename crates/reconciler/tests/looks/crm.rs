//! The portal's door to the office.

use std::sync::Arc;

use async_trait::async_trait;
use capability::portal::{
    Changed, FieldPage, Finding, Funnel, OfflineQueue, OwnInvoices, PortalClock, PortalWrite,
    Presence, ReadDeals, ReadDirectory, Reading, RecordKind, Reserved, SetUpPortal, SweepAsk,
    SweepOf, SweepRecords, WritePortal, Written,
};
use capability::{Call, ConnectorError, Exchange, Portal, Remote};
use domain::observed::{
    DealGlance, DealReading, FieldValue, OurField, OwnCompany, Record, RecordOwner, SmartInvoice,
    StageEntry,
};
use domain::staff::{Employee, Staff};
use domain::{DealId, FunnelId, StageId, UserId};
use engine::clock::later;
use jiff::Timestamp;

use crate::office::{Entry, Office, Page, State, Trouble, failed, own_companies};

pub(crate) struct Crm(pub(crate) Arc<Office>);

pub(crate) fn portal(office: &Arc<Office>) -> Portal {
    let crm = || Arc::new(Crm(Arc::clone(office)));
    Portal {
        deals: crm(),
        sweep: crm(),
        write: crm(),
        offline: Some(crm()),
        directory: crm(),
        set_up: crm(),
    }
}

/// The first of a reading's requests.
fn answered(at: Timestamp) -> Exchange {
    Exchange {
        at,
        remote: Remote::Bitrix24,
        account: "portal".to_owned(),
        method: "batch".to_owned(),
        request: serde_json::Value::Null,
        response: serde_json::Value::Null,
        status: Some(200),
        duration_ms: 0,
        times: Vec::new(),
        limit: None,
        result: "ok".to_owned(),
        remote_failed: false,
    }
}

fn visible(state: &State, id: DealId) -> bool {
    state.deals.contains_key(&id) && !state.gone.contains(&id) && !state.denied.contains(&id)
}

#[async_trait]
impl ReadDeals for Crm {
    async fn glance(
        &self,
        _call: &Call<'_>,
        ids: &[DealId],
    ) -> Result<Vec<DealGlance>, ConnectorError> {
        let glance = |state: &State| {
            ids.iter()
                .filter(|id| visible(state, **id))
                .map(|id| state.deals[id].glance.clone())
                .collect()
        };
        self.0.read_of("glance", ids, glance).await
    }

    async fn read(&self, call: &Call<'_>, ids: &[DealId]) -> Result<Reading, ConnectorError> {
        let read = |state: &State| Reading {
            deals: ids
                .iter()
                .filter(|id| visible(state, **id))
                .map(|id| state.deals[id].clone())
                .collect(),
            own_companies: own_companies(),
        };
        let reading = self.0.read_of("read", ids, read).await?;
        let second = self.0.state().second_request.take();
        if let Some((pause, price)) = second {
            let now = self.0.clock.now();
            call.done(answered(now)).await;
            self.0
                .edit(ids[0].0, |reading| reading.rows[0].price = price);
            self.0.clock.sleep_until(later(now, pause)).await;
        }
        Ok(reading)
    }

    fn at_once(&self, ids: &[DealId]) -> usize {
        ids.len().max(1)
    }

    async fn presence(
        &self,
        _call: &Call<'_>,
        ids: &[DealId],
    ) -> Result<Vec<(DealId, Presence)>, ConnectorError> {
        let presence = |state: &State| {
            let of = |id: &DealId| match visible(state, *id) {
                true => Presence::Visible,
                false if state.denied.contains(id) => Presence::Denied,
                false => Presence::Gone,
            };
            ids.iter().map(|id| (*id, of(id))).collect()
        };
        self.0.read("presence", presence).await
    }

    async fn entered(
        &self,
        _call: &Call<'_>,
        ids: &[DealId],
        stages: &[StageId],
    ) -> Result<Vec<DealId>, ConnectorError> {
        let of_these = |state: &State| {
            let has = |id: &&DealId| {
                let mut history = state.deals[*id].history.iter();
                history.any(|entry| stages.contains(&entry.stage))
            };
            let visible = ids.iter().filter(|id| visible(state, **id));
            visible.filter(has).copied().collect()
        };
        self.0.read("entered", of_these).await
    }

    async fn smart_invoices(
        &self,
        _call: &Call<'_>,
        ids: &[DealId],
    ) -> Result<Vec<SmartInvoice>, ConnectorError> {
        let of_these = |state: &State| {
            let found = state.smart_invoices.iter();
            let is_asked = |one: &&SmartInvoice| ids.contains(&one.deal);
            found.filter(is_asked).cloned().collect()
        };
        self.0.read("smart invoices", of_these).await
    }

    /// Only the number field of ours is kept here.
    async fn with_field(
        &self,
        _call: &Call<'_>,
        _field: &str,
        _funnels: &[FunnelId],
        after: Option<DealId>,
    ) -> Result<FieldPage, ConnectorError> {
        let page = |state: &State| {
            let of = |(id, reading): (&DealId, &DealReading)| {
                Some((*id, reading.glance.fields.number.clone()?))
            };
            FieldPage {
                values: state
                    .deals
                    .iter()
                    .filter(|(id, _)| Some(**id) > after)
                    .filter_map(of)
                    .collect(),
                next: None,
            }
        };
        self.0.read("with_field", page).await
    }
}

fn page(pages: &[Page], after: Option<u64>, asked_at: Option<jiff::Timestamp>) -> Changed {
    let number = after.map_or(0, |after| usize::try_from(after).unwrap());
    Changed {
        records: pages.get(number).cloned().unwrap_or_default(),
        next: (number + 1 < pages.len()).then_some(number as u64 + 1),
        pages: 1,
        asked_at,
        ..Changed::default()
    }
}

/// A page of changed deals shows them.
fn glances(state: &State, page: &Changed) -> Vec<DealGlance> {
    let of = |(record, _): &(Record, Option<Timestamp>)| match record {
        Record::Deal(id) if visible(state, *id) => Some(state.deals[id].glance.clone()),
        _ => None,
    };
    page.records.iter().filter_map(of).collect()
}

#[async_trait]
impl SweepRecords for Crm {
    async fn changed(
        &self,
        _call: &Call<'_>,
        asks: &[SweepAsk],
    ) -> Result<Vec<Changed>, ConnectorError> {
        let first = asks.iter().find(|ask| ask.after.is_none());
        if let Some(ask) = first {
            self.0.state().swept_since.push(ask.since);
        }
        let changed = |state: &State| {
            let pages = |ask: &SweepAsk| match &ask.of {
                SweepOf::Changed(kind) => state.pages.get(kind).cloned().unwrap_or_default(),
                SweepOf::Entered(_) => state.entered.clone(),
                SweepOf::OwnInvoices => state.own_invoice_pages.clone(),
            };
            let page = |ask: &SweepAsk| {
                let mut page = page(&pages(ask), ask.after, state.portal_clock);
                if ask.of == SweepOf::Changed(RecordKind::Deal) {
                    page.deals = glances(state, &page);
                }
                page
            };
            asks.iter().map(page).collect()
        };
        self.0.read("changed", changed).await
    }

    async fn owners(
        &self,
        _call: &Call<'_>,
        records: &[Record],
    ) -> Result<Vec<RecordOwner>, ConnectorError> {
        let owners = |state: &State| {
            let of = |record: &Record| RecordOwner {
                record: *record,
                owner: state.owner_of.get(record).copied(),
            };
            records.iter().map(of).collect()
        };
        self.0.read("owners", owners).await
    }
}

#[async_trait]
impl WritePortal for Crm {
    async fn write(
        &self,
        _call: &Call<'_>,
        writes: &[PortalWrite],
    ) -> Vec<Result<Written, ConnectorError>> {
        self.0.arrive("write").await;
        let mut results = Vec::new();
        let now = self.0.clock.now();
        for one in writes.iter().cloned() {
            *self.0.state().calls.entry(kind(&one)).or_default() += 1;
            results.push(
                self.0
                    .write(kind(&one), move |state| done(state, one, now))
                    .await,
            );
        }
        results
    }

    fn at_once(&self, writes: &[PortalWrite]) -> usize {
        let most = self.0.state().writes_at_once.unwrap_or(50);
        writes.len().clamp(1, most)
    }

    async fn look_up(
        &self,
        _call: &Call<'_>,
        writes: &[PortalWrite],
    ) -> Vec<Result<Option<Written>, ConnectorError>> {
        self.0.arrive("look_up").await;
        let state = self.0.state();
        let seen = |one: &PortalWrite| match one {
            PortalWrite::AddTimelineEntry { mark, .. } => {
                let found = state.timeline.iter().find(|entry| entry.mark == *mark);
                found.map(|entry| Written {
                    id: Some(entry.id.clone()),
                    ..Written::default()
                })
            }
            PortalWrite::PostToChat { mark, .. } => {
                let found = state
                    .chat
                    .iter()
                    .position(|text| text.contains(mark.as_str()));
                found.map(message)
            }
            _ => None,
        };
        let look = |one: &PortalWrite| match one {
            PortalWrite::AddTimelineEntry { deal, .. } if !visible(&state, *deal) => {
                Err(failed("look_up", Trouble::Refused))
            }
            _ => Ok(seen(one)),
        };
        writes.iter().map(look).collect()
    }
}

fn kind(write: &PortalWrite) -> &'static str {
    match write {
        PortalWrite::SetFields { .. } => "fields",
        PortalWrite::MoveStage { .. } => "stage",
        PortalWrite::FirePaidTrigger { .. } => "trigger",
        PortalWrite::AddTimelineEntry { .. } => "timeline",
        PortalWrite::AttachFile { .. } => "file",
        PortalWrite::Notify { .. } => "bell",
        PortalWrite::PostToChat { .. } => "chat",
        PortalWrite::EditInChat { .. } => "edit",
    }
}

fn done(state: &mut State, write: PortalWrite, now: Timestamp) -> (Written, String) {
    match write {
        PortalWrite::SetFields {
            deal,
            fields,
            compared,
        } => {
            let shown: Vec<String> = fields.iter().map(|(field, to)| text(*field, to)).collect();
            let mut written = Written::default();
            if let Some(reading) = state.deals.get_mut(&deal) {
                let changed = &mut reading.glance.deal.changed;
                written.changed = (compared == Some(*changed)).then_some(now);
                written.written_at = Some(now);
                *changed = now;
                for (field, to) in &fields {
                    reading.glance.fields.set(*field, to);
                }
                if let Some(number) = &state.robot {
                    reading.glance.fields.number = Some(number.clone());
                }
            }
            let line = format!("deal {deal}: fields {}", shown.join(", "));
            (written, line)
        }
        PortalWrite::MoveStage { deal, stage } => {
            let line = format!("deal {deal}: stage {stage}");
            if let Some(reading) = state.deals.get_mut(&deal) {
                reading.glance.deal.changed = now;
                reading.glance.deal.stage = stage;
            }
            (Written::default(), line)
        }
        PortalWrite::FirePaidTrigger { deal } => {
            let bound_to = state.trigger_bound_to.clone();
            if let (Some(reading), Some(stage)) = (state.deals.get_mut(&deal), bound_to) {
                reading.history.push(StageEntry {
                    funnel: reading.glance.deal.funnel,
                    stage: stage.clone(),
                    at: now,
                });
                reading.glance.deal.changed = now;
                reading.glance.deal.stage = stage;
            }
            (Written::default(), format!("deal {deal}: trigger"))
        }
        PortalWrite::AddTimelineEntry { deal, text, mark } => {
            let id = (state.timeline.len() + 901).to_string();
            let line = format!("deal {deal}: timeline {id}: {text}");
            let written = Written {
                id: Some(id.clone()),
                ..Written::default()
            };
            state.timeline.push(Entry {
                mark,
                id,
                file: None,
            });
            (written, line)
        }
        PortalWrite::AttachFile {
            deal,
            entry,
            text,
            name,
            bytes,
        } => {
            let line = format!("deal {deal}: file {name} to {entry}: {text}");
            if let Some(entry) = state.timeline.iter_mut().find(|one| one.id == entry) {
                entry.file = Some((name, bytes));
            }
            (Written::default(), line)
        }
        PortalWrite::Notify { user, tag, text } => {
            let line = format!("bell for {user}: {text}");
            state.bells.insert(tag, (user, text));
            (Written::default(), line)
        }
        PortalWrite::PostToChat { dialog, text, mark } => {
            let line = format!("chat {dialog}: {text}");
            state.chat.push(format!("{text} {mark}"));
            (message(state.chat.len() - 1), line)
        }
        PortalWrite::EditInChat {
            dialog,
            message: id,
            text,
        } => {
            let line = format!("edit {id} in {dialog}: {text}");
            let place: usize = id.parse().unwrap();
            state.chat[place] = text;
            (message(place), line)
        }
    }
}

/// Its place is its id.
fn message(place: usize) -> Written {
    Written {
        id: Some(place.to_string()),
        ..Written::default()
    }
}

fn text(field: OurField, to: &FieldValue) -> String {
    match to {
        FieldValue::Text(text) => format!("{field:?}={text}"),
        FieldValue::Date(date) => format!("{field:?}={date}"),
        FieldValue::Money(money) => format!("{field:?}={money}"),
        FieldValue::Empty => format!("{field:?}="),
    }
}

#[async_trait]
impl OfflineQueue for Crm {
    async fn reserve(&self, _call: &Call<'_>) -> Result<Reserved, ConnectorError> {
        self.0.arrive("reserve").await;
        Ok(self.0.state().offline.pop_front().unwrap_or_default())
    }

    async fn clear(&self, call: &Call<'_>, packet: &Reserved) -> Result<(), ConnectorError> {
        self.0.arrive("clear").await;
        let kept = self.0.store.inbox_count(call.portal()).await.unwrap();
        let mut state = self.0.state();
        state.cleared.push((packet.process_id.clone(), kept));
        Ok(())
    }
}

#[async_trait]
impl ReadDirectory for Crm {
    async fn funnels(&self, _call: &Call<'_>) -> Result<Vec<Funnel>, ConnectorError> {
        Ok(Vec::new())
    }

    async fn own_companies(&self, _call: &Call<'_>) -> Result<Vec<OwnCompany>, ConnectorError> {
        Ok(own_companies())
    }

    async fn staff(
        &self,
        _call: &Call<'_>,
        users: &[UserId],
        _with_heads: bool,
    ) -> Result<Staff, ConnectorError> {
        let everybody = || Staff {
            employees: users
                .iter()
                .map(|user| {
                    let departments = Vec::new();
                    (
                        *user,
                        Employee {
                            works: true,
                            departments,
                        },
                    )
                })
                .collect(),
            ..Staff::default()
        };
        let staff = |state: &State| state.staff.clone().unwrap_or_else(everybody);
        self.0.read("staff", staff).await
    }

    async fn clock(&self, _call: &Call<'_>) -> Result<PortalClock, ConnectorError> {
        Ok(PortalClock::default())
    }

    async fn own_invoices(&self, _call: &Call<'_>) -> Result<OwnInvoices, ConnectorError> {
        let own = |state: &State| match state.smart_invoices.as_slice() {
            [] => OwnInvoices::None,
            [..] => OwnInvoices::Some,
        };
        self.0.read("own invoices", own).await
    }

    async fn probe(&self, _call: &Call<'_>) -> Vec<Finding> {
        Vec::new()
    }
}

#[async_trait]
impl SetUpPortal for Crm {
    async fn ensure_fields(
        &self,
        _call: &Call<'_>,
        _wanted: &[(OurField, String)],
    ) -> Result<Vec<(OurField, String)>, ConnectorError> {
        Ok(Vec::new())
    }

    async fn owner(
        &self,
        _call: &Call<'_>,
        _field: &str,
    ) -> Result<Option<String>, ConnectorError> {
        Ok(None)
    }

    async fn set_owner(
        &self,
        _call: &Call<'_>,
        _field: &str,
        _owner: &str,
    ) -> Result<bool, ConnectorError> {
        Ok(true)
    }

    async fn bind_events(
        &self,
        _call: &Call<'_>,
        _handler: &str,
    ) -> Result<Vec<Finding>, ConnectorError> {
        Ok(Vec::new())
    }

    async fn register_trigger(&self, _call: &Call<'_>) -> Option<Finding> {
        None
    }
}
