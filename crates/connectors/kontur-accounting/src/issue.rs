//! Issuing bills, and finding out after a lost answer whether one was issued.
//!
//! Every bill carries our mark in its comment; it is looked for in the list by change. A bill that a person
//! made by copying ours carries the mark too: only those made through the API count.

use std::time::Duration;

use async_trait::async_trait;
use capability::accounting::{InvoiceOrder, IssueInvoices};
use capability::{Call, ConnectorError};
use domain::{Invoice, OrganisationId, Verdict};
use jiff::Timestamp;

use crate::client::Ask;
use crate::error::{Asked, Failure, Nature};
use crate::{Kontur, mark, translate, wire};

/// The list is read from this much before the wanted moment: clocks of two sides never agree.
const OVERLAP: Duration = Duration::from_secs(120);
/// Bills in a page; with 300 lines each they stay below the transport's limit of an answer.
const PAGE: usize = 100;
/// A list that does not end by then is not paging.
const MOST_PAGES: usize = 2_000;

const LIST: Asked = Asked {
    operation: "listBills",
    nature: Nature::Read,
};
const CREATE: Asked = Asked {
    operation: "createBill",
    nature: Nature::Write,
};

#[async_trait]
impl IssueInvoices for Kontur {
    async fn issue(
        &self,
        call: &Call<'_>,
        order: &InvoiceOrder,
    ) -> Result<Invoice, ConnectorError> {
        let InvoiceOrder {
            contractor,
            draft,
            key,
        } = order;
        let bill = translate::bill_to_create(draft, contractor, key)
            .map_err(|error| CREATE.error(Verdict::Reject, "not-expressible", error.to_string()))?;
        let path = ["organizations", draft.seller.as_str(), "bills"];
        let ask = Ask::write(CREATE.operation, &path)
            .body(&bill)
            .idempotency_key(self.offers.idempotency_key.then(|| mark::visible(key)));
        let bill: wire::Bill = self.client.json(call, ask).await?;
        let invoice = translate::invoice(bill, &draft.seller)
            .map_err(|strange| CREATE.undecodable(strange.to_string()))
            .map_err(ConnectorError::from)?;
        if let Some((ours, theirs)) = translate::difference(draft, &invoice) {
            tracing::warn!(
                invoice = %invoice.id,
                ours = %ours.gross,
                theirs = %theirs.gross,
                "the accounting side computes another total"
            );
        }
        Ok(invoice)
    }

    async fn room(&self, call: &Call<'_>) -> u32 {
        self.client.room(call, CREATE.operation).await
    }

    /// A bill that a person has deleted since is told too, as cancelled: it was issued, and telling it
    /// absent would issue it again.
    async fn find_by_key(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        since: Timestamp,
        keys: &[String],
    ) -> Result<Vec<(String, Invoice)>, ConnectorError> {
        let mut found = Vec::new();
        let mut next = wire::Next {
            changed_since: format!("{:.3}", since.checked_sub(OVERLAP).unwrap_or(since)),
            after_id: String::new(),
        };
        let mut limit = PAGE;
        for _page in 0..MOST_PAGES {
            let page = self
                .bill_page(call, organisation, &next, &mut limit)
                .await?;
            for bill in page.bills {
                let marked = wanted_marks(&bill, keys);
                if marked.is_empty() {
                    continue;
                }
                let invoice = translated(bill, organisation)?;
                found.extend(marked.into_iter().map(|key| (key, invoice.clone())));
            }
            match page.next {
                None => return Ok(found),
                Some(same) if same == next => break,
                Some(further) => next = further,
            }
        }
        Err(LIST.error(
            Verdict::Defect,
            "endless-list",
            "the list of bills does not end",
        ))
    }

    fn honours_idempotency_key(&self) -> bool {
        self.offers.idempotency_key
    }
}

impl Kontur {
    /// One page; a smaller one where the bills are too long for an answer.
    async fn bill_page(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        from: &wire::Next,
        limit: &mut usize,
    ) -> Result<wire::BillPage, Failure> {
        let path = ["organizations", organisation.as_str(), "bills"];
        loop {
            let mut ask = Ask::get(LIST.operation, &path)
                .query("changedSince", &from.changed_since)
                .query("limit", *limit);
            if !from.after_id.is_empty() {
                ask = ask.query("afterId", &from.after_id);
            }
            match self.client.json(call, ask).await {
                Err(failure) if failure.error.code == "too-large" && *limit > 1 => {
                    *limit = limit.div_ceil(10);
                }
                answer => return answer,
            }
        }
    }
}

/// Those of `keys` whose marks the bill carries, if it came through the API.
fn wanted_marks(bill: &serde_json::Value, keys: &[String]) -> Vec<String> {
    let Ok(head) = <wire::BillHead as serde::Deserialize>::deserialize(bill) else {
        return Vec::new();
    };
    if head.created_by.as_deref() == Some("person") {
        return Vec::new();
    }
    let mut marked = mark::keys(head.comment.as_deref().unwrap_or_default());
    marked.retain(|key| keys.contains(key));
    marked
}

fn translated(
    bill: serde_json::Value,
    organisation: &OrganisationId,
) -> Result<Invoice, ConnectorError> {
    let bill: wire::Bill = serde_json::from_value(bill)
        .map_err(|_| LIST.undecodable("a bill of ours is not what the contract promises"))?;
    let invoice = translate::invoice(bill, organisation)
        .map_err(|strange| LIST.undecodable(strange.to_string()))?;
    Ok(invoice)
}
