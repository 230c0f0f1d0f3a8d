//! What came of sending an effect or of looking for it; the input of [`crate::transition()`].

use std::time::Duration;

use capability::ConnectorError;
use domain::Verdict;
use serde_json::Value;

/// What came of one try.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The remote said yes; its answer is kept (the new record's id, number, date).
    Answered(Value),
    /// It said no, or nothing that can be trusted.
    Failed(Failure),
    /// It was looked for by its mark or natural key.
    LookedUp(LookUp),
}

/// A try that did not end in a yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What may be done next.
    pub verdict: Verdict,
    /// A limit was met, the remote's or our own: the try is not counted.
    pub limit: bool,
    /// For the journal and for people.
    pub error: String,
}

/// What a look-up showed.
#[derive(Clone, Debug, PartialEq)]
pub enum LookUp {
    /// It took effect; what [`Outcome::Answered`] would have said.
    Found(Value),
    /// It is not there now. It may still land until the stored `quiet_until`.
    Absent,
    /// Nothing tells whether it is there: a person decides.
    CannotTell,
    /// The look-up itself failed: nothing is learnt. Never hand that in as [`Outcome::Failed`], which speaks of the
    /// write.
    Failed(Failure),
    /// Nothing needs to be looked for: the write is idempotent by nature, and harmless should it land when it is no
    /// longer wanted. A create never is, not even under an idempotency key: see
    /// [`store::NewEffect::repeatable`].
    SafeToRepeat,
}

impl Outcome {
    /// A failure in the words of its verdict.
    pub fn failed(verdict: Verdict, error: impl Into<String>) -> Self {
        Self::Failed(Failure {
            verdict,
            limit: false,
            error: error.into(),
        })
    }

    /// An answer that the remote gave to a write, but that lacks this effect's key (a batch with a missing key), or
    /// no answer at all: never a success.
    pub fn missing(error: impl Into<String>) -> Self {
        Self::failed(Verdict::Verify, error)
    }
}

impl From<&ConnectorError> for Failure {
    fn from(error: &ConnectorError) -> Self {
        Self {
            verdict: error.verdict,
            limit: error.limit,
            error: error.to_string(),
        }
    }
}

/// Of the write itself; a failed look-up is [`LookUp::Failed`].
impl From<&ConnectorError> for Outcome {
    fn from(error: &ConnectorError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<LookUp> for Outcome {
    fn from(seen: LookUp) -> Self {
        Self::LookedUp(seen)
    }
}

impl From<ConnectorError> for Outcome {
    fn from(error: ConnectorError) -> Self {
        Self::from(&error)
    }
}

impl Failure {
    /// When the remote asked for a pause, how long.
    pub(crate) fn asked_pause(&self) -> Option<Duration> {
        match self.verdict {
            Verdict::Retry { after } => crate::backoff::honoured(after),
            Verdict::Verify | Verdict::Reauthorize | Verdict::Reject | Verdict::Defect => None,
        }
    }
}
