//! Two engines on one PostgreSQL, as two replicas are; runs where `PROVODKA_TEST_POSTGRES` names a server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::clock::later;
use engine::{Clock, SteadyClock};
use jiff::Timestamp;
use store::{Lane, Store};
use testkit::builders::{deal, look_in, portal_named};
use testkit::database::postgres;
use testkit::lookers::{ScriptedLooker, settle_all};
use testkit::time::eventually;

use crate::support::{Running, means, put_portal, settings};

/// A pass: of which portal, by which replica, from when to when.
type Span = (domain::PortalId, &'static str, Timestamp, Timestamp);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[expect(
    clippy::disallowed_methods,
    reason = "the address of the tests' server is no setting of ours"
)]
async fn two_replicas_share_the_portals_and_wake_each_other() {
    let Ok(url) = std::env::var("PROVODKA_TEST_POSTGRES") else {
        eprintln!("skipped: PROVODKA_TEST_POSTGRES is not set");
        return;
    };
    let options = postgres(&url);
    let stores = [
        Store::open_postgres(&options).await.unwrap(),
        Store::open_postgres(&options).await.unwrap(),
    ];
    let clock: Arc<dyn Clock> = Arc::new(SteadyClock::of_this_machine());
    let portals: Vec<_> = (0..6)
        .map(|n| portal_named(&format!("portal-{n}")))
        .collect();
    for portal in &portals {
        put_portal(&stores[0], portal).await;
    }
    let spans: Arc<Mutex<Vec<Span>>> = Arc::default();
    let looker_of = |replica: &'static str| {
        let spans = Arc::clone(&spans);
        ScriptedLooker::new(move |ctx, due| {
            let spans = Arc::clone(&spans);
            Box::pin(async move {
                let began = ctx.now();
                ctx.clock()
                    .sleep_until(later(began, Duration::from_millis(20)))
                    .await;
                spans
                    .lock()
                    .unwrap()
                    .push((ctx.portal(), replica, began, ctx.now()));
                settle_all(ctx, due).await
            })
        })
    };
    let mut few = settings();
    few.lease.most_workers = 2;
    few.lease.idle_grace = Duration::from_millis(20);
    // No polling: what comes is heard.
    few.lease.poll = Duration::from_secs(60);
    let one = Running::start(
        means(&stores[0], &clock, few.clone()),
        looker_of("one"),
        "one",
    );
    let two = Running::start(means(&stores[1], &clock, few), looker_of("two"), "two");
    for n in 0..60_u64 {
        let portal = &portals[usize::try_from(n % 6).unwrap()];
        let lane = Lane::ALL[usize::try_from(n % 3).unwrap()];
        let look = look_in(lane, deal(n), clock.now());
        stores[usize::try_from(n % 2).unwrap()]
            .look(portal, &[look])
            .await
            .unwrap();
    }
    let done = eventually(
        &*clock,
        Duration::from_secs(50),
        Duration::from_millis(20),
        || async { stores[0].next_due(clock.now()).await.unwrap().is_none() },
    )
    .await;
    assert!(done, "all was looked at without polling");
    one.stop().await;
    two.stop().await;

    let spans = spans.lock().unwrap().clone();
    assert!(
        ["one", "two"]
            .iter()
            .all(|replica| spans.iter().any(|span| span.1 == *replica)),
        "both worked"
    );
    for (n, a) in spans.iter().enumerate() {
        for b in &spans[n + 1..] {
            let overlap = a.2 < b.3 && b.2 < a.3;
            assert!(!(a.0 == b.0 && a.1 != b.1 && overlap), "{a:?} {b:?}");
        }
    }
}
