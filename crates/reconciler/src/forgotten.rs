//! Bills of ours whose creation no record knows: a database that was restored from a backup is older than the accounting
//! side.
//!
//! The change feed goes on from where the backup left it and so tells of each of them, and their marks say whose they are.
//! Where bill and deal still say the same it is the deal's again, without a person; else somebody is asked, and nothing is
//! created for the deal meanwhile. Not here: bills of creations that we know (`twins`).

use std::collections::BTreeMap;

use domain::{DealId, OrganisationId, Slot, SlotKind};
use engine::{Halted, LeaseContext};
use planner::adopting::{Bills, Claim, Judged};
use planner::twins::forgotten;
use store::Record;

use crate::twins::{self, Ours};
use crate::{Claims, Connected};

/// Who says whose the bill is, in the journal.
const BY: &str = "its mark";

/// A bill whose deal and slot its mark names.
struct Marked {
    ours: Ours,
    deal: DealId,
    slot: Slot,
}

/// Makes them their deals' again; what follows from those that cannot be goes into `record`.
pub(crate) async fn take_over(
    ctx: &LeaseContext,
    connected: &Connected,
    organisation: &OrganisationId,
    bills: Vec<Ours>,
    record: &mut Record,
) -> Result<(), Halted> {
    let portal = ctx.portal();
    let marked = bills.into_iter().filter_map(|ours| {
        let deal = ours.key.deal_of_invoice(&portal)?;
        let slot = ours.key.slot_of_invoice(&portal, deal)?;
        Some(Marked { ours, deal, slot })
    });
    let marked: Vec<Marked> = marked.collect();
    if marked.is_empty() {
        return Ok(());
    }
    let last = last_of_each(&marked);
    let claims = marked
        .iter()
        .filter(|one| last.get(&(one.deal, one.slot.kind)) == Some(&one.slot))
        .filter_map(|one| claim(one, organisation));
    let mut looking = Claims::default();
    looking.observe(ctx, connected, claims.collect()).await?;
    let taken = looking.take(ctx, connected, BY).await?;
    for one in &marked {
        let its = taken.iter().find(|claimed| {
            let claim = &claimed.claim;
            claim.deal == one.deal && Some(claim.bills) == Bills::of(one.slot.kind)
        });
        let its = its.filter(|claimed| claimed.claim.number == one.ours.bill.number);
        let why = match its.map(|claimed| &claimed.judged) {
            Some(Judged::Adopt(_) | Judged::Already) => {
                twins::withdraw(ctx, &[&one.ours.bill.id], record).await?;
                continue;
            }
            Some(Judged::Refused(why)) => why.as_str(),
            None => "у сделки есть счёт новее, или этот стоит рядом с другими",
        };
        let text = forgotten(&one.ours.bill, why);
        let question = twins::asked_of_forgotten(&one.ours, organisation, text);
        record.cases.push(question);
        // Somebody is told of it with the deal's look. It is tried again when the deal was changed (`deal/conclude`).
        record.looks.push(twins::look(ctx, &one.ours.deal));
        if its.is_some_and(|claimed| claimed.passes) {
            let reason = twins::UNSETTLED.to_owned();
            let look = twins::again(ctx, organisation, &one.ours.bill.id, reason);
            record.looks.push(look);
        }
    }
    Ok(())
}

/// Of several that took one another's place the last one stands for the deal.
fn last_of_each(marked: &[Marked]) -> BTreeMap<(DealId, SlotKind), Slot> {
    let mut last = BTreeMap::new();
    for one in marked {
        let slot = last.entry((one.deal, one.slot.kind)).or_insert(one.slot);
        *slot = one.slot.max(*slot);
    }
    last
}

fn claim(one: &Marked, organisation: &OrganisationId) -> Option<Claim> {
    Some(Claim {
        deal: one.deal,
        organisation: Some(organisation.clone()),
        number: one.ours.bill.number.clone(),
        date: Some(one.ours.bill.date),
        total: None,
        bills: Bills::of(one.slot.kind)?,
    })
}
