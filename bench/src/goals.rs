//! What a measurement must keep: goals that were met once. Those that never were are told in `README.md` and judged nowhere.

use std::fmt::Write as _;
use std::time::Duration;

use crate::events::server::Kind;
use crate::events::{self, Closed, Open};
use crate::machine::percentile;
use crate::tenants;

/// Of a server that takes in events as fast as they come.
const MOST_MB: f64 = 100.0;

/// Goals that were met once: a measurement that misses one of them fails.
#[derive(Debug, Default)]
pub(crate) struct Goals(Vec<&'static str>);

impl Goals {
    /// One goal.
    pub(crate) fn kept(&mut self, is_kept: bool, goal: &'static str) {
        if !is_kept && !self.0.contains(&goal) {
            self.0.push(goal);
        }
    }

    /// An open loop against one server.
    pub(crate) fn of_open(&mut self, kind: Kind, open: &Open, size: events::Size) {
        let answered = open.heard.waits.len() as u64;
        self.kept(answered == size.rate * size.seconds, "all are answered");
        let is_kept = kind == Kind::Bare || open.on_disk >= answered;
        self.kept(is_kept, "whatever was answered is on disk");
        let slow = percentile(&open.heard.waits, 99.0);
        self.kept(slow <= Duration::from_millis(50), "99 of 100 within 50 ms");
        self.kept(open.most_mb < MOST_MB, "memory below 100 MB");
    }

    /// A closed loop against one server.
    pub(crate) fn of_closed(&mut self, closed: &Closed) {
        self.kept(closed.rate > 0.0 && closed.failed == 0, "all are answered");
        self.kept(closed.lost <= 0, "whatever was answered is on disk");
        self.kept(closed.most_mb < MOST_MB, "memory below 100 MB");
    }

    /// Many portals, of which one floods.
    pub(crate) fn of_tenants(&mut self, seen: &tenants::Seen) {
        let is_all = seen.missing == 0 && !seen.shown.is_empty();
        self.kept(is_all, "other portals' deals have their numbers");
        let has_begun = seen.begins.len() == seen.shown.len() + seen.missing;
        let at = |percent| tenants::seconds_at(&seen.begins, percent);
        let is_soon = has_begun && at(99.0) <= 2.0 && at(100.0) <= 10.0;
        self.kept(is_soon, "work on them begins within 2 s");
    }

    /// What is told, unless a goal was missed.
    pub(crate) fn judge(self, mut told: String) -> Result<String, String> {
        for missed in &self.0 {
            let _written = writeln!(told, "MISSED: {missed}");
        }
        if self.0.is_empty() {
            Ok(told)
        } else {
            Err(told)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::load::Heard;

    #[test]
    fn a_missed_goal_fails_the_measurement_and_is_named_once() {
        let mut goals = Goals::default();
        goals.kept(true, "kept");
        assert_eq!(goals.judge("told\n".to_owned()), Ok("told\n".to_owned()));
        let mut goals = Goals::default();
        goals.kept(false, "missed");
        goals.kept(false, "missed");
        let told = goals.judge("told\n".to_owned());
        assert_eq!(told, Err("told\nMISSED: missed\n".to_owned()));
    }

    fn missed(judge: impl FnOnce(&mut Goals)) -> Vec<&'static str> {
        let mut goals = Goals::default();
        judge(&mut goals);
        goals.0
    }

    #[test]
    fn an_event_that_is_lost_late_or_not_answered_is_a_goal_missed() {
        let size = events::Size {
            rate: 2,
            seconds: 1,
            ..events::Size::GOAL
        };
        let open = |answered, on_disk, wait_ms| {
            let heard = Heard {
                waits: vec![Duration::from_millis(wait_ms); answered],
                ..Heard::default()
            };
            let open = Open {
                heard,
                on_disk,
                cpu_us: 1.0,
                most_mb: 1.0,
            };
            missed(|goals| goals.of_open(Kind::App, &open, size))
        };
        assert!(open(2, 2, 50).is_empty());
        assert_eq!(open(2, 1, 1), ["whatever was answered is on disk"]);
        assert_eq!(open(1, 1, 1), ["all are answered"]);
        assert_eq!(open(2, 2, 51), ["99 of 100 within 50 ms"]);

        let closed = |failed, lost, most_mb| {
            let closed = Closed {
                rate: 1.0,
                ratio: 1.0,
                cpu_us: 1.0,
                p99_ms: 1.0,
                most_mb,
                failed,
                lost,
            };
            missed(|goals| goals.of_closed(&closed))
        };
        // One may be on disk whose answer was not waited for.
        assert!(closed(0, -1, 99.9).is_empty());
        assert_eq!(closed(0, 1, 1.0), ["whatever was answered is on disk"]);
        assert_eq!(closed(1, 0, 1.0), ["all are answered"]);
        assert_eq!(closed(0, 0, 100.0), ["memory below 100 MB"]);
    }

    #[test]
    fn a_deal_beside_the_flood_that_waits_or_is_missing_is_a_goal_missed() {
        let seen = |begins: &[u64], shown: usize, missing| {
            let seen = tenants::Seen {
                begins: begins.iter().copied().map(Duration::from_secs).collect(),
                shown: vec![Duration::from_secs(1); shown],
                missing,
                flood: (1, 1),
                memory_mb: [1.0; 3],
                busy: 0.5,
            };
            missed(|goals| goals.of_tenants(&seen))
        };
        assert!(seen(&[0, 2], 2, 0).is_empty());
        let soon = "work on them begins within 2 s";
        assert_eq!(seen(&[0, 3], 2, 0), [soon]);
        assert_eq!(seen(&[0], 2, 0), [soon]);
        let numbers = "other portals' deals have their numbers";
        assert_eq!(seen(&[0, 0], 1, 1), [numbers]);
        assert_eq!(seen(&[], 0, 0), [numbers]);
    }
}
