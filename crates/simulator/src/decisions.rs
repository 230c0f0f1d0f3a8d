//! Decisions of a person that the program itself does not take yet: an invoice that the accountant deleted is given up,
//! and another is to take its place.
//!
//! It is recorded as a decision will be: the link stands no longer, in one transaction with its journal line. Taken in
//! the evening, when no look is under way that would put its own picture over it.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::DealId;
use serde_json::json;
use store::{InvoiceLink, JournalEntry, Lane, Lease, Look, Record, Subject};

use crate::dice::{About, Dice};
use crate::world::{World, told};

/// The question that such a decision answers.
const DELETED: &str = "INVOICE-DELETED";

impl World {
    /// Gives up what was deleted, each deal once; true if there was anything.
    pub(crate) async fn give_up_deleted(&mut self) -> Result<bool, String> {
        if !Dice::of(self.seed, About::Decisions).chance(700) {
            return Ok(false);
        }
        let asked: BTreeSet<DealId> = self
            .open_cases()
            .await?
            .into_iter()
            .filter(|case| case.facts.code == DELETED)
            .filter_map(|case| case.facts.subject.as_deal())
            .collect();
        let mut decided = false;
        for deal in asked {
            if self.given_up.insert(deal) {
                decided |= self.give_up(deal).await?;
            }
        }
        Ok(decided)
    }

    async fn give_up(&mut self, deal: DealId) -> Result<bool, String> {
        let now = self.now();
        let subject = Subject::deal(deal);
        let known = self
            .store
            .known(&self.portal_id, std::slice::from_ref(&subject))
            .await;
        let links: Vec<InvoiceLink> = known
            .map_err(told)?
            .invoice_links
            .into_iter()
            .filter(|link| link.live && link.status == "deleted")
            .map(|link| InvoiceLink {
                live: false,
                updated_at: now,
                ..link
            })
            .collect();
        if links.is_empty() {
            self.given_up.remove(&deal);
            return Ok(false);
        }
        let look = Look {
            subject: subject.clone(),
            lane: Lane::Click,
            due_at: now,
            reason: "person gave its invoice up".to_owned(),
        };
        self.store
            .look(&self.portal_id, &[look])
            .await
            .map_err(told)?;
        let (lease, ours) = self.lease_at_hand().await?;
        let record = Record {
            invoice_links: links,
            journal: vec![JournalEntry {
                at: now,
                subject: Some(subject),
                kind: "person".to_owned(),
                body: json!({"gave_up": DELETED, "by": "integrator"}),
            }],
            ..Record::default()
        };
        self.store.record(&lease, record, now).await.map_err(told)?;
        if ours {
            self.store.lease_release(&lease).await.map_err(told)?;
        }
        self.story.tell(
            now,
            "gave up",
            format!("the deleted invoice of deal {deal}"),
        );
        Ok(true)
    }

    /// The portal's lease: that of whoever holds it, or one of our own; and whether it is ours.
    async fn lease_at_hand(&self) -> Result<(Lease, bool), String> {
        let now = self.now();
        if let Some(lease) = self
            .store
            .lease_of(&self.portal_id, now)
            .await
            .map_err(told)?
        {
            return Ok((lease, false));
        }
        let ttl = Duration::from_secs(30);
        let lease = self.store.lease_acquire("integrator", ttl, now).await;
        let lease = lease.map_err(told)?.ok_or("nobody can decide")?;
        Ok((lease, true))
    }
}
