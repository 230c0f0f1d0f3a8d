//! The invoice that a person names by its number, and what of it is open to a payment.

use domain::matching::CountedBefore;
use domain::payment::PaymentOrder;
use domain::{InvoiceId, Money, OrganisationId};
use store::{Balance, InvoiceRef, StoreError};

use crate::Desk;

/// Why no one invoice is meant.
#[derive(Debug, thiserror::Error)]
pub enum NotNamed {
    /// No deal has such an invoice.
    #[error("no deal has an invoice `{0}` that this may be about")]
    NoInvoice(String),
    /// Several have that number.
    #[error("several invoices have the number `{number}`: {}", ids.join(", "))]
    Several {
        /// The number.
        number: String,
        /// Each as it may be named.
        ids: Vec<String>,
    },
    /// Only other legal entities of ours have that number.
    #[error("only another organisation has an invoice `{number}`: {}", ids.join(", "))]
    OfAnother {
        /// The number.
        number: String,
        /// Each as it may be named.
        ids: Vec<String>,
    },
    /// Our records.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Desk {
    /// The one invoice of that number that may be meant, or the one that is named `organisation/id`.
    pub(crate) async fn invoice_named(
        &self,
        text: &str,
        may_be: impl Fn(&Balance) -> bool,
    ) -> Result<InvoiceRef, NotNamed> {
        let text = text.trim().trim_start_matches('№').trim_start();
        let asked = [text.to_owned()];
        let mut found = self.store.money_invoices(&self.portal, &asked).await?;
        found.retain(|(_, balance)| may_be(balance));
        match one_of(text, &found)? {
            Some((invoice, _)) => Ok(invoice.clone()),
            None => self.invoice_by_id(text, may_be).await,
        }
    }

    /// The same of an organisation: one of another is meant only by who says so.
    pub(crate) async fn invoice_of_organisation(
        &self,
        organisation: &OrganisationId,
        text: &str,
        may_be: impl Fn(&Balance) -> bool,
    ) -> Result<InvoiceRef, NotNamed> {
        let text = text.trim().trim_start_matches('№').trim_start();
        let asked = [text.to_owned()];
        let mut found = self.store.money_invoices(&self.portal, &asked).await?;
        found.retain(|(_, balance)| may_be(balance));
        let (ours, others): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|(one, _)| one.organisation == *organisation);
        match (one_of(text, &ours)?, others.as_slice()) {
            (Some((invoice, _)), _) => Ok(invoice.clone()),
            (None, []) => self.invoice_by_id(text, may_be).await,
            (None, others) => Err(NotNamed::OfAnother {
                number: text.to_owned(),
                ids: as_named(others),
            }),
        }
    }

    async fn invoice_by_id(
        &self,
        text: &str,
        may_be: impl Fn(&Balance) -> bool,
    ) -> Result<InvoiceRef, NotNamed> {
        let nobodys = || NotNamed::NoInvoice(text.to_owned());
        let wanted = named_by_id(text).ok_or_else(nobodys)?;
        let asked = std::slice::from_ref(&wanted);
        let found = self.store.money_balances(&self.portal, asked).await?;
        let is_it = found.get(&wanted).is_some_and(may_be);
        is_it.then_some(wanted).ok_or_else(nobodys)
    }
}

/// What `organisation/id` names.
pub(crate) fn named_by_id(text: &str) -> Option<InvoiceRef> {
    let (organisation, invoice) = text.split_once('/')?;
    Some(InvoiceRef {
        organisation: OrganisationId::new(organisation),
        invoice: InvoiceId::new(invoice),
    })
}

/// The one of those with a number; none where there are none.
pub(crate) fn one_of<'a>(
    number: &str,
    found: &'a [(InvoiceRef, Balance)],
) -> Result<Option<&'a (InvoiceRef, Balance)>, NotNamed> {
    match found {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => Err(NotNamed::Several {
            number: number.to_owned(),
            ids: as_named(several),
        }),
    }
}

/// Each as it may be named, with its day.
fn as_named(invoices: &[(InvoiceRef, Balance)]) -> Vec<String> {
    let named = invoices.iter().map(|(one, balance)| {
        let day = domain::display::date(balance.date);
        format!("{}/{} от {day}", one.organisation, one.invoice)
    });
    named.collect()
}

/// What of an invoice is open to a payment now: what the accounting side counted before is not open to what came later.
pub(crate) fn open_to(
    order: &PaymentOrder,
    balance: &Balance,
    counted: Option<&CountedBefore>,
) -> Money {
    let came = order.booked.unwrap_or(order.date);
    let counted = counted.copied().unwrap_or_default();
    counted.open_to(balance.open(), came)
}
