//! Somebody who asks what would be done, as `provodka plan` tells it: beside the service, or while it stands still, so that no
//! row of our records may move but by the asking. What was foretold is kept for the checks.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{DealId, PortalId, Who};
use engine::clock::later;
use engine::{Clock as _, LeaseContext, Means};
use jiff::Timestamp;
use planner::Action;
use reconciler::{Asked, Connections as _, PlannedDeal};
use store::{Lane, Lease};
use tokio::sync::watch;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::{Calendar, Happening, secs};
use crate::days::world::World;
use crate::machine::connect::Connectors;
use crate::machine::process::Process;

/// Whoever asked waits no longer for the answer.
const LONGEST: Duration = secs(120);
/// What each call to a remote is booked in, and where its renewed tokens are kept.
const BOOKED: [&str; 5] = [
    "breaker",
    "budget",
    "method_pause",
    "secret",
    "sqlite_sequence",
];

/// One time that somebody asked.
#[derive(Clone, Debug)]
pub(crate) struct DryRun {
    pub(crate) at: Timestamp,
    /// Which process told it.
    pub(crate) process: u64,
    /// Nobody else worked on our records.
    pub(crate) alone: bool,
    /// The day was over, and all was at rest.
    pub(crate) at_rest: bool,
    /// The tables of our records that were not the same afterwards.
    pub(crate) moved: Vec<String>,
    /// Nothing where no answer came.
    pub(crate) deals: Vec<Foretold>,
}

/// What was told of a deal.
#[derive(Clone, Debug)]
pub(crate) struct Foretold {
    pub(crate) deal: i64,
    /// The kopecks of the bill that it would get, and the buyer's INN where he has one.
    pub(crate) bill: Option<(i64, Option<String>)>,
    /// Nothing would be done or asked, now or later.
    pub(crate) nothing: bool,
    /// A question about it was open before.
    pub(crate) asked: bool,
}

impl Weather {
    /// Some days have it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_dry_runs(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::DryRuns);
        let every = dice.chance(100).then(|| dice.time(secs(40), secs(200)));
        let Some(every) = every.filter(|_| self.is_plain()) else {
            return;
        };
        // Moments are compared, and whoever asks is told what the remotes truly say, or nothing.
        self.often.jump = None;
        self.skew = (0, 0);
        self.spoils = Vec::new();
        self.customs.dry_runs = Some(every);
    }
}

impl World {
    /// Somebody asks about all deals of an office.
    pub(crate) async fn ask_for_plan(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
    ) -> Result<(), String> {
        let place = self.some_tenant();
        let alone = calendar.dice.chance(500);
        let stopped = self.dry_run(place, alone, false).await?;
        for slot in stopped {
            self.start_process(slot).await;
        }
        let every = self.weather.customs.dry_runs;
        calendar.again(now, every, Happening::AskForPlan);
        Ok(())
    }

    /// The same of all offices once all is at rest, on the days on which anybody asks.
    pub(crate) async fn ask_at_rest(&mut self) -> Result<(), String> {
        if self.weather.customs.dry_runs.is_none() {
            return Ok(());
        }
        for place in 0..self.tenants.len() {
            self.dry_run(place, true, true).await?;
        }
        Ok(())
    }

    /// Asks, and keeps what is told; the places of the processes that it stopped.
    async fn dry_run(
        &mut self,
        place: usize,
        alone: bool,
        at_rest: bool,
    ) -> Result<Vec<usize>, String> {
        let Some(tenant) = self.tenants.get(place) else {
            return Ok(Vec::new());
        };
        let portal = tenant.id.clone();
        let living = tenant.office.deals.iter().filter(|(_, deal)| !deal.deleted);
        let deals: Vec<DealId> = living
            .filter_map(|(id, _)| u64::try_from(*id).ok())
            .map(DealId)
            .collect();
        let open = self.open_cases(place).await?;
        let open = open.iter().filter_map(|case| case.facts.subject.as_deal());
        let open: BTreeSet<DealId> = open.collect();
        let stopped = if alone {
            self.stop_all().await
        } else {
            Vec::new()
        };
        let before = alone.then(|| self.records.copy()).transpose()?;
        let Some(store) = self.store.opened_again() else {
            return Ok(stopped);
        };
        self.started = self.started.saturating_add(1);
        let process = self.started;
        let (connectors, means) = Process::beside(&self.ground, process, store);
        let at = self.now();
        let planned = tokio::select! {
            biased;
            // A remote that does not answer ends the command; whoever asked asks again.
            told = planned(&connectors, means, portal, &deals) => told.unwrap_or_default(),
            () = self.clock.sleep_until(later(at, LONGEST)) => Vec::new(),
        };
        let after = alone.then(|| self.records.copy()).transpose()?;
        let moved = before.zip(after);
        let moved = moved.map_or_else(Vec::new, |(before, after)| after.differs_in(&before));
        let run = DryRun {
            at,
            process,
            alone,
            at_rest,
            moved: moved
                .into_iter()
                .filter(|table| !BOOKED.contains(&table.as_str()))
                .collect(),
            deals: planned.iter().map(|one| foretold(one, &open)).collect(),
        };
        let words = format!(
            "portal {place}, alone: {alone}, {} of {} deals",
            run.deals.len(),
            deals.len()
        );
        self.story.tell(at, "plan asked for", words);
        if let Some(tenant) = self.tenants.get_mut(place) {
            tenant.dry_runs.push(run);
        }
        Ok(stopped)
    }
}

/// As `provodka plan` does it.
async fn planned(
    connectors: &Connectors,
    means: Means,
    portal: PortalId,
    deals: &[DealId],
) -> Result<Vec<PlannedDeal>, String> {
    let connected = connectors.of(&portal).await;
    let connected = connected.map_err(|why| format!("{why:?}"))?;
    let nobodys = Lease {
        portal,
        owner: "plan".to_owned(),
        fence: 0,
        expires_at: means.clock.now(),
    };
    let (_keeper, shown) = watch::channel(nobodys);
    let ctx = LeaseContext::new(means, Lane::Click, shown);
    let planned = reconciler::plan_deals(&ctx, &connected, deals, Asked::Before).await;
    planned.map_err(|why| format!("{why:?}"))
}

fn foretold(planned: &PlannedDeal, open: &BTreeSet<DealId>) -> Foretold {
    let plan = &planned.plan;
    let bill = plan.actions.iter().find_map(|action| {
        let Action::IssueInvoice { draft, .. } = action else {
            return None;
        };
        let inn = match &draft.buyer.key.who {
            Who::Inn(inn) => Some(inn.as_str().to_owned()),
            Who::Contact(_) | Who::Company(_) => None,
        };
        Some((draft.totals().ok()?.gross.kopecks(), inn))
    });
    let asked = open.contains(&planned.id);
    Foretold {
        deal: i64::try_from(planned.id.get()).unwrap_or(i64::MAX),
        bill,
        nothing: plan.is_empty() && plan.look_again.is_none() && planned.deal.is_some() && !asked,
        asked,
    }
}
