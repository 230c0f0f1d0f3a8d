//! The machine that our processes run on: its clock, which somebody may set and which is set right again.
//!
//! The remotes and the judges go by the true time; only the product goes by this.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::{Clock as _, SteadyClock, TokioClock};
use jiff::{SignedDuration, Timestamp};

/// A clock that may jump. Clones are the same clock.
#[derive(Clone, Debug)]
pub(crate) struct HostClock {
    truth: TokioClock,
    ahead_seconds: Arc<AtomicI64>,
}

impl HostClock {
    /// A clock that goes right.
    pub(crate) fn right(truth: TokioClock) -> Self {
        Self {
            truth,
            ahead_seconds: Arc::default(),
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
        self.ahead_seconds.store(ahead_seconds, Ordering::Relaxed);
    }
}
