//! The configuration as a file spells it, with its defaults: texts, numbers, switches, lists.
//!
//! An empty text means "not set". Durations are texts such as `90s`, `15m`, `24h`. The engine's and the
//! reconciler's numbers come from their own defaults, so that there is one place that says them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Everything that a file may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Raw {
    /// For trying out on one machine: see [`super::Config::development`].
    pub development: bool,
    /// Our own records.
    pub database: RawDatabase,
    /// The side that hears events.
    pub server: RawServer,
    /// The pages for people.
    pub admin: RawAdmin,
    /// Bank statements.
    pub statements: RawStatements,
    /// Files of our own papers.
    pub papers: RawPapers,
    /// What the program says of its work.
    pub log: RawLog,
    /// The key under which rotating tokens lie in the database.
    pub sealing: RawSealing,
    /// The portal.
    pub bitrix24: RawBitrix24,
    /// The accounting side.
    pub accounting: RawAccounting,
    /// All remotes.
    pub remotes: RawRemotes,
    /// How often and how long.
    pub timing: RawTiming,
    /// What we allow ourselves towards the remotes.
    pub limits: RawLimits,
    /// The record of everything that was exchanged and decided.
    pub journal: RawJournal,
}

/// `[database]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawDatabase {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// A file that holds the url instead.
    pub url_file: String,
    /// Connections to PostgreSQL.
    pub connections: u32,
    /// An authority in PEM that PostgreSQL's certificate comes from.
    pub root_certificate_file: String,
}

impl Default for RawDatabase {
    fn default() -> Self {
        Self {
            url: "sqlite:provodka.db".to_owned(),
            url_file: String::new(),
            connections: 10,
            root_certificate_file: String::new(),
        }
    }
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawServer {
    /// Address and port.
    pub listen: String,
    /// How the portal reaches us from outside.
    pub public_url: String,
    /// The certificate with its chain, in PEM.
    pub tls_certificate_file: String,
    /// Its key, in PEM.
    pub tls_key_file: String,
    /// Proxies in front of us.
    pub trusted_proxies: Vec<String>,
}

impl Default for RawServer {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            public_url: String::new(),
            tls_certificate_file: String::new(),
            tls_key_file: String::new(),
            trusted_proxies: Vec::new(),
        }
    }
}

/// `[admin]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawAdmin {
    /// Address and port; empty: no pages.
    pub listen: String,
    /// How people reach them where it is not this machine.
    pub public_url: String,
}

impl Default for RawAdmin {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8081".to_owned(),
            public_url: String::new(),
        }
    }
}

/// `[statements]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawStatements {
    /// A folder that they are dropped into; empty: none.
    pub folder: String,
}

/// `[papers]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawPapers {
    /// The folder of the layouts and pictures that policies name; empty: none.
    pub folder: String,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawLog {
    /// `human` or `json`.
    pub format: String,
    /// `error`, `warn`, `info`, `debug`, or directives such as `info,engine=debug`.
    pub level: String,
}

impl Default for RawLog {
    fn default() -> Self {
        Self {
            format: "human".to_owned(),
            level: "info".to_owned(),
        }
    }
}

/// `[sealing]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawSealing {
    /// A file with the key.
    pub master_key_file: String,
    /// A file with former keys, one a line.
    pub older_master_keys_file: String,
}

/// `[bitrix24]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawBitrix24 {
    /// `webhook` or `app`.
    pub kind: String,
    /// The portal.
    pub member_id: String,
    /// Its host name, for an application.
    pub host: String,
    /// A file with the incoming webhook's address.
    pub webhook_url_file: String,
    /// The application's code.
    pub client_id: String,
    /// A file with the application's secret.
    pub client_secret_file: String,
    /// The token server.
    pub oauth_url: String,
    /// A file with the token that events carry.
    pub application_token_file: String,
    /// Networks that events come from.
    pub sources: Vec<String>,
    /// `observe` or `enforce`.
    pub source_check: String,
}

impl Default for RawBitrix24 {
    fn default() -> Self {
        Self {
            kind: "webhook".to_owned(),
            member_id: String::new(),
            host: String::new(),
            webhook_url_file: String::new(),
            client_id: String::new(),
            client_secret_file: String::new(),
            oauth_url: "https://oauth.bitrix24.tech/".to_owned(),
            application_token_file: String::new(),
            sources: Vec::new(),
            source_check: "observe".to_owned(),
        }
    }
}

/// `[accounting]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawAccounting {
    /// `kontur-accounting` or `office`.
    pub kind: String,
    /// The address before `/v1`.
    pub base_url: String,
    /// A file with the key.
    pub api_key_file: String,
    /// A name for the key, in limits and the journal.
    pub account: String,
    /// Whether the service obeys `Idempotency-Key`.
    pub idempotency_key: bool,
    /// Whether it gives PDFs.
    pub print_form: bool,
    /// Whether it keeps a change feed.
    pub change_feed: bool,
    /// Whether it tells payments.
    pub payments: bool,
    /// The office's own legal entities.
    pub organisations: Vec<RawOrganisation>,
}

/// `[[accounting.organisations]]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawOrganisation {
    /// Its lasting id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its INN.
    pub inn: String,
    /// Its KPP.
    pub kpp: String,
    /// Whether it is for trying out.
    pub test: bool,
    /// What stands before its invoices' numbers.
    pub prefix: String,
    /// The number to go on with.
    pub next: u32,
    /// The year in which it goes on.
    pub year: u32,
}

impl Default for RawAccounting {
    fn default() -> Self {
        let offers = connector_kontur_accounting::Offers::default();
        Self {
            kind: "kontur-accounting".to_owned(),
            base_url: String::new(),
            api_key_file: String::new(),
            account: "main".to_owned(),
            idempotency_key: offers.idempotency_key,
            print_form: offers.print_form,
            change_feed: offers.change_feed,
            payments: offers.payments,
            organisations: Vec::new(),
        }
    }
}

/// `[remotes]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRemotes {
    /// Authorities in PEM that are trusted beside the system's.
    pub root_certificate_files: Vec<String>,
}

/// `[timing]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawTiming {
    /// Changes whose event was lost are looked for so often.
    pub sweep_every: String,
    /// How far a sweep reaches back behind what it has seen.
    pub sweep_overlap: String,
    /// The portal's queue of changes is read so often.
    pub offline_every: String,
    /// The accounting side is asked for changes so often.
    pub feed_every: String,
    /// The same for payments, while some come.
    pub payments_busy_every: String,
    /// The same for payments, at most, while none come.
    pub payments_idle_every: String,
    /// Open questions are observed again so often.
    pub cases_every: String,
    /// Linked deals are looked at by id so often.
    pub links_every: String,
    /// How long after sending a write may still take effect on the portal.
    pub portal_quiet: String,
    /// The same on the accounting side.
    pub accounting_quiet: String,
    /// How long the answer of a write is waited for.
    pub write_deadline: String,
    /// A write of unknown outcome is looked up so often.
    pub look_up_again: String,
    /// Two looks that do not find a write prove its absence only so far apart.
    pub absent_looks_apart: String,
    /// The first delay before a write that surely did not happen is sent again.
    pub retry_first: String,
    /// The first delay before a subject is looked at again after its look failed.
    pub look_again_first: String,
    /// The net under wake-ups.
    pub poll: String,
    /// How long a portal is held without renewal.
    pub lease: String,
    /// How long a stop waits for what runs.
    pub stop_within: String,
}

impl Default for RawTiming {
    fn default() -> Self {
        let engine = engine::Settings::default();
        let reconciler = reconciler::Settings::default();
        let task = |name: &str| {
            let tasks = &engine.upkeep.portal_tasks;
            let task = tasks.iter().find(|task| task.name == name);
            task.map_or(String::new(), |task| text(task.every))
        };
        Self {
            sweep_every: task(reconciler::portal_task::SWEEP),
            sweep_overlap: text(reconciler.sweep_overlap),
            offline_every: text(reconciler.offline_every),
            feed_every: text(reconciler.feed_every),
            payments_busy_every: text(reconciler.payments_busy_every),
            payments_idle_every: text(reconciler.payments_idle_every),
            cases_every: task(reconciler::portal_task::CASES),
            links_every: task(reconciler::portal_task::LINKS),
            portal_quiet: text(reconciler.portal_quiet),
            accounting_quiet: text(reconciler.accounting_quiet),
            write_deadline: text(reconciler.write_deadline),
            look_up_again: text(engine.effects.look_up_again),
            absent_looks_apart: text(engine.effects.absent_looks_apart),
            retry_first: text(engine.effects.again.first),
            look_again_first: text(engine.passes.again.first),
            poll: text(engine.lease.poll),
            lease: text(engine.lease.ttl),
            stop_within: text(engine.lease.stop_within),
        }
    }
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawLimits {
    /// Requests that fit at once on the portal.
    pub bitrix24_burst: u32,
    /// Requests in a minute, on the average.
    pub bitrix24_per_minute: u32,
    /// The same for the accounting side.
    pub accounting_burst: u32,
    /// The same for the accounting side.
    pub accounting_per_minute: u32,
    /// Calls to the accounting side at one time.
    pub accounting_in_flight: u32,
    /// The address that our calls come from, in any words.
    pub source: String,
}

impl Default for RawLimits {
    fn default() -> Self {
        let gate = engine::Settings::default().gate;
        let in_flight = reconciler::Settings::default().accounting_in_flight;
        Self {
            bitrix24_burst: gate.bitrix24.capacity,
            bitrix24_per_minute: gate.bitrix24.drain_per_minute,
            accounting_burst: gate.accounting.capacity,
            accounting_per_minute: gate.accounting.drain_per_minute,
            accounting_in_flight: u32::try_from(in_flight).unwrap_or(u32::MAX),
            source: gate.source,
        }
    }
}

/// `[journal]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawJournal {
    /// Days that lines are kept, 1 to 90.
    pub kept_days: u32,
}

impl Default for RawJournal {
    fn default() -> Self {
        let kept = engine::Settings::default().upkeep.journal_kept;
        Self {
            kept_days: u32::try_from(kept.as_secs() / 86_400).unwrap_or(90),
        }
    }
}

/// A duration in the largest unit that divides it.
fn text(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if millis > 0 && millis.is_multiple_of(length) {
            return format!("{}{unit}", millis / length);
        }
    }
    format!("{millis}ms")
}
