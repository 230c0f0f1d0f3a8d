//! Counterparties: found by INN, created once.
//!
//! After a lost answer a contractor is looked up by its natural key, INN and KPP: the service keeps it unique. One without an
//! INN bears our mark in its comment: the search proposes those of its name, and the mark decides.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use capability::accounting::{Counterparties, Found};
use capability::{Call, ConnectorError};
use domain::observed::KnownCounterparty;
use domain::{ContractorId, Counterparty, Inn, OrganisationId};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use serde::Deserialize as _;
use serde_json::Value;

use crate::client::Ask;
use crate::error::{Asked, Nature};
use crate::{Kontur, mark, translate, wire};

/// Searches under way at one time.
const SEARCHES_AT_ONCE: usize = 20;
/// The greatest page of a search.
const PAGE: usize = 100;
/// Nobody has that many contractors with one INN: the service is not paging.
const MOST_PAGES: usize = 50;

const SEARCH: Asked = Asked {
    operation: "searchContractors",
    nature: Nature::Read,
};

/// All contractors with one INN; the error of one that cannot be read.
type OfInn = Result<Vec<KnownCounterparty>, ConnectorError>;

#[async_trait]
impl Counterparties for Kontur {
    /// The contract's search takes one INN at a time, so several searches are under way together. After one that failed
    /// no other begins; those that have begun come to their end, because the one that asks whether the service is back
    /// may be among them.
    async fn find(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        inns: &[Inn],
    ) -> Result<Found, ConnectorError> {
        let mut distinct: BTreeSet<&Inn> = inns.iter().collect();
        let mut searches: FuturesUnordered<BoxFuture<'_, (&Inn, Result<OfInn, ConnectorError>)>> =
            FuturesUnordered::new();
        let mut found = BTreeMap::new();
        let mut unread = BTreeMap::new();
        let mut failed = None;
        loop {
            while failed.is_none() && searches.len() < SEARCHES_AT_ONCE {
                let Some(inn) = distinct.pop_first() else {
                    break;
                };
                let search = async move { (inn, self.with_inn(call, organisation, inn).await) };
                searches.push(search.boxed());
            }
            match searches.next().await {
                Some((_, Ok(Ok(known)))) => {
                    found.extend(known.into_iter().map(|known| (known.id.clone(), known)));
                }
                Some((inn, Ok(Err(error)))) => {
                    unread.insert(inn.clone(), error);
                }
                Some((_, Err(error))) => {
                    failed.get_or_insert(error);
                }
                None => break,
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(Found {
                known: found.into_values().collect(),
                unread,
            }),
        }
    }

    async fn find_ours(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        counterparties: &[Counterparty],
    ) -> Result<Vec<KnownCounterparty>, ConnectorError> {
        let mut found = Vec::new();
        for counterparty in counterparties {
            let filter = wire::ContractorFilter {
                name: Some(translate::full_name(counterparty)),
                ..wire::ContractorFilter::default()
            };
            for row in self.search(call, organisation, filter).await? {
                let contractor = match read(&row) {
                    Ok(contractor) => contractor,
                    Err(error) if may_be_marked(&row, counterparty) => return Err(error),
                    Err(_) => continue,
                };
                if is_marked(&contractor, counterparty) {
                    found.push(KnownCounterparty {
                        id: ContractorId::new(contractor.id),
                        counterparty: counterparty.clone(),
                    });
                }
            }
        }
        Ok(found)
    }

    async fn is_still_ours(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        counterparty: &Counterparty,
        id: &ContractorId,
    ) -> Result<bool, ConnectorError> {
        let path = [
            "organizations",
            organisation.as_str(),
            "contractors",
            id.as_str(),
        ];
        let ask = Ask::get("getContractor", &path);
        match self.client.json::<wire::Contractor>(call, ask).await {
            Ok(found) => Ok(found.is_active() && is_marked(&found, counterparty)),
            Err(failure) if failure.is_not_found() => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn create(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        counterparty: &Counterparty,
        key: &str,
    ) -> Result<ContractorId, ConnectorError> {
        let path = ["organizations", organisation.as_str(), "contractors"];
        let ask = Ask::write("createContractor", &path)
            .body(&translate::contractor_to_save(counterparty))
            .idempotency_key(self.offers.idempotency_key.then(|| mark::visible(key)));
        let failure = match self.client.json::<wire::Contractor>(call, ask).await {
            Ok(created) => return Ok(ContractorId::new(created.id)),
            Err(failure) => failure,
        };
        match &failure.refusal {
            Some(refusal) if refusal.code == "contractorExists" => {
                if let Some(id) = &refusal.existing_id {
                    return Ok(ContractorId::new(id));
                }
            }
            _ => return Err(failure.into()),
        }
        // It exists, and the answer does not say which one it is.
        let Some(inn) = counterparty.key.who.inn() else {
            return Err(failure.into());
        };
        let Ok(same_inn) = self.with_inn(call, organisation, inn).await? else {
            return Err(failure.into());
        };
        let mut same = same_inn
            .into_iter()
            .filter(|known| known.counterparty.key == counterparty.key);
        match (same.next(), same.next()) {
            (Some(one), None) => Ok(one.id),
            _ => Err(failure.into()),
        }
    }
}

/// Whether a contractor bears our own id of this counterparty.
fn is_marked(contractor: &wire::Contractor, counterparty: &Counterparty) -> bool {
    let comment = contractor.comment.as_deref().unwrap_or_default();
    mark::keys(comment).contains(&translate::own_mark(&counterparty.key))
}

/// The same of one that cannot be read: its comment shows the mark, or cannot be read either.
fn may_be_marked(row: &Value, counterparty: &Counterparty) -> bool {
    match row.get("comment") {
        Some(Value::String(comment)) => {
            mark::keys(comment).contains(&translate::own_mark(&counterparty.key))
        }
        Some(Value::Null) => false,
        None => !row.is_object(),
        Some(_) => true,
    }
}

fn read(row: &Value) -> Result<wire::Contractor, ConnectorError> {
    let contractor = wire::Contractor::deserialize(row);
    contractor.map_err(|_| {
        let failure = SEARCH.undecodable("a contractor is not what the contract promises");
        failure.error
    })
}

impl Kontur {
    async fn with_inn(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        inn: &Inn,
    ) -> Result<OfInn, ConnectorError> {
        let filter = wire::ContractorFilter {
            inn: Some(inn.as_str()),
            ..wire::ContractorFilter::default()
        };
        let mut all = Vec::new();
        for row in self.search(call, organisation, filter).await? {
            // A service that ignores the filter must not hand us strangers.
            match read(&row) {
                Ok(contractor) => {
                    let known = translate::counterparty(contractor);
                    all.extend(known.filter(|one| one.counterparty.key.who.inn() == Some(inn)));
                }
                Err(error) => {
                    let told = row.get("inn").and_then(Value::as_str);
                    if told.is_none_or(|told| told == inn.as_str()) {
                        return Ok(Err(error));
                    }
                }
            }
        }
        Ok(Ok(all))
    }

    async fn search(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        filter: wire::ContractorFilter<'_>,
    ) -> Result<Vec<Value>, ConnectorError> {
        let path = [
            "organizations",
            organisation.as_str(),
            "contractors",
            "search",
        ];
        let mut all = Vec::new();
        for page in 0..MOST_PAGES {
            let ask = Ask::search(SEARCH.operation, &path).body(&wire::ContractorSearch {
                offset: page.saturating_mul(PAGE),
                limit: PAGE,
                filter,
            });
            let found: wire::ContractorsFound = self.client.json(call, ask).await?;
            let last = found.contractors.len() < PAGE;
            all.extend(found.contractors);
            if last {
                break;
            }
        }
        Ok(all)
    }
}
