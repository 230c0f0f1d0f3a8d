//! One seed's world: both emulators, one database, the processes of the product, the people, and time.

use std::sync::Arc;
use std::time::Duration;

use documents::Renderer;
use domain::PortalId;
use emulator_bitrix24::PortalConfig;
use engine::clock::{earlier, later};
use engine::{Clock as _, TokioClock};
use jiff::Timestamp;
use serde_json::json;
use store::{Mode, Portal, Store};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::story::Story;
use crate::evidence::records::{Backup, Records};
use crate::evidence::watch::Watch;
use crate::evidence::witness::Witness;
use crate::habits::shares;
use crate::machine::doors::Doors;
use crate::machine::host::HostClock;
use crate::machine::network::{Kill, Network};
use crate::machine::process::{Ground, Numbers, Process, Site};
use crate::offices::links;
use crate::offices::neighbour::{self, Belongings};
use crate::offices::new_year::NewYear;
use crate::offices::office;
use crate::offices::tenant::Tenant;
use crate::troubles::death::Point;
use crate::troubles::import::Turned;
use crate::troubles::installations::Former;
use crate::troubles::restore::Restored;
use crate::troubles::spoil::Spoils;
use crate::troubles::strikes::Strikes;

/// Where most seeds' days begin: Thursday, 12 March 2026, 9:00 in Moscow.
const MORNING: i64 = 1_773_295_200;

/// So long a process takes to be gone that was told to be.
const GONE: Duration = Duration::from_millis(50);

/// What a world begins with.
pub(crate) struct Scene {
    pub(crate) weather: Weather,
    /// By tenant: its portal and its books.
    pub(crate) sites: Vec<(PortalConfig, serde_json::Value)>,
    pub(crate) numbers: Numbers,
    /// A point at which so many processes die, one after the other.
    pub(crate) doom: Option<(Point, u64)>,
}

impl Scene {
    /// The one of a seed's day.
    pub(crate) fn of(seed: u64) -> Self {
        Self::under(Weather::of(seed))
    }

    /// A short day without trouble, but that so many processes die at a point.
    pub(crate) fn at_point(point: Point, deaths: u64) -> Self {
        Self {
            doom: Some((point, deaths)),
            ..Self::under(Weather::of_deaths())
        }
    }

    fn under(weather: Weather) -> Self {
        let sites = (0..weather.tenants).map(|place| {
            let portal = office::portal(&weather, place);
            (portal, office::books(&weather, place))
        });
        let mut numbers = Numbers::of_a_day();
        if weather.customs.clerk.is_some() {
            numbers.follow_payments();
        }
        Self {
            sites: sites.collect(),
            numbers,
            weather,
            doom: None,
        }
    }
}

/// Everything that is there.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) weather: Weather,
    pub(crate) clock: TokioClock,
    pub(crate) host: HostClock,
    pub(crate) start: Timestamp,
    pub(crate) store: Store,
    /// What the judges see of it.
    pub(crate) records: Records,
    pub(crate) tenants: Vec<Tenant>,
    /// What the tenant at rest owned before we began.
    pub(crate) neighbour: Belongings,
    pub(crate) ground: Ground,
    pub(crate) doors: Doors,
    pub(crate) watch: Watch,
    pub(crate) slots: Vec<Option<Process>>,
    pub(crate) started: u64,
    pub(crate) kills: UnboundedReceiver<Kill>,
    pub(crate) ends: UnboundedReceiver<u64>,
    pub(crate) story: Story,
    /// Who of the tenants is next to work.
    pub(crate) turns: Dice,
    /// Who dies where few come by.
    pub(crate) deaths: Dice,
    /// The last backup of the database, with the moment at which it was made.
    pub(crate) copy: Option<(Timestamp, Backup)>,
    /// The machine is gone, and nobody starts anything before the backup is put back.
    pub(crate) is_lost: bool,
    pub(crate) restored: Option<Restored>,
    /// The installation that our portal was taken from, where it was.
    pub(crate) former: Option<Former>,
    /// Rows move while lists are read: whose, as they are turned over.
    pub(crate) turned: UnboundedReceiver<Turned>,
    /// A point at which so many more processes are to die.
    doom: Option<(Point, u64)>,
}

/// The doors lead to the processes, those to the remotes, and the remotes to the doors: nobody would ever be let go.
impl Drop for World {
    fn drop(&mut self) {
        self.doors.set(Vec::new());
    }
}

impl World {
    /// Emulators, database and processes, before anybody works.
    pub(crate) async fn begin(
        seed: u64,
        scene: Scene,
        renderer: Arc<Renderer>,
    ) -> Result<Self, String> {
        let Scene {
            weather,
            sites,
            numbers,
            doom,
        } = scene;
        let morning = Timestamp::from_second(MORNING).unwrap_or(Timestamp::UNIX_EPOCH);
        let start = weather.customs.new_year.map_or(morning, NewYear::morning);
        let clock = TokioClock::starting_at(start);
        let host = HostClock::right(clock);
        let (doors, story) = (Doors::new(clock), Story::default());
        let mut tenants = Vec::new();
        for (place, site) in sites.into_iter().enumerate() {
            tenants.push(Tenant::found(
                seed, place, site, &weather, start, &doors, &story,
            )?);
        }
        let store = Store::open_inline().map_err(told)?;
        let neighbour = neighbour::moves_in(&store, start).await?;
        for tenant in &mut tenants {
            found(&store, tenant, &weather, start).await?;
            if weather.customs.calls.is_some() {
                tenant.let_in_callers(seed, &store, &weather).await?;
            }
            if weather.customs.hints.is_some() {
                tenant.let_in_hints(seed, &store).await?;
            }
        }
        let portals: Vec<PortalId> = tenants.iter().map(|tenant| tenant.id.clone()).collect();
        let secrets = tenants.iter().map(|tenant| tenant.secrets.clone());
        let records = Records::of(&store);
        records.follow()?;
        let watch = Watch::new(records.clone(), portals.clone(), secrets.collect());
        let witness = Witness::new(records.clone(), portals, weather.owners > 1);
        let (kill, kills) = unbounded_channel();
        let (ended, ends) = unbounded_channel();
        let (turns_over, turned) = unbounded_channel();
        let network = Network::new(
            Dice::of(seed, About::Network),
            weather.latency_ms,
            Spoils::new(Dice::of(seed, About::Answers)),
            watch.clone(),
            witness,
            Arc::new(move || clock.now()),
            kill,
        );
        let turns_over = weather.customs.import.is_some().then_some(turns_over);
        let network = Arc::new(network.turning(turns_over));
        let sites = tenants.iter().map(|tenant| Site {
            access: tenant.access.clone(),
            portal: tenant.office.portal.router(),
            accounting: tenant.office.accounting.router(),
        });
        let ground = Ground {
            seed,
            network,
            clock: host.clone(),
            tenants: sites.collect(),
            renderer,
            ended,
            strikes: Strikes::new(clock, story.clone()),
            numbers,
            marks: weather.customs.installations.is_some(),
        };
        let mut world = Self {
            seed,
            slots: (0..weather.owners).map(|_| None).collect(),
            weather,
            clock,
            host,
            start,
            store,
            records,
            tenants,
            neighbour,
            ground,
            doors,
            watch,
            started: 0,
            kills,
            ends,
            story,
            turns: Dice::of(seed, About::Tenants),
            deaths: Dice::of(seed, About::Deaths),
            copy: None,
            is_lost: false,
            restored: None,
            former: None,
            turned,
            doom: None,
        };
        world.take_over().await?;
        for slot in 0..world.slots.len() {
            world.start_process(slot).await;
        }
        if world.weather.app {
            for place in 0..world.tenants.len() {
                world.install(place).await?;
            }
        }
        world.troubles_begin(doom);
        Ok(world)
    }

    /// Whatever this seed's day suffers, it suffers after the installation.
    fn troubles_begin(&mut self, doom: Option<(Point, u64)>) {
        self.usual_faults();
        self.ground
            .network
            .spoils()
            .follow(self.weather.spoils.clone());
        if let Some(limit) = self.weather.operating_limit_ms {
            self.configure(|portal| {
                portal.limits.operating_limit_ms = limit;
                portal.latency.read_ms = 15;
                portal.latency.write_ms = 60;
            });
        }
        self.doom = doom;
        for slot in 0..self.slots.len() {
            self.doom(slot);
        }
    }

    /// Whoever runs in this slot is to die, while anybody is.
    fn doom(&mut self, slot: usize) {
        if let Some((point, left @ 1..)) = &mut self.doom
            && let Some(Some(process)) = self.slots.get(slot)
        {
            *left = left.saturating_sub(1);
            process.dies_at_point(*point, 0);
        }
    }

    /// The true time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A process begins where none runs.
    pub(crate) async fn start_process(&mut self, slot: usize) {
        if self.is_lost {
            return;
        }
        self.started = self.started.saturating_add(1);
        let Some(store) = self.store.opened_again() else {
            return;
        };
        let process = Process::start(&self.ground, self.started, store).await;
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(process);
        }
        self.doom(slot);
        self.open_doors();
    }

    /// The process of this number is no more; its slot.
    pub(crate) fn remove(&mut self, number: u64) -> Option<usize> {
        self.ground.strikes.ends(number);
        let slot = self
            .slots
            .iter()
            .position(|process| process.as_ref().is_some_and(|one| one.number == number))?;
        if let Some(place) = self.slots.get_mut(slot) {
            // Dropping kills.
            *place = None;
        }
        self.open_doors();
        Some(slot)
    }

    /// All processes are gone from one moment to the next; their slots.
    pub(crate) async fn stop_all(&mut self) -> Vec<usize> {
        let numbers = self.slots.iter().flatten().map(|one| one.number);
        let numbers: Vec<u64> = numbers.collect();
        let numbers = numbers.into_iter();
        let stopped = numbers.filter_map(|number| self.remove(number)).collect();
        // What was about to run is let go of first.
        crate::machine::freeze::pause(GONE).await;
        stopped
    }

    fn open_doors(&self) {
        let doors = self.slots.iter().flatten().map(Process::door).collect();
        self.doors.set(doors);
    }

    /// A portal's administrator installs the application, and events are bound.
    async fn install(&mut self, place: usize) -> Result<(), String> {
        let Some(tenant) = self.tenants.get(place) else {
            return Ok(());
        };
        tenant.office.portal.install_application(office::DOOR);
        for _look in 0..600 {
            let kept = self.store.secrets_get(&tenant.id).await;
            if kept.is_ok_and(|kept| kept.is_some()) {
                break;
            }
            crate::machine::freeze::pause(Duration::from_millis(200)).await;
        }
        let Some(process) = self.slots.iter().flatten().next() else {
            return Err("nobody can be installed".to_owned());
        };
        let Some(connector) = process.connectors.0.get(place) else {
            return Err("nobody can be installed".to_owned());
        };
        connector.learn_offline().await;
        let offline = connector.offline().await;
        let bitrix24 = connector
            .bitrix24(connector_bitrix24::FieldNames::default(), offline)
            .ok_or("the application cannot be connected")?;
        let call = capability::Call::new(&tenant.id, capability::Urgency::Click, &*connector.gate);
        let findings = bitrix24
            .portal()
            .set_up
            .bind_events(&call, office::DOOR)
            .await
            .map_err(told)?;
        let trigger = match self.weather.customs.clerk {
            Some(_) => bitrix24.portal().set_up.register_trigger(&call).await,
            None => None,
        };
        let mut findings = findings.iter().chain(&trigger);
        match findings.find(|finding| !finding.holds) {
            Some(missing) => Err(format!("{}: {}", missing.what, missing.advice)),
            None => Ok(()),
        }
    }

    /// The policy of a tenant in force.
    pub(crate) async fn policy(&self, portal: &PortalId) -> Result<planner::Policy, String> {
        let stored = self.store.policy_current(portal).await;
        let stored = stored.map_err(told)?.ok_or("no policy")?;
        let text = stored.body.get("toml").and_then(|text| text.as_str());
        planner::Policy::parse(text.unwrap_or_default()).map_err(told)
    }

    /// Changes the policy of a tenant as a person does.
    pub(crate) async fn change_policy(
        &self,
        portal: &PortalId,
        change: impl FnOnce(&mut planner::Policy),
    ) -> Result<(), String> {
        let stored = self
            .store
            .policy_current(portal)
            .await
            .map_err(told)?
            .ok_or("no policy")?;
        let text = stored.body.get("toml").and_then(|text| text.as_str());
        let mut policy = planner::Policy::parse(text.unwrap_or_default()).map_err(told)?;
        change(&mut policy);
        let body = json!({"toml": policy.to_text().map_err(told)?});
        let now = self.host.now();
        self.store
            .policy_add(portal, stored.version, &body, "integrator", now)
            .await
            .map_err(told)?;
        Ok(())
    }

    /// The remotes' own faults, as this seed has them.
    pub(crate) fn usual_faults(&self) {
        for tenant in &self.tenants {
            let office = &tenant.office;
            office.portal.faults().clear();
            office.accounting.faults().clear();
            for rule in self.weather.portal_faults.clone() {
                office.portal.faults().add(rule);
            }
            for rule in self.weather.accounting_faults.clone() {
                office.accounting.faults().add(rule);
            }
        }
    }

    /// What our records say now is compared with what they said before.
    pub(crate) fn observe(&self) -> Result<(), String> {
        let now = self.now();
        for tenant in &self.tenants {
            self.watch.observe(tenant.place, &tenant.retried, now)?;
            let accepted = tenant.doors.accepted();
            self.watch.events_kept(tenant.place, &accepted, now)?;
        }
        Ok(())
    }

    /// A tenant, drawn.
    pub(crate) fn some_tenant(&mut self) -> usize {
        if self.weather.floods && self.turns.chance(850) {
            return 0;
        }
        let count = u64::try_from(self.tenants.len()).unwrap_or(1);
        usize::try_from(self.turns.below(count)).unwrap_or(0)
    }
}

/// The portal's row, before anybody changes it.
pub(crate) fn row(tenant: &Tenant, start: Timestamp) -> Portal {
    Portal {
        id: tenant.id.clone(),
        host: office::portal_host(tenant.place),
        mode: Mode::Active,
        paused: false,
        detail: json!({}),
        created_at: start,
        updated_at: start,
    }
}

/// The portal's row and its policy.
pub(crate) async fn found(
    store: &Store,
    tenant: &Tenant,
    weather: &Weather,
    start: Timestamp,
) -> Result<(), String> {
    let id = &tenant.id;
    store.portal_put(&row(tenant, start)).await.map_err(told)?;
    let own = tenant
        .office
        .portal
        .company_by_title(office::SELLER)
        .and_then(|id| u64::try_from(id).ok())
        .ok_or("no seller")?;
    // The clocks differ by less; what is old is older by days.
    let start_at = earlier(start, Duration::from_secs(1_200));
    let mut policy = office::policy(weather, tenant.place, start_at, own);
    if let Some(sellers) = &weather.customs.sellers {
        let ruled = sellers.rule(&mut policy, &tenant.office);
        ruled.ok_or("no second seller")?;
    }
    if let Some(terms) = &weather.customs.terms {
        let ruled = terms.rule(&mut policy.invoice, &tenant.office);
        ruled.ok_or("no buyer with terms of his own")?;
    }
    if let Some(odd) = weather.customs.odd_rows {
        odd.rules.write(&mut policy);
    }
    if let Some(contracts) = weather.customs.contracts {
        contracts.write(&mut policy);
    }
    if weather.customs.links {
        links::write(&mut policy);
    }
    if weather.customs.shares {
        shares::write(&mut policy);
    }
    let body = json!({"toml": policy.to_text().map_err(told)?});
    store
        .policy_add(id, 0, &body, "simulator", later(start, Duration::ZERO))
        .await
        .map_err(told)?;
    for organisation in &policy.organisations {
        let claimed = store.organisation_claim(id, &organisation.id).await;
        if claimed.map_err(told)?.is_err() {
            return Err("the organisation is taken".to_owned());
        }
    }
    Ok(())
}

pub(crate) fn told(error: impl ToString) -> String {
    error.to_string()
}
