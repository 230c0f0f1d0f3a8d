//! What can go wrong in the store, told apart by what the caller may do next.
//!
//! Not here: verdicts on remotes (`domain::Verdict`).

use std::error::Error;

use domain::PortalId;

/// Why a store call failed. Unless it says otherwise, nothing of the call was stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The lease is lost: another owner took the portal. The caller stops its work on it at once.
    #[error("the lease of portal `{portal}` with fence `{fence}` is lost")]
    Fenced {
        /// The portal whose lease was held.
        portal: PortalId,
        /// The fence the caller came with.
        fence: i64,
    },

    /// The connection was lost while committing: it may be stored or not. Read by key before anything else.
    #[error("the connection was lost at commit, the outcome is unknown")]
    UnknownCommit(#[source] Box<dyn Error + Send + Sync>),

    /// The database was locked or overloaded for longer than we wait. Later is another chance.
    #[error("the database is busy")]
    Busy(#[source] Box<dyn Error + Send + Sync>),

    /// No space left. Goes away by itself once there is space.
    #[error("the disk is full")]
    DiskFull(#[source] Box<dyn Error + Send + Sync>),

    /// The database cannot be reached now (PostgreSQL). Later is another chance.
    #[error("the database is not reachable")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),

    /// The storage failed in a way after which memory and disk may differ. The process must end; a restart reads again.
    #[error("the storage failed, the process must be restarted: {0}")]
    Halted(String),

    /// The database was written by a newer program.
    #[error(
        "the database has schema `{found}`, this program knows up to `{known}`: use the newer program"
    )]
    NewerSchema {
        /// Number of the last migration in the database.
        found: i64,
        /// Number of the last migration in this program.
        known: i64,
    },

    /// A setting under which an acknowledged commit may vanish.
    #[error(
        "the database runs with `{setting} = {value}`, acknowledged commits could be lost: switch it on"
    )]
    NotDurable {
        /// PostgreSQL's name of the setting.
        setting: &'static str,
        /// Its value now.
        value: String,
    },

    /// The address or file of the database cannot be used as configured.
    #[error("the database cannot be opened: {0}")]
    Misconfigured(String),

    /// Somebody paused the portal, or put another policy in force, since it was decided what to send: nothing of it may go
    /// out. It is decided anew.
    #[error("portal `{portal}` was paused or has another policy since")]
    Overtaken {
        /// The portal.
        portal: PortalId,
    },

    /// An effect was to be changed in a way that its state does not allow. A defect of the caller.
    #[error("effect `{id}` cannot become `{wanted}` from its state")]
    WrongState {
        /// The effect's id.
        id: i64,
        /// The change that was asked for.
        wanted: &'static str,
    },

    /// A booking would leave an invoice or a payment with more or less than it can hold. A defect of the caller.
    #[error("{what} `{key}` cannot hold what would be booked")]
    NotBorne {
        /// What it is, e.g. "invoice".
        what: &'static str,
        /// Its key.
        key: String,
    },

    /// No such row in this portal.
    #[error("there is no {what} `{key}` in portal `{portal}`")]
    Missing {
        /// The portal asked about.
        portal: PortalId,
        /// What was looked for, e.g. "case".
        what: &'static str,
        /// Its key.
        key: String,
    },

    /// A column holds what this program cannot read.
    #[error("column {column} of `{statement}` cannot be read: {why}")]
    Undecodable {
        /// Name of the statement.
        statement: &'static str,
        /// Position of the column, from 1.
        column: usize,
        /// What is wrong, without the value.
        why: String,
    },

    /// A statement failed in any other way.
    #[error("statement `{statement}` failed")]
    Statement {
        /// Name of the statement.
        statement: &'static str,
        /// The database's own error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the same call may succeed later without anybody's help.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            StoreError::Busy(_) | StoreError::DiskFull(_) | StoreError::Unreachable(_)
        )
    }

    /// Whether the process must end.
    pub fn is_final(&self) -> bool {
        matches!(self, StoreError::Halted(_))
    }
}
