//! Hints of the accounting side: its feeds are due at once, and no oftener than a given time apart.

use jiff::SignedDuration;
use store::*;

use crate::support::*;

const APART: SignedDuration = SignedDuration::from_secs(5);

async fn hint(db: &Db, seconds: i64) {
    let portal = portal("a");
    let hinted = db.store.accounting_hint(&portal, APART, at(seconds));
    hinted.await.unwrap();
}

/// The tasks that are due at a moment, taken and done.
async fn read(db: &Db, lease: &Lease, seconds: i64) -> Vec<String> {
    let now = at(seconds);
    let taken = db
        .store
        .work_take(lease, Lane::Due, 10, &[], now)
        .await
        .unwrap();
    for work in &taken {
        db.store
            .record(lease, settled(work, None), now)
            .await
            .unwrap();
    }
    let mut tasks: Vec<String> = taken.iter().map(|work| work.subject.id.clone()).collect();
    tasks.sort();
    tasks
}

conformance! {
    async fn a_hint_has_both_feeds_read_at_once_and_is_not_forgotten(db: &Db) {
        let lease = leased(db, 1).await;
        read(db, &lease, 1).await;
        assert_eq!(db.store.accounting_hinted_for(&portal("a")).await.unwrap(), None);
        hint(db, 10).await;
        assert_eq!(db.store.accounting_hinted_for(&portal("a")).await.unwrap(), Some(at(10)));
        assert_eq!(db.store.accounting_hinted_for(&portal("b")).await.unwrap(), None);
        assert_eq!(read(db, &lease, 10).await, [FEED_TASK, FOLLOWED_TASK]);
    }

    async fn however_many_hints_come_the_feeds_are_read_no_oftener_than_that_apart(db: &Db) {
        let lease = leased(db, 1).await;
        read(db, &lease, 1).await;
        hint(db, 10).await;
        assert_eq!(read(db, &lease, 10).await.len(), 2);
        // Each of these came after the reading: one reading more is for all of them.
        for seconds in [11, 12, 14] {
            hint(db, seconds).await;
            assert!(read(db, &lease, seconds).await.is_empty(), "{seconds}");
        }
        assert_eq!(db.store.accounting_hinted_for(&portal("a")).await.unwrap(), Some(at(15)));
        assert_eq!(read(db, &lease, 15).await.len(), 2);
        hint(db, 21).await;
        assert_eq!(read(db, &lease, 21).await.len(), 2);
    }

    async fn a_hint_that_comes_after_an_early_reading_has_them_read_once_more(db: &Db) {
        let lease = leased(db, 1).await;
        read(db, &lease, 1).await;
        hint(db, 10).await;
        read(db, &lease, 10).await;
        hint(db, 11).await;
        // Somebody has them read before the hint's own moment; what came after that is not in it.
        let early = [FEED_TASK, FOLLOWED_TASK].map(|task| look(Subject::portal(task), Lane::Due, at(12)));
        db.store.look(&portal("a"), &early).await.unwrap();
        assert_eq!(read(db, &lease, 12).await.len(), 2);
        hint(db, 13).await;
        assert_eq!(read(db, &lease, 15).await.len(), 2);
    }

    async fn a_hint_that_comes_while_they_are_read_has_them_read_no_sooner_than_that_apart(db: &Db) {
        let lease = leased(db, 1).await;
        read(db, &lease, 1).await;
        hint(db, 10).await;
        let taken = db.store.work_take(&lease, Lane::Due, 10, &[], at(10)).await.unwrap();
        assert_eq!(taken.len(), 2);
        hint(db, 11).await;
        for work in &taken {
            db.store.record(&lease, settled(work, None), at(11)).await.unwrap();
        }
        assert!(read(db, &lease, 11).await.is_empty());
        assert!(read(db, &lease, 14).await.is_empty());
        assert_eq!(read(db, &lease, 15).await, [FEED_TASK, FOLLOWED_TASK]);
    }

    async fn a_clock_that_was_wrong_keeps_no_hint_back(db: &Db) {
        let lease = leased(db, 1).await;
        read(db, &lease, 1).await;
        hint(db, 1_000_000).await;
        hint(db, 20).await;
        assert_eq!(read(db, &lease, 20).await.len(), 2);
    }
}
