//! Events that say that the application was removed. One that was true once proves itself for ever, so the portal is
//! asked; not more often than it can bear, whoever keeps such an event and however often he sends it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use domain::PortalId;
use jiff::{SignedDuration, Timestamp};

/// After the portal said that such an event is not true it is not asked for so long.
const NOT_ASKED_FOR: SignedDuration = SignedDuration::from_secs(5);

/// Which portals said so last, and when.
#[derive(Debug, Default)]
pub(crate) struct Removals(Mutex<BTreeMap<PortalId, Timestamp>>);

impl Removals {
    /// Whether the portal may be asked again.
    pub(crate) fn may_ask(&self, portal: &PortalId, now: Timestamp) -> bool {
        let untrue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = untrue.get(portal);
        at.is_none_or(|at| now.duration_since(*at) >= NOT_ASKED_FOR)
    }

    /// The portal said that it is not true.
    pub(crate) fn untrue(&self, portal: &PortalId, now: Timestamp) {
        let mut untrue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        untrue.insert(portal.clone(), now);
    }
}
