//! Databases that one test owns.
//!
//! Most tests want [`inline`]: no thread, no file, exact on a paused clock. What the store promises on each of its
//! databases is proved in its own conformance suite and not again here.

use std::sync::atomic::{AtomicU32, Ordering};

use domain::PortalId;
use jiff::Timestamp;
use serde_json::json;
use store::{Mode, Portal, PostgresOptions, Store, StoreError};

/// An empty database in memory.
pub fn inline() -> Result<Store, StoreError> {
    Store::open_inline()
}

/// A database in memory that knows an active portal.
pub async fn with_portal(portal: &PortalId, now: Timestamp) -> Result<Store, StoreError> {
    let store = inline()?;
    store.portal_put(&active_portal(portal, now)).await?;
    Ok(store)
}

/// An active portal with everything usual.
pub fn active_portal(portal: &PortalId, now: Timestamp) -> Portal {
    Portal {
        id: portal.clone(),
        host: format!("{portal}.bitrix24.ru"),
        mode: Mode::Active,
        paused: false,
        detail: json!({}),
        created_at: now,
        updated_at: now,
    }
}

/// An empty schema on the PostgreSQL at `url`, for tests with several replicas: open as many stores with the options
/// as there are replicas. The schema stays; the server of the tests is thrown away as a whole.
pub fn postgres(url: &str) -> PostgresOptions {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mark = if url.contains('?') { '&' } else { '?' };
    let schema = format!("testkit_{}_{count}", std::process::id());
    let url = format!("{url}{mark}options=-csearch_path%3D{schema}");
    PostgresOptions {
        url,
        connections: 8,
        extra_roots: Vec::new(),
    }
}
