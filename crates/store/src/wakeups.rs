//! Wake-ups: whoever waits for due work hears of new work at once, in this process and in other replicas.
//!
//! A wake-up is only for speed. It may be lost (a replica was reconnecting), so whoever waits also looks by
//! itself now and then. On PostgreSQL it is sent after the commit and not within it: NOTIFY takes a lock that
//! all commits of the database share. Not here: what is due (`mechanics::work`).

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, task::JoinHandle};
use tokio_postgres::AsyncMessage;

use crate::{
    error::StoreError,
    postgres::{Postgres, classify},
};

/// Waits for word of new work. Each handle hears of everything since it was made or last waited.
#[derive(Clone, Debug)]
pub struct Wakeups {
    rung: Arc<Rung>,
    heard: u64,
}

impl Wakeups {
    /// Returns once there may be new work; at once if there was any since the last time. Never if the store
    /// is gone.
    pub async fn wait(&mut self) {
        loop {
            // Made before the count is read, so that no ring falls between the two.
            let next = self.rung.again.notified();
            let count = self.rung.count.load(Ordering::SeqCst);
            if count != self.heard {
                self.heard = count;
                return;
            }
            next.await;
        }
    }
}

/// How often it rang. Those who wait are woken in the order in which they began to; a `watch` channel would draw
/// that order by lot, and no simulation could be repeated.
#[derive(Debug, Default)]
struct Rung {
    count: AtomicU64,
    again: Notify,
}

impl Rung {
    fn ring(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.again.notify_waiters();
    }
}

/// The sending side.
pub(crate) struct Bell {
    rung: Arc<Rung>,
    others: Option<OtherReplicas>,
}

struct OtherReplicas {
    ring: Arc<Notify>,
    tasks: [JoinHandle<()>; 2],
}

impl Bell {
    pub(crate) fn local() -> Bell {
        Bell {
            rung: Arc::default(),
            others: None,
        }
    }

    /// A bell that is heard in all replicas on this database.
    pub(crate) fn shared(postgres: &Arc<Postgres>) -> Bell {
        let (rung, ring) = (Arc::<Rung>::default(), Arc::new(Notify::new()));
        let tasks = [
            tokio::spawn(ring_others(Arc::clone(postgres), Arc::clone(&ring))),
            tokio::spawn(hear_others(Arc::clone(postgres), Arc::clone(&rung))),
        ];
        Bell {
            rung,
            others: Some(OtherReplicas { ring, tasks }),
        }
    }

    pub(crate) fn ring(&self) {
        self.rung.ring();
        if let Some(others) = &self.others {
            others.ring.notify_one();
        }
    }

    pub(crate) fn listen(&self) -> Wakeups {
        Wakeups {
            rung: Arc::clone(&self.rung),
            heard: self.rung.count.load(Ordering::SeqCst),
        }
    }
}

impl Drop for OtherReplicas {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Many rings while one NOTIFY is under way become the next one.
async fn ring_others(postgres: Arc<Postgres>, ring: Arc<Notify>) {
    loop {
        ring.notified().await;
        if let Err(error) = notify(&postgres).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "other replicas were not woken"
            );
        }
    }
}

async fn notify(postgres: &Postgres) -> Result<(), StoreError> {
    let client = postgres.client().await?;
    client
        .batch_execute("SELECT pg_notify('provodka_' || current_schema(), '')")
        .await
        .map_err(|error| classify("pg_notify", error))
}

async fn hear_others(postgres: Arc<Postgres>, rung: Arc<Rung>) {
    // Paces the attempts to reach a server that went away.
    let mut pace = tokio::time::interval(Duration::from_secs(1));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        if let Err(error) = listen(&postgres, &rung).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "wake-ups of other replicas are not heard"
            );
        }
        // What was rung meanwhile was not heard.
        rung.ring();
    }
}

async fn listen(postgres: &Postgres, rung: &Rung) -> Result<(), StoreError> {
    let (client, mut connection) = postgres
        .config()
        .connect(postgres.tls().clone())
        .await
        .map_err(|error| classify("connect", error))?;
    let hear = async {
        while let Some(message) = poll_fn(|ctx| connection.poll_message(ctx)).await {
            if let AsyncMessage::Notification(_) = message? {
                rung.ring();
            }
        }
        Ok(())
    };
    let subscribe = async {
        client
            .batch_execute(
                "DO $$ BEGIN EXECUTE format('LISTEN %I', 'provodka_' || current_schema()); END $$",
            )
            .await?;
        rung.ring();
        // The client must live as long as its connection is heard.
        std::future::pending::<Result<(), tokio_postgres::Error>>().await
    };
    tokio::pin!(hear, subscribe);
    tokio::select! {
        biased;
        ended = &mut subscribe => ended,
        ended = &mut hear => ended,
    }
    .map_err(|error| classify("LISTEN", error))
}
