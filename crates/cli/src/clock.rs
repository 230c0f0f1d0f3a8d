//! Whether the machine's clock can be believed, and waiting until it can.
//!
//! A machine without a clock of its own starts in 1970 and learns the time from the network a moment later. What was
//! written down by then would look half a century old, and waits counted from it would never end.

use std::sync::Arc;

use engine::Clock;
use jiff::{SignedDuration, Timestamp};

/// A clock before this moment is surely wrong: this program is younger.
const YOUNGEST: &str = "2026-01-01T00:00:00Z";

const LOOKED_AT_EVERY: SignedDuration = SignedDuration::from_secs(1);
/// Looks between two lines of the log.
const TOLD_EVERY: u32 = 60;

pub(crate) fn is_believable(now: Timestamp) -> bool {
    now >= YOUNGEST.parse::<Timestamp>().unwrap_or(Timestamp::MIN)
}

/// A clock that begins at a believable moment, as soon as there is one. `begun`: a clock that begins now: one that had
/// begun before would take the jump for a mistake.
pub(crate) async fn believable(begun: impl Fn() -> Arc<dyn Clock>) -> Arc<dyn Clock> {
    let mut looks = 0_u32;
    loop {
        let clock = begun();
        let now = clock.now();
        if is_believable(now) {
            return clock;
        }
        if looks.is_multiple_of(TOLD_EVERY) {
            tracing::warn!(%now, "CLOCK-WRONG: the machine's clock shows a time before this program was made; nothing begins until it is set");
        }
        looks = looks.wrapping_add(1);
        let next = now.checked_add(LOOKED_AT_EVERY).unwrap_or(Timestamp::MAX);
        clock.sleep_until(next).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use engine::SteadyClock;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_begins_in_1970_and_all_of_it_once_the_clock_is_set() {
        const SET_AFTER: i64 = 90;
        let looks = AtomicI64::new(0);
        let right: Timestamp = "2026-11-29T10:00:00Z".parse().unwrap();
        let began = Instant::now();
        let clock = believable(|| {
            let look = looks.fetch_add(1, Ordering::SeqCst);
            let shown = if look < SET_AFTER {
                Timestamp::from_second(look).unwrap()
            } else {
                right
            };
            Arc::new(SteadyClock::over(move || shown))
        })
        .await;
        assert_eq!(clock.now(), right);
        assert_eq!(began.elapsed().as_secs(), SET_AFTER.unsigned_abs());
    }
}
