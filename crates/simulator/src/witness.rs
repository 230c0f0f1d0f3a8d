//! What our own records said at the moment at which a request left: who held the portal, and how the effect stood.
//!
//! It reads on a handle of its own, so that failures ordered for a process do not meet it, and it changes nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use domain::PortalId;
use jiff::Timestamp;
use store::{EffectState, Store, Subject};

use crate::network::Remote;

/// One request of a process as our records knew it when it left.
#[derive(Clone, Debug)]
pub(crate) struct Leaving {
    pub(crate) at: Timestamp,
    pub(crate) process: u64,
    /// It may change something on the remote.
    pub(crate) writes: bool,
    /// Who held the portal, and under which number; asked only where several could.
    pub(crate) holder: Option<(u64, i64)>,
    /// The creation of a bill.
    pub(crate) creation: Option<Creation>,
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
    portal: PortalId,
    /// Whether several processes compete for the portal.
    rivals: bool,
    seen: Mutex<Vec<Leaving>>,
}

impl Witness {
    pub(crate) fn new(store: Store, portal: PortalId, rivals: bool) -> Self {
        Self {
            store,
            portal,
            rivals,
            seen: Mutex::default(),
        }
    }

    /// A request is about to leave.
    pub(crate) async fn leaves(
        &self,
        at: Timestamp,
        process: u64,
        remote: Remote,
        what: &str,
        body: &Bytes,
    ) {
        let creation = match created_for(remote, what, body) {
            Some((deal, key)) => Some(self.creation(deal, &key).await),
            None => None,
        };
        if !self.rivals && creation.is_none() {
            return;
        }
        let holder = if self.rivals {
            self.holder(at).await
        } else {
            None
        };
        let leaving = Leaving {
            at,
            process,
            writes: writes(remote, what, body),
            holder,
            creation,
        };
        self.lock().push(leaving);
    }

    /// Everything that left so far.
    pub(crate) fn seen(&self) -> Vec<Leaving> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Leaving>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn holder(&self, at: Timestamp) -> Option<(u64, i64)> {
        let lease = self.store.lease_of(&self.portal, at).await.ok()??;
        let number = lease.owner.strip_prefix("process-")?.parse().ok()?;
        Some((number, lease.fence))
    }

    async fn creation(&self, deal: u64, key: &str) -> Creation {
        let subject = Subject::deal(domain::DealId(deal));
        let known = self.store.known(&self.portal, &[subject]).await;
        let effects = known.map(|known| known.effects).unwrap_or_default();
        let effect = effects.into_iter().find(|effect| effect.key == key);
        Creation {
            deal,
            stored: effect.map(|effect| (effect.state, effect.attempt)),
        }
    }
}

/// The deal and the key in the mark of a bill that is being created.
fn created_for(remote: Remote, what: &str, body: &Bytes) -> Option<(u64, String)> {
    if remote != Remote::Accounting || !what.starts_with("POST ") || !what.ends_with("/bills") {
        return None;
    }
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
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

fn writes(remote: Remote, what: &str, body: &Bytes) -> bool {
    match remote {
        Remote::Accounting => what.starts_with("POST "),
        Remote::Portal if what == "batch" => {
            let text = String::from_utf8_lossy(body);
            WRITES.iter().any(|method| text.contains(method))
        }
        Remote::Portal => WRITES.contains(&what),
    }
}
