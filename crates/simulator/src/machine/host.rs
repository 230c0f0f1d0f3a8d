//! The machine that our processes run on: its clock, which somebody may set and which is set right again.
//!
//! The remotes and the judges go by the true time; only the product goes by this.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine::{Clock as _, SteadyClock, TokioClock};
use jiff::{SignedDuration, Timestamp};

/// A clock that may jump. Clones are the same clock.
#[derive(Clone, Debug)]
pub(crate) struct HostClock {
    truth: TokioClock,
    ahead_seconds: Arc<AtomicI64>,
    /// When it was set.
    jumps: Arc<Mutex<Vec<Timestamp>>>,
}

impl HostClock {
    /// A clock that goes right.
    pub(crate) fn right(truth: TokioClock) -> Self {
        Self {
            truth,
            ahead_seconds: Arc::default(),
            jumps: Arc::default(),
        }
    }

    /// What the machine shows.
    pub(crate) fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.ahead_seconds.load(Ordering::Relaxed));
        let truth = self.truth.now();
        truth.checked_add(ahead).unwrap_or(truth)
    }

    /// The clock of a process that starts now, as the program makes its own.
    pub(crate) fn steady(&self) -> SteadyClock {
        let machine = self.clone();
        SteadyClock::over(move || machine.now())
    }

    /// From now on it goes so much ahead of the truth.
    pub(crate) fn jump(&self, ahead_seconds: i64) {
        let before = self.ahead_seconds.swap(ahead_seconds, Ordering::Relaxed);
        if before != ahead_seconds {
            let mut jumps = self.jumps.lock().unwrap_or_else(PoisonError::into_inner);
            jumps.push(self.truth.now());
        }
    }

    /// The true moments at which it was set.
    pub(crate) fn jumps(&self) -> Vec<Timestamp> {
        let jumps = self.jumps.lock().unwrap_or_else(PoisonError::into_inner);
        jumps.clone()
    }
}
