//! The gate against an exact model of the remote's bucket, with two processes on one store.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capability::exchange::{LimitHit, MethodRest};
use capability::{Admission, Gate, Remote, Urgency};
use engine::clock::later;
use engine::settings::GateSettings;
use engine::{Clock, StoreGate};
use jiff::Timestamp;
use rand::{Rng, RngExt};
use store::Store;
use testkit::builders::portal;
use testkit::seed::{for_seeds, seeded, shared as shared_rng};
use testkit::time::{at, clock, paused};

use crate::support::{exchange, new_store, put_portal};

fn ask(urgency: Urgency, method: &str) -> Admission {
    Admission {
        portal: portal(),
        remote: Remote::Bitrix24,
        account: "b24.test".to_owned(),
        methods: vec![method.to_owned()],
        urgency,
        send_by: None,
    }
}

fn used_up(method: &str, until: Timestamp) -> LimitHit {
    let rest = MethodRest {
        method: method.to_owned(),
        until: Some(until),
    };
    LimitHit::Methods { rests: vec![rest] }
}

/// Two processes, one store, one address.
async fn two_gates(clock: &Arc<dyn Clock>, settings: &GateSettings) -> [Arc<StoreGate>; 2] {
    let store = new_store().await;
    put_portal(&store, &portal()).await;
    [1, 2].map(|seed| gate_on(&store, clock, settings, seed))
}

fn gate_on(
    store: &Store,
    clock: &Arc<dyn Clock>,
    settings: &GateSettings,
    seed: u64,
) -> Arc<StoreGate> {
    Arc::new(StoreGate::new(
        store.clone(),
        Arc::clone(clock),
        shared_rng(seed),
        settings.clone(),
    ))
}

#[test]
fn room_is_what_the_bucket_lets_through_in_time_behind_those_that_wait() {
    paused(async {
        let clock = clock();
        let [gate, other] = two_gates(&clock, &GateSettings::default()).await;
        let by = |seconds: u64| Admission {
            send_by: Some(at(seconds)),
            ..ask(Urgency::Due, "crm.item.list")
        };
        // The bucket of fifty, less what travels late and what clicks have in reserve.
        assert_eq!(gate.room(&by(0)).await, 36);
        assert_eq!(gate.room(&by(3)).await, 42);
        for _ in 0..36 {
            other.admit(&by(0)).await.unwrap();
        }
        assert_eq!(gate.room(&by(0)).await, 0);
        assert_eq!(gate.room(&by(2)).await, 4);
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let (gate, ask) = (Arc::clone(&gate), by(9));
                tokio::spawn(async move { gate.admit(&ask).await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(gate.room(&by(2)).await, 1);
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        gate.book(
            &portal(),
            &exchange(
                clock.now(),
                Some(LimitHit::Rate {
                    retry_at: Some(at(60)),
                }),
                false,
            ),
        )
        .await;
        assert_eq!(gate.room(&by(30)).await, 0);
    });
}

/// The highest level that the remote's bucket of 2 a second reaches, in millionths of a request.
fn highest_level(mut arrivals: Vec<Timestamp>) -> i64 {
    arrivals.sort_unstable();
    let (mut level, mut last, mut highest) = (0_i64, at(0), 0);
    for arrival in arrivals {
        let drained = (arrival.as_microsecond() - last.as_microsecond()) * 2;
        level = (level - drained).max(0) + 1_000_000;
        last = arrival;
        highest = highest.max(level);
    }
    highest
}

/// Requests of all urgencies in random bursts through both gates. Those admitted arrive up to `path` later, in the
/// worst way: they pile up on the road and arrive together. Gives the arrivals and how many were asked.
async fn random_schedule(
    seed: u64,
    settings: GateSettings,
    path: Duration,
) -> (Vec<Timestamp>, usize) {
    let clock = clock();
    let gates = two_gates(&clock, &settings).await;
    let arrivals: Arc<Mutex<Vec<Timestamp>>> = Arc::default();
    let mut rng = seeded(seed);
    let mut tasks = tokio::task::JoinSet::new();
    let mut begin = at(0);
    for _ in 0..400 {
        if rng.random_ratio(1, 50) {
            begin = later(begin, Duration::from_millis(rng.random_range(0..40_000)));
        }
        let urgency = [
            Urgency::Click,
            Urgency::Click,
            Urgency::Due,
            Urgency::Trailing,
        ][rng.random_range(0..4)];
        let gate = Arc::clone(&gates[rng.random_range(0..2)]);
        let (clock, arrivals) = (Arc::clone(&clock), Arc::clone(&arrivals));
        let begin = later(
            begin,
            Duration::from_micros(u64::from(rng.next_u32() % 500_000)),
        );
        tasks.spawn(async move {
            clock.sleep_until(begin).await;
            if gate.admit(&ask(urgency, "crm.item.list")).await.is_ok() {
                arrivals.lock().unwrap().push(piled_up(clock.now(), path));
            }
        });
    }
    let asked = tasks.len();
    while tasks.join_next().await.is_some() {}
    let arrivals = arrivals.lock().unwrap().clone();
    (arrivals, asked)
}

/// When a request that left at `left` arrives: all that leave within one `path` arrive at its end.
fn piled_up(left: Timestamp, path: Duration) -> Timestamp {
    let span = i64::try_from(path.as_micros()).unwrap();
    let late = span - (left.as_microsecond() - at(0).as_microsecond()).rem_euclid(span);
    Timestamp::from_microsecond(left.as_microsecond() + late).unwrap()
}

#[test]
fn the_remotes_bucket_never_overflows_whatever_two_processes_do() {
    let highest = AtomicI64::new(0);
    for_seeds(60, |seed| {
        let settings = GateSettings::default();
        let path = settings.path_delay;
        let (arrivals, _) = paused(random_schedule(seed, settings, path));
        assert!(arrivals.len() > 80, "work gets through: {}", arrivals.len());
        let level = highest_level(arrivals);
        assert!(level <= 50_000_000, "{level}");
        highest.fetch_max(level, Ordering::Relaxed);
    });
    assert!(
        highest.into_inner() > 45_000_000,
        "and the bucket is made use of"
    );
}

#[test]
fn without_room_for_late_requests_the_bucket_would_overflow() {
    // The proof that the test above can fail: requests later than is allowed for.
    let overflows = (0..60).any(|seed| {
        let mut settings = GateSettings {
            path_delay: Duration::ZERO,
            ..GateSettings::default()
        };
        settings.slice_lives = Duration::from_millis(1);
        let (arrivals, _) = paused(random_schedule(seed, settings, Duration::from_secs(10)));
        highest_level(arrivals) > 50_000_000
    });
    assert!(overflows);
}

#[test]
fn a_click_finds_room_where_ordinary_work_has_used_up_its_part() {
    paused(async {
        let clock = clock();
        let [gate, _] = two_gates(&clock, &GateSettings::default()).await;
        for _ in 0..36 {
            gate.admit(&ask(Urgency::Due, "a")).await.unwrap();
        }
        assert_eq!(clock.now(), at(0));
        gate.admit(&ask(Urgency::Click, "a")).await.unwrap();
        assert_eq!(clock.now(), at(0), "the click did not wait");
        gate.admit(&ask(Urgency::Due, "a")).await.unwrap();
        assert!(clock.now() > at(0), "ordinary work did");
    });
}

#[test]
fn whoever_would_wait_too_long_is_told_when_to_come_again() {
    paused(async {
        let clock = clock();
        let settings = GateSettings {
            due_waits: Duration::from_secs(1),
            ..GateSettings::default()
        };
        let [gate, _] = two_gates(&clock, &settings).await;
        let hold = Some(LimitHit::Rate {
            retry_at: Some(at(40)),
        });
        gate.book(&portal(), &exchange(at(0), hold, false)).await;
        let refused = gate.admit(&ask(Urgency::Due, "a")).await.unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_secs(40)));
        assert_eq!(clock.now(), at(0));
    });
}

#[test]
fn nothing_is_admitted_after_the_moment_by_which_it_must_be_sent() {
    paused(async {
        let clock = clock();
        let [gate, _] = two_gates(&clock, &GateSettings::default()).await;
        let by = |seconds| Admission {
            send_by: Some(at(seconds)),
            ..ask(Urgency::Due, "a")
        };
        gate.admit(&by(1)).await.unwrap();
        let hold = Some(LimitHit::Rate {
            retry_at: Some(at(3)),
        });
        gate.book(&portal(), &exchange(at(0), hold, false)).await;
        let refused = gate.admit(&by(2)).await.unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_secs(3)));
        assert_eq!(clock.now(), at(0), "told at once that it is no use to wait");
        gate.admit(&by(4)).await.unwrap();
        assert_eq!(clock.now(), at(3));
        assert!(gate.admit(&by(2)).await.is_err());
    });
}

#[test]
fn too_many_requests_slow_the_whole_account_down_longer_each_time() {
    paused(async {
        let clock = clock();
        let gates = two_gates(&clock, &GateSettings::default()).await;
        let mut pauses = Vec::new();
        for _ in 0..3 {
            let told = clock.now();
            gates[0]
                .book(
                    &portal(),
                    &exchange(told, Some(LimitHit::Rate { retry_at: None }), false),
                )
                .await;
            // The other process learns it from the budget's row.
            gates[1].admit(&ask(Urgency::Click, "other")).await.unwrap();
            pauses.push(clock.now().duration_since(told).as_millis());
        }
        assert!(
            pauses[0] >= 1_000 && pauses[1] >= 2_000 && pauses[2] >= 4_000,
            "{pauses:?}"
        );
    });
}

#[test]
fn a_method_that_used_up_its_time_rests_alone() {
    paused(async {
        let clock = clock();
        let gates = two_gates(&clock, &GateSettings::default()).await;
        let limit = used_up("crm.item.list", at(15));
        gates[0]
            .book(&portal(), &exchange(at(0), Some(limit), false))
            .await;
        for gate in &gates {
            gate.admit(&ask(Urgency::Due, "crm.item.update"))
                .await
                .unwrap();
            assert_eq!(clock.now(), at(0), "another method goes on");
        }
        let refused = gates[0]
            .admit(&ask(Urgency::Click, "crm.item.list"))
            .await
            .unwrap_err();
        assert_eq!(
            refused.retry_after,
            Some(Duration::from_secs(15)),
            "too far for somebody who waits"
        );
        gates[1]
            .admit(&ask(Urgency::Due, "crm.item.list"))
            .await
            .unwrap();
        assert_eq!(clock.now(), at(15), "and the other process waits it out");
    });
}

#[test]
fn whoever_waits_for_a_method_does_not_hold_up_the_line() {
    paused(async {
        let clock = clock();
        let [gate, _] = two_gates(&clock, &GateSettings::default()).await;
        let limit = used_up("slow", at(15));
        gate.book(&portal(), &exchange(at(0), Some(limit), false))
            .await;
        let waiter = Arc::clone(&gate);
        let waiting = tokio::spawn(async move { waiter.admit(&ask(Urgency::Due, "slow")).await });
        tokio::task::yield_now().await;
        gate.admit(&ask(Urgency::Due, "quick")).await.unwrap();
        assert_eq!(clock.now(), at(0));
        waiting.await.unwrap().unwrap();
        assert_eq!(clock.now(), at(15));
    });
}

#[test]
fn a_remote_that_fails_again_and_again_is_probed_by_one_request_at_a_time() {
    paused(async {
        let clock = clock();
        let gates = two_gates(&clock, &GateSettings::default()).await;
        for second in 1..=5 {
            clock.sleep_until(at(second)).await;
            gates[0].admit(&ask(Urgency::Due, "a")).await.unwrap();
            gates[0]
                .book(&portal(), &exchange(clock.now(), None, true))
                .await;
        }
        clock.sleep_until(at(10)).await;
        let mut reopen = at(0);
        for gate in &gates {
            let refused = gate.admit(&ask(Urgency::Click, "a")).await.unwrap_err();
            reopen = later(clock.now(), refused.retry_after.unwrap());
            assert!(reopen >= at(65) && clock.now() == at(10), "told at once");
        }
        clock.sleep_until(reopen).await;
        gates[0].admit(&ask(Urgency::Due, "a")).await.unwrap();
        for gate in &gates {
            assert!(
                gate.admit(&ask(Urgency::Due, "a")).await.is_err(),
                "one probe is out"
            );
        }
        gates[0]
            .book(&portal(), &exchange(clock.now(), None, false))
            .await;
        gates[0].admit(&ask(Urgency::Due, "a")).await.unwrap();
        clock
            .sleep_until(later(clock.now(), GateSettings::default().believe))
            .await;
        gates[1].admit(&ask(Urgency::Due, "a")).await.unwrap();
    });
}

#[test]
fn a_broken_remote_leaves_other_remotes_and_portals_alone() {
    paused(async {
        let clock = clock();
        let store = new_store().await;
        let other = testkit::builders::portal_named("portal-b");
        put_portal(&store, &portal()).await;
        put_portal(&store, &other).await;
        let gate = gate_on(&store, &clock, &GateSettings::default(), 1);
        gate.book(&portal(), &exchange(at(0), Some(LimitHit::Blocked), false))
            .await;
        let refused = gate.admit(&ask(Urgency::Click, "a")).await.unwrap_err();
        assert_eq!(
            refused.retry_after,
            Some(Duration::from_secs(15 * 60)),
            "blocked by the vendor: probed rarely"
        );
        gate.admit(&Admission {
            portal: other,
            ..ask(Urgency::Click, "a")
        })
        .await
        .unwrap();
        gate.admit(&Admission {
            remote: Remote::KonturAccounting,
            ..ask(Urgency::Click, "a")
        })
        .await
        .unwrap();
    });
}
