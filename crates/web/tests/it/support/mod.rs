//! A server on a port of its own, and the plainest client there is: bytes over TCP.

pub(crate) mod browser;
pub(crate) mod money;
pub(crate) mod office;
pub(crate) mod statement;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use connector_bitrix24::webhook::{InstallGrant, TokenDigest};
use domain::PortalId;
use engine::Clock;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use store::{Lane, Mode, Portal, Store};
use testkit::builders::portal;
use testkit::time::at;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use web::{App, GuardConfig, Portals, Removal, Running, TlsFiles};

pub(crate) const TOKEN: &str = "51856fefc120afa4b628cc82d3935cce";

/// A deal's event as the portal sends it.
pub(crate) fn event(token: &str) -> String {
    format!(
        "event=ONCRMDEALUPDATE&event_handler_id=7&data%5BFIELDS%5D%5BID%5D=4711&ts=1773306000\
         &auth[member_id]=portal-a&auth[application_token]={token}"
    )
}

/// A request with that body.
pub(crate) fn request(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /webhooks/bitrix24 HTTP/1.1\r\nhost: provodka.test\r\n\
         content-type: application/x-www-form-urlencoded; charset=utf-8\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub(crate) fn status(answer: &str) -> u16 {
    let code = answer.split(' ').nth(1);
    code.and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no answer: `{answer}`"))
}

/// One answer without a body, or whatever came before the end.
pub(crate) async fn answer(connection: &mut (impl AsyncRead + Unpin)) -> String {
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    while !read.ends_with(b"\r\n\r\n") {
        match connection.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(count) => read.extend_from_slice(&piece[..count]),
        }
    }
    String::from_utf8_lossy(&read).into_owned()
}

/// What a test changes before the door opens.
pub(crate) struct Settings {
    pub(crate) guard: GuardConfig,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) deadline: Duration,
}

pub(crate) struct Door {
    pub(crate) store: Store,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) portals: Arc<KnownPortals>,
    pub(crate) running: Running,
}

impl Door {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            guard: GuardConfig::default(),
            tls: None,
            deadline: Duration::from_secs(10),
        };
        change(&mut settings);
        let store = Store::open_inline().unwrap();
        store.portal_put(&active_portal()).await.unwrap();
        let clock = Arc::new(HandClock::default());
        let portals = Arc::new(KnownPortals::default());
        let app = App {
            store: store.clone(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            portals: Arc::clone(&portals) as Arc<dyn Portals>,
            guard: Arc::new(settings.guard),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = web::serve_within(listener, settings.tls.as_ref(), app, settings.deadline);
        Self {
            store,
            clock,
            portals,
            running: running.unwrap(),
        }
    }

    /// What another server of the same parts would be given.
    pub(crate) fn app(&self) -> App {
        App {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            portals: Arc::clone(&self.portals) as Arc<dyn Portals>,
            guard: Arc::default(),
        }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.running.addr()).await.unwrap()
    }

    pub(crate) async fn answer_to(&self, request: &[u8]) -> String {
        let mut connection = self.connect().await;
        // A server that has heard enough may close before all is sent.
        let _sent = connection.write_all(request).await;
        answer(&mut connection).await
    }

    /// The status of the answer to an event's body.
    pub(crate) async fn post(&self, body: &str) -> u16 {
        status(&self.answer_to(&request(body)).await)
    }

    pub(crate) async fn inbox(&self) -> u64 {
        self.store.inbox_count(&portal()).await.unwrap()
    }

    /// What is due to be looked at.
    pub(crate) async fn due(&self) -> Vec<String> {
        let (now, hour) = (self.clock.now(), Duration::from_secs(3_600));
        let lease = self.store.lease_acquire("test", hour, now).await.unwrap();
        let lease = lease.expect("something due");
        let mut due = Vec::new();
        for lane in Lane::ALL {
            let taken = self.store.work_take(&lease, lane, 100, &[], now).await;
            due.extend(
                taken
                    .unwrap()
                    .into_iter()
                    .map(|work| work.subject.to_string()),
            );
        }
        due
    }
}

pub(crate) fn active_portal() -> Portal {
    Portal {
        id: portal(),
        host: "portal.bitrix24.test".to_owned(),
        mode: Mode::Active,
        paused: false,
        detail: serde_json::json!({}),
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A clock that a test moves.
#[derive(Debug, Default)]
pub(crate) struct HandClock(Mutex<i64>);

impl HandClock {
    pub(crate) fn pass(&self, seconds: i64) {
        *self.0.lock().unwrap() += seconds;
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        at(0) + SignedDuration::from_secs(*self.0.lock().unwrap())
    }

    fn uptime(&self) -> Duration {
        Duration::from_secs(self.0.lock().unwrap().unsigned_abs())
    }

    async fn sleep_until(&self, _at: Timestamp) {}
}

/// One portal with one token.
#[derive(Default)]
pub(crate) struct KnownPortals {
    installs: Mutex<Vec<String>>,
    uninstalled: Mutex<Vec<String>>,
    unreadable: Mutex<bool>,
    unwritable: Mutex<bool>,
    installed: Mutex<bool>,
    removals_told: Mutex<usize>,
}

impl KnownPortals {
    pub(crate) fn set_unreadable(&self, unreadable: bool) {
        *self.unreadable.lock().unwrap() = unreadable;
    }

    pub(crate) fn set_unwritable(&self, unwritable: bool) {
        *self.unwritable.lock().unwrap() = unwritable;
    }

    /// What the portal says of our application.
    pub(crate) fn set_installed(&self, installed: bool) {
        *self.installed.lock().unwrap() = installed;
    }

    /// How often we were told that it was removed.
    pub(crate) fn removals_told(&self) -> usize {
        *self.removals_told.lock().unwrap()
    }

    pub(crate) fn installs(&self) -> Vec<String> {
        self.installs.lock().unwrap().clone()
    }

    pub(crate) fn uninstalled(&self) -> Vec<String> {
        self.uninstalled.lock().unwrap().clone()
    }
}

#[async_trait]
impl Portals for KnownPortals {
    async fn token_digest(
        &self,
        asked: &PortalId,
    ) -> Result<Option<TokenDigest>, web::TokenUnreadable> {
        if *self.unreadable.lock().unwrap() {
            return Err(web::TokenUnreadable);
        }
        Ok((*asked == portal()).then(|| TokenDigest::of(&SecretString::from(TOKEN))))
    }

    async fn install(&self, grant: InstallGrant) -> bool {
        let proved = grant.member_id == portal();
        if proved {
            self.installs
                .lock()
                .unwrap()
                .push(grant.member_id.to_string());
        }
        proved
    }

    async fn uninstalled(&self, gone: &PortalId) -> Removal {
        *self.removals_told.lock().unwrap() += 1;
        if *self.installed.lock().unwrap() {
            return Removal::Untrue;
        }
        if *self.unwritable.lock().unwrap() {
            return Removal::Unknown;
        }
        self.uninstalled.lock().unwrap().push(gone.to_string());
        Removal::Kept
    }
}
