//! A process that is killed at any moment loses nothing that it had acknowledged, and doubles nothing.
//!
//! The test starts itself as a child that accepts events, sends and records effects, and prints each
//! acknowledgement; the parent kills it (SIGKILL) after a while and compares. SQLite alone: a server is another
//! process and lives on. A kill does not try fsync, as the page cache survives it.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests may"
)]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use domain::{DealId, PortalId};
use jiff::Timestamp;
use serde_json::json;
use store::*;

const FILE: &str = "PROVODKA_TEST_KILLED_FILE";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_434_800 + seconds).unwrap()
}

fn portal() -> PortalId {
    PortalId::new("a")
}

/// What the child does until it is killed: for each number one event, one effect, one record.
async fn live(file: &Path) {
    let store = Store::open_file(file).unwrap();
    let row = Portal {
        id: portal(),
        host: String::from("a"),
        mode: Mode::Active,
        paused: false,
        detail: json!({}),
        created_at: at(0),
        updated_at: at(0),
    };
    store.portal_put(&row).await.unwrap();
    let start = store
        .journal_read(&portal(), &JournalFilter::default())
        .await
        .unwrap()
        .len() as u64
        * 1000;
    let event = |n: u64| NewEvent {
        portal: portal(),
        source: String::from("online"),
        name: format!("n{n}"),
        record: Some(Subject::deal(DealId(n))),
        lane: Lane::Click,
        received_at: at(0),
        detail: json!({}),
    };
    store.accept(&[event(start)], at(0)).await.unwrap();
    // The former owner was killed: its lease of a second is over by the clock that we pass.
    let now = at(i64::try_from(start).unwrap() + 10);
    let lease = store
        .lease_acquire("child", Duration::from_secs(1), now)
        .await
        .unwrap()
        .unwrap();
    for n in start + 1.. {
        store.accept(&[event(n)], at(0)).await.unwrap();
        say(format_args!("accepted n{n}"));
        let new = NewEffect {
            key: format!("deal/{n}/invoice/whole/1"),
            once: true,
            subject: Subject::deal(DealId(n)),
            action: String::from("issue_invoice"),
            request: json!({}),
            request_hash: String::from("r"),
            repeatable: false,
            quiet: Duration::from_secs(90),
            deadline: Duration::from_secs(2),
            not_before: None,
            missed_at: None,
        };
        let sent = store.effects_send(&lease, &[new], 0, now).await.unwrap();
        let SendDecision::Send(effect) = &sent[0] else {
            panic!("{sent:?}")
        };
        say(format_args!("sent {}", effect.id));
        let line = JournalEntry {
            at: at(0),
            subject: None,
            kind: String::from("effect"),
            body: json!(n),
        };
        let record = Record {
            effects: vec![(effect.id, EffectChange::Done { outcome: json!(n) })],
            journal: vec![line],
            ..Record::default()
        };
        store.record(&lease, record, now).await.unwrap();
        say(format_args!("recorded {}", effect.id));
    }
}

fn say(what: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nack {what}").unwrap();
    out.flush().unwrap();
}

/// Only does anything as the child of the test below.
#[test]
fn child() {
    if let Ok(file) = std::env::var(FILE) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(live(Path::new(&file)));
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("p.db");
    let (mut accepted, mut sent, mut recorded) = (Vec::new(), Vec::new(), Vec::new());
    for cycle in 0..12_u64 {
        for line in one_life(&file, 3 + cycle * 7 % 40) {
            match line.split_once(' ') {
                Some(("accepted", name)) => accepted.push(name.to_owned()),
                Some(("sent", id)) => sent.push(id.parse::<i64>().unwrap()),
                Some(("recorded", id)) => recorded.push(id.parse::<i64>().unwrap()),
                _ => panic!("{line}"),
            }
        }
        let database = rusqlite::Connection::open(&file).unwrap();
        let check: String = database
            .pragma_query_value(None, "integrity_check", |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
        let has = |sql: &str, key: &dyn rusqlite::ToSql| {
            database
                .query_row(sql, [key], |row| row.get::<_, i64>(0))
                .unwrap()
        };
        for name in &accepted {
            assert_eq!(
                has("SELECT count(*) FROM inbox WHERE name = ?1", name),
                1,
                "{name}"
            );
        }
        for id in &sent {
            assert_eq!(
                has(
                    "SELECT count(*) FROM effect WHERE id = ?1 AND attempt = 1 AND quiet_until > 0",
                    id
                ),
                1
            );
        }
        for id in &recorded {
            assert_eq!(
                has(
                    "SELECT count(*) FROM effect WHERE id = ?1 AND state = 'done'",
                    id
                ),
                1
            );
        }
        // An effect that is done has its line: both or none.
        let done = has(
            "SELECT count(*) FROM effect WHERE state = 'done' AND 1 = ?1",
            &1,
        );
        assert_eq!(has("SELECT count(*) FROM journal WHERE 1 = ?1", &1), done);
    }
    assert!(
        recorded.len() > 12,
        "the children lived too short to prove anything: {}",
        recorded.len()
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let proof = runtime.block_on(async {
        Store::open_file(&file)
            .unwrap()
            .journal_verify(&portal())
            .await
            .unwrap()
    });
    assert!(matches!(proof, JournalProof::Whole { .. }), "{proof:?}");
}

/// Starts a child, kills it after so many acknowledgements, and gives what it had acknowledged.
fn one_life(file: &Path, acks: u64) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut heard = Vec::new();
    while heard.len() < usize::try_from(acks).unwrap() {
        let line = lines.next().expect("the child ended by itself").unwrap();
        heard.extend(line.strip_prefix("ack ").map(str::to_owned));
    }
    child.kill().unwrap();
    // What it had still said before it died was acknowledged too.
    heard.extend(
        lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("ack ").map(str::to_owned)),
    );
    child.wait().unwrap();
    heard
}
