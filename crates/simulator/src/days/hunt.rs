//! The simulator's own test: how many seeds it takes to find a bug that was planted in the product.
//!
//! The seeds are those that `provodka simulate` lives, but for days on which the bug cannot be met: without a crash
//! nobody finds what a crash leaves. A seed has found the bug if something does not hold with it and everything holds
//! without it. Not here: the bugs (`planted`), the command (`cargo xtask hunt`).

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use emulator_harness::FaultKind;
use planted::Bug;

use crate::Simulator;
use crate::chance::weather::Weather;

/// Seeds that found a bug when somebody looked last: they are tried first. What has moved since costs a search from 0.
const KEPT: [(Bug, u64); 22] = [
    (Bug::NaiveRetry, 6),
    (Bug::AbsentAtFirstLook, 2),
    (Bug::QuietTimeInMemory, 6),
    (Bug::ServerErrorIsFailure, 9),
    (Bug::AnswerBeforeCommit, 22),
    (Bug::QueueClearedByReading, 1),
    (Bug::MissingKeyIsSuccess, 0),
    (Bug::CursorBeforeRows, 255),
    (Bug::LeaseWithoutFence, 149),
    (Bug::IntendedResentAfterCrash, 9),
    (Bug::RevisionBesideUnknown, 473),
    (Bug::DoneKeyBlocksReissue, 4),
    (Bug::StaleSnapshot, 12),
    (Bug::RefreshNotSingleFlight, 20),
    (Bug::EchoLoop, 5),
    (Bug::AttemptCountedAfterSend, 0),
    (Bug::TenantFilterMissing, 0),
    (Bug::ClickBehindBulk, 107),
    (Bug::EqualOrdersByFile, 2),
    (Bug::MovedBeyondOpen, 154),
    (Bug::EachPressSettles, 629),
    (Bug::RefundGuessed, 24),
];

/// How to look.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// Seeds that are tried at most, from 0.
    pub seeds: u64,
    /// How long one bug is looked for.
    pub limit: Duration,
    /// Whether the seed that found it last is tried first.
    pub kept_first: bool,
    /// Seeds that are lived at one time.
    pub jobs: usize,
}

impl Default for Hunt {
    fn default() -> Self {
        Self {
            seeds: 2_000,
            limit: Duration::from_secs(3_600),
            kept_first: false,
            jobs: std::thread::available_parallelism().map_or(1, NonZero::get),
        }
    }
}

/// What came of looking for one bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which bug.
    pub bug: Bug,
    /// The first seed that found it and what does not hold there; none: not found.
    pub by: Option<(u64, Vec<String>)>,
    /// Seeds that were lived.
    pub lived: u64,
    /// Seeds on which something does not hold without any bug as well: they say nothing here, and much elsewhere.
    pub spoilt: Vec<u64>,
    /// How long it took.
    pub took: Duration,
}

impl Hunt {
    /// Looks for one bug.
    pub fn look_for(&self, simulator: &Simulator, bug: Bug) -> Found {
        let began = now();
        let kept = KEPT.iter().find(|(of, _)| *of == bug);
        let kept = kept.map(|(_, seed)| *seed).filter(|_| self.kept_first);
        let mut lived = u64::from(kept.is_some());
        let mut by = match kept.map(|seed| (seed, lives_twice(simulator, bug, seed))) {
            Some((seed, Day::Found(violations))) => Some((seed, violations)),
            Some((_, Day::Quiet | Day::Spoilt)) | None => None,
        };
        let mut spoilt = Vec::new();
        if by.is_none() {
            let search = self.search(simulator, bug, began);
            by = search.best;
            spoilt = search.spoilt;
            lived = lived.saturating_add(search.lived);
        }
        Found {
            bug,
            by,
            lived,
            spoilt,
            took: now().duration_since(began),
        }
    }

    /// From 0 on, on several threads, to the lowest seed that found it.
    fn search(&self, simulator: &Simulator, bug: Bug, began: Instant) -> Search {
        let next = AtomicU64::new(0);
        // Seeds above the lowest find are of no use any more.
        let end = AtomicU64::new(self.seeds);
        let search = Mutex::new(Search::default());
        std::thread::scope(|scope| {
            for _job in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::SeqCst);
                        let is_over = now().duration_since(began) >= self.limit;
                        if is_over || seed >= end.load(Ordering::SeqCst) {
                            return;
                        }
                        if !may_meet(bug, &Weather::of(seed)) {
                            continue;
                        }
                        let day = lives(simulator, bug, seed);
                        if matches!(day, Day::Found(_)) {
                            end.fetch_min(seed, Ordering::SeqCst);
                        }
                        let mut search = search.lock().unwrap_or_else(PoisonError::into_inner);
                        search.note(seed, day);
                    }
                });
            }
        });
        search.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far a search has come.
#[derive(Default)]
struct Search {
    best: Option<(u64, Vec<String>)>,
    lived: u64,
    spoilt: Vec<u64>,
}

impl Search {
    fn note(&mut self, seed: u64, day: Day) {
        self.lived = self.lived.saturating_add(1);
        match day {
            Day::Found(violations) => {
                if self.best.as_ref().is_none_or(|(lowest, _)| seed < *lowest) {
                    self.best = Some((seed, violations));
                }
            }
            Day::Spoilt => self.spoilt.push(seed),
            Day::Quiet => {}
        }
    }
}

/// A day with a bug.
enum Day {
    /// Everything holds.
    Quiet,
    /// This does not hold, and without the bug it does.
    Found(Vec<String>),
    /// Something does not hold without the bug as well.
    Spoilt,
}

/// Without the bug only if something does not hold with it: most seeds of a search find nothing.
fn lives(simulator: &Simulator, bug: Bug, seed: u64) -> Day {
    let violations = simulator.with(bug).run(seed).violations;
    judged(violations, || simulator.run(seed).violations)
}

/// With and without the bug at one time, where it is likely that something does not hold.
fn lives_twice(simulator: &Simulator, bug: Bug, seed: u64) -> Day {
    std::thread::scope(|scope| {
        let without = scope.spawn(|| simulator.run(seed).violations);
        let violations = simulator.with(bug).run(seed).violations;
        judged(violations, || match without.join() {
            Ok(without) => without,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

fn judged(violations: Vec<String>, without: impl FnOnce() -> Vec<String>) -> Day {
    if violations.is_empty() {
        Day::Quiet
    } else if without().is_empty() {
        Day::Found(violations)
    } else {
        Day::Spoilt
    }
}

/// Whether such a day can show the bug at all. In doubt it can: this only saves time.
fn may_meet(bug: Bug, day: &Weather) -> bool {
    let often = &day.often;
    let crashes = [
        often.killed,
        often.killed_at_request,
        often.killed_at_statement,
        often.killed_at_point,
        often.unknown_commit,
        often.disk_full,
    ];
    let crashes = crashes.iter().any(Option::is_some);
    match bug {
        // With a key that is honoured, sending twice does no harm.
        Bug::NaiveRetry
        | Bug::AbsentAtFirstLook
        | Bug::ServerErrorIsFailure
        | Bug::RevisionBesideUnknown => !day.accounting_faults.is_empty() && !day.idempotency_key,
        Bug::QuietTimeInMemory | Bug::IntendedResentAfterCrash => crashes && !day.idempotency_key,
        Bug::AnswerBeforeCommit => {
            let breaks = [
                often.disk_full,
                often.killed_at_statement,
                often.killed_at_point,
                often.unknown_commit,
            ];
            breaks.iter().any(Option::is_some)
        }
        Bug::QueueClearedByReading => day.app,
        Bug::RefreshNotSingleFlight => day.app && !day.calm,
        Bug::MissingKeyIsSuccess => {
            let faults = day.portal_faults.iter();
            faults
                .into_iter()
                .any(|rule| rule.kind == FaultKind::MissingPart)
        }
        Bug::CursorBeforeRows => {
            let unread = [often.outage, often.broken, often.scopes];
            day.events.drop_permille > 0 && unread.iter().any(Option::is_some)
        }
        Bug::LeaseWithoutFence => day.owners > 1 && often.frozen.is_some(),
        Bug::DoneKeyBlocksReissue => day.accountant.is_some(),
        Bug::ClickBehindBulk => day.hangs,
        Bug::EqualOrdersByFile => day.bank,
        Bug::MovedBeyondOpen | Bug::EachPressSettles => day.customs.cashier.is_some(),
        Bug::RefundGuessed => day.customs.cashier.is_some_and(|desk| desk.takes_off),
        Bug::StaleSnapshot
        | Bug::EchoLoop
        | Bug::AttemptCountedAfterSend
        | Bug::TenantFilterMissing => true,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a hunt takes is a matter of this machine and of no simulated day"
)]
fn now() -> Instant {
    Instant::now()
}
