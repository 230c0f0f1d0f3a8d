//! Issuing: the invoice gets its number and is recorded in one transaction of the books.

use async_trait::async_trait;
use capability::accounting::{InvoiceOrder, IssueInvoices, Marked};
use capability::{Call, ConnectorError};
use domain::{Invoice, OrganisationId, Verdict};
use jiff::Timestamp;

use crate::error::{error, failed};
use crate::{NewBill, Office, Organisation, Recorded};

const RECORD: &str = "record";

#[async_trait]
impl IssueInvoices for Office {
    async fn issue(
        &self,
        call: &Call<'_>,
        order: &InvoiceOrder,
    ) -> Result<Invoice, ConnectorError> {
        let bill = self.bill(order)?;
        let now = (self.now)();
        if call.expires().is_some_and(|expires| now > expires) {
            let again = Verdict::Retry { after: None };
            let why = "what it rests on was read too long ago";
            return Err(error(RECORD, again, "too-late", why));
        }
        let recorded = self.books.record(call.portal(), &bill, now).await;
        match recorded.map_err(failed(RECORD))? {
            Recorded::Invoice(invoice) => Ok(*invoice),
            Recorded::NotUnderWay => {
                let again = Verdict::Retry { after: None };
                let why = "its create was given up meanwhile, nothing was recorded";
                Err(error(RECORD, again, "not-under-way", why))
            }
            Recorded::NumberTaken => {
                let number = bill.draft.number.unwrap_or_default();
                let why = format!(
                    "номер {number} смарт-счёта уже есть у другого счёта этого года или меньше первого номера серии (`next`), такие давали от руки: смените его на портале"
                );
                Err(error(RECORD, Verdict::Reject, "number-taken", why))
            }
            Recorded::OfAnotherKind => {
                let why = format!(
                    "у организации `{}` в одном году и настоящие счета, и образцы: дайте тестовой организации свой `id` в `accounting.organisations`",
                    bill.draft.seller
                );
                Err(error(RECORD, Verdict::Reject, "of-another-kind", why))
            }
            Recorded::OfAnotherRevision => {
                let why = "the books hold another invoice under this key";
                Err(error(RECORD, Verdict::Verify, "key-reused", why))
            }
        }
    }

    /// Our own books let everything through.
    async fn room(&self, _: &Call<'_>) -> u32 {
        u32::MAX
    }

    /// By key alone: the books find it however long ago it was recorded.
    async fn find_marked(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        _: Timestamp,
        keys: &[String],
    ) -> Result<Marked, ConnectorError> {
        let found = self.books.by_key(call.portal(), keys).await;
        let mut found = found.map_err(failed("find-by-key"))?;
        found.retain(|(_, invoice)| invoice.seller == *organisation);
        Ok(Marked {
            found,
            ..Marked::default()
        })
    }

    /// The key is unique in the books.
    fn honours_idempotency_key(&self) -> bool {
        true
    }
}

impl Office {
    fn bill(&self, order: &InvoiceOrder) -> Result<NewBill, ConnectorError> {
        let InvoiceOrder {
            contractor,
            draft,
            key,
        } = order;
        let organisation = self.organisation(&draft.seller)?;
        let totals = draft
            .totals()
            .map_err(|why| error(RECORD, Verdict::Reject, "not-expressible", why.to_string()))?;
        let year = draft.date.year();
        Ok(NewBill {
            key: key.clone(),
            contractor: contractor.clone(),
            draft: draft.clone(),
            totals: totals.amounts(),
            test: organisation.test,
            prefix: organisation.prefix_of(year),
            first: organisation.first_of(year),
        })
    }

    pub(crate) fn organisation(
        &self,
        id: &OrganisationId,
    ) -> Result<&Organisation, ConnectorError> {
        let known = self.organisations.iter().find(|one| one.id == *id);
        known.ok_or_else(|| {
            let why = format!("организации `{id}` нет в `accounting.organisations`");
            error(RECORD, Verdict::Reject, "unknown-organisation", why)
        })
    }
}
