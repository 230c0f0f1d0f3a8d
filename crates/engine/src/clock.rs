//! The time of day, passed in. Nothing below `cli` asks the machine for it by another way.
//!
//! Every part of the engine, the reconciler and the web side holds an `Arc<dyn Clock>`; sleeping is
//! a matter of the same clock, so that a test on tokio's paused clock passes a week in a blink.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Tells the time and waits for it.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// Now, in whole microseconds: the store keeps no finer time, and a moment that went through it must stay equal.
    fn now(&self) -> Timestamp;

    /// How long this process has run, by a clock that nobody sets. What must surely have passed is measured by it:
    /// two moments of [`Clock::now`] that two processes wrote down may lie an hour wrong to each other.
    fn uptime(&self) -> Duration;

    /// Returns once `at` has come; at once when it has passed.
    async fn sleep_until(&self, at: Timestamp);
}

/// A wall clock without its jumps: it takes the wall clock's time once and goes on steadily.
///
/// Whoever sets the machine's clock an hour wrong and right again changes nothing for a process that runs. What
/// stays apart for [`FOLLOWED_AFTER`] is followed: the clock was wrong before, or the machine slept.
#[derive(Clone)]
pub struct SteadyClock {
    wall: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    began: Instant,
    state: Arc<Mutex<Anchor>>,
}

/// Where a steady clock goes from.
#[derive(Debug)]
struct Anchor {
    shown: Timestamp,
    at: Instant,
    apart_since: Option<Instant>,
}

/// A wall clock is believed again once it has stayed apart for so long.
pub const FOLLOWED_AFTER: Duration = Duration::from_secs(900);

/// Less than this is no jump.
const APART: Duration = Duration::from_secs(2);

/// A wait is cut into naps of this length, because the time may be set forward meanwhile.
const LONGEST_NAP: Duration = Duration::from_secs(60);

impl SteadyClock {
    /// A clock that begins with what `wall` shows.
    pub fn over(wall: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let at = Instant::now();
        let anchor = Anchor {
            shown: whole_micros(wall()),
            at,
            apart_since: None,
        };
        Self {
            wall: Arc::new(wall),
            began: at,
            state: Arc::new(Mutex::new(anchor)),
        }
    }

    /// The machine's clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the machine's clock"
    )]
    pub fn of_this_machine() -> Self {
        Self::over(Timestamp::now)
    }
}

impl Debug for SteadyClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SteadyClock").field(&self.now()).finish()
    }
}

#[async_trait]
impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let (wall, at) = ((self.wall)(), Instant::now());
        let mut anchor = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let steady = whole_micros(later(anchor.shown, at.duration_since(anchor.at)));
        let apart = until(steady, wall).max(until(wall, steady));
        if apart < APART {
            anchor.apart_since = None;
            return steady;
        }
        let since = *anchor.apart_since.get_or_insert(at);
        if at.duration_since(since) < FOLLOWED_AFTER {
            return steady;
        }
        tracing::warn!(from = %steady, to = %wall, "the machine's clock was set, and is followed now");
        *anchor = Anchor {
            shown: whole_micros(wall),
            at,
            apart_since: None,
        };
        anchor.shown
    }

    fn uptime(&self) -> Duration {
        self.began.elapsed()
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
    started: Instant,
}

impl TokioClock {
    /// A clock that shows `base` now. Two of them with different bases are two machines with skewed clocks.
    pub fn starting_at(base: Timestamp) -> Self {
        Self {
            base: whole_micros(base),
            started: Instant::now(),
        }
    }
}

#[async_trait]
impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        whole_micros(later(self.base, self.started.elapsed()))
    }

    fn uptime(&self) -> Duration {
        self.started.elapsed()
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
    use std::sync::atomic::{AtomicI64, Ordering};

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

    #[tokio::test(start_paused = true)]
    async fn what_jumps_and_comes_back_is_not_followed() {
        let truth = TokioClock::starting_at(noon());
        let ahead = Arc::new(AtomicI64::new(0));
        let shown = Arc::clone(&ahead);
        let wall = move || truth.now() + SignedDuration::from_secs(shown.load(Ordering::Relaxed));
        let clock = SteadyClock::over(wall);
        let pass = |seconds| clock.sleep_until(later(clock.now(), Duration::from_secs(seconds)));

        for jump in [3_600, -3_600] {
            ahead.store(jump, Ordering::Relaxed);
            pass(890).await;
            assert_eq!(clock.now(), truth.now(), "{jump}");
            ahead.store(0, Ordering::Relaxed);
            pass(60).await;
            assert_eq!(clock.now(), truth.now());
        }
        ahead.store(-7_200, Ordering::Relaxed);
        pass(60).await;
        assert_eq!(clock.now(), truth.now());
        let began = truth.now();
        pass(900).await;
        let real = truth.now().duration_since(began);
        assert!(real <= SignedDuration::from_secs(960 + 7_200));
        assert_eq!(
            clock.now(),
            truth.now() - SignedDuration::from_hours(2),
            "what stays is followed"
        );
        assert_eq!(clock.uptime(), truth.uptime());
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
