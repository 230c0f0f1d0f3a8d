//! A backup that is put back after the machine is lost: our records are then minutes older than both remotes, and nobody
//! told them what was made since.
//!
//! The database is copied at one moment. Later every process is gone at once; whoever keeps the machine waits until nothing
//! of theirs can land any more, puts the copy back, lets the product begin anew from then on, as the guide says, and starts
//! it. Few days have it, and none on which money, parts or another program stand in the records: those are not in the remotes.

use std::time::Duration;

use engine::clock::later;
use jiff::Timestamp;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::{ACCOUNTING_QUIET, Weather};
use crate::days::day::{Calendar, Happening, secs};
use crate::days::world::World;

/// When on a day the copy is made and the machine is lost, counted from its beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restore {
    pub(crate) copied_after: Duration,
    pub(crate) lost_after: Duration,
}

/// What was put back, and since when the product works with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restored {
    pub(crate) copied: Timestamp,
    /// The product began anew here, by our clock.
    pub(crate) at: Timestamp,
}

/// From the loss to the new beginning: nothing lands any more, and no list lags behind.
const AWAY: Duration = ACCOUNTING_QUIET.saturating_add(secs(90));
/// So much of the day is left after it.
const LEFT: Duration = secs(300);
/// A backup is made where there is something to be told by the feed; until then it is put off.
const TRIED_AGAIN: Duration = secs(20);

impl Weather {
    /// Few days have one: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_restore(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Restores);
        let is_drawn = dice.chance(30);
        let in_records = self.bank || self.parts || !self.customs.is_usual();
        if !is_drawn || in_records {
            return;
        }
        self.often.jump = None;
        self.day = self.day.max(secs(1_500));
        self.deals = dice.between(8, 16);
        self.managers = dice.time(secs(8), secs(25));
        let copied_after = dice.time(secs(60), self.day.saturating_sub(AWAY + LEFT) / 2);
        let latest = self.day.saturating_sub(AWAY + LEFT);
        let lost_after = dice.time(copied_after + secs(150), latest);
        self.customs.restore = Some(Restore {
            copied_after,
            lost_after,
        });
    }
}

impl World {
    /// The database is copied, once each portal's feed was read.
    pub(crate) fn back_up(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
    ) -> Result<(), String> {
        let mut tenants = self.tenants.iter();
        let is_read = tenants.try_fold(true, |all, tenant| {
            Ok::<bool, String>(all && self.records.is_fed(&tenant.id)?)
        })?;
        if !is_read {
            calendar.put(later(now, TRIED_AGAIN), Happening::BackUp);
            return Ok(());
        }
        self.story.tell(now, "backed up", "the whole database");
        self.copy = Some((now, self.records.copy()?));
        Ok(())
    }

    /// All processes are gone together with what they had written; nobody starts one until the copy is back.
    pub(crate) fn lose(&mut self, calendar: &mut Calendar, now: Timestamp) {
        if self.copy.is_none() {
            return;
        }
        self.story.tell(now, "machine lost", "with its database");
        let numbers: Vec<u64> = self.slots.iter().flatten().map(|one| one.number).collect();
        for number in numbers {
            self.remove(number);
        }
        self.is_lost = true;
        calendar.put(later(now, AWAY), Happening::Restored);
    }

    /// The copy is put back, and the product begins anew.
    pub(crate) async fn restore(&mut self, now: Timestamp) -> Result<(), String> {
        let Some((copied, copy)) = self.copy.take() else {
            return Ok(());
        };
        self.is_lost = false;
        self.records.put_back(&copy)?;
        let at = self.host.now();
        for place in 0..self.tenants.len() {
            let Some(tenant) = self.tenants.get_mut(place) else {
                continue;
            };
            tenant.doors.forget();
            for deal in tenant.office.deals.values_mut() {
                // The answer is forgotten with the question.
                deal.left_out = deal.left_out.filter(|left| *left < copied);
            }
            let portal = tenant.id.clone();
            self.change_policy(&portal, |policy| policy.start_at = at)
                .await?;
        }
        self.watch.forget();
        self.ground.strikes.forgets();
        self.restored = Some(Restored { copied, at });
        let words = format!("as it was at {copied}");
        self.story.tell(now, "restored", words);
        for slot in 0..self.slots.len() {
            self.start_process(slot).await;
        }
        if self.weather.app {
            for tenant in &self.tenants {
                tenant
                    .office
                    .portal
                    .install_application(crate::offices::office::DOOR);
            }
        }
        Ok(())
    }
}
