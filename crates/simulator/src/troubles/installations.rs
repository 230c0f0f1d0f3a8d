//! Two installations of the product for one portal. In the morning the office moved to another machine, and ours
//! took the portal over; now and then somebody starts the former installation again, which has records and a policy
//! of its own and would bill the same deals, lets it run for a while and stops it, or sets up yet another one with
//! empty records.
//!
//! Not here: a portal that is taken from an installation while it runs. It goes on until it looks at the mark
//! again, and tells its administrator then.

use std::sync::Arc;
use std::time::Duration;

use engine::Means;
use jiff::Timestamp;
use rand::Rng as _;
use reconciler::installation::Owner;
use store::{CaseFilter, Store};

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::{Calendar, Happening, secs};
use crate::days::world::{World, found, row, told};
use crate::machine::connect::Connector;
use crate::machine::network::Remote;
use crate::machine::process::Process;
use crate::offices::office::NUMBER;

/// As it is counted, and named on the page of faults.
const TWO: &str = "two installations";
/// The question of an installation whose portal is another's.
pub(crate) const TAKEN: &str = "PORTAL-TAKEN";
/// So long the former installation runs at least: it has looked at the mark, and has found work to do.
const LEAST: Duration = secs(60);
/// With more deals in hand the requests of two that know nothing of one another may meet in the portal's bucket.
const MOST_DEALS: u64 = 8;

/// The installation that our portal was taken from.
pub(crate) struct Former {
    store: Store,
    running: Option<(Process, Timestamp)>,
}

/// One time that another installation turned to our portal.
#[derive(Clone, Debug)]
pub(crate) struct Intrusion {
    pub(crate) at: Timestamp,
    /// Which start of which process.
    pub(crate) process: u64,
    /// It was told whose the portal is, or a person is asked at its desk when it stops.
    pub(crate) is_held_back: bool,
}

impl Weather {
    /// Some days have it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_installations(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Installations);
        let every = dice.chance(250).then(|| dice.time(secs(60), secs(250)));
        let is_small = self.tenants == 1 && self.deals <= MOST_DEALS;
        let Some(every) = every.filter(|_| is_small && !self.app && self.is_plain()) else {
            return;
        };
        // A portal that does not tell whose it is is worked for: this one tells, and at once.
        self.portal_faults = Vec::new();
        self.spoils
            .retain(|(remote, ..)| *remote == Remote::Accounting);
        self.operating_limit_ms = None;
        self.often.outage = None;
        self.often.broken = None;
        self.often.scopes = None;
        self.often.neighbour = None;
        self.often.jump = None;
        self.customs.installations = Some(every);
    }
}

impl World {
    /// Before anybody works: the former installation has marked the portal, and ours takes it over.
    pub(crate) async fn take_over(&mut self) -> Result<(), String> {
        if self.weather.customs.installations.is_none() {
            return Ok(());
        }
        let tenant = self.tenants.first().ok_or("no such tenant")?;
        let former = Store::open_inline().map_err(told)?;
        found(&former, tenant, &self.weather, self.start).await?;
        for store in [former.clone(), self.store.clone()] {
            let (_, connector, means) = self.command(&store)?;
            let chance = means.rng.clone().next_u64();
            if !connector.claim(NUMBER, chance).await? {
                return Err("the portal cannot be marked".to_owned());
            }
        }
        self.former = Some(Former {
            store: former,
            running: None,
        });
        Ok(())
    }

    /// Somebody starts the former installation, or sets up yet another one.
    pub(crate) async fn intrude(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
    ) -> Result<(), String> {
        let every = self.weather.customs.installations;
        calendar.again(now, every, Happening::Intrude);
        let Some(former) = &self.former else {
            return Ok(());
        };
        if former.running.is_some() || calendar.dice.chance(300) {
            return self.set_up_another(now).await;
        }
        let store = former.store.opened_again();
        let store = store.ok_or("the records are elsewhere")?;
        self.started = self.started.saturating_add(1);
        let process = Process::start(&self.ground, self.started, store).await;
        let words = format!("the former one runs as process {}", process.number);
        self.story.tell(now, TWO, words);
        if let Some(former) = &mut self.former {
            former.running = Some((process, now));
        }
        calendar.soon(now, LEAST, secs(400), Happening::StopFormer);
        Ok(())
    }

    /// As `provodka setup` does it up to where it would begin to write.
    async fn set_up_another(&mut self, now: Timestamp) -> Result<(), String> {
        let tenant = self.tenants.first().ok_or("no such tenant")?;
        let empty = Store::open_inline().map_err(told)?;
        empty
            .portal_put(&row(tenant, self.start))
            .await
            .map_err(told)?;
        let (process, connector, _) = self.command(&empty)?;
        let owner = connector.owner(NUMBER).await;
        let intrusion = Intrusion {
            at: now,
            process,
            // The portal of such a day tells.
            is_held_back: owner == Ok(Owner::Another),
        };
        self.story
            .tell(now, "set up beside ours", format!("{owner:?}"));
        if let Some(tenant) = self.tenants.first_mut() {
            tenant.intrusions.push(intrusion);
        }
        Ok(())
    }

    /// The former installation is stopped, if it runs; what it asked is kept for the checks.
    pub(crate) async fn stop_former(&mut self) -> Result<(), String> {
        let (former, tenant) = (self.former.as_mut(), self.tenants.first_mut());
        let Some((former, tenant)) = former.zip(tenant) else {
            return Ok(());
        };
        // Gone from one moment to the next, once it is let go of.
        let Some((process, at)) = former.running.take() else {
            return Ok(());
        };
        // Had it been connected since it was asked last, the question would be withdrawn.
        let asked = CaseFilter {
            code: Some(TAKEN.to_owned()),
            ..CaseFilter::default()
        };
        let asked = former.store.cases_open(&tenant.id, &asked).await;
        let asked = asked.map_err(told)?;
        tenant.intrusions.push(Intrusion {
            at,
            process: process.number,
            is_held_back: !asked.is_empty(),
        });
        let words = format!("process {}", process.number);
        self.story
            .tell(self.now(), "former installation stopped", words);
        Ok(())
    }

    /// In the evening too, once it has run for long enough.
    pub(crate) async fn former_is_gone(&mut self) -> Result<(), String> {
        let former = self.former.as_ref();
        if former.is_some_and(|former| former.running.is_some()) {
            self.wait(LEAST).await;
        }
        self.stop_former().await
    }

    /// A command on these records: which start it is, and what it works with.
    fn command(&mut self, records: &Store) -> Result<(u64, Arc<Connector>, Means), String> {
        let store = records.opened_again();
        let store = store.ok_or("the records are elsewhere")?;
        self.started = self.started.saturating_add(1);
        let (connectors, means) = Process::beside(&self.ground, self.started, store);
        let connector = connectors.0.first().ok_or("nobody is connected")?;
        Ok((self.started, Arc::clone(connector), means))
    }
}
