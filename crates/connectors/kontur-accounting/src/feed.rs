//! What changed on the accounting side, read by offset.
//!
//! The feed says that a bill changed; what it is now is read by id. It may lag behind by the contract's
//! `listLagSeconds`, which an offset does not mind.

use async_trait::async_trait;
use capability::accounting::{ChangeFeed, Changes};
use capability::{Call, ConnectorError};
use domain::{InvoiceId, OrganisationId, Verdict};
use serde::Deserialize as _;
use serde_json::Value;

use crate::client::Ask;
use crate::error::{Asked, Failure, Nature};
use crate::{Kontur, wire};

/// The greatest page of the feed.
const PAGE: usize = 1_000;
/// Pages that are read at once on the way to the feed's end.
const PAGES_AT_ONCE: usize = 20;

const LIST: Asked = Asked {
    operation: "listChanges",
    nature: Nature::Read,
};

#[async_trait]
impl ChangeFeed for Kontur {
    /// Without an offset the end is looked for: the contract names none, so the feed is read through, and
    /// nothing of it is told. What is not reached within twenty pages is told as more to come.
    async fn changes(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        offset: Option<&str>,
    ) -> Result<Changes, ConnectorError> {
        let Some(offset) = offset else {
            return self.end(call, organisation).await;
        };
        let offset: u64 = offset.parse().map_err(|_| {
            let why = "the stored offset of the change feed is no number";
            LIST.error(Verdict::Defect, "bad-offset", why)
        })?;
        let page = self.page(call, organisation, offset).await?;
        let first = page.changes.first();
        if let Some(first) = first.and_then(|first| first.get("offset")?.as_u64())
            && first > offset
        {
            tracing::warn!(
                asked = offset,
                answered = first,
                "changes between are gone from the feed; linked invoices are read by id"
            );
        }
        Ok(told(page)?)
    }
}

impl Kontur {
    async fn end(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
    ) -> Result<Changes, ConnectorError> {
        let mut changes = Changes {
            next: "0".to_owned(),
            ..Changes::default()
        };
        let mut offset = 0;
        for _page in 0..PAGES_AT_ONCE {
            let page = self.page(call, organisation, offset).await?;
            offset = page.next_offset;
            changes = Changes {
                invoices: Vec::new(),
                next: page.next_offset.to_string(),
                more: is_full(&page),
            };
            if !changes.more {
                break;
            }
        }
        Ok(changes)
    }

    async fn page(
        &self,
        call: &Call<'_>,
        organisation: &OrganisationId,
        offset: u64,
    ) -> Result<wire::ChangePage, Failure> {
        let path = ["organizations", organisation.as_str(), "changes"];
        let ask = Ask::get(LIST.operation, &path)
            .query("offset", offset)
            .query("limit", PAGE);
        let page: wire::ChangePage = self.client.json(call, ask).await?;
        let stands_still = !page.changes.is_empty() && page.next_offset <= offset;
        if stands_still || page.next_offset < offset {
            let why = "the change feed does not go on";
            return Err(LIST.failure(Verdict::Defect, "endless-list", why));
        }
        Ok(page)
    }
}

fn is_full(page: &wire::ChangePage) -> bool {
    page.changes.len() >= PAGE
}

/// What is no bill's may look as it likes; of what may be one nothing is passed over.
fn told(page: wire::ChangePage) -> Result<Changes, Failure> {
    let mut invoices: Vec<InvoiceId> = Vec::new();
    let more = is_full(&page);
    for raw in page.changes {
        let kind = raw.get("type").and_then(Value::as_str);
        let change = match kind {
            Some("bill") => wire::Change::deserialize(&raw).ok(),
            Some(_) => continue,
            None => None,
        };
        let why = "a change is not what the contract promises";
        let change = change.ok_or_else(|| LIST.undecodable(why))?;
        let id = InvoiceId::new(change.id);
        if !invoices.contains(&id) {
            invoices.push(id);
        }
    }
    Ok(Changes {
        invoices,
        next: page.next_offset.to_string(),
        more,
    })
}
