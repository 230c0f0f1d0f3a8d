//! The service's own limit: so many requests of one key within any 60 seconds.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

const WINDOW: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Limiter {
    taken: BTreeMap<String, VecDeque<Timestamp>>,
}

impl Limiter {
    /// Takes one request of `key`, or says after how many whole seconds the next fits.
    /// A refused request is not counted. A limit of 0 is none.
    pub(crate) fn take(&mut self, key: &str, limit: u32, now: Timestamp) -> Result<(), u64> {
        if limit == 0 {
            return Ok(());
        }
        let taken = self.taken.entry(key.to_owned()).or_default();
        while taken
            .front()
            .is_some_and(|at| now.duration_since(*at) >= WINDOW)
        {
            taken.pop_front();
        }
        if taken.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
            taken.push_back(now);
            return Ok(());
        }
        let oldest = taken.front().copied().unwrap_or(now);
        let left = WINDOW
            .saturating_sub(now.duration_since(oldest))
            .as_millis();
        Err(u64::try_from(left).unwrap_or(0).div_ceil(1000).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_slides_and_refusals_do_not_count() {
        let start: Timestamp = "2026-03-12T09:00:00Z".parse().unwrap();
        let at = |seconds: f64| start + SignedDuration::from_secs_f64(seconds);
        let mut limiter = Limiter::default();
        let rows = [
            (0.0, Ok(())),
            (10.5, Ok(())),
            (20.0, Err(40)),
            (59.999, Err(1)),
            (60.0, Ok(())),
            (61.0, Err(10)),
            (70.5, Ok(())),
        ];
        for (seconds, expected) in rows {
            assert_eq!(limiter.take("key", 2, at(seconds)), expected, "{seconds}");
        }
        assert_eq!(limiter.take("other", 2, at(61.0)), Ok(()));
        assert_eq!(limiter.take("key", 0, at(61.0)), Ok(()));
    }
}
