//! Where a look gets its remotes and policy from; the program that runs us knows how to connect.

use std::sync::Arc;

use async_trait::async_trait;
use capability::{Accounting, Portal};
use domain::PortalId;
use planner::Policy;

use crate::{FloodAnswers, OwnInvoices, Papers};

/// Everything that a portal's looks use.
pub struct Connected {
    /// The CRM side.
    pub portal: Portal,
    /// The accounting side.
    pub accounting: Accounting,
    /// Its settings, of one version.
    pub policy: Policy,
    /// That version; 0: they are not stored. Nothing is written by it once there is a newer one.
    pub version: i64,
    /// What our own papers are drawn with, as that policy names it.
    pub papers: Papers,
    /// What was seen of the portal's own invoices while it was connected like this.
    pub own_invoices: OwnInvoices,
    /// What was answered of floods, as far as it was read while it was connected like this.
    pub flood_answers: FloodAnswers,
}

/// Why a portal cannot be worked on now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotConnected {
    /// Somebody paused it; everything is kept.
    #[error("the portal is paused")]
    Paused,
    /// Its credentials or policy cannot be used: a person is asked.
    #[error("{reason}")]
    Broken {
        /// The code of the question; `docs/errors/` has its page.
        code: &'static str,
        /// For the log and the question.
        reason: String,
    },
}

/// Connects portals.
#[async_trait]
pub trait Connections: Send + Sync {
    /// The portal's remotes with its newest policy; cheap when nothing changed since the last call.
    async fn of(&self, portal: &PortalId) -> Result<Arc<Connected>, NotConnected>;
}
