//! Reading invoices by id and by number; the books forget none, so one that is not there never was.

use std::collections::BTreeMap;

use async_trait::async_trait;
use capability::accounting::ReadInvoices;
use capability::{Call, ConnectorError};
use domain::{Invoice, InvoiceId, OrganisationId};
use jiff::civil::Date;

use crate::error::failed;
use crate::{Office, Series};

#[async_trait]
impl ReadInvoices for Office {
    async fn read(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        ids: &[InvoiceId],
    ) -> Vec<Result<Option<Invoice>, ConnectorError>> {
        let found = self.books.by_id(call.portal(), organisation, ids).await;
        let found = match found.map_err(failed("read")) {
            Ok(found) => found,
            Err(error) => return ids.iter().map(|_| Err(error.clone())).collect(),
        };
        let by_id: BTreeMap<&InvoiceId, &Invoice> =
            found.iter().map(|invoice| (&invoice.id, invoice)).collect();
        ids.iter()
            .map(|id| Ok(by_id.get(id).map(|invoice| (*invoice).clone())))
            .collect()
    }

    async fn with_number(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        number: &str,
    ) -> Result<Vec<Invoice>, ConnectorError> {
        let found = self.books.by_number(call.portal(), number).await;
        let mut found = found.map_err(failed("find-by-number"))?;
        found.retain(|invoice| invoice.seller == *organisation);
        Ok(found)
    }

    async fn is_number_taken(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        number: &str,
        day: Date,
    ) -> Result<bool, ConnectorError> {
        let organisation = self.organisation(organisation)?;
        let series = Series {
            organisation: organisation.id.clone(),
            year: day.year(),
            prefix: organisation.prefix_of(day.year()),
            first: organisation.first_of(day.year()),
        };
        let taken = self.books.is_taken(call.portal(), &series, number).await;
        taken.map_err(failed("find-by-number"))
    }
}
