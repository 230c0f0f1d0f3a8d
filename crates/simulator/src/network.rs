//! The way between a process and the remotes: latency, outages, crashes at a request; and the witness of it all.
//!
//! What a process was told here is what it could know; the checks compare with that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;
use tower::ServiceExt as _;
use transport::{Peer, PeerFailure};

use crate::dice::Dice;
use crate::freeze::pause;
use crate::witness::Witness;

/// Which remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Remote {
    Portal,
    Accounting,
}

/// What a process was told about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing yet, or never: the process is gone or gave up waiting.
    Nothing,
    /// An answer of the remote itself.
    Answer(u16),
    /// A page of something in between.
    Page(u16),
    /// The connection broke.
    Cut,
    /// There was no connection.
    Refused,
}

/// One request on its way.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The first byte's moment by our clock.
    pub(crate) at: Timestamp,
    /// Which start of which process.
    pub(crate) process: u64,
    pub(crate) remote: Remote,
    /// `POST /v1/…` or the portal's method.
    pub(crate) what: String,
    /// Body, where it is kept: creations of bills and contractors, readings of the queue.
    pub(crate) body: Bytes,
    pub(crate) told: Told,
    /// When the answer came.
    pub(crate) told_at: Option<Timestamp>,
}

/// When a process is to die at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// The request never leaves.
    Before,
    /// The remote did it; nobody hears of it.
    After,
}

/// Told to whoever kills processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    pub(crate) process: u64,
}

/// What all ways share.
pub(crate) struct Network {
    seen: Mutex<Vec<Seen>>,
    dice: Mutex<Dice>,
    latency_ms: (u64, u64),
    hangs_permille: u64,
    pub(crate) portal_down: AtomicBool,
    pub(crate) accounting_down: AtomicBool,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    kill: UnboundedSender<Kill>,
    pub(crate) witness: Witness,
}

impl Network {
    pub(crate) fn new(
        dice: Dice,
        latency_ms: (u64, u64),
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
        kill: UnboundedSender<Kill>,
        witness: Witness,
    ) -> Self {
        Self {
            seen: Mutex::default(),
            dice: Mutex::new(dice),
            latency_ms,
            hangs_permille: 300,
            portal_down: AtomicBool::new(false),
            accounting_down: AtomicBool::new(false),
            now,
            kill,
            witness,
        }
    }

    /// Everything that left so far.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_down(&self, remote: Remote) -> bool {
        match remote {
            Remote::Portal => self.portal_down.load(Ordering::Relaxed),
            Remote::Accounting => self.accounting_down.load(Ordering::Relaxed),
        }
    }

    fn latency(&self) -> Duration {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(dice.between(self.latency_ms.0, self.latency_ms.1))
    }

    fn hangs(&self) -> bool {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        dice.chance(self.hangs_permille)
    }

    fn note(&self, seen: Seen) -> usize {
        let mut all = self.seen();
        all.push(seen);
        all.len().saturating_sub(1)
    }

    fn tell(&self, place: usize, told: Told) {
        let now = (self.now)();
        if let Some(seen) = self.seen().get_mut(place) {
            seen.told = told;
            seen.told_at = Some(now);
        }
    }
}

/// One process's way to one remote.
pub(crate) struct Way {
    pub(crate) network: Arc<Network>,
    pub(crate) remote: Remote,
    pub(crate) router: Router,
    pub(crate) process: u64,
    pub(crate) dies: Arc<Mutex<Option<(u64, Death)>>>,
}

impl Way {
    /// Whether the process is to die at this request.
    fn death(&self) -> Option<Death> {
        let mut dies = self.dies.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *dies {
            Some((0, death)) => {
                let death = *death;
                *dies = None;
                Some(death)
            }
            Some((left, _)) => {
                *left = left.saturating_sub(1);
                None
            }
            None => None,
        }
    }

    async fn die(&self) -> ! {
        // Whoever kills is there as long as the world is.
        let _heard = self.network.kill.send(Kill {
            process: self.process,
        });
        std::future::pending().await
    }
}

#[async_trait]
impl Peer for Way {
    async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, PeerFailure> {
        let death = self.death();
        if death == Some(Death::Before) {
            self.die().await;
        }
        let network = &self.network;
        let (at, what) = ((network.now)(), what(self.remote, &request));
        network
            .witness
            .leaves(at, self.process, self.remote, &what, request.body())
            .await;
        let place = network.note(Seen {
            at,
            process: self.process,
            remote: self.remote,
            what,
            body: kept(self.remote, &request),
            told: Told::Nothing,
            told_at: None,
        });
        if network.is_down(self.remote) {
            network.tell(place, Told::Refused);
            return Err(PeerFailure::Refused);
        }
        let (there, back) = (network.latency(), network.latency());
        let router = self.router.clone();
        // Once sent, a request arrives, whatever becomes of who sent it.
        let carried = tokio::spawn(async move {
            pause(there).await;
            let answer = router.oneshot(request.map(Body::from)).await;
            let Ok(answer) = answer;
            let lost = emulator_harness::is_lost(&answer);
            let (head, body) = answer.into_parts();
            let body = body.collect().await;
            pause(back).await;
            if lost {
                return None;
            }
            let body = body.ok()?.to_bytes();
            Some(http::Response::from_parts(head, body))
        });
        let answer = carried.await.ok().flatten();
        if death == Some(Death::After) {
            self.die().await;
        }
        match answer {
            Some(answer) => {
                let status = answer.status().as_u16();
                let is_page = answer
                    .headers()
                    .get(http::header::CONTENT_TYPE)
                    .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
                network.tell(
                    place,
                    if is_page {
                        Told::Page(status)
                    } else {
                        Told::Answer(status)
                    },
                );
                Ok(answer)
            }
            None if network.hangs() => std::future::pending().await,
            None => {
                network.tell(place, Told::Cut);
                Err(PeerFailure::Cut)
            }
        }
    }
}

fn what(remote: Remote, request: &http::Request<Bytes>) -> String {
    let path = request.uri().path();
    match remote {
        Remote::Accounting => format!("{} {path}", request.method()),
        Remote::Portal => {
            let path = path.trim_end_matches('/');
            path.rsplit('/').next().unwrap_or_default().to_owned()
        }
    }
}

fn kept(remote: Remote, request: &http::Request<Bytes>) -> Bytes {
    match remote {
        Remote::Accounting if request.method() == http::Method::POST => request.body().clone(),
        Remote::Portal if request.uri().path().ends_with("/event.offline.get") => {
            request.body().clone()
        }
        Remote::Accounting | Remote::Portal => Bytes::new(),
    }
}
