//! The one door to a remote's limits. The engine implements it; connectors only pass through.

use std::time::Duration;

use async_trait::async_trait;
use domain::PortalId;
use jiff::Timestamp;

use crate::{Exchange, Remote, Urgency};

/// One HTTP request about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// For whom.
    pub portal: PortalId,
    /// To which remote.
    pub remote: Remote,
    /// Whose limit it counts against: the portal's address for Bitrix24, the API key's name for Kontur. Never a secret.
    pub account: String,
    /// The remote's methods that it carries (the commands of a batch, each once).
    pub methods: Vec<String>,
    /// How urgent.
    pub urgency: Urgency,
    /// Not admitted after this moment: what it carries was decided on data that is too old then.
    pub send_by: Option<Timestamp>,
}

/// The request may not be made now; nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAdmitted {
    /// After how long it is worth asking again; none where it never is, as for what is too old to be sent.
    pub retry_after: Option<Duration>,
    /// Why, for the journal.
    pub reason: String,
}

/// Admits requests within the remote's limits and books what they cost.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Waits for a turn, or says when to come again.
    async fn admit(&self, ask: &Admission) -> Result<(), NotAdmitted>;

    /// How many requests like this one can leave before its `send_by`, behind those that wait already. For planning:
    /// nothing is kept free for who asks.
    async fn room(&self, ask: &Admission) -> u32;

    /// Takes note of what a request cost and of the limits its answer named.
    async fn book(&self, portal: &PortalId, exchange: &Exchange);
}
