//! The chain is whole, tells of meddling, and survives the removal of its old lines.

use serde_json::json;
use store::*;

use crate::support::*;

fn line(seconds: i64, id: u64) -> JournalEntry {
    JournalEntry {
        at: at(seconds),
        subject: Some(deal(id)),
        kind: String::from("decision"),
        body: json!({ "why": "вошла в стадию", "n": seconds }),
    }
}

async fn write(db: &Db, lease: &Lease, lines: impl IntoIterator<Item = JournalEntry>) {
    let record = Record {
        journal: lines.into_iter().collect(),
        ..Record::default()
    };
    db.store.record(lease, record, at(0)).await.unwrap();
}

fn whole(anchor_seq: i64, seq: i64) -> JournalProof {
    JournalProof::Whole { anchor_seq, seq }
}

conformance! {
    async fn lines_are_numbered_without_gaps_and_read_by_filter(db: &Db) {
        let lease = leased(db, 1).await;
        write(db, &lease, (0..5).map(|n| line(n, 1))).await;
        write(db, &lease, (5..8).map(|n| line(n, 2))).await;
        let all = db.store.journal_read(&portal("a"), &JournalFilter::default()).await.unwrap();
        assert_eq!(all.iter().map(|line| line.seq).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
        assert_eq!(all[3].entry, line(3, 1));
        let filter = JournalFilter { subject: Some(deal(2)), since: Some(at(6)), ..JournalFilter::default() };
        let some = db.store.journal_read(&portal("a"), &filter).await.unwrap();
        assert_eq!(some.iter().map(|line| line.seq).collect::<Vec<_>>(), [7, 8]);
        let filter = JournalFilter { after_seq: 2, limit: 2, ..JournalFilter::default() };
        let some = db.store.journal_read(&portal("a"), &filter).await.unwrap();
        assert_eq!(some.iter().map(|line| line.seq).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(db.store.journal_verify(&portal("a")).await.unwrap(), whole(0, 8));
    }

    async fn whoever_holds_no_lease_parks_a_line_until_the_next_record(db: &Db) {
        let lease = leased(db, 1).await;
        assert_eq!(db.store.journal_verify(&portal("a")).await.unwrap(), whole(0, 0));
        db.store.journal_note(&portal("a"), &line(1, 7)).await.unwrap();
        db.store.journal_note(&portal("a"), &JournalEntry { subject: None, ..line(2, 7) }).await.unwrap();
        assert_eq!(db.store.journal_parked(&portal("a")).await.unwrap(), 2);
        assert!(db.store.journal_read(&portal("a"), &JournalFilter::default()).await.unwrap().is_empty());
        write(db, &lease, [line(3, 1)]).await;
        let all = db.store.journal_read(&portal("a"), &JournalFilter::default()).await.unwrap();
        assert_eq!(all.iter().map(|line| line.entry.at).collect::<Vec<_>>(), [at(1), at(2), at(3)]);
        assert_eq!(db.store.journal_parked(&portal("a")).await.unwrap(), 0);
        assert_eq!(db.store.journal_verify(&portal("a")).await.unwrap(), whole(0, 3));
    }

    async fn a_changed_line_is_found(db: &Db) {
        let lease = leased(db, 1).await;
        write(db, &lease, (0..5).map(|n| line(n, 1))).await;
        db.meddle("UPDATE journal SET body = '{}' WHERE seq = 3").await;
        assert_eq!(db.store.journal_verify(&portal("a")).await.unwrap(), JournalProof::Broken { seq: 3 });
    }

    async fn a_removed_line_is_found_also_at_the_end(db: &Db) {
        let lease = leased(db, 1).await;
        write(db, &lease, (0..5).map(|n| line(n, 1))).await;
        db.meddle("DELETE FROM journal WHERE seq = 5").await;
        assert_eq!(db.store.journal_verify(&portal("a")).await.unwrap(), JournalProof::Broken { seq: 5 });
        db.meddle("DELETE FROM journal WHERE seq = 2").await;
        assert_eq!(db.store.journal_verify(&portal("a")).await.unwrap(), JournalProof::Broken { seq: 2 });
    }

    async fn old_lines_go_from_the_front_and_the_rest_is_still_proved(db: &Db) {
        let lease = leased(db, 1).await;
        write(db, &lease, (0..10).map(|n| line(n, 1))).await;
        // A line noted late stands behind younger ones and keeps what follows it.
        write(db, &lease, [line(50, 1), line(2, 1), line(60, 1)]).await;
        assert_eq!(db.store.journal_trim(&portal("a"), at(8), 5).await.unwrap(), 5);
        assert_eq!(db.store.journal_trim(&portal("a"), at(8), 5).await.unwrap(), 3);
        assert_eq!(db.store.journal_trim(&portal("a"), at(8), 5).await.unwrap(), 0);
        let left = db.store.journal_read(&portal("a"), &JournalFilter::default()).await.unwrap();
        assert_eq!(left.iter().map(|line| line.seq).collect::<Vec<_>>(), [9, 10, 11, 12, 13]);
        assert_eq!(db.store.journal_verify(&portal("a")).await.unwrap(), whole(8, 13));
        write(db, &lease, [line(61, 1)]).await;
        assert_eq!(db.store.journal_trim(&portal("a"), at(99), 100).await.unwrap(), 6);
        assert_eq!(db.store.journal_verify(&portal("a")).await.unwrap(), whole(14, 14));
        write(db, &lease, [line(62, 1)]).await;
        assert_eq!(db.store.journal_verify(&portal("a")).await.unwrap(), whole(14, 15));
        db.meddle("UPDATE journal SET at = at + 1").await;
        assert_eq!(db.store.journal_verify(&portal("a")).await.unwrap(), JournalProof::Broken { seq: 15 });
    }

    async fn chains_of_portals_are_apart(db: &Db) {
        let lease = leased(db, 1).await;
        db.store.portal_put(&a_portal("b")).await.unwrap();
        db.store.look(&portal("b"), &[look(deal(1), Lane::Due, at(0))]).await.unwrap();
        let other = db.store.lease_acquire("o", HOUR, at(0)).await.unwrap().unwrap();
        write(db, &lease, [line(1, 1), line(2, 1)]).await;
        write(db, &other, [line(3, 1)]).await;
        assert_eq!(db.store.journal_verify(&portal("a")).await.unwrap(), whole(0, 2));
        assert_eq!(db.store.journal_verify(&portal("b")).await.unwrap(), whole(0, 1));
    }

    async fn two_passes_of_one_lease_append_to_one_chain(db: &Db) {
        let lease = leased(db, 1).await;
        let passes = (0..8).map(|n| {
            let (store, lease) = (db.store.clone(), lease.clone());
            tokio::spawn(async move {
                for m in 0..5 {
                    let record = Record { journal: vec![line(m, n)], ..Record::default() };
                    store.record(&lease, record, at(0)).await.unwrap();
                }
            })
        });
        for pass in passes.collect::<Vec<_>>() {
            pass.await.unwrap();
        }
        assert_eq!(db.store.journal_verify(&portal("a")).await.unwrap(), whole(0, 40));
    }
}

/// SQLite alone: the file is ours, and what was removed must not be readable in it.
#[tokio::test]
async fn what_was_removed_is_not_in_the_file_any_more() {
    let db = Db::new(Form::Threads).await.unwrap();
    let lease = leased(&db, 1).await;
    let canary = |n: i64| JournalEntry {
        body: json!({ "name": format!("КАНАРЕЙКА-{n}") }),
        ..line(n, 1)
    };
    write(&db, &lease, (0..300).map(canary)).await;
    let in_file = |file: &std::path::Path| {
        let merged = rusqlite::Connection::open(file).unwrap();
        merged
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
            .unwrap();
        let bytes = std::fs::read(file).unwrap();
        bytes
            .windows("КАНАРЕЙКА".len())
            .filter(|part| *part == "КАНАРЕЙКА".as_bytes())
            .count()
    };
    assert!(in_file(&db.file()) >= 300);
    while db
        .store
        .journal_trim(&portal("a"), at(1000), 50)
        .await
        .unwrap()
        > 0
    {}
    assert_eq!(in_file(&db.file()), 0);
    assert_eq!(
        db.store.journal_verify(&portal("a")).await.unwrap(),
        whole(300, 300)
    );
}
