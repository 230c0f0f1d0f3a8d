//! The product's parts put together: what `serve` runs, what the commands use, what tests and the demo compose.

use std::sync::Arc;

use anyhow::Context as _;
use capability::{Call, Gate, Urgency};
use domain::PortalId;
use engine::{Clock, Means, SharedRng, SteadyClock, StoreGate};
use rand::rngs::StdRng;
use store::{JournalEntry, Store};
use transport::{Allowed, HttpTransport, Transport};

use crate::config::{Access, Accounting, Config, Database};
use crate::connect::Connector;

/// What is passed in: time, chance, and for tests another way out or another store.
pub struct Surroundings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fit for secrets.
    pub rng: SharedRng,
    /// None: over the network.
    pub transport: Option<Arc<dyn Transport>>,
    /// None: as configured.
    pub store: Option<Store>,
}

impl Surroundings {
    /// The machine's clock, its randomness, its network.
    pub fn of_machine() -> Self {
        Self {
            clock: Arc::new(SteadyClock::of_this_machine()),
            rng: SharedRng::new(rand::make_rng::<StdRng>()),
            transport: None,
            store: None,
        }
    }
}

/// All parts.
#[derive(Clone)]
pub struct Product {
    /// The settings.
    pub config: Arc<Config>,
    /// Our records.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: SharedRng,
    /// The remotes' limits.
    pub gate: Arc<dyn Gate>,
    /// Connects the portal.
    pub connector: Arc<Connector>,
}

impl Product {
    /// Opens the store, brings its schema up to date and puts the parts together. Calls no remote.
    ///
    /// # Errors
    /// When the database or TLS cannot be used.
    pub async fn open(config: Config, surroundings: Surroundings) -> anyhow::Result<Self> {
        let Surroundings {
            clock,
            rng,
            transport,
            store,
        } = surroundings;
        let store = match store {
            Some(store) => store,
            None => open_store(&config.database).await?,
        };
        let allowed = Allowed::new(hosts(&config), config.development);
        let transport = match transport {
            Some(transport) => transport,
            None => {
                let clock = Arc::clone(&clock);
                let now = Arc::new(move || clock.now());
                Arc::new(HttpTransport::new(
                    allowed.clone(),
                    &config.extra_roots,
                    now,
                )?)
            }
        };
        let config = Arc::new(config);
        let gate = StoreGate::new(
            store.clone(),
            Arc::clone(&clock),
            rng.clone(),
            config.engine.gate.clone(),
        );
        let connector = Connector::new(
            Arc::clone(&config),
            store.clone(),
            Arc::clone(&clock),
            rng.clone(),
            transport,
            allowed,
        );
        Ok(Self {
            config,
            store,
            clock,
            rng,
            gate: Arc::new(gate),
            connector: Arc::new(connector),
        })
    }

    /// The configured portal.
    pub fn portal(&self) -> &PortalId {
        &self.config.bitrix24.member_id
    }

    /// What people do with money.
    pub fn desk(&self) -> desk::Desk {
        desk::Desk {
            store: self.store.clone(),
            portal: self.portal().clone(),
            clock: Arc::clone(&self.clock),
            accountant_gives: self.config.accounting.returns_allocations(),
        }
    }

    /// What an engine works with.
    pub fn means(&self) -> Means {
        Means {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            gate: Arc::clone(&self.gate),
            rng: self.rng.clone(),
            settings: Arc::new(self.config.engine.clone()),
            watch: engine::Watch::default(),
        }
    }

    /// A call that somebody waits for.
    pub fn call(&self) -> Call<'_> {
        Call::new(self.portal(), Urgency::Click, &*self.gate)
    }

    /// Puts what a call exchanged into the journal, under a word for why it was made.
    ///
    /// # Errors
    /// The store's.
    pub async fn keep(&self, call: &Call<'_>, command: &str) -> Result<(), store::StoreError> {
        for exchange in call.take_exchanges() {
            let mut body = serde_json::to_value(&exchange).unwrap_or_default();
            if let serde_json::Value::Object(fields) = &mut body {
                fields.insert("command".to_owned(), command.into());
            }
            let entry = JournalEntry {
                at: exchange.at,
                subject: None,
                kind: "exchange".to_owned(),
                body,
            };
            self.store.journal_note(self.portal(), &entry).await?;
        }
        Ok(())
    }

    /// Notes in the journal what a person ordered.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_person(&self, body: serde_json::Value) -> Result<(), store::StoreError> {
        let entry = JournalEntry {
            at: self.clock.now(),
            subject: None,
            kind: "person".to_owned(),
            body,
        };
        self.store.journal_note(self.portal(), &entry).await
    }
}

async fn open_store(database: &Database) -> anyhow::Result<Store> {
    match database {
        Database::Sqlite(path) => {
            if let Some(folder) = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty())
            {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
            }
            Store::open_file(path)
                .with_context(|| format!("cannot open the database `{}`", path.display()))
        }
        Database::Postgres(options) => Store::open_postgres(options)
            .await
            .context("cannot open the database on PostgreSQL"),
    }
}

/// The hosts that may be called: the configured ones; a renamed portal's new host is added by its connector.
fn hosts(config: &Config) -> Vec<String> {
    let mut hosts = vec![config.portal_host().to_owned()];
    if let Accounting::Kontur(kontur) = &config.accounting {
        hosts.extend(kontur.base_url.host_str().map(str::to_owned));
    }
    if let Access::App { oauth, .. } = &config.bitrix24.access {
        hosts.extend(oauth.host_str().map(str::to_owned));
    }
    hosts
}
