//! How many invoices go out at once: no more than the accounting side lets through while what they rest on is fresh.
//!
//! A deal whose invoice would not leave in time is not read for it again and again: it waits for its turn.

use std::collections::{BTreeMap, BTreeSet};

use domain::DealId;
use engine::LeaseContext;
use jiff::{SignedDuration, Timestamp};
use planner::{Action, Need, Seen, invoicing};
use serde_json::Value;

use super::Looked;
use crate::Connected;

/// From the answer that a create rests on to the create's first byte.
const STALE_AFTER: SignedDuration = SignedDuration::from_secs(2);

/// Until when an invoice may leave that rests on what was `read_at`.
pub(crate) fn leaves_by(read_at: Timestamp) -> Timestamp {
    read_at.checked_add(STALE_AFTER).unwrap_or(Timestamp::MAX)
}

/// Invoices that can leave until then. At least one: who else would find out that the way is free again?
async fn room(ctx: &LeaseContext, connected: &Connected, by: Timestamp) -> usize {
    let portal = ctx.portal();
    let call = ctx.call(&portal).send_by(by);
    let room = connected.accounting.issue.room(&call).await;
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}

/// Leaves those deals to a later round whose reading has grown old and whose invoice would not leave soon anyway.
pub(crate) async fn hold_back(
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
    needs: &mut BTreeMap<DealId, Vec<Need>>,
) {
    let again: Vec<DealId> = needs
        .iter()
        .filter(|(id, needs)| {
            let seen = deals.get(id).map(|deal| &deal.snapshot.seen);
            matches!(seen, Some(Seen::Whole(..))) && needs.contains(&Need::Whole)
        })
        .map(|(id, _)| *id)
        .collect();
    if again.len() <= 1 {
        return;
    }
    let by = ctx.now().checked_add(invoicing::FRESH);
    let room = room(ctx, connected, by.unwrap_or(Timestamp::MAX)).await;
    for (place, id) in again.into_iter().enumerate() {
        let waits = place >= room;
        if waits {
            needs.remove(&id);
        }
        if let Some(deal) = deals.get_mut(&id) {
            deal.waits_for_turn = waits;
        }
    }
}

/// Leaves those invoices to a later round that would not leave in time, or that rest on what has grown old while
/// other deals were observed.
pub(crate) async fn in_turn(
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
    issued_before: &BTreeMap<DealId, Value>,
    wanted: Vec<(DealId, Action)>,
) -> Vec<(DealId, Action)> {
    let now = ctx.now();
    let issues = wanted.iter().filter(|(_, action)| is_issue(action));
    let fresh: Vec<(DealId, Timestamp)> = issues
        .filter_map(|(id, _)| Some((*id, read_at(&deals.get(id)?.snapshot.seen)?)))
        .filter(|(_, read_at)| now.duration_since(*read_at) <= invoicing::FRESH)
        .collect();
    let room = match fresh.iter().map(|(_, read_at)| *read_at).min() {
        Some(oldest) if fresh.len() > 1 => room(ctx, connected, leaves_by(oldest)).await,
        _ => fresh.len(),
    };
    let go: BTreeSet<DealId> = fresh.into_iter().map(|(id, _)| id).take(room).collect();
    wanted
        .into_iter()
        .filter(|(id, action)| {
            let goes = go.contains(id) || issued_before.contains_key(id);
            if is_issue(action)
                && let Some(deal) = deals.get_mut(id)
            {
                deal.waits_for_turn = !goes;
            }
            goes || !is_issue(action)
        })
        .collect()
}

/// When a deal was read whole.
pub(crate) fn read_at(seen: &Seen) -> Option<Timestamp> {
    match seen {
        Seen::Whole(_, read_at) => Some(*read_at),
        Seen::Unread | Seen::Gone | Seen::Denied | Seen::Glance(_) => None,
    }
}

fn is_issue(action: &Action) -> bool {
    matches!(action, Action::IssueInvoice { .. })
}
