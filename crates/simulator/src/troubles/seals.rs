//! Another version of the program runs for a while and records an invoice, or that it asked for one, so that ours cannot read
//! it: the machine is given back to ours, which has to leave that deal alone, and later the other version comes back.

use jiff::Timestamp;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::{Calendar, Happening, secs};
use crate::days::world::World;
use crate::evidence::records::SealedRow;

/// As it is counted, and named on the page of faults.
const SEALED: &str = "record of another version";

/// A record that could not be read for a while.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) deal: i64,
    pub(crate) from: Timestamp,
    /// None: still.
    pub(crate) until: Option<Timestamp>,
    rows: Vec<SealedRow>,
    /// Somebody wrote over it meanwhile.
    pub(crate) overwritten: bool,
}

impl Weather {
    /// Some days have it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_seals(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Seals);
        let every = dice.chance(100).then(|| dice.time(secs(60), secs(250)));
        let Some(every) = every.filter(|_| self.is_plain()) else {
            return;
        };
        // Money goes its own way.
        self.bank = false;
        self.customs.seals = Some(every);
    }
}

impl World {
    /// A record of some deal's invoice is another version's from now on.
    pub(crate) async fn seal(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
    ) -> Result<(), String> {
        calendar.again(now, self.weather.customs.seals, Happening::Seal);
        let place = self.some_tenant();
        let Some(tenant) = self.tenants.get_mut(place) else {
            return Ok(());
        };
        let portal = tenant.id.clone();
        let links = self.records.links(&portal)?;
        let linked: Vec<i64> = links.into_keys().map(|(deal, ..)| deal).collect();
        let creating = self.records.creating(&portal)?;
        let is_sealed = tenant.sealed.iter().any(|one| one.until.is_none());
        let dice = &mut tenant.office.habits;
        let deal = dice.pick(&creating).or_else(|| dice.pick(&linked));
        let Some(deal) = deal.filter(|_| !is_sealed) else {
            return Ok(());
        };
        let stopped = self.stop_all().await;
        let rows = self.records.seal(&portal, deal)?;
        let from = self.now();
        // What was under way may have come to its end before they stopped.
        let is_sealed = !rows.is_empty();
        if let Some(tenant) = self.tenants.get_mut(place).filter(|_| is_sealed) {
            tenant.office.tell(from, SEALED, format!("deal {deal}"));
            tenant.sealed.push(Sealed {
                deal,
                from,
                until: None,
                rows,
                overwritten: false,
            });
        }
        for slot in stopped {
            self.start_process(slot).await;
        }
        calendar.soon(from, secs(20), secs(600), Happening::Unseal(place));
        Ok(())
    }

    /// The version that made it is back, with what it can read.
    pub(crate) async fn unseal(&mut self, place: usize) -> Result<(), String> {
        let is_open = |one: &Sealed| one.until.is_none();
        let tenant = self.tenants.get(place);
        if !tenant.is_some_and(|tenant| tenant.sealed.iter().any(is_open)) {
            return Ok(());
        }
        let stopped = self.stop_all().await;
        let (now, records) = (self.now(), self.records.clone());
        if let Some(tenant) = self.tenants.get_mut(place) {
            for one in tenant.sealed.iter_mut().filter(|one| is_open(one)) {
                one.overwritten = !records.unseal(&one.rows)?;
                one.until = Some(now);
                let words = format!("deal {}", one.deal);
                tenant.office.tell(now, "read again", words);
            }
        }
        for slot in stopped {
            self.start_process(slot).await;
        }
        Ok(())
    }
}
