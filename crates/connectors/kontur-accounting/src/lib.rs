//! The accounting side over Provodka's own statement of need, `docs/reference/kontur-accounting.openapi.yaml`.
//!
//! On the event's way it stands behind [`capability::Accounting`]: the reconciler asks, this crate calls.
//! `client.rs` speaks HTTP, `wire.rs` spells the contract, `translate.rs` turns it into domain types and
//! back, `error.rs` judges answers, `mark.rs` knows our mark in a bill's comment; each capability has its file.
//! Not here: when and how often to call (engine), what to do with an answer (planner, reconciler).
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests may"
    )
)]

mod client;
mod counterparties;
mod error;
mod feed;
mod issue;
mod journal;
mod mark;
mod payments;
mod print;
mod probe;
mod read;
mod translate;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use capability::Accounting;
use secrecy::SecretString;
use transport::{TimeSource, Transport};
use url::Url;

use crate::client::Client;
pub use crate::client::SettingsError;

/// How to reach the accounting side, and what it offers there.
#[derive(Clone)]
pub struct Settings {
    /// The address before `/v1`, as the partner documentation names it.
    pub base: Url,
    /// Sent as `X-Kontur-ApiKey` and nowhere else.
    pub key: SecretString,
    /// A name for the key: limits count per key, and the key itself must not stand in a row.
    pub account: String,
    /// What the service offers; `probe` compares it with what the service declares.
    pub offers: Offers,
    /// How long we wait; `probe` compares it with what the service declares.
    pub waits: Waits,
}

/// How long is waited before a write of unknown outcome that is not found counts as never done. The waiting itself is not
/// here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// After the last moment at which a write may leave, until it can take effect no more.
    pub effect: Duration,
    /// What comes on top of that for a write that left at once: lists may lag behind by as much.
    pub listing: Duration,
}

impl Default for Waits {
    /// Ten minutes; a write's 75 seconds to leave, and 30 between two looks.
    fn default() -> Self {
        Self {
            effect: Duration::from_secs(600),
            listing: Duration::from_secs(105),
        }
    }
}

/// The parts of the contract that are optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offers {
    /// The service obeys `Idempotency-Key`. Only then is it sent.
    pub idempotency_key: bool,
    /// The service gives PDFs.
    pub print_form: bool,
    /// The service keeps a change feed.
    pub change_feed: bool,
    /// The service tells payments and what the accountant gave of them.
    pub payments: bool,
}

impl Default for Offers {
    /// The contract's default: no idempotency key, the rest is there.
    fn default() -> Self {
        Self {
            idempotency_key: false,
            print_form: true,
            change_feed: true,
            payments: true,
        }
    }
}

/// Connects: nothing is called yet.
///
/// # Errors
/// When the key cannot stand in a header, or the address cannot be the beginning of one.
pub fn connect(
    settings: Settings,
    transport: Arc<dyn Transport>,
    now: TimeSource,
) -> Result<Accounting, SettingsError> {
    let (offers, waits) = (settings.offers, settings.waits);
    let kontur = Arc::new(Kontur {
        client: Client::new(settings, transport, now)?,
        offers,
        waits,
    });
    Ok(Accounting {
        counterparties: kontur.clone(),
        issue: kontur.clone(),
        read: kontur.clone(),
        print: if offers.print_form {
            Some(kontur.clone())
        } else {
            None
        },
        feed: if offers.change_feed {
            Some(kontur.clone())
        } else {
            None
        },
        payments: if offers.payments {
            Some(kontur.clone())
        } else {
            None
        },
        probe: kontur,
    })
}

/// One connection; every capability is implemented for it in the file of its name.
struct Kontur {
    client: Client,
    offers: Offers,
    waits: Waits,
}
