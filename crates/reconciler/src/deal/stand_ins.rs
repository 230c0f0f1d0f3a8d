//! Who hears a message to a manager who works there no more: the rule is `planner::notices`, here the staff is read, by
//! fifty and once an hour, never for each deal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use domain::{DealId, PortalId, UserId};
use engine::{Halted, LeaseContext};
use jiff::{SignedDuration, Timestamp};
use planner::notices::{self, StandIn};
use planner::{Action, Whom};
use store::Record;

use crate::{Connected, Reconciler, journal};

/// So long it is not asked again who stands in for somebody.
const HOLDS: SignedDuration = SignedDuration::from_hours(1);
/// People who are remembered; with more of them the memory starts anew.
const MOST: usize = 10_000;

/// Who stands in for whom, and when that was seen. In memory only: after a restart it is read once more.
#[derive(Default)]
pub(crate) struct StandIns(Mutex<BTreeMap<(PortalId, UserId), (Timestamp, StandIn)>>);

impl StandIns {
    fn of(&self, portal: &PortalId, user: UserId, now: Timestamp) -> Option<StandIn> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, stand_in) = known.get(&(portal.clone(), user))?;
        (now.duration_since(*seen) < HOLDS).then_some(*stand_in)
    }

    fn remember(&self, portal: &PortalId, user: UserId, now: Timestamp, stand_in: StandIn) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert((portal.clone(), user), (now, stand_in));
    }
}

/// The same actions, with messages to people who are there.
pub(crate) async fn reach(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    mut wanted: Vec<(DealId, Action)>,
) -> Result<Vec<(DealId, Action)>, Halted> {
    let (portal, now) = (ctx.portal(), ctx.now());
    let known = &reconciler.stand_ins;
    let users: BTreeSet<UserId> = wanted
        .iter()
        .filter_map(|(_, action)| to_user(action))
        .filter(|user| known.of(&portal, *user, now).is_none())
        .collect();
    if !users.is_empty() {
        read(reconciler, ctx, connected, users).await?;
    }
    let has_administrator = connected.policy.administrator.is_some();
    for (_, action) in &mut wanted {
        let stand_in = to_user(action).and_then(|user| known.of(&portal, user, now));
        let is_there = match stand_in {
            Some(StandIn::Themselves) | None => false,
            Some(StandIn::Head(_)) => true,
            Some(StandIn::Administrator) => has_administrator,
        };
        if let Some(stand_in) = stand_in.filter(|_| is_there) {
            notices::told_instead(action, stand_in);
        }
    }
    Ok(wanted)
}

fn to_user(action: &Action) -> Option<UserId> {
    match action {
        Action::Notify {
            whom: Whom::User(user),
            ..
        } => Some(*user),
        _ => None,
    }
}

/// Who cannot be read is told as if nothing were known.
async fn read(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    users: BTreeSet<UserId>,
) -> Result<(), Halted> {
    let (portal, now) = (ctx.portal(), ctx.now());
    let users: Vec<UserId> = users.into_iter().collect();
    let call = ctx.call(&portal);
    let directory = &connected.portal.directory;
    let staff = ctx.reading(|| directory.staff(&call, &users)).await;
    let lines = journal::exchanges(&call, &[]);
    let staff = staff.unwrap_or_default();
    for user in users {
        let stand_in = notices::stand_in(user, &staff);
        reconciler.stand_ins.remember(&portal, user, now, stand_in);
    }
    ctx.record(Record {
        journal: lines,
        ..Record::default()
    })
    .await
}
