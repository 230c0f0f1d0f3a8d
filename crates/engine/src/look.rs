//! What the engine asks of the reconciler, and what it gives it to work with.
//!
//! A [`Looker`] looks at due subjects of a portal whose lease we hold. Everything that is written meanwhile goes
//! through [`LeaseContext`]: it checks the lease in the same transaction, so that whoever lost it writes nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use capability::{Call, ConnectorError, Gate, Urgency};
use domain::{PortalId, Verdict};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use planted::Bug;
use store::{
    Effect, EffectChange, Known, Lane, Lease, NewEffect, Record, SendDecision, Store, StoreError,
    Subject, Work,
};
use tokio::sync::watch;

use crate::backoff::honoured;
use crate::chance::SharedRng;
use crate::clock::{Clock, later};
use crate::ending::{Ending, Turns};
use crate::outcome::Outcome;
use crate::set_aside;
use crate::settings::Settings;
use crate::transition::{Settlement, transition};
use crate::watch::Watch;

/// Looks at subjects: observe, plan, act, record. The reconciler is one.
#[async_trait]
pub trait Looker: Send + Sync {
    /// Looks at `due`, all of one portal and one lane; several such passes run at one time, never two on one subject.
    ///
    /// What was looked at is named in [`Record::settled`], with the next look where one is wanted. What a pass leaves
    /// unsettled the engine puts off by a growing delay, whether the pass failed or forgot it.
    ///
    /// # Errors
    /// [`Halted`] when the pass cannot go on; what it recorded before stands.
    async fn look(&self, ctx: &LeaseContext, due: Vec<Work>) -> Result<(), Halted>;
}

/// Why a pass ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum Halted {
    /// Another holds the portal now; nothing may be written any more.
    #[error("the lease of the portal is lost")]
    LeaseLost,
    /// Somebody paused the portal or changed its policy meanwhile: nothing is written that was planned before.
    #[error("the portal was paused, or its policy is another")]
    Overtaken,
    /// Our own records could not be read or written.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// The remote side is out of order for all subjects of the pass: it is looked at again after a growing delay, or
    /// at the moment named.
    #[error("{reason}")]
    Remote {
        /// For the log.
        reason: String,
        /// When it is worth looking again, where known.
        again_at: Option<Timestamp>,
    },
}

impl From<StoreError> for Halted {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fenced { .. } => Self::LeaseLost,
            StoreError::Overtaken { .. } => Self::Overtaken,
            other => Self::Store(other),
        }
    }
}

/// What one engine works with; shared by all its parts.
#[derive(Clone)]
pub struct Means {
    /// Our records.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The remotes' limits.
    pub gate: Arc<dyn Gate>,
    /// Jitter.
    pub rng: SharedRng,
    /// Numbers.
    pub settings: Arc<Settings>,
    /// What is in the air.
    pub watch: Watch,
}

/// One pass under a portal's lease.
pub struct LeaseContext {
    means: Means,
    lane: Lane,
    lease: watch::Receiver<Lease>,
    settled: Mutex<BTreeSet<Subject>>,
    turns: Turns,
}

impl LeaseContext {
    /// A pass in `lane` under the lease that `lease` shows.
    pub fn new(means: Means, lane: Lane, lease: watch::Receiver<Lease>) -> Self {
        Self {
            turns: Turns::new(Arc::clone(&means.gate), Arc::default()),
            means,
            lane,
            lease,
            settled: Mutex::default(),
        }
    }

    /// The same pass, which is asked by this to come to an end.
    pub(crate) fn ended_by(mut self, ending: Arc<Ending>) -> Self {
        self.turns = Turns::new(Arc::clone(&self.means.gate), ending);
        self
    }

    /// Whether the pass is to come to an end: what it has not begun it leaves to another.
    pub fn is_ending(&self) -> bool {
        self.turns.ending.begins_nothing()
    }

    /// Whether the portal is still switched on, as far as the worker knows.
    ///
    /// # Errors
    /// [`Halted::Overtaken`]: whatever is refused from now on says nothing of a remote.
    pub fn in_force(&self) -> Result<(), Halted> {
        if self.turns.ending.asks_nothing() {
            return Err(Halted::Overtaken);
        }
        Ok(())
    }

    /// The tenant.
    pub fn portal(&self) -> PortalId {
        self.lease.borrow().portal.clone()
    }

    /// The lane of this pass: how urgent it is.
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// The lease as it stands, with its fencing number.
    pub fn lease(&self) -> Lease {
        self.lease.borrow().clone()
    }

    /// Our records, for reading; writing goes through [`Self::send`] and [`Self::record`].
    pub fn store(&self) -> &Store {
        &self.means.store
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.means.clock.now()
    }

    /// The clock itself.
    pub fn clock(&self) -> &dyn Clock {
        &*self.means.clock
    }

    /// The engine's randomness.
    pub fn rng(&self) -> SharedRng {
        self.means.rng.clone()
    }

    /// All settings.
    pub fn settings(&self) -> &Settings {
        &self.means.settings
    }

    /// The remotes' limits, as connectors see them. They let nothing more through once the portal was paused or
    /// switched off.
    pub fn gate(&self) -> &dyn Gate {
        &self.turns
    }

    /// The circumstances of this pass's calls to remotes. `portal` is [`Self::portal`], lent by the caller.
    pub fn call<'a>(&'a self, portal: &'a PortalId) -> Call<'a> {
        Call::new(portal, urgency(self.lane), self.gate())
    }

    /// Everything we know of `subjects`.
    ///
    /// # Errors
    /// The store's.
    pub async fn known(&self, subjects: &[Subject]) -> Result<Known, Halted> {
        Ok(self.means.store.known(&self.portal(), subjects).await?)
    }

    /// Asks which of `effects` may be sent now; those that may are `sent` on disk before this returns. Everything
    /// else is held, and why. Send only what this allows, and only until the effect's `not_after`. `policy`: the version
    /// that they were planned by.
    ///
    /// # Errors
    /// [`Halted::LeaseLost`] when another holds the portal, [`Halted::Overtaken`], or the store's. Nothing may be sent then; what was
    /// committed nevertheless is found as `sent` by the next look and looked up like any unknown effect.
    pub async fn send(
        &self,
        effects: &[NewEffect],
        policy: i64,
    ) -> Result<Vec<SendDecision>, Halted> {
        if effects.is_empty() {
            return Ok(Vec::new());
        }
        let decided = self
            .means
            .store
            .effects_send(&self.lease(), effects, policy, self.now())
            .await?;
        for decision in &decided {
            if let SendDecision::Send(effect) = decision {
                self.means.watch.begin(effect.id, self.clock());
            }
        }
        Ok(decided)
    }

    /// What becomes of `effect` after `outcome`: put its change into the next [`Record`].
    pub fn settle(&self, effect: &Effect, outcome: impl Into<Outcome>) -> Settlement {
        let mut effect = effect.clone();
        effect.quiet_until = self.means.watch.quiet_until(&effect, self.clock());
        // The deadline is the stored one: whoever takes over waits as long as whoever sent it would have.
        if planted::is(Bug::QuietTimeInMemory) && effect.fence != self.lease().fence {
            effect.quiet_until = None;
        }
        let settlement = transition(
            &effect,
            outcome.into(),
            &self.means.settings.effects,
            self.now(),
            &mut self.rng(),
        );
        match settlement.change {
            None
            | Some(
                EffectChange::Unknown { .. }
                | EffectChange::StillUnknown { .. }
                | EffectChange::LookedUpAbsent,
            ) => {}
            Some(_) => self.means.watch.end(effect.id),
        }
        settlement
    }

    /// Commits what was done, what it changes, the journal's lines and the next looks together, under the lease.
    ///
    /// # Errors
    /// [`Halted::LeaseLost`] when another holds the portal (nothing is written then), or the store's.
    pub async fn record(&self, mut record: Record) -> Result<(), Halted> {
        let most_deaths = self.means.settings.passes.most_deaths;
        let mut settled = Vec::with_capacity(record.settled.len());
        for one in &record.settled {
            settled.push(one.work.subject.clone());
            // With the settling, as nobody remembers the deaths after it: a case that outlived it would stay for ever.
            if one.work.deaths >= most_deaths {
                let subject = one.work.subject.clone();
                record.cases.push(set_aside::withdrawn(subject));
            }
        }
        self.means
            .store
            .record(&self.lease(), record, self.now())
            .await?;
        self.settled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(settled);
        Ok(())
    }

    /// Repeats a read that failed for a reason that may pass, after growing, jittered delays, as often as
    /// [`crate::settings::PassSettings::read_retries`]. Never for writes: those are repeated under their effect.
    ///
    /// # Errors
    /// The last failure.
    pub async fn reading<'a, T>(
        &self,
        mut read: impl FnMut() -> BoxFuture<'a, Result<T, ConnectorError>> + Send,
    ) -> Result<T, ConnectorError> {
        let passes = &self.means.settings.passes;
        let mut step = 0;
        loop {
            match read().await {
                Err(error) if step < passes.read_retries && may_pass(&error) => {
                    let own = passes.read_again.delay(step, &mut self.rng());
                    let pause = asked_pause(&error).map_or(own, |asked| asked.max(own));
                    if pause > passes.read_again.longest.saturating_mul(2) {
                        return Err(error);
                    }
                    self.means.clock.sleep_until(later(self.now(), pause)).await;
                    step += 1;
                }
                result => return result,
            }
        }
    }

    /// Parts `due` into what records of this pass have settled and what they have not.
    pub(crate) fn sorted_out(&self, due: Vec<Work>) -> (Vec<Work>, Vec<Work>) {
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        due.into_iter()
            .partition(|work| settled.contains(&work.subject))
    }
}

/// How a connector sees a lane.
pub fn urgency(lane: Lane) -> Urgency {
    match lane {
        Lane::Click => Urgency::Click,
        Lane::Due => Urgency::Due,
        Lane::Trailing => Urgency::Trailing,
    }
}

/// A read does no harm, so a doubtful answer is as good a reason to repeat it as none. What our own gate or a limit
/// held back is not repeated here: the gate has waited already as long as it is worth.
fn may_pass(error: &ConnectorError) -> bool {
    match error.verdict {
        Verdict::Retry { .. } => !error.limit,
        Verdict::Verify => true,
        Verdict::Reauthorize | Verdict::Reject | Verdict::Defect => false,
    }
}

fn asked_pause(error: &ConnectorError) -> Option<std::time::Duration> {
    match error.verdict {
        Verdict::Retry { after } => honoured(after),
        _ => None,
    }
}
