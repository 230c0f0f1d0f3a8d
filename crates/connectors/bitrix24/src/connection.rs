//! How one portal is connected, and the capabilities that the connection really has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use capability::{Call, ConnectorError, Portal};
use domain::{PortalId, Verdict};
use secrecy::{ExposeSecret as _, SecretString};
use transport::{Allowed, TimeSource, Transport};
use url::Url;

use crate::address::account;
use crate::client::Client;
use crate::density::Density;
use crate::fields::{FieldKinds, FieldNames};
use crate::oauth::oauth_host_is_pinned;
use crate::probe::feature;
use crate::tokens::{Access, App, Session, Tokens};

/// The two ways to connect a portal.
#[derive(Clone)]
pub enum Connection {
    /// An incoming webhook made by hand: reads and writes, no events, no offline queue.
    Webhook {
        /// `https://portal.bitrix24.ru/rest/1/SECRET/`.
        url: SecretString,
    },
    /// A local or marketplace application.
    App(App),
}

/// What a connection needs besides its access.
#[derive(Clone)]
pub struct Settings {
    /// Our custom fields on deals.
    pub fields: FieldNames,
    /// Whether and how the offline queue is read; found by [`Bitrix24::offline`].
    pub offline: Offline,
    /// The hosts that may be called; a renamed portal's new host is added to it.
    pub allowed: Allowed,
    /// A token server beside the vendor's two, only for development.
    pub development_oauth_host: Option<String>,
    /// The time.
    pub now: TimeSource,
}

/// What the portal's plan gives of its offline queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offline {
    /// Reading without deleting is not on the plan, or this is a webhook: sweeps alone.
    #[default]
    Absent,
    /// Packets can be reserved and cleared later.
    Kept,
    /// Besides, our own changes stay out of the queue.
    KeptWithoutOurs,
}

/// A connection that cannot be used as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The webhook is no address, or none of a webhook.
    #[error("the webhook is no address of the form `https://portal/rest/USER/SECRET/`")]
    Webhook,
    /// `client_secret` would go to a server that is not the vendor's.
    #[error("the token server `{0}` is not one of the vendor's")]
    OauthHost(String),
}

/// The name under which our own changes are kept out of our offline queue.
pub(crate) const AUTH_CONNECTOR: &str = "provodka";

/// One connected portal. Cheap to clone.
#[derive(Clone)]
pub struct Bitrix24 {
    inner: Arc<Connector>,
}

/// What the capabilities share.
pub(crate) struct Connector {
    pub(crate) client: Client,
    pub(crate) fields: FieldNames,
    pub(crate) offline: Offline,
    /// Learnt with the first glance or sweep.
    pub(crate) kinds: RwLock<Option<Arc<FieldKinds>>>,
    /// Where the last looks saw deals' buyers and our own companies: read ahead, never believed.
    pub(crate) ahead: Mutex<Ahead>,
    /// How full its lists are.
    pub(crate) density: Arc<Density>,
    /// Whether packets of a process that ended were looked for.
    pub(crate) orphans_sought: std::sync::atomic::AtomicBool,
}

/// Ids to read ahead; see `gather.rs`.
#[derive(Default)]
pub(crate) struct Ahead {
    pub(crate) buyers: BTreeMap<u64, (Option<u64>, Option<u64>)>,
    pub(crate) own: BTreeSet<u64>,
    /// Requisites by the kind and the id of their owner.
    pub(crate) requisites: BTreeMap<(u64, u64), BTreeSet<u64>>,
}

/// Deals remembered for reading ahead; beyond, all are forgotten.
pub(crate) const MOST_AHEAD: usize = 20_000;

impl Bitrix24 {
    /// Connects; sends nothing yet.
    ///
    /// # Errors
    /// When the address or the token server is none.
    pub fn new(
        connection: Connection,
        transport: Arc<dyn Transport>,
        settings: Settings,
    ) -> Result<Self, ConfigError> {
        let access = match connection {
            Connection::Webhook { url } => Access::Webhook(RwLock::new(webhook_address(&url)?)),
            Connection::App(app) => {
                if !oauth_host_is_pinned(&app.oauth, settings.development_oauth_host.as_deref()) {
                    return Err(ConfigError::OauthHost(
                        app.oauth.host_str().unwrap_or_default().to_owned(),
                    ));
                }
                Access::App(Box::new(Session::new(app)))
            }
        };
        let offline = if access.is_app() {
            settings.offline
        } else {
            Offline::Absent
        };
        let connector = Connector {
            client: Client::new(access, transport, settings.allowed, settings.now),
            fields: settings.fields,
            offline,
            kinds: RwLock::new(None),
            ahead: Mutex::new(Ahead::default()),
            density: Arc::default(),
            orphans_sought: std::sync::atomic::AtomicBool::new(false),
        };
        Ok(Self {
            inner: Arc::new(connector),
        })
    }

    /// The capabilities of this connection.
    pub fn portal(&self) -> Portal {
        Portal {
            deals: self.inner.clone(),
            sweep: self.inner.clone(),
            write: self.inner.clone(),
            offline: match self.inner.offline {
                Offline::Absent => None,
                Offline::Kept | Offline::KeptWithoutOurs => Some(self.inner.clone()),
            },
            directory: self.inner.clone(),
            set_up: self.inner.clone(),
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    /// The account that the portal's limits are counted for: its host.
    ///
    /// # Errors
    /// When an application has no tokens yet.
    pub async fn account(&self) -> Result<String, ConnectorError> {
        Ok(account(&self.inner.client.access.pass().await?.endpoint))
    }

    /// What the plan gives of the offline queue; asked at setup and daily.
    ///
    /// # Errors
    /// When the portal does not answer.
    pub async fn offline(&self, call: &Call<'_>) -> Result<Offline, ConnectorError> {
        if !self.inner.client.access.is_app() {
            return Ok(Offline::Absent);
        }
        let features = [
            feature("rest_offline_extended"),
            feature("rest_auth_connector"),
        ];
        let mut answers = crate::probe::features(&self.inner.client, call, &features)
            .await?
            .into_iter();
        let (kept, without_ours) = (
            answers.next().unwrap_or(false),
            answers.next().unwrap_or(false),
        );
        Ok(match (kept, without_ours) {
            (false, _) => Offline::Absent,
            (true, false) => Offline::Kept,
            (true, true) => Offline::KeptWithoutOurs,
        })
    }

    /// Whether the application is installed, by the portal's own word. A webhook is none: nothing is asked.
    ///
    /// # Errors
    /// When the portal does not answer. Being kept out is an answer.
    pub async fn is_installed(&self, call: &Call<'_>) -> Result<bool, ConnectorError> {
        if !self.inner.client.access.is_app() {
            return Ok(true);
        }
        match crate::probe::app_info(&self.inner.client, call).await {
            Ok(app) => Ok(app.installed.0),
            Err(error) => match error.verdict {
                Verdict::Reauthorize | Verdict::Reject => Ok(false),
                Verdict::Retry { .. } | Verdict::Verify | Verdict::Defect => Err(error),
            },
        }
    }
}

/// Proves the grant of an install event: exchanges its refresh token at the pinned token server, which
/// alone tells whose it is. The addresses and the member id of the event are not believed; the
/// answer's are, and the tokens to store are the answer's too.
///
/// # Errors
/// `Verdict::Reauthorize` when the server refuses the grant or answers for another portal.
pub async fn verify_install(
    call: &Call<'_>,
    app: App,
    grant: &crate::webhook::InstallGrant,
    transport: Arc<dyn Transport>,
    settings: &Settings,
) -> Result<(PortalId, Tokens), ConnectorError> {
    let refuse = |code: &str, words: &str| {
        crate::error::failed(Verdict::Reauthorize, "oauth.token", code, words)
    };
    if !oauth_host_is_pinned(&app.oauth, settings.development_oauth_host.as_deref()) {
        return Err(refuse(
            "oauth-host",
            "the token server is not one of the vendor's",
        ));
    }
    let access = Access::App(Box::new(Session::new(app.clone())));
    let client = Client::new(
        access,
        transport,
        settings.allowed.clone(),
        settings.now.clone(),
    );
    let (member, tokens) = client.exchange(call, &app, &grant.refresh_token).await?;
    if member != grant.member_id {
        return Err(refuse(
            "foreign-grant",
            "the grant belongs to another portal",
        ));
    }
    // The pinned server vouches for this address.
    if let Ok(endpoint) = Url::parse(&tokens.client_endpoint) {
        settings
            .allowed
            .add(endpoint.host_str().unwrap_or_default());
    }
    Ok((member, tokens))
}

impl Connector {
    /// Notes what a look saw, for the next.
    pub(crate) fn remember_buyers(
        &self,
        seen: impl Iterator<Item = (u64, (Option<u64>, Option<u64>))>,
    ) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if ahead.buyers.len() > MOST_AHEAD {
            ahead.buyers.clear();
        }
        ahead.buyers.extend(seen);
    }

    /// Fields were made: the next glance or sweep asks for the kinds again.
    pub(crate) fn forget_kinds(&self) {
        *self.kinds.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What is known of the fields' kinds; none until a glance or a sweep told.
    pub(crate) fn known_kinds(&self) -> Option<Arc<FieldKinds>> {
        self.kinds
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn webhook_address(url: &SecretString) -> Result<Url, ConfigError> {
    let text = url.expose_secret().trim();
    let slashed = if text.ends_with('/') {
        text.to_owned()
    } else {
        format!("{text}/")
    };
    let url = Url::parse(&slashed).map_err(|_| ConfigError::Webhook)?;
    let segments: Vec<&str> = url
        .path()
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let well_formed = matches!(segments.as_slice(), ["rest", user, secret] if !user.is_empty() && !secret.is_empty());
    let web = matches!(url.scheme(), "https" | "http")
        && url.host_str().is_some()
        && url.query().is_none();
    if well_formed && web {
        Ok(url)
    } else {
        Err(ConfigError::Webhook)
    }
}
