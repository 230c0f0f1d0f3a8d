//! Call budgets, pauses of methods and breakers: what all replicas must know before one calls a remote.
//!
//! A budget is a leaky bucket in a row; a portal worker borrows a slice of it and what it does not use is lost,
//! which errs to the safe side. Not here: who asks and how slices are spent (`engine`).

use std::time::Duration;

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

/// What was lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetGrant {
    /// Calls that may be made now, at most what was asked for.
    pub granted: u32,
    /// If less than asked for was granted: when one more call will be there, by the caller's clock.
    pub retry_at: Option<Timestamp>,
}

/// The health of one remote for one portal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Failures in a row.
    pub failures: u32,
    /// No call before this, but for a probe.
    pub open_until: Option<Timestamp>,
}

/// One call in units of the stored level: microseconds times calls a minute drain it exactly.
const CALL: i128 = 60_000_000;

statements! {
    BUDGET_ROW =
        "INSERT INTO budget (key, level, aged_at, held_until) VALUES ($1, 0, $2, 0)
         ON CONFLICT (key) DO NOTHING";
    BUDGET =
        "SELECT level, aged_at, held_until FROM budget WHERE key = $1 /*pg FOR UPDATE */";
    BUDGET_SEEN = "SELECT level, aged_at, held_until FROM budget WHERE key = $1";
    BUDGET_SPENT = "UPDATE budget SET level = $2, aged_at = $3 WHERE key = $1";
    HOLD =
        "INSERT INTO budget (key, level, aged_at, held_until) VALUES ($1, 0, 0, $2)
         ON CONFLICT (key) DO UPDATE SET held_until =
             CASE WHEN excluded.held_until > budget.held_until THEN excluded.held_until ELSE budget.held_until END";
    METHOD_PAUSE =
        "INSERT INTO method_pause (portal_id, method, paused_until) VALUES ($1, $2, $3)
         ON CONFLICT (portal_id, method) DO UPDATE SET paused_until = excluded.paused_until";
    METHOD_PAUSES =
        "SELECT method, paused_until FROM method_pause WHERE portal_id = $1 AND paused_until > $2 ORDER BY method";
    BREAKER_GET = "SELECT failures, open_until FROM breaker WHERE portal_id = $1 AND remote = $2";
    BREAKER_PUT =
        "INSERT INTO breaker (portal_id, remote, failures, open_until) VALUES ($1, $2, $3, $4)
         ON CONFLICT (portal_id, remote) DO UPDATE SET
             failures = excluded.failures, open_until = excluded.open_until";
}

impl Store {
    /// Borrows up to `want` calls from the bucket `key`, which holds `capacity` calls and drains
    /// `drain_per_minute` of them. `ceiling`, at most the capacity, is how full this caller may make it: a lane
    /// that leaves a reserve passes less.
    ///
    /// The caller must use them soon: the bucket counts them as made now.
    pub async fn budget_take(
        &self,
        key: &str,
        want: u32,
        capacity: u32,
        drain_per_minute: u32,
        ceiling: u32,
        now: Timestamp,
    ) -> Result<BudgetGrant, StoreError> {
        let ask = Ask {
            want,
            ceiling: ceiling.min(capacity),
            drain_per_minute,
        };
        self.write((key.to_owned(), ask, now), |tx, (key, ask, now)| {
            Box::pin(take(tx, key, *ask, *now))
        })
        .await
    }

    /// How many calls the bucket has room for between `now` and `by`; nothing is borrowed. See [`Store::budget_take`].
    pub async fn budget_room(
        &self,
        key: &str,
        ceiling: u32,
        drain_per_minute: u32,
        now: Timestamp,
        by: Timestamp,
    ) -> Result<u32, StoreError> {
        let ask = Ask {
            want: 0,
            ceiling,
            drain_per_minute,
        };
        self.read((key.to_owned(), ask, now, by), |tx, (key, ask, now, by)| {
            Box::pin(room(tx, key, *ask, *now, *by))
        })
        .await
    }

    /// Nobody borrows from the bucket before `until`: the remote said so. A longer hold stays.
    pub async fn budget_hold(&self, key: &str, until: Timestamp) -> Result<(), StoreError> {
        self.write((key.to_owned(), until), |tx, (key, until)| {
            Box::pin(async move { tx.execute(&HOLD, &params![key, *until]).await.map(drop) })
        })
        .await
    }

    /// No call of this method before `until`.
    pub async fn method_pause(
        &self,
        portal: &PortalId,
        method: &str,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (portal.clone(), method.to_owned(), until);
        self.write(args, |tx, (portal, method, until)| {
            Box::pin(async move {
                tx.execute(&METHOD_PAUSE, &params![portal, method, *until])
                    .await
                    .map(drop)
            })
        })
        .await
    }

    /// Methods that rest now, each with its end.
    pub async fn method_pauses(
        &self,
        portal: &PortalId,
        now: Timestamp,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.read((portal.clone(), now), |tx, (portal, now)| {
            Box::pin(async move {
                let read = |row: &mut Row| Ok((row.text()?, row.moment()?));
                tx.list(&METHOD_PAUSES, &params![portal, *now], read).await
            })
        })
        .await
    }

    /// The breaker of a remote; closed if none was ever stored.
    pub async fn breaker_get(
        &self,
        portal: &PortalId,
        remote: &str,
    ) -> Result<Breaker, StoreError> {
        let found = self
            .read(
                (portal.clone(), remote.to_owned()),
                |tx, (portal, remote)| {
                    Box::pin(async move {
                        tx.first(&BREAKER_GET, &params![portal, remote], |row| {
                            Ok(Breaker {
                                failures: row.count()?,
                                open_until: row.moment_or_null()?,
                            })
                        })
                        .await
                    })
                },
            )
            .await?;
        Ok(found.unwrap_or_default())
    }

    /// Stores the breaker of a remote.
    pub async fn breaker_put(
        &self,
        portal: &PortalId,
        remote: &str,
        breaker: &Breaker,
    ) -> Result<(), StoreError> {
        let args = (portal.clone(), remote.to_owned(), *breaker);
        self.write(args, |tx, (portal, remote, breaker)| {
            Box::pin(async move {
                let values = params![portal, remote, breaker.failures, breaker.open_until];
                tx.execute(&BREAKER_PUT, &values).await.map(drop)
            })
        })
        .await
    }
}

#[derive(Clone, Copy)]
struct Ask {
    want: u32,
    ceiling: u32,
    drain_per_minute: u32,
}

async fn take(
    tx: &mut Tx<'_>,
    key: &str,
    ask: Ask,
    now: Timestamp,
) -> Result<BudgetGrant, StoreError> {
    let clock = tx.clock(now).await?;
    tx.execute(&BUDGET_ROW, &params![key, clock]).await?;
    let stored = tx.first(&BUDGET, &params![key], read_level).await?;
    let (level, aged_at, held_until) = stored.unwrap_or((0, clock, Timestamp::UNIX_EPOCH));
    if now < held_until {
        return Ok(BudgetGrant {
            granted: 0,
            retry_at: Some(held_until),
        });
    }
    let level = drained(level, aged_at, clock, ask);
    let room = (i128::from(ask.ceiling) * CALL - level).max(0) / CALL;
    let granted = u32::try_from(room).unwrap_or(u32::MAX).min(ask.want);
    let level = level + i128::from(granted) * CALL;
    let stored_level = i64::try_from(level).unwrap_or(i64::MAX);
    tx.execute(
        &BUDGET_SPENT,
        &params![key, stored_level, clock.max(aged_at)],
    )
    .await?;
    let retry_at = (granted < ask.want).then(|| next_call(level, ask, now));
    Ok(BudgetGrant { granted, retry_at })
}

async fn room(
    tx: &mut Tx<'_>,
    key: &str,
    ask: Ask,
    now: Timestamp,
    by: Timestamp,
) -> Result<u32, StoreError> {
    let clock = tx.clock(now).await?;
    let stored = tx.first(&BUDGET_SEEN, &params![key], read_level).await?;
    let (level, aged_at, held_until) = stored.unwrap_or((0, clock, Timestamp::UNIX_EPOCH));
    if by < held_until {
        return Ok(0);
    }
    let level = drained(level, aged_at, clock, ask);
    let left = by.duration_since(now).as_micros().max(0);
    let drains = left * i128::from(ask.drain_per_minute);
    let room = (i128::from(ask.ceiling) * CALL - level + drains).max(0) / CALL;
    Ok(u32::try_from(room).unwrap_or(u32::MAX))
}

fn read_level(row: &mut Row) -> Result<(i64, Timestamp, Timestamp), StoreError> {
    Ok((row.int()?, row.moment()?, row.moment()?))
}

/// The level at `clock`. A clock that went back drains nothing until it has caught up.
fn drained(level: i64, aged_at: Timestamp, clock: Timestamp, ask: Ask) -> i128 {
    let elapsed = (clock.as_microsecond() - aged_at.as_microsecond()).max(0);
    let drains = i128::from(elapsed) * i128::from(ask.drain_per_minute);
    (i128::from(level) - drains).max(0)
}

/// When the level will have sunk far enough for one more call.
fn next_call(level: i128, ask: Ask, now: Timestamp) -> Timestamp {
    let excess = (level + CALL - i128::from(ask.ceiling) * CALL).max(0);
    let drain = i128::from(ask.drain_per_minute);
    if ask.ceiling == 0 || drain == 0 {
        return Timestamp::MAX;
    }
    let wait = u64::try_from((excess + drain - 1) / drain).unwrap_or(u64::MAX);
    now.checked_add(Duration::from_micros(wait))
        .unwrap_or(Timestamp::MAX)
}
