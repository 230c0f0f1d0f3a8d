//! One request to a remote and its answer, as the journal keeps it: masked, with its cost.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A system we integrate with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remote {
    /// The CRM portal.
    Bitrix24,
    /// The vendor's token server.
    Bitrix24Oauth,
    /// The accounting side over our contract.
    KonturAccounting,
    /// The office's own books: nothing is exchanged with them, only their errors bear this name.
    Office,
}

impl Remote {
    /// The word used in budgets, metrics and the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bitrix24 => "bitrix24",
            Self::Bitrix24Oauth => "bitrix24-oauth",
            Self::KonturAccounting => "kontur-accounting",
            Self::Office => "office",
        }
    }
}

/// Run time that the remote booked to one of its methods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodTime {
    /// The remote's name of the method, lower case.
    pub method: String,
    /// Run time in the current window, in milliseconds.
    pub operating_ms: u64,
    /// When the oldest part of it leaves the window.
    pub reset_at: Option<Timestamp>,
}

/// A method that has used up its run time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodRest {
    /// The remote's name of the method, lower case.
    pub method: String,
    /// Until when, where known.
    pub until: Option<Timestamp>,
}

/// A limit that the remote answered with instead of working.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LimitHit {
    /// Too many requests: everything of this account waits.
    Rate {
        /// As the remote asked, already bounded to an hour.
        retry_at: Option<Timestamp>,
    },
    /// Methods have used up their run time: they alone wait. One batch may meet several.
    Methods {
        /// Each once.
        rests: Vec<MethodRest>,
    },
    /// Blocked by the vendor: a person must act.
    Blocked,
}

/// One finished request. Everything in it may be shown to an administrator: tokens never,
/// personal data masked by [`crate::mask`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// When it was sent.
    pub at: Timestamp,
    /// To whom.
    pub remote: Remote,
    /// Whose limit it counted against; see [`crate::Admission::account`].
    pub account: String,
    /// The method, or `batch`.
    pub method: String,
    /// The masked request.
    pub request: serde_json::Value,
    /// The masked answer; null when none came.
    pub response: serde_json::Value,
    /// The HTTP status, when an answer came.
    pub status: Option<u16>,
    /// From the first byte sent to the answer's end, in milliseconds.
    pub duration_ms: u64,
    /// What the remote booked.
    pub times: Vec<MethodTime>,
    /// A limit it answered with.
    pub limit: Option<LimitHit>,
    /// In one word: `ok`, or the error's code.
    pub result: String,
    /// Whether the remote is at fault or out of reach (time-out, refused connection, 5xx): the breaker counts it.
    pub remote_failed: bool,
}
