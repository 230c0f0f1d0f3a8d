//! Many portals of one program on the machine's clock, for measurements: each has an imitated portal and an imitated
//! accounting side of its own, and all share a store, an engine and a web side, as the program puts them together.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use documents::{Layout, Renderer};
use domain::{OrganisationId, PortalId};
use emulator_bitrix24::{Deliver, Delivered, Latency};
use emulator_kontur_accounting as kontur;
use engine::{Clock, Engine, EngineError, Means, SharedRng, SteadyClock, Stopper, StoreGate};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use reconciler::Reconciler;
use serde_json::json;
use store::{Mode, Portal, Store};
use tokio::task::JoinHandle;
use tower::ServiceExt as _;
use transport::{InProcess, Peer, PeerFailure, Transport};

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::world::told;
use crate::machine::connect::{Access, Connector, Connectors, KnownPortals};
use crate::machine::freeze::Freezer;
use crate::machine::process::{Numbers, Process};
use crate::offices::office;

type Moments = Arc<Mutex<Vec<Timestamp>>>;

/// One portal with its accounting side.
pub struct Crowded {
    portal: emulator_bitrix24::Emulator,
    access: Access,
    router: Router,
    books: Router,
    asked: Moments,
    accepted: Moments,
}

impl Crowded {
    /// Its imitated portal.
    pub fn portal(&self) -> &emulator_bitrix24::Emulator {
        &self.portal
    }

    /// A company that can buy.
    pub fn buyer(&self) -> String {
        office::title_in(self.access.place, 0)
    }

    /// When the portal was asked for something after a moment, for the first time.
    pub fn asked_after(&self, at: Timestamp) -> Option<Timestamp> {
        first_after(&self.asked, at)
    }

    /// When an event of it was answered with 200 after a moment, for the first time.
    pub fn accepted_after(&self, at: Timestamp) -> Option<Timestamp> {
        first_after(&self.accepted, at)
    }
}

/// All of them at work.
pub struct Crowd {
    portals: Vec<Crowded>,
    clock: Arc<dyn Clock>,
    stopper: Stopper,
    engine: JoinHandle<Result<(), EngineError>>,
}

impl Crowd {
    /// `count` portals on `store`; the engine works once this returns.
    ///
    /// # Errors
    /// Where a portal cannot be made or kept.
    pub async fn begin(
        store: &Store,
        count: usize,
        latency: Latency,
        accounting_ms: u64,
        numbers: Numbers,
    ) -> Result<Self, String> {
        let clock: Arc<dyn Clock> = Arc::new(SteadyClock::of_this_machine());
        let doors = Doors::new(&clock);
        let ground = Ground {
            store,
            clock: &clock,
            doors: &doors,
            latency,
            accounting_ms,
        };
        let mut portals = Vec::with_capacity(count);
        for place in 0..count {
            portals.push(ground.portal(place).await?);
        }
        let rng = SharedRng::new(Dice::of(0, About::Process).into_rng());
        let settings = Arc::new(numbers.engine);
        let gate = Arc::new(StoreGate::new(
            store.clone(),
            Arc::clone(&clock),
            rng.clone(),
            settings.gate.clone(),
        ));
        let time = Arc::clone(&clock);
        let ways = ways(&portals, &clock);
        let transport: Arc<dyn Transport> =
            Arc::new(InProcess::new(ways, Arc::new(move || time.now())));
        let connector = |one: &Crowded| {
            Arc::new(Connector::new(
                one.access.clone(),
                store.clone(),
                Arc::clone(&clock),
                Arc::clone(&gate),
                Arc::clone(&transport),
            ))
        };
        let connectors = Arc::new(Connectors(portals.iter().map(connector).collect()));
        let routes = web::router(web::App {
            store: store.clone(),
            clock: Arc::clone(&clock),
            portals: Arc::new(KnownPortals(Arc::clone(&connectors))),
            guard: Arc::default(),
        });
        let _first = doors.routes.set(routes).is_ok();
        let means = Means {
            store: store.clone(),
            clock: Arc::clone(&clock),
            gate,
            rng,
            settings,
            watch: engine::Watch::default(),
        };
        let renderer = Arc::new(Renderer::new(Layout::default()));
        let reconciler = Reconciler::new(connectors, renderer, numbers.reconciler);
        let (stopper, stop) = Stopper::new();
        let engine = Engine::new(means, Arc::new(reconciler), "crowd");
        let engine = tokio::spawn(async move { engine.run(stop).await });
        Ok(Self {
            portals,
            clock,
            stopper,
            engine,
        })
    }

    /// All portals.
    pub fn portals(&self) -> &[Crowded] {
        &self.portals
    }

    /// The clock that all go by.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets the engine come to its end.
    ///
    /// # Errors
    /// Where it had failed.
    pub async fn end(self) -> Result<(), String> {
        self.stopper.stop();
        self.engine.await.map_err(told)?.map_err(told)
    }
}

/// What every portal stands on.
struct Ground<'a> {
    store: &'a Store,
    clock: &'a Arc<dyn Clock>,
    doors: &'a Doors,
    latency: Latency,
    accounting_ms: u64,
}

impl Ground<'_> {
    async fn portal(&self, place: usize) -> Result<Crowded, String> {
        let weather = Weather::still();
        let (now, seed) = (self.clock.now(), u64::try_from(place).unwrap_or(0));
        let remote_clock = || emulator_harness::TokioClock::shared(now);
        let mut config = office::portal(&weather, place);
        config.deals.clear();
        config.latency = self.latency.clone();
        let deliver = self.doors.of_one();
        let accepted = Arc::clone(&deliver.accepted);
        let portal =
            emulator_bitrix24::Emulator::new(config, remote_clock(), seed, Arc::new(deliver));
        drop(portal.run_background());
        let credentials = portal.credentials(&office::portal_address(place));
        let mut books = office::books(&weather, place);
        if let Some(settings) = books.get_mut("settings") {
            settings["latency_ms"] = self.accounting_ms.into();
            settings["requests_per_minute"] = 0.into();
        }
        let books = serde_json::from_value(books).map_err(told)?;
        let accounting = kontur::Emulator::new(books, remote_clock(), seed);
        let id = PortalId::new(&credentials.member_id);
        self.found(&id, place, &portal).await?;
        let access = Access {
            portal: id,
            place,
            webhook: Some(credentials.webhook_url),
            client_id: credentials.client_id,
            client_secret: credentials.client_secret,
            api_key: accounting
                .credentials(&office::accounting_address(place))
                .api_key,
            idempotency_key: false,
            own_books: None,
        };
        Ok(Crowded {
            router: portal.router(),
            books: accounting.router(),
            portal,
            access,
            asked: Arc::default(),
            accepted,
        })
    }

    /// Its row and its policy.
    async fn found(
        &self,
        id: &PortalId,
        place: usize,
        portal: &emulator_bitrix24::Emulator,
    ) -> Result<(), String> {
        let now = self.clock.now();
        let row = Portal {
            id: id.clone(),
            host: office::portal_host(place),
            mode: Mode::Active,
            paused: false,
            detail: json!({}),
            created_at: now,
            updated_at: now,
        };
        self.store.portal_put(&row).await.map_err(told)?;
        let own = portal.company_by_title(office::SELLER);
        let own = own
            .and_then(|id| u64::try_from(id).ok())
            .ok_or("no seller")?;
        let policy = office::policy(&Weather::still(), place, now, own);
        let body = json!({"toml": policy.to_text().map_err(told)?});
        let added = self.store.policy_add(id, 0, &body, "bench", now).await;
        added.map_err(told)?;
        let organisation = OrganisationId::new(office::organisation(place));
        let claimed = self.store.organisation_claim(id, &organisation).await;
        match claimed.map_err(told)? {
            Ok(()) => Ok(()),
            Err(_) => Err("the organisation is taken".to_owned()),
        }
    }
}

fn ways(portals: &[Crowded], clock: &Arc<dyn Clock>) -> HashMap<String, Arc<dyn Peer>> {
    let mut ways: HashMap<String, Arc<dyn Peer>> = HashMap::new();
    for one in portals {
        let place = one.access.place;
        let line = |router: &Router, asked: &Moments| Line {
            router: router.clone(),
            asked: Arc::clone(asked),
            clock: Arc::clone(clock),
        };
        let to_portal = line(&one.router, &one.asked);
        ways.insert(office::portal_host(place), Arc::new(to_portal));
        let to_books = line(&one.books, &Arc::default());
        ways.insert(office::accounting_host(place), Arc::new(to_books));
    }
    ways
}

/// The way to one remote.
struct Line {
    router: Router,
    asked: Moments,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Peer for Line {
    async fn call(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, PeerFailure> {
        note(&self.asked, self.clock.now());
        let answer = self.router.clone().oneshot(request.map(Body::from)).await;
        let Ok(answer) = answer;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|_| PeerFailure::Cut)?;
        Ok(http::Response::from_parts(head, body.to_bytes()))
    }
}

/// The program's door, as the events of one portal find it.
#[derive(Clone)]
struct Doors {
    routes: Arc<OnceLock<Router>>,
    accepted: Moments,
    clock: Arc<dyn Clock>,
}

impl Doors {
    fn new(clock: &Arc<dyn Clock>) -> Self {
        Self {
            routes: Arc::default(),
            accepted: Arc::default(),
            clock: Arc::clone(clock),
        }
    }

    fn of_one(&self) -> Self {
        Self {
            accepted: Arc::default(),
            ..self.clone()
        }
    }
}

impl Deliver for Doors {
    fn post(&self, _url: String, form: String) -> Pin<Box<dyn Future<Output = Delivered> + Send>> {
        let doors = self.clone();
        Box::pin(async move {
            let routes = doors.routes.get().ok_or("nobody is there")?.clone();
            let status =
                Process::hear(routes, Freezer::default(), web::BITRIX24_EVENTS, form).await?;
            if status == 200 {
                note(&doors.accepted, doors.clock.now());
            }
            Ok(status)
        })
    }
}

fn note(moments: &Moments, at: Timestamp) {
    let mut moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
    moments.push(at);
}

fn first_after(moments: &Moments, at: Timestamp) -> Option<Timestamp> {
    let moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
    moments.iter().copied().find(|one| *one >= at)
}
