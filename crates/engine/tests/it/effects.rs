//! Effects against a remote that loses answers, lands late and lags, while the process dies again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::Verdict;
use engine::clock::later;
use engine::{Clock, Failure, Halted, LeaseContext, LookUp, Outcome, Settlement, SharedRng};
use jiff::Timestamp;
use rand::RngExt;
use serde_json::json;
use store::{
    Effect, EffectState, Held, Lane, Look, NewEffect, Record, SendDecision, Settled, Subject, Work,
};
use testkit::builders::{deal, invoice_effect, look, portal};
use testkit::lookers::ScriptedLooker;
use testkit::seed::{for_seeds, seeded, shared as shared_rng};
use testkit::time::{at, clock, paused};

use crate::support::{Running, means, new_store, put_portal, settings};

/// Keeps what was created: by key, when it took effect, and when lists begin to show it.
#[derive(Default)]
struct Remote {
    created: Mutex<BTreeMap<String, Vec<(Timestamp, Timestamp)>>>,
}

impl Remote {
    fn create(&self, key: &str, effective_at: Timestamp, rng: &mut SharedRng) {
        let lag = Duration::from_millis(rng.random_range(0..25_000));
        let shown_at = later(effective_at, lag);
        self.created
            .lock()
            .unwrap()
            .entry(key.to_owned())
            .or_default()
            .push((effective_at, shown_at));
    }

    fn find(&self, key: &str, now: Timestamp) -> LookUp {
        match self
            .created
            .lock()
            .unwrap()
            .get(key)
            .and_then(|made| made.iter().find(|(_, shown_at)| *shown_at <= now))
        {
            Some(_) => LookUp::Found(json!({ "id": key })),
            None => LookUp::Absent,
        }
    }

    /// Plays one create with its fault; the answer may take a while, the effect does not wait for it.
    async fn call(&self, key: &str, clock: &dyn Clock, rng: &mut SharedRng) -> Outcome {
        let now = clock.now();
        let retry = Verdict::Retry { after: None };
        let (effective_at, takes, outcome) = match rng.random_range(0..9) {
            0 => (None, 1, Outcome::failed(retry, "connection refused")),
            1 => (
                None,
                1,
                Outcome::Failed(Failure {
                    verdict: retry,
                    limit: true,
                    error: "503".to_owned(),
                }),
            ),
            2 => (
                None,
                30,
                Outcome::failed(Verdict::Verify, "timed out, nothing happened"),
            ),
            3 => (
                Some(0),
                30,
                Outcome::failed(Verdict::Verify, "timed out, it happened"),
            ),
            4 | 5 => (
                Some(rng.random_range(1..=90)),
                30,
                Outcome::failed(Verdict::Verify, "timed out, it will happen"),
            ),
            6 => (
                Some(0),
                2,
                Outcome::failed(Verdict::Defect, "a page instead of an answer"),
            ),
            _ => (Some(0), 1, Outcome::Answered(json!({ "id": key }))),
        };
        if let Some(after) = effective_at {
            self.create(key, later(now, Duration::from_secs(after)), rng);
        }
        clock
            .sleep_until(later(now, Duration::from_secs(takes)))
            .await;
        outcome
    }

    fn most_of_one_key(&self) -> usize {
        self.created
            .lock()
            .unwrap()
            .values()
            .map(Vec::len)
            .max()
            .unwrap_or(0)
    }
}

/// How the looker goes about doubtful outcomes.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    /// As the design says.
    Careful,
    /// Planted: a time-out is taken for "nothing happened".
    RetriesTimeOuts,
    /// Planted: nothing is waited for before absence is believed.
    NoQuietTime,
}

fn wanted(work: &Work, habit: Habit) -> NewEffect {
    let quiet = if habit == Habit::NoQuietTime {
        Duration::ZERO
    } else {
        Duration::from_secs(90)
    };
    NewEffect {
        quiet,
        ..invoice_effect(work.subject.id.parse().unwrap())
    }
}

/// One deal: settle what is under way, else send.
async fn look_at(
    ctx: &LeaseContext,
    work: Work,
    remote: &Remote,
    habit: Habit,
) -> Result<(), Halted> {
    let known = ctx.known(std::slice::from_ref(&work.subject)).await?;
    let last = known.effects.last().cloned();
    let (effect, outcome) = match last {
        Some(effect) if matches!(effect.state, EffectState::Sent | EffectState::Unknown) => {
            let seen = remote.find(&effect.key, ctx.now());
            (effect, Outcome::LookedUp(seen))
        }
        _ => match ctx.send(&[wanted(&work, habit)], 0).await?.remove(0) {
            SendDecision::Send(effect) => {
                assert!(ctx.now() <= effect.not_after.unwrap());
                let outcome = remote.call(&effect.key, ctx.clock(), &mut ctx.rng()).await;
                (effect, as_the_habit_reads(outcome, habit))
            }
            SendDecision::Held {
                effect,
                why: Held::NotBefore,
            } => return settle(ctx, work, None, effect.not_before).await,
            SendDecision::Held { .. } => return settle(ctx, work, None, None).await,
        },
    };
    let settlement = ctx.settle(&effect, outcome);
    let again_at = settlement.again_at;
    settle(ctx, work, Some((effect, settlement)), again_at).await
}

fn as_the_habit_reads(outcome: Outcome, habit: Habit) -> Outcome {
    match outcome {
        Outcome::Failed(failure)
            if habit == Habit::RetriesTimeOuts && failure.verdict == Verdict::Verify =>
        {
            Outcome::failed(Verdict::Retry { after: None }, failure.error)
        }
        outcome => outcome,
    }
}

async fn settle(
    ctx: &LeaseContext,
    work: Work,
    learnt: Option<(Effect, Settlement)>,
    again_at: Option<Timestamp>,
) -> Result<(), Halted> {
    let effects = learnt
        .into_iter()
        .filter_map(|(effect, settlement)| settlement.change.map(|change| (effect.id, change)));
    let next = again_at.map(|at| (at, Lane::Due, "effect".to_owned()));
    let record = Record {
        effects: effects.collect(),
        settled: vec![Settled { work, next }],
        ..Record::default()
    };
    ctx.record(record).await
}

const DEALS: u64 = 8;

/// Twenty minutes in which the process dies every few seconds, then calm for the rest of the day.
async fn live(seed: u64, habit: Habit) -> (Arc<Remote>, Vec<Effect>) {
    let (store, clock) = (new_store().await, clock());
    put_portal(&store, &portal()).await;
    let looks: Vec<Look> = (1..=DEALS).map(|id| look(deal(id), at(0))).collect();
    store.look(&portal(), &looks).await.unwrap();
    let remote = Arc::new(Remote::default());
    let looker = ScriptedLooker::new({
        let remote = Arc::clone(&remote);
        move |ctx, due| {
            let remote = Arc::clone(&remote);
            Box::pin(async move {
                for work in due {
                    look_at(ctx, work, &remote, habit).await?;
                }
                Ok(())
            })
        }
    });
    let mut crashes = seeded(seed);
    let chance = shared_rng(seed);
    for run in 0.. {
        let mut settings = settings();
        settings.lease.poll = Duration::from_secs(60);
        let means = engine::Means {
            rng: chance.clone(),
            ..means(&store, &clock, settings)
        };
        let running = Running::start(means, looker.clone(), &format!("run-{run}"));
        if clock.now() > at(1_200) {
            clock.sleep_until(at(12 * 3_600)).await;
            running.stop().await;
            break;
        }
        let dies_after = Duration::from_millis(crashes.random_range(500..90_000));
        clock.sleep_until(later(clock.now(), dies_after)).await;
        running.task.abort();
    }
    let deals: Vec<Subject> = (1..=DEALS).map(deal).collect();
    let effects = store.known(&portal(), &deals).await.unwrap().effects;
    (remote, effects)
}

#[test]
fn nothing_is_created_twice_however_often_the_process_dies_and_everything_comes_to_an_end() {
    for_seeds(100, |seed| {
        let (remote, effects) = paused(live(seed, Habit::Careful));
        assert_eq!(
            remote.most_of_one_key(),
            1,
            "{:?}",
            remote.created.lock().unwrap()
        );
        assert_eq!(effects.len(), usize::try_from(DEALS).unwrap());
        for effect in effects {
            let gave_up =
                effect.state == EffectState::Intended && effect.attempt == store::MAX_ATTEMPTS;
            assert!(effect.state == EffectState::Done || gave_up, "{effect:?}");
        }
    });
}

#[test]
fn planted_mistakes_are_found() {
    for habit in [Habit::RetriesTimeOuts, Habit::NoQuietTime] {
        let found = (0..40).any(|seed| paused(live(seed, habit)).0.most_of_one_key() > 1);
        assert!(found, "this simulation would not notice a mistake");
    }
}
