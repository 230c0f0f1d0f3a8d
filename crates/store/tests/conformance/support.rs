//! A database of its own for each test, values to put into it, and the macro that runs a test on all forms.

use std::{
    path::PathBuf,
    pin::Pin,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use domain::{DealId, PortalId};
use jiff::Timestamp;
use serde_json::json;
use store::{
    Lane, Lease, Look, Mode, NewEffect, NewEvent, Portal, PostgresOptions, Record, SendDecision,
    Settled, Store, Subject, Work,
};
use tempfile::TempDir;

/// Writes each test once and runs it on every form of the store.
macro_rules! conformance {
    ($(async fn $name:ident($db:ident: &Db) $body:block)*) => { $(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs everything")]
            use super::*;

            async fn promise($db: &crate::support::Db) $body

            #[test]
            fn on_sqlite_inline() {
                crate::support::run(crate::support::Form::Inline, |db| Box::pin(promise(db)));
            }

            #[test]
            fn on_sqlite_with_threads() {
                crate::support::run(crate::support::Form::Threads, |db| Box::pin(promise(db)));
            }

            #[test]
            fn on_postgres() {
                crate::support::run(crate::support::Form::Postgres, |db| Box::pin(promise(db)));
            }
        }
    )* };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Inline,
    Threads,
    Postgres,
}

/// A database that one test owns.
pub(crate) struct Db {
    pub(crate) store: Store,
    pub(crate) form: Form,
    place: Place,
}

enum Place {
    File(TempDir),
    Schema { url: String, name: String },
}

/// A promise as a pointer, so that the runtime around it is compiled once and not for each test and form.
type Promise = for<'a> fn(&'a Db) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

pub(crate) fn run(form: Form, promise: Promise) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let Some(db) = Db::new(form).await else {
            println!("skipped: PROVODKA_TEST_POSTGRES is not set, PostgreSQL was not tried");
            return;
        };
        promise(&db).await;
    });
}

impl Db {
    pub(crate) async fn new(form: Form) -> Option<Db> {
        let place = match form {
            Form::Inline | Form::Threads => Place::File(TempDir::new().unwrap()),
            Form::Postgres => {
                let url = std::env::var("PROVODKA_TEST_POSTGRES").ok()?;
                let name = schema(&url).await;
                Place::Schema { url, name }
            }
        };
        let store = open(form, &place).await;
        Some(Db { store, form, place })
    }

    /// The store as another process would open it.
    pub(crate) async fn another(&self) -> Store {
        open(self.form, &self.place).await
    }

    pub(crate) fn file(&self) -> PathBuf {
        match &self.place {
            Place::File(folder) => folder.path().join("provodka.db"),
            Place::Schema { .. } => panic!("PostgreSQL has no file"),
        }
    }

    /// The address of the server with our schema in it.
    pub(crate) fn url(&self) -> String {
        match &self.place {
            Place::File(_) => panic!("SQLite has no address"),
            Place::Schema { url, name } => in_schema(url, name),
        }
    }

    /// Runs SQL behind the store's back.
    pub(crate) async fn meddle(&self, sql: &str) {
        match &self.place {
            Place::File(_) => rusqlite::Connection::open(self.file())
                .unwrap()
                .execute_batch(sql)
                .unwrap(),
            Place::Schema { url, name } => admin(&in_schema(url, name), sql).await,
        }
    }
}

async fn open(form: Form, place: &Place) -> Store {
    match (form, place) {
        (Form::Inline, Place::File(folder)) => {
            Store::open_inline_file(&folder.path().join("provodka.db")).unwrap()
        }
        (_, Place::File(folder)) => Store::open_file(&folder.path().join("provodka.db")).unwrap(),
        (_, Place::Schema { url, name }) => Store::open_postgres(&options(in_schema(url, name)))
            .await
            .unwrap(),
    }
}

pub(crate) fn options(url: String) -> PostgresOptions {
    PostgresOptions {
        url,
        connections: 8,
        extra_roots: Vec::new(),
    }
}

/// A schema that no other test uses; cheaper than a database and as separate.
async fn schema(url: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "t{}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    admin(url, &format!("DROP SCHEMA IF EXISTS {name} CASCADE")).await;
    name
}

fn in_schema(url: &str, name: &str) -> String {
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}options=-csearch_path%3D{name}")
}

async fn admin(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    let running = tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
    drop(client);
    running.await.unwrap().unwrap();
}

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// A moment: so many seconds after a morning in March.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_434_800 + seconds).unwrap()
}

pub(crate) fn portal(name: &str) -> PortalId {
    PortalId::new(name)
}

pub(crate) fn deal(id: u64) -> Subject {
    Subject::deal(DealId(id))
}

pub(crate) fn a_portal(name: &str) -> Portal {
    Portal {
        id: portal(name),
        host: format!("{name}.bitrix24.ru"),
        mode: Mode::Active,
        paused: false,
        detail: json!({ "zone": "Europe/Moscow" }),
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A person pauses the portal or lets it go on.
pub(crate) async fn set_paused(db: &Db, name: &str, paused: bool) {
    let change = move |row: &mut Portal| row.paused = paused;
    let changed = db.store.portal_change(&portal(name), at(1), change).await;
    assert!(changed.unwrap().is_some());
}

/// What is done for the portal is another.
pub(crate) async fn set_mode(db: &Db, name: &str, mode: Mode) {
    let change = move |row: &mut Portal| row.mode = mode;
    let changed = db.store.portal_change(&portal(name), at(1), change).await;
    assert!(changed.unwrap().is_some());
}

pub(crate) fn look(subject: Subject, lane: Lane, due_at: Timestamp) -> Look {
    Look {
        subject,
        lane,
        due_at,
        reason: String::from("test"),
    }
}

pub(crate) fn event(of: &str, record: Subject) -> NewEvent {
    NewEvent {
        portal: portal(of),
        source: String::from("online"),
        name: String::from("ONCRMDEALUPDATE"),
        record: Some(record),
        lane: Lane::Click,
        received_at: at(0),
        detail: json!({ "id": 4711 }),
    }
}

pub(crate) fn create(deal_id: u64, generation: u32, hash: &str) -> NewEffect {
    NewEffect {
        key: format!("portal/deal/{deal_id}/invoice/whole/{generation}"),
        once: true,
        subject: deal(deal_id),
        action: String::from("issue_invoice"),
        request: json!({ "hash": hash }),
        request_hash: hash.to_owned(),
        repeatable: false,
        quiet: Duration::from_secs(90),
        deadline: Duration::from_secs(2),
        not_before: None,
        missed_at: None,
    }
}

pub(crate) fn field_write(deal_id: u64, value: &str) -> NewEffect {
    NewEffect {
        key: format!("portal/deal/{deal_id}/field/number"),
        once: false,
        action: String::from("write_fields"),
        ..create(deal_id, 1, value)
    }
}

/// A portal with one due deal, leased for an hour.
pub(crate) async fn leased(db: &Db, deal_id: u64) -> Lease {
    db.store.portal_put(&a_portal("a")).await.unwrap();
    db.store
        .look(&portal("a"), &[look(deal(deal_id), Lane::Due, at(0))])
        .await
        .unwrap();
    db.store
        .lease_acquire("owner-1", HOUR, at(0))
        .await
        .unwrap()
        .expect("a lease")
}

/// Sends one effect that nothing holds.
pub(crate) async fn send_one(
    db: &Db,
    lease: &Lease,
    new: NewEffect,
    now: Timestamp,
) -> store::Effect {
    match db
        .store
        .effects_send(lease, &[new], 0, now)
        .await
        .unwrap()
        .remove(0)
    {
        SendDecision::Send(effect) => effect,
        SendDecision::Held { why, .. } => panic!("held: {why:?}"),
    }
}

pub(crate) fn settled(work: &Work, next: Option<(Timestamp, Lane, &str)>) -> Record {
    let next = next.map(|(moment, lane, reason)| (moment, lane, reason.to_owned()));
    Record {
        settled: vec![Settled {
            work: work.clone(),
            next,
        }],
        ..Record::default()
    }
}
