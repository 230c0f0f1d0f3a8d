//! Decisions of a person that the program itself does not take yet: an invoice that the accountant deleted is given up,
//! and another is to take its place.
//!
//! It is recorded as a decision will be: the link stands no longer, in one transaction with its journal line. Taken in
//! the evening, when no look is under way that would put its own picture over it.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{DealId, PortalId};
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
        let mut decided = false;
        for place in 0..self.tenants.len() {
            let asked: BTreeSet<DealId> = self
                .open_cases(place)
                .await?
                .into_iter()
                .filter(|case| case.facts.code == DELETED)
                .filter_map(|case| case.facts.subject.as_deal())
                .collect();
            let Some(tenant) = self.tenants.get(place) else {
                continue;
            };
            let anew = asked.difference(&tenant.given_up).copied();
            for deal in anew.collect::<Vec<DealId>>() {
                if self.give_up(place, deal).await? {
                    decided = true;
                    if let Some(tenant) = self.tenants.get_mut(place) {
                        tenant.given_up.insert(deal);
                    }
                }
            }
        }
        Ok(decided)
    }

    async fn give_up(&self, place: usize, deal: DealId) -> Result<bool, String> {
        let Some(portal) = self.tenants.get(place).map(|tenant| &tenant.id) else {
            return Ok(false);
        };
        let now = self.now();
        let subject = Subject::deal(deal);
        let known = self
            .store
            .known(portal, std::slice::from_ref(&subject))
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
            return Ok(false);
        }
        let look = Look {
            subject: subject.clone(),
            lane: Lane::Click,
            due_at: now,
            reason: "person gave its invoice up".to_owned(),
        };
        self.store.look(portal, &[look]).await.map_err(told)?;
        let (lease, ours) = self.lease_at_hand(portal).await?;
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
    async fn lease_at_hand(&self, portal: &PortalId) -> Result<(Lease, bool), String> {
        let now = self.now();
        if let Some(lease) = self.store.lease_of(portal, now).await.map_err(told)? {
            return Ok((lease, false));
        }
        let ttl = Duration::from_secs(30);
        let mut others = Vec::new();
        let lease = loop {
            let lease = self.store.lease_acquire("integrator", ttl, now).await;
            let lease = lease.map_err(told)?.ok_or("nobody can decide")?;
            if lease.portal == *portal {
                break lease;
            }
            others.push(lease);
        };
        for other in others {
            self.store.lease_release(&other).await.map_err(told)?;
        }
        Ok((lease, true))
    }
}
