//! Before an invoice is created for a deal that shows one of which we have no record: is it ours after all?
//!
//! After a restore from a backup our records are older than the accounting side's, and the deal knows better. A copied
//! deal shows the number of the one it was copied from: nothing bears its own mark, and its invoice is created. A deal that
//! was there before our start waits until the change feed was read, whatever is to be made for it: what was forgotten is linked
//! again by then (`forgotten`).

use std::collections::{BTreeMap, BTreeSet};

use domain::{DealId, EffectKey, Invoice, OrganisationId, PortalId, Slot, SlotKind};
use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use planner::{Action, Policy};
use serde_json::Value;
use store::{Lane, Look, Record, Subject};

use super::{Looked, earlier, observe, settle, tell};
use crate::{Connected, Reconciler, feed, journal, portal_task};

/// Seconds until a deal that waits for the change feed is looked at again.
const FEED_SOON: i64 = 15;
/// Invoices of one deal that are looked for: the first and those that followed it when it was given up.
const GENERATIONS: usize = 5;

/// What was issued before, by deal, as the answer of a create would tell it. Such an action takes the slot of what was
/// found; where the accounting side does not answer, nothing is created in this look.
pub(crate) async fn issued_before(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
    wanted: &mut Vec<(DealId, Action)>,
    record: &mut Record,
) -> Result<BTreeMap<DealId, Value>, Halted> {
    wait_for_the_feed(reconciler, ctx, connected, deals, wanted, record).await?;
    let mut found = BTreeMap::new();
    let mut unanswered = BTreeSet::new();
    let portal = ctx.portal();
    for (seller, asked) in in_doubt(deals, wanted) {
        let slots: BTreeMap<String, (DealId, Slot)> = asked
            .iter()
            .flat_map(|(id, from, _)| keys(&portal, *id, *from))
            .collect();
        let keys: Vec<String> = slots.keys().cloned().collect();
        let since = asked.iter().map(|(_, _, created)| *created).min();
        let call = ctx.call(&portal);
        let issue = &connected.accounting.issue;
        let seen = ctx
            .reading(|| issue.find_by_key(&call, &seller, since.unwrap_or_default(), &keys))
            .await;
        let subjects: Vec<Subject> = asked.iter().map(|(id, ..)| Subject::deal(*id)).collect();
        record.journal.extend(journal::exchanges(&call, &subjects));
        match seen {
            Ok(seen) => adopt(&seen, &slots, wanted, &mut found),
            Err(error) => {
                for (id, ..) in &asked {
                    unanswered.insert(*id);
                    if let Some(deal) = deals.get_mut(id) {
                        let what = tell::FIND_COUNTERPARTY;
                        observe::unanswered(deal, what, &error, ctx.now(), record);
                    }
                }
            }
        }
        for (id, ..) in asked {
            if let Some(deal) = deals.get_mut(&id) {
                deal.is_looked_up = true;
            }
        }
    }
    wanted.retain(|(id, action)| !(is_issue(action) && unanswered.contains(id)));
    Ok(found)
}

/// Puts off what is wanted for deals from before our start, until the change feed has told what was forgotten of them.
async fn wait_for_the_feed(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
    wanted: &mut Vec<(DealId, Action)>,
    record: &mut Record,
) -> Result<(), Halted> {
    let mut behind = BTreeMap::new();
    let mut waiting = BTreeSet::new();
    for (id, action) in wanted.iter() {
        let Action::IssueInvoice { draft, .. } = action else {
            continue;
        };
        let Some(deal) = deals.get_mut(id) else {
            continue;
        };
        if !is_from_before(deal, &connected.policy) {
            continue;
        }
        let seller = &draft.seller;
        let is_behind = match behind.get(seller) {
            Some(known) => *known,
            None => {
                let is_behind = feed::is_behind(reconciler, ctx, connected, seller).await?;
                behind.insert(seller.clone(), is_behind);
                is_behind
            }
        };
        if is_behind {
            let at = journal::after(ctx.now(), FEED_SOON);
            let reason = "the change feed is to be read before".to_owned();
            deal.again = earlier(deal.again.take(), Some((at, reason)));
            deal.finished = true;
            waiting.insert(*id);
        }
    }
    // Whoever has just taken the portal over reads it at once: people wait.
    if !waiting.is_empty() {
        record.looks.push(Look {
            subject: Subject::portal(portal_task::FEED),
            lane: Lane::Due,
            due_at: ctx.now(),
            reason: "a deal waits for the change feed".to_owned(),
        });
    }
    wanted.retain(|(id, action)| !(is_issue(action) && waiting.contains(id)));
    Ok(())
}

/// A deal that was there before our start. Whatever is to be made for it, its first invoice or another, may have been made
/// already and be forgotten.
fn is_from_before(deal: &Looked, policy: &Policy) -> bool {
    let glance = deal.snapshot.glance();
    glance.is_some_and(|glance| glance.deal.created < policy.start_in(glance.deal.funnel))
}

/// Deals with the slot from which on they are asked about, none where they may have any; and since when they are there.
type Asked = Vec<(DealId, Option<Slot>, Timestamp)>;

/// Deals that show an invoice's number of which we have no record, by the organisation that would have issued it.
fn in_doubt(
    deals: &BTreeMap<DealId, Looked>,
    wanted: &[(DealId, Action)],
) -> BTreeMap<OrganisationId, Asked> {
    let mut asked: BTreeMap<OrganisationId, Asked> = BTreeMap::new();
    for (id, action) in wanted {
        let (Action::IssueInvoice { slot, draft, .. }, Some(deal)) = (action, deals.get(id)) else {
            continue;
        };
        let invoices = &deal.snapshot.invoices;
        let is_unknown = |number: &str| {
            !number.is_empty() && invoices.iter().all(|one| one.number.trim() != number)
        };
        let shows = deal.snapshot.glance().filter(|glance| {
            let number = glance.fields.number.as_deref().map(str::trim);
            number.is_some_and(is_unknown)
        });
        if let Some(glance) = shows
            && !deal.is_looked_up
        {
            let from = (!invoices.is_empty()).then_some(*slot);
            let of_seller = asked.entry(draft.seller.clone()).or_default();
            of_seller.push((*id, from, glance.deal.created));
        }
    }
    asked
}

/// Whatever part of the deal was invoiced; where we know of an invoice, what is to be made now and what would follow it.
fn keys(portal: &PortalId, id: DealId, from: Option<Slot>) -> Vec<(String, (DealId, Slot))> {
    let first = match from {
        Some(slot) => vec![slot],
        None => SlotKind::ALL.map(Slot::first).to_vec(),
    };
    let and_after =
        |slot| std::iter::successors(Some(slot), |slot: &Slot| slot.next()).take(GENERATIONS);
    let slots = first.into_iter().flat_map(and_after);
    slots
        .map(|slot| {
            let key = EffectKey::invoice(portal, id, slot);
            (key.as_str().to_owned(), (id, slot))
        })
        .collect()
}

/// The last of a deal's invoices stands; of several with one mark the one that is what the deal asks for.
fn adopt(
    seen: &[(String, Invoice)],
    slots: &BTreeMap<String, (DealId, Slot)>,
    wanted: &mut [(DealId, Action)],
    found: &mut BTreeMap<DealId, Value>,
) {
    let mut ours: Vec<(DealId, Slot, &Invoice)> = seen
        .iter()
        .filter_map(|(key, invoice)| slots.get(key).map(|(id, slot)| (*id, *slot, invoice)))
        .collect();
    let is_as_asked = |id: DealId, invoice: &Invoice| {
        wanted.iter().any(|(of, action)| match action {
            Action::IssueInvoice { draft, .. } => *of == id && settle::is_as_asked(invoice, draft),
            _ => false,
        })
    };
    ours.sort_by_key(|(id, slot, invoice)| (*id, *slot, is_as_asked(*id, invoice)));
    for (id, found_slot, invoice) in ours {
        for (of, action) in wanted.iter_mut() {
            if let Action::IssueInvoice { slot, .. } = action
                && *of == id
            {
                *slot = found_slot;
                found.insert(id, settle::issued(invoice));
            }
        }
    }
}

fn is_issue(action: &Action) -> bool {
    matches!(action, Action::IssueInvoice { .. })
}
