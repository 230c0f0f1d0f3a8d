//! One pass: many deals, each on its way from what is observed to what both sides agree on.
//!
//! Reading and issuing go portion by portion, because what an invoice rests on must be fresh. Writing goes batch by
//! batch: a batch leaves once it is full, or once nothing is to come that could fill it, and flies while the pass
//! goes on with other deals. The looks of all deals are settled together at the end.

use std::collections::BTreeMap;

use capability::portal::PortalWrite;
use domain::DealId;
use engine::{Halted, LeaseContext};
use jiff::{SignedDuration, Timestamp};
use planner::{Action, Need, Plan, Seen};
use store::Record;

use super::act::{self, Decided, Sent};
use super::flights::{Flights, Landed};
use super::flood::Guard;
use super::lists::Lists;
use super::plans::Planned;
use super::writes::{self, Cargo, Load};
use super::{Looked, administrator, lists, observe, pace, plans, stand_ins, tell};
use crate::{Connected, Reconciler, journal};

/// After so long a pass begins with no further deals: others may have become due, and no look is settled before its
/// pass ends. Enough for two full passes beside one another, whose readings stand in line behind the writes of both:
/// what a pass leaves over is held until it ends, glanced at once more, and comes after everything else.
const BEGINS_WITHIN: i64 = 60;
/// A write waits so long for others to share its batch with.
const WAITS_FOR_OTHERS: SignedDuration = SignedDuration::from_secs(5);
/// More writes than any batch has.
const MOST_WRITES: usize = 100;

/// The deals of a pass and what of them is under way.
pub(crate) struct Pass<'a> {
    reconciler: &'a Reconciler,
    ctx: &'a LeaseContext,
    connected: &'a Connected,
    deals: BTreeMap<DealId, Looked>,
    flights: Flights<'a>,
    lists: Lists<'a>,
    begins_until: Timestamp,
    guard: Guard,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(
        reconciler: &'a Reconciler,
        ctx: &'a LeaseContext,
        connected: &'a Connected,
        deals: BTreeMap<DealId, Looked>,
    ) -> Self {
        Self {
            reconciler,
            ctx,
            connected,
            deals,
            flights: Flights::default(),
            lists: Lists::new(&reconciler.telling, ctx.portal()),
            begins_until: journal::after(ctx.now(), BEGINS_WITHIN),
            guard: Guard::new(&reconciler.counting, &ctx.portal()),
        }
    }

    pub(crate) fn into_deals(self) -> BTreeMap<DealId, Looked> {
        self.deals
    }

    /// Observe, plan, act, record, until no deal wants anything more in this look.
    pub(crate) async fn go_on_until_agreed(&mut self) -> Result<(), Halted> {
        loop {
            self.ctx.in_force()?;
            let mut planned =
                plans::plan(self.reconciler, self.ctx, self.connected, &mut self.deals).await?;
            let is_late = self.is_late();
            self.guard
                .watch(
                    self.ctx,
                    self.connected,
                    &mut self.deals,
                    &mut planned,
                    is_late,
                )
                .await?;
            let Planned {
                ready,
                needs,
                decided,
                ..
            } = planned;
            let mut moved = decided || !ready.is_empty();
            let for_accounting = self.take_over(ready).await?;
            moved |= self.launch(false).await?;
            if for_accounting.is_empty() {
                moved |= self.observe(needs, is_late).await?;
            } else {
                // What rests on a fresh reading goes out before anything else is read.
                self.create(for_accounting).await?;
            }
            moved |= self.land().await?;
            if moved {
                continue;
            }
            if self.flights.count() == 0 && !self.launch(true).await? {
                return Ok(());
            }
            self.flights.next().await;
        }
    }

    /// Whatever is in the air comes down and is recorded.
    pub(crate) async fn land_all(&mut self) -> Result<(), Halted> {
        while self.flights.count() > 0 {
            self.flights.next().await;
        }
        self.land().await.map(drop)
    }

    /// Tells people of the questions that are not the planner's.
    pub(crate) async fn ring_bells(&mut self) -> Result<(), Halted> {
        let plans = tell::bells(&self.deals, self.connected);
        if let Some(morning) = self.connected.policy.notices.quiet_until(self.ctx.now()) {
            for id in plans.keys() {
                if let Some(deal) = self.deals.get_mut(id) {
                    let again = Some((morning, "quiet hours are over".to_owned()));
                    deal.again = super::earlier(deal.again.take(), again);
                }
            }
            return Ok(());
        }
        let actions = flat(plans);
        let mut wanted = self.once_per_cause(actions).await?;
        while !wanted.is_empty() {
            let rest = wanted.split_off(self.fit(&wanted));
            self.fly(wanted).await?;
            wanted = rest;
        }
        self.land_all().await
    }

    /// Satisfies as many of the needs as it is time for; false: none. `is_late` as the guard was told: a deal that it
    /// lets wait for others waits for none that are not read any more.
    async fn observe(
        &mut self,
        needs: BTreeMap<DealId, Vec<Need>>,
        is_late: bool,
    ) -> Result<bool, Halted> {
        let (reconciler, ctx, connected) = (self.reconciler, self.ctx, self.connected);
        let deals = &mut self.deals;
        let observing = async move {
            let mut needs = needs;
            pace::hold_back(reconciler, ctx, connected, deals, &mut needs, is_late).await;
            if needs.is_empty() {
                return Ok(false);
            }
            observe::satisfy(ctx, connected, deals, needs).await?;
            Ok(true)
        };
        self.flights.meanwhile(observing).await
    }

    async fn create(&mut self, wanted: Vec<(DealId, Action)>) -> Result<(), Halted> {
        let creating = act::create(
            self.reconciler,
            self.ctx,
            self.connected,
            &mut self.deals,
            wanted,
        );
        self.flights.meanwhile(creating).await
    }

    /// Time for others: what has not begun waits for another pass.
    fn is_late(&self) -> bool {
        self.ctx.is_ending() || self.ctx.now() > self.begins_until
    }

    /// The portal's part of the plans waits for its batch; the accounting side's part is handed back.
    async fn take_over(
        &mut self,
        plans: BTreeMap<DealId, Plan>,
    ) -> Result<Vec<(DealId, Action)>, Halted> {
        for id in plans.keys() {
            if let Some(deal) = self.deals.get_mut(id) {
                deal.rounds = deal.rounds.saturating_add(1);
            }
        }
        let (for_accounting, for_portal): (Vec<_>, Vec<_>) = flat(plans)
            .into_iter()
            .partition(|(_, action)| act::is_accounting(action));
        let now = self.ctx.now();
        for (id, action) in self.once_per_cause(for_portal).await? {
            if let Some(deal) = self.deals.get_mut(&id) {
                deal.waiting.push(action);
                deal.waits_since = now;
            }
        }
        Ok(for_accounting)
    }

    async fn once_per_cause(
        &mut self,
        wanted: Vec<(DealId, Action)>,
    ) -> Result<Vec<(DealId, Action)>, Halted> {
        let wanted = stand_ins::reach(
            self.reconciler,
            self.ctx,
            self.connected,
            &mut self.deals,
            wanted,
        )
        .await?;
        let wanted = lists::gather(self.ctx, &mut self.lists, &mut self.deals, wanted).await?;
        administrator::gather(
            self.ctx,
            self.connected,
            &mut self.lists,
            &mut self.deals,
            wanted,
        )
        .await
    }

    /// Lets batches go while there is a place in the air; those that are not full only if they have waited, or are
    /// told to go.
    async fn launch(&mut self, as_they_are: bool) -> Result<bool, Halted> {
        let mut launched = false;
        while self.flights.count() < self.reconciler.settings.portal_in_flight {
            let Some(batch) = self.next_batch(as_they_are) else {
                break;
            };
            self.fly(batch).await?;
            launched = true;
        }
        Ok(launched)
    }

    /// The writes that wait longest, as many as share a request; none while it is worth waiting for others.
    fn next_batch(&mut self, as_it_is: bool) -> Option<Vec<(DealId, Action)>> {
        let mut waiting: Vec<(Timestamp, DealId)> = Vec::new();
        for (id, deal) in &mut self.deals {
            if deal.finished {
                // It failed in another write: whatever else it needs waits for that, others' news do not.
                deal.waiting.retain(lists::tells_of_others);
            }
            if !deal.waiting.is_empty() {
                waiting.push((deal.waits_since, *id));
            }
        }
        waiting.sort_unstable();
        let oldest = waiting.first()?.0;
        let actions_of = |(_, id): &(Timestamp, DealId)| {
            let actions = self.deals.get(id).map(|deal| deal.waiting.iter());
            let id = *id;
            actions
                .into_iter()
                .flatten()
                .map(move |action| (id, action.clone()))
        };
        let mut batch: Vec<(DealId, Action)> = waiting
            .iter()
            .flat_map(actions_of)
            .take(MOST_WRITES)
            .collect();
        let fit = self.fit(&batch);
        let is_full = fit < batch.len();
        let waited = self.ctx.now().duration_since(oldest);
        if !is_full && !as_it_is && waited < WAITS_FOR_OTHERS && self.others_come() {
            return None;
        }
        batch.truncate(fit);
        for (id, _) in &batch {
            if let Some(deal) = self.deals.get_mut(id) {
                deal.waiting.remove(0);
            }
        }
        Some(batch)
    }

    /// Whether deals of this pass may still want something written.
    fn others_come(&self) -> bool {
        let is_late = self.is_late();
        let comes = |deal: &Looked| !is_late || matches!(deal.snapshot.seen, Seen::Whole(..));
        self.deals
            .values()
            .any(|deal| deal.is_open() && comes(deal))
    }

    /// How many of the first of these actions share a request.
    fn fit(&self, actions: &[(DealId, Action)]) -> usize {
        let portal = self.ctx.portal();
        let load = |(id, action): &(DealId, Action)| {
            let key = action.key(&portal, *id);
            let deal = self.deals.get(id)?;
            Some(writes::load(self.connected, deal, key.as_str(), action))
        };
        let mut packed: Vec<PortalWrite> = Vec::new();
        for action in actions {
            match load(action) {
                Some(Load::Write(write)) => packed.push(write),
                // A file travels alone, and what cannot be written takes no room.
                Some(Load::File(..)) | Some(Load::Nothing(_)) | None => break,
            }
        }
        if packed.is_empty() {
            return actions.len().min(1);
        }
        self.connected.portal.write.at_once(&packed)
    }

    /// One batch: its effects are on disk as sent before its first byte leaves.
    async fn fly(&mut self, batch: Vec<(DealId, Action)>) -> Result<(), Halted> {
        let mut record = Record::default();
        let decided = act::decide(
            self.reconciler,
            self.ctx,
            self.connected,
            &mut self.deals,
            batch,
            &mut record,
        );
        let Decided { sent, shared } = decided.await?;
        for one in shared {
            act::held(
                self.ctx,
                &mut self.deals,
                &one,
                store::Held::Unsettled,
                &mut record,
            );
        }
        if !record.journal.is_empty() || !record.cases.is_empty() {
            tell::note_asked(&mut self.deals, &record);
            self.ctx.record(record).await?;
        }
        let cargo: Vec<Cargo> = sent
            .into_iter()
            .filter_map(|one| self.loaded(one))
            .collect();
        if !cargo.is_empty() {
            self.flights
                .start(self.reconciler, self.ctx, self.connected, cargo);
        }
        Ok(())
    }

    fn loaded(&mut self, sent: Sent) -> Option<Cargo> {
        let deal = self.deals.get_mut(&sent.deal)?;
        deal.in_air = deal.in_air.saturating_add(1);
        let load = writes::load(self.connected, deal, &sent.effect.key, &sent.action);
        Some(Cargo { sent, load })
    }

    /// Settles what has landed: outcomes, links, journal and questions in one transaction.
    async fn land(&mut self) -> Result<bool, Halted> {
        let landed = self.flights.take_landed();
        if landed.is_empty() {
            return Ok(false);
        }
        let mut record = Record::default();
        for Landed { outcomes, journal } in landed {
            record.journal.extend(journal);
            for (one, outcome) in outcomes {
                if let Some(deal) = self.deals.get_mut(&one.deal) {
                    deal.in_air = deal.in_air.saturating_sub(1);
                }
                act::settle_one(self.ctx, &mut self.deals, &one, outcome, &mut record);
            }
        }
        tell::note_asked(&mut self.deals, &record);
        self.ctx.record(record).await?;
        Ok(true)
    }
}

fn flat(plans: BTreeMap<DealId, Plan>) -> Vec<(DealId, Action)> {
    plans
        .into_iter()
        .flat_map(|(id, plan)| plan.actions.into_iter().map(move |action| (id, action)))
        .collect()
}
