//! Counterparties: our own records, each under its INN and KPP, which are its id as well.

use async_trait::async_trait;
use capability::accounting::Counterparties;
use capability::{Call, ConnectorError};
use domain::observed::KnownCounterparty;
use domain::{ContractorId, Counterparty, Inn, OrganisationId};

use crate::Office;
use crate::error::failed;

#[async_trait]
impl Counterparties for Office {
    async fn find(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        inns: &[Inn],
    ) -> Result<Vec<KnownCounterparty>, ConnectorError> {
        let books = &self.books;
        let found = books
            .counterparties(call.portal(), organisation, inns)
            .await;
        let found = found.map_err(failed("find-counterparties"))?;
        Ok(found
            .into_iter()
            .map(|counterparty| KnownCounterparty {
                id: id_of(&counterparty),
                counterparty,
            })
            .collect())
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

fn id_of(counterparty: &Counterparty) -> ContractorId {
    ContractorId::new(counterparty.key.to_string())
}
