//! Both emulators, a database of its own and the product, all on loopback, as a scenario wants them.
//!
//! Each replica of the product has a runtime of its own, so that it can be killed in the middle of anything.
//! Nothing waits for a length of time: [`until`] waits for what must be seen, up to a deadline.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use emulator_bitrix24::{Actor, Credentials, HttpDeliver, OutgoingWebhookSeed, PortalConfig, What};
use emulator_harness::{Served, TokioClock};
use engine::clock::later;
use engine::{Clock as _, SteadyClock};
use provodka::args::JournalArgs;
use provodka::config::{Config, Environment, Raw, RawOrganisation, RawTiming};
use provodka::product::{Product, Surroundings};
use provodka::serve::{self, Running};
use provodka::{journal, policy, setup};
use store::{Case, CaseFilter};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::database::Database;
use crate::office;

/// What an outgoing webhook sends; a portal administrator ticks the same.
const EVENTS: [&str; 14] = [
    "ONCRMDEALADD",
    "ONCRMDEALUPDATE",
    "ONCRMDEALDELETE",
    "ONCRMCOMPANYADD",
    "ONCRMCOMPANYUPDATE",
    "ONCRMCONTACTADD",
    "ONCRMCONTACTUPDATE",
    "ONCRMREQUISITEADD",
    "ONCRMREQUISITEUPDATE",
    "ONCRMREQUISITEDELETE",
    "ONCRMBANKDETAILADD",
    "ONCRMBANKDETAILUPDATE",
    "ONCRMADDRESSREGISTER",
    "ONCRMADDRESSUNREGISTER",
];
pub(crate) const EVENT_TOKEN: &str = "canary-application-token-5d81";
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SEED: u64 = 20_261_122;

/// What a scenario starts from.
pub(crate) struct Start {
    pub(crate) portal: PortalConfig,
    /// Installed as an application, else connected by webhooks.
    pub(crate) as_application: bool,
    /// Else the funnel is watched only.
    pub(crate) active: bool,
    pub(crate) timing: fn(&mut RawTiming),
    /// The portal's usual limits hold; else those of a plan on which sweeps every other second are affordable.
    pub(crate) usual_limits: bool,
    /// So many processes of the product, all on one database.
    pub(crate) replicas: usize,
    pub(crate) database: Database,
    /// There is no accounting program: the product keeps the books itself.
    pub(crate) own_books: bool,
    /// With a test organisation beside the real one.
    pub(crate) test_beside: bool,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            portal: office::portal(),
            as_application: false,
            active: true,
            timing: |_| {},
            usual_limits: false,
            replicas: 1,
            database: Database::Sqlite,
            own_books: false,
            test_beside: false,
        }
    }
}

/// Everything that runs.
pub(crate) struct World {
    pub(crate) portal: emulator_bitrix24::Emulator,
    pub(crate) portal_url: String,
    pub(crate) credentials: Credentials,
    pub(crate) kontur: emulator_kontur_accounting::Emulator,
    pub(crate) folder: TempDir,
    settings: Raw,
    secrets: Environment,
    doors: Vec<SocketAddr>,
    replicas: Vec<Option<Replica>>,
    background: JoinHandle<()>,
    served: Mutex<Vec<Served>>,
    set_up_writes: usize,
}

/// One process of the product, as far as a test can have one.
struct Replica {
    runtime: Runtime,
    running: Running,
}

impl World {
    /// As `setup --active` leaves a portal whose product is connected by webhooks and works on SQLite.
    pub(crate) async fn usual() -> Self {
        Self::begin(Start::default()).await
    }

    pub(crate) async fn begin(start: Start) -> Self {
        let clock = TokioClock::shared(SteadyClock::of_this_machine().now());
        let mut listeners = Vec::new();
        let mut config = start.portal;
        if !start.usual_limits {
            config.limits.burst = 250;
            config.limits.drain_per_second = 40;
        }
        for _ in 0..start.replicas {
            let (listener, url) = listen().await;
            listeners.push(listener);
            if !start.as_application {
                config.outgoing_webhooks.push(OutgoingWebhookSeed {
                    url: format!("{url}{}", web::BITRIX24_EVENTS),
                    events: EVENTS.map(str::to_owned).to_vec(),
                    application_token: EVENT_TOKEN.to_owned(),
                });
            }
        }
        let (door, portal_url) = listen().await;
        let portal = emulator_bitrix24::Emulator::new(
            config,
            Arc::clone(&clock),
            SEED,
            Arc::new(HttpDeliver),
        );
        let credentials = portal.credentials(&portal_url);
        let mut served = vec![emulator_harness::serve(door, portal.router(), None).await];
        let (door, kontur_url) = listen().await;
        let books = serde_json::from_value(office::organisation()).unwrap();
        let kontur = emulator_kontur_accounting::Emulator::new(books, clock, SEED);
        served.push(emulator_harness::serve(door, kontur.router(), None).await);
        let background = portal.run_background();

        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(&credentials, &kontur_url);
        settings.database.url = match start.database {
            Database::Sqlite => format!("sqlite:{}", folder.path().join("provodka.db").display()),
            Database::Postgres(url) => url,
        };
        (start.timing)(&mut settings.timing);
        if !start.usual_limits {
            settings.limits.bitrix24_burst = 200;
            settings.limits.bitrix24_per_minute = 1_800;
        }
        let doors: Vec<SocketAddr> = listeners
            .iter()
            .map(|listener| listener.local_addr().unwrap())
            .collect();
        if start.as_application {
            settings.bitrix24.kind = "app".to_owned();
            settings.server.public_url = format!("http://{}", doors[0]);
        }
        if start.own_books {
            settings.accounting.kind = "office".to_owned();
            settings.accounting.organisations = vec![office::own_organisation()];
            if start.test_beside {
                settings.accounting.organisations.push(RawOrganisation {
                    id: "sever-test".to_owned(),
                    prefix: String::new(),
                    test: true,
                    ..office::own_organisation()
                });
            }
        }
        let key = kontur.credentials(&kontur_url).api_key;
        let mut world = Self {
            secrets: secrets(&credentials, &key, start.as_application),
            portal,
            portal_url,
            credentials,
            kontur,
            folder,
            settings,
            doors,
            replicas: Vec::new(),
            background,
            served: Mutex::new(served),
            set_up_writes: 0,
        };
        for listener in listeners {
            let replica = world.replica(listener).await;
            world.replicas.push(Some(replica));
        }
        if start.as_application {
            world.install().await;
        }
        world.set_up(start.active).await;
        world.set_up_writes = world.our_writes().len();
        world
    }

    /// What of the product a person at its console holds.
    pub(crate) fn product(&self) -> Product {
        self.products().swap_remove(0)
    }

    /// The same of each process that lives.
    pub(crate) fn products(&self) -> Vec<Product> {
        let alive = self.replicas.iter().flatten();
        alive
            .map(|replica| replica.running.product().clone())
            .collect()
    }

    /// Another installation for the same portal and the same accounting side, with records of its own; it does not serve.
    pub(crate) async fn another_installation(&self) -> Product {
        let config = Config::from_raw(&self.settings, &self.secrets);
        let surroundings = Surroundings {
            store: Some(store::Store::open_inline().unwrap()),
            ..Surroundings::of_machine()
        };
        Product::open(
            config.unwrap_or_else(|faults| panic!("{faults}")),
            surroundings,
        )
        .await
        .unwrap()
    }

    /// Stops the product gracefully.
    pub(crate) async fn stop(&mut self) {
        for replica in &mut self.replicas {
            let Replica { runtime, running } = replica.take().unwrap();
            runtime.spawn(running.stop()).await.unwrap().unwrap();
            runtime.shutdown_background();
        }
    }

    /// The product's processes are gone from one moment to the next.
    pub(crate) async fn kill(&mut self) {
        for replica in &mut self.replicas {
            let Replica { runtime, running } = replica.take().unwrap();
            let killed = tokio::task::spawn_blocking(move || {
                // Every task ends where it waits; its sockets are free afterwards.
                runtime.shutdown_timeout(Duration::from_secs(5));
                drop(running);
            });
            killed.await.unwrap();
        }
    }

    /// Starts it again, on the same database and the same addresses.
    pub(crate) async fn start_again(&mut self) {
        for place in 0..self.replicas.len() {
            let listener = TcpListener::bind(self.doors[place]).await.unwrap();
            self.replicas[place] = Some(self.replica(listener).await);
        }
    }

    /// All bills ever made for a deal, deleted ones included.
    pub(crate) fn bills_ever(&self, deal: i64) -> usize {
        let mark = office::mark(deal);
        let truth = self.kontur.truth();
        let holds_mark = |text: &str| text.contains(&mark);
        truth
            .bills()
            .filter(|bill| bill.comment.as_deref().is_some_and(holds_mark))
            .count()
    }

    /// The deal has one bill and has had no other, shows its number, and has one timeline entry with one file.
    #[track_caller]
    pub(crate) fn assert_one_true_invoice(&self, deal: i64) {
        let truth = self.kontur.truth();
        let live = truth.live_bills_marked(&office::mark(deal));
        assert_eq!(live.len(), 1, "live bills of deal {deal}");
        assert_eq!(self.bills_ever(deal), 1, "bills ever of deal {deal}");
        assert_eq!(
            self.portal.deal_field(deal, office::NUMBER),
            live[0].number,
            "number on deal {deal}"
        );
        assert_eq!(
            self.entries(deal),
            [1],
            "entries of deal {deal} and their files"
        );
    }

    /// How many files each timeline entry about an issued invoice has.
    pub(crate) fn entries(&self, deal: i64) -> Vec<usize> {
        let comments = self.portal.comments_of_deal(deal).into_iter();
        comments
            .filter(|(text, _)| text.contains("Выставлен счёт"))
            .map(|(_, files)| files)
            .collect()
    }

    pub(crate) fn has_number(&self, deal: i64) -> bool {
        !self.portal.deal_field(deal, office::NUMBER).is_empty()
    }

    /// Everything about the invoice is on the deal.
    pub(crate) fn is_complete(&self, deal: i64) -> bool {
        self.has_number(deal) && self.entries(deal).iter().any(|files| *files > 0)
    }

    /// A new deal of the usual buyer.
    pub(crate) fn new_deal(&self) -> i64 {
        let deal = office::deal("Поставка", office::BUYER);
        self.portal.manager().create_deal(&deal).unwrap()
    }

    pub(crate) fn drag(&self, deal: i64) {
        let moved = self.portal.manager().move_deal(deal, office::INVOICE);
        moved.unwrap();
    }

    /// A new deal, invoiced and shown to the end.
    pub(crate) async fn invoiced_deal(&self) -> i64 {
        let deal = self.new_deal();
        self.drag(deal);
        self.until_complete(deal).await;
        deal
    }

    /// Waits until everything about the invoice is on the deal; else tells the deal's story.
    pub(crate) async fn until_complete(&self, deal: i64) {
        self.until_it_shows(deal, "its whole invoice", Self::is_complete, LOOKS)
            .await;
    }

    /// Waits, in a crowd, for the invoice's number on the deal; else tells the deal's story.
    pub(crate) async fn until_numbered(&self, deal: i64) {
        self.until_it_shows(deal, "a number", Self::has_number, 4 * LOOKS)
            .await;
    }

    async fn until_it_shows(
        &self,
        deal: i64,
        what: &str,
        shows: fn(&Self, i64) -> bool,
        looks: u32,
    ) {
        for _ in 0..looks {
            if shows(self, deal) {
                return;
            }
            emulator_harness::wait(BETWEEN).await;
        }
        let story = self.story(deal).await;
        panic!("deal {deal} never showed {what}: {story}");
    }

    /// What the product's own journal tells of a deal, and what waits for a person.
    pub(crate) async fn story(&self, deal: i64) -> String {
        let args = JournalArgs {
            deal: u64::try_from(deal).ok(),
            json: false,
            verify: false,
        };
        let story = journal::run(&self.product(), &args).await.unwrap();
        let mut told = Vec::new();
        journal::print(&story, false, &mut told).unwrap();
        format!(
            "{}\nopen cases: {:#?}",
            String::from_utf8(told).unwrap(),
            self.open_cases().await
        )
    }

    /// Waits until a field of a deal shows a value; else tells the deal's story.
    pub(crate) async fn until_shown(&self, deal: i64, field: &str, value: &str) {
        for _ in 0..LOOKS {
            if self.portal.deal_field(deal, field) == value {
                return;
            }
            emulator_harness::wait(BETWEEN).await;
        }
        panic!(
            "{field} of deal {deal} never became `{value}`: {}",
            self.story(deal).await
        );
    }

    pub(crate) fn accountant(&self) -> emulator_kontur_accounting::Accountant {
        let organisation = self.kontur.organizations()[0];
        self.kontur.accountant(organisation).unwrap()
    }

    /// The bill of a deal, in whatever state.
    pub(crate) fn bill(&self, deal: i64) -> Arc<emulator_kontur_accounting::Bill> {
        let mark = office::mark(deal);
        let truth = self.kontur.truth();
        let mut bills = truth.bills().filter(|bill| {
            let comment = bill.comment.as_deref();
            comment.is_some_and(|text| text.contains(&mark))
        });
        Arc::clone(bills.next().unwrap())
    }

    pub(crate) async fn open_cases(&self) -> Vec<Case> {
        let product = self.product();
        let filter = CaseFilter {
            code: None,
            cause: None,
            after: 0,
            limit: 100,
        };
        let cases = product.store.cases_open(product.portal(), &filter).await;
        cases.unwrap()
    }

    /// Waits until a case of this code is open.
    pub(crate) async fn until_case(&self, code: &str) {
        for _ in 0..LOOKS {
            if self
                .open_cases()
                .await
                .iter()
                .any(|case| case.facts.code == code)
            {
                return;
            }
            emulator_harness::wait(BETWEEN).await;
        }
        panic!(
            "waited in vain: case `{code}`; open: {:#?}",
            self.open_cases().await
        );
    }

    /// Waits until no event is under way and neither side is asked for anything that is no regular reading.
    pub(crate) async fn until_quiet(&self) {
        let mut seen = (0, 0);
        let mut for_looks = 0;
        for _ in 0..LOOKS {
            let now = (
                self.our_writes().len(),
                self.kontur.truth().asked("createBill"),
            );
            let busy = self.portal.events_in_flight() > 0 || now != seen;
            for_looks = if busy { 0 } else { for_looks + 1 };
            // Longer than a sweep and a reading of the feed are apart.
            if for_looks >= 125 {
                return;
            }
            seen = now;
            emulator_harness::wait(BETWEEN).await;
        }
        panic!("it never became quiet");
    }

    /// What our credentials wrote on the portal: entity and id, in order.
    pub(crate) fn our_writes(&self) -> Vec<(String, i64)> {
        let truth = self.portal.truth();
        let ours = truth.entries().filter_map(|entry| match &entry.what {
            What::Write {
                actor: Actor::Webhook { .. } | Actor::Application { .. },
                entity,
                id,
                ..
            } => Some((entity.clone(), *id)),
            _ => None,
        });
        ours.collect()
    }

    /// How much our credentials wrote beside what `setup` did.
    pub(crate) fn our_writes_after_setup(&self) -> usize {
        self.our_writes().len() - self.set_up_writes
    }

    /// Requests that either side has seen.
    pub(crate) fn requests(&self) -> usize {
        self.portal.truth().requests() + self.kontur.truth().requests.len()
    }

    /// The database with what is not merged into it yet.
    pub(crate) fn database_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    pub(crate) fn api_key(&self) -> &str {
        &self.secrets["PROVODKA_ACCOUNTING_API_KEY"]
    }

    /// Serves the portal at another address as well.
    pub(crate) async fn serve_portal_again(&self) -> String {
        let (door, url) = listen().await;
        let served = emulator_harness::serve(door, self.portal.router(), None).await;
        self.served.lock().unwrap().push(served);
        url
    }

    /// What manager and administrator read.
    pub(crate) fn told_to_all(&self) -> Vec<String> {
        let mut told = self.told_to_administrator();
        told.extend(self.notices_of_manager());
        told
    }

    pub(crate) fn notices_of_manager(&self) -> Vec<String> {
        self.portal.notices_of(office::MANAGER)
    }

    /// What the administrator read, in whatever place.
    pub(crate) fn told_to_administrator(&self) -> Vec<String> {
        let messages = self.portal.messages().into_iter();
        let mut told: Vec<String> = messages.map(|(_, text)| text).collect();
        told.extend(self.portal.notices_of(office::ADMINISTRATOR));
        told
    }

    /// Puts an edited policy in force.
    pub(crate) async fn change_policy(&self, change: impl FnOnce(&str) -> String) {
        let product = self.product();
        let stored = product.store.policy_current(product.portal()).await;
        let stored = stored.unwrap().unwrap();
        let text = change(policy::text(&stored).unwrap());
        policy::put(&product, &text, stored.version, "scenario")
            .await
            .unwrap();
    }

    async fn replica(&self, listener: TcpListener) -> Replica {
        let config = Config::from_raw(&self.settings, &self.secrets);
        let config = config.unwrap_or_else(|faults| panic!("{faults}"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = listener.into_std().unwrap();
        let starting = runtime.spawn(async move {
            let listener = TcpListener::from_std(listener)?;
            let product = Product::open(config, Surroundings::of_machine()).await?;
            serve::start(product, Some(listener)).await
        });
        let running = starting.await.unwrap().unwrap();
        Replica { runtime, running }
    }

    /// The portal's administrator installs the application; its grant must have proved itself.
    async fn install(&self) {
        let handler = format!("http://{}{}", self.doors[0], web::BITRIX24_EVENTS);
        self.portal.install_application(&handler);
        let product = self.product();
        for _ in 0..LOOKS {
            let digest = product.connector.token_digest(product.portal()).await;
            if matches!(digest, Ok(Some(_))) {
                return;
            }
            emulator_harness::wait(BETWEEN).await;
        }
        panic!("the grant never proved itself");
    }

    async fn set_up(&self, active: bool) {
        let product = self.product();
        let wishes = setup::Wishes {
            administrator: Some(office::ADMINISTRATOR.to_string()),
            active,
            settle_seconds: Some(0),
            gather_seconds: Some(0),
            at_any_hour: true,
            ..setup::Wishes::default()
        };
        let report = setup::run(&product, &wishes).await.unwrap();
        let broken: Vec<_> = report.findings.iter().filter(|one| !one.holds).collect();
        assert!(broken.is_empty(), "{broken:#?}");
        // The portal's history knows whole seconds; what is there when we begin is never touched.
        let stored = product.store.policy_current(product.portal()).await;
        let start_at = policy::read(&stored.unwrap().unwrap()).unwrap().start_at;
        // Its clock and the machine's differ by a little.
        let surely = later(start_at, Duration::from_millis(100));
        SteadyClock::of_this_machine().sleep_until(surely).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.background.abort();
        for replica in self.replicas.drain(..).flatten() {
            // A runtime must not be dropped within another; this one is simply left behind.
            replica.runtime.shutdown_background();
        }
    }
}

const BETWEEN: Duration = Duration::from_millis(20);
/// Half a minute of looks: a deadline for what should take seconds, on a machine that does much else.
const LOOKS: u32 = 1_500;

/// Waits for something to be seen.
#[track_caller]
pub(crate) fn until(what: &str, mut seen: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let from = std::panic::Location::caller();
    async move {
        for _ in 0..LOOKS {
            if seen() {
                return;
            }
            emulator_harness::wait(BETWEEN).await;
        }
        panic!("waited in vain: {what} ({from})");
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn settings(credentials: &Credentials, kontur_url: &str) -> Raw {
    let mut raw = Raw {
        development: true,
        ..Raw::default()
    };
    raw.bitrix24.kind = "webhook".to_owned();
    raw.bitrix24.host = "127.0.0.1".to_owned();
    raw.bitrix24.member_id.clone_from(&credentials.member_id);
    raw.bitrix24.client_id.clone_from(&credentials.client_id);
    raw.bitrix24.oauth_url = format!("{}/", credentials.listen);
    kontur_url.clone_into(&mut raw.accounting.base_url);
    let timing = &mut raw.timing;
    for (setting, value) in [
        (&mut timing.sweep_every, "2s"),
        (&mut timing.sweep_overlap, "20s"),
        (&mut timing.offline_every, "500ms"),
        (&mut timing.feed_every, "500ms"),
        (&mut timing.payments_busy_every, "200ms"),
        (&mut timing.payments_idle_every, "1s"),
        (&mut timing.portal_quiet, "3s"),
        (&mut timing.accounting_quiet, "4s"),
        (&mut timing.write_deadline, "2s"),
        (&mut timing.look_up_again, "500ms"),
        (&mut timing.absent_looks_apart, "500ms"),
        (&mut timing.retry_first, "300ms"),
        (&mut timing.look_again_first, "300ms"),
        (&mut timing.lease, "3s"),
        (&mut timing.stop_within, "3s"),
    ] {
        value.clone_into(setting);
    }
    raw
}

fn secrets(credentials: &Credentials, api_key: &str, as_application: bool) -> Environment {
    let mut secrets = vec![
        ("PROVODKA_ACCOUNTING_API_KEY", api_key),
        ("PROVODKA_MASTER_KEY", MASTER_KEY),
    ];
    if as_application {
        let secret = credentials.client_secret.as_str();
        secrets.push(("PROVODKA_BITRIX24_CLIENT_SECRET", secret));
    } else {
        let url = credentials.webhook_url.as_str();
        secrets.push(("PROVODKA_BITRIX24_WEBHOOK_URL", url));
        secrets.push(("PROVODKA_BITRIX24_APPLICATION_TOKEN", EVENT_TOKEN));
    }
    secrets
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
