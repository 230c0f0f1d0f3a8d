//! Before an invoice is created for a deal that shows one of which we have no record: is it ours after all?
//!
//! After a restore from a backup our records are older than the accounting side's, and the deal knows better. A copied
//! deal shows the number of the one it was copied from: nothing bears its own mark, and its invoice is created.

use std::collections::{BTreeMap, BTreeSet};

use domain::{DealId, EffectKey, Invoice, OrganisationId, PortalId, Slot, SlotKind};
use engine::LeaseContext;
use jiff::Timestamp;
use planner::Action;
use serde_json::Value;
use store::{Record, Subject};

use super::{Looked, observe, settle};
use crate::{Connected, journal};

/// Invoices of one deal that are looked for: the first and those that followed it when it was given up.
const GENERATIONS: usize = 5;

/// What was issued before, by deal, as the answer of a create would tell it. Such an action takes the slot of what was
/// found; where the accounting side does not answer, nothing is created in this look.
pub(crate) async fn issued_before(
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
    wanted: &mut Vec<(DealId, Action)>,
    record: &mut Record,
) -> BTreeMap<DealId, Value> {
    let mut found = BTreeMap::new();
    let mut unanswered = BTreeSet::new();
    let portal = ctx.portal();
    for (seller, asked) in in_doubt(deals, wanted) {
        let slots: BTreeMap<String, (DealId, Slot)> = asked
            .iter()
            .flat_map(|(id, _, _)| keys(&portal, *id))
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
                        observe::unanswered(deal, &error, ctx.now(), record);
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
    found
}

type Asked = Vec<(DealId, Slot, Timestamp)>;

/// Deals that show an invoice's number while we know of no invoice, by the organisation that would have issued it.
fn in_doubt(
    deals: &BTreeMap<DealId, Looked>,
    wanted: &[(DealId, Action)],
) -> BTreeMap<OrganisationId, Asked> {
    let mut asked: BTreeMap<OrganisationId, Asked> = BTreeMap::new();
    for (id, action) in wanted {
        let (Action::IssueInvoice { slot, draft, .. }, Some(deal)) = (action, deals.get(id)) else {
            continue;
        };
        let shows = deal.snapshot.glance().filter(|glance| {
            let number = glance.fields.number.as_deref();
            number.is_some_and(|number| !number.trim().is_empty())
        });
        if let Some(glance) = shows
            && deal.snapshot.invoices.is_empty()
            && !deal.is_looked_up
        {
            let of_seller = asked.entry(draft.seller.clone()).or_default();
            of_seller.push((*id, *slot, glance.deal.created));
        }
    }
    asked
}

/// Whatever part of the deal was invoiced.
fn keys(portal: &PortalId, id: DealId) -> Vec<(String, (DealId, Slot))> {
    let of_kind =
        |kind| std::iter::successors(Some(Slot::first(kind)), |slot| slot.next()).take(GENERATIONS);
    let slots = SlotKind::ALL.into_iter().flat_map(of_kind);
    slots
        .map(|slot| {
            let key = EffectKey::invoice(portal, id, slot);
            (key.as_str().to_owned(), (id, slot))
        })
        .collect()
}

/// The last of a deal's invoices stands.
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
    ours.sort_by_key(|(id, slot, _)| (*id, *slot));
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
