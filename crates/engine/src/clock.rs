//! The time of day, passed in. Nothing below `cli` asks the machine for it by another way.
//!
//! Every part of the engine, the reconciler and the web side holds an `Arc<dyn Clock>`; sleeping is
//! a matter of the same clock, so that a test on tokio's paused clock passes a week in a blink.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

/// Tells the time and waits for it.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// Now, in whole microseconds: the store keeps no finer time, and a moment that went through it must stay equal.
    fn now(&self) -> Timestamp;

    /// Returns once `at` has come; at once when it has passed.
    async fn sleep_until(&self, at: Timestamp);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A wait is cut into naps of this length, because the machine's clock may be set forward meanwhile.
const LONGEST_NAP: Duration = Duration::from_secs(60);

#[async_trait]
impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        whole_micros(Timestamp::now())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the clock is what others sleep by"
    )]
    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = until(self.now(), at);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_NAP)).await;
        }
    }
}

/// A clock that starts where it is told and goes on with tokio's own time: it obeys a paused runtime.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    base: Timestamp,
    started: tokio::time::Instant,
}

impl TokioClock {
    /// A clock that shows `base` now. Two of them with different bases are two machines with skewed clocks.
    pub fn starting_at(base: Timestamp) -> Self {
        Self {
            base: whole_micros(base),
            started: tokio::time::Instant::now(),
        }
    }
}

#[async_trait]
impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        whole_micros(later(self.base, self.started.elapsed()))
    }

    async fn sleep_until(&self, at: Timestamp) {
        tokio::time::sleep_until(self.started + until(self.base, at)).await;
    }
}

/// `at` plus `by`; the end of time where there is none so late.
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `at` less `by`; the beginning of time where there is none so early.
pub fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// From `from` to `to`; zero when `to` is not later.
pub fn until(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

fn whole_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-03-12T12:00:00Z".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn tokio_clock_passes_exactly_the_time_that_was_slept() {
        let clock = TokioClock::starting_at(noon());
        assert_eq!(clock.now(), noon());

        let monday = later(noon(), Duration::from_secs(4 * 86_400));
        clock.sleep_until(monday).await;
        assert_eq!(clock.now(), monday);

        clock.sleep_until(noon()).await;
        assert_eq!(
            clock.now(),
            monday,
            "a moment that has passed is not waited for"
        );
    }

    #[test]
    fn times_at_the_ends_of_time_stay_there() {
        assert_eq!(
            later(Timestamp::MAX, Duration::from_secs(1)),
            Timestamp::MAX
        );
        assert_eq!(earlier(Timestamp::MIN, Duration::MAX), Timestamp::MIN);
        assert_eq!(until(noon(), noon()), Duration::ZERO);
        assert_eq!(
            until(later(noon(), Duration::from_secs(1)), noon()),
            Duration::ZERO
        );
    }
}
