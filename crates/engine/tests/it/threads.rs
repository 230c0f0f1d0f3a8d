//! The production form: many threads, the machine's clock, SQLite behind its writer thread.

use std::sync::Arc;
use std::time::Duration;

use engine::{Clock, SteadyClock};
use store::Store;
use testkit::builders::{deal, event, portal};
use testkit::lookers::ScriptedLooker;
use testkit::time::eventually;

use crate::support::{Running, means, put_portal, settings};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_of_many_senders_are_looked_at_once_each_and_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("store.sqlite")).unwrap();
    put_portal(&store, &portal()).await;
    let clock: Arc<dyn Clock> = Arc::new(SteadyClock::of_this_machine());
    let looker = ScriptedLooker::content();
    let running = Running::start(means(&store, &clock, settings()), looker.clone(), "one");

    let senders: Vec<_> = (0..8_u64)
        .map(|sender| {
            let (store, clock) = (store.clone(), Arc::clone(&clock));
            tokio::spawn(async move {
                for id in 0..25 {
                    let event = event(deal(sender * 100 + id), clock.now());
                    store.accept(&[event], clock.now()).await.unwrap();
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let done = eventually(
        &*clock,
        Duration::from_secs(30),
        Duration::from_millis(5),
        || async { store.next_due_of(&portal()).await.unwrap().is_none() },
    )
    .await;
    assert!(done, "all was looked at");
    running.stop().await;
    for sender in 0..8 {
        for id in 0..25 {
            assert_eq!(looker.looks_at(&(sender * 100 + id).to_string()), 1);
        }
    }
    assert_eq!(store.lease_of(&portal(), clock.now()).await.unwrap(), None);
}
