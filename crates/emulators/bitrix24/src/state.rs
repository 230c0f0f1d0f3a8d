//! The portal's memory: tables of records, their schemas, and the books of each subject.
//!
//! One lock guards it; whatever holds the lock never awaits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;

use crate::auth::AuthBook;
use crate::call::{Actor, Refusal};
use crate::chat::ChatBook;
use crate::config::{PortalConfig, Reach, UserSeed};
use crate::deliveries::DeliveryBook;
use crate::events::EventBook;
use crate::files::FileBook;
use crate::filter::Filter;
use crate::limits::LimitBook;
use crate::robots::RobotBook;
use crate::schema::{EntityType, Schema, shared_schema};
use crate::system::SystemBook;
use crate::truth::{Truth, What, Written, without_files};
use crate::value::{Map, Zone, int_of, text_of};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    /// Of this entity type.
    Item(i64),
    ProductRow,
    Requisite,
    BankDetail,
    Address,
    RequisiteLink,
    Preset,
    Category,
    Status,
    StageHistory,
    UserField,
    Comment,
    LogMessage,
    Todo,
    Vat,
    Measure,
    Product,
    OfflineEvent,
    Currency,
}

/// Who does something, when and by which call: what a write leaves in the history.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) actor: Actor,
    pub(crate) at: Timestamp,
    pub(crate) method: String,
    pub(crate) arguments: Value,
    /// Keeps the change out of the offline queue of this channel.
    pub(crate) connector: Option<String>,
}

impl Origin {
    pub(crate) fn user(&self) -> i64 {
        self.actor.user().unwrap_or(0)
    }

    pub(crate) fn seconds(&self) -> i64 {
        self.at.as_second()
    }
}

pub(crate) struct State {
    pub(crate) config: PortalConfig,
    pub(crate) zone: Zone,
    tables: BTreeMap<Table, BTreeMap<i64, Map>>,
    last_ids: BTreeMap<Table, i64>,
    schemas: BTreeMap<Table, Arc<Schema>>,
    by_owner: BTreeMap<(Table, i64), BTreeSet<i64>>,
    pub(crate) truth: Truth,
    pub(crate) written: Written,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) auth: AuthBook,
    pub(crate) limits: LimitBook,
    pub(crate) events: EventBook,
    pub(crate) files: FileBook,
    pub(crate) chat: ChatBook,
    pub(crate) deliveries: DeliveryBook,
    pub(crate) robots: RobotBook,
    pub(crate) system: SystemBook,
    /// Scheme and host under which people and callers reach the portal.
    pub(crate) base_url: Option<String>,
    /// The former authority and the base address it moved to.
    pub(crate) moved: Option<(String, String)>,
    /// Rises with every change that the page shows.
    pub(crate) version: u64,
}

/// Tables that are asked for by their owners, and grow with them.
fn is_by_owner(table: Table) -> bool {
    matches!(table, Table::ProductRow | Table::StageHistory)
}

impl State {
    pub(crate) fn new(config: PortalConfig, now: Timestamp, seed: u64) -> Self {
        let zone = Zone(TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC));
        let mut state = State {
            auth: AuthBook::new(&config),
            events: EventBook::new(&config),
            robots: RobotBook::new(&config),
            config,
            zone,
            tables: BTreeMap::new(),
            last_ids: BTreeMap::new(),
            schemas: BTreeMap::new(),
            by_owner: BTreeMap::new(),
            truth: Truth::default(),
            written: Written::default(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            limits: LimitBook::default(),
            files: FileBook::default(),
            chat: ChatBook::default(),
            deliveries: DeliveryBook::default(),
            system: SystemBook::default(),
            base_url: None,
            moved: None,
            version: 0,
        };
        crate::seed::plant(&mut state, now);
        state
    }

    pub(crate) fn schema(&mut self, table: Table) -> Arc<Schema> {
        if let Some(schema) = self.schemas.get(&table) {
            return Arc::clone(schema);
        }
        let mut schema = shared_schema(table);
        crate::userfields::join(self, table, &mut schema);
        self.schemas.insert(table, Arc::clone(&schema));
        schema
    }

    pub(crate) fn forget_schemas(&mut self) {
        self.schemas.clear();
    }

    pub(crate) fn get(&self, table: Table, id: i64) -> Option<&Map> {
        self.tables.get(&table)?.get(&id)
    }

    pub(crate) fn all(&self, table: Table) -> impl Iterator<Item = &Map> {
        self.tables
            .get(&table)
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    /// Records that a filter may match, by rising id; looks only where it must.
    pub(crate) fn candidates<'a>(
        &'a self,
        table: Table,
        filter: &Filter,
    ) -> Box<dyn Iterator<Item = &'a Map> + 'a> {
        let Some(records) = self.tables.get(&table) else {
            return Box::new(std::iter::empty());
        };
        let owners = filter.pinned("OWNER_ID").filter(|_| is_by_owner(table));
        let pinned = owners.map(|owners| self.owned_by(table, &owners));
        if let Some(ids) = pinned.or_else(|| {
            filter
                .pinned("ID")
                .map(|ids| ids.into_iter().collect::<BTreeSet<i64>>())
        }) {
            return Box::new(ids.into_iter().filter_map(|id| records.get(&id)));
        }
        if let Some(above) = filter.ids_above() {
            let from = above.saturating_add(1);
            return Box::new(records.range(from..).map(|(_, record)| record));
        }
        Box::new(records.values())
    }

    fn owned_by(&self, table: Table, owners: &[i64]) -> BTreeSet<i64> {
        owners
            .iter()
            .filter_map(|owner| self.by_owner.get(&(table, *owner)))
            .flatten()
            .copied()
            .collect()
    }

    /// Product rows of one owner, by sort and id.
    pub(crate) fn rows_of(&self, abbreviation: &str, owner: i64) -> Vec<&Map> {
        let ids = self.by_owner.get(&(Table::ProductRow, owner));
        let ids = ids.into_iter().flatten();
        let mut rows: Vec<&Map> = ids
            .filter_map(|id| self.get(Table::ProductRow, *id))
            .filter(|row| text(row, "OWNER_TYPE") == abbreviation)
            .collect();
        rows.sort_by_key(|row| (int(row, "SORT"), int(row, "ID")));
        rows
    }

    pub(crate) fn next_id(&mut self, table: Table) -> i64 {
        let last = self.last_ids.entry(table).or_insert(0);
        *last = last.saturating_add(1);
        *last
    }

    /// Ids of a table go on from here.
    pub(crate) fn start_ids_at(&mut self, table: Table, last: i64) {
        self.last_ids.insert(table, last);
    }

    /// Stores a whole record under its id, new or not.
    pub(crate) fn put(&mut self, table: Table, id: i64, record: Map) {
        if is_by_owner(table) {
            self.by_owner
                .entry((table, int(&record, "OWNER_ID")))
                .or_default()
                .insert(id);
        }
        self.tables.entry(table).or_default().insert(id, record);
        self.version = self.version.wrapping_add(1);
    }

    pub(crate) fn remove(&mut self, table: Table, id: i64) -> Option<Map> {
        let record = self.tables.get_mut(&table)?.remove(&id)?;
        if is_by_owner(table)
            && let Some(rows) = self.by_owner.get_mut(&(table, int(&record, "OWNER_ID")))
        {
            rows.remove(&id);
        }
        self.version = self.version.wrapping_add(1);
        Some(record)
    }

    /// Writes one line of the true history.
    pub(crate) fn note_write(
        &mut self,
        origin: &Origin,
        entity: &str,
        id: i64,
        before: Option<&Map>,
        after: Option<&Map>,
    ) {
        let before = before.map(|record| self.written.found(entity, id, record));
        let after = self.written.left(entity, id, after);
        self.truth.add(
            origin.at,
            What::Write {
                method: origin.method.clone(),
                actor: origin.actor.clone(),
                entity: entity.to_owned(),
                id,
                arguments: without_files(&origin.arguments),
                before,
                after,
            },
        );
        self.version = self.version.wrapping_add(1);
    }

    pub(crate) fn user(&self, id: i64) -> Option<&UserSeed> {
        self.config.users.iter().find(|user| user.id == id)
    }

    pub(crate) fn base_url(&self) -> String {
        self.base_url
            .clone()
            .unwrap_or_else(|| "http://portal.invalid".to_owned())
    }

    pub(crate) fn may_read(&self, user: i64, entity: &EntityType, record: &Map) -> bool {
        let Some(user) = self.user(user) else {
            return false;
        };
        let is_hidden = entity.id == crate::schema::DEAL
            && user.hidden_funnels.contains(&int(record, "CATEGORY_ID"));
        !is_hidden
            && reaches(
                user.may_read.get(&entity.code.to_ascii_lowercase()),
                user.id,
                record,
            )
    }

    pub(crate) fn may_write(&self, user: i64, entity: &EntityType, record: &Map) -> bool {
        let reach = self
            .user(user)
            .and_then(|user| user.may_write.get(&entity.code.to_ascii_lowercase()));
        self.may_read(user, entity, record) && reaches(reach, user, record)
    }

    pub(crate) fn may_add(&self, user: i64, entity: &EntityType) -> bool {
        let reach = self
            .user(user)
            .and_then(|user| user.may_write.get(&entity.code.to_ascii_lowercase()));
        reach != Some(&Reach::None)
    }

    /// The owner of requisites and such, as long as the user may see it.
    pub(crate) fn readable_item(&self, user: i64, entity_type_id: i64, id: i64) -> Option<&Map> {
        let entity = crate::schema::entity_type(entity_type_id)?;
        let record = self.get(Table::Item(entity_type_id), id)?;
        self.may_read(user, entity, record).then_some(record)
    }

    pub(crate) fn need_intranet(&self, user: i64) -> Result<(), Refusal> {
        if self.user(user).is_some_and(|user| user.extranet) {
            return Err(Refusal::new(
                403,
                "allowed_only_intranet_user",
                "Action is allowed for intranet users only",
            ));
        }
        Ok(())
    }
}

fn reaches(reach: Option<&Reach>, user: i64, record: &Map) -> bool {
    match reach {
        None | Some(Reach::All) => true,
        Some(Reach::Own) => int(record, "ASSIGNED_BY_ID") == user,
        Some(Reach::None) => false,
    }
}

pub(crate) fn int(record: &Map, name: &str) -> i64 {
    record.get(name).and_then(int_of).unwrap_or(0)
}

pub(crate) fn text(record: &Map, name: &str) -> String {
    record.get(name).map(text_of).unwrap_or_default()
}
