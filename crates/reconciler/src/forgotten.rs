//! Bills of ours whose creation no record knows: a database that was restored from a backup is older than the accounting
//! side.
//!
//! The change feed goes on from where the backup left it and so tells of each of them, and their marks say whose they are.
//! Where bill and deal still say the same it is the deal's again, without a person, in the place of one whose place it took
//! then; else somebody is asked, and nothing is created for the deal meanwhile. Not here: bills of creations that we know
//! (`twins`).

use std::collections::BTreeMap;

use domain::{DealId, OrganisationId, Slot, SlotKind};
use engine::{Halted, LeaseContext};
use planner::adopting::{Claim, Judged};
use planner::twins::{forgotten, forgotten_and_replaced};
use store::{Known, Look, Record};

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

/// Makes them their deals' again; what follows from those that cannot be goes into `record`. `known` is what our records say
/// of the deals.
pub(crate) async fn take_over(
    ctx: &LeaseContext,
    connected: &Connected,
    organisation: &OrganisationId,
    bills: Vec<Ours>,
    known: &Known,
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
    let chosen = chosen(&marked);
    let claims = chosen.values().map(|one| claim(one, organisation));
    let mut looking = Claims::default();
    looking.observe(ctx, connected, claims.collect()).await?;
    let taken = looking.take(ctx, connected, BY).await?;
    for one in &marked {
        let bill = &one.ours.bill;
        let first = chosen.get(&(one.deal, one.slot.kind));
        let other = first.filter(|first| first.ours.bill.id != bill.id);
        let its = taken.iter().find(|claimed| {
            let claim = &claimed.claim;
            claim.deal == one.deal && claim.bills == one.slot.kind
        });
        let its = its.filter(|_| other.is_none());
        let shown = twins::shown(&one.ours, known).map(|link| link.number.as_str());
        let text = match (its.map(|claimed| &claimed.judged), other) {
            (Some(Judged::Adopt(_) | Judged::Already), _) => {
                twins::withdraw(ctx, &[&bill.id], record).await?;
                continue;
            }
            (_, Some(newer)) if is_replaced(one, newer) => {
                forgotten_and_replaced(bill, &newer.ours.bill.number)
            }
            // What became of the other is on record now: this one is judged by itself, and until then nobody knows whose it is.
            (_, Some(_)) => {
                let reason = twins::unread(organisation);
                record.looks.push(Look {
                    due_at: ctx.now(),
                    ..twins::again(ctx, organisation, &bill.id, reason)
                });
                continue;
            }
            (Some(Judged::Refused(why)), None) => forgotten(bill, why, shown),
            (None, None) => forgotten(bill, "сделка не прочитана", shown),
        };
        let question = twins::asked_of_forgotten(&one.ours, organisation, text);
        record.cases.push(question);
        // Somebody is told of it with the deal's look. It is tried again when the deal was changed (`deal/conclude`).
        record.looks.push(twins::look(ctx, &one.ours.deal));
        if its.is_some_and(|claimed| claimed.passes) {
            let reason = twins::UNSETTLED.to_owned();
            let look = twins::again(ctx, organisation, &bill.id, reason);
            record.looks.push(look);
        }
    }
    Ok(())
}

/// One for each deal and kind: of several that took one another's place the last one, of what was added one after the other
/// the first.
fn chosen(marked: &[Marked]) -> BTreeMap<(DealId, SlotKind), &Marked> {
    let mut chosen: BTreeMap<(DealId, SlotKind), &Marked> = BTreeMap::new();
    for one in marked {
        let place = chosen.entry((one.deal, one.slot.kind)).or_insert(one);
        let goes_first = match one.slot.kind {
            SlotKind::Additional => one.slot < place.slot,
            SlotKind::Whole | SlotKind::Advance | SlotKind::Rest => one.slot > place.slot,
        };
        if goes_first {
            *place = one;
        }
    }
    chosen
}

fn is_replaced(one: &Marked, by: &Marked) -> bool {
    one.slot.kind != SlotKind::Additional && one.slot < by.slot
}

fn claim(one: &Marked, organisation: &OrganisationId) -> Claim {
    Claim {
        deal: one.deal,
        organisation: Some(organisation.clone()),
        number: one.ours.bill.number.clone(),
        date: Some(one.ours.bill.date),
        total: None,
        bills: one.slot.kind,
    }
}
