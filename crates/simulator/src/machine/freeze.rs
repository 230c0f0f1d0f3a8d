//! A process that stands still: its sleeps do not end and its requests do not leave while time goes on.
//!
//! A frozen process of the product waits at one of these two; whatever it does first when it is thawed is what the
//! fences of the store and the last moment of a request must stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use engine::{Clock, SteadyClock};
use jiff::Timestamp;
use tokio::sync::Notify;
use transport::{Answer, Request, Transport, TransportError};

use crate::troubles::strikes::Strikes;

/// Whether a process stands still.
#[derive(Clone, Debug, Default)]
pub(crate) struct Freezer(Arc<State>);

#[derive(Debug, Default)]
struct State {
    frozen: AtomicBool,
    changed: Notify,
    /// It stands still as soon as such an answer has arrived.
    at_answer: Mutex<Option<Awaited>>,
    /// How often it was let go on.
    thaws: AtomicU64,
    /// Its timers ring so many milliseconds after it is thawed.
    timers_late_ms: AtomicU64,
    /// Which process this is, and who is told that it stands still.
    told: Option<(u64, Strikes)>,
}

/// Which answer stops a process in the middle of its work: it is there, and nothing is made of it yet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Awaited {
    Any,
    /// To a request with this in its path or body: after it more is written.
    To(&'static str),
}

impl Awaited {
    fn is_to(self, request: &Request) -> bool {
        match self {
            Self::Any => true,
            Self::To(holds) => {
                let mut parts = request.body.windows(holds.len());
                request.method == http::Method::POST
                    && (request.url.path().ends_with(holds)
                        || parts.any(|part| part == holds.as_bytes()))
            }
        }
    }
}

impl Freezer {
    /// The one of a process.
    pub(crate) fn of(process: u64, strikes: Strikes) -> Self {
        Self(Arc::new(State {
            told: Some((process, strikes)),
            ..State::default()
        }))
    }

    pub(crate) fn freeze(&self) {
        let was_frozen = self.0.frozen.swap(true, Ordering::SeqCst);
        if let Some((process, strikes)) = &self.0.told
            && !was_frozen
        {
            strikes.freezes(*process);
        }
    }

    pub(crate) fn freeze_at_answer(&self, awaited: Awaited) {
        *self.at_answer() = Some(awaited);
    }

    fn at_answer(&self) -> MutexGuard<'_, Option<Awaited>> {
        self.0
            .at_answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets it go on. Nobody says what a thawed process does first: where its timers are late, it works on what had been
    /// answered before it learns that it lost the portal.
    pub(crate) fn thaw(&self, timers_late: Duration) {
        let late = u64::try_from(timers_late.as_millis()).unwrap_or(u64::MAX);
        self.0.timers_late_ms.store(late, Ordering::SeqCst);
        *self.at_answer() = None;
        self.0.thaws.fetch_add(1, Ordering::SeqCst);
        self.0.frozen.store(false, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    fn thaws(&self) -> u64 {
        self.0.thaws.load(Ordering::SeqCst)
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
    pub(crate) clock: SteadyClock,
    pub(crate) freezer: Freezer,
}

#[async_trait]
impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn uptime(&self) -> Duration {
        self.clock.uptime()
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.clock.sleep_until(at).await;
        if self.freezer.is_frozen() {
            self.freezer.thawed().await;
            let late = self.freezer.0.timers_late_ms.load(Ordering::SeqCst);
            pause(Duration::from_millis(late)).await;
        }
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
        let awaited = self.freezer.at_answer().take_if(|one| one.is_to(&request));
        let thaws = self.freezer.thaws();
        let answer = self.network.send(request).await;
        // Whoever was let go on meanwhile would stand still for ever.
        if awaited.is_some() && self.freezer.thaws() == thaws {
            self.freezer.freeze();
        }
        self.freezer.thawed().await;
        answer
    }
}

/// Waits on tokio's clock, as everything outside the product does.
pub(crate) async fn pause(time: Duration) {
    emulator_harness::wait(time).await;
}
