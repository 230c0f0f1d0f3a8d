//! Counterparties: found by INN, created once.
//!
//! After a lost answer a contractor is looked up by its natural key, INN and KPP: the service keeps it unique. One without an
//! INN bears our mark in its comment: the search proposes those of its name, and the mark decides.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use capability::accounting::Counterparties;
use capability::{Call, ConnectorError};
use domain::observed::KnownCounterparty;
use domain::{ContractorId, Counterparty, Inn, OrganisationId};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::client::Ask;
use crate::{Kontur, mark, translate, wire};

/// Searches under way at one time.
const SEARCHES_AT_ONCE: usize = 20;
/// The greatest page of a search.
const PAGE: usize = 100;
/// Nobody has that many contractors with one INN: the service is not paging.
const MOST_PAGES: usize = 50;

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
    ) -> Result<Vec<KnownCounterparty>, ConnectorError> {
        let mut distinct: BTreeSet<&Inn> = inns.iter().collect();
        let mut searches: FuturesUnordered<
            BoxFuture<'_, Result<Vec<KnownCounterparty>, ConnectorError>>,
        > = FuturesUnordered::new();
        let mut found = BTreeMap::new();
        let mut failed = None;
        loop {
            while failed.is_none() && searches.len() < SEARCHES_AT_ONCE {
                let Some(inn) = distinct.pop_first() else {
                    break;
                };
                searches.push(self.with_inn(call, organisation, inn).boxed());
            }
            match searches.next().await {
                Some(Ok(known)) => {
                    found.extend(known.into_iter().map(|known| (known.id.clone(), known)));
                }
                Some(Err(error)) => {
                    failed.get_or_insert(error);
                }
                None => break,
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(found.into_values().collect()),
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
            let named = self.search(call, organisation, filter).await?;
            let ours = named
                .into_iter()
                .filter(|contractor| is_marked(contractor, counterparty));
            found.extend(ours.map(|contractor| KnownCounterparty {
                id: ContractorId::new(contractor.id),
                counterparty: counterparty.clone(),
            }));
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
        let same_inn = self.with_inn(call, organisation, inn).await?;
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

impl Kontur {
    async fn with_inn(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        inn: &Inn,
    ) -> Result<Vec<KnownCounterparty>, ConnectorError> {
        let filter = wire::ContractorFilter {
            inn: Some(inn.as_str()),
            ..wire::ContractorFilter::default()
        };
        let found = self.search(call, organisation, filter).await?;
        let known = found.into_iter().filter_map(translate::counterparty);
        // A service that ignores the filter must not hand us strangers.
        Ok(known
            .filter(|known| known.counterparty.key.who.inn() == Some(inn))
            .collect())
    }

    async fn search(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        filter: wire::ContractorFilter<'_>,
    ) -> Result<Vec<wire::Contractor>, ConnectorError> {
        let path = [
            "organizations",
            organisation.as_str(),
            "contractors",
            "search",
        ];
        let mut all = Vec::new();
        for page in 0..MOST_PAGES {
            let ask = Ask::search("searchContractors", &path).body(&wire::ContractorSearch {
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
