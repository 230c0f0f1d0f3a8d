//! One seed's world: both emulators, one database, the processes of the product, the people, and time.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use documents::Renderer;
use domain::{DealId, PortalId};
use emulator_bitrix24::{Deliver, Delivered, PortalConfig};
use emulator_kontur_accounting as kontur;
use engine::clock::{earlier, later};
use engine::{Clock as _, TokioClock};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::{Mode, Portal, Store};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::connect::Access;
use crate::dice::{About, Dice};
use crate::freeze::Freezer;
use crate::neighbour::{self, Belongings};
use crate::network::{Kill, Network};
use crate::office;
use crate::people::Office;
use crate::process::{Ground, Numbers, Process};
use crate::story::Story;
use crate::weather::Weather;
use crate::witness::Witness;

/// Where every seed's day begins: Thursday, 12 March 2026, 9:00 in Moscow.
const MORNING: i64 = 1_773_295_200;

/// The product's doors, as the portal's events find them.
#[derive(Clone, Default)]
pub(crate) struct Doors {
    open: Arc<Mutex<Vec<(Router, Freezer)>>>,
    turn: Arc<AtomicU64>,
    /// Events answered with 200.
    pub(crate) accepted: Arc<AtomicU64>,
}

impl Doors {
    fn set(&self, doors: Vec<(Router, Freezer)>) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = doors;
    }

    fn next(&self) -> Option<(Router, Freezer)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = u64::try_from(open.len()).unwrap_or(1).max(1);
        open.get(usize::try_from(turn % count).unwrap_or(0))
            .cloned()
    }
}

impl Deliver for Doors {
    fn post(&self, _url: String, form: String) -> Pin<Box<dyn Future<Output = Delivered> + Send>> {
        let (door, accepted) = (self.next(), Arc::clone(&self.accepted));
        Box::pin(async move {
            let (routes, freezer) = door.ok_or_else(|| "nobody is there".to_owned())?;
            let is_install = form.contains("ONAPPINSTALL");
            let status = Process::hear(routes, freezer, form).await?;
            if status == 200 && !is_install {
                accepted.fetch_add(1, Ordering::Relaxed);
            }
            Ok(status)
        })
    }
}

/// What a world begins with.
pub(crate) struct Scene {
    pub(crate) weather: Weather,
    pub(crate) portal: PortalConfig,
    pub(crate) books: serde_json::Value,
    pub(crate) numbers: Numbers,
}

impl Scene {
    /// The one of a seed's day.
    pub(crate) fn of(seed: u64) -> Self {
        let weather = Weather::of(seed);
        Self {
            portal: office::portal(&weather),
            books: office::books(&weather),
            numbers: Numbers::of_a_day(),
            weather,
        }
    }
}

/// Everything that is there.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) weather: Weather,
    pub(crate) clock: TokioClock,
    pub(crate) start: Timestamp,
    pub(crate) store: Store,
    pub(crate) portal_id: PortalId,
    /// What the other tenant owned before we began.
    pub(crate) neighbour: Belongings,
    pub(crate) office: Office,
    pub(crate) ground: Ground,
    pub(crate) doors: Doors,
    pub(crate) slots: Vec<Option<Process>>,
    pub(crate) started: u64,
    pub(crate) kills: UnboundedReceiver<Kill>,
    pub(crate) ends: UnboundedReceiver<u64>,
    pub(crate) story: Story,
    /// Deals whose deleted invoice was given up.
    pub(crate) given_up: BTreeSet<DealId>,
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
            portal,
            books,
            numbers,
        } = scene;
        let start = Timestamp::from_second(MORNING).unwrap_or(Timestamp::UNIX_EPOCH);
        let clock = TokioClock::starting_at(start);
        let remote_clock = |skew: i64| {
            let base = start
                .checked_add(SignedDuration::from_secs(skew))
                .unwrap_or(start);
            emulator_harness::TokioClock::shared(base)
        };
        let doors = Doors::default();
        let portal = emulator_bitrix24::Emulator::new(
            portal,
            remote_clock(weather.skew.0),
            seed,
            Arc::new(doors.clone()),
        );
        let credentials = portal.credentials(office::PORTAL);
        let books = serde_json::from_value(books).map_err(told)?;
        let accounting = kontur::Emulator::new(books, remote_clock(weather.skew.1), seed);
        drop(portal.run_background());

        let store = Store::open_inline().map_err(told)?;
        let portal_id = PortalId::new(&credentials.member_id);
        let neighbour = neighbour::moves_in(&store, start).await?;
        found(&store, &portal_id, &weather, &portal, start).await?;
        let access = Access {
            portal: portal_id.clone(),
            webhook: (!weather.app).then(|| credentials.webhook_url.clone()),
            client_id: credentials.client_id.clone(),
            client_secret: credentials.client_secret.clone(),
            api_key: accounting.credentials(office::ACCOUNTING).api_key,
            idempotency_key: weather.idempotency_key,
        };
        let (kill, kills) = unbounded_channel();
        let (ended, ends) = unbounded_channel();
        let beside = store.opened_again().ok_or("the store has no second door")?;
        let network = Arc::new(Network::new(
            Dice::of(seed, About::Network),
            weather.latency_ms,
            Arc::new(move || clock.now()),
            kill,
            Witness::new(beside, portal_id.clone(), weather.owners > 1),
        ));
        let ground = Ground {
            seed,
            network,
            clock,
            access,
            portal: portal.router(),
            accounting: accounting.router(),
            renderer,
            ended,
            numbers,
        };
        let story = Story::default();
        let office = Office {
            portal,
            accounting,
            deals: BTreeMap::new(),
            buyers: BTreeMap::new(),
            handled: Vec::new(),
            dice: Dice::of(seed, About::People),
            story: story.clone(),
            most_deals: weather.deals,
            omitted: weather.omitted,
        };
        let mut world = Self {
            seed,
            slots: (0..weather.owners).map(|_| None).collect(),
            weather,
            clock,
            start,
            store,
            portal_id,
            neighbour,
            office,
            ground,
            doors,
            started: 0,
            kills,
            ends,
            story,
            given_up: BTreeSet::new(),
        };
        for slot in 0..world.slots.len() {
            world.start_process(slot).await;
        }
        if world.weather.app {
            world.install().await?;
        }
        for rule in world.weather.portal_faults.clone() {
            world.office.portal.faults().add(rule);
        }
        for rule in world.weather.accounting_faults.clone() {
            world.office.accounting.faults().add(rule);
        }
        Ok(world)
    }

    /// Our time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A process begins where none runs.
    pub(crate) async fn start_process(&mut self, slot: usize) {
        self.started = self.started.saturating_add(1);
        let Some(store) = self.store.opened_again() else {
            return;
        };
        let process = Process::start(&self.ground, self.started, store).await;
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(process);
        }
        self.open_doors();
    }

    /// The process of this number is no more; its slot.
    pub(crate) fn remove(&mut self, number: u64) -> Option<usize> {
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

    fn open_doors(&self) {
        let doors = self.slots.iter().flatten().map(Process::door).collect();
        self.doors.set(doors);
    }

    /// The portal's administrator installs the application, and events are bound.
    pub(crate) async fn install(&mut self) -> Result<(), String> {
        self.office.portal.install_application(office::DOOR);
        for _look in 0..600 {
            let kept = self.store.secrets_get(&self.portal_id).await;
            if kept.is_ok_and(|kept| kept.is_some()) {
                break;
            }
            crate::freeze::pause(Duration::from_millis(200)).await;
        }
        let Some(process) = self.slots.iter().flatten().next() else {
            return Err("nobody can be installed".to_owned());
        };
        let connector = &process.connector;
        connector.learn_offline().await;
        let offline = connector.offline().await;
        let bitrix24 = connector
            .bitrix24(connector_bitrix24::FieldNames::default(), offline)
            .ok_or("the application cannot be connected")?;
        let call = capability::Call::new(
            &self.portal_id,
            capability::Urgency::Click,
            &*connector.gate,
        );
        let findings = bitrix24
            .portal()
            .set_up
            .bind_events(&call, office::DOOR)
            .await
            .map_err(told)?;
        match findings.iter().find(|finding| !finding.holds) {
            Some(missing) => Err(format!("{}: {}", missing.what, missing.advice)),
            None => Ok(()),
        }
    }

    /// Changes the policy as a person does.
    pub(crate) async fn change_policy(
        &mut self,
        change: impl FnOnce(&mut planner::Policy),
    ) -> Result<(), String> {
        let stored = self
            .store
            .policy_current(&self.portal_id)
            .await
            .map_err(told)?
            .ok_or("no policy")?;
        let text = stored.body.get("toml").and_then(|text| text.as_str());
        let mut policy = planner::Policy::parse(text.unwrap_or_default()).map_err(told)?;
        change(&mut policy);
        let body = json!({"toml": policy.to_text().map_err(told)?});
        let now = self.now();
        self.store
            .policy_add(&self.portal_id, stored.version, &body, "integrator", now)
            .await
            .map_err(told)?;
        Ok(())
    }

    /// Changes the settings of the portal.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut PortalConfig)) {
        self.office.portal.configure(change);
    }
}

/// The portal's row and its policy.
async fn found(
    store: &Store,
    id: &PortalId,
    weather: &Weather,
    portal: &emulator_bitrix24::Emulator,
    start: Timestamp,
) -> Result<(), String> {
    let row = Portal {
        id: id.clone(),
        host: "portal.example".to_owned(),
        mode: Mode::Active,
        paused: false,
        detail: json!({}),
        created_at: start,
        updated_at: start,
    };
    store.portal_put(&row).await.map_err(told)?;
    let own = portal
        .company_by_title(office::SELLER)
        .and_then(|id| u64::try_from(id).ok())
        .ok_or("no seller")?;
    // The clocks differ by less; what is old is older by days.
    let start_at = earlier(start, Duration::from_secs(1_200));
    let policy = office::policy(weather, start_at, own);
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
