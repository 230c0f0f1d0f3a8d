//! The invoice that a person names by its number.

use domain::{InvoiceId, OrganisationId};
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
        let mut found = self.store.money_invoices(&self.portal, text).await?;
        found.retain(|(_, balance)| may_be(balance));
        match found.as_slice() {
            [(invoice, _)] => Ok(invoice.clone()),
            [] => self.invoice_by_id(text, may_be).await,
            several => Err(NotNamed::Several {
                number: text.to_owned(),
                ids: several
                    .iter()
                    .map(|(one, balance)| {
                        let day = domain::display::date(balance.date);
                        format!("{}/{} от {day}", one.organisation, one.invoice)
                    })
                    .collect(),
            }),
        }
    }

    async fn invoice_by_id(
        &self,
        text: &str,
        may_be: impl Fn(&Balance) -> bool,
    ) -> Result<InvoiceRef, NotNamed> {
        let nobodys = || NotNamed::NoInvoice(text.to_owned());
        let (organisation, invoice) = text.split_once('/').ok_or_else(nobodys)?;
        let wanted = InvoiceRef {
            organisation: OrganisationId::new(organisation),
            invoice: InvoiceId::new(invoice),
        };
        let asked = std::slice::from_ref(&wanted);
        let found = self.store.money_balances(&self.portal, asked).await?;
        let is_it = found.get(&wanted).is_some_and(may_be);
        is_it.then_some(wanted).ok_or_else(nobodys)
    }
}
