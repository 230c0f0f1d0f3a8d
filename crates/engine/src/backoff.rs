//! How long to wait before trying again: growing, jittered, and a remote's own wish within reason.

use std::time::Duration;

use rand::{Rng, RngExt};

/// A delay that doubles from `first` up to `longest`; half of it again may be added by chance, so that
/// what failed together does not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the first repetition.
    pub first: Duration,
    /// Where the growth ends (chance may still add a half).
    pub longest: Duration,
}

impl Backoff {
    /// From `first` to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The delay before repetition number `step`, counted from 0: never shorter than the grown delay,
    /// never longer than one and a half of it.
    pub fn delay(&self, step: u32, rng: &mut dyn Rng) -> Duration {
        let grown = self.grown(step);
        let half_ms = u64::try_from(grown.as_millis() / 2).unwrap_or(u64::MAX);
        grown.saturating_add(Duration::from_millis(rng.random_range(0..=half_ms)))
    }

    /// The delay before repetition number `step` without chance.
    pub fn grown(&self, step: u32) -> Duration {
        let factor = 1_u32.checked_shl(step.min(31)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// What a remote asked for by `Retry-After`, if it is a sane wish: 1 second to 1 hour. Zero, the past,
/// and a week are not honoured; our own delay holds then.
pub fn honoured(after: Option<Duration>) -> Option<Duration> {
    after.filter(|after| (Duration::from_secs(1)..=Duration::from_secs(3600)).contains(after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(600));

    proptest! {
        #[test]
        fn a_delay_grows_stays_bounded_and_never_undercuts(seed: u64, step in 0_u32..2_000) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let delay = BACKOFF.delay(step, &mut rng);
            let grown = BACKOFF.grown(step);
            prop_assert!(delay >= grown && delay <= grown * 3 / 2);
            prop_assert!(BACKOFF.grown(step + 1) >= grown);
            prop_assert!(delay <= BACKOFF.longest * 3 / 2);
        }
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let grown: Vec<u64> = (0..11).map(|step| BACKOFF.grown(step).as_secs()).collect();
        assert_eq!(grown, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    }

    #[test]
    fn chance_really_spreads_delays() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let delays: std::collections::BTreeSet<Duration> =
            (0..50).map(|_| BACKOFF.delay(3, &mut rng)).collect();
        assert!(delays.len() > 40, "{delays:?}");
    }

    #[test]
    fn only_a_sane_wish_is_honoured() {
        let rows = [
            (0, None),
            (1, Some(1)),
            (30, Some(30)),
            (3600, Some(3600)),
            (3601, None),
            (1_000_000_000, None),
        ];
        for (asked, expected) in rows {
            assert_eq!(
                honoured(Some(Duration::from_secs(asked))),
                expected.map(Duration::from_secs),
                "{asked}"
            );
        }
        assert_eq!(honoured(None), None);
    }
}
