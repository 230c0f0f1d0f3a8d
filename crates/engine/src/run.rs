//! The engine: takes portals with due work, gives each a worker, and ends gracefully.
//!
//! Wake-ups are for speed, polling is the net under them; several engines share one store and never one portal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use store::StoreError;
use tokio::task::JoinSet;

use crate::clock::later;
use crate::failures::Failures;
use crate::look::{Looker, Means};
use crate::portal_worker::{Ended, PortalWorker};
use crate::stop::Stop;
use crate::upkeep;

/// Works through the queue of one store.
pub struct Engine {
    means: Means,
    looker: Arc<dyn Looker>,
    owner: String,
    failures: Failures,
}

/// Why the engine ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Memory and disk may differ: only a new process may go on.
    #[error("the store is broken, the process must end")]
    StoreBroken(#[source] StoreError),
}

impl Engine {
    /// An engine that holds its leases as `owner`, a name that no other process has and that is new in each run.
    pub fn new(means: Means, looker: Arc<dyn Looker>, owner: impl Into<String>) -> Self {
        Self {
            means,
            looker,
            owner: owner.into(),
            failures: Failures::default(),
        }
    }

    /// Works until `stop` is asked; then passes that run may come to their end, and all leases are given back.
    ///
    /// # Errors
    /// When the store is broken beyond this process.
    pub async fn run(&self, stop: Stop) -> Result<(), EngineError> {
        tokio::select! {
            biased;
            ended = self.lead(&stop) => ended,
            never = upkeep::run(&self.means) => match never {},
        }
    }

    async fn lead(&self, stop: &Stop) -> Result<(), EngineError> {
        let mut workers: JoinSet<Ended> = JoinSet::new();
        let mut wakeups = self.means.store.wakeups();
        let crowded = Arc::new(AtomicBool::new(false));
        while !stop.is_asked() {
            let pause_until = self.fill(&mut workers, &crowded, stop).await?;
            tokio::select! {
                biased;
                () = stop.asked() => {}
                Some(ended) = workers.join_next() => after_worker(ended)?,
                () = wakeups.wait(), if workers.len() < self.most_workers() => {}
                () = self.means.clock.sleep_until(pause_until) => {}
            }
        }
        while let Some(ended) = workers.join_next().await {
            after_worker(ended)?;
        }
        Ok(())
    }

    /// Takes portals while there are free workers and portals with due work; says when to try again by itself.
    async fn fill(
        &self,
        workers: &mut JoinSet<Ended>,
        crowded: &Arc<AtomicBool>,
        stop: &Stop,
    ) -> Result<Timestamp, EngineError> {
        let lease = &self.means.settings.lease;
        while workers.len() < self.most_workers() && !stop.is_asked() {
            let now = self.means.clock.now();
            match self
                .means
                .store
                .lease_acquire(&self.owner, lease.ttl, now)
                .await
            {
                Ok(Some(taken)) => {
                    let worker = PortalWorker::new(
                        self.means.clone(),
                        Arc::clone(&self.looker),
                        taken,
                        self.means.store.wakeups(),
                        stop.clone(),
                        Arc::clone(crowded),
                        self.failures.clone(),
                    );
                    workers.spawn(worker.run());
                }
                Ok(None) => {
                    crowded.store(false, Ordering::Relaxed);
                    return Ok(self.next_try(now).await);
                }
                Err(error) if error.is_final() => return Err(EngineError::StoreBroken(error)),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "no portal taken, trying again"
                    );
                    return Ok(later(now, lease.poll));
                }
            }
        }
        crowded.store(true, Ordering::Relaxed);
        Ok(later(self.means.clock.now(), lease.poll))
    }

    /// When the next row is due, but not at once: what is due already and was not to be had is in other hands.
    async fn next_try(&self, now: Timestamp) -> Timestamp {
        let poll = later(now, self.means.settings.lease.poll);
        match self.means.store.next_due(now).await {
            Ok(Some(due)) if due > now => due.min(poll),
            Ok(_) | Err(_) => poll,
        }
    }

    fn most_workers(&self) -> usize {
        self.means.settings.lease.most_workers.max(1)
    }
}

fn after_worker(ended: Result<Ended, tokio::task::JoinError>) -> Result<(), EngineError> {
    match ended {
        Ok(Ended::StoreBroken(error)) => Err(EngineError::StoreBroken(error)),
        Ok(Ended::Released | Ended::LeaseLost) => Ok(()),
        Err(error) => {
            // Its lease runs out by itself, and the portal is taken anew.
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a portal worker died"
            );
            Ok(())
        }
    }
}
