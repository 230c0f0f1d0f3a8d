//! That a deal has an invoice which was there before us, by a person's order, or one of ours that our records forgot, by its
//! mark: recorded while nobody looks at the deal.
//!
//! No lease is needed: whoever begins a look at the deal afterwards knows of the link, and while a look is under way, or an
//! effect of the deal that is done once and for all, nothing is recorded. Not here: whether the invoice is the deal's
//! (`planner`).

use domain::{OrderNumber, PortalId, Slot, SlotKind};
use jiff::Timestamp;

use crate::{
    books::{
        case_changes::{self, CaseChange},
        links::{self, InvoiceLink},
        orders,
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
    /// The deal's invoices in whose place it stands, as they are from now on.
    pub replaced: Vec<InvoiceLink>,
    /// The other live ones that were known when it was judged: it stands beside them.
    pub beside: Vec<Slot>,
    /// The called order that it carried out.
    pub carried_out: Option<OrderNumber>,
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
    LIVE_SLOTS =
        "SELECT slot_kind, slot_generation FROM invoice_link
         WHERE portal_id = $1 AND deal = $2 AND live = 1 ORDER BY slot_kind, slot_generation";
    /// A link of this slot of the deal, or of the invoice.
    IN_ITS_PLACE =
        "SELECT 1 FROM invoice_link
         WHERE portal_id = $1 AND ((deal = $2 AND slot_kind = $3 AND slot_generation = $4)
             OR (organisation_id = $5 AND invoice_id = $6)) LIMIT 1";
}

impl Store {
    /// Links an invoice to a deal, with its journal line, and has the deal looked at.
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
    if let Some(why) = in_the_way(tx, portal, &subject, adoption).await? {
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
    if let Some(why) = in_the_way(tx, portal, &subject, adoption).await? {
        return Ok(why);
    }
    links::put_invoices(tx, portal, &adoption.replaced).await?;
    links::put_invoices(tx, portal, std::slice::from_ref(link)).await?;
    if let Some(number) = adoption.carried_out {
        orders::used_up(tx, portal, &[(link.deal, number)]).await?;
    }
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
    adoption: &Adoption,
) -> Result<Option<Adopted>, StoreError> {
    let link = &adoption.link;
    let of_deal = params![portal, subject];
    let is_taken = tx.first(&TAKEN, &of_deal, Row::int).await?;
    let is_under_way = tx.first(&UNDER_WAY, &of_deal, Row::int).await?;
    if is_taken.or(is_under_way).is_some() {
        return Ok(Some(Adopted::Busy));
    }
    let live = tx
        .list(&LIVE_SLOTS, &params![portal, link.deal], read_slot)
        .await?;
    let is_replaced = |slot: &Slot| adoption.replaced.iter().any(|one| one.slot == *slot);
    let live: Vec<Slot> = live.into_iter().filter(|slot| !is_replaced(slot)).collect();
    // One of these kinds goes before it, and may have been linked since it was judged. What was added stands beside anything.
    let before: &[SlotKind] = match link.slot.kind {
        SlotKind::Rest => &[SlotKind::Advance],
        SlotKind::Additional => &[SlotKind::Whole, SlotKind::Rest],
        SlotKind::Whole | SlotKind::Advance => &[],
    };
    let goes_before = |slot: &Slot| before.contains(&slot.kind);
    let is_beside_all = link.slot.kind == SlotKind::Additional;
    let is_known =
        |slot: &Slot| is_beside_all || goes_before(slot) || adoption.beside.contains(slot);
    let lacks_it = !before.is_empty() && !live.iter().any(goes_before);
    if lacks_it || !live.iter().all(is_known) {
        return Ok(Some(Adopted::Changed));
    }
    let place = params![
        portal,
        link.deal,
        link.slot.kind.as_str(),
        link.slot.generation,
        &link.organisation,
        &link.invoice
    ];
    let found = tx.first(&IN_ITS_PLACE, &place, Row::int).await?;
    Ok(found.map(|_| Adopted::Changed))
}

fn read_slot(row: &mut Row) -> Result<Slot, StoreError> {
    Ok(Slot {
        kind: row.parsed()?,
        generation: row.count()?,
    })
}
