//! What only a server can do to us: settings that lose commits, wake-ups between replicas, connections cut at
//! the worst moment.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use store::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::*;

async fn database() -> Option<Db> {
    let db = Db::new(Form::Postgres).await;
    if db.is_none() {
        println!("skipped: PROVODKA_TEST_POSTGRES is not set, PostgreSQL was not tried");
    }
    db
}

#[tokio::test]
async fn a_server_that_may_lose_commits_is_refused() {
    let Some(db) = database().await else { return };
    let url = format!("{}%20-csynchronous_commit%3Doff", db.url());
    let refused = Store::open_postgres(&options(url)).await.unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::NotDurable {
                setting: "synchronous_commit",
                ..
            }
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_server_elsewhere_is_reached_by_tls_only_and_errors_hide_the_password() {
    let plain = "postgres://provodka:s3cret@db.example.org/provodka?sslmode=disable";
    let refused = Store::open_postgres(&options(plain.to_owned()))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, StoreError::Misconfigured(_)),
        "{refused:?}"
    );
    assert!(!format!("{refused:?} {refused}").contains("s3cret"));
}

#[tokio::test]
async fn work_found_by_one_replica_wakes_the_other() {
    let Some(db) = database().await else { return };
    let other = db.another().await;
    db.store.portal_put(&a_portal("a")).await.unwrap();
    let mut wakeups = other.wakeups();
    // The first words are those of the other replica's own listening.
    while tokio::time::timeout(Duration::from_millis(300), wakeups.wait())
        .await
        .is_ok()
    {}
    db.store
        .accept(&[event("a", deal(1))], at(0))
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(5), wakeups.wait())
        .await
        .expect("woken");
}

#[tokio::test]
async fn a_connection_cut_at_commit_is_told_apart() {
    let Some(db) = database().await else { return };
    let lease = leased(&db, 1).await;
    for forward in [true, false] {
        let proxy = Proxy::before(&db.url()).await;
        let store = Store::open_postgres(&options(proxy.url.clone()))
            .await
            .unwrap();
        let before = db.store.inbox_count(&portal("a")).await.unwrap();
        proxy.cut_at("COMMIT", forward);
        let cut = store.accept(&[event("a", deal(9))], at(0)).await;
        assert!(matches!(cut, Err(StoreError::UnknownCommit(_))), "{cut:?}");
        // Read by key: the commit had happened exactly where it had reached the server.
        let stored = settled_count(&db, before, forward).await;
        assert_eq!(stored, before + u64::from(forward));
        // The pool heals by itself.
        store.accept(&[event("a", deal(10))], at(0)).await.unwrap();
        assert_eq!(
            db.store.inbox_count(&portal("a")).await.unwrap(),
            stored + 1
        );
    }
    db.store
        .record(&lease, Record::default(), at(1))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_connection_cut_before_commit_costs_only_another_try() {
    let Some(db) = database().await else { return };
    leased(&db, 1).await;
    let proxy = Proxy::before(&db.url()).await;
    let store = Store::open_postgres(&options(proxy.url.clone()))
        .await
        .unwrap();
    store.accept(&[event("a", deal(1))], at(0)).await.unwrap();
    for (n, word) in ["START TRANSACTION", "BEGIN", "ONCRMDEALUPDATE", "deal/4"]
        .into_iter()
        .enumerate()
    {
        proxy.cut_at(word, false);
        store.accept(&[event("a", deal(4))], at(0)).await.unwrap();
        proxy.forget();
        let found = db.store.inbox_count(&portal("a")).await.unwrap();
        assert_eq!(found, 2 + u64::try_from(n).unwrap(), "after {word}");
    }
}

#[tokio::test]
async fn a_replica_frozen_over_its_lease_finds_itself_fenced() {
    let Some(db) = database().await else { return };
    let frozen = leased(&db, 1).await;
    let effect = send_one(&db, &frozen, create(1, 1, "r1"), at(0)).await;
    let frozen = db
        .store
        .lease_renew(&frozen, Duration::from_millis(1), at(0))
        .await
        .unwrap();
    let other = db.another().await;
    let taken = loop {
        if let Some(lease) = other.lease_acquire("owner-2", HOUR, at(1)).await.unwrap() {
            break lease;
        }
        tokio::task::yield_now().await;
    };
    let done = Record {
        effects: vec![(
            effect.id,
            EffectChange::Done {
                outcome: serde_json::json!(1),
            },
        )],
        ..Record::default()
    };
    assert!(matches!(
        db.store.record(&frozen, done.clone(), at(2)).await,
        Err(StoreError::Fenced { .. })
    ));
    let sent = db
        .store
        .effects_send(&frozen, &[create(2, 1, "r1")], 0, at(2))
        .await;
    assert!(matches!(sent, Err(StoreError::Fenced { .. })));
    other.record(&taken, done, at(2)).await.unwrap();
}

#[tokio::test]
async fn a_replica_that_stands_still_within_a_transaction_does_not_hold_up_the_other() {
    let Some(db) = database().await else { return };
    let lease = leased(&db, 1).await;
    let proxy = Proxy::before(&db.url()).await;
    let frozen = Store::open_postgres(&options(proxy.url.clone()))
        .await
        .unwrap();
    proxy.stand_still_at("COMMIT");
    let held = lease.clone();
    let still = tokio::spawn(async move { frozen.lease_renew(&held, HOUR, at(1)).await });
    while !proxy.stands_still() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The lease's row is locked by a transaction that nobody goes on with.
    db.store.lease_renew(&lease, HOUR, at(2)).await.unwrap();
    still.abort();
}

#[tokio::test]
async fn a_lease_is_not_taken_while_its_owner_is_just_recording() {
    let Some(db) = database().await else { return };
    let lease = leased(&db, 1).await;
    let url = db.url();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    let running = tokio::spawn(connection);
    // An owner in the middle of a record holds the row like this.
    client
        .batch_execute("BEGIN; SELECT fence FROM lease FOR SHARE")
        .await
        .unwrap();
    let stale = async {
        db.store
            .lease_acquire("owner-2", HOUR, at(1))
            .await
            .unwrap()
    };
    client.batch_execute("SAVEPOINT s").await.unwrap();
    assert_eq!(stale.await, None);
    client.batch_execute("ROLLBACK").await.unwrap();
    db.store
        .lease_renew(&lease, Duration::ZERO, at(2))
        .await
        .unwrap();
    assert!(
        db.store
            .lease_acquire("owner-2", HOUR, at(3))
            .await
            .unwrap()
            .is_some()
    );
    drop(client);
    running.await.unwrap().unwrap();
}

/// The commit that reached the server may still be under way there when its answer is lost.
async fn settled_count(db: &Db, before: u64, forward: bool) -> u64 {
    for _ in 0..200 {
        let found = db.store.inbox_count(&portal("a")).await.unwrap();
        if !forward || found > before {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    db.store.inbox_count(&portal("a")).await.unwrap()
}

/// Stands between the store and the server, and at a word cuts the connection or passes nothing on any more.
struct Proxy {
    url: String,
    order: Arc<std::sync::Mutex<Option<Order>>>,
}

struct Order {
    word: String,
    then: Then,
    done: AtomicBool,
}

#[derive(Clone, Copy)]
enum Then {
    Cut { forward: bool },
    StandStill,
}

impl Proxy {
    async fn before(url: &str) -> Proxy {
        let config: tokio_postgres::Config = url.parse().unwrap();
        let tokio_postgres::config::Host::Tcp(host) = &config.get_hosts()[0] else {
            panic!("a TCP address is needed")
        };
        let server = format!(
            "{host}:{}",
            config.get_ports().first().copied().unwrap_or(5432)
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let order: Arc<std::sync::Mutex<Option<Order>>> = Arc::default();
        let orders = Arc::clone(&order);
        let to = server.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, to.clone(), Arc::clone(&orders)));
            }
        });
        Proxy {
            url: url.replacen(&server, &address.to_string(), 1),
            order,
        }
    }

    fn cut_at(&self, word: &str, forward: bool) {
        self.at(word, Then::Cut { forward });
    }

    fn stand_still_at(&self, word: &str) {
        self.at(word, Then::StandStill);
    }

    fn at(&self, word: &str, then: Then) {
        let order = Order {
            word: word.to_owned(),
            then,
            done: AtomicBool::new(false),
        };
        *self.order.lock().unwrap() = Some(order);
    }

    fn stands_still(&self) -> bool {
        let order = self.order.lock().unwrap();
        order
            .as_ref()
            .is_some_and(|order| order.done.load(Ordering::SeqCst))
    }

    fn forget(&self) {
        *self.order.lock().unwrap() = None;
    }
}

async fn relay(client: TcpStream, server: String, order: Arc<std::sync::Mutex<Option<Order>>>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let down = tokio::spawn(async move {
        let mut bytes = [0; 16 * 1024];
        while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
            if to_client.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
    });
    let mut bytes = [0; 16 * 1024];
    while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
        let struck = {
            let order = order.lock().unwrap();
            order.as_ref().and_then(|order| {
                let here = bytes[..read]
                    .windows(order.word.len())
                    .any(|part| part == order.word.as_bytes());
                (here && !order.done.swap(true, Ordering::SeqCst)).then_some(order.then)
            })
        };
        match struck {
            None => {
                if to_server.write_all(&bytes[..read]).await.is_err() {
                    break;
                }
            }
            Some(Then::StandStill) => std::future::pending().await,
            Some(Then::Cut { forward }) => {
                // The answer must not come back, so that way is closed first.
                down.abort();
                if forward {
                    to_server.write_all(&bytes[..read]).await.ok();
                }
                break;
            }
        }
    }
    down.abort();
}
