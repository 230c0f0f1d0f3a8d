//! Payments by time of change, with what the accountant gave of them to which bill.
//!
//! The cursor is the contract's own pair while pages are left. At the end it is the newest change that was seen, less the
//! time by which the list may lag: what appears late is still found, and what is read again is told again.

use std::time::Duration;

use async_trait::async_trait;
use capability::accounting::{PaymentPage, PaymentsFrom, ReadPayments};
use capability::{Call, ConnectorError};
use domain::{OrganisationId, Verdict};
use jiff::Timestamp;

use crate::client::Ask;
use crate::error::{Asked, Failure, Nature};
use crate::{Kontur, translate, wire};

/// The contract's list lags by a minute; clocks of two sides never agree.
pub(crate) const OVERLAP: Duration = Duration::from_secs(120);
/// The greatest page of the list.
const PAGE: usize = 500;

const LIST: Asked = Asked {
    operation: "listPayments",
    nature: Nature::Read,
};

#[async_trait]
impl ReadPayments for Kontur {
    /// One call for a page, and one for our accounts where the page tells anything.
    async fn payments(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        from: PaymentsFrom<'_>,
    ) -> Result<PaymentPage, ConnectorError> {
        let from = begin(from)?;
        let page = self.payment_page(call, organisation, &from).await?;
        let accounts = if page.payments.is_empty() {
            Vec::new()
        } else {
            self.accounts(call, organisation).await?
        };
        let newest = page.payments.iter().filter_map(translate::changed_at).max();
        let next = match &page.next {
            Some(same) if *same == from => {
                return Err(LIST.error(
                    Verdict::Defect,
                    "endless-list",
                    "the list of payments does not go on",
                ));
            }
            Some(further) => format!("{}/{}", further.changed_since, further.after_id),
            None => rest(newest, &from),
        };
        let (mut payments, mut unreadable) = (Vec::new(), Vec::new());
        for raw in &page.payments {
            match translate::payment(raw, &accounts) {
                Ok(payment) => payments.push(payment),
                Err(strange) => unreadable.push(translate::unreadable(raw, strange, &accounts)),
            }
        }
        Ok(PaymentPage {
            payments,
            unreadable,
            next,
            more: page.next.is_some(),
        })
    }
}

impl Kontur {
    async fn payment_page(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        from: &wire::Next,
    ) -> Result<wire::PaymentPage, Failure> {
        let path = ["organizations", organisation.as_str(), "payments"];
        let mut ask = Ask::get(LIST.operation, &path)
            .query("changedSince", &from.changed_since)
            .query("limit", PAGE);
        if !from.after_id.is_empty() {
            ask = ask.query("afterId", &from.after_id);
        }
        self.client.json(call, ask).await
    }

    async fn accounts(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
    ) -> Result<Vec<wire::BankAccount>, Failure> {
        let path = ["organizations", organisation.as_str(), "bank-accounts"];
        let ask = Ask::get("listBankAccounts", &path);
        let list: wire::BankAccountList = self.client.json(call, ask).await?;
        Ok(list.bank_accounts)
    }
}

/// The parameters of the first page, or of the one that the last page named.
fn begin(from: PaymentsFrom<'_>) -> Result<wire::Next, ConnectorError> {
    match from {
        PaymentsFrom::Moment(moment) => Ok(wire::Next {
            changed_since: format!("{moment:.3}"),
            after_id: String::new(),
        }),
        PaymentsFrom::Cursor(cursor) => {
            let (changed_since, after_id) = cursor.split_once('/').unwrap_or((cursor, ""));
            if changed_since.parse::<Timestamp>().is_err() {
                let why = "the stored cursor of the payments is no moment";
                return Err(LIST.error(Verdict::Defect, "bad-cursor", why));
            }
            Ok(wire::Next {
                changed_since: changed_since.to_owned(),
                after_id: after_id.to_owned(),
            })
        }
    }
}

/// Where to go on after the last page. One that is empty ends where the page before it did.
fn rest(newest: Option<Timestamp>, asked: &wire::Next) -> String {
    let of_page_before = || {
        let is_further = !asked.after_id.is_empty();
        is_further
            .then(|| asked.changed_since.parse().ok())
            .flatten()
    };
    match newest.or_else(of_page_before) {
        None => asked.changed_since.clone(),
        Some(newest) => {
            let before = newest.checked_sub(OVERLAP).unwrap_or(newest);
            format!("{before:.3}")
        }
    }
}
