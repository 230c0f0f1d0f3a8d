//! Connecting portals: configuration, sealed tokens and the newest policy become capabilities.
//!
//! On the event's way the reconciler asks here before each look. What was connected is kept until the policy or
//! the portal's row changes; an application's tokens are renewed inside the connector, by way of [`Vault`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use capability::Accounting;
use connector_bitrix24::webhook::{InstallGrant, TokenDigest, verify_install};
use connector_bitrix24::{App, Bitrix24, Connection, FieldNames, Offline, RenewalTurn, Tokens};
use desk::books::StoredBooks;
use domain::PortalId;
use engine::clock::later;
use engine::{Clock, SharedRng};
use jiff::Timestamp;
use planner::Policy;
use reconciler::installation::PortalTaken;
use reconciler::{Connected, Connections, FloodAnswers, NotConnected, OwnInvoices};
use serde_json::{Value, json};
use store::{Mode, Portal, Store, StoreError};
use transport::{Allowed, Pause, TimeSource, Transport};

use crate::config::{self, Access, CONFIG_REFUSED, Config};
use crate::papers::{self, PAPER_UNUSABLE, PaperFaults};
use crate::policy;
use crate::readings::Readings;
use crate::vault::Vault;

/// The name of the fact that keeps the digest of the token which events carry.
const TOKEN_DIGEST: &str = "application-token";

/// Why something cannot be connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Our records failed.
    #[error("our own records failed")]
    Store(#[from] StoreError),
    /// The portal's side of the configuration.
    #[error("the portal cannot be connected")]
    Bitrix24(#[from] connector_bitrix24::ConfigError),
    /// The accounting side of the configuration.
    #[error("the accounting side cannot be connected")]
    Accounting(#[from] connector_kontur_accounting::SettingsError),
    /// The stored policy.
    #[error("the stored policy cannot be used")]
    Policy(#[from] policy::StoredPolicyError),
    /// The files that the policy names for papers.
    #[error(transparent)]
    Papers(#[from] PaperFaults),
    /// Tokens.
    #[error("{0}")]
    Vault(#[from] connector_bitrix24::VaultError),
}

const DATABASE_UNUSABLE: &str = "DATABASE-UNUSABLE";
const POLICY_MISSING: &str = "POLICY-MISSING";
const POLICY_OUTDATED: &str = "POLICY-OUTDATED";
/// Another installation works for the portal.
pub(crate) const PORTAL_TAKEN: &str = "PORTAL-TAKEN";

impl ConnectError {
    /// The page that tells what to do.
    fn code(&self) -> &'static str {
        match self {
            Self::Store(_) => DATABASE_UNUSABLE,
            Self::Policy(_) => POLICY_OUTDATED,
            Self::Papers(_) => PAPER_UNUSABLE,
            Self::Bitrix24(_) | Self::Accounting(_) | Self::Vault(_) => CONFIG_REFUSED,
        }
    }
}

/// Connects the portal of a configuration.
pub struct Connector {
    config: Arc<Config>,
    store: Store,
    clock: Arc<dyn Clock>,
    rng: SharedRng,
    transport: Arc<dyn Transport>,
    allowed: Allowed,
    kept: Mutex<BTreeMap<PortalId, Kept>>,
    turn: RenewalTurn,
    /// Of the digest of the token that events carry.
    digest: Readings<Option<TokenDigest>>,
    /// Another installation works for the portal.
    taken: PortalTaken,
}

/// What was connected, and from what.
struct Kept {
    made_of: MadeOf,
    connected: Arc<Connected>,
}

#[derive(PartialEq)]
struct MadeOf {
    policy: i64,
    mode: Mode,
    detail: Value,
}

impl Connector {
    /// `rng` must be fit for secrets; `allowed` are the hosts that `transport` lets through.
    pub fn new(
        config: Arc<Config>,
        store: Store,
        clock: Arc<dyn Clock>,
        rng: SharedRng,
        transport: Arc<dyn Transport>,
        allowed: Allowed,
    ) -> Self {
        Self {
            turn: RenewalTurn::new(pause_by(&clock)),
            config,
            store,
            clock,
            rng,
            transport,
            allowed,
            kept: Mutex::default(),
            digest: Readings::default(),
            taken: PortalTaken::default(),
        }
    }

    /// The portal's side with these fields.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn bitrix24(&self, fields: FieldNames, offline: Offline) -> Result<Bitrix24, ConnectError> {
        let settings = self.settings(fields, offline);
        let connection = match (&self.config.bitrix24.access, self.app()) {
            (Access::Webhook { url, .. }, _) => Connection::Webhook { url: url.clone() },
            (Access::App { .. }, Some(app)) => Connection::App(app),
            (Access::App { .. }, None) => {
                let why = "there is no master key".to_owned();
                return Err(connector_bitrix24::VaultError::Failed(why).into());
            }
        };
        Ok(Bitrix24::new(
            connection,
            Arc::clone(&self.transport),
            settings,
        )?)
    }

    /// The accounting side.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn accounting(&self) -> Result<Accounting, ConnectError> {
        let given = match &self.config.accounting {
            config::Accounting::Kontur(given) => given,
            config::Accounting::Office(organisations) => {
                let books = Arc::new(StoredBooks(self.store.clone()));
                return Ok(connector_office::connect(
                    organisations.clone(),
                    books,
                    self.time_source(),
                ));
            }
        };
        let timing = &self.config.reconciler;
        let settings = connector_kontur_accounting::Settings {
            base: given.base_url.clone(),
            key: given.api_key.clone(),
            account: given.account.clone(),
            offers: given.offers,
            waits: connector_kontur_accounting::Waits {
                effect: timing.accounting_quiet,
                listing: timing
                    .write_deadline
                    .saturating_add(self.config.engine.effects.absent_looks_apart),
            },
        };
        Ok(connector_kontur_accounting::connect(
            settings,
            Arc::clone(&self.transport),
            self.time_source(),
        )?)
    }

    /// The tokens of an application.
    pub fn vault(&self) -> Option<Vault> {
        Some(Vault {
            store: self.store.clone(),
            keys: Arc::clone(self.config.keys.as_ref()?),
            portal: self.config.bitrix24.member_id.clone(),
            rng: self.rng.clone(),
        })
    }

    /// The portal's row; made from the configuration where there is none yet.
    ///
    /// # Errors
    /// The store's.
    pub async fn register(&self) -> Result<Portal, ConnectError> {
        let id = &self.config.bitrix24.member_id;
        let now = self.clock.now();
        let host = self.config.portal_host().to_owned();
        let connection = if self.config.is_app() {
            "app"
        } else {
            "webhook"
        };
        self.allowed.add(&host);
        let name = host.clone();
        let known = self.store.portal_change(id, now, move |portal| {
            portal.host.clone_from(&name);
            set(&mut portal.detail, "connection", connection.into());
        });
        if let Some((_, portal)) = known.await? {
            return Ok(portal);
        }
        let portal = Portal {
            id: id.clone(),
            host,
            mode: Mode::Active,
            paused: false,
            detail: json!({ "connection": connection }),
            created_at: now,
            updated_at: now,
        };
        self.store.portal_put(&portal).await?;
        Ok(portal)
    }

    /// Remembers something about the portal that its row keeps.
    ///
    /// # Errors
    /// The store's.
    pub async fn remember(&self, name: &str, value: Value) -> Result<(), ConnectError> {
        let (id, now) = (&self.config.bitrix24.member_id, self.clock.now());
        let name = name.to_owned();
        self.store
            .portal_change(id, now, move |portal| {
                set(&mut portal.detail, &name, value.clone());
            })
            .await?;
        Ok(())
    }

    /// What the portal's plan gives of its queue, as it was seen last.
    pub fn offline_of(portal: &Portal) -> Offline {
        match portal.detail.get("offline").and_then(Value::as_str) {
            Some("kept") => Offline::Kept,
            Some("kept_without_ours") => Offline::KeptWithoutOurs,
            Some(_) | None => Offline::Absent,
        }
    }

    /// Asks what the portal's plan gives of its queue and remembers it.
    ///
    /// # Errors
    /// When the portal does not answer, in words.
    pub async fn learn_offline(&self, call: &capability::Call<'_>) -> Result<Offline, String> {
        let bitrix24 = self
            .bitrix24(FieldNames::default(), Offline::Absent)
            .map_err(|error| error.to_string())?;
        let offline = bitrix24
            .offline(call)
            .await
            .map_err(|error| error.to_string())?;
        let word = match offline {
            Offline::Absent => "absent",
            Offline::Kept => "kept",
            Offline::KeptWithoutOurs => "kept_without_ours",
        };
        self.remember("offline", word.into())
            .await
            .map_err(|error| error.to_string())?;
        Ok(offline)
    }

    /// Whether the application is installed, by the portal's own word.
    ///
    /// # Errors
    /// When the portal does not answer, in words.
    pub async fn is_installed(&self, call: &capability::Call<'_>) -> Result<bool, String> {
        let bitrix24 = self
            .bitrix24(FieldNames::default(), Offline::Absent)
            .map_err(|error| error.to_string())?;
        let answer = bitrix24.is_installed(call).await;
        answer.map_err(|error| error.to_string())
    }

    /// The digest of the token that events of `portal` carry.
    ///
    /// # Errors
    /// Where the database cannot say it.
    pub async fn token_digest(&self, portal: &PortalId) -> Result<Option<TokenDigest>, StoreError> {
        if *portal != self.config.bitrix24.member_id {
            return Ok(None);
        }
        if let Some(token) = &self.config.bitrix24.application_token {
            return Ok(Some(TokenDigest::of(token)));
        }
        self.digest.value(self.stored_digest(portal)).await
    }

    async fn stored_digest(&self, portal: &PortalId) -> Result<Option<TokenDigest>, StoreError> {
        let stored = self.store.fact_get(portal, TOKEN_DIGEST).await?;
        Ok(stored.and_then(|text| {
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::STANDARD.decode(text);
            Some(TokenDigest::from_bytes(bytes.ok()?.try_into().ok()?))
        }))
    }

    /// Tries the grant of an install at the vendor; if it proves itself, its tokens are kept.
    ///
    /// # Errors
    /// Why it did not, in words without a secret.
    pub async fn adopt_install(
        &self,
        call: &capability::Call<'_>,
        grant: &InstallGrant,
    ) -> Result<(), String> {
        if grant.member_id != self.config.bitrix24.member_id {
            return Err(format!(
                "portal `{}` is not the configured one",
                grant.member_id
            ));
        }
        let (Some(app), Some(vault)) = (self.app(), self.vault()) else {
            return Err("the portal is connected by a webhook".to_owned());
        };
        let settings = self.settings(FieldNames::default(), Offline::Absent);
        let (_, tokens) = verify_install(call, app, grant, Arc::clone(&self.transport), &settings)
            .await
            .map_err(|error| error.to_string())?;
        self.keep_tokens(&vault, &tokens, &TokenDigest::of(&grant.application_token))
            .await
            .map_err(|error| error.to_string())
    }

    /// Stores tokens with the digest of the token that events carry.
    ///
    /// # Errors
    /// The store's or the key's.
    pub async fn keep_tokens(
        &self,
        vault: &Vault,
        tokens: &Tokens,
        digest: &TokenDigest,
    ) -> Result<(), ConnectError> {
        use base64::Engine as _;
        vault.adopt(tokens).await?;
        let digest = base64::engine::general_purpose::STANDARD.encode(digest.as_bytes());
        self.store
            .fact_put(&vault.portal, TOKEN_DIGEST, &digest)
            .await?;
        // What was connected before holds the former tokens.
        self.forget();
        Ok(())
    }

    /// Connects anew at the next look.
    pub fn forget(&self) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Whether another installation works for the portal; it is left alone then.
    pub(crate) fn taken(&self) -> &PortalTaken {
        &self.taken
    }

    /// The portal as it is connected, also while it is paused: for what writes nothing to it.
    ///
    /// # Errors
    /// When it cannot be connected.
    pub async fn of_though_paused(&self, id: &PortalId) -> Result<Arc<Connected>, NotConnected> {
        self.connect(id, true).await
    }

    async fn connect(
        &self,
        id: &PortalId,
        though_paused: bool,
    ) -> Result<Arc<Connected>, NotConnected> {
        let portal = self.store.portal_get(id).await;
        let portal = portal.map_err(|error| broken(DATABASE_UNUSABLE, &error))?;
        let portal = portal.ok_or_else(|| NotConnected::Broken {
            code: POLICY_MISSING,
            reason: "the portal is not known: run `provodka setup`".to_owned(),
        })?;
        if (portal.paused && !though_paused) || portal.mode == Mode::Off {
            return Err(NotConnected::Paused);
        }
        if self.taken.holds() && !though_paused {
            return Err(NotConnected::Broken {
                code: PORTAL_TAKEN,
                reason: "another installation of Provodka works for it".to_owned(),
            });
        }
        let stored = self.store.policy_current(id).await;
        let stored = stored.map_err(|error| broken(DATABASE_UNUSABLE, &error))?;
        let stored = stored.ok_or_else(|| NotConnected::Broken {
            code: POLICY_MISSING,
            reason: "the portal has no policy yet: run `provodka setup`".to_owned(),
        })?;
        let made_of = MadeOf {
            policy: stored.version,
            mode: portal.mode,
            detail: portal.detail.clone(),
        };
        if let Some(kept) = self.kept(id, &made_of) {
            return Ok(kept);
        }
        let policy = policy::read(&stored).map_err(|error| broken(POLICY_OUTDATED, &error))?;
        let policy = policy
            .decided_by(self.config.accounting.returns_allocations())
            .moved_by_triggers(self.config.is_app());
        let connected = self.compose(&portal, policy, stored.version).await;
        let connected = Arc::new(connected.map_err(|error| broken(error.code(), &error))?);
        let kept = Kept {
            made_of,
            connected: Arc::clone(&connected),
        };
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone(), kept);
        Ok(connected)
    }

    /// Capabilities for a portal under a version of its policy.
    ///
    /// # Errors
    /// When the configuration or a file that the policy names cannot be used.
    pub async fn compose(
        &self,
        portal: &Portal,
        policy: Policy,
        version: i64,
    ) -> Result<Connected, ConnectError> {
        let papers = papers::load(&self.config, &policy).await?;
        let fields = FieldNames::new(policy.fields.clone())
            .and_reading(policy.deal_fields())
            .and_contacts(policy.names_contacts());
        let bitrix24 = self.bitrix24(fields, Self::offline_of(portal))?;
        Ok(Connected {
            portal: bitrix24.portal(),
            accounting: self.accounting()?,
            policy: within(portal.mode, policy),
            version,
            papers,
            own_invoices: OwnInvoices::default(),
            flood_answers: FloodAnswers::default(),
        })
    }

    fn kept(&self, id: &PortalId, made_of: &MadeOf) -> Option<Arc<Connected>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get(id).filter(|kept| kept.made_of == *made_of)?;
        Some(Arc::clone(&kept.connected))
    }

    fn app(&self) -> Option<App> {
        let Access::App {
            client_id,
            client_secret,
            oauth,
            ..
        } = &self.config.bitrix24.access
        else {
            return None;
        };
        Some(App {
            member_id: self.config.bitrix24.member_id.clone(),
            oauth: oauth.clone(),
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            tokens: Arc::new(self.vault()?),
            turn: self.turn.clone(),
        })
    }

    fn settings(&self, fields: FieldNames, offline: Offline) -> connector_bitrix24::Settings {
        let development_oauth_host = match &self.config.bitrix24.access {
            Access::App { oauth, .. } if self.config.development => {
                oauth.host_str().map(str::to_owned)
            }
            Access::App { .. } | Access::Webhook { .. } => None,
        };
        connector_bitrix24::Settings {
            fields,
            offline,
            allowed: self.allowed.clone(),
            development_oauth_host,
            now: self.time_source(),
        }
    }

    fn time_source(&self) -> TimeSource {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || -> Timestamp { clock.now() })
    }
}

#[async_trait]
impl Connections for Connector {
    async fn of(&self, portal: &PortalId) -> Result<Arc<Connected>, NotConnected> {
        self.connect(portal, false).await
    }
}

/// Waits by this clock.
pub(crate) fn pause_by(clock: &Arc<dyn Clock>) -> Pause {
    let clock = Arc::clone(clock);
    Arc::new(move |time| {
        let clock = Arc::clone(&clock);
        Box::pin(async move { clock.sleep_until(later(clock.now(), time)).await })
    })
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

fn set(detail: &mut Value, name: &str, value: Value) {
    let mut fields = match detail.take() {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    };
    fields.insert(name.to_owned(), value);
    *detail = Value::Object(fields);
}

fn broken(code: &'static str, error: &dyn std::error::Error) -> NotConnected {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        reason = format!("{reason}: {next}");
        cause = next.source();
    }
    NotConnected::Broken { code, reason }
}
