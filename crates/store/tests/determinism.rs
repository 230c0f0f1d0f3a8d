//! The ground of the simulator: on one plain connection the store waits for nothing, so tokio's paused clock
//! stands still however much is stored, and the same calls leave the same database behind, byte for byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests may"
)]

use std::{path::Path, time::Duration};

use domain::{DealId, PortalId};
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};
use store::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_434_800 + seconds).unwrap()
}

fn deal(n: i64) -> Subject {
    Subject::deal(DealId(u64::try_from(n % 37).unwrap() + 1))
}

/// A thousand calls of all kinds.
async fn thousand_calls(store: &Store) {
    let portal = PortalId::new("portal-a");
    let row = Portal {
        id: portal.clone(),
        host: String::from("a.bitrix24.ru"),
        mode: Mode::Active,
        paused: false,
        detail: json!({}),
        created_at: at(0),
        updated_at: at(0),
    };
    store.portal_put(&row).await.unwrap();
    accept(store, &portal, 0).await;
    let lease = store
        .lease_acquire("sim", Duration::from_secs(1_000_000), at(0))
        .await
        .unwrap()
        .unwrap();
    for n in 0..166 {
        accept(store, &portal, n).await;
        let taken = store
            .work_take(&lease, Lane::Click, 3, &[], at(n))
            .await
            .unwrap();
        let subjects: Vec<Subject> = taken.iter().map(|work| work.subject.clone()).collect();
        store.known(&portal, &subjects).await.unwrap();
        let batch: Vec<NewEffect> = subjects.iter().map(effect).collect();
        let sent = store.effects_send(&lease, &batch, 0, at(n)).await.unwrap();
        store
            .record(&lease, came_of_it(&taken, &sent, n), at(n))
            .await
            .unwrap();
        store
            .budget_take("bitrix24", 3, 50, 120, 40, at(n))
            .await
            .unwrap();
    }
    assert!(matches!(
        store.journal_verify(&portal).await.unwrap(),
        JournalProof::Whole { seq: 166, .. }
    ));
}

async fn accept(store: &Store, portal: &PortalId, n: i64) {
    let event = NewEvent {
        portal: portal.clone(),
        source: String::from("online"),
        name: String::from("ONCRMDEALUPDATE"),
        record: Some(deal(n * 7)),
        lane: Lane::Click,
        received_at: at(n),
        detail: json!({ "n": n }),
    };
    store.accept(&[event], at(n)).await.unwrap();
}

fn effect(subject: &Subject) -> NewEffect {
    NewEffect {
        key: format!("{subject}/invoice/whole/1"),
        once: true,
        subject: subject.clone(),
        action: String::from("issue_invoice"),
        request: json!({}),
        request_hash: String::from("r1"),
        repeatable: false,
        quiet: Duration::from_secs(90),
        deadline: Duration::from_secs(2),
        not_before: None,
        missed_at: None,
    }
}

fn came_of_it(taken: &[Work], sent: &[SendDecision], n: i64) -> Record {
    let effects = sent.iter().filter_map(|decision| match decision {
        SendDecision::Send(effect) => Some((
            effect.id,
            EffectChange::Done {
                outcome: json!({ "n": n }),
            },
        )),
        SendDecision::Held { .. } => None,
    });
    let settled = taken.iter().map(|work| Settled {
        work: work.clone(),
        next: None,
    });
    let line = JournalEntry {
        at: at(n),
        subject: None,
        kind: String::from("decision"),
        body: json!({ "n": n }),
    };
    Record {
        effects: effects.collect(),
        settled: settled.collect(),
        journal: vec![line],
        ..Record::default()
    }
}

/// The hash of all that the database says, table by table.
fn hash_of(file: &Path) -> Vec<u8> {
    let connection = rusqlite::Connection::open(file).unwrap();
    let mut hash = Sha256::new();
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap();
    let tables: Vec<String> = tables
        .query_map((), |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for table in tables {
        let mut rows = connection
            .prepare(&format!("SELECT * FROM {table} ORDER BY rowid"))
            .unwrap();
        let width = rows.column_count();
        let mut rows = rows.query(()).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..width {
                hash.update(format!("{:?}|", row.get_ref(column).unwrap()));
            }
        }
    }
    hash.finalize().to_vec()
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_thousand_calls_move_the_paused_clock_by_nothing() {
    let store = Store::open_inline().unwrap();
    let before = tokio::time::Instant::now();
    // Anybody who waited for the clock would see it jump as soon as the store waited for anything.
    let sleeper = tokio::spawn(tokio::time::sleep(Duration::from_millis(1)));
    thousand_calls(&store).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert!(!sleeper.is_finished());
    sleeper.await.unwrap();
}

#[test]
fn no_call_needs_a_second_poll_nor_a_runtime() {
    use futures_util::FutureExt;
    let store = Store::open_inline().unwrap();
    thousand_calls(&store)
        .now_or_never()
        .expect("all of it within one poll");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn two_runs_give_one_hash() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut hashes = Vec::new();
    for run in ["one.db", "two.db"] {
        let file = folder.path().join(run);
        let store = Store::open_inline_file(&file).unwrap();
        thousand_calls(&store).await;
        drop(store);
        hashes.push(hash_of(&file));
    }
    assert_eq!(hashes[0], hashes[1]);
    // The hash does see a difference.
    let file = folder.path().join("one.db");
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute_batch("UPDATE effect SET updated_at = updated_at + 1 WHERE id = 1")
        .unwrap();
    assert_ne!(hash_of(&file), hashes[1]);
}

#[tokio::test]
async fn a_database_in_memory_outlives_the_process_that_halted() {
    let store = Store::open_inline().unwrap();
    thousand_calls(&store).await;
    let portal = PortalId::new("portal-a");
    let kept = store.inbox_count(&portal).await.unwrap();
    store.faults().fail_nth(1, Fault::Io);
    for _ in 0..2 {
        let asked = store.inbox_count(&portal).await;
        assert!(matches!(asked, Err(StoreError::Halted(_))), "{asked:?}");
    }
    let next = store.opened_again().unwrap();
    assert_eq!(next.inbox_count(&portal).await.unwrap(), kept);
}
