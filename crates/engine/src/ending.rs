//! How the passes of a portal are told to come to their end: with what they have begun, or at their next request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use capability::{Admission, Exchange, Gate, NotAdmitted};
use domain::PortalId;
use tokio::sync::Notify;

/// So soon it is looked again by what is in force since a pass was overtaken.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(1);

/// What a worker tells its passes.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    begins_nothing: AtomicBool,
    asks_nothing: AtomicBool,
    told: Notify,
}

impl Ending {
    /// What has not begun is left to another pass.
    pub(crate) fn begin_nothing(&self) {
        self.begins_nothing.store(true, Ordering::SeqCst);
    }

    /// The portal stands still: no request leaves for it any more, and none waits for its turn.
    pub(crate) fn ask_nothing(&self) {
        self.begin_nothing();
        self.asks_nothing.store(true, Ordering::SeqCst);
        self.told.notify_waiters();
    }

    pub(crate) fn begins_nothing(&self) -> bool {
        self.begins_nothing.load(Ordering::SeqCst)
    }

    pub(crate) fn asks_nothing(&self) -> bool {
        self.asks_nothing.load(Ordering::SeqCst)
    }

    /// Returns once nothing is to be asked any more.
    async fn silence(&self) {
        loop {
            // Made before it is read, so that no word falls between the two.
            let told = self.told.notified();
            if self.asks_nothing() {
                return;
            }
            told.await;
        }
    }
}

/// The remotes' limits as a pass meets them: once its portal stands still nothing of it gets a turn. What has left
/// already is answered and recorded.
pub(crate) struct Turns {
    gate: Arc<dyn Gate>,
    pub(crate) ending: Arc<Ending>,
}

impl Turns {
    pub(crate) fn new(gate: Arc<dyn Gate>, ending: Arc<Ending>) -> Self {
        Self { gate, ending }
    }
}

#[async_trait]
impl Gate for Turns {
    async fn admit(&self, ask: &Admission) -> Result<(), NotAdmitted> {
        tokio::select! {
            biased;
            () = self.ending.silence() => Err(NotAdmitted {
                retry_after: Some(AT_ONCE),
                reason: "the portal was paused or switched off".to_owned(),
            }),
            admitted = self.gate.admit(ask) => admitted,
        }
    }

    async fn room(&self, ask: &Admission) -> u32 {
        if self.ending.asks_nothing() {
            return 0;
        }
        self.gate.room(ask).await
    }

    async fn book(&self, portal: &PortalId, exchange: &Exchange) {
        self.gate.book(portal, exchange).await;
    }
}
