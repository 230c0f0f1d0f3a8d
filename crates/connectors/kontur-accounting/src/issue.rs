//! Issuing bills, and finding out after a lost answer whether one was issued.
//!
//! Every bill carries our mark in its comment; it is looked for in the list by change. A bill that a person
//! made by copying ours carries the mark too: only those made through the API count.

use std::time::Duration;

use async_trait::async_trait;
use capability::accounting::{InvoiceOrder, IssueInvoices, Marked};
use capability::{Call, ConnectorError};
use domain::{Invoice, OrganisationId, Verdict};
use jiff::Timestamp;
use serde_json::Value;

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
    async fn find_marked(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        since: Timestamp,
        keys: &[String],
    ) -> Result<Marked, ConnectorError> {
        let mut seen = Marked::default();
        let since = since.checked_sub(OVERLAP).unwrap_or(since);
        let mut next = wire::Next {
            changed_since: format!("{since:.3}"),
            after_id: String::new(),
        };
        let mut limit = PAGE;
        for _page in 0..MOST_PAGES {
            let page = self
                .bill_page(call, organisation, &next, &mut limit)
                .await?;
            for bill in page.bills {
                see(bill, organisation, since, keys, &mut seen);
            }
            match page.next {
                None => {
                    let found = &seen.found;
                    let is_found = |key: &String| found.iter().any(|(known, _)| known == key);
                    seen.unread.retain(|key, _| !is_found(key));
                    return Ok(seen);
                }
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

/// What a bill tells about `keys`.
fn see(
    bill: Value,
    organisation: &OrganisationId,
    since: Timestamp,
    keys: &[String],
    seen: &mut Marked,
) {
    let marked = wanted_marks(&bill, since, keys);
    if marked.is_empty() {
        return;
    }
    match translated(bill, organisation) {
        Ok(invoice) => {
            let pairs = marked.into_iter().map(|key| (key, invoice.clone()));
            seen.found.extend(pairs);
        }
        Err(error) => {
            let pairs = marked.into_iter().map(|key| (key, error.clone()));
            seen.unread.extend(pairs);
        }
    }
}

/// Those of `keys` whose marks the bill carries, if it came through the API. Where its comment has another shape than the
/// contract's, the marks that show in it all the same; where none does, it may be any that was made since, and absence is
/// proved for no key. Such a bill is never translated: its comment is what hinders it.
fn wanted_marks(bill: &Value, since: Timestamp, keys: &[String]) -> Vec<String> {
    let text = |name| bill.get(name).and_then(Value::as_str);
    if text("createdBy") == Some("person") {
        return Vec::new();
    }
    let words = match (bill.is_object(), bill.get("comment")) {
        (true, None | Some(Value::Null)) => return Vec::new(),
        (true, Some(Value::String(comment))) => return wanted(mark::keys(comment), keys),
        (true, Some(other)) => other.to_string(),
        (false, _) => bill.to_string(),
    };
    let shown = mark::keys(&words);
    if !shown.is_empty() {
        return wanted(shown, keys);
    }
    let created = text("createdAt").and_then(|at| at.parse::<Timestamp>().ok());
    if created.is_some_and(|created| created < since) {
        return Vec::new();
    }
    keys.to_vec()
}

fn wanted(mut marks: Vec<String>, keys: &[String]) -> Vec<String> {
    marks.retain(|key| keys.contains(key));
    marks
}

fn translated(bill: Value, organisation: &OrganisationId) -> Result<Invoice, ConnectorError> {
    let bill: wire::Bill = serde_json::from_value(bill)
        .map_err(|_| LIST.undecodable("a bill of ours is not what the contract promises"))?;
    let invoice = translate::invoice(bill, organisation)
        .map_err(|strange| LIST.undecodable(strange.to_string()))?;
    Ok(invoice)
}
