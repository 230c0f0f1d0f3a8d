//! Failures on order, so that tests can prove what happens when the disk is full at the n-th write.
//!
//! In production nothing is ever ordered and the price is one atomic load a statement. Not here: failures of
//! remotes (the emulators').

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU8, Ordering},
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
}

/// The switch that a test holds. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Ordered>);

#[derive(Debug, Default)]
struct Ordered {
    statements_left: AtomicI64,
    kind: AtomicU8,
}

const NONE: u8 = 0;

impl Faults {
    /// Orders one failure: `nth` counts from 1, in statements or, for a fault of COMMIT, in commits.
    pub fn fail_nth(&self, nth: u32, fault: Fault) {
        self.0
            .statements_left
            .store(i64::from(nth), Ordering::SeqCst);
        self.0.kind.store(code(fault), Ordering::SeqCst);
    }

    /// Takes an order back. True if the failure had not happened yet.
    pub fn cancel(&self) -> bool {
        self.0.kind.swap(NONE, Ordering::SeqCst) != NONE
    }

    pub(crate) fn before_statement(&self, sql: &Sql) -> Result<(), StoreError> {
        if self.strikes(Fault::DiskFull) {
            return Err(StoreError::DiskFull(
                format!("ordered at `{}`", sql.name()).into(),
            ));
        }
        if self.strikes(Fault::Io) {
            return Err(StoreError::Halted(format!("ordered at `{}`", sql.name())));
        }
        Ok(())
    }

    pub(crate) fn before_commit(&self) -> Result<(), StoreError> {
        if self.strikes(Fault::DiskFullAtCommit) {
            return Err(StoreError::DiskFull("ordered at commit".into()));
        }
        Ok(())
    }

    fn strikes(&self, fault: Fault) -> bool {
        if self.0.kind.load(Ordering::Relaxed) != code(fault) {
            return false;
        }
        if self.0.statements_left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return false;
        }
        self.0.kind.store(NONE, Ordering::SeqCst);
        true
    }
}

fn code(fault: Fault) -> u8 {
    match fault {
        Fault::DiskFull => 1,
        Fault::DiskFullAtCommit => 2,
        Fault::Io => 3,
    }
}
