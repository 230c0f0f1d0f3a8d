//! How long this process has had an effect of unknown outcome before its eyes.
//!
//! A quiet time is stored, so that no restart shortens it; but whoever stored it may have gone by a clock that was
//! wrong by an hour. So an absence proves something only if both are over: the stored time, and as much time by a
//! clock that nobody sets. Whoever takes over begins to watch anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use store::Effect;

use crate::clock::{Clock, later, until};

/// What is remembered of effects that nobody asks for any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(86_400);
/// So many are remembered before the old are forgotten.
const MANY: usize = 10_000;

/// Since when each effect is watched, by [`Clock::uptime`]. Clones are the same watch.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Mutex<HashMap<i64, Duration>>>);

impl Watch {
    /// It leaves now: what was watched of it before does not count.
    pub(crate) fn begin(&self, effect: i64, clock: &dyn Clock) {
        self.end(effect);
        self.since(effect, clock.uptime());
    }

    /// Its outcome is known.
    pub(crate) fn end(&self, effect: i64) {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.remove(&effect);
    }

    /// Until when `effect` may still land: as stored, and not before this process has watched it as long as its
    /// quiet time was meant to be.
    pub(crate) fn quiet_until(&self, effect: &Effect, clock: &dyn Clock) -> Option<Timestamp> {
        let stored = effect.quiet_until?;
        let meant = until(effect.sent_at.unwrap_or(effect.created_at), stored);
        let uptime = clock.uptime();
        let watched = uptime.saturating_sub(self.since(effect.id, uptime));
        let left = meant.saturating_sub(watched);
        if left.is_zero() {
            return Some(stored);
        }
        Some(stored.max(later(clock.now(), left)))
    }

    fn since(&self, effect: i64, uptime: Duration) -> Duration {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() >= MANY {
            watched.retain(|_, since| uptime.saturating_sub(*since) < FORGOTTEN_AFTER);
        }
        *watched.entry(effect).or_insert(uptime)
    }
}

#[cfg(test)]
mod tests {
    use store::{EffectState, Subject};

    use super::*;
    use crate::clock::TokioClock;

    const MEANT: Duration = Duration::from_secs(600);

    /// What was sent `ago` by the clock of whoever sent it.
    fn sent(clock: &TokioClock, ago: Duration) -> Effect {
        let sent_at = crate::clock::earlier(clock.now(), ago);
        Effect {
            id: 1,
            key: "deal/1/invoice/whole/1".to_owned(),
            once: true,
            subject: Subject::portal("sweep"),
            action: "issue_invoice".to_owned(),
            request: serde_json::Value::Null,
            request_hash: String::new(),
            state: EffectState::Unknown,
            attempt: 1,
            not_before: None,
            sent_at: Some(sent_at),
            quiet_until: Some(later(sent_at, MEANT)),
            not_after: None,
            absent_looks: 0,
            first_absent_at: None,
            outcome: None,
            error: None,
            fence: 1,
            repeats: false,
            created_at: sent_at,
            updated_at: sent_at,
        }
    }

    fn clock() -> TokioClock {
        TokioClock::starting_at("2026-03-12T12:00:00Z".parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_left_an_hour_ago_is_watched_for_its_whole_quiet_time() {
        let (clock, watch) = (clock(), Watch::default());
        let effect = sent(&clock, Duration::from_secs(3_600));
        let until = watch.quiet_until(&effect, &clock).unwrap();
        assert_eq!(until, later(clock.now(), MEANT));
        clock.sleep_until(until).await;
        assert_eq!(watch.quiet_until(&effect, &clock), effect.quiet_until);
    }

    #[tokio::test(start_paused = true)]
    async fn what_we_sent_is_as_long_in_the_air_as_is_stored() {
        let (clock, watch) = (clock(), Watch::default());
        let effect = sent(&clock, Duration::ZERO);
        watch.begin(effect.id, &clock);
        clock.sleep_until(later(clock.now(), MEANT / 2)).await;
        assert_eq!(watch.quiet_until(&effect, &clock), effect.quiet_until);
        clock.sleep_until(later(clock.now(), MEANT)).await;
        assert_eq!(watch.quiet_until(&effect, &clock), effect.quiet_until);
        watch.begin(effect.id, &clock);
        let anew = later(clock.now(), MEANT);
        assert_eq!(watch.quiet_until(&effect, &clock), Some(anew));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_from_the_future_is_waited_for() {
        let (clock, watch) = (clock(), Watch::default());
        let mut effect = sent(&clock, Duration::ZERO);
        effect.quiet_until = effect
            .quiet_until
            .map(|at| later(at, Duration::from_secs(3_600)));
        clock.sleep_until(later(clock.now(), MEANT)).await;
        assert!(watch.quiet_until(&effect, &clock) >= effect.quiet_until);
    }
}
