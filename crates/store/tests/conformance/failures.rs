//! Full disks, broken disks, locks: nothing half-written, and life goes on where it can.

use std::time::Duration;

use serde_json::json;
use store::*;

use crate::support::*;

fn rich_record(effect: i64) -> Record {
    Record {
        effects: vec![(effect, EffectChange::Done { outcome: json!(1) })],
        journal: vec![JournalEntry {
            at: at(1),
            subject: None,
            kind: String::from("effect"),
            body: json!({}),
        }],
        looks: vec![look(deal(2), Lane::Due, at(5))],
        cursors: vec![(String::from("deals"), String::from("x"))],
        facts: vec![(String::from("chat"), String::from("1"))],
        ..Record::default()
    }
}

/// Whether nothing, or all, of the rich record is there.
async fn is_stored(db: &Db, effect: i64) -> bool {
    let state = db
        .store
        .effect_get(&portal("a"), effect)
        .await
        .unwrap()
        .unwrap()
        .state;
    let parts = [
        state == EffectState::Done,
        !db.store
            .journal_read(&portal("a"), &JournalFilter::default())
            .await
            .unwrap()
            .is_empty(),
        db.store
            .cursor_get(&portal("a"), "deals")
            .await
            .unwrap()
            .is_some(),
        db.store
            .fact_get(&portal("a"), "chat")
            .await
            .unwrap()
            .is_some(),
        db.store.stats(&portal("a"), at(9)).await.unwrap().lanes[0].due == 2,
    ];
    assert!(
        parts.iter().all(|part| *part == parts[0]),
        "half a record: {parts:?}"
    );
    parts[0]
}

conformance! {
    async fn a_record_that_fails_at_any_statement_leaves_nothing(db: &Db) {
        let lease = leased(db, 1).await;
        let effect = send_one(db, &lease, create(1, 1, "r1"), at(0)).await.id;
        let faults = db.store.faults();
        let mut nth = 0;
        loop {
            nth += 1;
            faults.fail_nth(nth, Fault::DiskFull);
            let done = db.store.record(&lease, rich_record(effect), at(1)).await;
            if faults.cancel() {
                done.unwrap();
                break;
            }
            assert!(matches!(done, Err(StoreError::DiskFull(_))), "at {nth}: {done:?}");
            assert!(done.unwrap_err().is_passing());
            assert!(!is_stored(db, effect).await);
        }
        assert!(is_stored(db, effect).await);
        assert!(nth > 8, "only {nth} statements were tried");
    }

    async fn a_commit_that_fails_leaves_nothing_and_the_next_one_goes_on(db: &Db) {
        let lease = leased(db, 1).await;
        let effect = send_one(db, &lease, create(1, 1, "r1"), at(0)).await.id;
        db.store.faults().fail_nth(1, Fault::DiskFullAtCommit);
        let done = db.store.record(&lease, rich_record(effect), at(1)).await;
        assert!(matches!(done, Err(StoreError::DiskFull(_))), "{done:?}");
        assert!(!is_stored(db, effect).await);
        db.store.record(&lease, rich_record(effect), at(1)).await.unwrap();
        assert!(is_stored(db, effect).await);
    }

    async fn only_a_write_proves_that_the_disk_takes_writes(db: &Db) {
        for fault in [Fault::DiskFull, Fault::DiskFullAtCommit] {
            db.store.faults().fail_nth(1, fault);
            let proof = db.store.prove_writable(at(1)).await;
            assert!(matches!(proof, Err(StoreError::DiskFull(_))), "{fault:?}: {proof:?}");
        }
        db.store.prove_writable(at(1)).await.unwrap();
        let several = (0..8).map(|_| db.store.prove_writable(at(1)));
        for proof in futures_util::future::join_all(several).await {
            proof.unwrap();
        }
    }

    async fn a_broken_disk_halts_the_store_for_good(db: &Db) {
        leased(db, 1).await;
        db.store.faults().fail_nth(1, Fault::Io);
        let failed = db.store.accept(&[event("a", deal(1))], at(0)).await.unwrap_err();
        assert!(failed.is_final());
        assert!(db.store.halted().await.contains("ordered"));
        assert!(db.store.accept(&[event("a", deal(1))], at(0)).await.unwrap_err().is_final());
        assert!(db.store.portals().await.unwrap_err().is_final());
        // A restart reads what was acknowledged, and nothing else.
        assert_eq!(db.another().await.inbox_count(&portal("a")).await.unwrap(), 0);
    }
}

/// SQLite with threads alone: only there do calls share a commit.
#[tokio::test]
async fn when_a_commit_fails_all_of_its_group_fail_and_none_is_stored() {
    let db = Db::new(Form::Threads).await.unwrap();
    leased(&db, 1).await;
    for round in 0..20 {
        db.store.faults().fail_nth(1, Fault::DiskFullAtCommit);
        let events = (0..50).map(|n| {
            let store = db.store.clone();
            tokio::spawn(async move { store.accept(&[event("a", deal(n))], at(0)).await.is_ok() })
        });
        let mut stored = 0;
        for one in events.collect::<Vec<_>>() {
            stored += u64::from(one.await.unwrap());
        }
        assert!(stored < 50, "no commit failed in round {round}");
        let found = db.store.inbox_count(&portal("a")).await.unwrap();
        assert_eq!(found, stored, "acknowledged and stored differ");
        db.store.inbox_trim(&portal("a"), at(1), 100).await.unwrap();
    }
}

/// SQLite with threads alone: only there are events of several callers stored as one.
#[tokio::test]
async fn an_event_that_cannot_be_stored_fails_alone() {
    let db = Db::new(Form::Threads).await.unwrap();
    leased(&db, 1).await;
    let is_known = |n: u64| !n.is_multiple_of(3);
    let events = (0..60).map(|n| {
        let store = db.store.clone();
        let whose = if is_known(n) { "a" } else { "of nobody" };
        let call = async move { store.accept(&[event(whose, deal(n))], at(0)).await.is_ok() };
        (n, tokio::spawn(call))
    });
    for (n, one) in events.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), is_known(n), "{n}");
    }
    assert_eq!(db.store.inbox_count(&portal("a")).await.unwrap(), 40);
}

/// SQLite with threads alone: only there do events of several callers share a transaction.
#[tokio::test]
async fn events_that_come_by_the_thousand_are_stored_by_portions() {
    let db = Db::new(Form::Threads).await.unwrap();
    leased(&db, 1).await;
    let other = rusqlite::Connection::open(db.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = db.store.faults().ran();
    let events = (0..1_200).map(|n| {
        let store = db.store.clone();
        tokio::spawn(async move { store.accept(&[event("a", deal(n))], at(0)).await })
    });
    let events: Vec<_> = events.collect();
    // All of them wait for the writer, which waits for the lock.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    other.execute_batch("COMMIT").unwrap();
    for one in events {
        one.await.unwrap().unwrap();
    }
    assert_eq!(db.store.inbox_count(&portal("a")).await.unwrap(), 1_200);
    // 512 at most in one transaction, and not each in its own.
    let commits = db.store.faults().ran().since(before).commits;
    assert!((3..10).contains(&commits), "{commits}");
}

/// SQLite alone: the limit is SQLite's own, so its true error and its own giving up are tried.
#[tokio::test]
async fn a_truly_full_database_refuses_and_recovers() {
    let db = Db::new(Form::Threads).await.unwrap();
    leased(&db, 1).await;
    db.store.limit_size(1).await.unwrap();
    let big = || {
        let detail = json!({ "text": "x".repeat(200_000) });
        NewEvent {
            detail,
            ..event("a", deal(1))
        }
    };
    let waiting = (0..10).map(|n| {
        let (store, big) = (db.store.clone(), big());
        tokio::spawn(async move {
            if n % 2 == 0 {
                store.accept(&[big], at(0)).await
            } else {
                store.portal_put(&a_portal("a")).await
            }
        })
    });
    for one in waiting.collect::<Vec<_>>() {
        if let Err(error) = one.await.unwrap() {
            assert!(matches!(error, StoreError::DiskFull(_)), "{error:?}");
        }
    }
    assert!(matches!(
        db.store.accept(&[big()], at(0)).await,
        Err(StoreError::DiskFull(_))
    ));
    assert_eq!(db.store.inbox_count(&portal("a")).await.unwrap(), 0);
    db.store.limit_size(u64::MAX).await.unwrap();
    db.store.accept(&[big()], at(0)).await.unwrap();
    assert_eq!(db.store.inbox_count(&portal("a")).await.unwrap(), 1);
}

/// SQLite alone: another process that holds the write lock.
#[tokio::test]
async fn a_lock_that_ends_in_time_is_waited_for() {
    let db = Db::new(Form::Threads).await.unwrap();
    leased(&db, 1).await;
    let other = rusqlite::Connection::open(db.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let store = db.store.clone();
    let waiting = tokio::spawn(async move { store.accept(&[event("a", deal(1))], at(0)).await });
    // Reads go on meanwhile.
    assert_eq!(db.store.inbox_count(&portal("a")).await.unwrap(), 0);
    assert!(!waiting.is_finished());
    other.execute_batch("COMMIT").unwrap();
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

/// SQLite alone: a caller that goes away does not take its write with it.
#[tokio::test]
async fn a_call_whose_caller_went_away_is_stored_or_not_but_never_half() {
    let db = Db::new(Form::Threads).await.unwrap();
    leased(&db, 1).await;
    for _ in 0..50 {
        let events = [event("a", deal(1)), event("a", deal(2))];
        let call = db.store.accept(&events, at(0));
        tokio::select! { biased; _ = call => {}, () = tokio::task::yield_now() => {} }
    }
    let found = db.store.inbox_count(&portal("a")).await.unwrap();
    assert_eq!(found % 2, 0);
}
