//! Reading deals: the glance, the whole look, and the proof that one is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use capability::portal::{FieldPage, Presence, ReadDeals, Reading};
use capability::{Call, ConnectorError};
use domain::observed::{
    ChosenRequisites, DealGlance, DealReading, OwnCompany, Owner, Requisite, SmartInvoice,
};
use domain::{BankDetailId, CompanyId, DealId, FunnelId, RequisiteId, StageId, Verdict};
use serde_json::json;

use crate::command::Command;
use crate::connection::{Connector, MOST_AHEAD};
use crate::error::{Effect, other_shape};
use crate::fields::{FieldKinds, kinds};
use crate::gather::{
    DEAL_FIELDS, Gathering, PAGE, deals_command, full, items, own_companies_command,
};
use crate::pace::MOST_COMMANDS;
use crate::translate::{COMPANY, CONTACT};
use crate::{translate, wire};

#[async_trait]
impl ReadDeals for Connector {
    async fn glance(
        &self,
        call: &Call<'_>,
        ids: &[DealId],
    ) -> Result<Vec<DealGlance>, ConnectorError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<u64> = ids.iter().map(|id| id.0).collect();
        let select = self.glanced();
        let mut commands: Vec<Command> = ids
            .chunks(PAGE)
            .map(|chunk| deals_command(chunk, &select))
            .collect();
        let lists = commands.len();
        let kinds_unknown = self.known_kinds().is_none();
        if kinds_unknown {
            commands.push(fields_command());
        }
        // The first whole reading would need a request more for what hangs on them.
        let own_unknown = self.are_own_unknown() && commands.len() < MOST_COMMANDS;
        if own_unknown {
            commands.push(own_companies_command(0));
        }
        let mut results = self.client.batch(call, &commands, Effect::Read).await;
        if own_unknown {
            self.learn_own(results.pop());
        }
        if kinds_unknown {
            self.learn_kinds(results.split_off(lists).pop());
        }
        let known = self.known_kinds().unwrap_or_default();
        let mut glances = Vec::with_capacity(ids.len());
        for result in results {
            let found = items::<wire::DealItem>(result?).map_err(unreadable)?;
            self.remember_buyers(
                found
                    .iter()
                    .map(|deal| (deal.id.0, (deal.company_id.0, deal.contact_id.0))),
            );
            for item in found {
                glances.push(translate::glance(item, &self.fields, &known).map_err(unreadable)?);
            }
        }
        Ok(glances)
    }

    async fn read(&self, call: &Call<'_>, ids: &[DealId]) -> Result<Reading, ConnectorError> {
        let ids: Vec<u64> = ids.iter().map(|id| id.0).collect();
        let mut gathering = self.first_wants(&ids);
        gathering.our_fields = self.fields.names().map(str::to_owned).collect();
        gathering.unknown = self.unknown_buyers();
        gathering.reads_names = self.fields.reads_contacts();
        gathering.read(&self.client, call).await?;
        self.remember_buyers(
            gathering
                .deals
                .values()
                .map(|deal| (deal.id.0, (deal.company_id.0, deal.contact_id.0))),
        );
        self.remember_gathered(&gathering);
        let known = self.known_kinds().unwrap_or_default();
        assemble(gathering, &ids, self, &known).map_err(unreadable)
    }

    fn at_once(&self, ids: &[DealId]) -> usize {
        let ids: Vec<u64> = ids.iter().map(|id| id.0).collect();
        let fits = |count: usize| {
            let wants = self.first_wants(ids.get(..count).unwrap_or_default());
            let methods = wants.methods();
            self.client.pace.fit(methods.iter().copied(), Effect::Read) == methods.len()
        };
        let (mut fit, mut beyond) = (1, ids.len().saturating_add(1));
        while beyond.saturating_sub(fit) > 1 {
            let middle = fit.midpoint(beyond);
            if fits(middle) {
                fit = middle;
            } else {
                beyond = middle;
            }
        }
        fit
    }

    async fn presence(
        &self,
        call: &Call<'_>,
        ids: &[DealId],
    ) -> Result<Vec<(DealId, Presence)>, ConnectorError> {
        let commands: Vec<Command> = ids
            .iter()
            .map(|id| Command::new("crm.item.get", json!({"entityTypeId": 2, "id": id.0})))
            .collect();
        let results = self.client.batch(call, &commands, Effect::Read).await;
        let mut seen = Vec::with_capacity(ids.len());
        let mut failure = None;
        for (id, result) in ids.iter().zip(results) {
            match result {
                Ok(value) => match wire::read::<wire::OneItem>(value, "item") {
                    Ok(one) if one.item.id.0 == id.0 => seen.push((*id, Presence::Visible)),
                    Ok(_) | Err(_) => failure = Some(unreadable(wire::OtherShape("item"))),
                },
                Err(error) => match (error.verdict, error.code.as_str()) {
                    (Verdict::Reject, "not_found") => seen.push((*id, Presence::Gone)),
                    (Verdict::Reject, "access_denied") => seen.push((*id, Presence::Denied)),
                    _ => failure = Some(error),
                },
            }
        }
        // Some answers prove something even where others failed; those left out are simply not known.
        match failure {
            Some(error) if seen.is_empty() => Err(error),
            _ => Ok(seen),
        }
    }

    /// A value that is no text, number or flag is passed over: nobody wrote it there by hand.
    async fn with_field(
        &self,
        call: &Call<'_>,
        field: &str,
        funnels: &[FunnelId],
        after: Option<DealId>,
    ) -> Result<FieldPage, ConnectorError> {
        if funnels.is_empty() {
            // An empty list in a filter of the portal is no filter.
            return Ok(FieldPage::default());
        }
        let funnels: Vec<u64> = funnels.iter().map(|funnel| funnel.0).collect();
        let filled = format!("!={field}");
        let filter = json!({"@categoryId": funnels, ">id": after.map_or(0, |id| id.0), filled: ""});
        let command = Command::new(
            "crm.item.list",
            json!({
                "entityTypeId": 2, "filter": filter, "order": {"id": "ASC"}, "select": ["id", field],
                "useOriginalUfNames": "Y", "start": -1,
            }),
        );
        let mut results = self.client.batch(call, &[command], Effect::Read).await;
        let page = results.pop().transpose()?.unwrap_or_default();
        let found = items::<wire::FieldItem>(page).map_err(unreadable)?;
        let next = full(&found, |item| item.id.0).map(DealId);
        let value =
            |item: wire::FieldItem| Some((DealId(item.id.0), plain(item.fields.get(field)?)?));
        Ok(FieldPage {
            values: found.into_iter().filter_map(value).collect(),
            next,
        })
    }

    async fn entered(
        &self,
        call: &Call<'_>,
        ids: &[DealId],
        stages: &[StageId],
    ) -> Result<Vec<DealId>, ConnectorError> {
        self.read_entered(call, ids, stages).await
    }

    async fn smart_invoices(
        &self,
        call: &Call<'_>,
        ids: &[DealId],
    ) -> Result<Vec<SmartInvoice>, ConnectorError> {
        self.read_smart_invoices(call, ids).await
    }
}

fn plain(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => None,
    }
}

impl Connector {
    /// The fields of a deal that a glance shows.
    pub(crate) fn glanced(&self) -> Vec<&str> {
        DEAL_FIELDS.into_iter().chain(self.fields.names()).collect()
    }

    /// What the first request of a whole look asks for.
    fn first_wants(&self, ids: &[u64]) -> Gathering {
        let mut gathering = Gathering::new(&self.density);
        gathering.want_deals(ids);
        gathering.want_own_companies();
        self.want_ahead(&mut gathering, ids);
        gathering
    }

    fn are_own_unknown(&self) -> bool {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.own.is_empty()
    }

    /// What cannot be read here is met by the reading that needs it.
    fn learn_own(&self, result: Option<Result<serde_json::Value, ConnectorError>>) {
        let Some(Ok(value)) = result else {
            return;
        };
        let found = items::<wire::BriefItem>(value).unwrap_or_default();
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.own = found.into_iter().map(|company| company.id.0).collect();
    }

    /// Companies of deals that were glanced at, of whose requisites nothing is known.
    fn unknown_buyers(&self) -> Vec<u64> {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let companies = ahead.buyers.values().filter_map(|(company, _)| *company);
        let unknown = companies.filter(|id| !ahead.requisites.contains_key(&(COMPANY, *id)));
        unknown.collect::<BTreeSet<u64>>().into_iter().collect()
    }

    fn want_ahead(&self, gathering: &mut Gathering, ids: &[u64]) {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let buyers: Vec<_> = ids
            .iter()
            .filter_map(|id| ahead.buyers.get(id).copied())
            .collect();
        let companies = || buyers.iter().filter_map(|(company, _)| *company);
        let contacts = || buyers.iter().filter_map(|(_, contact)| *contact);
        gathering.want_companies(companies(), true);
        gathering.want_contacts(contacts());
        gathering.want_companies(ahead.own.iter().copied(), false);
        let owners = companies()
            .chain(ahead.own.iter().copied())
            .map(|id| (COMPANY, id))
            .chain(contacts().map(|id| (CONTACT, id)));
        let requisites = owners
            .filter_map(|owner| ahead.requisites.get(&owner))
            .flatten()
            .copied();
        gathering.want_hanging_on(requisites);
    }

    pub(crate) fn remember_gathered(&self, gathering: &Gathering) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.own = gathering.own.keys().copied().collect();
        if ahead.requisites.len() > MOST_AHEAD {
            ahead.requisites.clear();
        }
        for (owner, requisites) in &gathering.learnt {
            let of_owner = ahead.requisites.entry(*owner).or_default();
            of_owner.extend(requisites);
        }
    }

    /// A refusal is remembered as "nothing is known", so that it is not asked with every glance.
    pub(crate) fn learn_kinds(&self, result: Option<Result<serde_json::Value, ConnectorError>>) {
        let learnt = match result {
            Some(Ok(value)) => kinds(&value),
            Some(Err(error)) if error.verdict == Verdict::Reject => FieldKinds::new(),
            Some(Err(_)) | None => return,
        };
        *self.kinds.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(learnt));
    }
}

/// Our own legal entities out of what was gathered.
pub(crate) fn own_companies(
    gathering: &Gathering,
    all: &BTreeMap<u64, Requisite>,
) -> Vec<OwnCompany> {
    let companies = gathering.own.iter();
    companies
        .map(|(&id, title)| OwnCompany {
            id: CompanyId(id),
            title: title.clone(),
            requisites: of_owner(gathering, all, Owner::Company(CompanyId(id))),
        })
        .collect()
}

/// All requisites that were gathered, with banks and address.
pub(crate) fn requisites(gathering: &Gathering) -> BTreeMap<u64, Requisite> {
    let mut all: BTreeMap<u64, Requisite> = BTreeMap::new();
    for (&id, row) in &gathering.requisites {
        if let Some(mut requisite) = translate::requisite(row.clone()) {
            let addresses = gathering.addresses.get(&id).map(Vec::as_slice);
            requisite.address = translate::address(addresses.unwrap_or_default());
            all.insert(id, requisite);
        }
    }
    let mut banks: Vec<&wire::BankDetail> = gathering.banks.values().collect();
    banks.sort_by_key(|bank| (translate::sort_key(&bank.sort), bank.id.0));
    for bank in banks {
        let requisite = bank.entity_id.0.and_then(|id| all.get_mut(&id));
        if let Some(requisite) = requisite {
            requisite.banks.push(translate::bank(bank.clone()));
        }
    }
    all
}

/// One owner's requisites in the portal's order.
fn of_owner(gathering: &Gathering, all: &BTreeMap<u64, Requisite>, owner: Owner) -> Vec<Requisite> {
    let order = |requisite: &&Requisite| {
        let row = gathering.requisites.get(&requisite.id.0);
        (
            row.map_or(u64::MAX, |row| translate::sort_key(&row.sort)),
            requisite.id.0,
        )
    };
    let mut found: Vec<&Requisite> = all
        .values()
        .filter(|requisite| requisite.owner == owner)
        .collect();
    found.sort_by_key(order);
    found.into_iter().cloned().collect()
}

fn assemble(
    mut gathering: Gathering,
    ids: &[u64],
    connector: &Connector,
    kinds: &FieldKinds,
) -> Result<Reading, wire::OtherShape> {
    let all = requisites(&gathering);
    let own = own_companies(&gathering, &all);
    let mut rows: BTreeMap<u64, Vec<wire::ProductRow>> = BTreeMap::new();
    for row in std::mem::take(&mut gathering.rows).into_values() {
        rows.entry(row.owner_id.0).or_default().push(row);
    }
    let mut history: BTreeMap<u64, Vec<wire::StageEntry>> = BTreeMap::new();
    // By id, which is the order of entering.
    for entry in std::mem::take(&mut gathering.history).into_values() {
        history.entry(entry.owner_id.0).or_default().push(entry);
    }
    let mut deals = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(item) = gathering.deals.remove(id) else {
            continue;
        };
        let (company, contact) = (item.company_id.0, item.contact_id.0);
        let chosen = gathering.links.get(id).map(chosen).unwrap_or_default();
        let mut glance = translate::glance(item, &connector.fields, kinds)?;
        glance.deal.own_company = chosen.seller.and_then(|seller| owner_of(&all, seller));
        let mut of_deal = rows.remove(id).unwrap_or_default();
        of_deal.sort_by_key(|row| (translate::sort_key(&row.sort), row.id.0));
        let entries = history.remove(id).unwrap_or_default();
        deals.push(DealReading {
            glance,
            history: entries
                .into_iter()
                .map(translate::stage_entry)
                .collect::<Result<_, _>>()?,
            rows: of_deal
                .into_iter()
                .map(translate::row)
                .collect::<Result<_, _>>()?,
            requisites: of_buyer(&gathering, &all, company, contact, &chosen),
            chosen,
            company_title: company.and_then(|company| gathering.titles.get(&company).cloned()),
            contact_name: contact
                .filter(|_| company.is_none())
                .and_then(|contact| gathering.names.get(&contact).cloned()),
        });
    }
    Ok(Reading {
        deals,
        own_companies: own,
    })
}

/// The company's, then the contact's, then one that was chosen although it is neither's.
fn of_buyer(
    gathering: &Gathering,
    all: &BTreeMap<u64, Requisite>,
    company: Option<u64>,
    contact: Option<u64>,
    chosen: &ChosenRequisites,
) -> Vec<Requisite> {
    let mut found = Vec::new();
    if let Some(company) = company {
        found.extend(of_owner(gathering, all, Owner::Company(CompanyId(company))));
    }
    if let Some(contact) = contact {
        found.extend(of_owner(
            gathering,
            all,
            Owner::Contact(domain::ContactId(contact)),
        ));
    }
    if let Some(buyer) = chosen.buyer
        && !found.iter().any(|requisite| requisite.id == buyer)
    {
        found.extend(all.get(&buyer.0).cloned());
    }
    found
}

fn owner_of(all: &BTreeMap<u64, Requisite>, id: RequisiteId) -> Option<CompanyId> {
    match all.get(&id.0)?.owner {
        Owner::Company(company) => Some(company),
        Owner::Contact(_) => None,
    }
}

fn chosen(link: &wire::RequisiteLink) -> ChosenRequisites {
    ChosenRequisites {
        buyer: link.requisite_id.0.map(RequisiteId),
        seller: link.mc_requisite_id.0.map(RequisiteId),
        seller_bank: link.mc_bank_detail_id.0.map(BankDetailId),
    }
}

pub(crate) fn fields_command() -> Command {
    Command::new(
        "crm.item.fields",
        json!({"entityTypeId": 2, "useOriginalUfNames": "Y"}),
    )
}

fn unreadable(shape: wire::OtherShape) -> ConnectorError {
    other_shape(Effect::Read, "crm.item.list", shape.to_string())
}
