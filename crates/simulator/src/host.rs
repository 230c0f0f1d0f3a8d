//! The machine that our processes run on: its clock, which somebody may set and which is set right again.
//!
//! The remotes and the judges go by the true time; only the product goes by this.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::clock::{later, until};
use engine::{Clock as _, TokioClock};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

/// A clock that may jump. Clones are the same clock.
#[derive(Clone, Debug)]
pub(crate) struct HostClock {
    truth: TokioClock,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    ahead_seconds: AtomicI64,
    jumped: Notify,
}

impl HostClock {
    /// A clock that goes right.
    pub(crate) fn right(truth: TokioClock) -> Self {
        Self {
            truth,
            shared: Arc::default(),
        }
    }

    /// What the machine shows.
    pub(crate) fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.shared.ahead_seconds.load(Ordering::Relaxed));
        let truth = self.truth.now();
        truth.checked_add(ahead).unwrap_or(truth)
    }

    /// From now on it goes so much ahead of the truth.
    pub(crate) fn jump(&self, ahead_seconds: i64) {
        self.shared
            .ahead_seconds
            .store(ahead_seconds, Ordering::Relaxed);
        self.shared.jumped.notify_waiters();
    }

    pub(crate) async fn sleep_until(&self, at: Timestamp) {
        loop {
            let jumped = self.shared.jumped.notified();
            let left = until(self.now(), at);
            let then = later(self.truth.now(), left);
            tokio::select! {
                biased;
                () = self.truth.sleep_until(then) => return,
                () = jumped => {}
            }
        }
    }
}
