//! Failures on order, so that tests can prove what happens when the disk is full at the n-th write; and how much ran, so
//! that they can say how much may.
//!
//! In production nothing is ever ordered and the price is an atomic load and a count a statement. Not here: failures of
//! remotes (the emulators').

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering},
    },
};

use crate::{error::StoreError, sql::Sql};

/// What kind of failure to play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A statement finds no space.
    DiskFull,
    /// COMMIT finds no space: the whole group must vanish.
    DiskFullAtCommit,
    /// A statement meets an I/O error: the store halts for good.
    Io,
    /// COMMIT meets an I/O error before anything is stored: the store halts for good.
    IoAtCommit,
    /// The store halts for good right after a COMMIT that is stored; its caller never hears of it.
    IoAfterCommit,
    /// The connection is lost at a COMMIT that is not stored.
    UnknownCommitLost,
    /// The connection is lost at a COMMIT that is stored.
    UnknownCommitStored,
    /// A statement finds the database locked for longer than anybody waits.
    Busy,
}

/// The switch that a test holds. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Ordered>);

/// What a store ran. A statement that ran for many rows at once counts once: on PostgreSQL its rows share a round trip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Statements, within transactions or not.
    pub statements: u64,
    /// Commits of what was written. On SQLite several calls may share one.
    pub commits: u64,
}

impl Ran {
    /// What ran since then.
    pub fn since(self, before: Ran) -> Ran {
        Ran {
            statements: self.statements.saturating_sub(before.statements),
            commits: self.commits.saturating_sub(before.commits),
        }
    }
}

#[derive(Debug, Default)]
struct Ordered {
    statements: AtomicU64,
    commits: AtomicU64,
    statements_left: AtomicI64,
    kind: AtomicU8,
    /// Only transactions in which this statement ran count, where one is named.
    within: Mutex<Option<&'static str>>,
    /// The open transaction is such a one.
    is_within: AtomicBool,
    ear: Ear,
}

/// Who is told of a failure as it happens.
#[derive(Default)]
struct Ear(OnceLock<Box<dyn Fn(Fault) + Send + Sync>>);

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ear").field(&self.0.get().is_some()).finish()
    }
}

const NONE: u8 = 0;

impl Faults {
    /// Orders one failure: `nth` counts from 1, in statements or, for a fault of COMMIT, in commits.
    pub fn fail_nth(&self, nth: u32, fault: Fault) {
        self.order(None, nth, fault);
    }

    /// The same, counting only runs of the statement of this name or commits of transactions in which it ran.
    pub fn fail_nth_of(&self, statement: &'static str, nth: u32, fault: Fault) {
        self.order(Some(statement), nth, fault);
    }

    fn order(&self, within: Option<&'static str>, nth: u32, fault: Fault) {
        self.0.kind.store(NONE, Ordering::SeqCst);
        *self.within() = within;
        self.0.is_within.store(within.is_none(), Ordering::SeqCst);
        self.0
            .statements_left
            .store(i64::from(nth), Ordering::SeqCst);
        self.0.kind.store(code(fault), Ordering::SeqCst);
    }

    /// Takes an order back. True if the failure had not happened yet.
    pub fn cancel(&self) -> bool {
        self.0.kind.swap(NONE, Ordering::SeqCst) != NONE
    }

    /// Has `ear` told of each failure as it happens: an order may be replaced or taken back before. The first ear stays.
    pub fn tell(&self, ear: impl Fn(Fault) + Send + Sync + 'static) {
        let _is_first = self.0.ear.0.set(Box::new(ear)).is_ok();
    }

    /// What ran so far.
    pub fn ran(&self) -> Ran {
        Ran {
            statements: self.0.statements.load(Ordering::Relaxed),
            commits: self.0.commits.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn before_statement(&self, sql: &Sql) -> Result<(), StoreError> {
        self.0.statements.fetch_add(1, Ordering::Relaxed);
        if self.0.kind.load(Ordering::Relaxed) == NONE || !self.counts(sql) {
            return Ok(());
        }
        if self.strikes(Fault::DiskFull) {
            return Err(StoreError::DiskFull(
                format!("ordered at `{}`", sql.name()).into(),
            ));
        }
        if self.strikes(Fault::Io) {
            return Err(StoreError::Halted(format!("ordered at `{}`", sql.name())));
        }
        if self.strikes(Fault::Busy) {
            return Err(StoreError::Busy(
                format!("ordered at `{}`", sql.name()).into(),
            ));
        }
        Ok(())
    }

    pub(crate) fn before_commit(&self) -> Result<(), StoreError> {
        if !self.0.is_within.load(Ordering::SeqCst) {
            return Ok(());
        }
        if self.strikes(Fault::DiskFullAtCommit) {
            return Err(StoreError::DiskFull("ordered at commit".into()));
        }
        if self.strikes(Fault::IoAtCommit) {
            return Err(StoreError::Halted("ordered at commit".to_owned()));
        }
        if self.strikes(Fault::UnknownCommitLost) {
            return Err(StoreError::UnknownCommit("ordered at commit".into()));
        }
        Ok(())
    }

    pub(crate) fn after_commit(&self) -> Result<(), StoreError> {
        self.0.commits.fetch_add(1, Ordering::Relaxed);
        let counts = self.0.is_within.load(Ordering::SeqCst);
        self.transaction_ended();
        if !counts {
            return Ok(());
        }
        if self.strikes(Fault::IoAfterCommit) {
            return Err(StoreError::Halted("ordered after commit".to_owned()));
        }
        if self.strikes(Fault::UnknownCommitStored) {
            return Err(StoreError::UnknownCommit("ordered after commit".into()));
        }
        Ok(())
    }

    /// The next transaction counts anew whether it is one of those that were named.
    pub(crate) fn transaction_ended(&self) {
        if self.0.kind.load(Ordering::Relaxed) != NONE {
            let all = self.within().is_none();
            self.0.is_within.store(all, Ordering::SeqCst);
        }
    }

    fn counts(&self, sql: &Sql) -> bool {
        match *self.within() {
            None => true,
            Some(name) if name == sql.name() => {
                self.0.is_within.store(true, Ordering::SeqCst);
                true
            }
            Some(_) => false,
        }
    }

    fn within(&self) -> std::sync::MutexGuard<'_, Option<&'static str>> {
        self.0.within.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn strikes(&self, fault: Fault) -> bool {
        if self.0.kind.load(Ordering::Relaxed) != code(fault) {
            return false;
        }
        if self.0.statements_left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return false;
        }
        self.0.kind.store(NONE, Ordering::SeqCst);
        if let Some(ear) = self.0.ear.0.get() {
            ear(fault);
        }
        true
    }
}

fn code(fault: Fault) -> u8 {
    match fault {
        Fault::DiskFull => 1,
        Fault::DiskFullAtCommit => 2,
        Fault::Io => 3,
        Fault::IoAtCommit => 4,
        Fault::IoAfterCommit => 5,
        Fault::UnknownCommitLost => 6,
        Fault::UnknownCommitStored => 7,
        Fault::Busy => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mode, Portal, Store};
    use domain::PortalId;
    use jiff::Timestamp;

    /// What becomes of new tokens at a commit that fails, and whether they are there afterwards.
    async fn replaced_at(fault: Fault) -> (Result<bool, StoreError>, bool) {
        let (store, portal) = (Store::open_inline().unwrap(), PortalId::new("a"));
        let row = Portal {
            id: portal.clone(),
            host: "a.example".to_owned(),
            mode: Mode::Active,
            paused: false,
            detail: serde_json::Value::Null,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        store.portal_put(&row).await.unwrap();
        store.faults().fail_nth_of("SECRETS_FIRST", 1, fault);
        store.fact_put(&portal, "chat", "1").await.unwrap();
        let done = store.secrets_replace(&portal, 0, b"new").await;
        // A store that has halted says nothing more.
        let beside = store.opened_again().unwrap();
        let kept = beside.secrets_get(&portal).await.unwrap();
        (done, kept.is_some())
    }

    #[tokio::test]
    async fn a_failure_is_told_when_it_happens_and_not_when_it_is_ordered() {
        let store = Store::open_inline().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let faults = store.faults();
        faults.tell(move |fault| heard.lock().unwrap().push(fault));
        let portal = PortalId::new("a");
        let read = || store.secrets_get(&portal);

        faults.fail_nth(1, Fault::Busy);
        faults.fail_nth(1, Fault::DiskFull);
        assert!(told.lock().unwrap().is_empty());
        assert!(matches!(read().await, Err(StoreError::DiskFull(_))));
        assert_eq!(told.lock().unwrap().as_slice(), [Fault::DiskFull]);
        faults.fail_nth(1, Fault::Busy);
        assert!(faults.cancel());
        assert!(read().await.unwrap().is_none());
        assert_eq!(told.lock().unwrap().as_slice(), [Fault::DiskFull]);
    }

    #[tokio::test]
    async fn a_commit_of_unknown_outcome_is_stored_or_not_as_ordered() {
        let (done, kept) = replaced_at(Fault::UnknownCommitStored).await;
        assert!(matches!(done, Err(StoreError::UnknownCommit(_))));
        assert!(kept);
        let (done, kept) = replaced_at(Fault::UnknownCommitLost).await;
        assert!(matches!(done, Err(StoreError::UnknownCommit(_))));
        assert!(!kept);
    }

    #[tokio::test]
    async fn a_store_that_halts_at_a_commit_has_it_or_not_as_ordered() {
        let (done, kept) = replaced_at(Fault::IoAfterCommit).await;
        assert!(matches!(done, Err(StoreError::Halted(_))));
        assert!(kept);
        let (done, kept) = replaced_at(Fault::IoAtCommit).await;
        assert!(matches!(done, Err(StoreError::Halted(_))));
        assert!(!kept);
    }
}
