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
use memchr::memmem;
use tokio::sync::mpsc::UnboundedSender;
use tower::ServiceExt as _;
use transport::{Peer, PeerFailure};

use crate::chance::dice::Dice;
use crate::evidence::watch::Watch;
use crate::evidence::witness::Witness;
use crate::machine::freeze::pause;
use crate::troubles::death::{Death, Doom};
use crate::troubles::import::{Turned, has_another_page, shorten};
use crate::troubles::poison::{self, Poison};
use crate::troubles::spoil::{Spoils, Spoilt};

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
    /// An answer that could not be read, with the status that the remote gave it.
    Spoilt(u16),
    /// The connection broke.
    Cut,
    /// There was no connection.
    Refused,
}

/// One request on its way.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The first byte's true moment.
    pub(crate) at: Timestamp,
    pub(crate) tenant: usize,
    /// Which start of which process.
    pub(crate) process: u64,
    pub(crate) remote: Remote,
    /// `POST /v1/…` or the portal's method.
    pub(crate) what: String,
    /// What was asked; empty for reads of the accounting side.
    pub(crate) body: Bytes,
    /// By which the accounting side knows a repetition, where it does.
    pub(crate) key: Option<String>,
    pub(crate) told: Told,
    /// When the answer came.
    pub(crate) told_at: Option<Timestamp>,
    /// What it said, where the portal answered.
    pub(crate) answer: Bytes,
}

/// Told to whoever kills processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    pub(crate) process: u64,
    /// At which point it died.
    pub(crate) point: &'static str,
}

/// What all ways share.
pub(crate) struct Network {
    seen: Mutex<Vec<Seen>>,
    dice: Mutex<Dice>,
    latency_ms: (u64, u64),
    hangs_permille: u64,
    spoils: Mutex<Spoils>,
    watch: Watch,
    pub(crate) witness: Witness,
    pub(crate) portal_down: AtomicBool,
    pub(crate) accounting_down: AtomicBool,
    /// The deal that spoils whatever reads it.
    poison: Mutex<Option<Poison>>,
    /// Told whenever a page of a list was turned over, where rows move meanwhile.
    turns_over: Option<UnboundedSender<Turned>>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    kill: UnboundedSender<Kill>,
}

impl Network {
    pub(crate) fn new(
        dice: Dice,
        latency_ms: (u64, u64),
        spoils: Spoils,
        watch: Watch,
        witness: Witness,
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
        kill: UnboundedSender<Kill>,
    ) -> Self {
        Self {
            seen: Mutex::default(),
            dice: Mutex::new(dice),
            latency_ms,
            hangs_permille: 300,
            spoils: Mutex::new(spoils),
            watch,
            witness,
            portal_down: AtomicBool::new(false),
            accounting_down: AtomicBool::new(false),
            poison: Mutex::default(),
            turns_over: None,
            now,
            kill,
        }
    }

    /// The same where rows move while lists are read, and whoever moves them is told of each page.
    pub(crate) fn turning(self, turns_over: Option<UnboundedSender<Turned>>) -> Self {
        Self { turns_over, ..self }
    }

    /// Everything that left so far for one tenant's remotes.
    pub(crate) fn seen_for(&self, tenant: usize) -> Vec<Seen> {
        let all = self.seen();
        let its = all.iter().filter(|seen| seen.tenant == tenant);
        its.cloned().collect()
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

    /// From now on this deal spoils whatever reads it; the one that did before.
    pub(crate) fn poison_with(&self, poison: Option<Poison>) -> Option<Poison> {
        let mut poisoned = self.poison.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *poisoned, poison)
    }

    fn poisoned(&self) -> Option<Poison> {
        *self.poison.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of answers.
    pub(crate) fn spoils(&self) -> MutexGuard<'_, Spoils> {
        self.spoils.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, seen: Seen) -> usize {
        let mut all = self.seen();
        all.push(seen);
        all.len().saturating_sub(1)
    }

    fn tell(&self, place: usize, told: Told, answer: Bytes) {
        let now = (self.now)();
        if let Some(seen) = self.seen().get_mut(place) {
            seen.told = told;
            seen.told_at = Some(now);
            seen.answer = answer;
        }
    }
}

/// One process's way to one remote of one tenant.
pub(crate) struct Way {
    pub(crate) network: Arc<Network>,
    pub(crate) tenant: usize,
    pub(crate) remote: Remote,
    pub(crate) router: Router,
    pub(crate) process: u64,
    pub(crate) doom: Arc<Mutex<Option<Doom>>>,
}

impl Way {
    /// Whether the process is to die at this request, and how.
    fn doom(&self, what: &str, body: &[u8]) -> Option<Doom> {
        let mut dooms = self.doom.lock().unwrap_or_else(PoisonError::into_inner);
        let doom = dooms.as_mut()?;
        if let Some(asked) = doom.at
            && !(asked.remote == self.remote && is_like(self.remote, asked.holds, what, body))
        {
            return None;
        }
        if doom.skipped > 0 {
            doom.skipped = doom.skipped.saturating_sub(1);
            return None;
        }
        dooms.take()
    }

    async fn die(&self, doom: &Doom) -> ! {
        // Whoever kills is there as long as the world is.
        let _heard = self.network.kill.send(Kill {
            process: self.process,
            point: doom.point,
        });
        std::future::pending().await
    }

    /// Carries the request there and the answer back, whatever becomes of who sent it.
    fn carry(
        &self,
        request: http::Request<Bytes>,
    ) -> tokio::task::JoinHandle<Option<http::Response<Bytes>>> {
        let (there, back) = (self.network.latency(), self.network.latency());
        let router = self.router.clone();
        let turns_over = self.network.turns_over.clone();
        let turned = Turned {
            tenant: self.tenant,
            remote: self.remote,
        };
        tokio::spawn(async move {
            pause(there).await;
            let answer = router.oneshot(request.map(Body::from)).await;
            let Ok(answer) = answer;
            let lost = emulator_harness::is_lost(&answer);
            let (head, body) = answer.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes());
            if let (Some(turns_over), Ok(body)) = (turns_over, &body)
                && has_another_page(turned.remote, body)
            {
                // Whoever moves rows is there as long as the day lasts.
                let _heard = turns_over.send(turned);
            }
            pause(back).await;
            if lost {
                return None;
            }
            let body = body.ok()?;
            Some(http::Response::from_parts(head, body))
        })
    }
}

#[async_trait]
impl Peer for Way {
    async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, PeerFailure> {
        let network = &self.network;
        let what = what(self.remote, &request);
        let poison = network.poisoned();
        let poison = poison
            .filter(|poison| poison.is_asked(self.tenant, self.remote, &what, request.body()));
        let doom = self.doom(&what, request.body());
        if let Some(doom) = doom.filter(|doom| doom.death == Death::Before) {
            self.die(&doom).await;
        }
        let leaves = Seen {
            at: (network.now)(),
            tenant: self.tenant,
            process: self.process,
            remote: self.remote,
            what,
            body: kept(self.remote, &request),
            key: key(&request),
            told: Told::Nothing,
            told_at: None,
            answer: Bytes::new(),
        };
        network.watch.leaves(&leaves, &request);
        network.witness.leaves(&leaves);
        let place = network.note(leaves);
        if network.is_down(self.remote) {
            network.tell(place, Told::Refused, Bytes::new());
            return Err(PeerFailure::Refused);
        }
        let spoilt = network.spoils().draw(self.remote, request.body());
        if let Some(answer) = spoilt.as_ref().and_then(Spoilt::instead) {
            pause(network.latency()).await;
            network.tell(place, told(&answer), Bytes::new());
            return Ok(answer);
        }
        let mut request = request;
        if network.turns_over.is_some() {
            shorten(self.remote, &mut request);
        }
        let mut left = Vec::new();
        if let Some(spoilt) = &spoilt {
            (*request.body_mut(), left) = spoilt.request(request.body());
        }
        let carried = self.carry(request);
        if let Some(doom) = doom.filter(|doom| doom.death == Death::During) {
            self.die(&doom).await;
        }
        let answer = carried.await.ok().flatten();
        if let Some(doom) = doom {
            self.die(&doom).await;
        }
        if poison.is_some_and(|poison| poison.is_deadly()) {
            self.die(&Doom {
                at: None,
                skipped: 0,
                death: Death::After,
                point: poison::DIED,
            })
            .await;
        }
        let answer = match (answer, poison) {
            (Some(answer), Some(poison)) => Some(poison.spoil(answer)),
            (answer, _) => answer,
        };
        match answer {
            Some(answer) => {
                let status = answer.status().as_u16();
                let answer = match &spoilt {
                    Some(spoilt) => spoilt.spoil(answer, &left).await,
                    None => answer,
                };
                let told = match &spoilt {
                    // The number of a limit says it all, whatever stands beneath it.
                    Some(spoilt)
                        if !spoilt.how.is_readable()
                            && answer.status() != http::StatusCode::TOO_MANY_REQUESTS =>
                    {
                        Told::Spoilt(status)
                    }
                    Some(_) | None => told(&answer),
                };
                let said = match self.remote {
                    Remote::Portal => answer.body().clone(),
                    Remote::Accounting => Bytes::new(),
                };
                network.watch.answered(self.tenant, &said);
                network.tell(place, told, said);
                Ok(answer)
            }
            None if network.hangs() => std::future::pending().await,
            None => {
                network.tell(place, Told::Cut, Bytes::new());
                Err(PeerFailure::Cut)
            }
        }
    }
}

fn told(answer: &http::Response<Bytes>) -> Told {
    let status = answer.status().as_u16();
    let kind = answer.headers().get(http::header::CONTENT_TYPE);
    let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page {
        Told::Page(status)
    } else {
        Told::Answer(status)
    }
}

fn is_like(remote: Remote, holds: &str, what: &str, body: &[u8]) -> bool {
    match remote {
        Remote::Accounting => {
            let (method, path) = holds.split_once(' ').unwrap_or(("", holds));
            what.starts_with(method) && what.ends_with(path)
        }
        Remote::Portal => {
            what.contains(holds.rsplit('/').next().unwrap_or(holds))
                || memmem::find(body, holds.as_bytes()).is_some()
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

fn key(request: &http::Request<Bytes>) -> Option<String> {
    let key = request.headers().get("idempotency-key")?;
    Some(String::from_utf8_lossy(key.as_bytes()).into_owned())
}

fn kept(remote: Remote, request: &http::Request<Bytes>) -> Bytes {
    match remote {
        Remote::Accounting if request.method() != http::Method::POST => Bytes::new(),
        Remote::Accounting | Remote::Portal => request.body().clone(),
    }
}
