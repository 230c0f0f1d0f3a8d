//! A person's order that a deal has an invoice which was there before us: recorded while nobody looks at the deal.
//!
//! No lease is needed: whoever begins a look at the deal afterwards knows of the link, and while a look is under way, or an
//! effect of the deal that is done once and for all, nothing is recorded. Not here: whether the invoice is the deal's
//! (`planner`).

use domain::{PortalId, SlotKind};
use jiff::Timestamp;

use crate::{
    books::{
        case_changes::{self, CaseChange},
        links::{self, InvoiceLink},
    },
    error::StoreError,
    mechanics::{
        journal::{self, JournalEntry},
        work::{self, Lane, Look},
    },
    sql::statements,
    store::Store,
    subject::Subject,
    tx::Tx,
    value::{Row, params},
};

/// What is to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Adoption {
    /// The link.
    pub link: InvoiceLink,
    /// Questions of the deal that it answers, by their keys.
    pub answers: Vec<String>,
    /// What is said of it in the journal.
    pub told: serde_json::Value,
    /// The reason of the look that follows.
    pub reason: String,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// Recorded.
    Linked,
    /// The deal is being looked at, or something is on its way for it: worth another try.
    Busy,
    /// Our records are others by now: the deal has an invoice, or the invoice a deal.
    Changed,
}

statements! {
    /// Whether a look took the deal, after its row was locked.
    TAKEN =
        "SELECT 1 FROM work WHERE portal_id = $1 AND subject = $2 AND taken_by IS NOT NULL";
    UNDER_WAY =
        "SELECT 1 FROM effect
         WHERE portal_id = $1 AND subject = $2 AND once = 1 AND state IN ('sent', 'unknown') LIMIT 1";
    /// The advance that a rest is left of.
    ADVANCE =
        "SELECT 1 FROM invoice_link
         WHERE portal_id = $1 AND deal = $2 AND live = 1 AND slot_kind = $3 LIMIT 1";
    /// Links that stand in the way: a live one (but an advance of its rest) or one of this slot of the deal, and any of the
    /// invoice.
    IN_THE_WAY =
        "SELECT 1 FROM invoice_link
         WHERE portal_id = $1 AND ((deal = $2 AND ((live = 1 AND slot_kind <> $7)
             OR (slot_kind = $3 AND slot_generation = $4)))
             OR (organisation_id = $5 AND invoice_id = $6)) LIMIT 1";
}

impl Store {
    /// Links an invoice to a deal by a person's order, with its journal line, and has the deal looked at.
    pub async fn invoice_adopt(
        &self,
        portal: &PortalId,
        adoption: &Adoption,
        now: Timestamp,
    ) -> Result<Adopted, StoreError> {
        let args = (portal.clone(), adoption.clone(), now);
        let adopted = self
            .write(args, |tx, (portal, adoption, now)| {
                Box::pin(adopt(tx, portal, adoption, *now))
            })
            .await?;
        if adopted == Adopted::Linked {
            self.ring();
        }
        Ok(adopted)
    }
}

async fn adopt(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    adoption: &Adoption,
    now: Timestamp,
) -> Result<Adopted, StoreError> {
    let link = &adoption.link;
    let subject = Subject::deal(link.deal);
    // Before anything is written: a look that is ordered in vain keeps the deal busy.
    if let Some(why) = in_the_way(tx, portal, &subject, link).await? {
        return Ok(why);
    }
    // From here on nobody takes the deal before this ends; somebody may have since it was asked.
    let look = Look {
        subject: subject.clone(),
        lane: Lane::Due,
        due_at: now,
        reason: adoption.reason.clone(),
    };
    work::enqueue(tx, portal, &[look]).await?;
    if let Some(why) = in_the_way(tx, portal, &subject, link).await? {
        return Ok(why);
    }
    links::put_invoices(tx, portal, std::slice::from_ref(link)).await?;
    let answered: Vec<CaseChange> = adoption
        .answers
        .iter()
        .map(|key| CaseChange::Withdraw {
            subject: subject.clone(),
            key: key.clone(),
        })
        .collect();
    case_changes::apply(tx, portal, &answered, now).await?;
    let line = JournalEntry {
        at: now,
        subject: Some(subject),
        kind: "person".to_owned(),
        body: adoption.told.clone(),
    };
    journal::park(tx, portal, &line).await?;
    Ok(Adopted::Linked)
}

/// Why nothing can be recorded now.
async fn in_the_way(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    subject: &Subject,
    link: &InvoiceLink,
) -> Result<Option<Adopted>, StoreError> {
    let of_deal = params![portal, subject];
    let is_taken = tx.first(&TAKEN, &of_deal, Row::int).await?;
    let is_under_way = tx.first(&UNDER_WAY, &of_deal, Row::int).await?;
    if is_taken.or(is_under_way).is_some() {
        return Ok(Some(Adopted::Busy));
    }
    let goes_before = match link.slot.kind {
        SlotKind::Rest => SlotKind::Advance.as_str(),
        SlotKind::Whole | SlotKind::Advance | SlotKind::Additional => "",
    };
    if !goes_before.is_empty() {
        let advance = params![portal, link.deal, goes_before];
        if tx.first(&ADVANCE, &advance, Row::int).await?.is_none() {
            return Ok(Some(Adopted::Changed));
        }
    }
    let links = params![
        portal,
        link.deal,
        link.slot.kind.as_str(),
        link.slot.generation,
        &link.organisation,
        &link.invoice,
        goes_before
    ];
    let found = tx.first(&IN_THE_WAY, &links, Row::int).await?;
    Ok(found.map(|_| Adopted::Changed))
}
