//! What every simulation rests on: the store does not move the paused clock, and one seed is one history.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may"
)]

use std::sync::Arc;
use std::time::Duration;

use engine::clock::later;
use engine::{Engine, Means, Settings, Stopper};
use rand::{Rng, RngExt};
use serde_json::json;
use store::{JournalEntry, JournalFilter, Lane, Look, Record, Settled, Store};
use testkit::builders::{deal, event, portal};
use testkit::database::with_portal;
use testkit::gates::OpenGate;
use testkit::lookers::ScriptedLooker;
use testkit::seed::{seeded, shared};
use testkit::time::{at, clock, paused};

async fn store_with_portal() -> Store {
    with_portal(&portal(), at(0)).await.unwrap()
}

#[test]
fn a_thousand_store_calls_move_the_paused_clock_by_nothing() {
    paused(async {
        let began = tokio::time::Instant::now();
        let store = store_with_portal().await;
        // A timer far away: if a call ever waited for another thread, the paused clock would jump to it.
        let far = tokio::spawn(async { clock().sleep_until(at(3_600)).await });
        for n in 0..500 {
            store.accept(&[event(deal(n), at(n))], at(n)).await.unwrap();
            store.next_due_of(&portal()).await.unwrap();
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        far.abort();
    });
}

/// Plays twenty minutes of random events, slow looks, failures and repetitions; gives the journal's last hash and
/// the looks in their order.
fn history(seed: u64) -> (String, String) {
    paused(async move {
        let (store, clock) = (store_with_portal().await, clock());
        let chance = shared(seed);
        let looker = ScriptedLooker::new({
            let chance = chance.clone();
            move |ctx, due| {
                let mut chance = chance.clone();
                Box::pin(async move {
                    let slow = Duration::from_millis(u64::from(chance.next_u32() % 4_000));
                    ctx.clock().sleep_until(later(ctx.now(), slow)).await;
                    assert!(!chance.random_ratio(1, 20), "planted");
                    let journal = due.iter().map(|work| line(ctx.now(), work)).collect();
                    let settled = due
                        .into_iter()
                        .map(|work| Settled { work, next: None })
                        .collect();
                    ctx.record(Record {
                        journal,
                        settled,
                        ..Record::default()
                    })
                    .await
                })
            }
        });
        let means = Means {
            store: store.clone(),
            clock: Arc::clone(&clock),
            gate: Arc::new(OpenGate::default()),
            rng: chance.clone(),
            settings: Arc::new(Settings::default()),
            watch: engine::Watch::default(),
        };
        let (stopper, stop) = Stopper::new();
        let engine = Engine::new(means, looker.clone(), "one");
        let running = tokio::spawn(async move { engine.run(stop).await });
        let mut events = seeded(seed ^ 0x5eed);
        while clock.now() < at(1_200) {
            clock
                .sleep_until(later(
                    clock.now(),
                    Duration::from_millis(events.random_range(0..9_000)),
                ))
                .await;
            let lane = Lane::ALL[events.random_range(0..3)];
            let reason = "event".to_owned();
            let look = Look {
                subject: deal(events.random_range(0..30)),
                lane,
                due_at: clock.now(),
                reason,
            };
            store.look(&portal(), &[look]).await.unwrap();
        }
        stopper.stop();
        running.await.unwrap().unwrap();
        let lines = store
            .journal_read(&portal(), &JournalFilter::default())
            .await
            .unwrap();
        (
            format!("{:?}", lines.last()),
            format!("{:?}", looker.passes()),
        )
    })
}

fn line(at: jiff::Timestamp, work: &store::Work) -> JournalEntry {
    JournalEntry {
        at,
        subject: Some(work.subject.clone()),
        kind: "decision".to_owned(),
        body: json!({ "version": work.version, "reasons": work.reasons }),
    }
}

#[test]
fn one_seed_is_one_history() {
    for seed in 0..5 {
        assert_eq!(history(seed), history(seed), "seed {seed}");
    }
    assert_ne!(history(1), history(2));
}
