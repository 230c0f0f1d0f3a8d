//! The deployment's settings: one TOML file, secrets from the environment or from files.
//!
//! Unknown keys are refused, and all faults are told in one message, each with its remedy and none with a
//! secret. What a portal wants done is not here but in its policy (`planner::Policy`).

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use domain::PortalId;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::seal::KeyRing;

mod judge;
pub mod raw;
mod read;
mod secrets;
#[cfg(test)]
mod tests;

pub use raw::{
    Raw, RawAccounting, RawAdmin, RawBitrix24, RawDatabase, RawJournal, RawLimits, RawLog,
    RawOrganisation, RawPapers, RawRemotes, RawSealing, RawServer, RawStatements, RawTiming,
};

/// The code of the page about a refused configuration.
pub const CONFIG_REFUSED: &str = "CONFIG-REFUSED";

/// The file that is read where none is named.
pub const DEFAULT_FILE: &str = "provodka.toml";

/// A checked configuration.
#[derive(Clone)]
pub struct Config {
    /// Loopback remotes may be called without TLS; in return nothing but loopback is served.
    pub development: bool,
    /// Our own records.
    pub database: Database,
    /// The side that hears events.
    pub server: Server,
    /// The pages for people; none: they are not served.
    pub admin: Option<Admin>,
    /// The folder that bank statements are dropped into.
    pub statements: Option<PathBuf>,
    /// The folder of the layouts and pictures that policies name.
    pub papers: Option<PathBuf>,
    /// What the program says of its work.
    pub log: Log,
    /// Seals rotating tokens; a webhook has none, and needs no key.
    pub keys: Option<Arc<KeyRing>>,
    /// The portal.
    pub bitrix24: Bitrix24,
    /// The accounting side.
    pub accounting: Accounting,
    /// Authorities in PEM that remotes' certificates may come from, beside the system's.
    pub extra_roots: Vec<Vec<u8>>,
    /// The engine's numbers.
    pub engine: engine::Settings,
    /// The reconciler's numbers.
    pub reconciler: reconciler::Settings,
}

/// Where our records are.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file of this machine.
    Sqlite(PathBuf),
    /// A server that many replicas share.
    Postgres(store::PostgresOptions),
}

/// The side that hears events.
#[derive(Clone, Debug)]
pub struct Server {
    /// Address and port.
    pub listen: SocketAddr,
    /// How the portal reaches us; ends with a slash.
    pub public_url: Option<Url>,
    /// TLS by the program itself.
    pub tls: Option<web::TlsFiles>,
    /// Who may speak to us.
    pub guard: Arc<web::GuardConfig>,
}

/// The pages for people.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Address and port.
    pub listen: SocketAddr,
    /// How people reach them where it is not this machine: `https://host`, without a slash.
    pub public_origin: Option<String>,
}

/// What the program says of its work.
#[derive(Clone, Debug)]
pub struct Log {
    /// One JSON object a line instead of text.
    pub json: bool,
    /// A filter such as `info,engine=debug`.
    pub filter: String,
}

/// The portal.
#[derive(Clone)]
pub struct Bitrix24 {
    /// Its lasting id.
    pub member_id: PortalId,
    /// How we are let in.
    pub access: Access,
    /// The token that events carry; an installed application brings its own.
    pub application_token: Option<SecretString>,
}

/// How the portal lets us in.
#[derive(Clone)]
pub enum Access {
    /// By an incoming webhook.
    Webhook {
        /// Its address, which is the secret.
        url: SecretString,
        /// The host in it.
        host: String,
    },
    /// As an application.
    App {
        /// The portal's host name as it is now.
        host: String,
        /// The application's code.
        client_id: String,
        /// Its secret.
        client_secret: SecretString,
        /// The token server.
        oauth: Url,
    },
}

/// The accounting side.
#[derive(Clone)]
pub enum Accounting {
    /// A service over our contract.
    Kontur(Kontur),
    /// Our own books, of these organisations.
    Office(Vec<connector_office::Organisation>),
}

impl Accounting {
    /// Whether it tells payments with what the accountant gave of them.
    pub fn returns_allocations(&self) -> bool {
        match self {
            Self::Kontur(kontur) => kontur.offers.payments,
            Self::Office(_) => false,
        }
    }
}

/// A service over our contract.
#[derive(Clone)]
pub struct Kontur {
    /// The address before `/v1`.
    pub base_url: Url,
    /// The key.
    pub api_key: SecretString,
    /// A name for the key.
    pub account: String,
    /// What the service offers.
    pub offers: connector_kontur_accounting::Offers,
}

/// Why a configuration is refused: everything at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// The key as the file spells it, or the variable.
    pub key: String,
    /// What is the matter.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// Variables of the environment, by name.
pub type Environment = BTreeMap<String, String>;

impl Config {
    /// Reads a file's text with the secrets of an environment.
    ///
    /// # Errors
    /// Names every fault.
    pub fn parse(text: &str, environment: &Environment) -> Result<Self, ConfigFaults> {
        let (raw, mut faults) = read::raw(text);
        faults.extend(secrets::unknown(environment));
        match (judge::judge(&raw, environment), faults.is_empty()) {
            (Ok(config), true) => Ok(config),
            (Ok(_), false) => Err(ConfigFaults(faults)),
            (Err(more), _) => {
                faults.extend(more);
                Err(ConfigFaults(faults))
            }
        }
    }

    /// Checks settings that were made in the program: the demo's, the tests'.
    ///
    /// # Errors
    /// Names every fault.
    pub fn from_raw(raw: &Raw, environment: &Environment) -> Result<Self, ConfigFaults> {
        judge::judge(raw, environment).map_err(ConfigFaults)
    }

    /// Whether the portal is connected as an application.
    pub fn is_app(&self) -> bool {
        matches!(self.bitrix24.access, Access::App { .. })
    }

    /// The portal's host name as it is configured.
    pub fn portal_host(&self) -> &str {
        match &self.bitrix24.access {
            Access::Webhook { host, .. } | Access::App { host, .. } => host,
        }
    }

    /// Where people open the portal's pages: in a rehearsal it has a port, and no TLS.
    pub fn portal_origin(&self) -> String {
        let of_webhook = match &self.bitrix24.access {
            Access::Webhook { url, .. } => Url::parse(url.expose_secret()).ok(),
            Access::App { .. } => None,
        };
        of_webhook.map_or_else(
            || format!("https://{}", self.portal_host()),
            |url| url.origin().ascii_serialization(),
        )
    }

    /// Where the portal sends its events, if it can reach us.
    pub fn events_url(&self) -> Option<Url> {
        let path = web::BITRIX24_EVENTS.trim_start_matches('/');
        self.server.public_url.as_ref()?.join(path).ok()
    }
}

impl ConfigFault {
    fn new(key: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(faults) = self;
        let plural = if faults.len() == 1 { "" } else { "s" };
        write!(f, "the configuration has {} fault{plural}", faults.len())?;
        for fault in faults {
            write!(f, "\n  {}: {}", fault.key, fault.what)?;
            write!(f, "\n      to do: {}", fault.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigFaults {}
