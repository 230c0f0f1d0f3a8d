//! How often looks at a subject failed in a row, so that it is looked at ever later while that goes on.
//!
//! Kept in memory only: after a restart everything is tried again soon, which is what a restart is for. Deaths, which
//! must survive, are counted by the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::PortalId;
use store::Subject;

/// Shared by all workers of an engine, for a portal may change workers between two looks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures(Arc<Mutex<Counts>>);

type Counts = BTreeMap<(PortalId, Subject), u32>;

impl Failures {
    /// Counts one more; gives how many there were before it.
    pub(crate) fn count(&self, portal: &PortalId, subject: &Subject) -> u32 {
        let mut counts = self.counts();
        let count = counts.entry((portal.clone(), subject.clone())).or_default();
        let before = *count;
        *count = count.saturating_add(1);
        before
    }

    /// A look went well.
    pub(crate) fn forget(&self, portal: &PortalId, subject: &Subject) {
        self.counts().remove(&(portal.clone(), subject.clone()));
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
