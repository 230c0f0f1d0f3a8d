//! A read that failed for a reason that may pass is repeated within its pass, as long as that is soon.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capability::{ConnectorError, Remote};
use domain::Verdict;
use jiff::Timestamp;
use testkit::builders::{deal, look, portal};
use testkit::lookers::{ScriptedLooker, settle_all};
use testkit::time::{at, clock, paused};

use crate::support::{Running, means, new_store, put_portal, settings};

fn failed(verdict: Verdict) -> ConnectorError {
    ConnectorError {
        verdict,
        remote: Remote::Bitrix24,
        method: "crm.item.list".to_owned(),
        code: "timed-out".to_owned(),
        message: "no answer".to_owned(),
        limit: false,
    }
}

/// How often a read that always fails so is tried in one pass, and when the pass had its error.
async fn tried(verdict: Verdict) -> (usize, Timestamp) {
    let store = new_store().await;
    put_portal(&store, &portal()).await;
    let clock = clock();
    let tries = Arc::new(AtomicUsize::new(0));
    let ended = Arc::new(Mutex::new(None));
    let looker = {
        let (tries, ended) = (Arc::clone(&tries), Arc::clone(&ended));
        ScriptedLooker::new(move |ctx, due| {
            let (tries, ended) = (Arc::clone(&tries), Arc::clone(&ended));
            Box::pin(async move {
                let read = ctx.reading(|| {
                    tries.fetch_add(1, Ordering::SeqCst);
                    Box::pin(async move { Err::<(), _>(failed(verdict)) })
                });
                read.await.unwrap_err();
                ended.lock().unwrap().get_or_insert(ctx.now());
                settle_all(ctx, due).await
            })
        })
    };
    store
        .look(&portal(), &[look(deal(1), at(0))])
        .await
        .unwrap();
    let running = Running::start(means(&store, &clock, settings()), looker, "one");
    clock.sleep_until(at(300)).await;
    running.stop().await;
    let ended = ended.lock().unwrap().unwrap();
    (tries.load(Ordering::SeqCst), ended)
}

#[test]
fn it_is_repeated_three_times_and_no_sooner_than_the_remote_asks() {
    paused(async {
        let asked = Some(Duration::from_secs(16));
        let (tries, ended) = tried(Verdict::Retry { after: asked }).await;
        assert_eq!(tries, 4);
        assert!(ended >= at(3 * 16), "{ended}");
    });
}

#[test]
fn what_may_pass_only_later_is_left_to_another_pass() {
    paused(async {
        let asked = Some(Duration::from_secs(17));
        assert_eq!(tried(Verdict::Retry { after: asked }).await, (1, at(0)));
    });
}

#[test]
fn what_does_not_pass_by_itself_is_told_at_once() {
    paused(async {
        for verdict in [Verdict::Reject, Verdict::Reauthorize, Verdict::Defect] {
            assert_eq!(tried(verdict).await, (1, at(0)));
        }
    });
}
