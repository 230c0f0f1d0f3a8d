//! Every number the engine goes by, with its default. The demo and the tests use shorter ones.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::backoff::Backoff;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// All settings of one engine.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Taking and keeping portals.
    pub lease: LeaseSettings,
    /// Passes inside a portal.
    pub passes: PassSettings,
    /// Attempts and look-ups of effects.
    pub effects: EffectSettings,
    /// The remotes' limits.
    pub gate: GateSettings,
    /// Cleaning and the sweeps' schedule.
    pub upkeep: UpkeepSettings,
}

/// Taking and keeping portals.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// How long a lease lives without being renewed; it is renewed at a third of this. 30 s.
    pub ttl: Duration,
    /// How long an idle portal is kept before it is given back. 2 s.
    pub idle_grace: Duration,
    /// How long one portal may be worked on while others wait for a free worker. 30 s.
    pub turn: Duration,
    /// Portals worked on at one time by one process. 64.
    pub most_workers: usize,
    /// The net under the wake-ups: the work queue is asked at least so often. 5 s.
    pub poll: Duration,
    /// How long a stop waits for passes that run before it cancels them. 25 s.
    pub stop_within: Duration,
}

impl Default for LeaseSettings {
    fn default() -> Self {
        Self {
            ttl: seconds(30),
            idle_grace: seconds(2),
            turn: seconds(30),
            most_workers: 64,
            poll: seconds(5),
            stop_within: seconds(25),
        }
    }
}

/// Passes inside a portal.
#[derive(Clone, Debug)]
pub struct PassSettings {
    /// Subjects of one pass where a person waits. 50.
    pub click_limit: usize,
    /// Subjects of one ordinary pass: a glance at them takes one full request. 2500.
    pub due_limit: usize,
    /// Subjects of one trailing pass: each file takes a request, and the glance is to be few beside them. 100.
    pub trailing_limit: usize,
    /// A pass that runs for longer than this no longer holds its lane: a call that hangs holds only its own subjects. 3 s.
    pub slow_after: Duration,
    /// So many passes of the click or the due lane run at one time, all but one of them slow. 4.
    pub most_in_lane: usize,
    /// A pass still running after this is cancelled and counted as a death of its subjects. Longer than
    /// any single call may take, retries included. 10 min.
    pub longest: Duration,
    /// A subject is set aside as a case after so many deaths. 3.
    pub most_deaths: u32,
    /// A subject that was set aside is looked at again after this, or at its next event. 1 min, doubling to 6 h.
    pub set_aside_for: Backoff,
    /// When a subject is looked at again after its pass failed. 5 s, doubling to 15 min.
    pub again: Backoff,
    /// Repetitions of a failed read within one pass. 3.
    pub read_retries: u32,
    /// Delay before such a repetition. 1 s, doubling to 8 s.
    pub read_again: Backoff,
}

impl Default for PassSettings {
    fn default() -> Self {
        Self {
            click_limit: 50,
            due_limit: 2_500,
            trailing_limit: 100,
            slow_after: seconds(3),
            most_in_lane: 4,
            longest: minutes(10),
            most_deaths: 3,
            set_aside_for: Backoff::new(minutes(1), minutes(6 * 60)),
            again: Backoff::new(seconds(5), minutes(15)),
            read_retries: 3,
            read_again: Backoff::new(seconds(1), seconds(8)),
        }
    }
}

/// Attempts and look-ups of effects. How many attempts there are is the store's to hold: [`store::MAX_ATTEMPTS`].
#[derive(Clone, Debug)]
pub struct EffectSettings {
    /// Before an effect that surely did not happen is sent again. 2 s, doubling to 15 min.
    pub again: Backoff,
    /// The same after a limit answer or while the remote is out of order, where no time was named: a quarter of the
    /// effect's age, within these bounds. 2 s to 5 min.
    pub after_limit: Backoff,
    /// The same while access to the remote has to be renewed. 1 min.
    pub after_reauthorize: Duration,
    /// While an unknown effect may still land, it is looked up again so often: found early is adopted early. 15 s.
    pub look_up_again: Duration,
    /// Two looks that do not find an unknown effect prove its absence only so far apart. 30 s.
    pub absent_looks_apart: Duration,
}

impl Default for EffectSettings {
    fn default() -> Self {
        Self {
            again: Backoff::new(seconds(2), minutes(15)),
            after_limit: Backoff::new(seconds(2), minutes(5)),
            after_reauthorize: minutes(1),
            look_up_again: seconds(15),
            absent_looks_apart: seconds(30),
        }
    }
}

/// A leaky bucket as the remote keeps it: it fills by one a request, drains steadily, and refuses what would
/// overflow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Requests that fit at once.
    pub capacity: u32,
    /// Requests that drain in a minute.
    pub drain_per_minute: u32,
}

/// The remotes' limits.
#[derive(Clone, Debug)]
pub struct GateSettings {
    /// Bitrix24, one portal from one address: 50 at once, 2 a second; an Enterprise portal has 250 and 5 a second
    /// (<https://apidocs.bitrix24.ru/limits.html>).
    pub bitrix24: Bucket,
    /// The vendor's token server. 10 at once, 1 a second: our own modesty, it names no limit.
    pub bitrix24_oauth: Bucket,
    /// The accounting side. 30 at once, 5 a second, until the contract says otherwise.
    pub accounting: Bucket,
    /// Accounts with another bucket than their remote's usual one (Enterprise portals), by [`capability::Admission::account`].
    pub accounts: BTreeMap<String, Bucket>,
    /// The address our requests come from, in any words: processes that share an address share its buckets,
    /// others have their own. `local`.
    pub source: String,
    /// From our address to a remote requests may pile up for so long; the part of the bucket that drains
    /// meanwhile is never lent. 2 s.
    pub path_delay: Duration,
    /// Requests lent to this process at a time, where as many wait for their turn. 4.
    pub slice: u32,
    /// When an unused slice is forgotten. 1 s.
    pub slice_lives: Duration,
    /// Part of the bucket in hundredths that ordinary work leaves to clicks; trailing work leaves twice as much. 20.
    pub click_reserve_percent: u32,
    /// How long a click waits for its turn before it is told to come again. 10 s.
    pub click_waits: Duration,
    /// The same for ordinary work. 20 s.
    pub due_waits: Duration,
    /// The same for trailing work. 20 s.
    pub trailing_waits: Duration,
    /// All calls of an account rest after "too many requests". 1 s, doubling to 1 min.
    pub after_rate_limit: Backoff,
    /// A method rests at least so long after it ran out of its run time. 10 s.
    pub method_pause_least: Duration,
    /// The same where the remote never said when its window ends. 10 min.
    pub method_pause_unknown: Duration,
    /// Run time of one method in the remote's window. 480 s.
    pub method_time: Duration,
    /// Hundredths of it at which we pause the method ourselves. 90.
    pub method_time_percent: u32,
    /// A remote that failed so often in a row is left alone. 5.
    pub breaker_failures: u32,
    /// For how long. 1 min, doubling to 5 min; then one request probes.
    pub breaker_rests: Backoff,
    /// How long a probe may stay without an answer before another is allowed. 2 min.
    pub probe_lives: Duration,
    /// For how long after "blocked by the vendor". 15 min.
    pub blocked_rests: Duration,
    /// How long what the store says of pauses and breakers is believed without asking again. 2 s.
    pub believe: Duration,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            bitrix24: Bucket {
                capacity: 50,
                drain_per_minute: 120,
            },
            bitrix24_oauth: Bucket {
                capacity: 10,
                drain_per_minute: 60,
            },
            accounting: Bucket {
                capacity: 30,
                drain_per_minute: 300,
            },
            accounts: BTreeMap::new(),
            source: "local".to_owned(),
            path_delay: seconds(2),
            slice: 4,
            slice_lives: seconds(1),
            click_reserve_percent: 20,
            click_waits: seconds(10),
            due_waits: seconds(20),
            trailing_waits: seconds(20),
            after_rate_limit: Backoff::new(seconds(1), minutes(1)),
            method_pause_least: seconds(10),
            method_pause_unknown: minutes(10),
            method_time: seconds(480),
            method_time_percent: 90,
            breaker_failures: 5,
            breaker_rests: Backoff::new(minutes(1), minutes(5)),
            probe_lives: minutes(2),
            blocked_rests: minutes(15),
            believe: seconds(2),
        }
    }
}

/// Cleaning and the sweeps' schedule.
#[derive(Clone, Debug)]
pub struct UpkeepSettings {
    /// How often old journal lines are removed. 1 h.
    pub trim_every: Duration,
    /// How long journal lines are kept. 90 days.
    pub journal_kept: Duration,
    /// Lines removed in one transaction: events must not wait behind it. 500.
    pub trim_portion: usize,
    /// Rest between two portions. 50 ms.
    pub trim_rest: Duration,
    /// What each portal itself is due for, and how often; the reconciler knows the words and names each next look
    /// itself, this is the beginning and the net: what it forgot comes back within two intervals. `sweep` every 15 min
    /// (changes whose event was lost), `cases` hourly (open questions), `links` daily (what was deleted).
    pub portal_tasks: Vec<PortalTask>,
    /// How often new portals are looked for. 1 min.
    pub schedule_every: Duration,
}

impl Default for UpkeepSettings {
    fn default() -> Self {
        Self {
            trim_every: minutes(60),
            journal_kept: seconds(90 * 86_400),
            trim_portion: 500,
            trim_rest: Duration::from_millis(50),
            portal_tasks: vec![
                PortalTask::new("sweep", minutes(15)),
                PortalTask::new("cases", minutes(60)),
                PortalTask::new("links", minutes(24 * 60)),
            ],
            schedule_every: minutes(1),
        }
    }
}

/// Something that a portal itself is due for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalTask {
    /// The id of its subject, [`store::Subject::portal`].
    pub name: String,
    /// How often at least.
    pub every: Duration,
}

impl PortalTask {
    /// `name`, at least once in `every`.
    pub fn new(name: impl Into<String>, every: Duration) -> Self {
        Self {
            name: name.into(),
            every,
        }
    }
}
