//! What strikes a process, as it happens: it is counted, and whoever was struck may do again what it had not recorded.
//!
//! An order to fail is no strike: it may be replaced by the next, and a process that dies before takes it along.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{Clock as _, TokioClock};
use jiff::Timestamp;
use store::Fault;

use crate::days::story::Story;

/// What struck the processes of a world. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Strikes {
    clock: TokioClock,
    story: Story,
    struck: Arc<Mutex<Struck>>,
}

#[derive(Debug, Default)]
struct Struck {
    /// When a process died, stood still or could not write.
    forgettings: Vec<Timestamp>,
    /// Those whose store has halted for good: their end is no second strike.
    halted: BTreeSet<u64>,
}

impl Strikes {
    pub(crate) fn new(clock: TokioClock, story: Story) -> Self {
        Self {
            clock,
            story,
            struck: Arc::default(),
        }
    }

    /// A process's store fails as it was ordered to.
    pub(crate) fn store_fails(&self, process: u64, fault: Fault) {
        let (kind, halts) = match fault {
            Fault::DiskFull | Fault::DiskFullAtCommit => ("disk full", false),
            Fault::Busy => ("database locked", false),
            Fault::UnknownCommitLost | Fault::UnknownCommitStored => ("unknown commit", false),
            Fault::Io | Fault::IoAtCommit | Fault::IoAfterCommit => ("I/O error", true),
        };
        self.strike(kind, format!("process {process}: {fault:?}"));
        if halts {
            self.struck().halted.insert(process);
        }
    }

    /// A process stands still.
    pub(crate) fn freezes(&self, process: u64) {
        self.strike("frozen", format!("process {process}"));
    }

    /// A process is gone.
    pub(crate) fn ends(&self, process: u64) {
        let has_halted = self.struck().halted.remove(&process);
        if !has_halted {
            self.forgets();
        }
    }

    /// Something is forgotten now.
    pub(crate) fn forgets(&self) {
        let now = self.clock.now();
        self.struck().forgettings.push(now);
    }

    /// When something was.
    pub(crate) fn forgettings(&self) -> Vec<Timestamp> {
        self.struck().forgettings.clone()
    }

    fn strike(&self, kind: &str, words: String) {
        self.story.tell(self.clock.now(), kind, words);
        self.forgets();
    }

    fn struck(&self) -> MutexGuard<'_, Struck> {
        self.struck.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::freeze::{Awaited, Freezer};

    fn strikes() -> (Strikes, Story) {
        let story = Story::default();
        let clock = TokioClock::starting_at(Timestamp::UNIX_EPOCH);
        (Strikes::new(clock, story.clone()), story)
    }

    #[test]
    fn a_store_that_halts_and_the_end_of_its_process_are_one_strike() {
        let (strikes, story) = strikes();
        strikes.store_fails(1, Fault::IoAtCommit);
        strikes.ends(1);
        assert_eq!(strikes.forgettings().len(), 1);
        strikes.store_fails(2, Fault::DiskFull);
        strikes.ends(2);
        assert_eq!(strikes.forgettings().len(), 3);
        let counts = story.counts();
        assert_eq!(counts.get("I/O error"), Some(&1));
        assert_eq!(counts.get("disk full"), Some(&1));
    }

    #[test]
    fn whoever_is_to_stand_still_is_frozen_once_and_when_it_stands_still() {
        let (strikes, story) = strikes();
        let freezer = Freezer::of(1, strikes.clone());
        freezer.freeze_at_answer(Awaited::Any);
        assert!(strikes.forgettings().is_empty());
        freezer.freeze();
        freezer.freeze();
        assert_eq!(strikes.forgettings().len(), 1);
        assert_eq!(story.counts().get("frozen"), Some(&1));
    }
}
