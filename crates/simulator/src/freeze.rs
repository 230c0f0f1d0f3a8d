//! A process that stands still: its sleeps do not end and its requests do not leave while time goes on.
//!
//! A frozen process of the product waits at one of these two; whatever it does first when it is thawed is what the
//! fences of the store and the last moment of a request must stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use engine::Clock;
use jiff::Timestamp;
use tokio::sync::Notify;
use transport::{Answer, Request, Transport, TransportError};

use crate::host::HostClock;

/// Whether a process stands still.
#[derive(Clone, Debug, Default)]
pub(crate) struct Freezer(Arc<State>);

#[derive(Debug, Default)]
struct State {
    frozen: AtomicBool,
    changed: Notify,
}

impl Freezer {
    pub(crate) fn set(&self, frozen: bool) {
        self.0.frozen.store(frozen, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.0.frozen.load(Ordering::SeqCst)
    }

    /// Returns once the process may go on.
    pub(crate) async fn thawed(&self) {
        loop {
            let changed = self.0.changed.notified();
            if !self.is_frozen() {
                return;
            }
            changed.await;
        }
    }
}

/// The clock of a process.
#[derive(Debug)]
pub(crate) struct ProcessClock {
    pub(crate) clock: HostClock,
    pub(crate) freezer: Freezer,
}

#[async_trait]
impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.clock.sleep_until(at).await;
        self.freezer.thawed().await;
    }
}

/// The way out of a process.
pub(crate) struct ProcessTransport {
    pub(crate) network: Arc<dyn Transport>,
    pub(crate) freezer: Freezer,
}

#[async_trait]
impl Transport for ProcessTransport {
    async fn send(&self, request: Request) -> Result<Answer, TransportError> {
        self.freezer.thawed().await;
        let answer = self.network.send(request).await;
        self.freezer.thawed().await;
        answer
    }
}

/// Waits on tokio's clock, as everything outside the product does.
pub(crate) async fn pause(time: Duration) {
    emulator_harness::wait(time).await;
}
