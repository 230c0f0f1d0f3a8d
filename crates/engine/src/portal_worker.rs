//! One leased portal at work: passes run concurrently, one per lane and never two on one subject. A pass that hangs
//! holds only its own subjects: its lane goes on without it.
//!
//! The worker takes due subjects, hands them to the [`Looker`] pass by pass, and sees to what passes leave behind:
//! what failed is looked at again later, what kills its passes is set aside as a case. It ends when the portal has
//! nothing to do, when its turn is over, when it is asked to stop, or at once when the lease is lost. Of a portal that
//! was paused or switched off meanwhile the passes end with their next request.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::PortalId;
use futures_util::FutureExt;
use jiff::Timestamp;
use store::{CaseState, Lane, Lease, Mode, Record, StoreError, Wakeups, Work};
use tokio::sync::watch;

use crate::clock::later;
use crate::ending::{AT_ONCE, Ending};
use crate::failures::Failures;
use crate::lanes::limit;
use crate::lease;
use crate::look::{Halted, LeaseContext, Looker, Means};
use crate::passes::{Pass, PassEnd, Running};
use crate::set_aside;
use crate::stop::Stop;

/// Works on the portal of one lease.
pub(crate) struct PortalWorker {
    means: Means,
    looker: Arc<dyn Looker>,
    lease: watch::Sender<Lease>,
    portal: PortalId,
    wakeups: Wakeups,
    stop: Stop,
    /// Other portals wait for a worker: this one ends when its turn is over.
    crowded: Arc<AtomicBool>,
    /// The passes are asked to come to their end.
    ending: Arc<Ending>,
    failures: Failures,
}

/// How a worker ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The portal was given back.
    Released,
    /// Another has it.
    LeaseLost,
    /// Our storage is broken: the process must end.
    StoreBroken(StoreError),
}

impl PortalWorker {
    pub(crate) fn new(
        means: Means,
        looker: Arc<dyn Looker>,
        lease: Lease,
        wakeups: Wakeups,
        stop: Stop,
        crowded: Arc<AtomicBool>,
        failures: Failures,
    ) -> Self {
        let portal = lease.portal.clone();
        let lease = watch::Sender::new(lease);
        Self {
            means,
            looker,
            lease,
            portal,
            wakeups,
            stop,
            crowded,
            ending: Arc::default(),
            failures,
        }
    }

    /// Works until there is nothing to do, then gives the portal back.
    pub(crate) async fn run(mut self) -> Ended {
        let (means, lease) = (self.means.clone(), self.lease.clone());
        let ended = tokio::select! {
            biased;
            () = lease::keep(&means, &lease) => Ended::LeaseLost,
            // Dropping the work cancels its passes.
            ended = self.work() => ended,
        };
        if let Ended::Released = ended {
            let lease = lease.borrow().clone();
            if let Err(error) = means.store.lease_release(&lease).await {
                // It runs out by itself.
                tracing::warn!(portal = %self.portal, error = &error as &dyn std::error::Error, "lease not released");
            }
        }
        ended
    }

    async fn work(&mut self) -> Ended {
        let mut running = Running::default();
        let began = self.means.clock.now();
        let mut idle_since = None;
        loop {
            if self.stop.is_asked() || self.is_turn_over(began) {
                return self.finish(running).await;
            }
            let next_due = match self.fill_lanes(&mut running).await {
                Ok(Some(next_due)) => next_due,
                Ok(None) => return self.finish(running).await,
                Err(halted) => match self.after_halt(&halted).await {
                    Some(ended) => return ended,
                    None => continue,
                },
            };
            let now = self.means.clock.now();
            idle_since = if running.passes.is_empty() {
                idle_since.or(Some(now))
            } else {
                None
            };
            let leave_at = idle_since.map(|since| later(since, self.idle_grace()));
            if leave_at.is_some_and(|leave_at| now >= leave_at) {
                return self.finish(running).await;
            }
            // What is due already waits for a pass that runs, or comes with it.
            let due = next_due.filter(|due| *due > now);
            let slow_at = running.next_slow(&self.means.settings.passes, now);
            let poll = later(now, self.means.settings.lease.poll);
            let wake_at = [due, leave_at, slow_at]
                .into_iter()
                .flatten()
                .fold(poll, Timestamp::min);
            tokio::select! {
                biased;
                Some(pass) = running.passes.join_next() => {
                    if let Some(ended) = self.after_pass(&mut running, pass).await {
                        return ended;
                    }
                }
                () = self.stop.asked() => {}
                () = self.wakeups.wait() => {}
                () = self.means.clock.sleep_until(wake_at) => {}
            }
        }
    }

    /// Starts a pass in every lane that has none and has something due. Says when the next row of the portal is due,
    /// or `None` when the portal is not to be worked on any more.
    async fn fill_lanes(
        &mut self,
        running: &mut Running,
    ) -> Result<Option<Option<Timestamp>>, Halted> {
        if !self.is_switched_on().await? {
            self.ending.ask_nothing();
            return Ok(None);
        }
        let due = self.means.store.next_due_of(&self.portal).await?;
        if due.is_none_or(|due| due > self.means.clock.now()) {
            return Ok(Some(due));
        }
        for lane in Lane::ALL {
            if running.has_room(lane, &self.means.settings.passes, self.means.clock.now()) {
                self.fill_lane(running, lane).await?;
            }
        }
        Ok(Some(self.means.store.next_due_of(&self.portal).await?))
    }

    async fn fill_lane(&mut self, running: &mut Running, lane: Lane) -> Result<(), Halted> {
        let passes = &self.means.settings.passes;
        let (most, most_deaths) = (limit(passes, lane), passes.most_deaths);
        let lease = self.lease.borrow().clone();
        let now = self.means.clock.now();
        let due = self
            .means
            .store
            .work_take(&lease, lane, most, &running.subjects(), now)
            .await?;
        match due.as_slice() {
            [] => {}
            [work] if work.deaths >= most_deaths && !self.is_set_aside(work).await? => {
                self.set_aside(work.clone(), now).await?;
            }
            _ => self.start(running, lane, due),
        }
        Ok(())
    }

    /// Somebody may pause a portal or switch it off while we hold it.
    async fn is_switched_on(&self) -> Result<bool, Halted> {
        let portal = self.means.store.portal_get(&self.portal).await?;
        Ok(portal.is_some_and(|portal| !portal.paused && portal.mode != Mode::Off))
    }

    fn start(&self, running: &mut Running, lane: Lane, due: Vec<Work>) {
        let began = self.means.clock.now();
        let id = running.begin(lane, &due, began);
        let ctx = LeaseContext::new(self.means.clone(), lane, self.lease.subscribe());
        let ctx = Arc::new(ctx.ended_by(Arc::clone(&self.ending)));
        let (looker, means) = (Arc::clone(&self.looker), self.means.clone());
        running.passes.spawn(async move {
            let too_long = later(began, means.settings.passes.longest);
            let end = tokio::select! {
                biased;
                end = AssertUnwindSafe(looker.look(&ctx, due.clone())).catch_unwind() => match end {
                    Ok(result) => PassEnd::Returned(result),
                    Err(_panic) => PassEnd::Died("it panicked"),
                },
                () = means.clock.sleep_until(too_long) => PassEnd::Died("it took too long"),
            };
            Pass { id, due, ctx, end }
        });
    }

    /// What a pass left behind; an end where the worker cannot go on.
    async fn after_pass(
        &mut self,
        running: &mut Running,
        pass: Result<Pass, tokio::task::JoinError>,
    ) -> Option<Ended> {
        let pass = match pass {
            Ok(pass) => pass,
            Err(error) => {
                // A pass catches its panics and is cancelled only together with its worker: this is our own defect.
                // The lease runs out by itself, and what the pass was on counts as died.
                tracing::error!(portal = %self.portal, error = &error as &dyn std::error::Error, "a pass was lost");
                return Some(Ended::LeaseLost);
            }
        };
        running.end(pass.id);
        let (settled, left) = pass.ctx.sorted_out(pass.due);
        let mut again_at = None;
        let how = match pass.end {
            PassEnd::Died(how) => Some(how),
            PassEnd::Returned(Ok(())) => {
                if let Some(work) = left.first() {
                    tracing::warn!(portal = %self.portal, subject = %work.subject, left = left.len(), "left unsettled by its pass");
                }
                None
            }
            PassEnd::Returned(Err(halted)) => {
                if let Some(ended) = self.after_halt(&halted).await {
                    return Some(ended);
                }
                again_at = match halted {
                    Halted::Remote { again_at, .. } => again_at,
                    // By what is in force now.
                    Halted::Overtaken => Some(later(self.means.clock.now(), AT_ONCE)),
                    Halted::LeaseLost | Halted::Store(_) => None,
                };
                None
            }
        };
        self.after_settled(settled);
        let seen_to = match how {
            Some(how) => self.bury(left, how).await,
            // It becomes free with the portal, and is due as soon as that goes on.
            None if self.ending.asks_nothing() => Ok(()),
            None => self.put_off(left, again_at).await,
        };
        match seen_to {
            Ok(()) => None,
            Err(halted) => self.after_halt(&halted).await,
        }
    }

    /// What went well is no longer counted against a subject.
    fn after_settled(&mut self, settled: Vec<Work>) {
        for work in settled {
            self.failures.forget(&self.portal, &work.subject);
        }
    }

    /// Looks at `left` again later: at `again_at`, or after a delay that grows with each failure of a subject.
    async fn put_off(
        &mut self,
        left: Vec<Work>,
        again_at: Option<Timestamp>,
    ) -> Result<(), Halted> {
        let now = self.means.clock.now();
        let again = self.means.settings.passes.again;
        let mut put_back: BTreeMap<Timestamp, Vec<Work>> = BTreeMap::new();
        for work in left {
            let failures = self.failures.count(&self.portal, &work.subject);
            let delay = again.delay(failures, &mut self.means.rng.clone());
            let at = again_at
                .filter(|at| *at > now)
                .unwrap_or_else(|| later(now, delay));
            put_back.entry(at).or_default().push(work);
        }
        for (at, together) in put_back {
            self.put_back(&together, at).await?;
        }
        Ok(())
    }

    /// Counts a death of each subject of a pass that died, and sets aside those that died too often.
    async fn bury(&mut self, left: Vec<Work>, how: &str) -> Result<(), Halted> {
        let now = self.means.clock.now();
        let passes = &self.means.settings.passes;
        let (again, most_deaths) = (passes.again, passes.most_deaths);
        let lease = self.lease.borrow().clone();
        self.means.store.work_died(&lease, &left).await?;
        for mut work in left {
            tracing::error!(portal = %self.portal, subject = %work.subject, deaths = work.deaths + 1, how, "a look died");
            let delay = again.delay(work.deaths, &mut self.means.rng.clone());
            work.deaths = work.deaths.saturating_add(1);
            if work.deaths >= most_deaths {
                self.set_aside(work, now).await?;
            } else {
                self.put_back(&[work], later(now, delay)).await?;
            }
        }
        Ok(())
    }

    /// Whether it was set aside after its last death.
    async fn is_set_aside(&self, work: &Work) -> Result<bool, Halted> {
        let known = self
            .means
            .store
            .known(&self.portal, std::slice::from_ref(&work.subject))
            .await?;
        Ok(known.cases.iter().any(|case| {
            case.state == CaseState::Open && set_aside::covers(&case.facts, work.deaths)
        }))
    }

    /// Opens the case, and looks again later and later: where only the process was unlucky it goes on soon.
    async fn set_aside(&self, work: Work, now: Timestamp) -> Result<(), Halted> {
        self.record(set_aside::record(&work, now)).await?;
        let passes = &self.means.settings.passes;
        let again = work.deaths.saturating_sub(passes.most_deaths);
        let pause = passes
            .set_aside_for
            .delay(again, &mut self.means.rng.clone());
        self.put_back(&[work], later(now, pause)).await
    }

    async fn put_back(&self, work: &[Work], due_at: Timestamp) -> Result<(), Halted> {
        let lease = self.lease.borrow().clone();
        Ok(self.means.store.work_put_back(&lease, work, due_at).await?)
    }

    async fn record(&self, record: Record) -> Result<(), Halted> {
        let lease = self.lease.borrow().clone();
        Ok(self
            .means
            .store
            .record(&lease, record, self.means.clock.now())
            .await?)
    }

    /// Says what a halt means for the whole worker: the end, a rest, or nothing.
    async fn after_halt(&self, halted: &Halted) -> Option<Ended> {
        tracing::warn!(portal = %self.portal, error = halted as &dyn std::error::Error, "a pass halted");
        match halted {
            Halted::LeaseLost => Some(Ended::LeaseLost),
            Halted::Store(error) if error.is_final() => {
                Some(Ended::StoreBroken(StoreError::Halted(error.to_string())))
            }
            Halted::Store(_) => {
                let rest = self
                    .means
                    .settings
                    .passes
                    .read_again
                    .delay(0, &mut self.means.rng.clone());
                self.means
                    .clock
                    .sleep_until(later(self.means.clock.now(), rest))
                    .await;
                None
            }
            Halted::Remote { .. } | Halted::Overtaken => None,
        }
    }

    /// Lets the passes that run come to their end, within bounds.
    async fn finish(&mut self, mut running: Running) -> Ended {
        self.ending.begin_nothing();
        let deadline = later(
            self.means.clock.now(),
            self.means.settings.lease.stop_within,
        );
        loop {
            tokio::select! {
                biased;
                pass = running.passes.join_next() => match pass {
                    None => return Ended::Released,
                    Some(pass) => if let Some(ended) = self.after_pass(&mut running, pass).await {
                        return ended;
                    },
                },
                () = self.means.clock.sleep_until(deadline) => {
                    tracing::warn!(portal = %self.portal, "passes cancelled by the stop");
                    running.passes.shutdown().await;
                    return Ended::Released;
                }
            }
        }
    }

    /// A portal that has nothing to do is kept for a moment, because often something comes; but not while others wait
    /// for a worker.
    fn idle_grace(&self) -> Duration {
        if self.crowded.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        self.means.settings.lease.idle_grace
    }

    fn is_turn_over(&self, began: Timestamp) -> bool {
        self.crowded.load(Ordering::Relaxed)
            && self.means.clock.now() >= later(began, self.means.settings.lease.turn)
    }
}
