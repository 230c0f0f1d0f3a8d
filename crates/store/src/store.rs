//! The door: one `Store`, three ways to open it, and how a call becomes a transaction.
//!
//! The calls themselves stand in the file of their subject. Not here: SQL.

use std::{path::Path, sync::Arc};

use tokio::sync::watch;

use crate::{
    error::StoreError,
    faults::Faults,
    lite::Inline,
    mechanics::inbox::Heard,
    postgres::{Kind, Postgres, PostgresOptions},
    tx::Work,
    wakeups::{Bell, Wakeups},
    writer::{Threads, Together, Urgency},
};

/// The store of one installation. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    backend: Backend,
    bell: Bell,
    faults: Faults,
    halted: watch::Sender<Option<String>>,
    /// Events that wait for the writer.
    heard: Arc<Together<Heard>>,
}

enum Backend {
    Inline(Arc<Inline>),
    Threads(Threads),
    Postgres(Arc<Postgres>),
}

impl Store {
    /// A SQLite file with its writer thread: the production form on one machine.
    ///
    /// Creates the file (readable by its owner only) or brings its schema up to date.
    pub fn open_file(path: &Path) -> Result<Store, StoreError> {
        let (faults, halted) = (Faults::default(), watch::Sender::new(None));
        let threads = Threads::start(path, &faults, &halted)?;
        Ok(Store::over(
            Backend::Threads(threads),
            Bell::local(),
            faults,
            halted,
        ))
    }

    /// A SQLite database in memory on one plain connection, for simulation: no call ever waits.
    pub fn open_inline() -> Result<Store, StoreError> {
        Ok(Store::inline(Inline::in_memory()?))
    }

    /// The same over a file, so that a simulated crash can come back to what it had stored.
    pub fn open_inline_file(path: &Path) -> Result<Store, StoreError> {
        Ok(Store::inline(Inline::on_file(path)?))
    }

    /// The database of [`Store::open_inline`] as the next process, or one beside this, opens it: failures ordered
    /// here and a halt stay behind, bells ring for each apart. `None` for the other forms.
    pub fn opened_again(&self) -> Option<Store> {
        match &self.0.backend {
            Backend::Inline(inline) => Some(Store::over_inline(Arc::clone(inline))),
            Backend::Threads(_) | Backend::Postgres(_) => None,
        }
    }

    /// The plain connection of [`Store::open_inline`], for judges that read it by SQL of their own. `None` for the
    /// production forms.
    pub fn plain<T>(&self, read: impl FnOnce(&rusqlite::Connection) -> T) -> Option<T> {
        match &self.0.backend {
            Backend::Inline(inline) => Some(inline.plain(read)),
            Backend::Threads(_) | Backend::Postgres(_) => None,
        }
    }

    /// A PostgreSQL that many replicas may share. Refused if it could lose acknowledged commits.
    pub async fn open_postgres(options: &PostgresOptions) -> Result<Store, StoreError> {
        let postgres = Arc::new(Postgres::open(options).await?);
        let bell = Bell::shared(&postgres);
        let halted = watch::Sender::new(None);
        Ok(Store::over(
            Backend::Postgres(postgres),
            bell,
            Faults::default(),
            halted,
        ))
    }

    /// A handle that hears of new work.
    pub fn wakeups(&self) -> Wakeups {
        self.0.bell.listen()
    }

    /// The switch for failures on order, for tests.
    pub fn faults(&self) -> Faults {
        self.0.faults.clone()
    }

    /// Returns with the reason once the storage has failed for good. The process must end then: memory and
    /// disk may differ, and only a restart reads the truth again.
    pub async fn halted(&self) -> String {
        let mut halted = self.0.halted.subscribe();
        match halted.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Bounds the size of a SQLite file, so that it cannot fill the disk; `u64::MAX` lifts the bound. Beyond it
    /// writes fail with [`StoreError::DiskFull`]. A bound below the present size keeps it from growing. On
    /// PostgreSQL this does nothing: there it is the server's affair.
    pub async fn limit_size(&self, bytes: u64) -> Result<(), StoreError> {
        self.write(bytes, |tx, bytes| {
            Box::pin(async move { tx.limit_size(*bytes) })
        })
        .await
    }

    /// One short question to the database: is it there and answering? Whether it takes writes is another one:
    /// [`Store::prove_writable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read((), |tx, ()| {
            Box::pin(async move { tx.clock(jiff::Timestamp::UNIX_EPOCH).await.map(drop) })
        })
        .await
    }

    /// One transaction that writes.
    pub(crate) async fn write<A, T>(
        &self,
        args: A,
        work: impl Work<A, T> + Sync,
    ) -> Result<T, StoreError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.write_with(Urgency::Other, args, work).await
    }

    pub(crate) async fn write_with<A, T>(
        &self,
        urgency: Urgency,
        args: A,
        work: impl Work<A, T> + Sync,
    ) -> Result<T, StoreError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.refuse_halted()?;
        let faults = &self.0.faults;
        let done = match &self.0.backend {
            Backend::Inline(inline) => inline.write(faults, &args, &work),
            Backend::Threads(threads) => threads.write(urgency, args, work).await,
            Backend::Postgres(postgres) => {
                postgres.transact(faults, Kind::Write, &args, &work).await
            }
        };
        self.note_halt(done)
    }

    /// One transaction that takes events in, with those of others who wait for the same on SQLite.
    pub(crate) async fn take_in(
        &self,
        heard: Heard,
        work: impl Work<Vec<Heard>, ()> + Sync,
    ) -> Result<(), StoreError> {
        self.refuse_halted()?;
        let faults = &self.0.faults;
        let done = match &self.0.backend {
            Backend::Inline(inline) => inline.write(faults, &vec![heard], &work),
            Backend::Threads(threads) => threads.write_together(&self.0.heard, heard, work).await,
            Backend::Postgres(postgres) => {
                let heard = vec![heard];
                postgres.transact(faults, Kind::Write, &heard, &work).await
            }
        };
        self.note_halt(done)
    }

    /// One transaction that only reads, from one moment.
    pub(crate) async fn read<A, T>(
        &self,
        args: A,
        work: impl Work<A, T> + Sync,
    ) -> Result<T, StoreError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.refuse_halted()?;
        let faults = &self.0.faults;
        let done = match &self.0.backend {
            Backend::Inline(inline) => inline.read(faults, &args, &work),
            Backend::Threads(threads) => threads.read(args, work).await,
            Backend::Postgres(postgres) => {
                postgres.transact(faults, Kind::Read, &args, &work).await
            }
        };
        self.note_halt(done)
    }

    /// Wakes whoever waits for work, after a commit that made some.
    pub(crate) fn ring(&self) {
        self.0.bell.ring();
    }

    fn inline(inline: Inline) -> Store {
        Store::over_inline(Arc::new(inline))
    }

    fn over_inline(inline: Arc<Inline>) -> Store {
        let halted = watch::Sender::new(None);
        Store::over(
            Backend::Inline(inline),
            Bell::local(),
            Faults::default(),
            halted,
        )
    }

    fn over(
        backend: Backend,
        bell: Bell,
        faults: Faults,
        halted: watch::Sender<Option<String>>,
    ) -> Store {
        Store(Arc::new(Inner {
            backend,
            bell,
            faults,
            halted,
            heard: Arc::default(),
        }))
    }

    fn refuse_halted(&self) -> Result<(), StoreError> {
        match &*self.0.halted.borrow() {
            None => Ok(()),
            Some(why) => Err(StoreError::Halted(why.clone())),
        }
    }

    fn note_halt<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Halted(why)) = &done {
            self.0.halted.send_replace(Some(why.clone()));
        }
        done
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let form = match &self.0.backend {
            Backend::Inline(_) => "inline",
            Backend::Threads(_) => "threads",
            Backend::Postgres(_) => "postgres",
        };
        f.debug_tuple("Store").field(&form).finish()
    }
}
