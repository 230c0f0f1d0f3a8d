//! The loop: observe, plan, act, record, for each kind of subject that the engine finds due.
//!
//! On the event's way this stands between the engine, which says what is due under which lease, and the
//! connectors, which speak with the remotes. What to do is decided in `planner`; how a failed try goes on
//! is decided in `engine`. Here is how a snapshot is observed, how actions become few calls, and how
//! outcomes are committed.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests may"
    )
)]

mod access;
mod bells;
mod connections;
mod deal;
mod feed;
mod followed;
mod forgotten;
pub mod installation;
mod journal;
mod offline;
mod overdue;
mod own_invoices;
mod papers;
mod payment;
mod plan_only;
mod record_owner;
mod revisit;
mod sweep;
mod twins;
mod unconnected;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use documents::Renderer;
use engine::{Halted, LeaseContext, Looker};
use futures_util::future::join;
use store::{Record, Settled, Subject, SubjectKind, Work};

pub use connections::{Connected, Connections, NotConnected};
pub use deal::{Claimed, Claims, FloodAnswers};
pub use own_invoices::OwnInvoices;
pub use papers::Papers;
pub use payment::{Tally, decide_new, decide_these};
pub use plan_only::{Asked, PlannedDeal, deals_entered_since, plan_deals};

/// Words of the portal's own subjects; the engine's schedule uses them as well.
pub mod portal_task {
    /// Changes whose event was lost.
    pub const SWEEP: &str = "sweep";
    /// The vendor's queue of changes.
    pub const OFFLINE: &str = "offline";
    /// Changes on the accounting side.
    pub const FEED: &str = store::FEED_TASK;
    /// Open questions, observed again.
    pub const CASES: &str = "cases";
    /// Many invoices at once: the administrator's answer.
    pub const FLOOD: &str = "flood";
    /// Linked deals by id: a deletion never appears in a sweep.
    pub const LINKS: &str = "links";
    /// Payments that nobody looked at yet.
    pub const PAYMENTS: &str = store::PAYMENTS_TASK;
    /// Reminders that waited for our accounts to be known.
    pub const OVERDUE: &str = store::OVERDUE_TASK;
    /// The accounting side's payments, and what its accountant gave of them.
    pub const FOLLOWED: &str = store::FOLLOWED_TASK;
    /// No task: what the question about a portal that cannot be connected is about.
    pub(crate) const CONNECTION: &str = "connection";

    use engine::LeaseContext;
    use engine::clock::later;
    use jiff::Timestamp;
    use store::{Lane, Settled, Work};

    /// A task that came to its end names its next look itself, one interval after it began: what the engine's schedule
    /// asked for meanwhile went into the look that ended, and its next word may be a whole interval away.
    pub(crate) fn settled(
        ctx: &LeaseContext,
        work: Work,
        task: &str,
        started: Timestamp,
    ) -> Settled {
        let tasks = ctx.settings().upkeep.portal_tasks.iter();
        let every = tasks
            .filter(|known| known.name == task)
            .map(|known| known.every);
        let again = every.min().map(|every| later(started, every));
        Settled {
            work,
            next: again.map(|at| (at, Lane::Due, "interval".to_owned())),
        }
    }
}

/// Numbers of the reconciler.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long after its sending a write may still take effect on the portal. Bitrix24 works on a request for at most 60 s; 90 s.
    pub portal_quiet: Duration,
    /// The same for the accounting side; `check` compares it with what that declares. 10 min.
    pub accounting_quiet: Duration,
    /// How long the answer of a write is waited for. 75 s.
    pub write_deadline: Duration,
    /// Calls to the accounting side under way at one time. 20.
    pub accounting_in_flight: usize,
    /// Batches of writes of one pass under way at one time: a batch of fifty writes takes a portal some three seconds, and
    /// two requests a second are let through. 6.
    pub portal_in_flight: usize,
    /// How far a sweep reaches behind what it has seen: clocks differ, lists lag. 10 min.
    pub sweep_overlap: Duration,
    /// How often the vendor's queue is asked, where there is one. 1 min.
    pub offline_every: Duration,
    /// How often the accounting side is asked for changes. 1 min.
    pub feed_every: Duration,
    /// How often the accounting side is asked for payments while some come. 5 s.
    pub payments_busy_every: Duration,
    /// The same while none come: as long again as none came, and no longer than this. 5 min.
    pub payments_idle_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            portal_quiet: Duration::from_secs(90),
            accounting_quiet: Duration::from_secs(600),
            write_deadline: Duration::from_secs(75),
            accounting_in_flight: 20,
            portal_in_flight: 6,
            sweep_overlap: Duration::from_secs(600),
            offline_every: Duration::from_secs(60),
            feed_every: Duration::from_secs(60),
            payments_busy_every: Duration::from_secs(5),
            payments_idle_every: Duration::from_secs(300),
        }
    }
}

/// Looks at subjects.
pub struct Reconciler {
    connections: Arc<dyn Connections>,
    renderer: Arc<Renderer>,
    settings: Settings,
    decided: deal::Decided,
    create_times: deal::CreateTimes,
    stand_ins: deal::StandIns,
    telling: deal::Telling,
    counting: deal::Counting,
    fed: feed::Fed,
    last: unconnected::Last,
}

impl Reconciler {
    /// One for all portals.
    pub fn new(
        connections: Arc<dyn Connections>,
        renderer: Arc<Renderer>,
        settings: Settings,
    ) -> Self {
        Self {
            connections,
            renderer,
            settings,
            decided: deal::Decided::default(),
            create_times: deal::CreateTimes::default(),
            stand_ins: deal::StandIns::default(),
            telling: deal::Telling::default(),
            counting: deal::Counting::default(),
            fed: feed::Fed::default(),
            last: unconnected::Last::default(),
        }
    }
}

#[async_trait]
impl Looker for Reconciler {
    async fn look(&self, ctx: &LeaseContext, due: Vec<Work>) -> Result<(), Halted> {
        let connected = match self.connections.of(&ctx.portal()).await {
            Ok(connected) => connected,
            // Everything stays due, with why it was wanted.
            Err(NotConnected::Paused) => {
                return Err(Halted::Remote {
                    reason: NotConnected::Paused.to_string(),
                    again_at: Some(journal::after(ctx.now(), 60)),
                });
            }
            Err(NotConnected::Broken { code, reason }) => {
                return Err(unconnected::halt(self, ctx, &due, code, reason).await);
            }
        };
        self.last.remember(ctx, &connected);
        unconnected::withdraw(ctx).await?;
        let (deals, others): (Vec<Work>, Vec<Work>) = due
            .into_iter()
            .partition(|work| work.subject.kind == SubjectKind::Deal);
        // Neither waits for the other, and neither falls with it: a change feed that is down is no deal's matter.
        let (deals, others) = join(
            self.look_at_deals(ctx, &connected, deals),
            self.look_at_others(ctx, &connected, others),
        )
        .await;
        graver(deals, others)
    }
}

/// Of two endings the one that matters more: after a lost lease or a broken store nothing may go on.
fn graver(one: Result<(), Halted>, other: Result<(), Halted>) -> Result<(), Halted> {
    match (one, other) {
        (Err(Halted::Remote { .. }), Err(graver)) => Err(graver),
        (Ok(()), ending) | (ending, _) => ending,
    }
}

impl Reconciler {
    async fn look_at_deals(
        &self,
        ctx: &LeaseContext,
        connected: &Connected,
        deals: Vec<Work>,
    ) -> Result<(), Halted> {
        if deals.is_empty() {
            return Ok(());
        }
        deal::look(self, ctx, connected, deals).await
    }

    /// One after the other, each to its own end.
    async fn look_at_others(
        &self,
        ctx: &LeaseContext,
        connected: &Connected,
        others: Vec<Work>,
    ) -> Result<(), Halted> {
        let mut ending = Ok(());
        let mut is_portals = false;
        let (records, others): (Vec<Work>, Vec<Work>) = others.into_iter().partition(|work| {
            matches!(
                work.subject.kind,
                SubjectKind::Requisite | SubjectKind::BankDetail
            )
        });
        if !records.is_empty() {
            match record_owner::look(ctx, connected, records).await {
                Err(halted @ Halted::Remote { .. }) => ending = Err(halted),
                done => done?,
            }
        }
        let (payments, mut others): (Vec<Work>, Vec<Work>) = others
            .into_iter()
            .partition(|work| work.subject.kind == SubjectKind::Payment);
        if !payments.is_empty() {
            payment::look(ctx, connected, payments).await?;
        }
        // The nightly look first: it is at what was linked by now. Behind a long sweep it would have all read once more that
        // the sweep has just found.
        let nightly = Subject::portal(portal_task::LINKS);
        others.sort_by_key(|work| work.subject != nightly);
        for work in others {
            is_portals |= work.subject.kind == SubjectKind::Portal;
            match self.look_beside(ctx, connected, work).await {
                Ok(()) => {}
                Err(halted @ Halted::Remote { .. }) => ending = Err(halted),
                Err(halted) => return Err(halted),
            }
        }
        if is_portals {
            bells::ring(self, ctx, connected).await?;
        }
        ending
    }

    async fn look_beside(
        &self,
        ctx: &LeaseContext,
        connected: &Connected,
        work: Work,
    ) -> Result<(), Halted> {
        match work.subject.kind {
            SubjectKind::Invoice => feed::look_at_invoice(ctx, connected, work).await,
            SubjectKind::Portal => match work.subject.id.as_str() {
                portal_task::SWEEP => sweep::look(self, ctx, connected, work).await,
                portal_task::OFFLINE => offline::look(self, ctx, connected, work).await,
                portal_task::FEED => feed::look(self, ctx, connected, work).await,
                portal_task::FOLLOWED => followed::look(self, ctx, connected, work).await,
                portal_task::FLOOD => deal::flood::look(ctx, work).await,
                portal_task::OVERDUE => overdue::look(ctx, connected, work).await,
                portal_task::PAYMENTS => payment::look_at_new(ctx, connected, work).await,
                portal_task::CASES => revisit::open_cases(ctx, connected, work).await,
                portal_task::LINKS => {
                    deal::untell_dismissed(self, ctx, connected).await?;
                    revisit::linked_deals(ctx, work).await
                }
                _ => forget(ctx, work).await,
            },
            // Their waiters were woken when the event was stored.
            SubjectKind::Company
            | SubjectKind::Contact
            | SubjectKind::Deal
            | SubjectKind::Requisite
            | SubjectKind::BankDetail
            | SubjectKind::Payment => forget(ctx, work).await,
        }
    }
}

async fn forget(ctx: &LeaseContext, work: Work) -> Result<(), Halted> {
    ctx.record(Record {
        settled: vec![Settled { work, next: None }],
        ..Record::default()
    })
    .await
}
