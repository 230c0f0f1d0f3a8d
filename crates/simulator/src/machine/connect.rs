//! Connecting the simulated portal, as the program does it: sealed rows, the newest policy, both real connectors.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use capability::Accounting;
use connector_bitrix24::webhook::{InstallGrant, TokenDigest, verify_install};
use connector_bitrix24::{
    App, Bitrix24, Connection, FieldNames, Offline, RenewalTurn, TokenVault, Tokens, VaultError,
};
use desk::books::StoredBooks;
use domain::PortalId;
use engine::clock::later;
use engine::{Clock, StoreGate};
use planner::Policy;
use reconciler::installation::PortalTaken;
use reconciler::{Connected, Connections, NotConnected};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use store::{Mode, Store};
use transport::{Allowed, Pause, TimeSource, Transport};
use url::Url;
use web::Removal;

use crate::chance::customs::OwnBooks;
use crate::machine::process::look_now;
use crate::offices::office;
use crate::offices::printing;
use crate::troubles::installations::TAKEN;

/// What the connections of one world are made of.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) portal: PortalId,
    /// Which tenant.
    pub(crate) place: usize,
    /// None: connected as an application.
    pub(crate) webhook: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) api_key: String,
    pub(crate) idempotency_key: bool,
    /// Our own books; none: there is an accounting program.
    pub(crate) own_books: Option<OwnBooks>,
}

/// Connects within one process.
pub(crate) struct Connector {
    pub(crate) access: Access,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) gate: Arc<StoreGate>,
    pub(crate) transport: Arc<dyn Transport>,
    /// Another installation works for the portal.
    pub(crate) taken: PortalTaken,
    kept: Mutex<Option<(i64, Value, Arc<Connected>)>>,
    turn: RenewalTurn,
}

/// So long the event of a removal waits for what the portal says of it.
const ASKED_WITHIN: Duration = Duration::from_secs(9);
const DIGEST: &str = "application-token";
const OFFLINE: &str = "offline";

impl Connector {
    pub(crate) fn new(
        access: Access,
        store: Store,
        clock: Arc<dyn Clock>,
        gate: Arc<StoreGate>,
        transport: Arc<dyn Transport>,
    ) -> Self {
        Self {
            turn: RenewalTurn::new(pause_by(&clock)),
            access,
            store,
            clock,
            gate,
            transport,
            taken: PortalTaken::default(),
            kept: Mutex::new(None),
        }
    }

    /// The portal's side.
    pub(crate) fn bitrix24(&self, fields: FieldNames, offline: Offline) -> Option<Bitrix24> {
        let connection = match &self.access.webhook {
            Some(url) => Connection::Webhook {
                url: SecretString::from(url.clone()),
            },
            None => Connection::App(self.app()?),
        };
        let settings = self.settings(fields, offline);
        Bitrix24::new(connection, Arc::clone(&self.transport), settings).ok()
    }

    /// Asks what the plan gives of the queue and remembers it, as the program does daily.
    pub(crate) async fn learn_offline(&self) {
        if self.is_removed().await {
            return;
        }
        let Some(bitrix24) = self.bitrix24(FieldNames::default(), Offline::Absent) else {
            return;
        };
        let portal = self.access.portal.clone();
        let call = capability::Call::new(&portal, capability::Urgency::Click, &*self.gate);
        let Ok(offline) = bitrix24.offline(&call).await else {
            return;
        };
        let word = match offline {
            Offline::Absent => "absent",
            Offline::Kept => "kept",
            Offline::KeptWithoutOurs => "kept_without_ours",
        };
        // Forgotten if the store fails: it is asked again.
        let _remembered = self.store.fact_put(&portal, OFFLINE, word).await.is_ok();
    }

    /// No call reaches a portal without the application.
    async fn is_removed(&self) -> bool {
        let portal = self.store.portal_get(&self.access.portal).await;
        portal.is_ok_and(|portal| portal.is_some_and(|one| desk::pause::is_removed(&one)))
    }

    /// The portal is paused without the application, and goes on with it. Whether it had been removed; none: that could not
    /// be kept.
    async fn set_installed(&self, installed: bool) -> Option<bool> {
        let (portal, now) = (&self.access.portal, self.clock.now());
        let switched = desk::pause::by_portal(&self.store, portal, installed, now).await;
        let was_removed = switched.ok()?;
        if installed && was_removed {
            look_now(&self.store, &self.access, now).await;
        }
        Some(was_removed)
    }

    /// Asks the portal whether the application was removed, and pauses it if so.
    async fn whether_removed(&self) -> Removal {
        if self.is_removed().await {
            return Removal::Kept;
        }
        let Some(bitrix24) = self.bitrix24(FieldNames::default(), Offline::Absent) else {
            return Removal::Unknown;
        };
        let portal = self.access.portal.clone();
        let call = capability::Call::new(&portal, capability::Urgency::Click, &*self.gate);
        match bitrix24.is_installed(&call).await {
            Ok(true) => Removal::Untrue,
            Ok(false) if self.set_installed(false).await.is_some() => Removal::Kept,
            Ok(false) | Err(_) => Removal::Unknown,
        }
    }

    /// With the application the portal has forgotten whom it tells of changes. Where it does not let us, sweeps find them.
    async fn bind_events(&self, call: &capability::Call<'_>) {
        let offline = self.offline().await;
        if let Some(bitrix24) = self.bitrix24(FieldNames::default(), offline) {
            let set_up = bitrix24.portal().set_up;
            let _bound = set_up.bind_events(call, office::DOOR).await.is_ok();
        }
    }

    /// The offline queue as it was seen last.
    pub(crate) async fn offline(&self) -> Offline {
        match self.store.fact_get(&self.access.portal, OFFLINE).await {
            Ok(Some(word)) if word == "kept" => Offline::Kept,
            Ok(Some(word)) if word == "kept_without_ours" => Offline::KeptWithoutOurs,
            Ok(_) | Err(_) => Offline::Absent,
        }
    }

    fn app(&self) -> Option<App> {
        Some(App {
            member_id: self.access.portal.clone(),
            oauth: Url::parse(&office::portal_address(self.access.place)).ok()?,
            client_id: self.access.client_id.clone(),
            client_secret: SecretString::from(self.access.client_secret.clone()),
            tokens: Arc::new(Vault {
                store: self.store.clone(),
                portal: self.access.portal.clone(),
            }),
            turn: self.turn.clone(),
        })
    }

    fn settings(&self, fields: FieldNames, offline: Offline) -> connector_bitrix24::Settings {
        connector_bitrix24::Settings {
            fields,
            offline,
            allowed: Allowed::new([office::portal_host(self.access.place)], true),
            development_oauth_host: Some(office::portal_host(self.access.place)),
            now: self.time(),
        }
    }

    fn time(&self) -> TimeSource {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || clock.now())
    }

    /// The policy as this connection can follow it.
    fn settled(&self, mode: Mode, policy: Policy) -> Policy {
        within(mode, policy)
            .decided_by(self.access.own_books.is_none())
            .moved_by_triggers(self.access.webhook.is_none())
    }

    fn compose(&self, policy: Policy, version: i64, offline: Offline) -> Option<Connected> {
        let bitrix24 = self.bitrix24(
            FieldNames::new(policy.fields.clone())
                .and_reading(policy.deal_fields())
                .and_contacts(policy.names_contacts()),
            offline,
        )?;
        Some(Connected {
            portal: bitrix24.portal(),
            accounting: self.accounting()?,
            papers: printing::papers_of(&policy),
            policy,
            version,
            own_invoices: reconciler::OwnInvoices::default(),
            flood_answers: reconciler::FloodAnswers::default(),
        })
    }

    fn accounting(&self) -> Option<Accounting> {
        if let Some(own) = &self.access.own_books {
            let organisations = office::own_organisations(self.access.place, own)?;
            let books = Arc::new(StoredBooks(self.store.clone()));
            return Some(connector_office::connect(organisations, books, self.time()));
        }
        let settings = connector_kontur_accounting::Settings {
            base: Url::parse(&office::accounting_address(self.access.place)).ok()?,
            key: SecretString::from(self.access.api_key.clone()),
            account: "simulated".to_owned(),
            offers: connector_kontur_accounting::Offers {
                idempotency_key: self.access.idempotency_key,
                ..connector_kontur_accounting::Offers::default()
            },
            waits: connector_kontur_accounting::Waits::default(),
        };
        let transport = Arc::clone(&self.transport);
        connector_kontur_accounting::connect(settings, transport, self.time()).ok()
    }
}

/// Waits by this clock.
fn pause_by(clock: &Arc<dyn Clock>) -> Pause {
    let clock = Arc::clone(clock);
    Arc::new(move |time| {
        let clock = Arc::clone(&clock);
        Box::pin(async move { clock.sleep_until(later(clock.now(), time)).await })
    })
}

fn broken(code: &'static str, reason: impl ToString) -> NotConnected {
    NotConnected::Broken {
        code,
        reason: reason.to_string(),
    }
}

/// The connectors of one process, by portal.
pub(crate) struct Connectors(pub(crate) Vec<Arc<Connector>>);

impl Connectors {
    fn of_portal(&self, id: &PortalId) -> Option<&Arc<Connector>> {
        self.0
            .iter()
            .find(|connector| connector.access.portal == *id)
    }
}

#[async_trait]
impl Connections for Connectors {
    async fn of(&self, id: &PortalId) -> Result<Arc<Connected>, NotConnected> {
        match self.of_portal(id) {
            Some(connector) => connector.of(id).await,
            None => Err(broken("POLICY-MISSING", "no such portal")),
        }
    }
}

impl Connector {
    async fn of(&self, id: &PortalId) -> Result<Arc<Connected>, NotConnected> {
        let portal = self.store.portal_get(id).await;
        let portal = portal.map_err(|error| broken("DATABASE-UNUSABLE", error))?;
        let portal = portal.ok_or_else(|| broken("POLICY-MISSING", "no portal"))?;
        if portal.paused || portal.mode == Mode::Off {
            return Err(NotConnected::Paused);
        }
        if self.taken.holds() {
            return Err(broken(TAKEN, "another installation works for it"));
        }
        let stored = self.store.policy_current(id).await;
        let stored = stored.map_err(|error| broken("DATABASE-UNUSABLE", error))?;
        let stored = stored.ok_or_else(|| broken("POLICY-MISSING", "no policy"))?;
        let offline = self.offline().await;
        let made_of = json!([portal.mode, portal.detail, format!("{offline:?}")]);
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((version, of, connected)) = &*kept
                && *version == stored.version
                && *of == made_of
            {
                return Ok(Arc::clone(connected));
            }
        }
        let text = stored.body.get("toml").and_then(Value::as_str);
        let policy = Policy::parse(text.unwrap_or_default());
        let policy = policy.map_err(|error| broken("POLICY-OUTDATED", error))?;
        let connected = self
            .compose(self.settled(portal.mode, policy), stored.version, offline)
            .ok_or_else(|| broken("CONFIG-REFUSED", "refused"))?;
        let connected = Arc::new(connected);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((stored.version, made_of, Arc::clone(&connected)));
        Ok(connected)
    }
}

/// A portal that is watched only is watched in every funnel.
fn within(mode: Mode, mut policy: Policy) -> Policy {
    if mode == Mode::WatchOnly {
        for funnel in &mut policy.funnels {
            if funnel.mode == planner::Mode::Active {
                funnel.mode = planner::Mode::WatchOnly;
            }
        }
    }
    policy
}

/// What the web side asks of the program.
pub(crate) struct KnownPortals(pub(crate) Arc<Connectors>);

#[async_trait]
impl web::Portals for KnownPortals {
    async fn token_digest(
        &self,
        portal: &PortalId,
    ) -> Result<Option<TokenDigest>, web::TokenUnreadable> {
        let Some(connector) = self.0.of_portal(portal) else {
            return Ok(None);
        };
        if connector.access.webhook.is_some() {
            let token = office::event_token(connector.access.place);
            return Ok(Some(TokenDigest::of(&SecretString::from(token))));
        }
        let stored = connector.store.fact_get(portal, DIGEST).await;
        let stored = stored.map_err(|_| web::TokenUnreadable)?;
        Ok(stored.map(|token| TokenDigest::of(&SecretString::from(token))))
    }

    async fn install(&self, grant: InstallGrant) -> bool {
        let Some(connector) = self.0.of_portal(&grant.member_id) else {
            return false;
        };
        let Some(app) = connector.app() else {
            return false;
        };
        let portal = connector.access.portal.clone();
        let call = capability::Call::new(&portal, capability::Urgency::Click, &*connector.gate);
        let settings = connector.settings(FieldNames::default(), Offline::Absent);
        let transport = Arc::clone(&connector.transport);
        let Ok((_, tokens)) = verify_install(&call, app, &grant, transport, &settings).await else {
            return false;
        };
        let vault = Vault {
            store: connector.store.clone(),
            portal: portal.clone(),
        };
        let kept = vault.adopt(&tokens).await.is_ok()
            && connector
                .store
                .fact_put(&portal, DIGEST, grant.application_token.expose_secret())
                .await
                .is_ok();
        *connector
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        if kept && connector.set_installed(true).await == Some(true) {
            connector.bind_events(&call).await;
        }
        kept
    }

    async fn uninstalled(&self, portal: &PortalId) -> Removal {
        let Some(connector) = self.0.of_portal(portal) else {
            return Removal::Unknown;
        };
        let (asking, clock) = (Arc::clone(connector), Arc::clone(&connector.clock));
        let found = tokio::spawn(async move { asking.whether_removed().await });
        let latest = later(clock.now(), ASKED_WITHIN);
        tokio::select! {
            biased;
            removal = found => removal.unwrap_or(Removal::Unknown),
            () = clock.sleep_until(latest) => Removal::Unknown,
        }
    }
}

/// Tokens in the store, unsealed: sealing is the program's and is no subject here.
struct Vault {
    store: Store,
    portal: PortalId,
}

impl Vault {
    async fn adopt(&self, tokens: &Tokens) -> Result<(), VaultError> {
        for _try in 0..5 {
            let stored = self.store.secrets_get(&self.portal).await.map_err(told)?;
            let version = stored.map_or(0, |(version, _)| version);
            let expected = u64::try_from(version).unwrap_or(0);
            if self.replace(expected, tokens.clone()).await? {
                return Ok(());
            }
        }
        Err(told("others replace them all the time"))
    }
}

#[async_trait]
impl TokenVault for Vault {
    async fn load(&self) -> Result<Option<(u64, Tokens)>, VaultError> {
        let Some((version, kept)) = self.store.secrets_get(&self.portal).await.map_err(told)?
        else {
            return Ok(None);
        };
        let kept: Value = serde_json::from_slice(&kept).map_err(told)?;
        let text = |name: &str| kept.get(name).and_then(Value::as_str).unwrap_or_default();
        let tokens = Tokens {
            access: SecretString::from(text("access")),
            refresh: SecretString::from(text("refresh")),
            client_endpoint: text("endpoint").to_owned(),
        };
        Ok(Some((u64::try_from(version).unwrap_or(0), tokens)))
    }

    async fn replace(&self, expected: u64, tokens: Tokens) -> Result<bool, VaultError> {
        let kept = json!({
            "access": tokens.access.expose_secret(),
            "refresh": tokens.refresh.expose_secret(),
            "endpoint": tokens.client_endpoint,
        });
        let expected = i64::try_from(expected).unwrap_or(0);
        self.store
            .secrets_replace(&self.portal, expected, kept.to_string().as_bytes())
            .await
            .map_err(told)
    }
}

fn told(error: impl ToString) -> VaultError {
    VaultError::Failed(error.to_string())
}
