//! The evening: troubles end, people go home but for whoever answers what is asked, and everything comes to rest.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::Clock as _;
use engine::clock::later;
use planner::Mode;
use store::{CaseFilter, Retried, Subject};

use crate::chance::dice::{About, Dice};
use crate::days::day::secs;
use crate::days::world::{World, told};
use crate::evidence::witness::Ordered;
use crate::offices::tenant::Tenant;

/// How often a person ordered what was refused, by tenant, subject and code.
type Orders = BTreeMap<(usize, Subject, String), u8>;

/// So many quarters after the troubles, or after somebody's last word, whatever was put off by them has had its turn: a
/// remote that was left alone, a look that failed again and again, a clock that was set right.
const CALM: u32 = 4;
/// Whatever is looked at once an hour, and began just before, has had its turn twice.
const ALL_LOOKED_AT: u32 = 8;

impl World {
    /// Troubles end, people go home but for whoever answers what is asked; true once nothing moves any more.
    pub(crate) async fn settle(&mut self) -> Result<bool, String> {
        self.end_troubles().await?;
        self.applications_are_back().await?;
        self.bring_all().await?;
        // What only a statement shows is decided by rule once nobody else did.
        let clerk = self.weather.customs.clerk;
        if let Some(clerk) = clerk.filter(|clerk| clerk.is_decided_at_last()) {
            self.wait(secs(u64::from(clerk.wait_hours) * 3_600 + 600))
                .await;
        }
        let mut seen = (usize::MAX, usize::MAX);
        let mut quiet = 0;
        let mut ordered = BTreeMap::new();
        let mut dice = Dice::of(self.seed, About::Decisions);
        let mut left_alone = 0;
        for quarter in 0..100 {
            self.wait(secs(900)).await;
            self.observe()?;
            if quarter >= CALM {
                self.nothing_is_late()?;
            }
            let mut asked = self.close_in_the_evening(quarter < CALM).await?;
            asked |= self.answer_questions(&mut ordered, &mut dice).await?;
            if quiet >= 2 {
                asked |= self.order_deleted_anew().await?;
            }
            let now = (self.our_portal_writes(), self.accounting_changes());
            let open = self.under_way().await?;
            let moves = now != seen || asked || !open.is_empty();
            if moves {
                let words = format!("{now:?} after {seen:?}, answered: {asked}, {open}");
                self.story.tell(self.now(), "not quiet", words);
            }
            left_alone = if asked { 0 } else { left_alone + 1 };
            if quarter >= ALL_LOOKED_AT && left_alone > ALL_LOOKED_AT && moves {
                let words = format!("{now:?} after {seen:?}, {open}");
                self.watch.note(format!(
                    "[I-4] at {}: it moves, and nobody has done anything for two hours: {words}",
                    self.now()
                ));
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

    fn nothing_is_late(&self) -> Result<(), String> {
        let mut tenants = self.tenants.iter();
        tenants.try_for_each(|one| self.watch.nothing_is_late(one.place, self.host.now()))
    }

    /// What is on its way or not known yet, in words; nothing where all is settled.
    async fn under_way(&self) -> Result<String, String> {
        let mut words = String::new();
        for tenant in &self.tenants {
            let stats = self.store.stats(&tenant.id, self.now()).await;
            let stats = stats.map_err(told)?;
            let unknown = stats.unknown_effects.saturating_sub(asked_about(&stats));
            let events = tenant.office.portal.events_in_flight();
            if unknown > 0 || stats.sent_effects > 0 || events > 0 {
                words.push_str(&format!(
                    "portal {}: unknown {unknown}, sent {}, events {events} ",
                    tenant.place, stats.sent_effects
                ));
            }
        }
        Ok(words)
    }

    fn our_portal_writes(&self) -> usize {
        self.tenants.iter().map(Tenant::our_portal_writes).sum()
    }

    fn accounting_changes(&self) -> usize {
        self.tenants.iter().map(Tenant::accounting_changes).sum()
    }

    async fn end_troubles(&mut self) -> Result<(), String> {
        self.former_is_gone().await?;
        self.heal().await?;
        for place in 0..self.tenants.len() {
            self.unseal(place).await?;
        }
        let now = self.now();
        self.story.tell(now, "evening", "troubles end");
        for tenant in &self.tenants {
            let office = &tenant.office;
            office.portal.faults().clear();
            office.accounting.faults().clear();
            office
                .accounting
                .configure(|settings| settings.list_lag_ms = 0);
            office.close_books(now, false);
        }
        self.host.jump(0);
        self.tariff(true);
        self.all_scopes();
        for place in 0..self.tenants.len() {
            self.unhide(place, now);
        }
        self.calm_portals();
        let network = &self.ground.network;
        network.spoils().follow(Vec::new());
        network.portal_down.store(false, Ordering::Relaxed);
        network.accounting_down.store(false, Ordering::Relaxed);
        for process in self.slots.iter().flatten() {
            process.freezer.thaw(Duration::ZERO);
            process.is_spared();
        }
        for slot in 0..self.slots.len() {
            if self.slots.get(slot).is_some_and(Option::is_none) {
                self.start_process(slot).await;
            }
        }
        for place in 0..self.tenants.len() {
            self.set_mode(place, now, Mode::Active).await?;
            self.pause(place, now, false).await?;
        }
        Ok(())
    }

    /// Time passes; processes that end are started again.
    pub(crate) async fn wait(&mut self, time: Duration) {
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
        ordered: &mut Orders,
        dice: &mut Dice,
    ) -> Result<bool, String> {
        let mut asked = false;
        for place in 0..self.tenants.len() {
            for case in self.open_cases(place).await? {
                asked |= self.answer(place, &case, ordered).await?;
                // Whoever is asked about many deals at once answers; of one deal somebody may think until tomorrow.
                if case.facts.subject.as_deal().is_none() || dice.chance(300) {
                    asked |= self.choose(place, &case, dice).await?;
                }
            }
        }
        Ok(asked)
    }

    async fn answer(
        &mut self,
        place: usize,
        case: &store::Case,
        ordered: &mut Orders,
    ) -> Result<bool, String> {
        let now = self.now();
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(false);
        };
        let code = case.facts.code.as_str();
        match code {
            "ACTION-REFUSED" | "TRIED-TOO-OFTEN" => {
                // Nobody orders for ever what is refused each time.
                let orders = ordered.entry((place, case.facts.subject.clone(), code.to_owned()));
                let orders = orders.or_insert(0_u8);
                *orders = orders.saturating_add(1);
                if *orders > 3 {
                    return Ok(false);
                }
                let retried = self.store.case_retry(&tenant.id, case, "integrator", now);
                if let Retried::Ordered(case) = retried.await.map_err(told)? {
                    let effect = case.facts.facts.get("effect");
                    tenant.retried.push(Ordered {
                        at: now,
                        subject: case.facts.subject.to_string(),
                        effect: effect.and_then(|key| key.as_str()).map(str::to_owned),
                    });
                }
                let words = format!("{} {}", case.facts.cause, case.facts.subject);
                self.story.tell(now, "retried", words);
            }
            "SUBJECT-SET-ASIDE" => {
                let words = format!("{code} {}", case.facts.subject);
                self.story.tell(now, "looked again", words);
                let portal = tenant.id.clone();
                self.look_at(&portal, case.facts.subject.clone()).await?;
            }
            "BITRIX24-INSTALL" | "BITRIX24-ACCESS" if self.weather.app => {
                self.story.tell(now, "installed anew", code);
                tenant
                    .office
                    .portal
                    .install_application(crate::offices::office::DOOR);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What is open of a tenant, of all codes.
    pub(crate) async fn open_cases(&self, place: usize) -> Result<Vec<store::Case>, String> {
        let Some(tenant) = self.tenants.get(place) else {
            return Ok(Vec::new());
        };
        let filter = CaseFilter {
            code: None,
            cause: None,
            after: 0,
            limit: 1_000,
        };
        self.store
            .cases_open(&tenant.id, &filter)
            .await
            .map_err(told)
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
