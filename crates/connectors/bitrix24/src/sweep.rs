//! Finding what changed without an event: by time of change, by stage history, by owner.
//!
//! Pages go by id after the last one seen, so that rows that move between pages are not missed. The
//! portal leaves `DATE_MODIFY` of requisites and bank details empty until their first change, so
//! these are asked for by time of creation as well.

use async_trait::async_trait;
use capability::portal::{ChangedPage, RecordKind, SweepAsk, SweepOf, SweepRecords};
use capability::{Call, ConnectorError};
use domain::observed::{Record, RecordOwner};
use domain::{BankDetailId, CompanyId, ContactId, DealId, RequisiteId, StageId};
use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::command::Command;
use crate::connection::Connector;
use crate::error::{Effect, other_shape};
use crate::gather::{PAGE, full, items, rows};
use crate::translate::{COMPANY, CONTACT};
use crate::wire;

const ITEMS: &str = "crm.item.list";
const REQUISITES: &str = "crm.requisite.list";
const BANK_DETAILS: &str = "crm.requisite.bankdetail.list";
const STAGE_HISTORY: &str = "crm.stagehistory.list";

#[async_trait]
impl SweepRecords for Connector {
    async fn changed(
        &self,
        call: &Call<'_>,
        asks: &[SweepAsk],
    ) -> Result<Vec<ChangedPage>, ConnectorError> {
        let commands: Vec<Command> = asks.iter().flat_map(commands).collect();
        let mut answers = self
            .client
            .batch(call, &commands, Effect::Read)
            .await
            .into_iter();
        asks.iter().map(|ask| page(ask, &mut answers)).collect()
    }

    async fn owners(
        &self,
        call: &Call<'_>,
        records: &[Record],
    ) -> Result<Vec<RecordOwner>, ConnectorError> {
        let banks: Vec<u64> = records
            .iter()
            .filter_map(|record| match record {
                Record::BankDetail(id) => Some(id.0),
                Record::Deal(_)
                | Record::Company(_)
                | Record::Contact(_)
                | Record::Requisite(_) => None,
            })
            .collect();
        let requisite_of = self.requisites_of_banks(call, &banks).await?;
        let mut wanted: Vec<u64> = requisite_of.values().copied().collect();
        wanted.extend(records.iter().filter_map(|record| match record {
            Record::Requisite(id) => Some(id.0),
            Record::Deal(_) | Record::Company(_) | Record::Contact(_) | Record::BankDetail(_) => {
                None
            }
        }));
        wanted.sort_unstable();
        wanted.dedup();
        let owner_of = self.owners_of_requisites(call, &wanted).await?;
        let owner = |record: &Record| match record {
            Record::Requisite(id) => owner_of.get(&id.0).copied(),
            Record::BankDetail(id) => owner_of.get(requisite_of.get(&id.0)?).copied(),
            Record::Deal(_) | Record::Company(_) | Record::Contact(_) => Some(*record),
        };
        Ok(records
            .iter()
            .map(|record| RecordOwner {
                record: *record,
                owner: owner(record),
            })
            .collect())
    }
}

/// The commands of one question.
fn commands(ask: &SweepAsk) -> Vec<Command> {
    let (since, after) = (moment(ask.since), ask.after.unwrap_or(0));
    match &ask.of {
        SweepOf::Changed(RecordKind::Deal) => vec![changed_items(2, &since, after)],
        SweepOf::Changed(RecordKind::Contact) => vec![changed_items(3, &since, after)],
        SweepOf::Changed(RecordKind::Company) => vec![changed_items(4, &since, after)],
        SweepOf::Changed(RecordKind::Requisite) => changed_rows(REQUISITES, &since, after),
        SweepOf::Changed(RecordKind::BankDetail) => changed_rows(BANK_DETAILS, &since, after),
        SweepOf::Entered(stages) => {
            let stages: Vec<&str> = stages.iter().map(StageId::as_str).collect();
            vec![Command::new(
                STAGE_HISTORY,
                json!({
                    "entityTypeId": 2,
                    "filter": {"@STAGE_ID": stages, ">=CREATED_TIME": since, ">ID": after},
                    "order": {"ID": "ASC"}, "select": ["ID", "OWNER_ID", "CREATED_TIME"], "start": -1,
                }),
            )]
        }
    }
}

fn changed_items(entity_type: u64, since: &str, after: u64) -> Command {
    Command::new(
        ITEMS,
        json!({
            "entityTypeId": entity_type, "filter": {">=updatedTime": since, ">id": after},
            "order": {"id": "ASC"}, "select": ["id", "updatedTime"], "start": -1,
        }),
    )
}

fn changed_rows(method: &'static str, since: &str, after: u64) -> Vec<Command> {
    ["DATE_MODIFY", "DATE_CREATE"]
        .map(|by| {
            let filter = BTreeMap::from([
                (format!(">={by}"), Value::from(since)),
                (">ID".to_owned(), after.into()),
            ]);
            Command::new(
                method,
                json!({"filter": filter, "order": {"ID": "ASC"}, "select": ["ID", "DATE_MODIFY", "DATE_CREATE"], "start": -1}),
            )
        })
        .to_vec()
}

/// The page that answers one question; takes as many answers as [`commands`] made commands.
fn page(
    ask: &SweepAsk,
    answers: &mut impl Iterator<Item = Result<Value, ConnectorError>>,
) -> Result<ChangedPage, ConnectorError> {
    let mut answer = |method: &'static str| {
        answers
            .next()
            .unwrap_or_else(|| Err(other_shape(Effect::Read, method, "no answer".to_owned())))
    };
    match &ask.of {
        SweepOf::Changed(RecordKind::Deal) => {
            items_page(answer(ITEMS)?, |id| Record::Deal(DealId(id)))
        }
        SweepOf::Changed(RecordKind::Contact) => {
            items_page(answer(ITEMS)?, |id| Record::Contact(ContactId(id)))
        }
        SweepOf::Changed(RecordKind::Company) => {
            items_page(answer(ITEMS)?, |id| Record::Company(CompanyId(id)))
        }
        SweepOf::Changed(RecordKind::Requisite) => {
            let both = [answer(REQUISITES)?, answer(REQUISITES)?];
            rows_page(REQUISITES, both, |id| Record::Requisite(RequisiteId(id)))
        }
        SweepOf::Changed(RecordKind::BankDetail) => {
            let both = [answer(BANK_DETAILS)?, answer(BANK_DETAILS)?];
            rows_page(BANK_DETAILS, both, |id| {
                Record::BankDetail(BankDetailId(id))
            })
        }
        SweepOf::Entered(_) => {
            let entries = items::<wire::StageEntry>(answer(STAGE_HISTORY)?)
                .map_err(|shape| unreadable(STAGE_HISTORY, &shape))?;
            Ok(ChangedPage {
                next: full(&entries, |entry| entry.id.0),
                records: entries
                    .into_iter()
                    .map(|entry| (Record::Deal(DealId(entry.owner_id.0)), entry.created_time.0))
                    .collect(),
            })
        }
    }
}

fn items_page(
    answer: Value,
    record: impl Fn(u64) -> Record,
) -> Result<ChangedPage, ConnectorError> {
    let found = items::<wire::BriefItem>(answer).map_err(|shape| unreadable(ITEMS, &shape))?;
    Ok(ChangedPage {
        next: full(&found, |item| item.id.0),
        records: found
            .into_iter()
            .map(|item| (record(item.id.0), item.updated_time.0))
            .collect(),
    })
}

/// Rows by time of change and by time of creation, merged by id.
fn rows_page(
    method: &'static str,
    answers: [Value; 2],
    record: impl Fn(u64) -> Record,
) -> Result<ChangedPage, ConnectorError> {
    let mut merged = BTreeMap::new();
    let mut next: Option<u64> = None;
    for answer in answers {
        let found =
            rows::<wire::Requisite>(answer, "rows").map_err(|shape| unreadable(method, &shape))?;
        let last = full(&found, |row| row.id.0.unwrap_or_default());
        next = match (next, last) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        merged.extend(
            found
                .into_iter()
                .filter_map(|row| Some((row.id.0?, row.date_modify.0.or(row.date_create.0)))),
        );
    }
    // Beyond the shorter of two full pages the other list may still have gaps: the next page brings it.
    if let Some(last) = next {
        merged.retain(|id, _| *id <= last);
    }
    Ok(ChangedPage {
        records: merged
            .into_iter()
            .map(|(id, at)| (record(id), at))
            .collect(),
        next,
    })
}

impl Connector {
    /// The requisite that each bank detail belongs to.
    async fn requisites_of_banks(
        &self,
        call: &Call<'_>,
        ids: &[u64],
    ) -> Result<BTreeMap<u64, u64>, ConnectorError> {
        let mut found = BTreeMap::new();
        for row in self
            .by_ids(
                call,
                "crm.requisite.bankdetail.list",
                ids,
                &["ID", "ENTITY_ID"],
            )
            .await?
        {
            found.extend(row.id.0.zip(row.entity_id.0));
        }
        Ok(found)
    }

    /// The company or contact that each requisite belongs to.
    async fn owners_of_requisites(
        &self,
        call: &Call<'_>,
        ids: &[u64],
    ) -> Result<BTreeMap<u64, Record>, ConnectorError> {
        let mut found = BTreeMap::new();
        for row in self
            .by_ids(
                call,
                "crm.requisite.list",
                ids,
                &["ID", "ENTITY_TYPE_ID", "ENTITY_ID"],
            )
            .await?
        {
            if let (Some(id), Some(kind), Some(owner)) =
                (row.id.0, row.entity_type_id.0, row.entity_id.0)
            {
                match kind {
                    COMPANY => drop(found.insert(id, Record::Company(CompanyId(owner)))),
                    CONTACT => drop(found.insert(id, Record::Contact(ContactId(owner)))),
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    async fn by_ids(
        &self,
        call: &Call<'_>,
        method: &'static str,
        ids: &[u64],
        select: &[&str],
    ) -> Result<Vec<wire::Requisite>, ConnectorError> {
        let commands: Vec<Command> = ids
            .chunks(PAGE)
            .map(|chunk| Command::new(method, json!({"filter": {"@ID": chunk}, "order": {"ID": "ASC"}, "select": select, "start": -1})))
            .collect();
        let mut found = Vec::with_capacity(ids.len());
        for answer in self.client.batch(call, &commands, Effect::Read).await {
            found.extend(
                rows::<wire::Requisite>(answer?, "rows")
                    .map_err(|shape| unreadable(method, &shape))?,
            );
        }
        Ok(found)
    }
}

/// A moment as the portal's filters read it: whole seconds, and an offset instead of `Z`, which
/// older methods do not know.
fn moment(at: Timestamp) -> String {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.display_with_offset(Offset::UTC).to_string()
}

fn unreadable(method: &str, shape: &wire::OtherShape) -> ConnectorError {
    other_shape(Effect::Read, method, shape.to_string())
}
