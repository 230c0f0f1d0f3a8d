//! Finding what changed without an event: by time of change, by stage history, by owner.
//!
//! Pages go by id after the last one seen, so that rows that move between pages are not missed. The
//! portal leaves `DATE_MODIFY` of requisites and bank details empty until their first change, so
//! these are asked for by time of creation as well.

use async_trait::async_trait;
use capability::portal::{ChangedPage, RecordKind, SweepRecords};
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

#[async_trait]
impl SweepRecords for Connector {
    async fn changed(
        &self,
        call: &Call<'_>,
        kind: RecordKind,
        since: Timestamp,
        after: Option<u64>,
    ) -> Result<ChangedPage, ConnectorError> {
        let after = after.unwrap_or(0);
        match kind {
            RecordKind::Deal => {
                self.changed_items(call, 2, since, after, |id| Record::Deal(DealId(id)))
                    .await
            }
            RecordKind::Company => {
                self.changed_items(call, 4, since, after, |id| Record::Company(CompanyId(id)))
                    .await
            }
            RecordKind::Contact => {
                self.changed_items(call, 3, since, after, |id| Record::Contact(ContactId(id)))
                    .await
            }
            RecordKind::Requisite => {
                self.changed_rows(call, "crm.requisite.list", since, after, |id| {
                    Record::Requisite(RequisiteId(id))
                })
                .await
            }
            RecordKind::BankDetail => {
                self.changed_rows(call, "crm.requisite.bankdetail.list", since, after, |id| {
                    Record::BankDetail(BankDetailId(id))
                })
                .await
            }
        }
    }

    async fn entered(
        &self,
        call: &Call<'_>,
        stages: &[StageId],
        since: Timestamp,
        after: Option<u64>,
    ) -> Result<ChangedPage, ConnectorError> {
        if stages.is_empty() {
            return Ok(ChangedPage::default());
        }
        let stages: Vec<&str> = stages.iter().map(StageId::as_str).collect();
        let command = Command::new(
            "crm.stagehistory.list",
            json!({
                "entityTypeId": 2,
                "filter": {"@STAGE_ID": stages, ">=CREATED_TIME": moment(since), ">ID": after.unwrap_or(0)},
                "order": {"ID": "ASC"}, "select": ["ID", "OWNER_ID", "CREATED_TIME"], "start": -1,
            }),
        );
        let result = self.client.call(call, &command, Effect::Read).await?;
        let entries = items::<wire::StageEntry>(result)
            .map_err(|shape| unreadable(command.method, &shape))?;
        Ok(ChangedPage {
            next: full(&entries, |entry| entry.id.0),
            records: entries
                .into_iter()
                .map(|entry| (Record::Deal(DealId(entry.owner_id.0)), entry.created_time.0))
                .collect(),
        })
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

impl Connector {
    async fn changed_items(
        &self,
        call: &Call<'_>,
        entity_type: u64,
        since: Timestamp,
        after: u64,
        record: impl Fn(u64) -> Record + Send,
    ) -> Result<ChangedPage, ConnectorError> {
        let command = Command::new(
            "crm.item.list",
            json!({
                "entityTypeId": entity_type, "filter": {">=updatedTime": moment(since), ">id": after},
                "order": {"id": "ASC"}, "select": ["id", "updatedTime"], "start": -1,
            }),
        );
        let result = self.client.call(call, &command, Effect::Read).await?;
        let found =
            items::<wire::BriefItem>(result).map_err(|shape| unreadable(command.method, &shape))?;
        Ok(ChangedPage {
            next: full(&found, |item| item.id.0),
            records: found
                .into_iter()
                .map(|item| (record(item.id.0), item.updated_time.0))
                .collect(),
        })
    }

    async fn changed_rows(
        &self,
        call: &Call<'_>,
        method: &'static str,
        since: Timestamp,
        after: u64,
        record: impl Fn(u64) -> Record + Send,
    ) -> Result<ChangedPage, ConnectorError> {
        let list = |by: &str| {
            let filter = BTreeMap::from([
                (format!(">={by}"), Value::from(moment(since))),
                (">ID".to_owned(), after.into()),
            ]);
            Command::new(
                method,
                json!({"filter": filter, "order": {"ID": "ASC"}, "select": ["ID", "DATE_MODIFY", "DATE_CREATE"], "start": -1}),
            )
        };
        let answers = self
            .client
            .batch(
                call,
                &[list("DATE_MODIFY"), list("DATE_CREATE")],
                Effect::Read,
            )
            .await;
        let mut merged = BTreeMap::new();
        let mut next: Option<u64> = None;
        for answer in answers {
            let found = rows::<wire::Requisite>(answer?, "rows")
                .map_err(|shape| unreadable(method, &shape))?;
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
