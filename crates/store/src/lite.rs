//! SQLite connections: how they are opened, how a transaction runs on one, what their errors mean.
//!
//! [`Inline`] is the simulator's form: one plain connection, every call driven to its end within the poll.
//! The production form, a writer thread with group commit and reader threads, is `writer`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, backup::Backup, config::DbConfig};

use crate::{
    error::StoreError,
    faults::Faults,
    migrations,
    tx::{Tx, Work, drive},
};

/// `PRAGMA application_id` of our files: "prov" in ASCII. A foreign database is not touched.
const APPLICATION_ID: i64 = 0x7072_6f76;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const STATEMENT_CACHE: usize = 256;

/// What each connection may keep of the file in memory, in KiB; it takes as much as it uses. The usual two megabytes hold
/// less than the indexes of a hundred thousand payments, whose keys are spread over all of them: a large statement read
/// and wrote the same pages from the system again and again. The writer's is bounded by the goal that a server that takes in
/// events as fast as they come stays below 100 MB (`bench -- events`).
const WRITER_CACHE_KIB: i64 = 48 * 1024;
const READER_CACHE_KIB: i64 = 16 * 1024;

/// Pages of the log after which what was committed is carried into the file. At the usual thousand every commit of a large
/// statement carried all that it had touched, and the next one most of it again.
const PAGES_OF_LOG: i64 = 16_000;

/// One connection, no thread, no waiting.
pub(crate) struct Inline {
    connection: Mutex<Connection>,
}

impl Inline {
    /// A new database in memory.
    pub(crate) fn in_memory() -> Result<Inline, StoreError> {
        let mut connection = open_in_memory()?;
        begin_empty(&mut connection)?;
        Ok(Inline {
            connection: Mutex::new(connection),
        })
    }

    /// A database file.
    pub(crate) fn on_file(path: &Path) -> Result<Inline, StoreError> {
        Ok(Inline {
            connection: Mutex::new(open_for_writing(path)?),
        })
    }

    /// Lends the connection to who reads it by SQL of its own.
    pub(crate) fn plain<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        let connection = self.connection.lock();
        read(&connection.unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn write<A, T>(
        &self,
        faults: &Faults,
        args: &A,
        work: &impl Work<A, T>,
    ) -> Result<T, StoreError> {
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        begin(&connection)?;
        let done = run_caught(&mut connection, faults, args, work);
        match done.and_then(|value| commit(&connection, faults).map(|()| value)) {
            Ok(value) => Ok(value),
            Err(error) => {
                roll_back(&connection);
                faults.transaction_ended();
                Err(error)
            }
        }
    }

    pub(crate) fn read<A, T>(
        &self,
        faults: &Faults,
        args: &A,
        work: &impl Work<A, T>,
    ) -> Result<T, StoreError> {
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        read_on(&mut connection, faults, args, work)
    }
}

fn open_in_memory() -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory().map_err(|error| classify("open", error))?;
    prepare(&mut connection, None)?;
    Ok(connection)
}

/// A database that has its schema and nothing else. Thousands of simulated days begin with one, and each is a copy.
static EMPTY: Mutex<Option<Connection>> = Mutex::new(None);

fn begin_empty(connection: &mut Connection) -> Result<(), StoreError> {
    let mut empty = EMPTY.lock().unwrap_or_else(PoisonError::into_inner);
    let empty = match &mut *empty {
        Some(empty) => empty,
        none => {
            let mut made = open_in_memory()?;
            migrations::run_lite(&mut made)?;
            none.insert(made)
        }
    };
    let copied = Backup::new(empty, connection).and_then(|copy| copy.step(-1));
    copied.map(drop).map_err(|error| classify("open", error))
}

/// Opens the file for the one who writes: creates it if needed and brings its schema up to date.
pub(crate) fn open_for_writing(path: &Path) -> Result<Connection, StoreError> {
    create_private(path)?;
    let mut connection = Connection::open(path).map_err(|error| classify("open", error))?;
    prepare(&mut connection, Some(path))?;
    migrations::run_lite(&mut connection)?;
    Ok(connection)
}

/// Opens the file for one who only reads. The writer has opened it before.
pub(crate) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        keep_plans(&connection)?;
        keep_pages(&connection, READER_CACHE_KIB)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|error| classify("open", error))
}

/// Bounds the size of the file. The bound belongs to this connection, the only one that writes.
pub(crate) fn limit_size(connection: &Connection, bytes: u64) -> Result<(), StoreError> {
    let limit = || {
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let page = u64::try_from(page).unwrap_or(4096).max(1);
        let pages = (bytes / page).clamp(1, u64::from(u32::MAX - 1));
        // SQLite never goes below the present size.
        connection.pragma_update(
            None,
            "max_page_count",
            i64::try_from(pages).unwrap_or(i64::MAX),
        )
    };
    limit().map_err(|error| classify("max_page_count", error))
}

/// Takes the write lock now, so that no transaction fails half-way for want of it.
pub(crate) fn begin(connection: &Connection) -> Result<(), StoreError> {
    run_text(connection, "BEGIN IMMEDIATE")
}

pub(crate) fn commit(connection: &Connection, faults: &Faults) -> Result<(), StoreError> {
    faults.before_commit()?;
    run_text(connection, "COMMIT")?;
    faults.after_commit()
}

/// Ends a failed transaction. SQLite itself has already ended it after some errors.
pub(crate) fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = run_text(connection, "ROLLBACK")
    {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a rollback failed"
        );
    }
}

/// Runs work on an open transaction; a panic in it is an error like others.
pub(crate) fn run_caught<A, T>(
    connection: &mut Connection,
    faults: &Faults,
    args: &A,
    work: &impl Work<A, T>,
) -> Result<T, StoreError> {
    let run = AssertUnwindSafe(|| drive(work(&mut Tx::lite(connection, faults), args)));
    catch_unwind(run).unwrap_or_else(|_| {
        Err(StoreError::Statement {
            statement: "transaction",
            source: "it panicked".into(),
        })
    })
}

/// Reads from one snapshot of the database.
pub(crate) fn read_on<A, T>(
    connection: &mut Connection,
    faults: &Faults,
    args: &A,
    work: &impl Work<A, T>,
) -> Result<T, StoreError> {
    run_text(connection, "BEGIN")?;
    let read = run_caught(connection, faults, args, work);
    roll_back(connection);
    faults.transaction_ended();
    read
}

/// Runs a text without parameters and rows.
pub(crate) fn run_text(connection: &Connection, text: &'static str) -> Result<(), StoreError> {
    connection
        .prepare_cached(text)
        .and_then(|mut statement| statement.execute(()))
        .map(drop)
        .map_err(|error| classify(text, error))
}

/// What a SQLite error lets the caller do.
pub(crate) fn classify(statement: &'static str, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(error.into()),
        Some(ErrorCode::DiskFull) => StoreError::DiskFull(error.into()),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Halted(error.to_string())
        }
        _ => StoreError::Statement {
            statement,
            source: error.into(),
        },
    }
}

/// The file holds tokens (sealed) and business data: nobody else on the machine may read it.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let misconfigured = |error| StoreError::Misconfigured(format!("`{}`: {error}", path.display()));
    let file = options.open(path).map_err(misconfigured)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))
            .map_err(misconfigured)?;
    }
    drop(file);
    Ok(())
}

fn prepare(connection: &mut Connection, path: Option<&Path>) -> Result<(), StoreError> {
    keep_plans(connection).map_err(|error| classify("open", error))?;
    let found = check_ours(connection).map_err(|error| classify("open", error))?;
    if found != 0 && found != APPLICATION_ID {
        let path = path.unwrap_or(Path::new("memory"));
        return Err(StoreError::Misconfigured(format!(
            "`{}` is a database of another program",
            path.display()
        )));
    }
    settings(connection).map_err(|error| classify("open", error))
}

/// Statements are parsed and planned once. Without the guarantee SQLite plans a statement anew at every value that
/// is bound to it, which costs more than most of them take.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(drop)
}

fn keep_pages(connection: &Connection, kib: i64) -> rusqlite::Result<()> {
    connection.pragma_update(None, "cache_size", -kib)
}

fn check_ours(connection: &Connection) -> rusqlite::Result<i64> {
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id != 0 {
        return Ok(id);
    }
    // A database without an id but with tables was made by somebody else.
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok(if tables == 0 { 0 } else { -1 })
}

fn settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    keep_pages(connection, WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    // NORMAL would lose the last acknowledged commits at a power cut.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", PAGES_OF_LOG)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What the journal forgets must not stay readable in the file.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_keeps_what_it_acknowledged() {
        let folder = tempfile::TempDir::new().unwrap();
        let connection = open_for_writing(&folder.path().join("p.db")).unwrap();
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        assert_eq!(pragma("synchronous").unwrap(), 2, "FULL");
        assert_eq!(pragma("foreign_keys").unwrap(), 1);
        assert_eq!(pragma("secure_delete").unwrap(), 1);
        assert_eq!(pragma("cache_size").unwrap(), -WRITER_CACHE_KIB);
        assert_eq!(pragma("wal_autocheckpoint").unwrap(), PAGES_OF_LOG);
        assert_eq!(pragma("application_id").unwrap(), APPLICATION_ID);
    }

    #[test]
    fn databases_in_memory_begin_alike_and_share_nothing() {
        let begin = || Inline::in_memory().unwrap();
        let count = |inline: &Inline| {
            inline.plain(|connection| {
                let count = "SELECT count(*) FROM portal";
                connection.query_row(count, (), |row| row.get::<_, i64>(0))
            })
        };
        let (first, other) = (begin(), begin());
        let put = "INSERT INTO portal (portal_id, host, mode, paused, detail, created_at, updated_at) \
                   VALUES ('a', 'a', 'active', 0, '{}', 0, 0)";
        first
            .plain(|connection| connection.execute(put, ()))
            .unwrap();
        assert_eq!(count(&first).unwrap(), 1);
        assert_eq!(count(&other).unwrap(), 0);
        assert_eq!(count(&begin()).unwrap(), 0);
        let foreign_keys = other.plain(|connection| {
            connection.pragma_query_value(None, "foreign_keys", |row| row.get::<_, i64>(0))
        });
        assert_eq!(foreign_keys.unwrap(), 1);
    }

    #[test]
    fn a_reader_cannot_write() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("p.db");
        let _writer = open_for_writing(&file).unwrap();
        let reader = open_for_reading(&file).unwrap();
        assert!(run_text(&reader, "DELETE FROM portal").is_err());
    }
}
