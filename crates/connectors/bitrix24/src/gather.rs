//! Reads a graph of records in few rounds: each round is one batch of everything that is known to be
//! wanted, and what it brings may tell of more.
//!
//! Deals name companies, companies have requisites, requisites have bank details and addresses. What
//! the last looks told of a deal's company and of its requisites is wanted in the first round already, so
//! that a look at fifty known deals takes one batch. Lists are read without counting, by id after the last one seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use capability::{Call, ConnectorError};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::client::Client;
use crate::command::Command;
use crate::density::{Density, List};
use crate::error::{Effect, other_shape};
use crate::pace::MOST_COMMANDS;
use crate::row_pages::{RowPage, RowPages};
use crate::translate::{COMPANY, CONTACT};
use crate::wire::{self, Items, ProductRows, Rows};

/// Rows a page of the portal has.
pub(crate) const PAGE: usize = 50;
/// Requisites whose addresses share a command where nothing less would do: three types each stay below a page, after which
/// this list cannot be read on.
const SURELY_BELOW_A_PAGE: usize = 16;
/// A graph deeper than this, or a list longer, is none that a person made.
const MOST_ROUNDS: usize = 60;

/// Something to read.
#[derive(Clone, Debug)]
enum Want {
    Deals(Vec<u64>),
    Rows(RowPage),
    History {
        deals: Vec<u64>,
        after: u64,
    },
    Links(Vec<u64>),
    OwnCompanies {
        after: u64,
    },
    Titles(Vec<u64>),
    /// What contacts are called.
    Names(Vec<u64>),
    Requisites {
        kind: u64,
        owners: Vec<u64>,
        after: u64,
    },
    RequisitesById(Vec<u64>),
    Banks {
        requisites: Vec<u64>,
        after: u64,
    },
    Addresses(Vec<u64>),
    /// Which requisites companies have that are of no use yet.
    Ahead(Vec<u64>),
}

/// What was read so far.
#[derive(Default)]
pub(crate) struct Gathering {
    /// Fields of a deal to select besides the usual.
    pub(crate) our_fields: Vec<String>,
    pub(crate) deals: BTreeMap<u64, wire::DealItem>,
    pub(crate) rows: BTreeMap<u64, wire::ProductRow>,
    pub(crate) history: BTreeMap<u64, wire::StageEntry>,
    pub(crate) links: BTreeMap<u64, wire::RequisiteLink>,
    pub(crate) own: BTreeMap<u64, String>,
    pub(crate) titles: BTreeMap<u64, String>,
    /// Whether the names of all contacts are wanted, of deals without a company.
    pub(crate) reads_names: bool,
    pub(crate) names: BTreeMap<u64, String>,
    pub(crate) requisites: BTreeMap<u64, wire::Requisite>,
    pub(crate) banks: BTreeMap<u64, wire::BankDetail>,
    pub(crate) addresses: BTreeMap<u64, Vec<wire::Address>>,
    /// Companies whose requisites are learnt where a request has room for it.
    pub(crate) unknown: Vec<u64>,
    /// Owners whose requisites were asked for, and what was found of the unknown ones.
    pub(crate) learnt: BTreeMap<(u64, u64), BTreeSet<u64>>,
    row_pages: RowPages,
    density: Arc<Density>,
    wants: Vec<Want>,
    asked: Asked,
}

/// What was asked already, so that nothing is asked twice.
#[derive(Default)]
struct Asked {
    companies: BTreeSet<u64>,
    contacts: BTreeSet<u64>,
    titles: BTreeSet<u64>,
    names: BTreeSet<u64>,
    requisites: BTreeSet<u64>,
    by_id: BTreeSet<u64>,
}

/// The fields of a deal that we use.
pub(crate) const DEAL_FIELDS: [&str; 16] = [
    "id",
    "title",
    "categoryId",
    "stageId",
    "stageSemanticId",
    "closed",
    "isRecurring",
    "opportunity",
    "isManualOpportunity",
    "currencyId",
    "companyId",
    "contactId",
    "assignedById",
    "createdTime",
    "updatedTime",
    "updatedBy",
];

const REQUISITE_FIELDS: [&str; 18] = [
    "ID",
    "ENTITY_TYPE_ID",
    "ENTITY_ID",
    "SORT",
    "ADDRESS_ONLY",
    "RQ_COMPANY_NAME",
    "RQ_COMPANY_FULL_NAME",
    "RQ_NAME",
    "RQ_LAST_NAME",
    "RQ_FIRST_NAME",
    "RQ_SECOND_NAME",
    "RQ_INN",
    "RQ_KPP",
    "RQ_OGRN",
    "RQ_OGRNIP",
    "RQ_DIRECTOR",
    "RQ_CEO_NAME",
    "RQ_ACCOUNTANT",
];

impl Gathering {
    /// Nothing is wanted yet.
    pub(crate) fn new(density: &Arc<Density>) -> Self {
        Self {
            density: Arc::clone(density),
            ..Self::default()
        }
    }

    /// The methods of the first request or requests, as far as it is known what is wanted.
    pub(crate) fn methods(&self) -> Vec<&'static str> {
        let wants = self.wants.iter().zip(0..);
        let commands = wants.map(|(want, place)| self.command(want, place));
        commands.map(|command| command.method).collect()
    }

    /// Wants these deals whole.
    pub(crate) fn want_deals(&mut self, ids: &[u64]) {
        for chunk in ids.chunks(PAGE) {
            self.wants.push(Want::Deals(chunk.to_vec()));
            self.wants.push(Want::Links(chunk.to_vec()));
        }
        for chunk in ids.chunks(self.density.owners(List::Rows)) {
            self.wants.push(Want::Rows(RowPage::first(chunk)));
        }
        for chunk in ids.chunks(self.density.owners(List::History)) {
            self.wants.push(Want::History {
                deals: chunk.to_vec(),
                after: 0,
            });
        }
    }

    /// Wants our own legal entities.
    pub(crate) fn want_own_companies(&mut self) {
        self.wants.push(Want::OwnCompanies { after: 0 });
    }

    /// Wants companies with their requisites, unless they were asked already.
    pub(crate) fn want_companies(&mut self, ids: impl IntoIterator<Item = u64>, with_titles: bool) {
        let ids: Vec<u64> = ids.into_iter().collect();
        if with_titles {
            let fresh: Vec<u64> = ids
                .iter()
                .copied()
                .filter(|id| self.asked.titles.insert(*id))
                .collect();
            self.wants
                .extend(fresh.chunks(PAGE).map(|chunk| Want::Titles(chunk.to_vec())));
        }
        let fresh: Vec<u64> = ids
            .into_iter()
            .filter(|id| self.asked.companies.insert(*id))
            .collect();
        self.want_requisites(COMPANY, &fresh);
    }

    /// Wants contacts' requisites, unless they were asked already.
    pub(crate) fn want_contacts(&mut self, ids: impl IntoIterator<Item = u64>) {
        let fresh: Vec<u64> = ids
            .into_iter()
            .filter(|id| self.asked.contacts.insert(*id))
            .collect();
        self.want_requisites(CONTACT, &fresh);
    }

    /// Wants the names of contacts that may be buyers by themselves, unless they were asked already: of all where names are
    /// wanted, else of those without requisites, of which a name tells whether we may read them at all.
    fn want_names(&mut self) {
        let alone = self
            .deals
            .values()
            .filter(|deal| deal.company_id.0.is_none());
        let is_bare = |contact: &u64| {
            let found = self.learnt.get(&(CONTACT, *contact));
            self.asked.contacts.contains(contact) && found.is_none_or(BTreeSet::is_empty)
        };
        let contacts = alone
            .filter_map(|deal| deal.contact_id.0)
            .filter(|contact| self.reads_names || is_bare(contact));
        let fresh: BTreeSet<u64> = contacts
            .filter(|id| !self.asked.names.contains(id))
            .collect();
        self.asked.names.extend(fresh.iter().copied());
        let fresh: Vec<u64> = fresh.into_iter().collect();
        self.wants
            .extend(fresh.chunks(PAGE).map(|chunk| Want::Names(chunk.to_vec())));
    }

    fn want_requisites(&mut self, kind: u64, owners: &[u64]) {
        for owner in owners {
            self.learnt.entry((kind, *owner)).or_default();
        }
        for chunk in owners.chunks(self.density.owners(List::Requisites)) {
            self.wants.push(Want::Requisites {
                kind,
                owners: chunk.to_vec(),
                after: 0,
            });
        }
    }

    /// Wants bank details and addresses of requisites, unless they were asked already.
    pub(crate) fn want_hanging_on(&mut self, requisites: impl IntoIterator<Item = u64>) {
        let fresh: Vec<u64> = requisites
            .into_iter()
            .filter(|id| self.asked.requisites.insert(*id))
            .collect();
        for chunk in fresh.chunks(self.density.owners(List::Banks)) {
            self.wants.push(Want::Banks {
                requisites: chunk.to_vec(),
                after: 0,
            });
        }
        self.want_addresses(&fresh, self.density.owners(List::Addresses));
    }

    fn want_addresses(&mut self, requisites: &[u64], a_command: usize) {
        let chunks = requisites.chunks(a_command);
        self.wants
            .extend(chunks.map(|chunk| Want::Addresses(chunk.to_vec())));
    }

    /// Reads round by round until nothing more is wanted.
    pub(crate) async fn read(
        &mut self,
        client: &Client,
        call: &Call<'_>,
    ) -> Result<(), ConnectorError> {
        for _round in 0..MOST_ROUNDS {
            let wants = std::mem::take(&mut self.wants);
            if wants.is_empty() {
                self.note_density();
                return Ok(());
            }
            let commands = wants.iter().zip(0..);
            let commands = commands.map(|(want, place)| self.command(want, place));
            let commands: Vec<Command> = commands.collect();
            let results = client.batch(call, &commands, Effect::Read).await;
            for ((want, command), result) in wants.into_iter().zip(&commands).zip(results) {
                // What was asked for on trust is asked for by its id then.
                let is_on_trust = matches!(&want, Want::Rows(page) if page.is_on_trust());
                if result.is_err() && is_on_trust {
                    continue;
                }
                self.absorb(want, result?).map_err(|shape| {
                    other_shape(Effect::Read, command.method, shape.to_string())
                })?;
            }
            self.go_on();
            self.want_what_hangs_on();
        }
        Err(other_shape(
            Effect::Read,
            "batch",
            "the portal's lists do not end",
        ))
    }

    /// The command for a want that stands in this place of its request.
    fn command(&self, want: &Want, place: usize) -> Command {
        match want {
            Want::Deals(ids) => {
                let ours = self.our_fields.iter().map(String::as_str);
                let select: Vec<&str> = DEAL_FIELDS.into_iter().chain(ours).collect();
                deals_command(ids, &select)
            }
            Want::Rows(page) => page.command(place),
            Want::History { deals, after } => Command::new(
                "crm.stagehistory.list",
                json!({
                    "entityTypeId": 2, "filter": {"@OWNER_ID": deals, ">ID": after}, "order": {"ID": "ASC"},
                    "select": ["ID", "OWNER_ID", "CREATED_TIME", "CATEGORY_ID", "STAGE_ID"], "start": -1,
                }),
            ),
            Want::Links(ids) => Command::new(
                "crm.requisite.link.list",
                json!({
                    "filter": {"=ENTITY_TYPE_ID": 2, "@ENTITY_ID": ids}, "order": {"ENTITY_ID": "ASC"},
                    "select": ["ENTITY_ID", "REQUISITE_ID", "MC_REQUISITE_ID", "MC_BANK_DETAIL_ID"], "start": -1,
                }),
            ),
            Want::OwnCompanies { after } => own_companies_command(*after),
            Want::Titles(ids) => Command::new(
                "crm.item.list",
                json!({"entityTypeId": 4, "filter": {"@id": ids}, "select": ["id", "title"], "start": -1}),
            ),
            Want::Names(ids) => Command::new(
                "crm.item.list",
                json!({
                    "entityTypeId": 3, "filter": {"@id": ids}, "select": ["id", "lastName", "name", "secondName"],
                    "start": -1,
                }),
            ),
            Want::Requisites {
                kind,
                owners,
                after,
            } => Command::new(
                "crm.requisite.list",
                json!({
                    "filter": {"=ENTITY_TYPE_ID": kind, "@ENTITY_ID": owners, ">ID": after},
                    "order": {"ID": "ASC"}, "select": REQUISITE_FIELDS, "start": -1,
                }),
            ),
            Want::Ahead(owners) => Command::new(
                "crm.requisite.list",
                json!({
                    "filter": {"=ENTITY_TYPE_ID": COMPANY, "@ENTITY_ID": owners}, "order": {"ID": "ASC"},
                    "select": ["ID", "ENTITY_ID"], "start": -1,
                }),
            ),
            Want::RequisitesById(ids) => Command::new(
                "crm.requisite.list",
                json!({"filter": {"@ID": ids}, "order": {"ID": "ASC"}, "select": REQUISITE_FIELDS, "start": -1}),
            ),
            Want::Banks { requisites, after } => Command::new(
                "crm.requisite.bankdetail.list",
                json!({
                    "filter": {"@ENTITY_ID": requisites, ">ID": after}, "order": {"ID": "ASC"},
                    "select": ["ID", "ENTITY_ID", "SORT", "RQ_BANK_NAME", "RQ_BIK", "RQ_ACC_NUM", "RQ_COR_ACC_NUM"],
                    "start": -1,
                }),
            ),
            Want::Addresses(requisites) => Command::new(
                "crm.address.list",
                json!({
                    "filter": {"=ENTITY_TYPE_ID": 8, "@ENTITY_ID": requisites, "@TYPE_ID": [6, 4, 1]},
                    "select": ["TYPE_ID", "ENTITY_ID", "ADDRESS_1", "ADDRESS_2", "CITY", "POSTAL_CODE", "REGION", "PROVINCE", "COUNTRY"],
                    "start": -1,
                }),
            ),
        }
    }

    fn absorb(&mut self, want: Want, result: Value) -> Result<(), wire::OtherShape> {
        match want {
            Want::Deals(_) => {
                for item in items::<wire::DealItem>(result)? {
                    self.deals.insert(item.id.0, item);
                }
            }
            Want::Rows(page) => {
                if !page.is_on_trust() {
                    self.go_on();
                }
                let rows = wire::read::<ProductRows>(result, "product rows")?
                    .product_rows
                    .0;
                if self.row_pages.goes_on(page, &rows) {
                    self.rows
                        .extend(rows.into_iter().map(|row| (row.id.0, row)));
                }
            }
            Want::History { deals, .. } => {
                let entries = items::<wire::StageEntry>(result)?;
                if let Some(after) = full(&entries, |entry| entry.id.0) {
                    self.wants.push(Want::History { deals, after });
                }
                self.history
                    .extend(entries.into_iter().map(|entry| (entry.id.0, entry)));
            }
            Want::Links(_) => {
                let links = rows::<wire::RequisiteLink>(result, "requisite links")?;
                self.links
                    .extend(links.into_iter().map(|link| (link.entity_id.0, link)));
            }
            Want::OwnCompanies { .. } => {
                let companies = items::<wire::BriefItem>(result)?;
                if let Some(after) = full(&companies, |company| company.id.0) {
                    self.wants.push(Want::OwnCompanies { after });
                }
                self.own.extend(
                    companies
                        .into_iter()
                        .map(|company| (company.id.0, company.title.0)),
                );
            }
            Want::Titles(_) => {
                let companies = items::<wire::BriefItem>(result)?;
                self.titles.extend(
                    companies
                        .into_iter()
                        .map(|company| (company.id.0, company.title.0)),
                );
            }
            Want::Names(_) => {
                let contacts = items::<wire::ContactItem>(result)?;
                self.names
                    .extend(contacts.into_iter().map(|one| (one.id.0, full_name(&one))));
            }
            Want::Requisites { kind, owners, .. } => {
                let found = rows::<wire::Requisite>(result, "requisites")?;
                if let Some(after) = full(&found, |row| row.id.0.unwrap_or_default()) {
                    self.wants.push(Want::Requisites {
                        kind,
                        owners,
                        after,
                    });
                }
                self.keep_requisites(found);
            }
            Want::Ahead(owners) => {
                for owner in owners {
                    self.learnt.entry((COMPANY, owner)).or_default();
                }
                // What a full page leaves out is met when it is wanted.
                for row in rows::<wire::Requisite>(result, "requisites")? {
                    if let (Some(id), Some(owner)) = (row.id.0, row.entity_id.0) {
                        self.learnt.entry((COMPANY, owner)).or_default().insert(id);
                    }
                }
            }
            Want::RequisitesById(_) => {
                let found = rows::<wire::Requisite>(result, "requisites")?;
                self.keep_requisites(found);
            }
            Want::Banks { requisites, .. } => {
                let found = rows::<wire::BankDetail>(result, "bank details")?;
                if let Some(after) = full(&found, |row| row.id.0) {
                    self.wants.push(Want::Banks { requisites, after });
                }
                self.banks
                    .extend(found.into_iter().map(|bank| (bank.id.0, bank)));
            }
            Want::Addresses(requisites) => {
                let found = rows::<wire::Address>(result, "addresses")?;
                if found.len() >= PAGE && requisites.len() > SURELY_BELOW_A_PAGE {
                    // What the page leaves out is met by asking for fewer: the list has no id to go on after.
                    self.want_addresses(&requisites, SURELY_BELOW_A_PAGE);
                    return Ok(());
                }
                for address in found {
                    self.addresses
                        .entry(address.entity_id.0)
                        .or_default()
                        .push(address);
                }
            }
        }
        Ok(())
    }

    /// The rows behind the last page are wanted.
    fn go_on(&mut self) {
        let behind = self.row_pages.behind().into_iter();
        self.wants.extend(behind.map(Want::Rows));
    }

    fn keep_requisites(&mut self, found: Vec<wire::Requisite>) {
        for row in found {
            if let (Some(kind), Some(owner), Some(id)) =
                (row.entity_type_id.0, row.entity_id.0, row.id.0)
            {
                self.learnt.entry((kind, owner)).or_default().insert(id);
            }
            if let Some(id) = row.id.0 {
                self.requisites.insert(id, row);
            }
        }
    }

    /// What the rows read so far point to.
    fn want_what_hangs_on(&mut self) {
        let companies: Vec<u64> = self
            .deals
            .values()
            .filter_map(|deal| deal.company_id.0)
            .collect();
        let contacts: Vec<u64> = self
            .deals
            .values()
            .filter_map(|deal| deal.contact_id.0)
            .collect();
        let own: Vec<u64> = self.own.keys().copied().collect();
        // Before more is asked for: what was is answered.
        self.want_names();
        self.want_companies(companies, true);
        self.want_contacts(contacts);
        self.want_companies(own, false);
        let known: Vec<u64> = self.requisites.keys().copied().collect();
        self.want_hanging_on(known);
        if self.wants.is_empty() {
            self.want_chosen_elsewhere();
        }
        self.want_ahead();
    }

    /// A request that is needed anyway learns what the next readings would need another one for.
    fn want_ahead(&mut self) {
        if self.wants.is_empty() || self.unknown.is_empty() {
            return;
        }
        let unknown = std::mem::take(&mut self.unknown);
        let room = MOST_COMMANDS.saturating_sub(self.wants.len());
        let asked = &self.asked.companies;
        let unknown: Vec<u64> = unknown
            .into_iter()
            .filter(|id| !asked.contains(id))
            .collect();
        let chunks = unknown.chunks(self.density.owners(List::Requisites));
        let ahead = chunks.take(room).map(|chunk| Want::Ahead(chunk.to_vec()));
        self.wants.extend(ahead);
    }

    /// How full the lists were, for the next reading.
    fn note_density(&self) {
        let note = |list, owners: usize, rows: usize| self.density.saw(list, owners, rows);
        note(List::Rows, self.deals.len(), self.rows.len());
        note(List::History, self.deals.len(), self.history.len());
        let owners = self.asked.companies.len() + self.asked.contacts.len();
        note(List::Requisites, owners, self.requisites.len());
        let requisites = self.asked.requisites.len();
        note(List::Banks, requisites, self.banks.len());
        let addresses = self.addresses.values().map(Vec::len).sum();
        note(List::Addresses, requisites, addresses);
    }

    /// Requisites chosen in a deal that belong neither to its company and contact nor to us: another
    /// contact of the deal, or a company that was exchanged since.
    fn want_chosen_elsewhere(&mut self) {
        let chosen = self
            .links
            .values()
            .flat_map(|link| [link.requisite_id.0, link.mc_requisite_id.0]);
        let missing: BTreeSet<u64> = chosen
            .flatten()
            .filter(|id| !self.requisites.contains_key(id))
            .collect();
        let fresh: Vec<u64> = missing
            .into_iter()
            .filter(|id| self.asked.by_id.insert(*id))
            .collect();
        self.wants.extend(
            fresh
                .chunks(PAGE)
                .map(|chunk| Want::RequisitesById(chunk.to_vec())),
        );
    }
}

/// As papers have it: the surname first.
fn full_name(contact: &wire::ContactItem) -> String {
    let parts = [&contact.last_name, &contact.name, &contact.second_name];
    let parts = parts.map(|part| part.0.trim()).into_iter();
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The cheap list: up to fifty deals of these ids.
pub(crate) fn deals_command(ids: &[u64], select: &[&str]) -> Command {
    Command::new(
        "crm.item.list",
        json!({
            "entityTypeId": 2, "filter": {"@id": ids}, "order": {"id": "ASC"}, "select": select,
            "useOriginalUfNames": "Y", "start": -1,
        }),
    )
}

/// Our own legal entities, a page of them.
pub(crate) fn own_companies_command(after: u64) -> Command {
    Command::new(
        "crm.item.list",
        json!({
            "entityTypeId": 4, "filter": {"=isMyCompany": "Y", ">id": after}, "order": {"id": "ASC"},
            "select": ["id", "title"], "start": -1,
        }),
    )
}

/// `{"items": […]}`.
pub(crate) fn items<T: DeserializeOwned>(result: Value) -> Result<Vec<T>, wire::OtherShape> {
    Ok(wire::read::<Items<T>>(result, "items")?.items.0)
}

/// More rows than any list that is asked for has: pages have fifty, and what comes unpaged are a portal's own settings.
const MOST_ROWS: usize = 5_000;

/// A bare list. A row that says little takes much more room here than on its way, so that their number is bounded.
pub(crate) fn rows<T: DeserializeOwned>(
    result: Value,
    name: &'static str,
) -> Result<Vec<T>, wire::OtherShape> {
    if result.as_array().is_some_and(|rows| rows.len() > MOST_ROWS) {
        return Err(wire::OtherShape(name));
    }
    Ok(wire::read::<Rows<T>>(result, name)?.0)
}

/// The largest id of a full page, after which there may be more.
pub(crate) fn full<T>(rows: &[T], id: impl Fn(&T) -> u64) -> Option<u64> {
    if rows.len() < PAGE {
        return None;
    }
    rows.iter().map(id).max()
}
