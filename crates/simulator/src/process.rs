//! One process of the product: engine, reconciler, connectors, gate and the web side's routes, as the program puts
//! them together, on a database that outlives it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use documents::Renderer;
use engine::settings::PortalTask;
use engine::{Clock, Engine, Means, SharedRng, Stopper, StoreGate, TokioClock};
use jiff::Timestamp;
use reconciler::{Reconciler, portal_task};
use store::{Lane, Look, Store, Subject};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;
use transport::{InProcess, Peer};

use crate::connect::{Access, Connector, KnownPortals};
use crate::dice::{About, Dice};
use crate::freeze::{Freezer, ProcessClock, ProcessTransport};
use crate::network::{Death, Network, Remote, Way};
use crate::weather::{ACCOUNTING_QUIET, PORTAL_QUIET};

/// What every process of a world shares.
pub(crate) struct Ground {
    pub(crate) seed: u64,
    pub(crate) network: Arc<Network>,
    pub(crate) clock: TokioClock,
    pub(crate) access: Access,
    pub(crate) portal: Router,
    pub(crate) accounting: Router,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) ended: UnboundedSender<u64>,
    pub(crate) numbers: Numbers,
}

/// The numbers that the product goes by.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// Of the engine.
    pub engine: engine::Settings,
    /// Of the reconciler.
    pub reconciler: reconciler::Settings,
}

/// A process that runs.
pub(crate) struct Process {
    /// Which start: no two are alike.
    pub(crate) number: u64,
    pub(crate) store: Store,
    pub(crate) connector: Arc<Connector>,
    pub(crate) freezer: Freezer,
    dies: Arc<Mutex<Option<(u64, Death)>>>,
    routes: Router,
    stopper: Stopper,
    tasks: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts on `store`, a handle of its own.
    pub(crate) async fn start(ground: &Ground, number: u64, store: Store) -> Self {
        let freezer = Freezer::default();
        let clock: Arc<dyn Clock> = Arc::new(ProcessClock {
            clock: ground.clock,
            freezer: freezer.clone(),
        });
        let dies = Arc::new(Mutex::new(None));
        let way = |remote, router: &Router| -> Arc<dyn Peer> {
            Arc::new(Way {
                network: Arc::clone(&ground.network),
                remote,
                router: router.clone(),
                process: number,
                dies: Arc::clone(&dies),
            })
        };
        let peers = HashMap::from([
            (
                "portal.example".to_owned(),
                way(Remote::Portal, &ground.portal),
            ),
            (
                "kontur.example".to_owned(),
                way(Remote::Accounting, &ground.accounting),
            ),
        ]);
        let time = Arc::clone(&clock);
        let network = Arc::new(InProcess::new(peers, Arc::new(move || time.now())));
        let transport = Arc::new(ProcessTransport {
            network,
            freezer: freezer.clone(),
        });
        let rng = SharedRng::new(
            Dice::of(
                ground.seed.wrapping_mul(1_000).wrapping_add(number),
                About::Process,
            )
            .into_rng(),
        );
        let settings = Arc::new(ground.numbers.engine.clone());
        let gate = Arc::new(StoreGate::new(
            store.clone(),
            Arc::clone(&clock),
            rng.clone(),
            settings.gate.clone(),
        ));
        let connector = Arc::new(Connector::new(
            ground.access.clone(),
            store.clone(),
            Arc::clone(&clock),
            Arc::clone(&gate),
            transport,
        ));
        let routes = web::router(web::App {
            store: store.clone(),
            clock: Arc::clone(&clock),
            portals: Arc::new(KnownPortals(Arc::clone(&connector))),
            guard: Arc::default(),
        });
        let reconciler = Reconciler::new(
            Arc::clone(&connector) as Arc<dyn reconciler::Connections>,
            Arc::clone(&ground.renderer),
            ground.numbers.reconciler.clone(),
        );
        let means = Means {
            store: store.clone(),
            clock: Arc::clone(&clock),
            gate,
            rng,
            settings,
        };
        look_now(&store, &ground.access, clock.now()).await;
        let (stopper, stop) = Stopper::new();
        let engine = Engine::new(means, Arc::new(reconciler), format!("process-{number}"));
        let ended = ground.ended.clone();
        let work = tokio::spawn(async move {
            // Whether it was stopped or its storage broke: the process is over.
            let _ended = engine.run(stop).await.is_ok();
            let _heard = ended.send(number);
        });
        let learns = Arc::clone(&connector);
        let beside = tokio::spawn(async move {
            if learns.access.webhook.is_none() {
                learns.learn_offline().await;
            }
        });
        Self {
            number,
            store,
            connector,
            freezer,
            dies,
            routes,
            stopper,
            tasks: vec![work, beside],
        }
    }

    /// Takes an event in, as over HTTP.
    pub(crate) async fn hear(
        routes: Router,
        freezer: Freezer,
        form: String,
    ) -> Result<u16, String> {
        freezer.thawed().await;
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
        let request = http::Request::post(web::BITRIX24_EVENTS)
            .header(
                http::header::CONTENT_TYPE,
                "application/x-www-form-urlencoded",
            )
            .extension(ConnectInfo(peer))
            .body(Body::from(form))
            .map_err(|error| error.to_string())?;
        let Ok(answer) = routes.oneshot(request).await;
        Ok(answer.status().as_u16())
    }

    /// What [`Process::hear`] wants.
    pub(crate) fn door(&self) -> (Router, Freezer) {
        (self.routes.clone(), self.freezer.clone())
    }

    /// It is to die at its request after `skipped` others.
    pub(crate) fn dies_at_request(&self, skipped: u64, death: Death) {
        *self.dies.lock().unwrap_or_else(PoisonError::into_inner) = Some((skipped, death));
    }

    /// Asks it to end when what runs is done.
    pub(crate) fn ask_to_stop(&self) {
        self.stopper.stop();
    }

    /// It is gone from one moment to the next.
    pub(crate) fn kill(&self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What may have changed while we were away is looked for at once.
async fn look_now(store: &Store, access: &Access, now: Timestamp) {
    let looks: Vec<Look> = [portal_task::SWEEP, portal_task::OFFLINE, portal_task::FEED]
        .into_iter()
        .map(|task| Look {
            subject: Subject::portal(task),
            lane: Lane::Due,
            due_at: now,
            reason: "start".to_owned(),
        })
        .collect();
    // A store that fails here fails the start; the engine meets it next.
    let _asked = store.look(&access.portal, &looks).await.is_ok();
}

impl Numbers {
    /// The program's own, but for intervals that only cost idle time.
    pub(crate) fn of_a_day() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let mut engine = engine::Settings::default();
        engine.lease.poll = Duration::from_secs(30);
        engine.upkeep.schedule_every = minutes(10);
        engine.upkeep.portal_tasks = vec![
            PortalTask::new(portal_task::SWEEP, minutes(15)),
            PortalTask::new(portal_task::CASES, minutes(30)),
            PortalTask::new(portal_task::LINKS, minutes(35)),
        ];
        let reconciler = reconciler::Settings {
            portal_quiet: PORTAL_QUIET,
            accounting_quiet: ACCOUNTING_QUIET,
            feed_every: minutes(5),
            offline_every: minutes(5),
            ..reconciler::Settings::default()
        };
        Self { engine, reconciler }
    }
}
