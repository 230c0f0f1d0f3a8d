//! What changed on the accounting side, read by offset.
//!
//! The feed says that a bill changed; what it is now is read by id. It may lag behind by the contract's
//! `listLagSeconds`, which an offset does not mind.

use async_trait::async_trait;
use capability::accounting::{ChangeFeed, Changes};
use capability::{Call, ConnectorError};
use domain::{InvoiceId, OrganisationId, Verdict};

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
        if let Some(first) = page.changes.first()
            && first.offset > offset
        {
            tracing::warn!(
                asked = offset,
                answered = first.offset,
                "changes between are gone from the feed; linked invoices are read by id"
            );
        }
        Ok(told(page))
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
                ..told(page)
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

fn told(page: wire::ChangePage) -> Changes {
    let mut invoices: Vec<InvoiceId> = Vec::new();
    let more = page.changes.len() >= PAGE;
    for change in page.changes {
        let id = InvoiceId::new(change.id);
        if change.kind == "bill" && !invoices.contains(&id) {
            invoices.push(id);
        }
    }
    Changes {
        invoices,
        next: page.next_offset.to_string(),
        more,
    }
}
