//! The portal's two limits: requests of one address, and execution time of one method.
//!
//! <https://apidocs.bitrix24.com/limits.html>

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use crate::config::Limits;

const WINDOW_SECONDS: i64 = 600;

/// A counter that rises with each request and falls once a second.
#[derive(Debug)]
struct Bucket {
    level: u32,
    fell_at: i64,
}

/// Execution time of one method, by minutes.
#[derive(Debug, Default)]
struct Operating {
    /// First call of the minute, and the sum within it.
    minutes: VecDeque<(i64, u64)>,
}

impl Operating {
    fn forget_old(&mut self, now: i64) {
        while self
            .minutes
            .front()
            .is_some_and(|(start, _)| start.saturating_add(WINDOW_SECONDS) <= now)
        {
            self.minutes.pop_front();
        }
    }

    fn sum(&self) -> u64 {
        self.minutes.iter().map(|(_, spent)| spent).sum()
    }
}

#[derive(Debug, Default)]
pub(crate) struct LimitBook {
    by_source: HashMap<String, Bucket>,
    by_method: HashMap<(String, String), Operating>,
}

/// What `time` tells about a method.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) operating_ms: u64,
    pub(crate) reset_at: i64,
}

impl LimitBook {
    /// Counts a request of one source; `false` where it comes too soon.
    pub(crate) fn admit(&mut self, limits: &Limits, source: &str, now: Timestamp) -> bool {
        if !limits.enabled {
            return true;
        }
        let now = now.as_second();
        let bucket = self.by_source.entry(source.to_owned()).or_insert(Bucket {
            level: 0,
            fell_at: now,
        });
        let passed = u32::try_from(now.saturating_sub(bucket.fell_at)).unwrap_or(u32::MAX);
        bucket.level = bucket
            .level
            .saturating_sub(passed.saturating_mul(limits.drain_per_second));
        bucket.fell_at = now;
        if bucket.level >= limits.burst {
            return false;
        }
        bucket.level = bucket.level.saturating_add(1);
        true
    }

    /// Whether a method may run: what it spent so far is below the limit.
    pub(crate) fn may_run(
        &mut self,
        limits: &Limits,
        account: &str,
        method: &str,
        now: Timestamp,
    ) -> bool {
        let Some(operating) = self
            .by_method
            .get_mut(&(account.to_owned(), method.to_owned()))
        else {
            return true;
        };
        operating.forget_old(now.as_second());
        !limits.enabled || operating.sum() <= limits.operating_limit_ms
    }

    /// Books execution time of a method that ran.
    pub(crate) fn book(
        &mut self,
        account: &str,
        method: &str,
        now: Timestamp,
        spent_ms: u64,
    ) -> Spent {
        let now = now.as_second();
        let operating = self
            .by_method
            .entry((account.to_owned(), method.to_owned()))
            .or_default();
        operating.forget_old(now);
        match operating.minutes.back_mut() {
            Some((start, sum)) if start.saturating_add(60) > now => {
                *sum = sum.saturating_add(spent_ms)
            }
            _ => operating.minutes.push_back((now, spent_ms)),
        }
        let oldest = operating.minutes.front().map_or(now, |(start, _)| *start);
        Spent {
            operating_ms: operating.sum(),
            reset_at: oldest.saturating_add(WINDOW_SECONDS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn burst_passes_and_then_two_a_second() {
        let limits = Limits::default();
        let mut book = LimitBook::default();
        let passed = (0..60)
            .filter(|_| book.admit(&limits, "10.0.0.1", at(0)))
            .count();
        assert_eq!(passed, 50);
        assert!(
            book.admit(&limits, "10.0.0.2", at(0)),
            "another address has its own"
        );
        let passed = (0..10)
            .filter(|_| book.admit(&limits, "10.0.0.1", at(1)))
            .count();
        assert_eq!(passed, 2);
        let passed = (0..100)
            .filter(|_| book.admit(&limits, "10.0.0.1", at(100)))
            .count();
        assert_eq!(passed, 50);
    }

    #[test]
    fn call_that_crosses_the_time_limit_ends_and_the_next_waits_for_the_oldest_minute() {
        // The vendor's example: 20 calls of 20 s, five more, then blocked until a minute of 40 s falls out.
        let limits = Limits::default();
        let mut book = LimitBook::default();
        let mut second = 0;
        for call in 0..25 {
            assert!(
                book.may_run(&limits, "app", "crm.item.list", at(second)),
                "call {call}"
            );
            book.book("app", "crm.item.list", at(second), 20_000);
            second += if call % 2 == 1 { 40 } else { 20 };
            second = second.min(580);
        }
        assert!(!book.may_run(&limits, "app", "crm.item.list", at(590)));
        assert!(
            book.may_run(&limits, "app", "crm.item.get", at(590)),
            "other methods go on"
        );
        assert!(book.may_run(&limits, "app", "crm.item.list", at(601)));
    }
}
