//! The office's books are kept in our own database: here its connector and the store meet.
//!
//! A connector sees no store and the store no connector, so each call is handed on in the other's words. The program and
//! the simulator bring them together by this. Not here: what the accountant asks of the books (`cli::register`).

use async_trait::async_trait;
use connector_office::{Books, BooksError, NewBill, Recorded, Series};
use domain::{Counterparty, Invoice, InvoiceId, OrganisationId, PortalId, Verdict, Who};
use jiff::Timestamp;
use store::{OfficeBill, Store, StoreError};

/// The books in our own database.
#[derive(Debug)]
pub struct StoredBooks(pub Store);

#[async_trait]
impl Books for StoredBooks {
    async fn record(
        &self,
        portal: &PortalId,
        bill: &NewBill,
        now: Timestamp,
    ) -> Result<Recorded, BooksError> {
        let new = store::NewBill {
            key: bill.key.clone(),
            contractor: bill.contractor.clone(),
            draft: bill.draft.clone(),
            totals: bill.totals,
            test: bill.test,
            prefix: bill.prefix.clone(),
            first: bill.first,
        };
        let recorded = self.0.office_record(portal, &new, now).await;
        Ok(match recorded.map_err(failed)? {
            store::Recorded::Bill(bill) => Recorded::Invoice(Box::new(bill.invoice())),
            store::Recorded::OfAnotherRevision(_) => Recorded::OfAnotherRevision,
            store::Recorded::NotUnderWay => Recorded::NotUnderWay,
            store::Recorded::NumberTaken => Recorded::NumberTaken,
            store::Recorded::OfAnotherKind => Recorded::OfAnotherKind,
        })
    }

    async fn by_key(
        &self,
        portal: &PortalId,
        keys: &[String],
    ) -> Result<Vec<(String, Invoice)>, BooksError> {
        let bills = self.0.office_bills_by_key(portal, keys).await;
        let bills = bills.map_err(failed)?;
        Ok(bills
            .into_iter()
            .map(|bill| (bill.key.clone(), bill.invoice()))
            .collect())
    }

    async fn by_id(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        ids: &[InvoiceId],
    ) -> Result<Vec<Invoice>, BooksError> {
        let bills = self.0.office_bills_by_id(portal, organisation, ids).await;
        let bills = bills.map_err(failed)?;
        Ok(bills.iter().map(OfficeBill::invoice).collect())
    }

    async fn by_number(&self, portal: &PortalId, number: &str) -> Result<Vec<Invoice>, BooksError> {
        let bills = self.0.office_bills_by_number(portal, number).await;
        let bills = bills.map_err(failed)?;
        Ok(bills.iter().map(OfficeBill::invoice).collect())
    }

    async fn is_taken(
        &self,
        portal: &PortalId,
        series: &Series,
        number: &str,
    ) -> Result<bool, BooksError> {
        let series = store::Series {
            organisation: series.organisation.clone(),
            year: series.year.into(),
            prefix: series.prefix.clone(),
            first: series.first,
        };
        let taken = self.0.office_is_taken(portal, &series, number).await;
        taken.map_err(failed)
    }

    async fn next_number(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        year: i16,
    ) -> Result<Option<u32>, BooksError> {
        let next = self.0.office_next(portal, organisation, year.into()).await;
        let next = next.map_err(failed)?;
        Ok(next.and_then(|next| u32::try_from(next).ok()))
    }

    async fn counterparties(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        all: &[Who],
    ) -> Result<Vec<Counterparty>, BooksError> {
        let found = self.0.office_counterparties(portal, organisation, all);
        found.await.map_err(failed)
    }

    async fn add_counterparty(
        &self,
        portal: &PortalId,
        organisation: &OrganisationId,
        counterparty: &Counterparty,
        now: Timestamp,
    ) -> Result<(), BooksError> {
        let put = self
            .0
            .office_counterparty_put(portal, organisation, counterparty, now);
        put.await.map_err(failed)
    }
}

/// Unless the outcome of a commit is unknown, nothing of a call that failed was stored.
fn failed(error: StoreError) -> BooksError {
    let verdict = match &error {
        _ if error.is_passing() => Verdict::Retry { after: None },
        // The process ends; the next one looks what was stored.
        StoreError::UnknownCommit(_) | StoreError::Halted(_) => Verdict::Verify,
        _ => Verdict::Defect,
    };
    BooksError {
        verdict,
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_surely_was_not_stored_is_sent_again_unseen() {
        let retry = Verdict::Retry { after: None };
        for (error, verdict) in [
            (StoreError::Busy("x".into()), retry),
            (StoreError::DiskFull("x".into()), retry),
            (StoreError::Unreachable("x".into()), retry),
            (StoreError::UnknownCommit("x".into()), Verdict::Verify),
            (StoreError::Halted("x".to_owned()), Verdict::Verify),
            (StoreError::Misconfigured("x".to_owned()), Verdict::Defect),
        ] {
            assert_eq!(failed(error).verdict, verdict);
        }
    }
}
