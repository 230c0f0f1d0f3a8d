//! The wall time of the imitated remote.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Wall time of the imitated remote. Emulators read no other clock.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

pub type SharedClock = Arc<dyn Clock>;

/// A wall clock that goes with tokio's: it starts at a given moment and stands still while
/// tokio's time is paused, so that a test's `advance` moves the remote too.
#[derive(Clone, Debug)]
pub struct TokioClock {
    base: Timestamp,
    started: Instant,
}

impl TokioClock {
    /// A clock that shows `base` now.
    pub fn starting_at(base: Timestamp) -> Self {
        Self {
            base,
            started: Instant::now(),
        }
    }

    /// The same, ready to be shared.
    pub fn shared(base: Timestamp) -> SharedClock {
        Arc::new(Self::starting_at(base))
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        let elapsed =
            SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        self.base.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

/// Waits as the remote would: on tokio's clock, so that [`TokioClock`] goes on meanwhile.
#[expect(
    clippy::disallowed_methods,
    reason = "an emulator is the remote: its waits belong to no engine, and tokio's paused clock orders them"
)]
pub async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stands_still_and_advances_with_tokio_time() {
        let base: Timestamp = "2026-03-12T09:00:00Z".parse().unwrap();
        let clock = TokioClock::starting_at(base);
        assert_eq!(clock.now(), base);
        tokio::time::advance(Duration::from_millis(90_500)).await;
        assert_eq!(clock.now().to_string(), "2026-03-12T09:01:30.5Z");
    }
}
