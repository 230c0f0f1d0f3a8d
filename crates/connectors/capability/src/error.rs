//! Why a call failed, and by its verdict what may be done next.

use domain::Verdict;

use crate::{NotAdmitted, Remote};

/// A failed call. The engine reads only `verdict` and `limit`; people read the rest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} `{method}`: {message} ({code})", .remote.as_str())]
pub struct ConnectorError {
    /// What may be done next.
    pub verdict: Verdict,
    /// Whose answer it is.
    pub remote: Remote,
    /// The remote's method, or the methods of a batch.
    pub method: String,
    /// The remote's code, or ours in kebab case where the remote gave none (`timed-out`, `cut-body`, `not-json`).
    pub code: String,
    /// In words, without personal data.
    pub message: String,
    /// A limit was met: the try is not counted.
    pub limit: bool,
}

impl ConnectorError {
    /// The request was held back by our own gate; nothing was sent. The gate's pause becomes the verdict's.
    pub fn not_admitted(remote: Remote, methods: &[&str], refusal: &NotAdmitted) -> Self {
        Self {
            verdict: Verdict::Retry {
                after: refusal.retry_after,
            },
            remote,
            method: methods.join(","),
            code: "not-admitted".to_owned(),
            message: refusal.reason.clone(),
            limit: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_the_gate_held_back_is_tried_again_when_the_gate_says() {
        for retry_after in [Some(Duration::from_secs(40)), None] {
            let refusal = NotAdmitted {
                retry_after,
                reason: "the account's requests are used up".to_owned(),
            };
            let error = ConnectorError::not_admitted(Remote::Bitrix24, &["a", "b"], &refusal);
            assert_eq!(error.verdict, Verdict::Retry { after: retry_after });
            assert!(error.limit, "the try is not counted");
            assert_eq!(
                error.to_string(),
                "bitrix24 `a,b`: the account's requests are used up (not-admitted)"
            );
        }
    }
}
