//! The engine on the inline store, with a paused clock: who takes which portal, how it stops, what it sees to by itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::Clock;
use engine::clock::later;
use jiff::Timestamp;
use store::{JournalFilter, Lane, Look, Record, Settled, Store, Subject};
use testkit::builders::{deal, event, look, look_in, portal, portal_named};
use testkit::lookers::{ScriptedLooker, settle_all};
use testkit::time::{at, clock, eventually, paused};

use crate::support::{Running, means, new_store, put_portal, set_paused, settings};

const MINUTE: Duration = Duration::from_secs(60);

/// A pass: of which portal, in which lane, by whom, from when to when.
type Span = (domain::PortalId, Lane, &'static str, Timestamp, Timestamp);

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
fn an_event_wakes_the_engine_without_waiting_for_the_poll() {
    paused(async {
        let (store, clock, looker) = (
            store_with_portal().await,
            clock(),
            ScriptedLooker::content(),
        );
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(61)).await;
        store
            .accept(&[event(deal(1), clock.now())], clock.now())
            .await
            .unwrap();
        until_quiet(&store, &clock).await;
        assert_eq!(looker.passes()[0].at, at(61));
        running.stop().await;
    });
}

#[test]
fn two_engines_never_look_at_one_portal_at_once() {
    paused(async {
        let (store, clock) = (new_store().await, clock());
        let portals: Vec<_> = (0..6)
            .map(|n| portal_named(&format!("portal-{n}")))
            .collect();
        for portal in &portals {
            put_portal(&store, portal).await;
        }
        let spans: Arc<Mutex<Vec<Span>>> = Arc::default();
        let looker_of = |owner: &'static str| {
            let spans = Arc::clone(&spans);
            ScriptedLooker::new(move |ctx, due| {
                let spans = Arc::clone(&spans);
                Box::pin(async move {
                    let began = ctx.now();
                    sleep(ctx.clock(), 2).await;
                    spans
                        .lock()
                        .unwrap()
                        .push((ctx.portal(), ctx.lane(), owner, began, ctx.now()));
                    settle_all(ctx, due).await
                })
            })
        };
        let mut few = settings();
        few.lease.most_workers = 2;
        let one = Running::start(means(&store, &clock, few.clone()), looker_of("one"), "one");
        let two = Running::start(means(&store, &clock, few), looker_of("two"), "two");
        for second in 0..60_u64 {
            clock.sleep_until(at(second)).await;
            let portal = &portals[usize::try_from(second * 7 % 6).unwrap()];
            let lane = Lane::ALL[usize::try_from(second % 3).unwrap()];
            store
                .look(portal, &[look_in(lane, deal(second % 11), clock.now())])
                .await
                .unwrap();
        }
        clock.sleep_until(at(300)).await;
        let spans = spans.lock().unwrap().clone();
        assert!(
            ["one", "two"]
                .iter()
                .all(|owner| spans.iter().any(|span| span.2 == *owner)),
            "both worked"
        );
        for (n, a) in spans.iter().enumerate() {
            for b in &spans[n + 1..] {
                let overlap = a.3 < b.4 && b.3 < a.4;
                assert!(
                    !(a.0 == b.0 && overlap && (a.2 != b.2 || a.1 == b.1)),
                    "{a:?} {b:?}"
                );
            }
        }
        for portal in &portals {
            assert_eq!(
                store.next_due_of(portal).await.unwrap(),
                None,
                "all work was done"
            );
        }
        one.stop().await;
        two.stop().await;
    });
}

#[test]
fn a_stop_lets_passes_come_to_their_end_and_gives_portals_back() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let looker = ScriptedLooker::new(|ctx, due| {
            Box::pin(async move {
                sleep(ctx.clock(), 10).await;
                settle_all(ctx, due).await
            })
        });
        store
            .look(&portal(), &[look(deal(1), at(0))])
            .await
            .unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(1)).await;
        store
            .look(&portal(), &[look_in(Lane::Click, deal(2), at(1))])
            .await
            .unwrap();
        running.stopper.stop();
        running.task.await.unwrap().unwrap();
        assert_eq!(clock.now(), at(10));
        assert_eq!(
            (looker.looks_at("1"), looker.looks_at("2")),
            (1, 0),
            "nothing new was begun"
        );
        assert_eq!(store.lease_of(&portal(), clock.now()).await.unwrap(), None);
        assert!(
            store.next_due_of(&portal()).await.unwrap().is_some(),
            "what was not begun waits for the next"
        );
    });
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let looker = ScriptedLooker::new(|_ctx, _due| Box::pin(std::future::pending()));
        store
            .look(&portal(), &[look(deal(1), at(0))])
            .await
            .unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(1)).await;
        running.stop().await;
        assert_eq!(clock.now(), at(26));
        let next = store
            .lease_acquire("two", MINUTE, clock.now())
            .await
            .unwrap()
            .unwrap();
        let due = store
            .work_take(&next, Lane::Due, 50, &[], clock.now())
            .await
            .unwrap();
        assert_eq!((due.len(), due[0].deaths), (1, 0), "a stop is no death");
    });
}

#[test]
fn three_deaths_of_the_process_set_a_subject_aside() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        store
            .look(&portal(), &[look(deal(1), at(0))])
            .await
            .unwrap();
        let hangs = ScriptedLooker::new(|_ctx, _due| Box::pin(std::future::pending()));
        for run in 0..3 {
            let running = Running::start(
                means(&store, &clock, settings()),
                hangs.clone(),
                &format!("run-{run}"),
            );
            sleep(&*clock, 5).await;
            running.task.abort();
            sleep(&*clock, 60).await;
        }
        assert_eq!(hangs.looks_at("1"), 3);
        let content = ScriptedLooker::content();
        let running = Running::start(means(&store, &clock, settings()), content.clone(), "run-3");
        sleep(&*clock, 30).await;
        assert_eq!(
            content.looks_at("1"),
            0,
            "nobody looks at it before it is set aside"
        );
        assert_eq!(
            store
                .known(&portal(), &[deal(1)])
                .await
                .unwrap()
                .cases
                .len(),
            1
        );
        let of_deal = JournalFilter {
            subject: Some(deal(1)),
            ..JournalFilter::default()
        };
        let lines = store.journal_read(&portal(), &of_deal).await.unwrap();
        let mut lines = lines.iter().map(|line| &line.entry.body["set_aside"]);
        assert_eq!(lines.find(|told| !told.is_null()).unwrap()["deaths"], 3);
        sleep(&*clock, 120).await;
        assert_eq!(content.looks_at("1"), 1, "it was only bad luck");
        assert!(
            store
                .known(&portal(), &[deal(1)])
                .await
                .unwrap()
                .cases
                .is_empty()
        );
        running.stop().await;
    });
}

#[test]
fn a_subject_that_kills_the_process_again_is_set_aside_again_for_longer() {
    paused(async {
        let (store, clock) = (store_with_portal().await, clock());
        let looks = [look(deal(1), at(0))];
        store.look(&portal(), &looks).await.unwrap();
        let hangs = ScriptedLooker::new(|_ctx, _due| Box::pin(std::future::pending()));
        for run in 0..60 {
            let owner = format!("run-{run}");
            let running = Running::start(means(&store, &clock, settings()), hangs.clone(), &owner);
            sleep(&*clock, 30).await;
            running.task.abort();
            sleep(&*clock, 60).await;
        }
        // In an hour and a half: three deaths, then after 1, 2, 4, 8, 16, 32 minutes and a little.
        let looks = hangs.looks_at("1");
        assert!((7..=9).contains(&looks), "{looks}");
    });
}

#[test]
fn a_paused_portal_is_let_go() {
    paused(async {
        let (store, clock, looker) = (
            store_with_portal().await,
            clock(),
            ScriptedLooker::content(),
        );
        let looks: Vec<Look> = (1..100).map(|n| look(deal(n), at(n))).collect();
        store.look(&portal(), &looks).await.unwrap();
        let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");
        clock.sleep_until(at(10)).await;
        set_paused(&store, &*clock, true).await;
        sleep(&*clock, 1).await;
        let before = looker.passes().len();
        sleep(&*clock, 60).await;
        assert_eq!(looker.passes().len(), before);
        assert_eq!(store.lease_of(&portal(), clock.now()).await.unwrap(), None);
        running.stop().await;
    });
}

#[test]
fn portals_take_turns_where_there_are_more_than_workers() {
    paused(async {
        let (store, clock) = (new_store().await, clock());
        let (busy, small) = (portal_named("busy"), portal_named("small"));
        put_portal(&store, &busy).await;
        put_portal(&store, &small).await;
        let looker = ScriptedLooker::new(|ctx, due| {
            Box::pin(async move {
                // The busy portal always has something more to do.
                let again = (ctx.portal().as_str() == "busy")
                    .then(|| (ctx.now(), Lane::Due, "more".to_owned()));
                sleep(ctx.clock(), 1).await;
                let settled = due
                    .into_iter()
                    .map(|work| Settled {
                        work,
                        next: again.clone(),
                    })
                    .collect();
                ctx.record(Record {
                    settled,
                    ..Record::default()
                })
                .await
            })
        });
        store.look(&busy, &[look(deal(1), at(0))]).await.unwrap();
        let mut one_worker = settings();
        one_worker.lease.most_workers = 1;
        let running = Running::start(means(&store, &clock, one_worker), looker.clone(), "one");
        clock.sleep_until(at(3)).await;
        store.look(&small, &[look(deal(2), at(3))]).await.unwrap();
        clock.sleep_until(at(120)).await;
        let first = looker
            .passes()
            .into_iter()
            .find(|pass| pass.portal == small)
            .expect("it had its turn");
        assert!(first.at <= at(60), "{first:?}");
        running.stop().await;
    });
}

#[test]
fn an_idle_portal_is_given_back_at_once_while_others_wait() {
    paused(async {
        let (store, clock, looker) = (new_store().await, clock(), ScriptedLooker::content());
        for number in 0..50 {
            let portal = portal_named(&format!("portal-{number}"));
            put_portal(&store, &portal).await;
            store.look(&portal, &[look(deal(1), at(0))]).await.unwrap();
        }
        let mut one_worker = settings();
        one_worker.lease.most_workers = 1;
        let running = Running::start(means(&store, &clock, one_worker), looker.clone(), "one");
        clock.sleep_until(at(5)).await;
        assert_eq!(looker.passes().len(), 50);
        running.stop().await;
    });
}

#[test]
fn every_portal_is_due_for_its_tasks() {
    paused(async {
        let (store, clock, looker) = (
            store_with_portal().await,
            clock(),
            ScriptedLooker::content(),
        );
        let running = Running::start(
            means(&store, &clock, engine::Settings::default()),
            looker.clone(),
            "one",
        );
        clock.sleep_until(at(2 * 3_600 + 60)).await;
        // The looker above never names a next look: it is the net that brings the portal back.
        let (sweeps, cases) = (looker.looks_at("sweep"), looker.looks_at("cases"));
        assert!(
            (4..=9).contains(&sweeps) && (1..=2).contains(&cases),
            "{sweeps} {cases}"
        );
        running.stop().await;
    });
}

#[test]
fn old_lines_of_the_journal_are_removed_while_work_goes_on() {
    paused(async {
        let (store, clock, looker) = (
            store_with_portal().await,
            clock(),
            ScriptedLooker::content(),
        );
        store
            .accept(&[event(Subject::portal("x"), clock.now())], clock.now())
            .await
            .unwrap();
        let mut short = settings();
        short.upkeep.journal_kept = Duration::from_secs(3_600);
        let running = Running::start(means(&store, &clock, short), looker.clone(), "one");
        clock.sleep_until(at(1_800)).await;
        assert_eq!(store.inbox_count(&portal()).await.unwrap(), 1);
        clock.sleep_until(at(3 * 3_600)).await;
        assert_eq!(store.inbox_count(&portal()).await.unwrap(), 0);
        running.stop().await;
    });
}
