//! Many seeds on all cores: each lives in one thread by itself, and what came of them is told in the order of seeds.
//! One in fifty lives twice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::days::seed::{Report, Simulator};

/// One seed in so many is lived twice and must be the same both times.
const TWICE_EVERY: u64 = 50;

impl Simulator {
    /// Runs `count` seeds from `from` on so many threads, and hands each report over in the order of seeds. False
    /// ends it early: what runs comes to its end and is not told.
    pub fn many(
        &self,
        from: u64,
        count: u64,
        threads: usize,
        mut told: impl FnMut(Report) -> bool,
    ) {
        let end = from.saturating_add(count);
        let (next, over) = (AtomicU64::new(from), AtomicBool::new(false));
        let (sender, reports) = mpsc::channel();
        thread::scope(|scope| {
            for _thread in 0..threads.max(1) {
                let (sender, next, over) = (sender.clone(), &next, &over);
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        // Nobody listens any more: it was ended early.
                        if seed >= end || sender.send(self.once_or_twice(seed)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let (mut early, mut turn) = (BTreeMap::new(), from);
            for report in reports {
                early.insert(report.seed, report);
                while let Some(report) = early.remove(&turn) {
                    turn = turn.saturating_add(1);
                    if !told(report) {
                        over.store(true, Ordering::Relaxed);
                        return;
                    }
                }
            }
        });
    }

    fn once_or_twice(&self, seed: u64) -> Report {
        if seed.is_multiple_of(TWICE_EVERY) {
            self.twice(seed)
        } else {
            self.run(seed)
        }
    }

    /// [I-22] Lives a seed twice, and says where the two lives part if they do.
    pub fn twice(&self, seed: u64) -> Report {
        let (mut one, other) = (self.tell(seed), self.tell(seed));
        if one.hash != other.hash || one.violations != other.violations {
            let mut lines = one.story.iter().zip(&other.story);
            let parting = lines
                .find(|(one, other)| one != other)
                .map_or("their records alone".to_owned(), |(one, other)| {
                    format!("{} {} / {} {}", one.0, one.1, other.0, other.1)
                });
            one.violations
                .push(format!("[I-22] two lives of one seed differ: {parting}"));
        }
        one
    }
}
