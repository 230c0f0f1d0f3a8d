//! The test's time: Thursday, 12 March 2026, noon in Moscow, and tokio's paused clock from there on.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use engine::clock::later;
use engine::{Clock, TokioClock};
use jiff::Timestamp;

/// Where every test's clock begins: 2026-03-12 12:00 in Moscow.
pub fn start() -> Timestamp {
    "2026-03-12T09:00:00Z"
        .parse()
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `seconds` after the start.
pub fn at(seconds: u64) -> Timestamp {
    later(start(), Duration::from_secs(seconds))
}

/// A clock at the start, obeying the runtime's pause. Make it inside the runtime.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(TokioClock::starting_at(start()))
}

/// Runs `test` on one thread with the clock paused: time passes only when everybody waits for it.
///
/// # Panics
/// When the runtime cannot be built.
#[allow(clippy::expect_used, reason = "a test without a runtime cannot go on")]
pub fn paused<T>(test: impl Future<Output = T>) -> T {
    // Behind a pointer, so that the runtime around it is compiled once and not for each test.
    let test: Pin<&mut dyn Future<Output = T>> = pin!(test);
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(test)
}

/// Waits until `met` says yes, looking every `step` of the clock; false when `longest` has passed before.
pub async fn eventually<F: Future<Output = bool>>(
    clock: &dyn Clock,
    longest: Duration,
    step: Duration,
    mut met: impl FnMut() -> F,
) -> bool {
    let end = later(clock.now(), longest);
    loop {
        if met().await {
            return true;
        }
        if clock.now() >= end {
            return false;
        }
        clock.sleep_until(later(clock.now(), step)).await;
    }
}
