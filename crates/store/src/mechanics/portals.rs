//! Portals: the tenants, their mode, and their sealed secrets.
//!
//! A portal's row is the root of all its other rows. Not here: what the secrets are and how they are sealed
//! (the caller's), settings (`books::policy`).

use domain::PortalId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    sql::statements,
    store::Store,
    tx::Tx,
    value::{Row, params},
};

/// What we do for a portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing.
    Off,
    /// Plans are made and shown, nothing is written.
    WatchOnly,
    /// Plans are carried out.
    Active,
}

/// One tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Portal {
    /// Bitrix24's `member_id`.
    pub id: PortalId,
    /// Its host name now; portals are renamed.
    pub host: String,
    /// What we do for it.
    pub mode: Mode,
    /// It stands still: nothing is looked at, events are still taken.
    pub paused: bool,
    /// What the caller keeps beside: kind of connection, time zone, scopes. No secrets.
    pub detail: serde_json::Value,
    /// When it was connected.
    pub created_at: Timestamp,
    /// When its row changed last.
    pub updated_at: Timestamp,
}

statements! {
    PORTAL_PUT =
        "INSERT INTO portal (portal_id, host, mode, paused, detail, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (portal_id) DO UPDATE SET host = excluded.host, mode = excluded.mode,
             paused = excluded.paused, detail = excluded.detail, updated_at = excluded.updated_at";
    LEASE_ROW =
        "INSERT INTO lease (portal_id, owner, fence, expires_at) VALUES ($1, '', 0, 0)
         ON CONFLICT (portal_id) DO NOTHING";
    PORTAL_GET =
        "SELECT portal_id, host, mode, paused, detail, created_at, updated_at FROM portal
         WHERE portal_id = $1";
    PORTAL_BY_HOST =
        "SELECT portal_id, host, mode, paused, detail, created_at, updated_at FROM portal
         WHERE host = $1 ORDER BY updated_at DESC";
    PORTALS =
        "SELECT portal_id, host, mode, paused, detail, created_at, updated_at FROM portal
         ORDER BY portal_id";
    /// Whoever changes the row holds it from its reading on; new rows of the portal are in nobody's way.
    PORTAL_HELD =
        "SELECT portal_id, host, mode, paused, detail, created_at, updated_at FROM portal
         WHERE portal_id = $1 /*pg FOR NO KEY UPDATE */";
    PORTAL_CHANGE =
        "UPDATE portal SET host = $2, mode = $3, paused = $4, detail = $5, updated_at = $6 WHERE portal_id = $1";
    SECRETS_GET = "SELECT version, sealed FROM secret WHERE portal_id = $1";
    SECRETS_FIRST =
        "INSERT INTO secret (portal_id, version, sealed) VALUES ($1, 1, $2)
         ON CONFLICT (portal_id) DO NOTHING";
    SECRETS_REPLACE =
        "UPDATE secret SET version = version + 1, sealed = $3 WHERE portal_id = $1 AND version = $2";
}

impl Store {
    /// Adds a portal or replaces what is known of it. `created_at` stays as it was first.
    pub async fn portal_put(&self, portal: &Portal) -> Result<(), StoreError> {
        self.write(portal.clone(), |tx, portal| Box::pin(put(tx, portal)))
            .await?;
        self.ring();
        Ok(())
    }

    /// One portal.
    pub async fn portal_get(&self, portal: &PortalId) -> Result<Option<Portal>, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move { tx.first(&PORTAL_GET, &params![portal], read_portal).await })
        })
        .await
    }

    /// The portal that has this host name now; of several, the one changed last.
    pub async fn portal_by_host(&self, host: &str) -> Result<Option<Portal>, StoreError> {
        self.read(host.to_owned(), |tx, host| {
            Box::pin(async move { tx.first(&PORTAL_BY_HOST, &params![host], read_portal).await })
        })
        .await
    }

    /// All portals by id.
    pub async fn portals(&self) -> Result<Vec<Portal>, StoreError> {
        self.read((), |tx, ()| {
            Box::pin(async move { tx.list(&PORTALS, &[], read_portal).await })
        })
        .await
    }

    /// Changes a portal's row within one transaction, so that of what several change at one time nothing is lost:
    /// whoever read the row and put all of it would undo what others had changed meanwhile. `change` may be called again
    /// for another attempt at the same; id and `created_at` stay as they are. Answers the row as it was and as it is, or
    /// nothing if there is no such portal.
    pub async fn portal_change(
        &self,
        portal: &PortalId,
        now: Timestamp,
        change: impl Fn(&mut Portal) + Send + Sync + 'static,
    ) -> Result<Option<(Portal, Portal)>, StoreError> {
        let args = (portal.clone(), now, change);
        let changed = self
            .write(args, |tx, (portal, now, change)| {
                Box::pin(put_changed(tx, portal, *now, change))
            })
            .await?;
        if changed.as_ref().is_some_and(|(was, is)| was != is) {
            self.ring();
        }
        Ok(changed)
    }

    /// The sealed secrets of a portal and their version, from 1.
    pub async fn secrets_get(
        &self,
        portal: &PortalId,
    ) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move {
                tx.first(&SECRETS_GET, &params![portal], |row| {
                    Ok((row.int()?, row.blob()?))
                })
                .await
            })
        })
        .await
    }

    /// Stores new secrets if nobody stored others meanwhile. `expected_version` 0: there are none yet.
    /// False: somebody was faster; read again.
    pub async fn secrets_replace(
        &self,
        portal: &PortalId,
        expected_version: i64,
        sealed: &[u8],
    ) -> Result<bool, StoreError> {
        let args = (portal.clone(), expected_version, sealed.to_vec());
        self.write(args, |tx, (portal, expected, sealed)| {
            Box::pin(async move {
                let sealed = sealed.as_slice();
                let stored = if *expected == 0 {
                    tx.execute(&SECRETS_FIRST, &params![portal, sealed]).await?
                } else {
                    tx.execute(&SECRETS_REPLACE, &params![portal, *expected, sealed])
                        .await?
                };
                Ok(stored > 0)
            })
        })
        .await
    }
}

impl Mode {
    /// The stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::Off => "off",
            Mode::WatchOnly => "watch_only",
            Mode::Active => "active",
        }
    }
}

impl std::str::FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Mode, String> {
        [Mode::Off, Mode::WatchOnly, Mode::Active]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| format!("unknown mode `{text}`"))
    }
}

async fn put(tx: &mut Tx<'_>, portal: &Portal) -> Result<(), StoreError> {
    let values = params![
        &portal.id,
        &portal.host,
        portal.mode.as_str(),
        portal.paused,
        &portal.detail,
        portal.created_at,
        portal.updated_at,
    ];
    tx.execute(&PORTAL_PUT, &values).await?;
    tx.execute(&LEASE_ROW, &params![&portal.id]).await?;
    Ok(())
}

async fn put_changed(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    now: Timestamp,
    change: &(impl Fn(&mut Portal) + Sync),
) -> Result<Option<(Portal, Portal)>, StoreError> {
    let held = tx
        .first(&PORTAL_HELD, &params![portal], read_portal)
        .await?;
    let Some(was) = held else {
        return Ok(None);
    };
    let mut is = was.clone();
    change(&mut is);
    if is != was {
        is.updated_at = now;
        let values = params![
            portal,
            &is.host,
            is.mode.as_str(),
            is.paused,
            &is.detail,
            is.updated_at,
        ];
        tx.execute(&PORTAL_CHANGE, &values).await?;
    }
    Ok(Some((was, is)))
}

fn read_portal(row: &mut Row) -> Result<Portal, StoreError> {
    Ok(Portal {
        id: row.parsed()?,
        host: row.text()?,
        mode: row.parsed()?,
        paused: row.flag()?,
        detail: row.json()?,
        created_at: row.moment()?,
        updated_at: row.moment()?,
    })
}
