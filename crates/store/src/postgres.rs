//! PostgreSQL: the pool, transactions with their retries, and what its errors mean.
//!
//! Wake-ups between replicas are `wakeups`. Not here: row locks and other SQL (beside their subject).

use std::{str::FromStr, sync::Arc, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::{
    Config, IsolationLevel,
    config::{Host, SslMode},
    error::SqlState,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    error::StoreError,
    faults::Faults,
    migrations,
    tx::{Tx, Work},
};

/// How often a transaction is begun anew after a deadlock, a lost race or a connection found dead.
const TRIES: u32 = 5;

/// A statement that takes longer has met something broken. A process that stands still within a transaction holds locks that
/// the other replica needs, the lease's among them: the server ends it before those who wait give up.
const LIMITS: &str =
    "-c lock_timeout=5000 -c statement_timeout=30000 -c idle_in_transaction_session_timeout=3000";

/// Settings under which an acknowledged commit may vanish.
const DURABLE: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

/// How to reach a server.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database`. Another host than this machine is reached by TLS only.
    pub url: String,
    /// Connections of the pool, at least 2.
    pub connections: usize,
    /// Certificates (PEM decoded to DER) to trust beside the system's.
    pub extra_roots: Vec<Vec<u8>>,
}

pub(crate) struct Postgres {
    pool: Pool,
    config: Config,
    tls: MakeRustlsConnect,
}

impl Postgres {
    /// Connects, checks that commits are durable and brings the schema up to date.
    pub(crate) async fn open(options: &PostgresOptions) -> Result<Postgres, StoreError> {
        let config = configured(&options.url)?;
        let tls = MakeRustlsConnect::new(tls_config(&config, &options.extra_roots)?);
        let manager = Manager::from_config(
            config.clone(),
            tls.clone(),
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(2))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(Duration::from_secs(5)))
            .create_timeout(Some(Duration::from_secs(5)))
            .build()
            .map_err(|error| StoreError::Misconfigured(error.to_string()))?;
        let postgres = Postgres { pool, config, tls };
        postgres.refuse_lossy().await?;
        let mut client = postgres.client().await?;
        migrations::run_pg(&mut client).await?;
        drop(client);
        Ok(postgres)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn tls(&self) -> &MakeRustlsConnect {
        &self.tls
    }

    pub(crate) async fn client(&self) -> Result<deadpool_postgres::Object, StoreError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(_) => StoreError::Busy(error.into()),
            PoolError::Backend(error) => classify("connect", error),
            other => StoreError::Unreachable(other.into()),
        })
    }

    /// One transaction, begun anew if the server took it back before the commit.
    pub(crate) async fn transact<A: Sync, T: Send, W: Work<A, T> + Sync>(
        &self,
        faults: &Faults,
        kind: Kind,
        args: &A,
        work: &W,
    ) -> Result<T, StoreError> {
        let mut tries = 1;
        loop {
            let done = self.once(faults, kind, args, work).await;
            match done {
                Err(error) if tries < TRIES && taken_back(&error) => tries += 1,
                done => return done,
            }
        }
    }

    async fn once<A: Sync, T: Send, W: Work<A, T> + Sync>(
        &self,
        faults: &Faults,
        kind: Kind,
        args: &A,
        work: &W,
    ) -> Result<T, StoreError> {
        let mut client = self.client().await?;
        let builder = client.build_transaction();
        let builder = match kind {
            Kind::Write => builder,
            // All statements of a read see one moment.
            Kind::Read => builder
                .isolation_level(IsolationLevel::RepeatableRead)
                .read_only(true),
        };
        let transaction = builder
            .start()
            .await
            .map_err(|error| classify("BEGIN", error))?;
        let value = work(&mut Tx::pg(&transaction, faults), args).await?;
        faults.before_commit()?;
        match (transaction.commit().await, kind) {
            (Ok(()), _) | (Err(_), Kind::Read) => Ok(value),
            (Err(error), Kind::Write) => Err(commit_failed(error)),
        }
    }

    async fn refuse_lossy(&self) -> Result<(), StoreError> {
        let client = self.client().await?;
        for setting in DURABLE {
            let row = client
                .query_one("SELECT current_setting($1)", &[&setting])
                .await
                .map_err(|error| classify("current_setting", error))?;
            let value: String = row.get(0);
            if value == "off" {
                return Err(StoreError::NotDurable { setting, value });
            }
        }
        Ok(())
    }
}

/// Whether a transaction writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

/// What a PostgreSQL error lets the caller do. For errors before a commit: nothing was stored.
pub(crate) fn classify(statement: &'static str, error: tokio_postgres::Error) -> StoreError {
    if error.is_closed() || error.code().is_none() && is_io(&error) {
        return StoreError::Unreachable(error.into());
    }
    let Some(code) = error.code() else {
        return StoreError::Statement {
            statement,
            source: error.into(),
        };
    };
    if *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT {
        // The server ended the connection, and with it the transaction.
        return StoreError::Unreachable(error.into());
    }
    if *code == SqlState::DISK_FULL {
        return StoreError::DiskFull(error.into());
    }
    if *code == SqlState::QUERY_CANCELED {
        // Our own limit on how long a statement may take.
        return StoreError::Busy(error.into());
    }
    if [
        SqlState::IO_ERROR,
        SqlState::DATA_CORRUPTED,
        SqlState::INDEX_CORRUPTED,
    ]
    .contains(code)
    {
        return StoreError::Halted(error.to_string());
    }
    match code.code().get(..2) {
        // Connection exceptions; shutdown, and start-up not finished.
        Some("08" | "57") => StoreError::Unreachable(error.into()),
        // Lost races, locks, too many connections.
        Some("40" | "53" | "55") => StoreError::Busy(error.into()),
        _ => StoreError::Statement {
            statement,
            source: error.into(),
        },
    }
}

fn commit_failed(error: tokio_postgres::Error) -> StoreError {
    let may_have_committed = may_have_committed(error.code());
    match classify("COMMIT", error) {
        StoreError::Unreachable(source) if may_have_committed => StoreError::UnknownCommit(source),
        other => other,
    }
}

/// Whether a server that ended the session with this code, or went without one, may have committed before the word was
/// lost. Not where it found the transaction idle for too long: it looks for that once more after it has read a command and
/// before it runs it, so COMMIT was never run.
fn may_have_committed(code: Option<&SqlState>) -> bool {
    code != Some(&SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT)
}

/// Whether the transaction surely did not happen and another try is worth it at once.
fn taken_back(error: &StoreError) -> bool {
    match error {
        StoreError::Busy(source) => source
            .downcast_ref::<tokio_postgres::Error>()
            .and_then(tokio_postgres::Error::code)
            .is_some_and(|code| {
                [
                    SqlState::T_R_DEADLOCK_DETECTED,
                    SqlState::T_R_SERIALIZATION_FAILURE,
                ]
                .contains(code)
            }),
        StoreError::Unreachable(source) => source
            .downcast_ref::<tokio_postgres::Error>()
            .is_some_and(|error| error.is_closed() || error.code().is_some()),
        _ => false,
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

fn configured(url: &str) -> Result<Config, StoreError> {
    // The address holds a password: its text goes into no message.
    let mut config = Config::from_str(url).map_err(|error| {
        StoreError::Misconfigured(format!("the address of PostgreSQL: {error}"))
    })?;
    if config.get_ssl_mode() == SslMode::Prefer {
        let local = config.get_hosts().iter().all(is_local);
        config.ssl_mode(if local {
            SslMode::Disable
        } else {
            SslMode::Require
        });
    }
    if config.get_ssl_mode() == SslMode::Disable && !config.get_hosts().iter().all(is_local) {
        return Err(StoreError::Misconfigured(String::from(
            "`sslmode=disable` is only for a PostgreSQL on this machine",
        )));
    }
    let options = match config.get_options() {
        Some(own) => format!("{LIMITS} {own}"),
        None => LIMITS.to_owned(),
    };
    config
        .options(options)
        .application_name("provodka")
        .connect_timeout(Duration::from_secs(5))
        .keepalives_idle(Duration::from_secs(30))
        .tcp_user_timeout(Duration::from_secs(15));
    Ok(config)
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    }
}

fn tls_config(config: &Config, extra_roots: &[Vec<u8>]) -> Result<ClientConfig, StoreError> {
    let mut roots = RootCertStore::empty();
    if config.get_ssl_mode() != SslMode::Disable {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for root in extra_roots {
            roots.add(root.clone().into()).map_err(|error| {
                StoreError::Misconfigured(format!("a root certificate for PostgreSQL: {error}"))
            })?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Misconfigured(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_commit_that_was_never_run_is_surely_none() {
        let idle = SqlState::from_code("25P03");
        assert!(!may_have_committed(Some(&idle)));
        // The connection went; the server was shut down, or crashed; a failure of the connection.
        for lost in [None, Some("57P01"), Some("57P02"), Some("08006")] {
            let code = lost.map(SqlState::from_code);
            assert!(may_have_committed(code.as_ref()), "{lost:?}");
        }
    }
}
