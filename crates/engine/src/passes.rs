//! The passes that run in one portal, and which lane has room for another.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use planted::Bug;
use store::{Lane, Subject, Work};
use tokio::task::JoinSet;

use crate::clock::later;
use crate::look::{Halted, LeaseContext};
use crate::settings::PassSettings;

/// One finished pass.
pub(crate) struct Pass {
    pub(crate) id: u64,
    pub(crate) due: Vec<Work>,
    pub(crate) ctx: Arc<LeaseContext>,
    pub(crate) end: PassEnd,
}

/// How a pass ended.
pub(crate) enum PassEnd {
    /// By itself.
    Returned(Result<(), Halted>),
    /// By a panic, or by being cancelled for taking too long.
    Died(&'static str),
}

/// The passes that run, and what they are on.
#[derive(Default)]
pub(crate) struct Running {
    pub(crate) passes: JoinSet<Pass>,
    busy: BTreeMap<u64, Busy>,
    begun: u64,
}

/// One pass that runs.
struct Busy {
    lane: Lane,
    began: Timestamp,
    subjects: Vec<Subject>,
}

impl Running {
    /// Notes that a pass over `due` begins; gives its number.
    pub(crate) fn begin(&mut self, lane: Lane, due: &[Work], began: Timestamp) -> u64 {
        let id = self.begun;
        self.begun += 1;
        let subjects = due.iter().map(|work| work.subject.clone()).collect();
        self.busy.insert(
            id,
            Busy {
                lane,
                began,
                subjects,
            },
        );
        id
    }

    /// The pass with this number is over.
    pub(crate) fn end(&mut self, id: u64) {
        self.busy.remove(&id);
    }

    /// Every subject that is being looked at.
    pub(crate) fn subjects(&self) -> Vec<Subject> {
        self.busy
            .values()
            .flat_map(|busy| &busy.subjects)
            .cloned()
            .collect()
    }

    /// Whether a pass may begin in `lane`: none runs there, or only such as have become slow, so that a call that
    /// hangs holds its own subjects and no others. In the trailing lane nobody waits.
    pub(crate) fn has_room(&self, lane: Lane, settings: &PassSettings, now: Timestamp) -> bool {
        if planted::is(Bug::ClickBehindBulk) {
            return self.busy.is_empty();
        }
        let in_lane: Vec<&Busy> = self
            .busy
            .values()
            .filter(|busy| busy.lane == lane)
            .collect();
        let all_slow = in_lane
            .iter()
            .all(|busy| now >= later(busy.began, settings.slow_after));
        in_lane.is_empty()
            || lane != Lane::Trailing && all_slow && in_lane.len() < settings.most_in_lane
    }

    /// When the next pass becomes slow.
    pub(crate) fn next_slow(&self, settings: &PassSettings, now: Timestamp) -> Option<Timestamp> {
        self.busy
            .values()
            .map(|busy| later(busy.began, settings.slow_after))
            .filter(|slow_at| *slow_at > now)
            .min()
    }
}
