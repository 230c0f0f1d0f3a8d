//! What may be done after a call to a remote failed: the only part of a failure that the engine reads.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What may be done after a call to a remote failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It took no effect: send it again, after the time the remote named, if it named one.
    Retry {
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// It may have taken effect: look before sending again.
    Verify,
    /// Hold everything of this connection until access is renewed.
    Reauthorize,
    /// Understood and refused: a person changes the data.
    Reject,
    /// An answer we do not know; on a write it is treated as [`Verdict::Verify`].
    Defect,
}
