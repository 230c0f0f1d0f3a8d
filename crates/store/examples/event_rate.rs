//! How many events a second the store takes durably, and how long each waits for its answer.
//!
//! `cargo run --release --example event_rate [FOLDER]`, or with `PROVODKA_TEST_POSTGRES` set to measure a server.
//! Open loop: events come at a fixed rate, whoever is late counts as late from the moment it should have come.
//! Closed loop: 200 callers, each sends the next event once the former is stored.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints its figures, by the clock of the machine"
)]

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use domain::{DealId, PortalId};
use jiff::Timestamp;
use store::{Lane, Mode, NewEvent, Portal, PostgresOptions, Store, StoreError, Subject};
use tokio::task::JoinSet;

const SECONDS: u64 = 5;
const CALLERS: u64 = 200;

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let folder = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let file = folder.join(format!("event-rate-{}.db", std::process::id()));
    let store = match std::env::var("PROVODKA_TEST_POSTGRES") {
        Ok(url) => {
            Store::open_postgres(&PostgresOptions {
                url,
                connections: 16,
                extra_roots: Vec::new(),
            })
            .await?
        }
        Err(_) => Store::open_file(&file)?,
    };
    prepare(&store).await?;
    println!(
        "{:<34}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "", "events/s", "p50 ms", "p99 ms", "max ms", "failed"
    );
    for rate in [500, 1000, 2000, 3000, 5000] {
        report(
            &format!("open loop, {rate}/s"),
            &open_loop(&store, rate).await?,
        );
    }
    report(
        &format!("closed loop, {CALLERS} callers"),
        &closed_loop(&store).await?,
    );
    drop(store);
    for ending in ["", "-wal", "-shm"] {
        let part = PathBuf::from(format!("{}{ending}", file.display()));
        if part.exists() {
            std::fs::remove_file(part)?;
        }
    }
    Ok(())
}

struct Measured {
    waits: Vec<Duration>,
    failed: usize,
    took: Duration,
}

async fn open_loop(store: &Store, rate: u64) -> Result<Measured, Failure> {
    let start = Instant::now();
    let mut calls = JoinSet::new();
    let mut pace = tokio::time::interval(Duration::from_millis(1));
    let mut sent = 0;
    while sent < rate * SECONDS {
        pace.tick().await;
        let owed = u64::try_from(start.elapsed().as_micros())? * rate / 1_000_000;
        for n in sent..owed.min(rate * SECONDS) {
            let (store, wanted) = (
                store.clone(),
                start + Duration::from_micros(n * 1_000_000 / rate),
            );
            calls.spawn(async move {
                let done = store.accept(&[event(n)], now()).await;
                (wanted.elapsed(), done)
            });
        }
        sent = sent.max(owed.min(rate * SECONDS));
    }
    let results = calls.join_all().await;
    Ok(measured(results, start.elapsed()))
}

async fn closed_loop(store: &Store) -> Result<Measured, Failure> {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        callers.spawn(async move {
            let mut results = Vec::new();
            while start.elapsed() < Duration::from_secs(SECONDS) {
                let began = Instant::now();
                let done = store
                    .accept(&[event(caller + results.len() as u64)], now())
                    .await;
                results.push((began.elapsed(), done));
            }
            results
        });
    }
    let results = callers.join_all().await.into_iter().flatten().collect();
    Ok(measured(results, start.elapsed()))
}

fn measured(results: Vec<(Duration, Result<(), StoreError>)>, took: Duration) -> Measured {
    let failed = results.iter().filter(|(_, done)| done.is_err()).count();
    let mut waits: Vec<Duration> = results.into_iter().map(|(wait, _)| wait).collect();
    waits.sort_unstable();
    Measured {
        waits,
        failed,
        took,
    }
}

fn report(what: &str, measured: &Measured) {
    let stored = measured.waits.len() - measured.failed;
    let rate = stored as u128 * 1000 / measured.took.as_millis().max(1);
    let of = |percent: usize| {
        let place =
            (measured.waits.len() * percent / 100).min(measured.waits.len().saturating_sub(1));
        measured
            .waits
            .get(place)
            .copied()
            .unwrap_or_default()
            .as_micros()
    };
    let ms = |micros: u128| format!("{}.{}", micros / 1000, micros % 1000 / 100);
    println!(
        "{what:<34}{rate:>10}{:>10}{:>10}{:>10}{:>10}",
        ms(of(50)),
        ms(of(99)),
        ms(of(100)),
        measured.failed
    );
}

async fn prepare(store: &Store) -> Result<(), StoreError> {
    let portal = Portal {
        id: PortalId::new("rate"),
        host: String::from("rate.bitrix24.ru"),
        mode: Mode::Active,
        paused: false,
        detail: serde_json::json!({}),
        created_at: now(),
        updated_at: now(),
    };
    store.portal_put(&portal).await
}

fn event(n: u64) -> NewEvent {
    NewEvent {
        portal: PortalId::new("rate"),
        source: String::from("online"),
        name: String::from("ONCRMDEALUPDATE"),
        record: Some(Subject::deal(DealId(n % 1000 + 1))),
        lane: Lane::Click,
        received_at: now(),
        detail: serde_json::json!({ "id": n }),
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}
