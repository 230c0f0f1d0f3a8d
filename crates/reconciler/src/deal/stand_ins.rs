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
use store::{CaseChange, Record};

use super::{Looked, lists};
use crate::{Connected, Reconciler, journal};

/// So long it is not asked again who stands in for somebody.
const HOLDS: SignedDuration = SignedDuration::from_hours(1);
/// So long after the portal refused to tell it: who may not see the staff now may in an hour, and till then whoever was
/// dismissed would hear what is for his head.
const REFUSAL_HOLDS: SignedDuration = SignedDuration::from_mins(5);
/// After so long without an answer the administrator hears what is meant for a head.
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// After so long it is asked again who leads somebody, when the portal did not answer.
const AGAIN: Duration = Duration::from_secs(60);
/// People who are remembered; with more of them the memory starts anew.
const MOST: usize = 10_000;

/// A person, or who leads that person.
type Meant = (UserId, bool);

/// Who stands in for whom or leads whom, and whom nobody could be asked about. In memory only: after a restart it is read
/// once more.
#[derive(Default)]
pub(crate) struct StandIns(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    known: BTreeMap<(PortalId, Meant), Seen>,
    silent: BTreeMap<(PortalId, Meant), Silence>,
}

/// What the portal told.
struct Seen {
    at: Timestamp,
    holds: SignedDuration,
    stand_in: StandIn,
}

/// It was asked, and did not answer.
struct Silence {
    since: Timestamp,
    last: Timestamp,
}

impl StandIns {
    fn of(&self, portal: &PortalId, meant: Meant, now: Timestamp) -> Option<StandIn> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = remembered.known.get(&(portal.clone(), meant))?;
        (now.duration_since(seen.at) < seen.holds).then_some(seen.stand_in)
    }

    fn remember(&self, portal: &PortalId, meant: Meant, seen: Seen) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = (portal.clone(), meant);
        remembered.silent.remove(&of);
        if remembered.known.len() >= MOST {
            remembered.known.clear();
        }
        remembered.known.insert(of, seen);
    }

    fn did_not_answer(&self, portal: &PortalId, meant: Meant, now: Timestamp) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.silent.len() >= MOST {
            remembered.silent.clear();
        }
        let begun = Silence {
            since: now,
            last: now,
        };
        let of = (portal.clone(), meant);
        let silence = remembered.silent.entry(of).or_insert(begun);
        // Nobody asked for so long: that is another one.
        if now.duration_since(silence.last) > GIVEN_UP_AFTER {
            silence.since = now;
        }
        silence.last = now;
    }

    fn is_given_up(&self, portal: &PortalId, meant: Meant) -> bool {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silence = remembered.silent.get(&(portal.clone(), meant));
        silence.is_some_and(|one| one.last.duration_since(one.since) >= GIVEN_UP_AFTER)
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
        let is_given_up = has_administrator && known.is_given_up(&portal, meant);
        let known = known.of(&portal, meant, now);
        if let ((_, true), None) = (meant, known) {
            if is_given_up {
                notices::told_without_head(&mut action);
                reached.push((id, action));
                continue;
            }
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
        if let Some(deal) = deals.get_mut(&id)
            && let Some(about) = notices::heard_already(&deal.snapshot, &action)
        {
            deal.told(&about);
            continue;
        }
        reached.push((id, action));
    }
    Ok(reached)
}

/// What somebody was told who was dismissed since counts as told to nobody: the next look tells whoever stands in. The staff
/// is read for it once a day.
pub(crate) async fn untell_dismissed(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
) -> Result<(), Halted> {
    let portal = ctx.portal();
    let heard = ctx.store().cases_heard_by(&portal).await;
    let heard = heard.map_err(Halted::from)?;
    if heard.is_empty() {
        return Ok(());
    }
    let asked = heard.iter().map(|user| (*user, false)).collect();
    read(reconciler, ctx, connected, asked).await?;
    let has_administrator = connected.policy.administrator.is_some();
    let is_stood_in_for = |user: &UserId| {
        let known = reconciler.stand_ins.of(&portal, (*user, false), ctx.now());
        match known {
            Some(StandIn::Head(_)) => true,
            // Without one there is nobody else.
            Some(StandIn::Administrator) => has_administrator,
            Some(StandIn::Themselves) | None => false,
        }
    };
    let gone = heard.into_iter().filter(is_stood_in_for);
    ctx.record(Record {
        cases: gone.map(CaseChange::Unheard).collect(),
        ..Record::default()
    })
    .await
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
    // A silence is not remembered: the next message asks again. A refusal is for a while, as it would be the same in a minute.
    let (staff, holds) = match staff {
        Ok(staff) => (Some(staff), HOLDS),
        Err(error) if error.verdict == Verdict::Reject => (Some(Staff::default()), REFUSAL_HOLDS),
        Err(_) => (None, HOLDS),
    };
    for (user, is_head) in unknown {
        let (known, meant) = (&reconciler.stand_ins, (user, is_head));
        let Some(staff) = &staff else {
            known.did_not_answer(&portal, meant, now);
            continue;
        };
        let stand_in = if is_head {
            notices::head_of(user, staff)
        } else {
            notices::stand_in(user, staff)
        };
        let seen = Seen {
            at: now,
            holds,
            stand_in,
        };
        known.remember(&portal, meant, seen);
    }
    ctx.record(Record {
        journal: lines,
        ..Record::default()
    })
    .await
}
