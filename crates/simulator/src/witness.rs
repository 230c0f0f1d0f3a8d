//! What our own records said at the moment at which a request left: who held the portal, and how the effects stood.
//!
//! It reads on a handle of its own, so that failures ordered for a process do not meet it, and it changes nothing.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{DealId, PortalId};
use jiff::Timestamp;
use store::{Effect, EffectState, Store, Subject};

use crate::asked::{Command, commands};
use crate::network::{Remote, Seen};

/// One request of a process as our records knew it when it left.
#[derive(Clone, Debug)]
pub(crate) struct Leaving {
    pub(crate) at: Timestamp,
    pub(crate) tenant: usize,
    pub(crate) process: u64,
    /// It may change something on the remote.
    pub(crate) writes: bool,
    /// Who held the portal, and under which number; asked only where several could.
    pub(crate) holder: Option<(u64, i64)>,
    /// The creation of a bill.
    pub(crate) creation: Option<Creation>,
    /// What is written to deals, by action, while no effect of it is under way.
    pub(crate) unrecorded: Vec<(i64, &'static str)>,
}

/// The effect behind a creation.
#[derive(Clone, Debug)]
pub(crate) struct Creation {
    pub(crate) deal: u64,
    /// State and attempts; none if there is no such effect.
    pub(crate) stored: Option<(EffectState, u32)>,
}

/// Looks at our records beside the product.
pub(crate) struct Witness {
    store: Store,
    /// By tenant.
    portals: Vec<PortalId>,
    /// Whether several processes compete for a portal.
    rivals: bool,
    seen: Mutex<Vec<Leaving>>,
}

impl Witness {
    pub(crate) fn new(store: Store, portals: Vec<PortalId>, rivals: bool) -> Self {
        Self {
            store,
            portals,
            rivals,
            seen: Mutex::default(),
        }
    }

    /// A request is about to leave.
    pub(crate) async fn leaves(&self, seen: &Seen) {
        let Some(portal) = self.portals.get(seen.tenant) else {
            return;
        };
        let creation = match created_for(seen) {
            Some((deal, key)) => Some(self.creation(portal, deal, &key).await),
            None => None,
        };
        let written = written(seen);
        if !self.rivals && creation.is_none() && written.is_empty() {
            return;
        }
        let holder = if self.rivals {
            self.holder(portal).await
        } else {
            None
        };
        let leaving = Leaving {
            at: seen.at,
            tenant: seen.tenant,
            process: seen.process,
            writes: writes(seen),
            holder,
            creation,
            unrecorded: self.unrecorded(portal, written).await,
        };
        self.lock().push(leaving);
    }

    /// Everything that left so far for one tenant.
    pub(crate) fn seen(&self, tenant: usize) -> Vec<Leaving> {
        let all = self.lock();
        let ours = all.iter().filter(|leaving| leaving.tenant == tenant);
        ours.cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Leaving>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn holder(&self, portal: &PortalId) -> Option<(u64, i64)> {
        let lease = self
            .store
            .lease_of(portal, Timestamp::UNIX_EPOCH)
            .await
            .ok()??;
        let number = lease.owner.strip_prefix("process-")?.parse().ok()?;
        Some((number, lease.fence))
    }

    async fn effects(&self, portal: &PortalId, deals: &[u64]) -> Vec<Effect> {
        let deals = deals.iter().map(|deal| Subject::deal(DealId(*deal)));
        let subjects: Vec<Subject> = deals.collect();
        let known = self.store.known(portal, &subjects).await;
        known.map(|known| known.effects).unwrap_or_default()
    }

    async fn creation(&self, portal: &PortalId, deal: u64, key: &str) -> Creation {
        let effects = self.effects(portal, &[deal]).await;
        let effect = effects.into_iter().find(|effect| effect.key == key);
        Creation {
            deal,
            stored: effect.map(|effect| (effect.state, effect.attempt)),
        }
    }

    async fn unrecorded(
        &self,
        portal: &PortalId,
        written: BTreeSet<(i64, &'static str)>,
    ) -> Vec<(i64, &'static str)> {
        if written.is_empty() {
            return Vec::new();
        }
        let numbers = written
            .iter()
            .filter_map(|(deal, _)| (*deal).try_into().ok());
        let numbers: Vec<u64> = numbers.collect();
        let effects = self.effects(portal, &numbers).await;
        // Whose portal was taken over meanwhile finds its effect unknown already.
        let is_under_way = |deal: i64, action: &str| {
            effects.iter().any(|effect| {
                effect.subject.id == deal.to_string()
                    && effect.action == action
                    && matches!(effect.state, EffectState::Sent | EffectState::Unknown)
            })
        };
        let left = written.into_iter();
        left.filter(|(deal, action)| !is_under_way(*deal, action))
            .collect()
    }
}

/// The deal and the key in the mark of a bill that is being created.
fn created_for(seen: &Seen) -> Option<(u64, String)> {
    let creates = seen.what.starts_with("POST ") && seen.what.ends_with("/bills");
    if seen.remote != Remote::Accounting || !creates {
        return None;
    }
    let body: serde_json::Value = serde_json::from_slice(&seen.body).ok()?;
    let comment = body.get("comment")?.as_str()?;
    let (_, mark) = comment.split_once("[provodka:")?;
    let (key, _) = mark.split_once(']')?;
    let (_, rest) = key.split_once("/deal/")?;
    let (deal, _) = rest.split_once('/')?;
    Some((deal.parse().ok()?, key.to_owned()))
}

/// Methods of the portal that change something, as far as we call them.
const WRITES: [&str; 5] = [
    "crm.item.update",
    "crm.timeline.comment.add",
    "crm.timeline.comment.update",
    "im.notify.system.add",
    "im.message.add",
];

fn writes(seen: &Seen) -> bool {
    match seen.remote {
        Remote::Accounting => seen.what.starts_with("POST "),
        Remote::Portal if seen.what == "batch" => {
            let text = String::from_utf8_lossy(&seen.body);
            WRITES.iter().any(|method| text.contains(method))
        }
        Remote::Portal => WRITES.contains(&seen.what.as_str()),
    }
}

/// The deals of the portal that a request writes or tells of, with the action behind it.
fn written(seen: &Seen) -> BTreeSet<(i64, &'static str)> {
    if seen.remote != Remote::Portal || !writes(seen) {
        return BTreeSet::new();
    }
    let action = |command: &Command| match command.method.as_str() {
        "crm.item.update" => Some("write_fields"),
        "crm.timeline.comment.add" => Some("add_timeline_entry"),
        _ => None,
    };
    commands(&seen.what, &seen.body)
        .iter()
        .filter_map(|command| Some((command.deal_written()?, action(command)?)))
        .collect()
}
