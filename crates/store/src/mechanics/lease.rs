//! Leases: one portal is worked on by one owner at a time, proved by a fence that only grows.
//!
//! Whoever was asleep too long finds a greater fence and is refused in the same transaction in which it would
//! write. Times are by the server's clock on PostgreSQL. Not here: what is done under a lease, and when it is
//! renewed (`engine`).

use std::time::Duration;

use domain::PortalId;
use jiff::Timestamp;
use planted::Bug;
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    mechanics::{effect_changes, work},
    sql::statements,
    store::Store,
    tx::Tx,
    value::{Row, params},
};

/// The right to work on a portal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The portal.
    pub portal: PortalId,
    /// Who holds it: one name per process run.
    pub owner: String,
    /// Grows with every taking.
    pub fence: i64,
    /// Until when, by the clock of the database. An owner counts from the moment it asked, not with this.
    pub expires_at: Timestamp,
}

statements! {
    /// The portal with the oldest due work that nobody holds. Whoever is being taken just now is skipped.
    FREE_PORTAL =
        "SELECT l.portal_id, l.owner, l.fence FROM lease l JOIN portal p ON p.portal_id = l.portal_id
         WHERE l.expires_at <= $1 AND p.paused = 0 AND p.mode <> 'off'
             AND (SELECT min(w.due_at) FROM work w WHERE w.portal_id = l.portal_id) <= $2
         ORDER BY (SELECT min(w.due_at) FROM work w WHERE w.portal_id = l.portal_id), l.portal_id
         LIMIT 1 /*pg FOR UPDATE OF l SKIP LOCKED */";
    TAKE_LEASE =
        "UPDATE lease SET owner = $2, fence = $3, expires_at = $4 WHERE portal_id = $1";
    RENEW =
        "UPDATE lease SET expires_at = $4 WHERE portal_id = $1 AND owner = $2 AND fence = $3";
    /// An empty owner tells the next one that nothing was left undone.
    RELEASE =
        "UPDATE lease SET owner = '', expires_at = 0 WHERE portal_id = $1 AND owner = $2 AND fence = $3";
    /// The row is locked so that nobody takes the portal before this transaction ends.
    FENCE =
        "SELECT fence, expires_at FROM lease WHERE portal_id = $1 AND owner = $2 /*pg FOR SHARE */";
    HOLDER =
        "SELECT portal_id, owner, fence, expires_at FROM lease WHERE portal_id = $1 AND expires_at > $2";
}

impl Store {
    /// Takes a portal that has due work and that nobody holds, the one that waits longest. Paused portals and
    /// those switched off are left alone.
    ///
    /// If the former owner did not give it back, what it had sent is unknown now, and the looks it was in
    /// count as died.
    pub async fn lease_acquire(
        &self,
        owner: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        self.write((owner.to_owned(), ttl, now), |tx, (owner, ttl, now)| {
            Box::pin(acquire(tx, owner, *ttl, *now))
        })
        .await
    }

    /// Prolongs a lease, also one whose time ran out if nobody took the portal meanwhile.
    pub async fn lease_renew(
        &self,
        lease: &Lease,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Lease, StoreError> {
        self.write((lease.clone(), ttl, now), |tx, (lease, ttl, now)| {
            Box::pin(async move {
                let expires_at = later(tx.clock(*now).await?, *ttl);
                let ask = params![&lease.portal, &lease.owner, lease.fence, expires_at];
                match tx.execute(&RENEW, &ask).await? {
                    0 => Err(fenced(lease)),
                    _ => Ok(Lease {
                        expires_at,
                        ..lease.clone()
                    }),
                }
            })
        })
        .await
    }

    /// Gives a portal back. What was taken and not settled is due for the next owner, without a death.
    pub async fn lease_release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.write(lease.clone(), |tx, lease| {
            Box::pin(async move {
                check_fence(tx, lease).await?;
                work::freed(tx, &lease.portal, lease.fence).await?;
                effect_changes::orphan(tx, &lease.portal, lease.fence + 1).await?;
                tx.execute(&RELEASE, &params![&lease.portal, &lease.owner, lease.fence])
                    .await
            })
        })
        .await?;
        self.ring();
        Ok(())
    }

    /// Who holds a portal now.
    pub async fn lease_of(
        &self,
        portal: &PortalId,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        self.read((portal.clone(), now), |tx, (portal, now)| {
            Box::pin(async move {
                let clock = tx.clock(*now).await?;
                tx.first(&HOLDER, &params![portal, clock], |row| {
                    Ok(Lease {
                        portal: row.parsed()?,
                        owner: row.text()?,
                        fence: row.int()?,
                        expires_at: row.moment()?,
                    })
                })
                .await
            })
        })
        .await
    }
}

/// Refuses whoever lost the lease, and keeps it from being taken until the transaction ends.
pub(crate) async fn check_fence(tx: &mut Tx<'_>, lease: &Lease) -> Result<(), StoreError> {
    held(tx, lease).await.map(drop)
}

/// As [`check_fence`], and refuses also a lease whose time ran out: for the last look before bytes leave.
pub(crate) async fn check_fence_and_time(
    tx: &mut Tx<'_>,
    lease: &Lease,
    now: Timestamp,
) -> Result<(), StoreError> {
    let expires_at = held(tx, lease).await?;
    if planted::is(Bug::LeaseWithoutFence) {
        return Ok(());
    }
    if tx.clock(now).await? < expires_at {
        Ok(())
    } else {
        Err(fenced(lease))
    }
}

async fn held(tx: &mut Tx<'_>, lease: &Lease) -> Result<Timestamp, StoreError> {
    let ask = params![&lease.portal, &lease.owner];
    let held = tx
        .first(&FENCE, &ask, |row| Ok((row.int()?, row.moment()?)))
        .await?;
    match held {
        Some((fence, expires_at)) if fence == lease.fence => Ok(expires_at),
        // It believes that it holds the portal, and has slept too long.
        _ if planted::is(Bug::LeaseWithoutFence) => Ok(Timestamp::MAX),
        _ => Err(fenced(lease)),
    }
}

async fn acquire(
    tx: &mut Tx<'_>,
    owner: &str,
    ttl: Duration,
    now: Timestamp,
) -> Result<Option<Lease>, StoreError> {
    let clock = tx.clock(now).await?;
    let read = |row: &mut Row| Ok((row.parsed::<PortalId>()?, row.text()?, row.int()?));
    let Some((portal, former, fence)) = tx.first(&FREE_PORTAL, &params![clock, now], read).await?
    else {
        return Ok(None);
    };
    let lease = Lease {
        portal,
        owner: owner.to_owned(),
        fence: fence + 1,
        expires_at: later(clock, ttl),
    };
    let values = params![&lease.portal, owner, lease.fence, lease.expires_at];
    tx.execute(&TAKE_LEASE, &values).await?;
    if !former.is_empty() {
        work::died_with_owner(tx, &lease.portal, fence).await?;
    }
    effect_changes::orphan(tx, &lease.portal, lease.fence).await?;
    Ok(Some(lease))
}

fn later(from: Timestamp, by: Duration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn fenced(lease: &Lease) -> StoreError {
    StoreError::Fenced {
        portal: lease.portal.clone(),
        fence: lease.fence,
    }
}
