//! How many commands fit into one batch without running into the portal's wall of 60 seconds.
//!
//! The portal tells how long each command took; the next batch is packed by what its methods took
//! lately. Whole milliseconds, no clock of its own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::error::Effect;

/// The vendor's limit.
pub(crate) const MOST_COMMANDS: usize = 50;

/// Until a method has been seen: lists take some hundredths of a second, an update with its
/// automation more than half a second (the vendor's sample took over three).
const FIRST_READ_MS: u64 = 200;
const FIRST_WRITE_MS: u64 = 600;
/// Half of the deadline that the transport gives, so that a batch twice as slow still answers.
const READ_BUDGET_MS: u64 = 15_000;
const WRITE_BUDGET_MS: u64 = 30_000;
const LEAST_MS: u64 = 20;
const MOST_MS: u64 = 30_000;

/// What the methods of one portal took lately.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    took_ms: Mutex<HashMap<String, u64>>,
}

impl Pace {
    /// How many of the first `methods` go into the next batch; at least one, if there is one.
    pub(crate) fn fit<'a>(&self, methods: impl Iterator<Item = &'a str>, effect: Effect) -> usize {
        let took = self.took_ms.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, budget) = match effect {
            Effect::Read => (FIRST_READ_MS, READ_BUDGET_MS),
            Effect::Write => (FIRST_WRITE_MS, WRITE_BUDGET_MS),
        };
        let mut sum: u64 = 0;
        let mut count: usize = 0;
        for method in methods.take(MOST_COMMANDS) {
            sum = sum.saturating_add(took.get(method).copied().unwrap_or(first));
            if count > 0 && sum > budget {
                break;
            }
            count = count.saturating_add(1);
        }
        count
    }

    /// A command took so long: slower counts at once, faster little by little.
    pub(crate) fn saw(&self, method: &str, ms: u64) {
        let mut took = self.took_ms.lock().unwrap_or_else(PoisonError::into_inner);
        let known = took.get(method).copied().unwrap_or(ms);
        let next = if ms >= known {
            ms
        } else {
            known.saturating_mul(3).saturating_add(ms) / 4
        };
        took.insert(method.to_owned(), next.clamp(LEAST_MS, MOST_MS));
    }

    /// A batch with these methods got no answer in time: pack half as many next time.
    pub(crate) fn timed_out<'a>(&self, methods: impl Iterator<Item = &'a str>, effect: Effect) {
        let first = match effect {
            Effect::Read => FIRST_READ_MS,
            Effect::Write => FIRST_WRITE_MS,
        };
        let mut took = self.took_ms.lock().unwrap_or_else(PoisonError::into_inner);
        for method in methods {
            let known = took.get(method).copied().unwrap_or(first);
            took.insert(method.to_owned(), known.saturating_mul(2).min(MOST_MS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use crate::error::Effect;

    #[test]
    fn a_slow_method_makes_smaller_batches_until_it_is_fast_again() {
        let pace = Pace::default();
        let many = || std::iter::repeat_n("crm.item.update", 80);
        assert_eq!(pace.fit(many(), Effect::Write), 50);
        pace.saw("crm.item.update", 3_600);
        assert_eq!(pace.fit(many(), Effect::Write), 8);
        for _ in 0..20 {
            pace.saw("crm.item.update", 100);
        }
        assert_eq!(pace.fit(many(), Effect::Write), 50);
    }

    #[test]
    fn one_command_always_fits_and_none_needs_no_batch() {
        let pace = Pace::default();
        pace.saw("crm.item.list", 90_000);
        assert_eq!(pace.fit(["crm.item.list"; 3].into_iter(), Effect::Read), 1);
        assert_eq!(pace.fit(std::iter::empty(), Effect::Read), 0);
    }

    #[test]
    fn a_batch_without_an_answer_is_halved() {
        let pace = Pace::default();
        let many = || std::iter::repeat_n("crm.item.update", 50);
        pace.timed_out(["crm.item.update"].into_iter(), Effect::Write);
        assert_eq!(pace.fit(many(), Effect::Write), 25);
    }
}
