//! Wake-ups: whoever waits for due work hears of new work at once, in this process and in other replicas.
//!
//! A wake-up is only for speed. It may be lost (a replica was reconnecting), so whoever waits also looks by
//! itself now and then. On PostgreSQL it is sent after the commit and not within it: NOTIFY takes a lock that
//! all commits of the database share. Not here: what is due (`mechanics::work`).

use std::{future::poll_fn, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_postgres::AsyncMessage;

use crate::{
    error::StoreError,
    postgres::{Postgres, classify},
};

/// Waits for word of new work. Each handle hears of everything since it was made or last waited.
#[derive(Clone, Debug)]
pub struct Wakeups(watch::Receiver<u64>);

impl Wakeups {
    /// Returns once there may be new work; at once if there was any since the last time. Never if the store
    /// is gone.
    pub async fn wait(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The sending side.
pub(crate) struct Bell {
    rung: watch::Sender<u64>,
    others: Option<OtherReplicas>,
}

struct OtherReplicas {
    ring: Arc<Notify>,
    tasks: [JoinHandle<()>; 2],
}

impl Bell {
    pub(crate) fn local() -> Bell {
        Bell {
            rung: watch::Sender::new(0),
            others: None,
        }
    }

    /// A bell that is heard in all replicas on this database.
    pub(crate) fn shared(postgres: &Arc<Postgres>) -> Bell {
        let (rung, ring) = (watch::Sender::new(0), Arc::new(Notify::new()));
        let tasks = [
            tokio::spawn(ring_others(Arc::clone(postgres), Arc::clone(&ring))),
            tokio::spawn(hear_others(Arc::clone(postgres), rung.clone())),
        ];
        Bell {
            rung,
            others: Some(OtherReplicas { ring, tasks }),
        }
    }

    pub(crate) fn ring(&self) {
        bump(&self.rung);
        if let Some(others) = &self.others {
            others.ring.notify_one();
        }
    }

    pub(crate) fn listen(&self) -> Wakeups {
        Wakeups(self.rung.subscribe())
    }
}

impl Drop for OtherReplicas {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn bump(rung: &watch::Sender<u64>) {
    rung.send_modify(|count| *count = count.wrapping_add(1));
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

async fn hear_others(postgres: Arc<Postgres>, rung: watch::Sender<u64>) {
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
        bump(&rung);
    }
}

async fn listen(postgres: &Postgres, rung: &watch::Sender<u64>) -> Result<(), StoreError> {
    let (client, mut connection) = postgres
        .config()
        .connect(postgres.tls().clone())
        .await
        .map_err(|error| classify("connect", error))?;
    let hear = async {
        while let Some(message) = poll_fn(|ctx| connection.poll_message(ctx)).await {
            if let AsyncMessage::Notification(_) = message? {
                bump(rung);
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
        bump(rung);
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
