//! A right that hides the buyers' companies from us for a while, or our own one that sells: the portal's lists come
//! back without them, and whoever looks by another account sees them as ever.

use emulator_bitrix24::{CompanySeed, PortalConfig, Reach};
use jiff::Timestamp;
use serde_json::json;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::{Calendar, Happening, secs};
use crate::days::world::World;
use crate::offices::office::COLLEAGUE;
use crate::people::managers::Office;

/// By whose account we read the portal.
const TECHNICAL: i64 = COLLEAGUE;
const COMPANY: &str = "company";

impl Weather {
    /// Few days have it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_hidden(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Hidden);
        let every = dice.chance(40).then(|| dice.time(secs(60), secs(300)));
        self.customs.hides = every.filter(|_| self.is_plain());
    }

    /// On some others it is our own company that is hidden.
    pub(crate) fn draw_hidden_seller(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::HiddenSeller);
        let every = dice.chance(45).then(|| dice.time(secs(60), secs(300)));
        if let Some(every) = every.filter(|_| self.is_plain()) {
            self.customs.hides = Some(every);
            self.customs.hides_seller = true;
        }
    }
}

/// Whichever companies are not to be hidden stay to be seen.
pub(crate) fn keep_others(portal: &mut PortalConfig, hides_seller: bool) {
    let companies = portal.companies.iter_mut();
    for company in companies.filter(|one| one.is_my_company != hides_seller) {
        keep(company);
    }
}

/// The technical user is responsible for it.
pub(crate) fn keep(company: &mut CompanySeed) {
    let own = ("ASSIGNED_BY_ID".to_owned(), json!(TECHNICAL));
    company.fields.extend([own]);
}

impl Office {
    /// The right to see companies is taken, or given back.
    pub(crate) fn hide_companies(&mut self, now: Timestamp, hides: bool) {
        self.portal.configure(|portal| {
            for user in portal.users.iter_mut().filter(|one| one.id == TECHNICAL) {
                if hides {
                    user.may_read.insert(COMPANY.to_owned(), Reach::Own);
                } else {
                    user.may_read.remove(COMPANY);
                }
            }
        });
        if hides || self.hidden.last().is_some_and(|(_, hidden)| *hidden) {
            self.hidden.push((now, hides));
            let kind = if self.hides_seller {
                "own company hidden"
            } else {
                "companies hidden"
            };
            self.tell(now, kind, format!("{hides}"));
        }
    }
}

impl World {
    /// Somebody changes the technical user's rights.
    pub(crate) fn hide(&mut self, calendar: &mut Calendar, now: Timestamp) {
        let place = self.some_tenant();
        if let Some(tenant) = self.tenants.get_mut(place) {
            tenant.office.hide_companies(now, true);
            calendar.soon(now, secs(20), secs(600), Happening::Unhide(place));
        }
        calendar.again(now, self.weather.customs.hides, Happening::Hide);
    }

    pub(crate) fn unhide(&mut self, place: usize, now: Timestamp) {
        if let Some(tenant) = self.tenants.get_mut(place) {
            tenant.office.hide_companies(now, false);
        }
    }
}
