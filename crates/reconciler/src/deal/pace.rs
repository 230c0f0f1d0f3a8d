//! How many deals go on together: no more than one request can read, and no more than the accounting side lets
//! through while what their invoices rest on is fresh.
//!
//! A deal whose invoice would not leave in time is not read for it again and again: it waits for its turn. Deals of one
//! buyer are read together: what hangs on a buyer takes as much room in a request for one deal as for all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use domain::{CompanyId, DealId, PortalId};
use engine::LeaseContext;
use jiff::{SignedDuration, Timestamp};
use planner::{Action, Need, Seen, invoicing};
use planted::Bug;
use serde_json::Value;

use super::Looked;
use crate::{Connected, Reconciler};

/// From the answer that a create rests on to the create's first byte.
const STALE_AFTER: SignedDuration = SignedDuration::from_secs(2);
/// Until a create was seen: how long one takes.
const FIRST_MS: u64 = 200;

/// How long the creates of each portal's accounting side took lately, in milliseconds. In memory only.
#[derive(Default)]
pub(crate) struct CreateTimes(Mutex<BTreeMap<PortalId, u64>>);

impl CreateTimes {
    /// One took so long.
    pub(crate) fn saw(&self, portal: &PortalId, ms: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.get(portal).copied().unwrap_or(ms);
        let next = before.saturating_mul(3).saturating_add(ms) / 4;
        known.insert(portal.clone(), next.max(1));
    }

    /// How many can begin within `left`, with so many under way at one time; some time is left for the unexpected.
    fn begin_within(&self, portal: &PortalId, left: SignedDuration, in_flight: usize) -> usize {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = known.get(portal).copied().unwrap_or(FIRST_MS);
        let left = u64::try_from(left.as_millis()).unwrap_or(0);
        let waves = (left.saturating_mul(4) / 5).checked_div(one).unwrap_or(0);
        let waves = usize::try_from(waves).unwrap_or(usize::MAX);
        in_flight.saturating_mul(waves.saturating_add(1))
    }
}

/// Until when an invoice may leave that rests on what was `read_at`.
pub(crate) fn leaves_by(read_at: Timestamp) -> Timestamp {
    if planted::is(Bug::StaleSnapshot) {
        return Timestamp::MAX;
    }
    read_at.checked_add(STALE_AFTER).unwrap_or(Timestamp::MAX)
}

/// Invoices that can leave until then, by the remote's limits and by how long one takes.
async fn room(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    by: Timestamp,
) -> usize {
    let portal = ctx.portal();
    let left = by.duration_since(ctx.now());
    let in_flight = reconciler.settings.accounting_in_flight;
    let in_time = reconciler
        .create_times
        .begin_within(&portal, left, in_flight);
    let call = ctx.call(&portal).send_by(by);
    let let_through = connected.accounting.issue.room(&call).await;
    usize::try_from(let_through)
        .unwrap_or(usize::MAX)
        .min(in_time)
}

/// Deals that are to be read whole, by what for.
#[derive(Default)]
struct Wholes {
    /// For an invoice, once more: what was read has grown old.
    again: Vec<DealId>,
    /// For an invoice, as it seems.
    first: Vec<DealId>,
    /// To be compared with the invoice they have.
    compared: Vec<DealId>,
}

/// Leaves those deals to a later portion that one request could not read beside the others, or whose invoices would
/// not leave while the reading is fresh. While a portion asks for its buyers or its numbers no other is read.
pub(crate) async fn hold_back(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
    needs: &mut BTreeMap<DealId, Vec<Need>>,
    is_late: bool,
) {
    if needs.values().flatten().any(Need::is_of_accounting) {
        needs.retain(|_, needs| !needs.contains(&Need::Whole));
        return;
    }
    let wholes = wholes(deals, needs);
    let portion = portion(reconciler, ctx, connected, &wholes, is_late).await;
    let Wholes {
        again,
        first,
        compared,
    } = wholes;
    for id in again.into_iter().chain(first).chain(compared) {
        let waits = !portion.contains(&id);
        if waits {
            needs.remove(&id);
        }
        if let Some(deal) = deals.get_mut(&id) {
            deal.waits_for_turn = waits;
        }
    }
}

fn wholes(deals: &BTreeMap<DealId, Looked>, needs: &BTreeMap<DealId, Vec<Need>>) -> Wholes {
    let mut wholes = Wholes::default();
    for (id, needs) in needs {
        let Some(deal) = deals.get(id).filter(|_| needs.contains(&Need::Whole)) else {
            continue;
        };
        let read_before = matches!(deal.snapshot.seen, Seen::Whole(..));
        match deal.snapshot.live_invoice() {
            Some(_) => wholes.compared.push(*id),
            None if read_before => wholes.again.push(*id),
            None => wholes.first.push(*id),
        }
    }
    for ids in [&mut wholes.again, &mut wholes.first, &mut wholes.compared] {
        by_buyer(ids, |id| company_of(deals, id));
    }
    wholes
}

/// Whose requisites are read with it. Others may be chosen on the deal, which costs room and nothing else.
fn company_of(deals: &BTreeMap<DealId, Looked>, id: DealId) -> Option<CompanyId> {
    deals.get(&id)?.snapshot.glance()?.deal.company
}

/// Puts deals of one company side by side, all where the first of them stood: the oldest deal still goes first.
fn by_buyer(ids: &mut [DealId], company_of: impl Fn(DealId) -> Option<CompanyId>) {
    let mut first: BTreeMap<CompanyId, DealId> = BTreeMap::new();
    for id in ids.iter() {
        if let Some(company) = company_of(*id) {
            first.entry(company).or_insert(*id);
        }
    }
    ids.sort_by_cached_key(|id| {
        let place = company_of(*id).and_then(|company| first.get(&company));
        place.copied().unwrap_or(*id)
    });
}

/// Which of them are read now: those that were read before as far as their invoices can leave in time, one at least,
/// for who else would find out that the way is free? With them, or without any of them, as many others as one request
/// can read: it is known of them afterwards what they need, even if their invoices have to wait.
async fn portion(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    wholes: &Wholes,
    is_late: bool,
) -> BTreeSet<DealId> {
    let Wholes {
        again,
        first,
        compared,
    } = wholes;
    let mut portion = again.clone();
    let mut room = usize::MAX;
    if again.len() > 1 {
        let by = ctx.now().checked_add(invoicing::FRESH);
        room = self::room(reconciler, ctx, connected, by.unwrap_or(Timestamp::MAX)).await;
        room = room.max(1);
        portion.truncate(room);
    }
    if !is_late && portion.len() < room {
        portion.extend(first.iter().chain(compared).copied());
        portion.truncate(room);
    }
    if portion.len() > 1 {
        portion.truncate(connected.portal.deals.at_once(&portion));
    }
    portion.into_iter().collect()
}

/// Leaves those invoices to a later round that would not leave in time, or that rest on what has grown old while
/// other deals were observed.
pub(crate) async fn in_turn(
    reconciler: &Reconciler,
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
        .filter(|(_, read_at)| invoicing::is_fresh(*read_at, now))
        .collect();
    let room = match fresh.iter().map(|(_, read_at)| *read_at).min() {
        Some(oldest) if fresh.len() > 1 => {
            let by = leaves_by(oldest);
            room(reconciler, ctx, connected, by).await.max(1)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deals_of_one_buyer_are_read_together_and_the_oldest_deal_first() {
        let company_of = |id: DealId| match id.0 {
            1 | 4 => Some(CompanyId(9)),
            2 | 6 => Some(CompanyId(7)),
            5 => Some(CompanyId(8)),
            _ => None,
        };
        let mut ids: Vec<DealId> = (1..=6).map(DealId).collect();
        by_buyer(&mut ids, company_of);
        assert_eq!(ids, [1, 4, 2, 6, 3, 5].map(DealId));
    }

    #[test]
    fn no_more_creates_begin_than_their_time_allows() {
        let (times, portal) = (CreateTimes::default(), PortalId::new("p"));
        let within = |ms: i64| times.begin_within(&portal, SignedDuration::from_millis(ms), 20);
        assert_eq!(within(2_000), 20 * 9, "nothing is known yet");
        times.saw(&portal, 80);
        assert_eq!(within(2_000), 20 * 21);
        for _ in 0..30 {
            times.saw(&portal, 4_000);
        }
        assert_eq!(within(2_000), 20, "one wave always begins");
        assert_eq!(within(0), 20);
    }
}
