//! The work queue: a set of subjects, each with the soonest moment to look at it.
//!
//! A thousand events about one deal are one row. Taking is marking: the row stays until its look is settled,
//! so a process that dies loses nothing, and its death is counted. On the event's way this stands between the
//! inbox and the look. Not here: who may take (`lease`), what is done (`engine`, `reconciler`).

use domain::PortalId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    mechanics::lease::{Lease, check_fence},
    sql::statements,
    store::Store,
    subject::{Subject, key_set},
    tx::Tx,
    value::{Row, Value, params},
};

/// How pressing a look is. A lane is never behind a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// A person waits.
    Click,
    /// The usual.
    Due,
    /// Large and patient: files, imports, registry checks.
    Trailing,
}

/// A wish to look at a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// At what.
    pub subject: Subject,
    /// How pressing.
    pub lane: Lane,
    /// Not sooner than this.
    pub due_at: Timestamp,
    /// Why, in a few words for the journal.
    pub reason: String,
}

/// A subject that is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// At what.
    pub subject: Subject,
    /// How pressing.
    pub lane: Lane,
    /// Grows with every wish to look; tells whether something came while it was looked at.
    pub version: i64,
    /// Since when it is due.
    pub due_at: Timestamp,
    /// Why.
    pub reasons: Vec<String>,
    /// When the last event about it came; none where no event did.
    pub heard_at: Option<Timestamp>,
    /// Looks that panicked or whose process died.
    pub deaths: u32,
}

/// A look that came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// What was taken.
    pub work: Work,
    /// When to look again and why; `None` if nothing is left to do.
    pub next: Option<(Timestamp, Lane, String)>,
}

/// Longest text of one reason, in characters.
const REASON_LENGTH: usize = 200;

statements! {
    /// Sooner and more pressing win; another reason is added while there is room.
    LOOK =
        "INSERT INTO work (portal_id, subject, lane, version, due_at, waits_since, reasons, deaths, heard_at)
         VALUES ($1, $2, $3, 1, $4, $4, $5, 0, $6)
         ON CONFLICT (portal_id, subject) DO UPDATE SET
             version = work.version + 1,
             lane = CASE WHEN excluded.lane < work.lane THEN excluded.lane ELSE work.lane END,
             due_at = CASE WHEN excluded.due_at < work.due_at THEN excluded.due_at ELSE work.due_at END,
             waits_since = CASE WHEN excluded.due_at < work.waits_since THEN excluded.due_at ELSE work.waits_since END,
             heard_at = CASE WHEN excluded.heard_at IS NULL THEN work.heard_at ELSE excluded.heard_at END,
             reasons = CASE
                 WHEN instr('\n' || work.reasons || '\n', '\n' || excluded.reasons || '\n') > 0
                     OR length(work.reasons) > 600 THEN work.reasons
                 ELSE work.reasons || '\n' || excluded.reasons END";
    /// The same of a row that waits already, no later and no less pressing: none of what an index holds changes, and SQLite
    /// writes each index of a column that a statement sets. Most rows have one reason, and it is the same again: no text is
    /// put together to find that out.
    LOOK_KNOWN =
        "UPDATE work SET version = version + 1, heard_at = COALESCE(CAST($6 AS BIGINT), heard_at),
             reasons = CASE
                 WHEN reasons = CAST($5 AS TEXT)
                     OR instr('\n' || reasons || '\n', '\n' || CAST($5 AS TEXT) || '\n') > 0
                     OR length(reasons) > 600 THEN reasons
                 ELSE reasons || '\n' || CAST($5 AS TEXT) END
         WHERE portal_id = $1 AND subject = $2 AND lane <= $3 AND due_at <= $4 AND waits_since <= $4";
    TAKE =
        "SELECT subject, lane, version, due_at, reasons, deaths, heard_at FROM work
         WHERE portal_id = $1 AND lane = $2 AND due_at <= $3 AND subject NOT IN keys($4)
         ORDER BY due_at, subject LIMIT $5";
    MARK_TAKEN =
        "UPDATE work SET taken_by = $3 WHERE portal_id = $1 AND subject IN keys($2)";
    DIED =
        "UPDATE work SET deaths = deaths + 1, taken_by = NULL
         WHERE portal_id = $1 AND subject IN keys($2)";
    /// The owner of this fence died without giving the portal back.
    DIED_WITH_OWNER =
        "UPDATE work SET deaths = deaths + 1, taken_by = NULL
         WHERE portal_id = $1 AND taken_by IS NOT NULL AND taken_by <= $2";
    FREED =
        "UPDATE work SET taken_by = NULL
         WHERE portal_id = $1 AND taken_by IS NOT NULL AND taken_by <= $2";
    PUT_BACK =
        "UPDATE work SET taken_by = NULL,
             due_at = CASE WHEN version = $3 THEN $4 ELSE due_at END
         WHERE portal_id = $1 AND subject = $2";
    SETTLE_GONE = "DELETE FROM work WHERE portal_id = $1 AND subject = $2 AND version = $3";
    SETTLE_NEXT =
        "UPDATE work SET lane = $4, due_at = $5, waits_since = $5, reasons = $6, deaths = 0, taken_by = NULL,
             heard_at = NULL
         WHERE portal_id = $1 AND subject = $2 AND version = $3";
    /// Something came meanwhile: it stays due, for what came; a sooner next look still counts. The reasons that were
    /// looked at stand first, unless the same came again.
    SETTLE_CHANGED =
        "UPDATE work SET deaths = 0, taken_by = NULL,
             reasons = CASE
                 WHEN substr(reasons, 1, length(CAST($4 AS TEXT)) + 1) = CAST($4 AS TEXT) || '\n'
                     THEN substr(reasons, length(CAST($4 AS TEXT)) + 2)
                 ELSE reasons END
         WHERE portal_id = $1 AND subject = $2 AND version <> $3";
    /// A look that is under way does not end the wish.
    WAKE =
        "UPDATE work SET version = version + 1,
             due_at = CASE WHEN due_at > $3 THEN $3 ELSE due_at END,
             waits_since = CASE WHEN waits_since > $3 THEN $3 ELSE waits_since END
         WHERE portal_id = $1 AND reasons = $2";
    WAITS_FOR =
        "SELECT 1 FROM work
         WHERE portal_id = $1 AND instr('\n' || reasons || '\n', '\n' || CAST($2 AS TEXT) || '\n') > 0 LIMIT 1";
    /// The row stays while somebody looks at its subject.
    IN_QUEUE =
        "SELECT subject FROM work WHERE portal_id = $1 AND subject IN keys($2)";
    NEXT_DUE_OF =
        "SELECT due_at FROM work WHERE portal_id = $1 ORDER BY due_at LIMIT 1";
    /// A portal that another owner holds is of interest once its lease ends.
    NEXT_DUE =
        "SELECT min(CASE WHEN expires_at > $1 AND expires_at > due_at THEN expires_at ELSE due_at END)
         FROM (SELECT l.expires_at AS expires_at,
                   (SELECT min(w.due_at) FROM work w WHERE w.portal_id = l.portal_id) AS due_at
               FROM lease l JOIN portal p ON p.portal_id = l.portal_id
               WHERE p.paused = 0 AND p.mode <> 'off') AS waiting
         WHERE due_at IS NOT NULL";
}

impl Store {
    /// Puts subjects into the queue and wakes whoever waits for work.
    pub async fn look(&self, portal: &PortalId, looks: &[Look]) -> Result<(), StoreError> {
        self.write((portal.clone(), looks.to_vec()), |tx, (portal, looks)| {
            Box::pin(enqueue(tx, portal, looks))
        })
        .await?;
        self.ring();
        Ok(())
    }

    /// Takes due subjects of a lane for one look, oldest first, and marks them as taken under this lease. A subject
    /// that is being looked at now is named in `excluding`.
    ///
    /// A subject under suspicion (a look at it died, and it was not necessarily its fault) is taken with few others
    /// of its kind, and alone if it died with them again, so that the last death blames the right one.
    pub async fn work_take(
        &self,
        lease: &Lease,
        lane: Lane,
        limit: usize,
        excluding: &[Subject],
        now: Timestamp,
    ) -> Result<Vec<Work>, StoreError> {
        let args = (lease.clone(), lane, limit, key_set(excluding), now);
        self.write(args, |tx, (lease, lane, limit, excluding, now)| {
            Box::pin(async move {
                check_fence(tx, lease).await?;
                let ask = params![
                    &lease.portal,
                    lane.number(),
                    *now,
                    excluding.clone(),
                    *limit
                ];
                let due = tx.list(&TAKE, &ask, read_work).await?;
                let taken = one_look(due);
                if !taken.is_empty() {
                    let subjects = key_set(taken.iter().map(|work| &work.subject));
                    tx.execute(&MARK_TAKEN, &params![&lease.portal, subjects, lease.fence])
                        .await?;
                }
                Ok(taken)
            })
        })
        .await
    }

    /// Counts a look that panicked, for each of its subjects. They stay due.
    pub async fn work_died(&self, lease: &Lease, work: &[Work]) -> Result<(), StoreError> {
        let subjects = key_set(work.iter().map(|work| &work.subject));
        self.write((lease.clone(), subjects), |tx, (lease, subjects)| {
            Box::pin(async move {
                check_fence(tx, lease).await?;
                tx.execute(&DIED, &params![&lease.portal, subjects.clone()])
                    .await
                    .map(drop)
            })
        })
        .await
    }

    /// Gives subjects back that were not looked at (a remote is down): due again at `due_at`, unless something
    /// came meanwhile.
    pub async fn work_put_back(
        &self,
        lease: &Lease,
        work: &[Work],
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(
            (lease.clone(), work.to_vec(), due_at),
            |tx, (lease, work, due_at)| {
                Box::pin(async move {
                    check_fence(tx, lease).await?;
                    let sets: Vec<Vec<Value>> = sorted(work.iter(), |work| &work.subject)
                        .map(|work| {
                            Vec::from(params![&lease.portal, &work.subject, work.version, *due_at])
                        })
                        .collect();
                    tx.execute_each(&PUT_BACK, &sets).await.map(drop)
                })
            },
        )
        .await
    }

    /// Whatever waits for just this reason is due now: what it waits for has come.
    pub async fn work_wake(
        &self,
        lease: &Lease,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (lease.clone(), reason.to_owned(), now);
        self.write(args, |tx, (lease, reason, now)| {
            Box::pin(async move {
                check_fence(tx, lease).await?;
                tx.execute(&WAKE, &params![&lease.portal, reason, *now])
                    .await
                    .map(drop)
            })
        })
        .await?;
        self.ring();
        Ok(())
    }

    /// Whether anything of a portal is to be looked at for this reason, now or later.
    pub async fn work_waits_for(
        &self,
        portal: &PortalId,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let args = (portal.clone(), one_line(reason));
        self.read(args, |tx, (portal, reason)| {
            Box::pin(async move {
                let ask = params![portal, reason];
                Ok(tx.first(&WAITS_FOR, &ask, Row::int).await?.is_some())
            })
        })
        .await
    }

    /// Those of `subjects` that wait for a look, or are looked at now.
    pub async fn work_among(
        &self,
        portal: &PortalId,
        subjects: &[Subject],
    ) -> Result<Vec<Subject>, StoreError> {
        let args = (portal.clone(), key_set(subjects));
        self.read(args, |tx, (portal, keys)| {
            Box::pin(async move {
                tx.list(&IN_QUEUE, &params![portal, keys.clone()], Row::parsed)
                    .await
            })
        })
        .await
    }

    /// The soonest moment at which a portal could be worth taking, over all portals. A hint: by then another
    /// owner may have it.
    pub async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.read(now, |tx, now| {
            Box::pin(async move {
                let clock = tx.clock(*now).await?;
                Ok(tx
                    .first(&NEXT_DUE, &params![clock], Row::moment_or_null)
                    .await?
                    .flatten())
            })
        })
        .await
    }

    /// The soonest due moment of one portal.
    pub async fn next_due_of(&self, portal: &PortalId) -> Result<Option<Timestamp>, StoreError> {
        self.read(portal.clone(), |tx, portal| {
            Box::pin(async move { tx.first(&NEXT_DUE_OF, &params![portal], Row::moment).await })
        })
        .await
    }
}

impl Lane {
    /// All of them, the most pressing first.
    pub const ALL: [Lane; 3] = [Lane::Click, Lane::Due, Lane::Trailing];

    /// The stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Lane::Click => "click",
            Lane::Due => "due",
            Lane::Trailing => "trailing",
        }
    }

    pub(crate) const fn number(self) -> i64 {
        match self {
            Lane::Click => 0,
            Lane::Due => 1,
            Lane::Trailing => 2,
        }
    }

    pub(crate) fn read(row: &mut Row) -> Result<Lane, StoreError> {
        let number = row.int()?;
        Lane::ALL
            .into_iter()
            .find(|lane| lane.number() == number)
            .ok_or_else(|| row.undecodable(format!("`{number}` is no lane")))
    }
}

/// Puts looks into the queue, in the order of their subjects so that two transactions never wait in a ring.
pub(crate) async fn enqueue(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    looks: &[Look],
) -> Result<(), StoreError> {
    let looks = looks.iter().map(|look| (look, None)).collect();
    wish(tx, portal, looks).await.map(drop)
}

/// The same for looks that events ask for, each with the moment at which its event came. False: each of them waited already
/// and no less, so whoever waits for work finds no more than before.
pub(crate) async fn hear(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    looks: &[(Look, Timestamp)],
) -> Result<bool, StoreError> {
    let looks = looks.iter().map(|(look, at)| (look, Some(*at))).collect();
    wish(tx, portal, looks).await
}

async fn wish(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    mut looks: Vec<(&Look, Option<Timestamp>)>,
) -> Result<bool, StoreError> {
    looks.sort_by(|(one, _), (other, _)| one.subject.cmp(&other.subject));
    let sets: Vec<Vec<Value>> = looks
        .into_iter()
        .map(|(look, heard_at)| {
            Vec::from(params![
                portal,
                &look.subject,
                look.lane.number(),
                look.due_at,
                one_line(&look.reason),
                heard_at
            ])
        })
        .collect();
    let news = tx.execute_each_or(&LOOK_KNOWN, &LOOK, &sets).await?;
    Ok(news > 0)
}

/// Ends looks: the row goes, moves to its next look, or stays due if something came meanwhile.
pub(crate) async fn settle(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    settled: &[Settled],
) -> Result<(), StoreError> {
    let (mut gone, mut next, mut changed, mut again) = (vec![], vec![], vec![], vec![]);
    for one in sorted(settled.iter(), |one| &one.work.subject) {
        let key = params![portal, &one.work.subject, one.work.version];
        let seen = one.work.reasons.join("\n");
        changed.push(key.iter().cloned().chain([seen.into()]).collect());
        match &one.next {
            None => gone.push(key.to_vec()),
            Some((due_at, lane, reason)) => {
                let [portal, subject, version] = key;
                let reason = Value::from(one_line(reason));
                next.push(vec![
                    portal,
                    subject,
                    version,
                    lane.number().into(),
                    (*due_at).into(),
                    reason,
                ]);
                again.push(one);
            }
        }
    }
    // First those that changed: after the update below, an unchanged row would look like one.
    tx.execute_each(&SETTLE_CHANGED, &changed).await?;
    tx.execute_each(&SETTLE_GONE, &gone).await?;
    let moved = tx.execute_each(&SETTLE_NEXT, &next).await?;
    let mut kept = Vec::new();
    for (one, moved) in again.into_iter().zip(moved) {
        if moved == 0
            && let Some((due_at, lane, reason)) = &one.next
        {
            let (subject, reason) = (one.work.subject.clone(), reason.clone());
            kept.push(Look {
                subject,
                lane: *lane,
                due_at: *due_at,
                reason,
            });
        }
    }
    enqueue(tx, portal, &kept).await
}

/// A new owner found the portal not given back: what the former one had taken died with it.
pub(crate) async fn died_with_owner(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    fence: i64,
) -> Result<(), StoreError> {
    tx.execute(&DIED_WITH_OWNER, &params![portal, fence])
        .await
        .map(drop)
}

/// The owner gives the portal back in good order.
pub(crate) async fn freed(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    fence: i64,
) -> Result<(), StoreError> {
    tx.execute(&FREED, &params![portal, fence]).await.map(drop)
}

/// Suspects that are taken together after their first death.
const FEW: usize = 7;

/// Of what is due, longest due first, what goes into one look with the first.
fn one_look(due: Vec<Work>) -> Vec<Work> {
    let Some(deaths) = due.first().map(|work| work.deaths) else {
        return due;
    };
    let most = match deaths {
        0 => due.len(),
        1 => FEW,
        _ => 1,
    };
    due.into_iter()
        .filter(|work| work.deaths == deaths)
        .take(most)
        .collect()
}

fn read_work(row: &mut Row) -> Result<Work, StoreError> {
    Ok(Work {
        subject: row.parsed()?,
        lane: Lane::read(row)?,
        version: row.int()?,
        due_at: row.moment()?,
        reasons: row.text()?.split('\n').map(str::to_owned).collect(),
        deaths: row.count()?,
        heard_at: row.moment_or_null()?,
    })
}

fn sorted<'a, T: 'a>(
    items: impl Iterator<Item = &'a T>,
    key: impl Fn(&T) -> &Subject,
) -> impl Iterator<Item = &'a T> {
    let mut items: Vec<&T> = items.collect();
    items.sort_by(|a, b| key(a).cmp(key(b)));
    items.into_iter()
}

fn one_line(reason: &str) -> String {
    // Nearly all are, and such a one is copied as a whole.
    if reason.len() <= REASON_LENGTH && !reason.contains(char::is_control) {
        return reason.to_owned();
    }
    reason
        .chars()
        .take(REASON_LENGTH)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
