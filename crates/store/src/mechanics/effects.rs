//! Effects: the durable record of one action on one remote, written before its first byte leaves.
//!
//! Sending is decided here in one transaction for a whole batch; what became of it is applied in
//! `effect_changes`. Together they keep design's promise: nothing is created a second time before the first is
//! proved absent. Not here: which change an answer of a remote means (`engine`), the calls (`reconciler`).

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use planted::Bug;
use serde::{Deserialize, Serialize};

use domain::PortalId;

use crate::{
    error::StoreError,
    mechanics::lease::{Lease, check_fence_and_time},
    sql::statements,
    store::Store,
    subject::{Subject, key_set, text_set},
    tx::Tx,
    value::{Row, Value, params},
};

/// Sendings of one effect that count, over all looks. After them a person is asked.
pub const MAX_ATTEMPTS: u32 = 8;

/// Where an effect stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectState {
    /// May be sent once its `not_before` has passed.
    Intended,
    /// On its way; after a crash nobody knows how far.
    Sent,
    /// Sent, and no answer that can be trusted.
    Unknown,
    /// It happened. Final.
    Done,
    /// Understood and refused. Final but for a new plan or a person.
    Refused,
    /// No longer wanted, and it surely did not happen.
    Superseded,
}

/// An action that is about to be carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewEffect {
    /// What makes it one: the slot's key, or the key of a field write.
    pub key: String,
    /// True: the key is done once for ever (a slot). False: it is unique only while not settled.
    pub once: bool,
    /// What it belongs to.
    pub subject: Subject,
    /// Kind of action, e.g. `issue_invoice`.
    pub action: String,
    /// What is sent, as far as it matters later.
    pub request: serde_json::Value,
    /// Tells one request from another: the revision.
    pub request_hash: String,
    /// The remote tells a repetition by the key: while nobody knows what became of this request, it may be sent again.
    pub repeatable: bool,
    /// How long after sending it may still land.
    pub quiet: Duration,
    /// How long after the decision its first byte may leave.
    pub deadline: Duration,
    /// Not to be sent sooner than this.
    pub not_before: Option<Timestamp>,
    /// Where a key is not done once for ever: when a look that missed what it makes began. What was done under the key
    /// since then is what that look could not see yet, and is not done again.
    pub missed_at: Option<Timestamp>,
}

/// An effect as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Its number in this installation.
    pub id: i64,
    /// See [`NewEffect::key`].
    pub key: String,
    /// See [`NewEffect::once`].
    pub once: bool,
    /// What it belongs to.
    pub subject: Subject,
    /// Kind of action.
    pub action: String,
    /// What was or will be sent.
    pub request: serde_json::Value,
    /// Tells one request from another.
    pub request_hash: String,
    /// Where it stands.
    pub state: EffectState,
    /// Sendings that count.
    pub attempt: u32,
    /// Not to be sent sooner than this.
    pub not_before: Option<Timestamp>,
    /// When it was last decided to send it.
    pub sent_at: Option<Timestamp>,
    /// Until when it may still land. Before this, absence proves nothing.
    pub quiet_until: Option<Timestamp>,
    /// Its first byte must not leave after this.
    pub not_after: Option<Timestamp>,
    /// Looks after `quiet_until` that did not find it.
    pub absent_looks: u32,
    /// The first of them.
    pub first_absent_at: Option<Timestamp>,
    /// What it made, once it is done.
    pub outcome: Option<serde_json::Value>,
    /// What went wrong last.
    pub error: Option<String>,
    /// Under which lease it was last sent.
    pub fence: i64,
    /// It goes out once more under its key while nobody knows what became of it before. Known to whoever was allowed to
    /// send it and not stored: of whoever dies meanwhile all is unknown in any case.
    pub repeats: bool,
    /// When it was first intended.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// Whether an effect may go out now.
#[derive(Clone, Debug, PartialEq)]
pub enum SendDecision {
    /// It may: it is stored as sent.
    Send(Effect),
    /// It may not.
    Held {
        /// As it stands.
        effect: Effect,
        /// Why not.
        why: Held,
    },
}

/// Why an effect does not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It happened already.
    Done,
    /// It is sent or unknown: to be settled first.
    Unsettled,
    /// Its moment has not come.
    NotBefore,
    /// Another create of this kind for this subject is not settled.
    OtherRevisionUnsettled,
    /// Exactly this was refused before.
    Refused,
    /// It was tried as often as is allowed without a person.
    TooManyAttempts,
}

macro_rules! stored {
    ($rest:literal) => {
        concat!(
            "SELECT id, key, once, subject, action, request, request_hash, state, attempt, not_before, sent_at,
                 quiet_until, not_after, absent_looks, first_absent_at, outcome, error, fence, created_at, updated_at
             FROM effect WHERE portal_id = $1 AND ",
            $rest
        )
    };
}

statements! {
    /// Whoever pauses the portal waits for this to be committed.
    IN_FORCE =
        "SELECT (SELECT COALESCE(max(version), 0) FROM policy WHERE portal_id = $1) FROM portal
         WHERE portal_id = $1 AND paused = 0 AND mode = 'active' /*pg FOR SHARE */";
    /// The newest row of each key: the only one of a slot, the unsettled or last settled one of others.
    BY_KEYS = concat!(
        stored!("key IN keys($2) AND once = 1"),
        " UNION ALL ",
        stored!("key IN keys($2) AND once = 0 AND state IN ('intended', 'sent', 'unknown')")
    );
    /// Settled rows of keys that are done again and again.
    SETTLED_OF_KEYS = stored!(
        "key IN keys($2) AND once = 0 AND state IN ('done', 'refused', 'superseded') AND updated_at >= $3 ORDER BY id"
    );
    UNDER_WAY =
        "SELECT subject, action FROM effect
         WHERE portal_id = $1 AND subject IN keys($2) AND once = 1 AND state IN ('sent', 'unknown')";
    INTEND =
        "INSERT INTO effect (portal_id, key, once, subject, action, request, request_hash, state, attempt,
             not_before, absent_looks, fence, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'intended', 0, $8, 0, $9, $10, $10)
         RETURNING id";
    /// Before it was sent, another request takes its place; so it does after a refusal.
    INTEND_OTHER =
        "UPDATE effect SET request = $3, request_hash = $4, state = 'intended', attempt = 0, not_before = $5,
             error = NULL, updated_at = $6
         WHERE portal_id = $1 AND id = $2 AND state IN ('intended', 'refused', 'superseded')";
    /// Whoever sends it last has to find out what became of it: another subject may have wanted the same before. What is
    /// looked for is what went out last.
    SEND =
        "UPDATE effect SET state = 'sent', subject = $8, request = $9, attempt = $7, sent_at = $3, quiet_until = $4, not_after = $5,
             absent_looks = 0, first_absent_at = NULL, error = NULL, fence = $6, updated_at = $3
         WHERE portal_id = $1 AND id = $2 AND state IN ('intended', 'unknown')";
    /// All slots ever, and of other keys what is not settled or was refused.
    OF_SUBJECTS =
        "SELECT id, key, once, subject, action, request, request_hash, state, attempt, not_before, sent_at,
                quiet_until, not_after, absent_looks, first_absent_at, outcome, error, fence, created_at, updated_at
         FROM effect WHERE portal_id = $1 AND subject IN keys($2)
             AND (once = 1 OR state IN ('intended', 'sent', 'unknown', 'refused'))
         ORDER BY id";
    SETTLED_SINCE =
        "SELECT id, key, once, subject, action, request, request_hash, state, attempt, not_before, sent_at,
                quiet_until, not_after, absent_looks, first_absent_at, outcome, error, fence, created_at, updated_at
         FROM effect WHERE portal_id = $1 AND subject IN keys($2) AND once = 0 AND state = 'done' AND updated_at >= $3
         ORDER BY id";
    GET =
        "SELECT id, key, once, subject, action, request, request_hash, state, attempt, not_before, sent_at,
                quiet_until, not_after, absent_looks, first_absent_at, outcome, error, fence, created_at, updated_at
         FROM effect WHERE portal_id = $1 AND id = $2";
    DONE =
        "SELECT key FROM effect WHERE portal_id = $1 AND key IN keys($2) AND once = 1 AND state = 'done'";
    TRIM =
        "DELETE FROM effect WHERE id IN (
             SELECT id FROM effect WHERE portal_id = $1 AND once = 0
                 AND state IN ('done', 'refused', 'superseded') AND updated_at < $2
             ORDER BY updated_at LIMIT $3)";
}

impl Store {
    /// Decides for a batch of actions which may go out now, and stores those as sent: attempt, latest moment
    /// of departure, quiet time. One decision per effect, in the same order. Only what is answered with
    /// [`SendDecision::Send`] may be sent, and not after its `not_after`. `policy`: the version that they were decided by,
    /// 0 where there is none; nothing goes out by a former one, or for a portal that was paused.
    pub async fn effects_send(
        &self,
        lease: &Lease,
        effects: &[NewEffect],
        policy: i64,
        now: Timestamp,
    ) -> Result<Vec<SendDecision>, StoreError> {
        self.write(
            (lease.clone(), effects.to_vec(), policy, now),
            |tx, (lease, effects, policy, now)| {
                Box::pin(async move {
                    check_fence_and_time(tx, lease, *now).await?;
                    check_in_force(tx, &lease.portal, *policy).await?;
                    send(tx, lease, effects, *now).await
                })
            },
        )
        .await
    }

    /// One effect by its number.
    pub async fn effect_get(
        &self,
        portal: &PortalId,
        id: i64,
    ) -> Result<Option<Effect>, StoreError> {
        self.read((portal.clone(), id), |tx, (portal, id)| {
            Box::pin(async move { tx.first(&GET, &params![portal, *id], read_effect).await })
        })
        .await
    }

    /// Those of these keys that are done once and for ever.
    pub async fn effects_done(
        &self,
        portal: &PortalId,
        keys: &[String],
    ) -> Result<BTreeSet<String>, StoreError> {
        if keys.is_empty() {
            return Ok(BTreeSet::new());
        }
        let args = (portal.clone(), text_set(keys.iter().cloned()));
        self.read(args, |tx, (portal, keys)| {
            Box::pin(async move {
                let ask = params![portal, keys.clone()];
                let done = tx.list(&DONE, &ask, Row::text).await?;
                Ok(done.into_iter().collect())
            })
        })
        .await
    }

    /// Writes that are no slots and were done since a moment: to notice a field that does not keep our value.
    pub async fn effects_done_since(
        &self,
        portal: &PortalId,
        subjects: &[Subject],
        since: Timestamp,
    ) -> Result<Vec<Effect>, StoreError> {
        let args = (portal.clone(), key_set(subjects), since);
        self.read(args, |tx, (portal, subjects, since)| {
            Box::pin(async move {
                let ask = params![portal, subjects.clone(), *since];
                tx.list(&SETTLED_SINCE, &ask, read_effect).await
            })
        })
        .await
    }

    /// Removes settled effects that are no slots and changed before a moment, at most `limit`. Gives how many.
    pub async fn effects_trim(
        &self,
        portal: &PortalId,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.write(
            (portal.clone(), before, limit),
            |tx, (portal, before, limit)| {
                Box::pin(async move { tx.execute(&TRIM, &params![portal, *before, *limit]).await })
            },
        )
        .await
    }
}

impl EffectState {
    /// All of them.
    pub const ALL: [EffectState; 6] = [
        EffectState::Intended,
        EffectState::Sent,
        EffectState::Unknown,
        EffectState::Done,
        EffectState::Refused,
        EffectState::Superseded,
    ];

    /// The stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            EffectState::Intended => "intended",
            EffectState::Sent => "sent",
            EffectState::Unknown => "unknown",
            EffectState::Done => "done",
            EffectState::Refused => "refused",
            EffectState::Superseded => "superseded",
        }
    }

    /// Nothing is under way and nothing will be by itself.
    pub const fn is_settled(self) -> bool {
        matches!(
            self,
            EffectState::Done | EffectState::Refused | EffectState::Superseded
        )
    }
}

impl std::str::FromStr for EffectState {
    type Err = String;

    fn from_str(text: &str) -> Result<EffectState, String> {
        EffectState::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("unknown effect state `{text}`"))
    }
}

/// Effects of these subjects that a planner needs.
pub(crate) async fn of_subjects(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    subjects: &Value,
) -> Result<Vec<Effect>, StoreError> {
    tx.list(
        &OF_SUBJECTS,
        &params![portal, subjects.clone()],
        read_effect,
    )
    .await
}

async fn check_in_force(tx: &mut Tx<'_>, portal: &PortalId, policy: i64) -> Result<(), StoreError> {
    let asked = params![portal];
    let in_force = tx.first(&IN_FORCE, &asked, Row::int).await?;
    if in_force == Some(policy) {
        Ok(())
    } else {
        let portal = portal.clone();
        Err(StoreError::Overtaken { portal })
    }
}

async fn send(
    tx: &mut Tx<'_>,
    lease: &Lease,
    wanted: &[NewEffect],
    now: Timestamp,
) -> Result<Vec<SendDecision>, StoreError> {
    let portal = &lease.portal;
    let keys = text_set(wanted.iter().map(|new| new.key.clone()));
    let mut stored: HashMap<String, Effect> = tx
        .list(&BY_KEYS, &params![portal, keys], read_effect)
        .await?
        .into_iter()
        .map(|effect| (effect.key.clone(), effect))
        .collect();
    for effect in done_since_missed(tx, portal, wanted).await? {
        stored.entry(effect.key.clone()).or_insert(effect);
    }
    let mut under_way = under_way(tx, portal, wanted).await?;
    let (mut decisions, mut replaced, mut sent) = (Vec::new(), Vec::new(), Vec::new());
    for new in wanted {
        let before = match stored.remove(&new.key) {
            Some(effect) => effect,
            None => intend(tx, lease, new, now).await?,
        };
        let (effect, is_new_request) = as_wanted(before, new, now);
        if is_new_request {
            replaced.push(Vec::from(params![
                portal,
                effect.id,
                &effect.request,
                &effect.request_hash,
                effect.not_before,
                now
            ]));
        }
        let lane = (new.subject.clone(), new.action.clone());
        let beside =
            new.once && under_way.contains(&lane) && !planted::is(Bug::RevisionBesideUnknown);
        let decision = match why_held(&effect, new, beside, now) {
            Some(why) => SendDecision::Held { effect, why },
            None => {
                let effect = departing(effect, new, lease, now);
                let [quiet_until, not_after] =
                    [effect.quiet_until, effect.not_after].map(Value::from);
                let [id, at, fence] = [
                    Value::from(effect.id),
                    Value::from(now),
                    Value::from(lease.fence),
                ];
                sent.push(vec![
                    Value::from(portal),
                    id,
                    at,
                    quiet_until,
                    not_after,
                    fence,
                    Value::from(effect.attempt),
                    Value::from(&effect.subject),
                    Value::from(&effect.request),
                ]);
                if new.once {
                    under_way.insert(lane);
                }
                SendDecision::Send(effect)
            }
        };
        // The same key twice in one batch: the second meets the first.
        let (SendDecision::Send(effect) | SendDecision::Held { effect, .. }) = &decision;
        stored.insert(new.key.clone(), effect.clone());
        decisions.push(decision);
    }
    tx.execute_each(&INTEND_OTHER, &replaced).await?;
    tx.execute_each(&SEND, &sent).await?;
    Ok(decisions)
}

/// What was done, of each key the last, since somebody who wants it missed it.
async fn done_since_missed(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    wanted: &[NewEffect],
) -> Result<Vec<Effect>, StoreError> {
    let mut missed: HashMap<&str, Timestamp> = HashMap::new();
    for new in wanted.iter().filter(|new| !new.once) {
        if let Some(at) = new.missed_at {
            let first = missed.entry(&new.key).or_insert(at);
            *first = at.min(*first);
        }
    }
    let Some(first) = missed.values().min() else {
        return Ok(Vec::new());
    };
    let keys = text_set(missed.keys().map(|key| (*key).to_owned()));
    let settled = tx
        .list(
            &SETTLED_OF_KEYS,
            &params![portal, keys, *first],
            read_effect,
        )
        .await?;
    // Stored moments end at the microsecond.
    let is_since = |effect: &Effect| {
        let missed = missed.get(effect.key.as_str());
        missed.is_some_and(|at| effect.updated_at.as_microsecond() >= at.as_microsecond())
    };
    let done = settled.into_iter().rev();
    Ok(done
        .filter(|effect| effect.state == EffectState::Done && is_since(effect))
        .collect())
}

async fn under_way(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    wanted: &[NewEffect],
) -> Result<HashSet<(Subject, String)>, StoreError> {
    let subjects = key_set(wanted.iter().filter(|new| new.once).map(|new| &new.subject));
    let read = |row: &mut Row| Ok((row.parsed()?, row.text()?));
    Ok(tx
        .list(&UNDER_WAY, &params![portal, subjects], read)
        .await?
        .into_iter()
        .collect())
}

async fn intend(
    tx: &mut Tx<'_>,
    lease: &Lease,
    new: &NewEffect,
    now: Timestamp,
) -> Result<Effect, StoreError> {
    let values = params![
        &lease.portal,
        &new.key,
        new.once,
        &new.subject,
        &new.action,
        &new.request,
        &new.request_hash,
        new.not_before,
        lease.fence,
        now,
    ];
    let id = tx
        .first(&INTEND, &values, |row| row.int())
        .await?
        .unwrap_or_default();
    Ok(Effect {
        id,
        key: new.key.clone(),
        once: new.once,
        subject: new.subject.clone(),
        action: new.action.clone(),
        request: new.request.clone(),
        request_hash: new.request_hash.clone(),
        state: EffectState::Intended,
        attempt: 0,
        not_before: new.not_before,
        sent_at: None,
        quiet_until: None,
        not_after: None,
        absent_looks: 0,
        first_absent_at: None,
        outcome: None,
        error: None,
        fence: lease.fence,
        repeats: false,
        created_at: now,
        updated_at: now,
    })
}

/// The stored effect, with the new request in its place where that is allowed; and whether it was put there.
fn as_wanted(effect: Effect, new: &NewEffect, now: Timestamp) -> (Effect, bool) {
    let same = effect.request_hash == new.request_hash;
    let (replace, not_before) = match effect.state {
        // The remote's wish to be left alone holds for any request.
        EffectState::Intended => (!same, effect.not_before.max(new.not_before)),
        EffectState::Refused => (!same, new.not_before),
        // It was dropped and is wanted again.
        EffectState::Superseded => (true, new.not_before),
        // What may have happened is settled first, whatever is wanted now.
        EffectState::Unknown if planted::is(Bug::RevisionBesideUnknown) => (!same, None),
        EffectState::Sent | EffectState::Unknown | EffectState::Done => (false, None),
    };
    if !replace {
        return (effect, false);
    }
    let intended = Effect {
        request: new.request.clone(),
        request_hash: new.request_hash.clone(),
        state: EffectState::Intended,
        attempt: 0,
        not_before,
        error: None,
        updated_at: now,
        ..effect
    };
    (intended, true)
}

fn why_held(
    effect: &Effect,
    new: &NewEffect,
    other_under_way: bool,
    now: Timestamp,
) -> Option<Held> {
    let is_repetition = new.repeatable && new.request_hash == effect.request_hash;
    match effect.state {
        EffectState::Done => Some(Held::Done),
        EffectState::Refused | EffectState::Superseded => Some(Held::Refused),
        // What lies beside it is itself.
        EffectState::Unknown if is_repetition => held_back(effect, now),
        EffectState::Sent | EffectState::Unknown => Some(Held::Unsettled),
        EffectState::Intended if other_under_way => Some(Held::OtherRevisionUnsettled),
        EffectState::Intended => held_back(effect, now),
    }
}

fn held_back(effect: &Effect, now: Timestamp) -> Option<Held> {
    if effect.attempt >= MAX_ATTEMPTS {
        Some(Held::TooManyAttempts)
    } else if effect.not_before.is_some_and(|moment| now < moment) {
        Some(Held::NotBefore)
    } else {
        None
    }
}

fn departing(effect: Effect, new: &NewEffect, lease: &Lease, now: Timestamp) -> Effect {
    let after = |by: Duration| now.checked_add(by).unwrap_or(Timestamp::MAX);
    // Counted before it leaves: a process that dies each time it sends would try for ever.
    let this_one = u32::from(!planted::is(Bug::AttemptCountedAfterSend));
    let request = match effect.state {
        // The hash leaves out what may differ in one and the same request.
        EffectState::Intended => new.request.clone(),
        // A repetition under its key is the same request to the letter.
        _ => effect.request.clone(),
    };
    Effect {
        state: EffectState::Sent,
        subject: new.subject.clone(),
        request,
        attempt: effect.attempt + this_one,
        sent_at: Some(now),
        // It may land as late as `quiet` after its last possible departure.
        quiet_until: Some(after(new.deadline.saturating_add(new.quiet))),
        not_after: Some(after(new.deadline)),
        absent_looks: 0,
        first_absent_at: None,
        error: None,
        fence: lease.fence,
        repeats: effect.state == EffectState::Unknown,
        updated_at: now,
        ..effect
    }
}

fn read_effect(row: &mut Row) -> Result<Effect, StoreError> {
    Ok(Effect {
        id: row.int()?,
        key: row.text()?,
        once: row.flag()?,
        subject: row.parsed()?,
        action: row.text()?,
        request: row.json()?,
        request_hash: row.text()?,
        state: row.parsed()?,
        attempt: row.count()?,
        not_before: row.moment_or_null()?,
        sent_at: row.moment_or_null()?,
        quiet_until: row.moment_or_null()?,
        not_after: row.moment_or_null()?,
        absent_looks: row.count()?,
        first_absent_at: row.moment_or_null()?,
        outcome: row.json_or_null()?,
        error: row.text_or_null()?,
        fence: row.int()?,
        repeats: false,
        created_at: row.moment()?,
        updated_at: row.moment()?,
    })
}
