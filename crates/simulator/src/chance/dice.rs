//! Chance of one seed, in streams: what one part draws moves nothing in another.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// What a stream is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About {
    Weather,
    People,
    Process,
    Network,
    Disturbance,
    Decisions,
    Rarities,
    Tenants,
    Answers,
    Rules,
    Bank,
    Fortnight,
    Customs,
    Calls,
    Register,
    Adoption,
    Strangers,
    Restores,
    Poison,
    Imports,
    Oddities,
    Usage,
    Habits,
    Offices,
    Rows,
    Clerking,
    Clerk,
    Cashing,
    Cashier,
    Requisites,
    Staff,
    Exempt,
    Cancels,
    Hidden,
    Deaths,
    OwnMoney,
    OwnMovements,
    Waybills,
    Files,
    Filing,
    Payers,
    Marks,
    Hinting,
    Hints,
    Strays,
    Straying,
    DryRuns,
    Reorders,
    Seals,
    Links,
    Shares,
    Removals,
    HiddenSeller,
    EndedMeanings,
    Printing,
    Installations,
    Closing,
    Closer,
}

/// One stream of chance.
#[derive(Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of `seed` for one purpose.
    pub(crate) fn of(seed: u64, about: About) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(match about {
            About::Weather => 1,
            About::People => 2,
            About::Process => 3,
            About::Network => 4,
            About::Disturbance => 5,
            About::Decisions => 6,
            About::Rarities => 7,
            About::Tenants => 8,
            About::Answers => 9,
            About::Rules => 10,
            About::Bank => 11,
            About::Fortnight => 12,
            About::Customs => 13,
            About::Calls => 14,
            About::Register => 15,
            About::Adoption => 16,
            About::Strangers => 18,
            About::Restores => 20,
            About::Poison => 21,
            About::Imports => 22,
            About::Oddities => 23,
            About::Usage => 17,
            About::Habits => 19,
            About::Offices => 31,
            About::Rows => 41,
            About::Clerking => 24,
            About::Clerk => 25,
            About::Cashing => 26,
            About::Cashier => 27,
            About::Requisites => 46,
            About::Staff => 42,
            About::Exempt => 43,
            About::Cancels => 44,
            About::Hidden => 45,
            About::Deaths => 48,
            About::OwnMoney => 49,
            About::OwnMovements => 50,
            About::Waybills => 51,
            About::Files => 52,
            About::Filing => 53,
            About::Payers => 54,
            About::Marks => 55,
            About::Hinting => 56,
            About::Hints => 57,
            About::Strays => 58,
            About::Straying => 59,
            About::DryRuns => 61,
            About::Reorders => 62,
            About::Seals => 63,
            About::Links => 64,
            About::Shares => 65,
            About::Removals => 66,
            About::HiddenSeller => 67,
            About::EndedMeanings => 68,
            About::Printing => 69,
            About::Installations => 70,
            About::Closing => 71,
            About::Closer => 72,
        });
        Self(rng)
    }

    /// The stream itself.
    pub(crate) fn into_rng(self) -> ChaCha8Rng {
        self.0
    }

    /// Below `n`; 0 for 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.0.random_range(0..n) }
    }

    /// Both ends included.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from.saturating_add(self.below(to.saturating_sub(from).saturating_add(1)))
    }

    /// So many times in a thousand.
    pub(crate) fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// One of them.
    pub(crate) fn pick<T: Clone>(&mut self, among: &[T]) -> Option<T> {
        let place = self.below(u64::try_from(among.len()).unwrap_or(0));
        among.get(usize::try_from(place).unwrap_or(0)).cloned()
    }

    /// A length of time, to the millisecond.
    pub(crate) fn time(&mut self, from: Duration, to: Duration) -> Duration {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.between(ms(from), ms(to)))
    }

    /// Until something happens that comes so often on the average: short waits are likelier than long ones.
    pub(crate) fn wait(&mut self, mean: Duration) -> Duration {
        let third = mean.checked_div(3).unwrap_or_default();
        let longest = mean.saturating_mul(if self.chance(250) { 4 } else { 1 });
        self.time(
            Duration::from_millis(1),
            longest.max(third).max(Duration::from_millis(2)),
        )
    }
}
