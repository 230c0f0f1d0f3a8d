//! Counterparties: our own records, each under its INN and KPP, or under the portal's record where there is no INN; that is its
//! id as well.

use async_trait::async_trait;
use capability::accounting::{Counterparties, Found};
use capability::{Call, ConnectorError};
use domain::observed::KnownCounterparty;
use domain::{ContractorId, Counterparty, Inn, OrganisationId, Who};

use crate::Office;
use crate::error::failed;

#[async_trait]
impl Counterparties for Office {
    async fn find(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        inns: &[Inn],
    ) -> Result<Found, ConnectorError> {
        let all: Vec<Who> = inns.iter().cloned().map(Who::Inn).collect();
        Ok(self.of(call, organisation, &all).await?.into())
    }

    async fn find_ours(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        counterparties: &[Counterparty],
    ) -> Result<Vec<KnownCounterparty>, ConnectorError> {
        let all = counterparties.iter().map(|one| one.key.who.clone());
        let all: Vec<Who> = all.collect();
        self.of(call, organisation, &all).await
    }

    async fn is_still_ours(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        counterparty: &Counterparty,
        id: &ContractorId,
    ) -> Result<bool, ConnectorError> {
        let all = [counterparty.key.who.clone()];
        let found = self.of(call, organisation, &all).await?;
        Ok(found.iter().any(|one| one.id == *id))
    }

    async fn create(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        counterparty: &Counterparty,
        _: &str,
    ) -> Result<ContractorId, ConnectorError> {
        let now = (self.now)();
        self.books
            .add_counterparty(call.portal(), organisation, counterparty, now)
            .await
            .map_err(failed("add-counterparty"))?;
        Ok(id_of(counterparty))
    }
}

impl Office {
    async fn of(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        all: &[Who],
    ) -> Result<Vec<KnownCounterparty>, ConnectorError> {
        let books = &self.books;
        let found = books.counterparties(call.portal(), organisation, all).await;
        let found = found.map_err(failed("find-counterparties"))?;
        Ok(found
            .into_iter()
            .map(|counterparty| KnownCounterparty {
                id: id_of(&counterparty),
                counterparty,
            })
            .collect())
    }
}

fn id_of(counterparty: &Counterparty) -> ContractorId {
    ContractorId::new(counterparty.key.to_string())
}
