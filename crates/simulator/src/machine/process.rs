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
use engine::{Clock, Engine, Means, SharedRng, Stopper, StoreGate};
use jiff::Timestamp;
use reconciler::{Reconciler, portal_task};
use store::{Lane, Look, Store, Subject};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;
use transport::{InProcess, Peer};

use crate::chance::dice::{About, Dice};
use crate::chance::weather::{ACCOUNTING_QUIET, PORTAL_QUIET};
use crate::machine::connect::{Access, Connector, Connectors, KnownPortals};
use crate::machine::freeze::{Freezer, ProcessClock, ProcessTransport};
use crate::machine::host::HostClock;
use crate::machine::marks::{first_looks, watched};
use crate::machine::network::{Network, Remote, Way};
use crate::offices::office;
use crate::troubles::death::{Doom, Moment, Point, Reached};
use crate::troubles::strikes::Strikes;

/// What every process of a world shares.
pub(crate) struct Ground {
    pub(crate) seed: u64,
    pub(crate) network: Arc<Network>,
    /// What the machine shows; the truth is the network's.
    pub(crate) clock: HostClock,
    pub(crate) tenants: Vec<Site>,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) ended: UnboundedSender<u64>,
    pub(crate) strikes: Strikes,
    pub(crate) numbers: Numbers,
    /// The portals are marked, and whose they are is looked at.
    pub(crate) marks: bool,
}

/// The numbers that the product goes by.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// Of the engine.
    pub engine: engine::Settings,
    /// Of the reconciler.
    pub reconciler: reconciler::Settings,
}

/// A tenant as processes reach it.
pub(crate) struct Site {
    pub(crate) access: Access,
    pub(crate) portal: Router,
    pub(crate) accounting: Router,
}

/// A process that runs.
pub(crate) struct Process {
    /// Which start: no two are alike.
    pub(crate) number: u64,
    pub(crate) store: Store,
    pub(crate) connectors: Arc<Connectors>,
    pub(crate) freezer: Freezer,
    doom: Arc<Mutex<Option<Doom>>>,
    /// The named point at which its store is to fail.
    armed: Mutex<Option<&'static str>>,
    routes: Router,
    stopper: Stopper,
    tasks: Vec<JoinHandle<()>>,
}

/// What a program of the product is put together from, without its service.
struct Equipment {
    connectors: Arc<Connectors>,
    means: Means,
    freezer: Freezer,
    doom: Arc<Mutex<Option<Doom>>>,
}

impl Equipment {
    fn of(ground: &Ground, number: u64, store: &Store) -> Self {
        let freezer = Freezer::of(number, ground.strikes.clone());
        let clock: Arc<dyn Clock> = Arc::new(ProcessClock {
            clock: ground.clock.steady(),
            freezer: freezer.clone(),
        });
        let doom = Arc::new(Mutex::new(None));
        let peers = ways(ground, number, &doom);
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
        let connector = |site: &Site| {
            Arc::new(Connector::new(
                site.access.clone(),
                store.clone(),
                Arc::clone(&clock),
                Arc::clone(&gate),
                Arc::clone(&transport) as Arc<dyn transport::Transport>,
            ))
        };
        let connectors = Arc::new(Connectors(ground.tenants.iter().map(connector).collect()));
        let means = Means {
            store: store.clone(),
            clock,
            gate,
            rng,
            settings,
            watch: engine::Watch::default(),
        };
        Self {
            connectors,
            means,
            freezer,
            doom,
        }
    }
}

impl Process {
    /// Starts on `store`, a handle of its own.
    pub(crate) async fn start(ground: &Ground, number: u64, store: Store) -> Self {
        let Equipment {
            connectors,
            means,
            freezer,
            doom,
        } = Equipment::of(ground, number, &store);
        let clock = Arc::clone(&means.clock);
        let routes = web::router(web::App {
            store: store.clone(),
            clock: Arc::clone(&clock),
            portals: Arc::new(KnownPortals(Arc::clone(&connectors))),
            guard: Arc::default(),
        });
        let reconciler = Reconciler::new(
            Arc::clone(&connectors) as Arc<dyn reconciler::Connections>,
            Arc::clone(&ground.renderer),
            ground.numbers.reconciler.clone(),
        );
        for site in &ground.tenants {
            look_now(&store, &site.access, clock.now()).await;
        }
        let strikes = ground.strikes.clone();
        store
            .faults()
            .tell(move |fault| strikes.store_fails(number, fault));
        let (stopper, stop) = Stopper::new();
        let engine = Engine::new(means, Arc::new(reconciler), format!("process-{number}"));
        let ended = ground.ended.clone();
        let (mut tasks, looked) = if ground.marks {
            watched(&connectors, &clock)
        } else {
            (Vec::new(), Vec::new())
        };
        let waits = Arc::clone(&clock);
        let work = tokio::spawn(async move {
            first_looks(looked, &*waits).await;
            // Whether it was stopped or its storage broke: the process is over.
            let _ended = engine.run(stop).await.is_ok();
            let _heard = ended.send(number);
        });
        let learn = Arc::clone(&connectors);
        let beside = tokio::spawn(async move {
            for learns in &learn.0 {
                if learns.access.webhook.is_none() {
                    learns.learn_offline().await;
                }
            }
        });
        tasks.extend([work, beside]);
        Self {
            number,
            store,
            connectors,
            freezer,
            doom,
            armed: Mutex::new(None),
            routes,
            stopper,
            tasks,
        }
    }

    /// What a command has that runs beside the service.
    pub(crate) fn beside(ground: &Ground, number: u64, store: Store) -> (Arc<Connectors>, Means) {
        let equipment = Equipment::of(ground, number, &store);
        (equipment.connectors, equipment.means)
    }

    /// Takes a form in at a path, as over HTTP.
    pub(crate) async fn hear(
        routes: Router,
        freezer: Freezer,
        path: &str,
        form: String,
    ) -> Result<u16, String> {
        freezer.thawed().await;
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
        let request = http::Request::post(path)
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

    /// It is to die at a request.
    pub(crate) fn dies_at_request(&self, doom: Doom) {
        *self.doom.lock().unwrap_or_else(PoisonError::into_inner) = Some(doom);
    }

    /// It is to die at a named point, once it came by so many times.
    pub(crate) fn dies_at_point(&self, point: Point, skipped: u64) {
        match point.reached {
            Reached::Request(asked, death) => self.dies_at_request(Doom {
                at: Some(asked),
                skipped,
                death,
                point: point.name,
            }),
            Reached::Store(statement, fault) => {
                let moment = Moment {
                    statement: Some(statement),
                    fault,
                };
                let nth = u32::try_from(skipped).unwrap_or(0).saturating_add(1);
                self.dies_at(moment, nth, Some(point.name));
            }
        }
    }

    /// One of them is to die at one of these points, when it comes by one of the next `times`.
    pub(crate) fn one_dies(slots: &[Option<Self>], points: &[Point], times: u64, dice: &mut Dice) {
        let (point, skipped) = (dice.pick(points), dice.below(times));
        let alive: Vec<&Self> = slots.iter().flatten().collect();
        if let (Some(point), Some(process)) = (point, dice.pick(&alive)) {
            process.dies_at_point(point, skipped);
        }
    }

    /// It is to die when its store comes to this.
    pub(crate) fn dies_at(&self, moment: Moment, nth: u32, point: Option<&'static str>) {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = point;
        let faults = self.store.faults();
        match moment.statement {
            Some(statement) => faults.fail_nth_of(statement, nth, moment.fault),
            None => faults.fail_nth(nth, moment.fault),
        }
    }

    /// The named point at which its store has failed, if it did.
    pub(crate) fn failed_at(&self) -> Option<&'static str> {
        let armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        armed.filter(|_| !self.store.faults().cancel())
    }

    /// What was ordered and has not happened yet is taken back.
    pub(crate) fn is_spared(&self) {
        *self.doom.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let _was_ordered = self.store.faults().cancel();
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

/// A process's ways to all remotes, by host.
fn ways(
    ground: &Ground,
    number: u64,
    doom: &Arc<Mutex<Option<Doom>>>,
) -> HashMap<String, Arc<dyn Peer>> {
    let mut peers = HashMap::new();
    for site in &ground.tenants {
        let place = site.access.place;
        let way = |remote, router: &Router| -> Arc<dyn Peer> {
            Arc::new(Way {
                network: Arc::clone(&ground.network),
                tenant: place,
                remote,
                router: router.clone(),
                process: number,
                doom: Arc::clone(doom),
            })
        };
        peers.insert(
            office::portal_host(place),
            way(Remote::Portal, &site.portal),
        );
        peers.insert(
            office::accounting_host(place),
            way(Remote::Accounting, &site.accounting),
        );
    }
    peers
}

/// What may have changed while we were away is looked for at once.
pub(crate) async fn look_now(store: &Store, access: &Access, now: Timestamp) {
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

    /// The accounting side's payments are read, as often as the program does.
    pub(crate) fn follow_payments(&mut self) {
        let task = PortalTask::new(portal_task::FOLLOWED, self.reconciler.payments_idle_every);
        self.engine.upkeep.portal_tasks.push(task);
    }
}
