//! Finding what changed without an event: by time of change, by stage history, by owner.
//!
//! Pages go by id after the last one seen, so that rows that move between pages are not missed. A list that goes on
//! and on is read by many pages in one request: each names the last id of the page before by a reference, which the
//! portal resolves (<https://apidocs.bitrix24.com/settings/how-to-call-rest-api/batch.html>). Deals are listed with all
//! that a glance shows: most of them want nothing, and that takes no request more. Of which kinds our fields are is
//! asked with the first of them. The portal leaves `DATE_MODIFY` of requisites and bank details empty until their first
//! change, so these are asked for by time of creation as well.

use async_trait::async_trait;
use capability::portal::{Changed, RecordKind, SweepAsk, SweepOf, SweepRecords};
use capability::{Call, ConnectorError};
use domain::observed::{Record, RecordOwner};
use domain::{BankDetailId, CompanyId, ContactId, DealId, RequisiteId, StageId, Verdict};
use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::batch::{Settled, key};
use crate::command::Command;
use crate::connection::Connector;
use crate::deals::fields_command;
use crate::error::{Effect, other_shape};
use crate::gather::{PAGE, full, items, rows};
use crate::pace::MOST_COMMANDS;
use crate::smart_invoices;
use crate::translate::{COMPANY, CONTACT};
use crate::{translate, wire};

const ITEMS: &str = "crm.item.list";
const REQUISITES: &str = "crm.requisite.list";
const BANK_DETAILS: &str = "crm.requisite.bankdetail.list";
const STAGE_HISTORY: &str = "crm.stagehistory.list";

/// Of contacts and companies no more is asked.
const BRIEF: [&str; 2] = ["id", "updatedTime"];

/// A list that was long may be so many times longer. A page behind the end is read in vain.
const TIMES_LONGER: usize = 3;

#[async_trait]
impl SweepRecords for Connector {
    async fn changed(
        &self,
        call: &Call<'_>,
        asks: &[SweepAsk],
    ) -> Result<Vec<Changed>, ConnectorError> {
        let glanced = self.glanced();
        let shows_deals = asks
            .iter()
            .any(|ask| ask.of == SweepOf::Changed(RecordKind::Deal));
        let unknown = shows_deals && self.known_kinds().is_none();
        let kinds: Option<Command> = unknown.then(fields_command);
        let mut shares = shares(asks, MOST_COMMANDS - usize::from(unknown));
        let mut commands = commands(asks, &shares, &glanced);
        let methods = kinds.iter().chain(&commands).map(|command| command.method);
        let fitting = self.client.pace.fit(methods, Effect::Read);
        let fitting = fitting.saturating_sub(usize::from(unknown));
        if fitting < commands.len() {
            shares = self::shares(asks, fitting);
            commands = self::commands(asks, &shares, &glanced);
        }
        commands.extend(kinds);
        let (asked_at, mut answers) = self.client.batch_at(call, &commands, Effect::Read).await;
        if unknown {
            self.learn_kinds(answers.pop());
        }
        let mut answers = answers.into_iter();
        let of = |(ask, pages): (&SweepAsk, &usize)| {
            let mut lists = Vec::new();
            for _list in 0..lists_of(ask) {
                lists.push(answers.by_ref().take(*pages).collect());
            }
            let changed = changed(self, ask, lists)?;
            Ok(Changed {
                asked_at,
                ..changed
            })
        };
        asks.iter().zip(&shares).map(of).collect()
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

/// Requisites and bank details are asked for twice: by time of change and by time of creation.
fn lists_of(ask: &SweepAsk) -> usize {
    match &ask.of {
        SweepOf::Changed(RecordKind::Requisite | RecordKind::BankDetail) => 2,
        SweepOf::Changed(RecordKind::Deal | RecordKind::Contact | RecordKind::Company)
        | SweepOf::Entered(_)
        | SweepOf::OwnInvoices => 1,
    }
}

/// How many pages of each question go into one request of `room` commands: one at least, and by turns as many more as
/// may come.
fn shares(asks: &[SweepAsk], room: usize) -> Vec<usize> {
    let mut shares = vec![1; asks.len()];
    let mut room = room.saturating_sub(asks.iter().map(lists_of).sum());
    loop {
        let before = room;
        for (ask, share) in asks.iter().zip(&mut shares) {
            let may_come = ask.pages.saturating_mul(TIMES_LONGER);
            if *share < may_come && lists_of(ask) <= room {
                *share += 1;
                room -= lists_of(ask);
            }
        }
        if room == before {
            return shares;
        }
    }
}

/// `glanced`: the fields of a deal that a glance shows.
fn commands(asks: &[SweepAsk], shares: &[usize], glanced: &[&str]) -> Vec<Command> {
    let mut commands = Vec::new();
    for (ask, pages) in asks.iter().zip(shares) {
        for list in 0..lists_of(ask) {
            let mut after = Value::from(ask.after.unwrap_or(0));
            for _page in 0..*pages {
                let last = last_of_page(ask, &key(commands.len()));
                commands.push(command(ask, list, &after, glanced));
                after = last.into();
            }
        }
    }
    commands
}

/// How the page after it refers to the last id of a full page.
fn last_of_page(ask: &SweepAsk, key: &str) -> String {
    let last = PAGE - 1;
    match &ask.of {
        SweepOf::Changed(RecordKind::Requisite | RecordKind::BankDetail) => {
            format!("$result[{key}][{last}][ID]")
        }
        SweepOf::Changed(RecordKind::Deal | RecordKind::Contact | RecordKind::Company)
        | SweepOf::OwnInvoices => {
            format!("$result[{key}][items][{last}][id]")
        }
        SweepOf::Entered(_) => format!("$result[{key}][items][{last}][ID]"),
    }
}

/// A page of one of the lists that a question is asked by.
fn command(ask: &SweepAsk, list: usize, after: &Value, glanced: &[&str]) -> Command {
    let since = moment(ask.since);
    match &ask.of {
        SweepOf::Changed(RecordKind::Deal) => changed_items(2, &since, after, glanced),
        SweepOf::Changed(RecordKind::Contact) => changed_items(3, &since, after, &BRIEF),
        SweepOf::Changed(RecordKind::Company) => changed_items(4, &since, after, &BRIEF),
        SweepOf::Changed(RecordKind::Requisite) => changed_rows(REQUISITES, list, &since, after),
        SweepOf::Changed(RecordKind::BankDetail) => changed_rows(BANK_DETAILS, list, &since, after),
        SweepOf::OwnInvoices => smart_invoices::changed(&since, after),
        SweepOf::Entered(stages) => {
            let stages: Vec<&str> = stages.iter().map(StageId::as_str).collect();
            Command::new(
                STAGE_HISTORY,
                json!({
                    "entityTypeId": 2,
                    "filter": {"@STAGE_ID": stages, ">=CREATED_TIME": since, ">ID": after},
                    "order": {"ID": "ASC"}, "select": ["ID", "OWNER_ID", "CREATED_TIME"], "start": -1,
                }),
            )
        }
    }
}

fn changed_items(entity_type: u64, since: &str, after: &Value, select: &[&str]) -> Command {
    Command::new(
        ITEMS,
        json!({
            "entityTypeId": entity_type, "filter": {">=updatedTime": since, ">id": after},
            "order": {"id": "ASC"}, "select": select, "useOriginalUfNames": "Y", "start": -1,
        }),
    )
}

fn changed_rows(method: &'static str, list: usize, since: &str, after: &Value) -> Command {
    let by = if list == 0 {
        "DATE_MODIFY"
    } else {
        "DATE_CREATE"
    };
    let filter = BTreeMap::from([
        (format!(">={by}"), Value::from(since)),
        (">ID".to_owned(), after.clone()),
    ]);
    Command::new(
        method,
        json!({"filter": filter, "order": {"ID": "ASC"}, "select": ["ID", "DATE_MODIFY", "DATE_CREATE"], "start": -1}),
    )
}

/// What answers one question, from the pages of each of its lists.
fn changed(
    connector: &Connector,
    ask: &SweepAsk,
    lists: Vec<Vec<Settled>>,
) -> Result<Changed, ConnectorError> {
    let mut lists = lists.into_iter();
    let mut list = || lists.next().unwrap_or_default();
    match &ask.of {
        SweepOf::Changed(RecordKind::Deal) => changed_deals(connector, ask, list()),
        SweepOf::Changed(RecordKind::Contact) => {
            changed_of_items(ask, list(), |id| Record::Contact(ContactId(id)))
        }
        SweepOf::Changed(RecordKind::Company) => {
            changed_of_items(ask, list(), |id| Record::Company(CompanyId(id)))
        }
        SweepOf::Changed(RecordKind::Requisite) => {
            changed_of_rows(ask, REQUISITES, [list(), list()], |id| {
                Record::Requisite(RequisiteId(id))
            })
        }
        SweepOf::Changed(RecordKind::BankDetail) => {
            changed_of_rows(ask, BANK_DETAILS, [list(), list()], |id| {
                Record::BankDetail(BankDetailId(id))
            })
        }
        SweepOf::OwnInvoices => changed_own_invoices(ask, list()),
        SweepOf::Entered(_) => {
            let read = items::<wire::StageEntry>;
            let pages = in_order(ask, STAGE_HISTORY, list(), read, |entry| entry.id.0)?;
            let record = |entry: wire::StageEntry| {
                let deal = Record::Deal(DealId(entry.owner_id.0));
                (deal, entry.created_time.0)
            };
            Ok(Changed {
                records: pages.rows.into_iter().map(record).collect(),
                next: pages.next,
                pages: pages.count,
                ..Changed::default()
            })
        }
    }
}

/// The rows of pages that follow one another.
struct Pages<T> {
    rows: Vec<T>,
    /// After which id there may be more.
    next: Option<u64>,
    count: usize,
}

/// The pages as far as each goes on where the one before ended. A page that does not (its reference did not reach the
/// page before, because that was not full or travelled in another request) or was refused is asked for again by the
/// next call, as its first.
fn in_order<T>(
    ask: &SweepAsk,
    method: &str,
    answers: Vec<Settled>,
    read: impl Fn(Value) -> Result<Vec<T>, wire::OtherShape>,
    id: impl Fn(&T) -> u64,
) -> Result<Pages<T>, ConnectorError> {
    let mut pages = Pages {
        rows: Vec::new(),
        next: ask.after,
        count: 0,
    };
    for answer in answers {
        let found =
            answer.and_then(|found| read(found).map_err(|shape| unreadable(method, &shape)));
        let found = match found {
            Ok(found) => found,
            Err(error) if pages.count == 0 => return Err(error),
            Err(_) => break,
        };
        let begun_at = pages.next.unwrap_or(0);
        if pages.count > 0 && found.iter().any(|row| id(row) <= begun_at) {
            break;
        }
        pages.next = full(&found, &id);
        pages.count += 1;
        pages.rows.extend(found);
        if pages.next.is_none() {
            break;
        }
    }
    if pages.count == 0 {
        return Err(other_shape(Effect::Read, method, "no answer".to_owned()));
    }
    Ok(pages)
}

fn changed_deals(
    connector: &Connector,
    ask: &SweepAsk,
    answers: Vec<Settled>,
) -> Result<Changed, ConnectorError> {
    let read = items::<wire::ChangedDeal>;
    let pages = in_order(ask, ITEMS, answers, read, |deal| deal.brief.id.0)?;
    let mut changed = Changed {
        next: pages.next,
        pages: pages.count,
        ..Changed::default()
    };
    // Until it is known of which kinds our fields are, nobody knows what stands in them.
    let kinds = connector.known_kinds();
    for deal in pages.rows {
        let record = Record::Deal(DealId(deal.brief.id.0));
        changed.records.push((record, deal.brief.updated_time.0));
        if let (Some(whole), Some(kinds)) = (deal.whole, &kinds) {
            let glance = translate::glance(whole, &connector.fields, kinds);
            changed.deals.extend(glance.ok());
        }
    }
    Ok(changed)
}

fn changed_of_items(
    ask: &SweepAsk,
    answers: Vec<Settled>,
    record: impl Fn(u64) -> Record,
) -> Result<Changed, ConnectorError> {
    let pages = in_order(ask, ITEMS, answers, items::<wire::BriefItem>, |item| {
        item.id.0
    })?;
    Ok(Changed {
        records: pages
            .rows
            .into_iter()
            .map(|item| (record(item.id.0), item.updated_time.0))
            .collect(),
        next: pages.next,
        pages: pages.count,
        ..Changed::default()
    })
}

/// The deals of invoices of the portal's own. Whoever may not read those is shown none of a deal's either.
fn changed_own_invoices(ask: &SweepAsk, answers: Vec<Settled>) -> Result<Changed, ConnectorError> {
    let read = items::<wire::SmartInvoice>;
    let pages = match in_order(ask, ITEMS, answers, read, |invoice| invoice.id.0) {
        Ok(pages) => pages,
        Err(error) if error.verdict == Verdict::Reject => return Ok(Changed::default()),
        Err(error) => return Err(error),
    };
    let deal = |invoice: wire::SmartInvoice| {
        let deal = Record::Deal(DealId(invoice.parent_id2.0?));
        Some((deal, invoice.updated_time.0))
    };
    Ok(Changed {
        records: pages.rows.into_iter().filter_map(deal).collect(),
        next: pages.next,
        pages: pages.count,
        ..Changed::default()
    })
}

/// Rows by time of change and by time of creation, merged by id.
fn changed_of_rows(
    ask: &SweepAsk,
    method: &'static str,
    lists: [Vec<Settled>; 2],
    record: impl Fn(u64) -> Record,
) -> Result<Changed, ConnectorError> {
    let mut merged = BTreeMap::new();
    let (mut next, mut count): (Option<u64>, usize) = (None, 0);
    for answers in lists {
        let read = |found| rows::<wire::Requisite>(found, "rows");
        let pages = in_order(ask, method, answers, read, |row| row.id.0.unwrap_or(0))?;
        next = match (next, pages.next) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        count = count.max(pages.count);
        let times =
            |row: wire::Requisite| Some((row.id.0?, row.date_modify.0.or(row.date_create.0)));
        merged.extend(pages.rows.into_iter().filter_map(times));
    }
    // Beyond the shorter of two full lists the other may still have gaps: the next pages bring it.
    if let Some(last) = next {
        merged.retain(|id, _| *id <= last);
    }
    Ok(Changed {
        records: merged
            .into_iter()
            .map(|(id, at)| (record(id), at))
            .collect(),
        next,
        pages: count,
        ..Changed::default()
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
