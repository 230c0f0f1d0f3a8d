//! The portal's policy as stored: the person's own text, which `planner::Policy` reads.

use planner::{Policy, PolicyError};
use store::{StoreError, StoredPolicy};

use crate::Desk;

/// Why a stored policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoredPolicyError {
    /// Its row holds something else.
    #[error("version {version} holds no text")]
    NoText {
        /// Which version.
        version: i64,
    },
    /// Its text is no policy (any more).
    #[error("version {version} is no policy")]
    NoPolicy {
        /// Which version.
        version: i64,
        /// Why.
        #[source]
        source: PolicyError,
    },
}

/// Why nothing is booked.
#[derive(Debug, thiserror::Error)]
pub enum NoBooking {
    /// The portal was not set up.
    #[error("the portal has no policy")]
    NoPolicy,
    /// The policy does not want it.
    #[error("payments are not booked: the policy has no section `money`")]
    NoMoney,
    /// The policy cannot be read.
    #[error(transparent)]
    Stored(#[from] StoredPolicyError),
    /// Our records cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The text of a stored version.
///
/// # Errors
/// When the row holds none.
pub fn text(stored: &StoredPolicy) -> Result<&str, StoredPolicyError> {
    let text = stored.body.get("toml").and_then(serde_json::Value::as_str);
    text.ok_or(StoredPolicyError::NoText {
        version: stored.version,
    })
}

/// The policy of a stored version.
///
/// # Errors
/// When its text is none.
pub fn read(stored: &StoredPolicy) -> Result<Policy, StoredPolicyError> {
    Policy::parse(text(stored)?).map_err(|source| StoredPolicyError::NoPolicy {
        version: stored.version,
        source,
    })
}

impl Desk {
    /// The policy in force, if it says that we book.
    ///
    /// # Errors
    /// Says why nothing is booked.
    pub async fn booking_policy(&self) -> Result<Policy, NoBooking> {
        let stored = self.store.policy_current(&self.portal).await?;
        let policy = read(&stored.ok_or(NoBooking::NoPolicy)?)?;
        if policy.money.is_none() {
            return Err(NoBooking::NoMoney);
        }
        Ok(policy.decided_by(self.accountant_gives))
    }
}
