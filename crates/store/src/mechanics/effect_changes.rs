//! What became of effects: the changes that a record applies, each allowed only from certain states.
//!
//! Which change an answer means is decided by the engine's `transition`; this file is the net under it: a
//! settled effect never moves again but by a person's word. Not here: sending (`effects`).

use domain::PortalId;
use jiff::Timestamp;
use planted::Bug;
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    mechanics::effects::{EffectState, MAX_ATTEMPTS},
    sql::{Sql, statements},
    tx::Tx,
    value::{Row, Value, params},
};

/// What became of an effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EffectChange {
    /// It happened, or was found to have happened.
    Done {
        /// What it made.
        outcome: serde_json::Value,
    },
    /// Understood and refused: it will never work as it is.
    Refused {
        /// What the remote said.
        error: String,
    },
    /// Surely without effect; to be sent again.
    BackToIntended {
        /// What happened.
        error: String,
        /// Not sooner than this.
        not_before: Option<Timestamp>,
        /// Whether the sending counts as an attempt. A limit's answer does not.
        counts: bool,
    },
    /// It may have happened.
    Unknown {
        /// What happened.
        error: String,
    },
    /// This sending was surely without effect, but it repeated one that may still have happened: see
    /// [`crate::Effect::repeats`].
    StillUnknown {
        /// What happened.
        error: String,
        /// Not repeated sooner than this.
        not_before: Timestamp,
        /// Whether the sending counts as an attempt.
        counts: bool,
    },
    /// A look did not find it. Counts only after its quiet time.
    LookedUpAbsent,
    /// No longer wanted, and it surely did not happen.
    Superseded {
        /// Why.
        reason: String,
    },
    /// A person ordered it to be tried anew: it may be sent at once, its attempts are counted from zero. Refused
    /// while it is sent or unknown.
    Reopened {
        /// Who and why.
        reason: String,
    },
}

statements! {
    DONE =
        "UPDATE effect SET state = 'done', outcome = $3, error = NULL, updated_at = $4
         WHERE portal_id = $1 AND id = $2 AND state IN ('intended', 'sent', 'unknown')";
    REFUSED =
        "UPDATE effect SET state = 'refused', error = $3, updated_at = $4
         WHERE portal_id = $1 AND id = $2 AND state IN ('intended', 'sent', 'unknown')";
    BACK_TO_INTENDED =
        "UPDATE effect SET state = 'intended', error = $3, updated_at = $4, not_before = $5,
             attempt = CASE WHEN state <> 'intended' AND attempt + $6 >= 0 THEN attempt + $6 ELSE attempt END,
             quiet_until = NULL, not_after = NULL, absent_looks = 0, first_absent_at = NULL
         WHERE portal_id = $1 AND id = $2 AND state IN ('intended', 'sent', 'unknown')";
    UNKNOWN =
        "UPDATE effect SET state = 'unknown', error = $3, updated_at = $4
         WHERE portal_id = $1 AND id = $2 AND state IN ('sent', 'unknown')";
    /// Its quiet time goes on: it is that of the last sending, the longest there is.
    STILL_UNKNOWN =
        "UPDATE effect SET state = 'unknown', error = $3, updated_at = $4, not_before = $5,
             attempt = CASE WHEN attempt + $6 >= 0 THEN attempt + $6 ELSE attempt END
         WHERE portal_id = $1 AND id = $2 AND state IN ('sent', 'unknown')";
    /// Before the quiet time has passed absence proves nothing, and nothing is counted.
    ABSENT =
        "UPDATE effect SET state = 'unknown', updated_at = $3,
             first_absent_at = CASE WHEN quiet_until > $3 THEN first_absent_at ELSE COALESCE(first_absent_at, $3) END,
             absent_looks = CASE WHEN quiet_until > $3 THEN absent_looks ELSE absent_looks + 1 END
         WHERE portal_id = $1 AND id = $2 AND state IN ('sent', 'unknown')";
    /// A create under way is never dropped: it is settled first.
    SUPERSEDED =
        "UPDATE effect SET state = 'superseded', error = $3, updated_at = $4
         WHERE portal_id = $1 AND id = $2
             AND (state IN ('intended', 'refused') OR once = 0 AND state IN ('sent', 'unknown'))";
    /// Never what may have happened: not even by order is a create sent twice.
    REOPENED =
        "UPDATE effect SET state = 'intended', attempt = 0, error = $3, updated_at = $4, not_before = NULL,
             quiet_until = NULL, not_after = NULL, absent_looks = 0, first_absent_at = NULL
         WHERE portal_id = $1 AND id = $2 AND state IN ('intended', 'refused', 'superseded')";
    /// The only row of a slot; of another key the one that is not settled. Without one the next look makes it.
    BY_KEY =
        "SELECT id, state, attempt FROM effect
         WHERE portal_id = $1 AND key = $2 AND (once = 1 OR once = 0 AND state IN ('intended', 'sent', 'unknown'))
         /*pg FOR UPDATE */";
    /// What a former owner had sent: nobody waits for its answer any more.
    ORPHAN =
        "UPDATE effect SET state = $3, error = 'its sender stopped before the answer'
         WHERE portal_id = $1 AND state IN ('sent', 'unknown') AND state = 'sent' AND fence < $2";
}

/// Applies changes, each by the effect's number.
pub(crate) async fn apply(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    changes: &[(i64, EffectChange)],
    now: Timestamp,
) -> Result<(), StoreError> {
    for (id, change) in changes {
        let (sql, values) = as_statement(portal, *id, change, now);
        if tx.execute(sql, &values).await? == 0 {
            return Err(StoreError::WrongState {
                id: *id,
                wanted: change.name(),
            });
        }
    }
    Ok(())
}

/// Why a person's order leaves an effect as it is.
pub(crate) struct MayHaveHappened;

/// Reopens the effect with this key by a person's order, if it was refused or tried as often as is allowed. One
/// that is done, dropped, never made, or about to be sent by itself needs no order and stays.
pub(crate) async fn reopen(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    key: &str,
    reason: &str,
    now: Timestamp,
) -> Result<Result<(), MayHaveHappened>, StoreError> {
    let read = |row: &mut Row| Ok((row.int()?, row.parsed()?, row.count()?));
    let found = tx.first(&BY_KEY, &params![portal, key], read).await?;
    let Some((id, state, attempt)) = found else {
        return Ok(Ok(()));
    };
    match state {
        EffectState::Sent | EffectState::Unknown => return Ok(Err(MayHaveHappened)),
        EffectState::Done | EffectState::Superseded => return Ok(Ok(())),
        EffectState::Intended if attempt < MAX_ATTEMPTS => return Ok(Ok(())),
        EffectState::Intended | EffectState::Refused => {}
    }
    let reason = reason.to_owned();
    apply(tx, portal, &[(id, EffectChange::Reopened { reason })], now).await?;
    Ok(Ok(()))
}

/// Makes unknown what was sent under a fence below this one.
pub(crate) async fn orphan(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    below: i64,
) -> Result<(), StoreError> {
    let now_it_is = if planted::is(Bug::IntendedResentAfterCrash) {
        EffectState::Intended
    } else {
        EffectState::Unknown
    };
    tx.execute(&ORPHAN, &params![portal, below, now_it_is.as_str()])
        .await
        .map(drop)
}

impl EffectChange {
    fn name(&self) -> &'static str {
        match self {
            EffectChange::Done { .. } => "done",
            EffectChange::Refused { .. } => "refused",
            EffectChange::BackToIntended { .. } => "intended",
            EffectChange::Unknown { .. } | EffectChange::StillUnknown { .. } => "unknown",
            EffectChange::LookedUpAbsent => "looked up absent",
            EffectChange::Superseded { .. } => "superseded",
            EffectChange::Reopened { .. } => "reopened",
        }
    }
}

fn as_statement(
    portal: &PortalId,
    id: i64,
    change: &EffectChange,
    now: Timestamp,
) -> (&'static Sql, Vec<Value>) {
    let with = |text: &str| Vec::from(params![portal, id, text, now]);
    match change {
        EffectChange::Done { outcome } => (&DONE, with(&outcome.to_string())),
        EffectChange::Refused { error } => (&REFUSED, with(error)),
        EffectChange::BackToIntended {
            error,
            not_before,
            counts,
        } => {
            let mut values = with(error);
            values.extend(params![*not_before, correction(*counts)]);
            (&BACK_TO_INTENDED, values)
        }
        EffectChange::Unknown { error } => (&UNKNOWN, with(error)),
        EffectChange::StillUnknown {
            error,
            not_before,
            counts,
        } => {
            let mut values = with(error);
            values.extend(params![*not_before, correction(*counts)]);
            (&STILL_UNKNOWN, values)
        }
        EffectChange::LookedUpAbsent => (&ABSENT, Vec::from(params![portal, id, now])),
        EffectChange::Superseded { reason } => (&SUPERSEDED, with(reason)),
        EffectChange::Reopened { reason } => (&REOPENED, with(reason)),
    }
}

/// What the number of attempts is corrected by: it was counted when it was sent, so one that does not count is taken off
/// again.
fn correction(counts: bool) -> i64 {
    let counted_late = i64::from(planted::is(Bug::AttemptCountedAfterSend));
    i64::from(counts) - 1 + counted_late
}
