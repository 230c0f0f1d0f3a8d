//! The HTTP side: events in, health out; and, behind a listener of their own, the pages for people (`admin`). It decides
//! nothing.
//!
//! On the event's way this is the first room: a delivery is bounded, its source judged, its token compared,
//! its event put on disk, and only then answered. What the event means is found out by a look.
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

mod addresses;
mod admin;
mod clicks;
mod guard;
mod health;
mod hints;
mod orders;
mod removals;
mod server;
mod strangers;
mod tls;
mod webhooks;

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::routing::{get, post};
use connector_bitrix24::webhook::{InstallGrant, TokenDigest};
use domain::PortalId;
use engine::Clock;
use store::Store;

pub use addresses::Address;
pub use admin::{CODE_LIVES, Code, Pages, new_code, pages_router};
pub use guard::{GuardConfig, SourceList, Sources};
pub use server::{Running, ServeError, serve, serve_pages, serve_within};
pub use tls::{TlsError, TlsFiles};

/// Where the portal sends its events: to be named in the outgoing webhook or bound by `setup`.
pub const BITRIX24_EVENTS: &str = "/webhooks/bitrix24";

/// Where the portal's own robots call orders: behind it comes the portal, and `?token=…&order=…`.
pub const BITRIX24_ORDERS: &str = "/orders/bitrix24/";

/// Where the accounting side says that something changed: behind it comes the portal, and `?token=…`.
pub const ACCOUNTING_HINTS: &str = "/hints/accounting/";

/// What the routes work with.
#[derive(Clone)]
pub struct App {
    /// Our records.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Which portals are known, and by what they prove themselves.
    pub portals: Arc<dyn Portals>,
    /// Who may speak to us.
    pub guard: Arc<GuardConfig>,
}

/// Known portals.
#[async_trait]
pub trait Portals: Send + Sync {
    /// The digest of the token that a portal's events carry; none for a stranger.
    ///
    /// # Errors
    /// Where it cannot be known now: the event may be a true one.
    async fn token_digest(&self, portal: &PortalId)
    -> Result<Option<TokenDigest>, TokenUnreadable>;

    /// Tries the grant of an install at the vendor and keeps it if it proves itself. True if it did.
    async fn install(&self, grant: InstallGrant) -> bool;

    /// The application was removed, says an event that proved itself. It may be an old one that is told again: whether
    /// it is so now the portal knows.
    async fn uninstalled(&self, portal: &PortalId) -> Removal;
}

/// What becomes of an event that says that the application was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is true and kept.
    Kept,
    /// The portal still lets us in.
    Untrue,
    /// It was not found out, or could not be kept.
    Unknown,
}

/// What events prove themselves by cannot be read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenUnreadable;

/// All routes, as [`serve`] serves them; they want the caller's address as `ConnectInfo<SocketAddr>`.
pub fn router(app: App) -> Router {
    let state = webhooks::Doorkeeper::new(app);
    Router::new()
        .route(BITRIX24_EVENTS, post(webhooks::bitrix24))
        .route(
            &format!("{BITRIX24_ORDERS}{{portal}}"),
            post(orders::bitrix24),
        )
        .route(
            &format!("{ACCOUNTING_HINTS}{{portal}}"),
            post(hints::accounting),
        )
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .with_state(Arc::new(state))
}
