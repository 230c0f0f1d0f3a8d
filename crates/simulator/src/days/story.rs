//! What happened on a seed's day, in plain words and in order, and how often each kind of thing did.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// A story that everybody adds to. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    lines: Vec<(Timestamp, String)>,
    counts: BTreeMap<String, u64>,
}

impl Story {
    /// Something happened, of a kind that is counted.
    pub(crate) fn tell(&self, at: Timestamp, kind: &str, words: impl Into<String>) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.lines.push((at, format!("{kind}: {}", words.into())));
        let count = told.counts.entry(kind.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    /// Something that is told and not counted; it takes its place by its moment.
    pub(crate) fn add(&self, at: Timestamp, words: String) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.lines.push((at, words));
    }

    /// So many more of a kind.
    pub(crate) fn count(&self, kind: &str, more: u64) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = told.counts.entry(kind.to_owned()).or_default();
        *count = count.saturating_add(more);
    }

    /// Everything, in order.
    pub(crate) fn lines(&self) -> Vec<(Timestamp, String)> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = told.lines.clone();
        lines.sort_by_key(|(at, _)| *at);
        lines
    }

    /// How often each kind happened.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.counts.clone()
    }
}
