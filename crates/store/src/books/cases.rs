//! Cases: questions that only a person can answer, each open at most once per subject and key.
//!
//! A case names the records it waits for; an event of one of them looks at its subject again. Asking the same
//! thing twice changes nothing, so nobody is told twice. Not here: how they change (`case_changes`), how people are told
//! (`reconciler`).

use std::str::FromStr;

use domain::{PortalId, UserId};
use jiff::Timestamp;
use planted::Bug;
use serde::{Deserialize, Serialize};

use crate::{
    books::case_changes::{CaseChange, answer_seen},
    error::StoreError,
    sql::{Sql, statements},
    store::Store,
    subject::{Subject, key_set},
    tx::Tx,
    value::{Row, Value, params},
};

/// A question and its facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseFacts {
    /// What kind, e.g. `DEAL-DATA-MISSING`; `docs/errors/` has a page for each.
    pub code: String,
    /// Groups cases that one answer or one mending settles.
    pub cause: String,
    /// At most one case of a subject with this key is open.
    pub key: String,
    /// What it is about.
    pub subject: Subject,
    /// The particulars, for programs.
    pub facts: serde_json::Value,
    /// The question, for people, in Russian.
    pub text: String,
    /// The records whose change may settle it.
    pub waits_for: Vec<Subject>,
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// Somebody must act.
    Open,
    /// Somebody answered.
    Answered,
    /// It settled itself.
    Withdrawn,
}

/// A stored case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its number in this installation.
    pub id: i64,
    /// The question.
    pub facts: CaseFacts,
    /// Where it stands.
    pub state: CaseState,
    /// The answer, once there is one.
    pub answer: Option<serde_json::Value>,
    /// Who answered.
    pub answered_by: Option<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When its facts changed last: people were told of them only if `told_at` is not before this.
    pub changed_at: Timestamp,
    /// When it was answered or withdrawn.
    pub closed_at: Option<Timestamp>,
    /// When somebody was told last.
    pub told_at: Option<Timestamp>,
    /// Who was told of just this text, whomever it is for by now; none: nobody, or the administrator.
    pub told_to: Option<UserId>,
}

statements! {
    WAITERS =
        "SELECT c.subject, min(w.record) FROM case_waits_for w JOIN office_case c ON c.id = w.case_id
         WHERE w.portal_id = $1 AND c.portal_id = $1 AND w.record IN keys($2)
         GROUP BY c.subject ORDER BY c.subject";
    /// Open ones, and those answered: an answer is of use to the planner for as long as the subject lives. Of a reminder
    /// that settled itself it is known for which days somebody heard it.
    OF_SUBJECTS =
        "SELECT id, subject, key, code, cause, facts, text, waits_for, state, answer, answered_by, opened_at,
                changed_at, closed_at, told_at, told_to
         FROM office_case WHERE portal_id = $1 AND subject IN keys($2)
             AND (state IN ('open', 'answered') OR state = 'withdrawn'
                 AND key IN ('INVOICE-OVERDUE', 'INVOICE-LONG-OVERDUE') AND told_at >= changed_at)
         ORDER BY id";
    SINCE =
        "SELECT id, subject, key, code, cause, facts, text, waits_for, state, answer, answered_by, opened_at,
                changed_at, closed_at, told_at, told_to
         FROM office_case WHERE portal_id = $1 AND subject = $2 AND id > $3 AND state || '' IN ('open', 'answered')
         ORDER BY id";
    OPEN_CASES =
        "SELECT id, subject, key, code, cause, facts, text, waits_for, state, answer, answered_by, opened_at,
                changed_at, closed_at, told_at, told_to
         FROM office_case WHERE portal_id = $1 AND state = 'open' AND id > $2
             AND ($3 = '' OR code = $3) AND ($4 = '' OR cause = $4) ORDER BY id LIMIT $5";
    NEWEST_CASES =
        "SELECT id, subject, key, code, cause, facts, text, waits_for, state, answer, answered_by, opened_at,
                changed_at, closed_at, told_at, told_to
         FROM office_case WHERE portal_id = $1 AND state = 'open' AND id < $2
             AND ($3 = '' OR code = $3) AND code <> $4 ORDER BY id DESC LIMIT $5";
    GET =
        "SELECT id, subject, key, code, cause, facts, text, waits_for, state, answer, answered_by, opened_at,
                changed_at, closed_at, told_at, told_to
         FROM office_case WHERE portal_id = $1 AND id = $2";
}

/// Which open cases to read, oldest first.
#[derive(Clone, Debug, Default)]
pub struct CaseFilter {
    /// Only of this code.
    pub code: Option<String>,
    /// Only of this cause.
    pub cause: Option<String>,
    /// Only with a greater number: for reading on.
    pub after: i64,
    /// At most so many; 0 means 1000.
    pub limit: usize,
}

/// One page of open cases, the newest first.
#[derive(Clone, Debug)]
pub struct CasePage {
    /// Only of this code.
    pub code: Option<String>,
    /// None of this code.
    pub but: String,
    /// Only with a smaller number: for reading on.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: usize,
}

impl Store {
    /// Open cases of a portal.
    pub async fn cases_open(
        &self,
        portal: &PortalId,
        filter: &CaseFilter,
    ) -> Result<Vec<Case>, StoreError> {
        self.read((portal.clone(), filter.clone()), |tx, (portal, filter)| {
            Box::pin(async move {
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                let limit = if filter.limit == 0 {
                    1000
                } else {
                    filter.limit
                };
                let ask = params![
                    portal,
                    filter.after,
                    text(&filter.code),
                    text(&filter.cause),
                    limit
                ];
                tx.list(&OPEN_CASES, &ask, read_case).await
            })
        })
        .await
    }

    /// Cases about a subject that are open or answered, with a greater number than `after`, oldest first: for whoever
    /// remembers the answers that he read.
    pub async fn cases_since(
        &self,
        portal: &PortalId,
        subject: &Subject,
        after: i64,
    ) -> Result<Vec<Case>, StoreError> {
        let args = (portal.clone(), subject.clone(), after);
        self.read(args, |tx, (portal, subject, after)| {
            Box::pin(async move {
                let ask = params![portal, subject, *after];
                tx.list(&SINCE, &ask, read_case).await
            })
        })
        .await
    }

    /// Open cases of a portal, as people read them.
    pub async fn cases_newest(
        &self,
        portal: &PortalId,
        page: &CasePage,
    ) -> Result<Vec<Case>, StoreError> {
        self.read((portal.clone(), page.clone()), |tx, (portal, page)| {
            Box::pin(async move {
                let ask = params![
                    portal,
                    page.before.unwrap_or(i64::MAX),
                    page.code.clone().unwrap_or_default(),
                    page.but.clone(),
                    page.limit
                ];
                tx.list(&NEWEST_CASES, &ask, read_case).await
            })
        })
        .await
    }

    /// One case by its number.
    pub async fn case_get(&self, portal: &PortalId, id: i64) -> Result<Option<Case>, StoreError> {
        self.read((portal.clone(), id), |tx, (portal, id)| {
            Box::pin(get(tx, portal, *id))
        })
        .await
    }

    /// A person's answer, from those who hold no lease. The subject is looked at again at once. False: it is no
    /// longer open.
    pub async fn case_answer(
        &self,
        portal: &PortalId,
        seen: &Case,
        answer: &serde_json::Value,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let change = CaseChange::Answer {
            id: seen.id,
            answer: answer.clone(),
            by: by.to_owned(),
        };
        let answered = self
            .write(
                (portal.clone(), seen.clone(), change, now),
                |tx, (portal, seen, change, now)| {
                    Box::pin(answer_seen(tx, portal, seen, change, *now))
                },
            )
            .await?;
        self.ring();
        Ok(answered.is_some())
    }
}

impl CaseState {
    /// The stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            CaseState::Open => "open",
            CaseState::Answered => "answered",
            CaseState::Withdrawn => "withdrawn",
        }
    }
}

impl FromStr for CaseState {
    type Err = String;

    fn from_str(text: &str) -> Result<CaseState, String> {
        [CaseState::Open, CaseState::Answered, CaseState::Withdrawn]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("unknown case state `{text}`"))
    }
}

/// Cases of these subjects that a planner needs.
pub(crate) async fn of_subjects(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    subjects: &Value,
) -> Result<Vec<Case>, StoreError> {
    // Deals of two portals have the same numbers: a query without its portal would answer with both.
    let of_subjects = if planted::is(Bug::TenantFilterMissing) {
        &OF_SUBJECTS_OF_ANY_PORTAL
    } else {
        &OF_SUBJECTS
    };
    tx.list(of_subjects, &params![portal, subjects.clone()], read_case)
        .await
}

/// Asked by the hunt for planted bugs alone.
static OF_SUBJECTS_OF_ANY_PORTAL: Sql = Sql::new(
    "OF_SUBJECTS_OF_ANY_PORTAL",
    "SELECT id, subject, key, code, cause, facts, text, waits_for, state, answer, answered_by, opened_at,
            changed_at, closed_at, told_at, told_to
     FROM office_case WHERE $1 <> '' AND subject IN keys($2) AND state IN ('open', 'answered')
     ORDER BY id",
);

/// The subjects that wait for one of these records, each with one record it waits for.
pub(crate) async fn waiters(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    records: &[Subject],
) -> Result<Vec<(Subject, Subject)>, StoreError> {
    let ask = params![portal, key_set(records)];
    tx.list(&WAITERS, &ask, |row| Ok((row.parsed()?, row.parsed()?)))
        .await
}

/// One case by its number.
pub(crate) async fn get(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    id: i64,
) -> Result<Option<Case>, StoreError> {
    tx.first(&GET, &params![portal, id], read_case).await
}

fn read_case(row: &mut Row) -> Result<Case, StoreError> {
    let (id, subject, key) = (row.int()?, row.parsed()?, row.text()?);
    let facts = CaseFacts {
        code: row.text()?,
        cause: row.text()?,
        key,
        subject,
        facts: row.json()?,
        text: row.text()?,
        waits_for: row.json()?,
    };
    Ok(Case {
        id,
        facts,
        state: row.parsed()?,
        answer: row.json_or_null()?,
        answered_by: row.text_or_null()?,
        opened_at: row.moment()?,
        changed_at: row.moment()?,
        closed_at: row.moment_or_null()?,
        told_at: row.moment_or_null()?,
        told_to: row
            .int_or_null()?
            .and_then(|user| u64::try_from(user).ok())
            .map(UserId),
    })
}
