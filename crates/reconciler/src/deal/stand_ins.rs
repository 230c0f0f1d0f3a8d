//! Who hears a message to a manager who works there no more: the rule is `planner::notices`, here the staff is read, by
//! fifty and once an hour, never for each deal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::staff::Staff;
use domain::{DealId, PortalId, UserId, Verdict};
use engine::clock::later;
use engine::{Halted, LeaseContext};
use jiff::{SignedDuration, Timestamp};
use planner::notices::{self, StandIn};
use planner::{Action, Whom};
use store::Record;

use super::{Looked, lists};
use crate::{Connected, Reconciler, journal};

/// So long it is not asked again who stands in for somebody.
const HOLDS: SignedDuration = SignedDuration::from_hours(1);
/// After so long it is asked again who leads somebody, when the portal did not answer.
const AGAIN: Duration = Duration::from_secs(60);
/// People who are remembered; with more of them the memory starts anew.
const MOST: usize = 10_000;

/// A person, or who leads that person.
type Meant = (UserId, bool);

/// Who stands in for whom or leads whom, and when that was seen. In memory only: after a restart it is read once more.
#[derive(Default)]
pub(crate) struct StandIns(Mutex<BTreeMap<(PortalId, Meant), (Timestamp, StandIn)>>);

impl StandIns {
    fn of(&self, portal: &PortalId, meant: Meant, now: Timestamp) -> Option<StandIn> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, stand_in) = known.get(&(portal.clone(), meant))?;
        (now.duration_since(*seen) < HOLDS).then_some(*stand_in)
    }

    fn remember(&self, portal: &PortalId, meant: Meant, now: Timestamp, stand_in: StandIn) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert((portal.clone(), meant), (now, stand_in));
    }
}

/// The same actions, with messages to people who are there. What is for a head whom nobody can tell now is put off.
pub(crate) async fn reach(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
    wanted: Vec<(DealId, Action)>,
) -> Result<Vec<(DealId, Action)>, Halted> {
    let (portal, now) = (ctx.portal(), ctx.now());
    let known = &reconciler.stand_ins;
    let unknown: BTreeSet<Meant> = wanted
        .iter()
        .filter_map(|(_, action)| meant(action))
        .filter(|meant| known.of(&portal, *meant, now).is_none())
        .collect();
    if !unknown.is_empty() {
        read(reconciler, ctx, connected, unknown).await?;
    }
    let has_administrator = connected.policy.administrator.is_some();
    let mut reached = Vec::with_capacity(wanted.len());
    for (id, mut action) in wanted {
        let Some(meant) = meant(&action) else {
            reached.push((id, action));
            continue;
        };
        let known = known.of(&portal, meant, now);
        if let ((_, true), None) = (meant, known) {
            // The manager is no head, and would hear in the head's place what was never meant for him.
            let why = "who hears a message is not known";
            lists::put_off(deals, id, &action, later(now, AGAIN), why);
            continue;
        }
        let stand_in = match known {
            // Without an administrator there is nobody else.
            None | Some(StandIn::Themselves) => StandIn::Themselves,
            Some(StandIn::Administrator) if !has_administrator => StandIn::Themselves,
            Some(stand_in) => stand_in,
        };
        let stand_in = match (meant, stand_in) {
            // Whom nobody leads is told what his head would be.
            ((user, true), StandIn::Themselves) => StandIn::Head(user),
            (_, stand_in) => stand_in,
        };
        notices::told_instead(&mut action, stand_in);
        reached.push((id, action));
    }
    Ok(reached)
}

fn meant(action: &Action) -> Option<Meant> {
    match action {
        Action::Notify {
            whom: Whom::User(user),
            ..
        } => Some((*user, false)),
        Action::Notify {
            whom: Whom::HeadOf(user),
            ..
        } => Some((*user, true)),
        _ => None,
    }
}

/// Who cannot be read is told as if nothing were known; who leads them, later.
async fn read(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    unknown: BTreeSet<Meant>,
) -> Result<(), Halted> {
    let (portal, now) = (ctx.portal(), ctx.now());
    let with_heads = unknown.iter().any(|(_, is_head)| *is_head);
    let users: BTreeSet<UserId> = unknown.iter().map(|(user, _)| *user).collect();
    let users: Vec<UserId> = users.into_iter().collect();
    let call = ctx.call(&portal);
    let directory = &connected.portal.directory;
    let staff = ctx
        .reading(|| directory.staff(&call, &users, with_heads))
        .await;
    let lines = journal::exchanges(&call, &[]);
    // A silence is not remembered: the next message asks again. A refusal is, as it would be the same in a minute.
    let staff = match staff {
        Ok(staff) => Some(staff),
        Err(error) if error.verdict == Verdict::Reject => Some(Staff::default()),
        Err(_) => None,
    };
    if let Some(staff) = staff {
        for (user, is_head) in unknown {
            let stand_in = if is_head {
                notices::head_of(user, &staff)
            } else {
                notices::stand_in(user, &staff)
            };
            reconciler
                .stand_ins
                .remember(&portal, (user, is_head), now, stand_in);
        }
    }
    ctx.record(Record {
        journal: lines,
        ..Record::default()
    })
    .await
}
