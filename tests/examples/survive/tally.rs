//! What came of the cycles, told while they run and at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::plan::{Kind, Leg};
use crate::post::Counts;
use crate::world::READY_WITHIN;

/// Between two looks whoever stood still may have held nothing; of so many not all can have.
const FROZEN_ENOUGH: usize = 3;

/// What came of one cycle, or of the end of a world.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) deals: usize,
    /// From each start, thaw, cut, or return of the database, of space or of the remotes until it was ready.
    pub(crate) ready: Vec<Duration>,
    pub(crate) drained: Option<Duration>,
    pub(crate) cuts: u64,
    /// A replica that stood still lost the portal to the other.
    pub(crate) takeovers: u64,
    pub(crate) ended_by_itself: u64,
    pub(crate) events: Counts,
    pub(crate) violations: Vec<String>,
}

impl Outcome {
    /// Notes how long it took to be ready again.
    pub(crate) fn became_ready(&mut self, after: Option<Duration>, what: &str) {
        match after {
            Some(after) => {
                self.ready.push(after);
                if after > READY_WITHIN {
                    let told = format!("ready only {} s after {what}", after.as_secs());
                    self.violations.push(told);
                }
            }
            None => self.violations.push(format!("not ready after {what}")),
        }
    }
}

/// The sum of all cycles.
pub(crate) struct Tally {
    planned: usize,
    kinds: BTreeMap<Kind, Sum>,
    events: Counts,
    violations: Vec<String>,
}

#[derive(Default)]
struct Sum {
    cycles: usize,
    deals: usize,
    ready: Vec<Duration>,
    drained: Vec<Duration>,
    cuts: u64,
    takeovers: u64,
    ended_by_itself: u64,
}

impl Tally {
    pub(crate) fn new(planned: usize) -> Self {
        Self {
            planned,
            kinds: BTreeMap::new(),
            events: Counts::default(),
            violations: Vec::new(),
        }
    }

    /// Adds a cycle; gives a line of progress.
    pub(crate) fn add(&mut self, number: usize, kind: Kind, outcome: Outcome) -> String {
        let mut line = format!(
            "cycle {number:>3} {:<18} {} deals, ready {}, drained in {}",
            kind.name(),
            outcome.deals,
            in_ms(&outcome.ready),
            in_ms(outcome.drained.as_slice()),
        );
        for violation in &outcome.violations {
            write!(line, "\n    BROKEN: {violation}").unwrap();
            self.broke(format!("cycle {number}, {}: {violation}", kind.name()));
        }
        let sum = self.kinds.entry(kind).or_default();
        sum.cycles += 1;
        sum.deals += outcome.deals;
        sum.ready.extend(outcome.ready);
        sum.drained.extend(outcome.drained);
        sum.cuts += outcome.cuts;
        sum.takeovers += outcome.takeovers;
        sum.ended_by_itself += outcome.ended_by_itself;
        line
    }

    /// Adds what the end of a world showed.
    pub(crate) fn end(&mut self, leg: Leg, outcome: Outcome) {
        self.events.kept += outcome.events.kept;
        self.events.refused += outcome.events.refused;
        self.events.unheard += outcome.events.unheard;
        if outcome.events.looked_for == 0 {
            self.broke(format!(
                "{leg:?}: no event of a deal was answered with 200, so none can have been lost"
            ));
        }
        for violation in outcome.violations {
            self.broke(format!("at the end of {leg:?}: {violation}"));
        }
    }

    pub(crate) fn broke(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Everything that was planned was lived, and nothing was broken.
    pub(crate) fn is_well(&self) -> bool {
        self.violations.is_empty() && self.lived() == self.planned
    }

    /// Judges what only many cycles together can show.
    pub(crate) fn close(&mut self) {
        if self.lived() == 0 {
            self.broke("nothing was lived".to_owned());
        }
        let frozen = self.kinds.get(&Kind::ReplicaFrozen);
        if frozen.is_some_and(|sum| sum.cycles >= FROZEN_ENOUGH && sum.takeovers == 0) {
            self.broke("nobody ever took over from a replica that stood still".to_owned());
        }
    }

    /// Something was lost or doubled.
    pub(crate) fn is_broken(&self) -> bool {
        !self.violations.is_empty()
    }

    fn lived(&self) -> usize {
        self.kinds.values().map(|sum| sum.cycles).sum()
    }

    pub(crate) fn told(&self, seed: u64, took: Duration) -> String {
        let mut told = format!(
            "\n{} of {} cycles, seed {seed}, {} s\n\n{:<20}{:>7}{:>7}{:>26}{:>26}\n",
            self.lived(),
            self.planned,
            took.as_secs(),
            "",
            "cycles",
            "deals",
            "ready ms p50/p99/max",
            "drained ms p50/p99/max",
        );
        for (kind, sum) in &self.kinds {
            writeln!(
                told,
                "{:<20}{:>7}{:>7}{:>26}{:>26}",
                kind.name(),
                sum.cycles,
                sum.deals,
                spread(&sum.ready),
                spread(&sum.drained),
            )
            .unwrap();
        }
        let all_ready: Vec<Duration> = self
            .kinds
            .values()
            .flat_map(|sum| sum.ready.clone())
            .collect();
        let deals: usize = self.kinds.values().map(|sum| sum.deals).sum();
        let sum = |of: fn(&Sum) -> u64| self.kinds.values().map(of).sum::<u64>();
        write!(
            told,
            "\nready again {} times: {} ms\n\
             {deals} deals moved\n\
             {} events answered with 200, {} refused, {} not heard\n\
             {} connections cut at COMMIT; {} portals taken over from whoever stood still; {} times ended by itself on a full disk\n",
            all_ready.len(),
            spread(&all_ready),
            self.events.kept,
            self.events.refused,
            self.events.unheard,
            sum(|sum| sum.cuts),
            sum(|sum| sum.takeovers),
            sum(|sum| sum.ended_by_itself),
        )
        .unwrap();
        for violation in &self.violations {
            writeln!(told, "BROKEN: {violation}").unwrap();
        }
        if self.is_well() {
            told.push_str(
                "no event answered with 200 was lost, no deal got a second invoice, every deal has its own\n",
            );
        }
        told
    }
}

fn in_ms(durations: &[Duration]) -> String {
    let texts: Vec<String> = durations
        .iter()
        .map(|duration| format!("{} ms", duration.as_millis()))
        .collect();
    if texts.is_empty() {
        "all along".to_owned()
    } else {
        texts.join(" and ")
    }
}

/// p50/p99/max in milliseconds.
fn spread(durations: &[Duration]) -> String {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let at = |percent: usize| {
        let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(place).map_or(0, Duration::as_millis)
    };
    if sorted.is_empty() {
        return "-".to_owned();
    }
    format!("{}/{}/{}", at(50), at(99), at(100))
}
