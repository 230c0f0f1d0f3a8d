//! The application is removed from its portal, and installed again a while later under the same `member_id`. People go
//! on with their deals meanwhile, and nobody tells us of it.

use std::time::Duration;

use engine::clock::later;
use jiff::Timestamp;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::{Calendar, Happening, secs};
use crate::days::world::{World, told};
use crate::offices::office::DOOR;

/// As it is counted, and named on the page of faults.
const REMOVED: &str = "application removed";

/// After so long whoever installed it looks whether we are back.
const LOOKED_AFTER: Duration = secs(60);

/// So often it is tried in the evening: nobody is there only for a minute or two.
const TRIES: usize = 10;

/// When the application is removed, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removal {
    pub(crate) after: Duration,
    lasts: Duration,
}

impl Weather {
    /// Some days have it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_removal(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Removals);
        let is_drawn = dice.chance(250);
        let removal = Removal {
            after: dice.time(secs(60), secs(300)),
            lasts: dice.time(secs(480), secs(900)),
        };
        if !(is_drawn && self.app && self.is_plain()) {
            return;
        }
        // Whoever stood still goes on with what he had begun, and by a clock that is set what is late may go out.
        self.often.frozen = None;
        self.often.jump = None;
        self.day = self.day.max(secs(1_500));
        // Meanwhile nobody reads what the accounting side calls for.
        if let Some(hints) = &mut self.customs.hints {
            hints.undisturbed = false;
        }
        self.customs.removal = Some(removal);
    }
}

impl World {
    /// A portal's administrator removes the application.
    pub(crate) fn remove_application(&mut self, calendar: &mut Calendar, now: Timestamp) {
        let place = self.some_tenant();
        let removal = self.weather.customs.removal;
        if let Some((tenant, removal)) = self.tenants.get_mut(place).zip(removal) {
            tenant.parked.push(now);
            tenant.office.portal.uninstall_application(DOOR, false);
            tenant.office.tell(now, REMOVED, "from the portal");
            let back = Happening::Reinstall(place, true);
            calendar.put(later(now, removal.lasts), back);
        }
    }

    /// He installs it again, and once more while we say that it is not there.
    pub(crate) async fn reinstall(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
        (place, first): (usize, bool),
    ) -> Result<(), String> {
        if first || self.is_removed(place).await? {
            self.install_anew(place, now);
            let looked = Happening::Reinstall(place, false);
            calendar.put(later(now, LOOKED_AFTER), looked);
        }
        Ok(())
    }

    /// In the evening too.
    pub(crate) async fn applications_are_back(&mut self) -> Result<(), String> {
        if self.weather.customs.removal.is_none() {
            return Ok(());
        }
        for place in 0..self.tenants.len() {
            for _try in 0..TRIES {
                if !self.is_removed(place).await? {
                    break;
                }
                let now = self.now();
                self.install_anew(place, now);
                self.wait(LOOKED_AFTER).await;
            }
        }
        Ok(())
    }

    fn install_anew(&mut self, place: usize, now: Timestamp) {
        if let Some(tenant) = self.tenants.get_mut(place) {
            tenant.parked.push(now);
            tenant.office.portal.install_application(DOOR);
            tenant
                .office
                .tell(now, "installed again", "the same application");
        }
    }

    /// What `provodka check` says.
    async fn is_removed(&self, place: usize) -> Result<bool, String> {
        let Some(tenant) = self.tenants.get(place) else {
            return Ok(false);
        };
        let portal = self.store.portal_get(&tenant.id).await.map_err(told)?;
        Ok(portal.is_some_and(|portal| desk::pause::is_removed(&portal)))
    }
}
