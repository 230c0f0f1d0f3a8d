//! Portal workers on the inline store, with a paused clock and a scripted looker.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use capability::{Admission, Exchange, Gate, NotAdmitted, Remote};
use domain::PortalId;
use engine::clock::{later, until};
use engine::{Clock, Halted, LeaseContext, Means};
use jiff::Timestamp;
use store::{Fault, Lane, Look, Record, Settled, Store, Work};
use testkit::builders::{deal, event, invoice_effect, look, look_in, portal};
use testkit::gates::OpenGate;
use testkit::lookers::{ScriptedLooker, settle_all};
use testkit::time::{at, clock, eventually, paused};

use crate::support::{Running, exchange, means, new_store, put_portal, set_paused, settings};

const MINUTE: Duration = Duration::from_secs(60);

async fn store_with_portal() -> Store {
    let store = new_store().await;
    put_portal(&store, &portal()).await;
    store
}

/// Waits until nothing of the portal is due and nobody holds it.
async fn until_quiet(store: &Store, clock: &Arc<dyn Clock>) {
    let quiet = eventually(
        &**clock,
        60 * MINUTE,
        Duration::from_millis(100),
        || async {
            let due = store.next_due_of(&portal()).await.unwrap();
            due.is_none_or(|due| due > clock.now())
                && store
                    .lease_of(&portal(), clock.now())
                    .await
                    .unwrap()
                    .is_none()
        },
    )
    .await;
    assert!(quiet, "the queue never came to rest");
}

async fn sleep(clock: &dyn Clock, seconds: u64) {
    clock
        .sleep_until(later(clock.now(), Duration::from_secs(seconds)))
        .await;
}

#[test]
fn a_thousand_events_about_one_deal_are_one_look() {
    paused(async {
        let (store, clock, looker) = (
            store_with_portal().await,
            clock(),
            ScriptedLooker::content(),
        );
        for _ in 0..1_000 {
            store
                .accept(&[event(deal(4711), clock.now())], clock.now())
                .await
                .unwrap();
        }
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        until_quiet(&store, &clock).await;
        assert_eq!(looker.looks_at("4711"), 1);
        running.stop().await;
    });
}

#[test]
fn an_event_during_a_look_is_another_look_after_it_and_never_beside_it() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let looker = ScriptedLooker::new({
            let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
            move |ctx, due| {
                let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
                Box::pin(async move {
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    sleep(ctx.clock(), 3).await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    settle_all(ctx, due).await
                })
            }
        });
        store
            .look(&portal(), &[look(deal(1), at(0))])
            .await
            .unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(1)).await;
        // A click: its lane is free, its subject is not.
        store
            .look(&portal(), &[look_in(Lane::Click, deal(1), at(1))])
            .await
            .unwrap();
        until_quiet(&store, &clock).await;
        let begun: Vec<Timestamp> = looker.passes().iter().map(|pass| pass.at).collect();
        assert_eq!(begun, [at(0), at(3)]);
        assert_eq!(most.load(Ordering::SeqCst), 1);
        running.stop().await;
    });
}

#[test]
fn a_hung_pass_of_one_lane_does_not_hold_up_a_click() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let looker = ScriptedLooker::new(|ctx, due| {
            Box::pin(async move {
                match ctx.lane() {
                    Lane::Click => settle_all(ctx, due).await,
                    Lane::Due | Lane::Trailing => std::future::pending().await,
                }
            })
        });
        store
            .look(
                &portal(),
                &[
                    look(deal(1), at(0)),
                    look_in(Lane::Trailing, deal(2), at(0)),
                ],
            )
            .await
            .unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(5)).await;
        store
            .look(&portal(), &[look_in(Lane::Click, deal(3), at(5))])
            .await
            .unwrap();
        sleep(&*clock, 1).await;
        let click = looker
            .passes()
            .into_iter()
            .find(|pass| pass.lane == Lane::Click)
            .unwrap();
        assert_eq!((click.at, click.ids), (at(5), vec!["3".to_owned()]));
        running.stop().await;
    });
}

#[test]
fn a_call_that_hangs_holds_only_its_own_subjects() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let looker = ScriptedLooker::new(|ctx, due| {
            Box::pin(async move {
                if due.iter().any(|work| work.subject.id.len() == 1) {
                    sleep(ctx.clock(), 75).await;
                }
                settle_all(ctx, due).await
            })
        });
        store
            .look(
                &portal(),
                &[look_in(Lane::Click, deal(1), at(0)), look(deal(2), at(0))],
            )
            .await
            .unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(1)).await;
        store
            .look(
                &portal(),
                &[look_in(Lane::Click, deal(11), at(1)), look(deal(12), at(1))],
            )
            .await
            .unwrap();
        clock.sleep_until(at(10)).await;
        // The hung ones are asked for again meanwhile: never two passes on one subject.
        store
            .look(
                &portal(),
                &[
                    look_in(Lane::Click, deal(1), at(10)),
                    look_in(Lane::Click, deal(13), at(10)),
                ],
            )
            .await
            .unwrap();
        clock.sleep_until(at(60)).await;
        let began = |id: &str| {
            looker
                .passes()
                .into_iter()
                .filter(|pass| pass.ids.contains(&id.to_owned()))
                .map(|pass| pass.at)
                .collect::<Vec<_>>()
        };
        assert_eq!(began("11"), [at(3)]);
        assert_eq!(began("12"), [at(3)]);
        assert_eq!(began("13"), [at(10)]);
        assert_eq!(began("1"), [at(0)]);
        clock.sleep_until(at(200)).await;
        assert_eq!(began("1"), [at(0), at(75)]);
        running.stop().await;
    });
}

#[test]
fn a_panic_costs_its_own_subject_only() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let looker = ScriptedLooker::new(|ctx, due| {
            Box::pin(async move {
                assert!(due.iter().all(|work| work.subject.id != "13"), "planted");
                settle_all(ctx, due).await
            })
        });
        let looks: Vec<Look> = (1..=40).map(|id| look(deal(id), at(0))).collect();
        store.look(&portal(), &looks).await.unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(60)).await;

        assert_eq!(
            looker.looks_at("13"),
            3,
            "with the others, with few, then alone"
        );
        let together = |id: &str| {
            let passes = looker.passes().into_iter();
            passes
                .filter(|pass| pass.ids.iter().any(|one| one == id))
                .map(|pass| pass.ids.len())
                .collect::<Vec<_>>()
        };
        assert_eq!(together("13").last(), Some(&1));
        assert!((together("1").len(), together("1")[0]) == (2, 40));
        assert!(together("1")[1] <= 7, "{:?}", together("1"));
        let known = store.known(&portal(), &[deal(13), deal(12)]).await.unwrap();
        let codes: Vec<&str> = known
            .cases
            .iter()
            .map(|case| case.facts.code.as_str())
            .collect();
        assert_eq!(codes, ["SUBJECT-SET-ASIDE"]);
        running.stop().await;
    });
}

#[test]
fn a_subject_that_was_set_aside_comes_back_once_it_is_mended() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let looker = ScriptedLooker::new(|ctx, due| {
            Box::pin(async move {
                assert!(ctx.now() > at(3_600), "planted");
                settle_all(ctx, due).await
            })
        });
        store
            .look(&portal(), &[look(deal(13), at(0))])
            .await
            .unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(3_600)).await;
        let looks = looker.looks_at("13");
        // Three deaths, then after 1, 2, 4, 8, 16 minutes and a little.
        assert!((7..=9).contains(&looks), "{looks}");
        clock.sleep_until(at(3 * 3_600)).await;
        assert_eq!(looker.looks_at("13"), looks + 1);
        assert!(
            store
                .known(&portal(), &[deal(13)])
                .await
                .unwrap()
                .cases
                .is_empty(),
            "withdrawn"
        );
        assert_eq!(store.next_due_of(&portal()).await.unwrap(), None);
        running.stop().await;
    });
}

#[test]
fn a_process_that_dies_after_the_look_that_mended_a_subject_leaves_no_case() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let dying = store.opened_again().unwrap();
        let ordered = dying.clone();
        let looker = ScriptedLooker::new(move |ctx, due| {
            let ordered = ordered.clone();
            Box::pin(async move {
                assert!(ctx.now() > at(3_600), "planted");
                settle_all(ctx, due).await?;
                // Whatever is stored next fails.
                ordered.faults().fail_nth(1, Fault::Io);
                Ok(())
            })
        });
        store
            .look(&portal(), &[look(deal(13), at(0))])
            .await
            .unwrap();
        let running = Running::start(means(&dying, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(3 * 3_600)).await;
        let known = store.known(&portal(), &[deal(13)]).await.unwrap();
        assert!(known.cases.is_empty(), "{:?}", known.cases);
        drop(running);
    });
}

#[test]
fn what_a_failed_or_forgetful_pass_leaves_is_looked_at_again_ever_later() {
    for forgets in [false, true] {
        paused(async move {
            let (store, clock) = (store_with_portal().await, clock());
            let looker = ScriptedLooker::new(move |_ctx, _due| {
                let reason = "the remote is down".to_owned();
                Box::pin(async move {
                    if forgets {
                        Ok(())
                    } else {
                        Err(Halted::Remote {
                            reason,
                            again_at: None,
                        })
                    }
                })
            });
            store
                .look(&portal(), &[look(deal(1), at(0))])
                .await
                .unwrap();
            let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
            clock.sleep_until(at(120)).await;
            let times: Vec<i64> = looker
                .passes()
                .iter()
                .map(|pass| pass.at.duration_since(at(0)).as_secs())
                .collect();
            assert!((3..=6).contains(&times.len()), "{times:?}");
            assert!(
                times.windows(2).all(|pair| pair[1] - pair[0] >= 5),
                "{times:?}"
            );
            running.stop().await;
        });
    }
}

/// Records that everything of `due` was looked at and is looked at again at `again_at`, where there is such a moment.
async fn settle_until(
    ctx: &LeaseContext,
    due: Vec<Work>,
    again_at: Option<Timestamp>,
) -> Result<(), Halted> {
    let next = again_at.map(|at| (at, Lane::Due, "quiet time ends".to_owned()));
    let settled = due.into_iter().map(|work| Settled {
        work,
        next: next.clone(),
    });
    ctx.record(Record {
        settled: settled.collect(),
        ..Record::default()
    })
    .await
}

#[test]
fn a_look_that_went_well_ends_what_the_failures_before_it_added_up_to() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let good = 3;
        let begun = AtomicUsize::new(0);
        let looker = ScriptedLooker::new(move |ctx, due| {
            let number = begun.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                if number != good {
                    return Err(Halted::Remote {
                        reason: "the remote is down".to_owned(),
                        again_at: None,
                    });
                }
                settle_until(ctx, due, Some(later(ctx.now(), MINUTE))).await
            })
        });
        store
            .look(&portal(), &[look(deal(1), at(0))])
            .await
            .unwrap();
        let settings = settings();
        let first = settings.passes.again.first;
        let running = Running::start(means(&store, &clock, settings), looker.clone(), "one");
        clock.sleep_until(at(300)).await;
        let passes = looker.passes();
        let waited = |one: usize| until(passes[one - 1].at, passes[one].at);
        assert!(waited(good) >= first * 4, "{passes:?}");
        assert_eq!(waited(good + 1), MINUTE);
        // The shortest wait, and the half of it that chance may add.
        assert!(waited(good + 2) <= first * 3 / 2, "{passes:?}");
        running.stop().await;
    });
}

#[test]
fn a_pass_may_say_when_the_remote_is_worth_asking_again() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let looker = ScriptedLooker::new(|ctx, due| {
            Box::pin(async move {
                if ctx.now() < at(600) {
                    return Err(Halted::Remote {
                        reason: "out of order".to_owned(),
                        again_at: Some(at(600)),
                    });
                }
                settle_all(ctx, due).await
            })
        });
        store
            .look(&portal(), &[look(deal(1), at(0))])
            .await
            .unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(700)).await;
        let times: Vec<Timestamp> = looker.passes().iter().map(|pass| pass.at).collect();
        assert_eq!(times, [at(0), at(600)]);
        running.stop().await;
    });
}

#[test]
fn a_pass_that_says_now_is_not_begun_again_at_once() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let looks = Arc::new(AtomicUsize::new(0));
        let looker = ScriptedLooker::new(move |ctx, due| {
            let look = looks.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                if look < 20 {
                    return Err(Halted::Remote {
                        reason: "out of order".to_owned(),
                        again_at: Some(ctx.now()),
                    });
                }
                settle_all(ctx, due).await
            })
        });
        store
            .look(&portal(), &[look(deal(1), at(0))])
            .await
            .unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(60)).await;
        let times: Vec<Timestamp> = looker.passes().iter().map(|pass| pass.at).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        running.stop().await;
    });
}

#[test]
fn the_next_look_named_by_a_pass_comes_at_its_time() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let looker = ScriptedLooker::new(|ctx, due| {
            Box::pin(async move {
                settle_until(ctx, due, Some(at(90)).filter(|at| ctx.now() < *at)).await
            })
        });
        store
            .look(&portal(), &[look(deal(1), at(0))])
            .await
            .unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(200)).await;
        let times: Vec<Timestamp> = looker.passes().iter().map(|pass| pass.at).collect();
        assert_eq!(times, [at(0), at(90)]);
        running.stop().await;
    });
}

#[test]
fn whoever_lost_the_lease_writes_nothing_and_is_cancelled() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let refused: Arc<Mutex<Vec<&'static str>>> = Arc::default();
        let looker = ScriptedLooker::new({
            let refused = Arc::clone(&refused);
            move |ctx, due| {
                let refused = Arc::clone(&refused);
                Box::pin(async move {
                    // Another takes the portal while this one is asleep.
                    let late = later(ctx.lease().expires_at, Duration::from_secs(1));
                    ctx.store()
                        .lease_acquire("other", MINUTE, late)
                        .await
                        .unwrap()
                        .unwrap();
                    if matches!(
                        ctx.send(&[invoice_effect(1)], 0).await,
                        Err(Halted::LeaseLost)
                    ) {
                        refused.lock().unwrap().push("send");
                    }
                    if matches!(settle_all(ctx, due).await, Err(Halted::LeaseLost)) {
                        refused.lock().unwrap().push("record");
                    }
                    sleep(ctx.clock(), 45).await;
                    refused.lock().unwrap().push("not cancelled");
                    Ok(())
                })
            }
        });
        store
            .look(&portal(), &[look(deal(1), at(0))])
            .await
            .unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(50)).await;
        assert_eq!(*refused.lock().unwrap(), ["send", "record"]);
        assert!(
            store
                .known(&portal(), &[deal(1)])
                .await
                .unwrap()
                .effects
                .is_empty()
        );
        running.stop().await;
    });
}

#[test]
fn a_pass_that_never_ends_is_cancelled_and_counts_as_a_death() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let looker = ScriptedLooker::new(|_ctx, _due| Box::pin(std::future::pending()));
        store
            .look(&portal(), &[look(deal(1), at(0))])
            .await
            .unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(1_860)).await;
        assert_eq!(looker.looks_at("1"), 3);
        assert_eq!(
            store
                .known(&portal(), &[deal(1)])
                .await
                .unwrap()
                .cases
                .len(),
            1
        );
        running.stop().await;
    });
}

/// Makes a request every other second until it gets no turn.
fn asking() -> Arc<ScriptedLooker> {
    ScriptedLooker::new(|ctx, _due| {
        Box::pin(async move {
            let portal = ctx.portal();
            loop {
                let call = ctx.call(&portal);
                let turn = call.admit(Remote::Bitrix24, "account", &["method"]).await;
                if let Err(error) = turn {
                    assert!(matches!(ctx.in_force(), Err(Halted::Overtaken)));
                    return Err(Halted::Remote {
                        reason: error.to_string(),
                        again_at: None,
                    });
                }
                let made = exchange(ctx.now(), None, false);
                ctx.gate().book(&portal, &made).await;
                sleep(ctx.clock(), 2).await;
            }
        })
    })
}

#[test]
fn a_pass_of_a_paused_portal_makes_no_further_request_and_begins_again_as_soon_as_that_goes_on() {
    paused(async {
        let (store, clock, looker) = (store_with_portal().await, clock(), asking());
        let gate = Arc::new(OpenGate::default());
        let means = Means {
            gate: gate.clone(),
            ..means(&store, &clock, settings())
        };
        store
            .look(&portal(), &[look(deal(1), at(0))])
            .await
            .unwrap();
        let running = Running::start(means, looker.clone(), "one");
        clock.sleep_until(at(3)).await;
        set_paused(&store, &*clock, true).await;
        clock.sleep_until(at(8)).await;
        assert_eq!(gate.asked().len(), 2);
        let booked: Vec<Timestamp> = gate.booked().iter().map(|made| made.at).collect();
        assert_eq!(booked, [at(0), at(2)]);
        assert_eq!(store.lease_of(&portal(), clock.now()).await.unwrap(), None);
        set_paused(&store, &*clock, false).await;
        sleep(&*clock, 1).await;
        let begun: Vec<Timestamp> = looker.passes().iter().map(|pass| pass.at).collect();
        assert_eq!(begun, [at(0), at(8)]);
        running.stop().await;
    });
}

/// Nobody's turn ever comes.
struct LongLine;

#[async_trait]
impl Gate for LongLine {
    async fn admit(&self, _ask: &Admission) -> Result<(), NotAdmitted> {
        std::future::pending().await
    }

    async fn room(&self, _ask: &Admission) -> u32 {
        0
    }

    async fn book(&self, _portal: &PortalId, _exchange: &Exchange) {}
}

#[test]
fn whoever_waits_for_a_turn_waits_no_longer_once_the_portal_is_paused() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let means = Means {
            gate: Arc::new(LongLine),
            ..means(&store, &clock, settings())
        };
        store
            .look(&portal(), &[look(deal(1), at(0))])
            .await
            .unwrap();
        let running = Running::start(means, asking(), "one");
        clock.sleep_until(at(3)).await;
        let held = store.lease_of(&portal(), clock.now()).await.unwrap();
        assert!(held.is_some());
        set_paused(&store, &*clock, true).await;
        sleep(&*clock, 1).await;
        assert_eq!(store.lease_of(&portal(), clock.now()).await.unwrap(), None);
        running.stop().await;
    });
}
