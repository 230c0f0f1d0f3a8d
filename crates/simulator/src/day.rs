//! The day: people act, things go wrong, processes die and come back, until evening; then everything settles.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use emulator_bitrix24::{EventSettings, WebhookSeed};
use emulator_harness::{FaultKind, FaultRule};
use engine::Clock as _;
use engine::clock::later;
use jiff::Timestamp;
use planner::Mode;
use reconciler::portal_task;
use store::{CaseFilter, Fault, Lane, Look, Subject};

use crate::dice::{About, Dice};
use crate::network::Death;
use crate::process::Process;
use crate::weather::Often;
use crate::world::{World, told};

/// What is to happen at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happening {
    Manager,
    Accountant,
    Integrator,
    Kill,
    KillAtRequest,
    KillAtStatement,
    DiskFull,
    Freeze,
    Thaw(u64),
    Outage,
    OutageEnds,
    Broken,
    BrokenEnds,
    Scopes,
    ScopesEnd,
    Tokens,
    Neighbour,
    Start(usize),
    Resume,
    Active,
}

/// What is still to come, in order.
struct Calendar {
    entries: BTreeMap<(Timestamp, u64), Happening>,
    count: u64,
    dice: Dice,
}

impl Calendar {
    fn put(&mut self, at: Timestamp, happening: Happening) {
        self.count = self.count.saturating_add(1);
        self.entries.insert((at, self.count), happening);
    }

    fn soon(&mut self, now: Timestamp, from: Duration, to: Duration, happening: Happening) {
        let wait = self.dice.time(from, to);
        self.put(later(now, wait), happening);
    }

    /// Again after a wait of this mean, if the kind is on.
    fn again(&mut self, now: Timestamp, mean: Option<Duration>, happening: Happening) {
        if let Some(mean) = mean {
            let wait = self.dice.wait(mean);
            self.put(later(now, wait), happening);
        }
    }

    fn next(&self) -> Option<Timestamp> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    fn take(&mut self, now: Timestamp) -> Option<Happening> {
        let (key, _) = self.entries.first_key_value()?;
        if key.0 > now {
            return None;
        }
        self.entries.pop_first().map(|(_, happening)| happening)
    }
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

impl World {
    /// Morning to evening.
    pub(crate) async fn live(&mut self) -> Result<(), String> {
        let mut calendar = Calendar {
            entries: BTreeMap::new(),
            count: 0,
            dice: Dice::of(self.seed, About::Disturbance),
        };
        let now = self.now();
        let evening = later(now, self.weather.day);
        self.plan_day(&mut calendar, now);
        loop {
            let next = calendar.next().unwrap_or(evening).min(evening);
            tokio::select! {
                biased;
                Some(kill) = self.kills.recv() => self.died(&mut calendar, kill.process, "died at a request"),
                Some(number) = self.ends.recv() => self.died(&mut calendar, number, "process ended"),
                () = self.clock.sleep_until(next) => {
                    let now = self.now();
                    if now >= evening {
                        break;
                    }
                    if let Some(happening) = calendar.take(now) {
                        self.happen(&mut calendar, now, happening).await?;
                    }
                }
            }
        }
        Ok(())
    }

    fn plan_day(&self, calendar: &mut Calendar, now: Timestamp) {
        let Often {
            killed,
            killed_at_request,
            killed_at_statement,
            disk_full,
            frozen,
            outage,
            broken,
            scopes,
            tokens,
            neighbour,
        } = self.weather.often.clone();
        for (mean, happening) in [
            (Some(self.weather.managers), Happening::Manager),
            (self.weather.accountant, Happening::Accountant),
            (self.weather.integrator, Happening::Integrator),
            (killed, Happening::Kill),
            (killed_at_request, Happening::KillAtRequest),
            (killed_at_statement, Happening::KillAtStatement),
            (disk_full, Happening::DiskFull),
            (frozen, Happening::Freeze),
            (outage, Happening::Outage),
            (broken, Happening::Broken),
            (scopes, Happening::Scopes),
            (tokens, Happening::Tokens),
            (neighbour, Happening::Neighbour),
        ] {
            calendar.again(now, mean, happening);
        }
    }

    fn died(&mut self, calendar: &mut Calendar, number: u64, how: &str) {
        let now = self.now();
        if let Some(slot) = self.remove(number) {
            self.story.tell(now, how, format!("process {number}"));
            calendar.soon(
                now,
                Duration::from_millis(50),
                secs(90),
                Happening::Start(slot),
            );
        }
    }

    async fn happen(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
        happening: Happening,
    ) -> Result<(), String> {
        let often = self.weather.often.clone();
        match happening {
            Happening::Manager => {
                self.office.manager(now);
                calendar.again(now, Some(self.weather.managers), happening);
            }
            Happening::Accountant => {
                self.office.accountant(now);
                calendar.again(now, self.weather.accountant, happening);
            }
            Happening::Integrator => {
                self.integrate(calendar, now).await?;
                calendar.again(now, self.weather.integrator, happening);
            }
            Happening::Start(slot) => self.start_process(slot).await,
            Happening::Resume => self.pause(now, false).await?,
            Happening::Active => self.set_mode(now, Mode::Active).await?,
            Happening::Kill => {
                if let Some(number) = self.some_process(calendar).map(|one| one.number) {
                    self.died(calendar, number, "killed");
                }
                calendar.again(now, often.killed, happening);
            }
            Happening::KillAtRequest => {
                let skipped = calendar.dice.below(12);
                let death = if calendar.dice.chance(300) {
                    Death::Before
                } else {
                    Death::After
                };
                if let Some(process) = self.some_process(calendar) {
                    process.dies_at_request(skipped, death);
                }
                calendar.again(now, often.killed_at_request, happening);
            }
            Happening::KillAtStatement => {
                let nth = u32::try_from(calendar.dice.between(1, 400)).unwrap_or(1);
                if let Some(process) = self.some_process(calendar) {
                    process.store.faults().fail_nth(nth, Fault::Io);
                }
                calendar.again(now, often.killed_at_statement, happening);
            }
            Happening::DiskFull => {
                let nth = u32::try_from(calendar.dice.between(1, 300)).unwrap_or(1);
                let fault = if calendar.dice.chance(500) {
                    Fault::DiskFull
                } else {
                    Fault::DiskFullAtCommit
                };
                let nth = if fault == Fault::DiskFull {
                    nth
                } else {
                    nth / 20 + 1
                };
                if let Some(process) = self.some_process(calendar) {
                    process.store.faults().fail_nth(nth, fault);
                }
                self.story
                    .tell(now, "disk full", format!("{fault:?} in {nth}"));
                calendar.again(now, often.disk_full, happening);
            }
            Happening::Freeze => {
                if let Some(process) = self.some_process(calendar) {
                    process.freezer.set(true);
                    let number = process.number;
                    self.story.tell(now, "frozen", format!("process {number}"));
                    calendar.soon(now, secs(1), secs(240), Happening::Thaw(number));
                }
                calendar.again(now, often.frozen, happening);
            }
            Happening::Thaw(number) => self.thaw(now, number),
            other => self.disturb(calendar, now, other, &often),
        }
        Ok(())
    }

    /// What goes wrong outside of our processes.
    fn disturb(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
        happening: Happening,
        often: &Often,
    ) {
        let network = &self.ground.network;
        match happening {
            Happening::Outage => {
                let portal = calendar.dice.chance(500);
                let down = if portal {
                    &network.portal_down
                } else {
                    &network.accounting_down
                };
                down.store(true, Ordering::Relaxed);
                let which = if portal { "portal" } else { "accounting" };
                self.story.tell(now, "outage", which);
                calendar.soon(now, secs(5), secs(900), Happening::OutageEnds);
                calendar.again(now, often.outage, happening);
            }
            Happening::OutageEnds => {
                network.portal_down.store(false, Ordering::Relaxed);
                network.accounting_down.store(false, Ordering::Relaxed);
            }
            Happening::Broken => {
                let status = calendar.dice.pick(&[500, 502, 503, 504]).unwrap_or(500);
                let kind = calendar
                    .dice
                    .pick(&[FaultKind::Status(status), FaultKind::HtmlPage])
                    .unwrap_or(FaultKind::HtmlPage);
                let rule = FaultRule::always(kind);
                let portal = calendar.dice.chance(500);
                let (faults, which) = if portal {
                    (self.office.portal.faults(), "portal")
                } else {
                    (self.office.accounting.faults(), "accounting")
                };
                faults.clear();
                faults.add(rule);
                self.story.tell(now, "broken", format!("{which}: {kind}"));
                calendar.soon(now, secs(5), secs(600), Happening::BrokenEnds);
                calendar.again(now, often.broken, happening);
            }
            Happening::BrokenEnds => self.usual_faults(),
            Happening::Scopes => {
                self.scopes(&["user", "im"]);
                self.story
                    .tell(now, "lost rights", "the scope `crm` is gone");
                calendar.soon(now, secs(10), secs(600), Happening::ScopesEnd);
                calendar.again(now, often.scopes, happening);
            }
            Happening::ScopesEnd => self.all_scopes(),
            Happening::Tokens => {
                self.office.portal.expire_access_tokens();
                self.story.tell(now, "tokens died", "");
                calendar.again(now, often.tokens, happening);
            }
            Happening::Neighbour => {
                for _request in 0..calendar.dice.between(10, 60) {
                    drop(tokio::spawn(neighbour(self.ground.portal.clone())));
                }
                self.story.tell(now, "neighbour", "uses up the bucket");
                calendar.again(now, often.neighbour, happening);
            }
            _ => {}
        }
    }

    fn usual_faults(&self) {
        self.office.portal.faults().clear();
        self.office.accounting.faults().clear();
        for rule in self.weather.portal_faults.clone() {
            self.office.portal.faults().add(rule);
        }
        for rule in self.weather.accounting_faults.clone() {
            self.office.accounting.faults().add(rule);
        }
    }

    fn scopes(&self, scopes: &[&str]) {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.configure(|portal| {
            for hook in &mut portal.webhooks {
                hook.scopes.clone_from(&scopes);
            }
        });
    }

    fn all_scopes(&self) {
        let usual = emulator_bitrix24::PortalConfig::default();
        let hooks: Vec<WebhookSeed> = usual.webhooks;
        self.configure(|portal| portal.webhooks = hooks);
    }

    fn thaw(&self, now: Timestamp, number: u64) {
        for process in self.slots.iter().flatten() {
            if process.number == number && process.freezer.is_frozen() {
                process.freezer.set(false);
                self.story.tell(now, "thawed", format!("process {number}"));
            }
        }
    }

    fn some_process(&self, calendar: &mut Calendar) -> Option<&Process> {
        let alive: Vec<&Process> = self.slots.iter().flatten().collect();
        calendar.dice.pick(&alive)
    }

    async fn integrate(&mut self, calendar: &mut Calendar, now: Timestamp) -> Result<(), String> {
        match calendar.dice.below(100) {
            0..40 => {
                if let Some(process) = self.some_process(calendar) {
                    process.ask_to_stop();
                    let number = process.number;
                    self.story
                        .tell(now, "restarted", format!("process {number}"));
                }
            }
            40..60 => {
                self.pause(now, true).await?;
                calendar.soon(now, secs(5), secs(600), Happening::Resume);
            }
            60..75 => {
                self.set_mode(now, Mode::WatchOnly).await?;
                calendar.soon(now, secs(5), secs(600), Happening::Active);
            }
            75..90 => {
                let settle = u32::try_from(calendar.dice.below(40)).unwrap_or(0);
                self.story
                    .tell(now, "new policy", format!("settle {settle} s"));
                self.change_policy(|policy| {
                    for funnel in &mut policy.funnels {
                        funnel.settle_seconds = settle;
                    }
                })
                .await?;
            }
            _ => {
                let days = u16::try_from(calendar.dice.between(1, 30)).unwrap_or(5);
                self.story
                    .tell(now, "new policy", format!("{days} days to pay"));
                self.change_policy(|policy| policy.invoice.due_days = Some(days))
                    .await?;
            }
        }
        Ok(())
    }

    async fn pause(&mut self, now: Timestamp, paused: bool) -> Result<(), String> {
        let kind = if paused { "paused" } else { "resumed" };
        self.story.tell(now, kind, "the portal");
        self.store
            .portal_set_paused(&self.portal_id, paused, now)
            .await
            .map_err(told)?;
        self.look_at(Subject::portal(portal_task::SWEEP), now).await
    }

    async fn set_mode(&mut self, now: Timestamp, mode: Mode) -> Result<(), String> {
        self.story.tell(now, "mode", format!("{mode:?}"));
        self.change_policy(|policy| {
            for funnel in &mut policy.funnels {
                funnel.mode = mode;
            }
        })
        .await?;
        self.look_at(Subject::portal(portal_task::SWEEP), now).await
    }

    async fn look_at(&self, subject: Subject, now: Timestamp) -> Result<(), String> {
        let look = Look {
            subject,
            lane: Lane::Click,
            due_at: now,
            reason: "person".to_owned(),
        };
        self.store
            .look(&self.portal_id, &[look])
            .await
            .map_err(told)
    }

    /// Troubles end, people go home but for whoever answers what is asked; true once nothing moves any more.
    pub(crate) async fn settle(&mut self) -> Result<bool, String> {
        self.end_troubles().await?;
        let mut seen = (usize::MAX, usize::MAX);
        let mut quiet = 0;
        let mut ordered = BTreeMap::new();
        for _quarter in 0..100 {
            self.wait(secs(900)).await;
            let mut asked = self.answer_questions(&mut ordered).await?;
            if quiet >= 2 {
                asked |= self.give_up_deleted().await?;
            }
            let now = (self.our_portal_writes(), self.accounting_changes());
            let stats = self.store.stats(&self.portal_id, self.now()).await;
            let stats = stats.map_err(told)?;
            let moves = now != seen
                || asked
                || stats.unknown_effects > asked_about(&stats)
                || stats.sent_effects > 0
                || self.office.portal.events_in_flight() > 0;
            if moves {
                let words = format!(
                    "{now:?} after {seen:?}, answered: {asked}, unknown {}, sent {}, events {}",
                    stats.unknown_effects,
                    stats.sent_effects,
                    self.office.portal.events_in_flight()
                );
                self.story.tell(self.now(), "not quiet", words);
            }
            quiet = if moves { 0 } else { quiet + 1 };
            // Longer than the longest delay between two looks, and than the questions' own interval.
            if quiet >= 4 {
                return Ok(true);
            }
            seen = now;
        }
        Ok(false)
    }

    async fn end_troubles(&mut self) -> Result<(), String> {
        let now = self.now();
        self.story.tell(now, "evening", "troubles end");
        self.office.portal.faults().clear();
        self.office.accounting.faults().clear();
        self.all_scopes();
        self.configure(|portal| {
            portal.events = EventSettings::default();
            portal.robots.clear();
        });
        self.office
            .accounting
            .configure(|settings| settings.list_lag_ms = 0);
        self.ground
            .network
            .portal_down
            .store(false, Ordering::Relaxed);
        self.ground
            .network
            .accounting_down
            .store(false, Ordering::Relaxed);
        for process in self.slots.iter().flatten() {
            process.freezer.set(false);
            process.dies_at_request(u64::MAX, Death::Before);
            let _was_ordered = process.store.faults().cancel();
        }
        for slot in 0..self.slots.len() {
            if self.slots.get(slot).is_some_and(Option::is_none) {
                self.start_process(slot).await;
            }
        }
        self.set_mode(now, Mode::Active).await?;
        self.pause(now, false).await
    }

    /// Time passes; processes that end are started again.
    async fn wait(&mut self, time: Duration) {
        let until = later(self.now(), time);
        loop {
            let number = tokio::select! {
                biased;
                Some(kill) = self.kills.recv() => kill.process,
                Some(number) = self.ends.recv() => number,
                () = self.clock.sleep_until(until) => return,
            };
            if let Some(slot) = self.remove(number) {
                self.start_process(slot).await;
            }
        }
    }

    /// An hour in which nobody does anything; how much was written on the portal in it.
    pub(crate) async fn idle_hour(&mut self) -> usize {
        let before = self.our_portal_writes();
        self.wait(secs(3_600)).await;
        self.our_portal_writes().saturating_sub(before)
    }

    /// Somebody goes through the open questions that only wait for an order; true if there were any.
    async fn answer_questions(
        &mut self,
        ordered: &mut BTreeMap<(Subject, String), u8>,
    ) -> Result<bool, String> {
        let now = self.now();
        let cases = self.open_cases().await?;
        let mut asked = false;
        for case in cases {
            let code = case.facts.code.as_str();
            match code {
                "ACTION-REFUSED" | "TRIED-TOO-OFTEN" => {
                    // Nobody orders for ever what is refused each time.
                    let orders = ordered.entry((case.facts.subject.clone(), code.to_owned()));
                    let orders = orders.or_insert(0_u8);
                    *orders = orders.saturating_add(1);
                    if *orders > 3 {
                        continue;
                    }
                    let retried =
                        self.store
                            .case_retry(&self.portal_id, case.id, "integrator", now);
                    retried.await.map_err(told)?;
                    self.story.tell(
                        now,
                        "retried",
                        format!("{} {}", case.facts.cause, case.facts.subject),
                    );
                    asked = true;
                }
                "SUBJECT-SET-ASIDE" => {
                    self.story.tell(
                        now,
                        "looked again",
                        format!("{code} {}", case.facts.subject),
                    );
                    self.look_at(case.facts.subject.clone(), now).await?;
                    asked = true;
                }
                "BITRIX24-INSTALL" | "BITRIX24-ACCESS" if self.weather.app => {
                    self.story.tell(now, "installed anew", code);
                    self.office.portal.install_application(crate::office::DOOR);
                    asked = true;
                }
                _ => {}
            }
        }
        Ok(asked)
    }

    /// What is open, of all codes.
    pub(crate) async fn open_cases(&self) -> Result<Vec<store::Case>, String> {
        let filter = CaseFilter {
            code: None,
            cause: None,
            after: 0,
            limit: 1_000,
        };
        self.store
            .cases_open(&self.portal_id, &filter)
            .await
            .map_err(told)
    }

    /// How much we wrote on the portal.
    pub(crate) fn our_portal_writes(&self) -> usize {
        let truth = self.office.portal.truth();
        truth
            .entries()
            .filter(|entry| crate::check::is_our_write(entry))
            .count()
    }

    /// How much changed on the accounting side.
    fn accounting_changes(&self) -> usize {
        let truth = self.office.accounting.truth();
        truth
            .organizations
            .values()
            .map(|own| own.changes.len())
            .sum()
    }
}

/// Effects whose fate a person was asked to find out.
fn asked_about(stats: &store::Stats) -> u64 {
    let asked = stats
        .open_cases
        .iter()
        .find(|(code, _)| code == "OUTCOME-UNKNOWN");
    asked.map_or(0, |(_, count)| *count)
}

/// A request of somebody else's program on our address.
async fn neighbour(portal: axum::Router) {
    use tower::ServiceExt as _;
    let request = http::Request::post("/rest/7/k3v8s1d5m2n7q4x9/user.current")
        .header(http::header::HOST, "portal.example")
        .body(axum::body::Body::empty());
    if let Ok(request) = request {
        let Ok(_answer) = portal.oneshot(request).await;
    }
}
