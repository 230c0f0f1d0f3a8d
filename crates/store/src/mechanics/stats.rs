//! Figures of one portal for the administrator and for alarms. The age of the oldest due look is the main one.
//!
//! Not here: metrics over time (`web`).

use domain::PortalId;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    error::StoreError, mechanics::work::Lane, sql::statements, store::Store, tx::Tx, value::params,
};

/// How a portal stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// The lanes that hold anything, the most pressing first.
    pub lanes: Vec<LaneStats>,
    /// Open cases by code.
    pub open_cases: Vec<(String, u64)>,
    /// Effects of which nobody knows whether they happened.
    pub unknown_effects: u64,
    /// Effects on their way.
    pub sent_effects: u64,
}

/// One lane of the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LaneStats {
    /// Which.
    pub lane: Lane,
    /// Subjects that are due.
    pub due: u64,
    /// Subjects whose moment has not come.
    pub later: u64,
    /// Since when the one waits that waits longest, also if it was put off meanwhile.
    pub oldest_due_at: Option<Timestamp>,
}

statements! {
    LANES =
        "SELECT lane, sum(CASE WHEN due_at <= $2 THEN 1 ELSE 0 END), sum(CASE WHEN due_at <= $2 THEN 0 ELSE 1 END),
                min(CASE WHEN waits_since <= $2 THEN waits_since END)
         FROM work WHERE portal_id = $1 GROUP BY lane ORDER BY lane";
    OPEN_CASES =
        "SELECT code, count(*) FROM office_case WHERE portal_id = $1 AND state = 'open'
         GROUP BY code ORDER BY code";
    UNSETTLED =
        "SELECT COALESCE(sum(CASE WHEN state = 'unknown' THEN 1 ELSE 0 END), 0),
                COALESCE(sum(CASE WHEN state = 'sent' THEN 1 ELSE 0 END), 0)
         FROM effect WHERE portal_id = $1 AND state IN ('sent', 'unknown')";
}

impl Store {
    /// Figures of one portal.
    pub async fn stats(&self, portal: &PortalId, now: Timestamp) -> Result<Stats, StoreError> {
        self.read((portal.clone(), now), |tx, (portal, now)| {
            Box::pin(stats(tx, portal, *now))
        })
        .await
    }

    /// How many cases are open, by code.
    pub async fn cases_count(&self, portal: &PortalId) -> Result<Vec<(String, u64)>, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(open_cases(tx, portal))
        })
        .await
    }
}

async fn open_cases(tx: &mut Tx<'_>, portal: &PortalId) -> Result<Vec<(String, u64)>, StoreError> {
    tx.list(&OPEN_CASES, &params![portal], |row| {
        Ok((row.text()?, row.count()?.into()))
    })
    .await
}

async fn stats(tx: &mut Tx<'_>, portal: &PortalId, now: Timestamp) -> Result<Stats, StoreError> {
    let lanes = tx
        .list(&LANES, &params![portal, now], |row| {
            Ok(LaneStats {
                lane: Lane::read(row)?,
                due: row.count()?.into(),
                later: row.count()?.into(),
                oldest_due_at: row.moment_or_null()?,
            })
        })
        .await?;
    let open_cases = open_cases(tx, portal).await?;
    let unsettled = tx
        .first(&UNSETTLED, &params![portal], |row| {
            Ok((row.count()?, row.count()?))
        })
        .await?;
    let (unknown, sent) = unsettled.unwrap_or((0, 0));
    Ok(Stats {
        lanes,
        open_cases,
        unknown_effects: unknown.into(),
        sent_effects: sent.into(),
    })
}
