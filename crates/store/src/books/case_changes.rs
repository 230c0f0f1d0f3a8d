//! How cases change: asked, withdrawn, answered, told of. What is asked and withdrawn together is read and written
//! together: a statement asks about a hundred payments of a thousand.
//!
//! Not here: what a case is, and which are open (`cases`).

use std::collections::{BTreeMap, BTreeSet};

use domain::{PortalId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    books::{
        cases::{Case, CaseFacts, get},
        told::{ChatMessage, ToldIn},
    },
    error::StoreError,
    mechanics::work::{self, Lane, Look},
    sql::statements,
    subject::{Subject, key_set},
    tx::Tx,
    value::{Value, json_text, params},
};

/// Whom a question is for, among its particulars: whoever told somebody else told him nothing.
pub const WHOM: &str = "whom";

/// What becomes of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CaseChange {
    /// Asked. If it is open already: nothing where the question is the same, else the new one replaces it.
    Open(CaseFacts),
    /// No longer a question. Nothing if it is not open.
    Withdraw {
        /// What it was about.
        subject: Subject,
        /// Its key.
        key: String,
    },
    /// Answered. Nothing if it is not open.
    Answer {
        /// Its number.
        id: i64,
        /// What was said.
        answer: serde_json::Value,
        /// By whom.
        by: String,
    },
    /// Somebody was told.
    Told {
        /// Its number.
        id: i64,
        /// When.
        at: Timestamp,
        /// In which message of a chat, where there is one.
        message: Option<ChatMessage>,
    },
    /// The same where its number is not known yet. Nothing if it is not open, or changed after the message was sent.
    ToldOf {
        /// What it is about.
        subject: Subject,
        /// Its key.
        key: String,
        /// When the message was sent: it says what the question was then.
        sent_at: Timestamp,
        /// When.
        at: Timestamp,
        /// In which message; none: in one that no later one takes the place of.
        within: Option<ToldIn>,
    },
    /// Whoever was told by a bell is not there any more: of what is open nobody was told, reminders apart.
    Unheard(UserId),
    /// A message of this id can be edited no more: what is told later stands in another.
    Unedited(String),
}

statements! {
    /// By what they are about: by the state alone SQLite would read all open ones.
    FIND_OPEN =
        "SELECT id, subject, key, code, cause, facts, text, waits_for FROM office_case
         WHERE portal_id = $1 AND subject IN keys($2) AND state || '' = 'open' ORDER BY id /*pg FOR UPDATE */";
    OPEN =
        "INSERT INTO office_case (portal_id, subject, key, code, cause, facts, text, waits_for, state, opened_at, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $9)";
    /// Who was told of the same text knows it, and nobody else does. A message lists what has one cause.
    REPLACE =
        "UPDATE office_case SET code = $3, cause = $4, facts = $5, text = $6, waits_for = $7,
             changed_at = CASE WHEN text = $9 THEN changed_at ELSE $8 END,
             told_to = CASE WHEN text = $6 THEN told_to END,
             told_dialog = CASE WHEN cause = $4 THEN told_dialog END,
             told_message = CASE WHEN cause = $4 THEN told_message END
         WHERE portal_id = $1 AND id = $2 AND state = 'open'";
    WITHDRAW =
        "UPDATE office_case SET state = 'withdrawn', closed_at = $3
         WHERE portal_id = $1 AND id = $2 AND state = 'open'";
    ANSWER =
        "UPDATE office_case SET state = 'answered', closed_at = $3, answer = $4, answered_by = $5
         WHERE portal_id = $1 AND id = $2 AND state = 'open'";
    TOLD =
        "UPDATE office_case SET told_at = $3, told_dialog = $4, told_message = $5 WHERE portal_id = $1 AND id = $2";
    TOLD_OF =
        "UPDATE office_case SET told_at = $4, told_to = $5, told_list = $6, told_dialog = $8, told_message = $9
         WHERE portal_id = $1 AND subject = $2 AND key = $3 AND state = 'open' AND changed_at <= $7";
    UNHEARD =
        "UPDATE office_case SET told_at = NULL, told_to = NULL, told_list = NULL
         WHERE portal_id = $1 AND state = 'open' AND told_to = $2
             AND key NOT IN ('INVOICE-OVERDUE', 'INVOICE-LONG-OVERDUE')";
    UNEDITED =
        "UPDATE office_case SET told_dialog = NULL, told_message = NULL
         WHERE portal_id = $1 AND state = 'open' AND told_message = $2";
    /// By what it is about: whoever opens many does not ask for the number of each.
    WAIT =
        "INSERT INTO case_waits_for (portal_id, record, case_id)
         SELECT portal_id, CAST($4 AS TEXT), id FROM office_case
         WHERE portal_id = $1 AND subject = $2 AND key = $3 AND state = 'open'
         ON CONFLICT (portal_id, record, case_id) DO NOTHING";
    WAIT_NO_MORE =
        "DELETE FROM case_waits_for WHERE case_id IN (SELECT id FROM office_case WHERE portal_id = $1 AND id = $2)";
}

/// Applies changes in order. Those that open and withdraw are read and written together as far as each is about another
/// question: a statement asks about a hundred payments of a thousand.
pub(crate) async fn apply(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    changes: &[CaseChange],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut rest = changes;
    while let Some(first) = rest.first() {
        let mut about = BTreeSet::new();
        let together = rest
            .iter()
            .take_while(|change| change.about().is_some_and(|one| about.insert(one)));
        let together = together.count();
        if together == 0 {
            apply_one(tx, portal, first, now).await?;
        } else {
            let (group, _) = rest.split_at(together);
            apply_together(tx, portal, group, now).await?;
        }
        rest = rest.get(together.max(1)..).unwrap_or_default();
    }
    Ok(())
}

/// The same word may mean something else once the question is another: only what was seen is answered.
pub(super) async fn answer_seen(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    seen: &Case,
    change: &CaseChange,
    now: Timestamp,
) -> Result<Option<Case>, StoreError> {
    if !is_asked(tx, portal, seen).await? {
        return Ok(None);
    }
    answer_and_look(tx, portal, seen.id, change, None, now).await
}

/// Whether it is open, and asks what was seen.
pub(super) async fn is_asked(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    seen: &Case,
) -> Result<bool, StoreError> {
    let about = [&seen.facts.subject].into_iter();
    let mut open = find_open(tx, portal, about).await?;
    let asked = open.remove(&(seen.facts.subject.clone(), seen.facts.key.clone()));
    Ok(asked.is_some_and(|(id, facts)| id == seen.id && facts.facts == seen.facts.facts))
}

/// Answers a case and looks at its subject again at once, because of `reason`; gives the case as it is then.
pub(crate) async fn answer_and_look(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    id: i64,
    change: &CaseChange,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Option<Case>, StoreError> {
    if !apply_one(tx, portal, change, now).await? {
        return Ok(None);
    }
    let answered = get(tx, portal, id).await?;
    if let Some(case) = &answered {
        let look = Look {
            subject: case.facts.subject.clone(),
            lane: Lane::Click,
            due_at: now,
            reason: reason.map_or_else(
                || format!("case {} answered", case.facts.code),
                str::to_owned,
            ),
        };
        work::enqueue(tx, portal, &[look]).await?;
    }
    Ok(answered)
}

/// Open questions by what they are about, with their numbers.
type Open = BTreeMap<(Subject, String), (i64, CaseFacts)>;

impl CaseChange {
    /// Which question is asked or withdrawn.
    fn about(&self) -> Option<(&Subject, &str)> {
        match self {
            CaseChange::Open(facts) => Some((&facts.subject, &facts.key)),
            CaseChange::Withdraw { subject, key } => Some((subject, key)),
            CaseChange::Answer { .. }
            | CaseChange::Told { .. }
            | CaseChange::ToldOf { .. }
            | CaseChange::Unheard(_)
            | CaseChange::Unedited(_) => None,
        }
    }
}

/// True: something changed.
async fn apply_one(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    change: &CaseChange,
    now: Timestamp,
) -> Result<bool, StoreError> {
    match change {
        CaseChange::Open(_) | CaseChange::Withdraw { .. } => {
            apply_together(tx, portal, std::slice::from_ref(change), now).await
        }
        CaseChange::Answer { id, answer, by } => {
            let answered = tx
                .execute(&ANSWER, &params![portal, *id, now, answer, by])
                .await?
                > 0;
            if answered {
                tx.execute(&WAIT_NO_MORE, &params![portal, *id]).await?;
            }
            Ok(answered)
        }
        CaseChange::Told { id, at, message } => {
            let dialog = message.as_ref().map(|one| one.dialog.as_str());
            let message = message.as_ref().map(|one| one.id.as_str());
            let told = params![portal, *id, *at, dialog, message];
            Ok(tx.execute(&TOLD, &told).await? > 0)
        }
        CaseChange::ToldOf {
            subject,
            key,
            sent_at,
            at,
            within,
        } => {
            let bell = within.as_ref().and_then(ToldIn::bell);
            let chat = within.as_ref().and_then(ToldIn::chat);
            let user = bell.and_then(|(user, _)| i64::try_from(user.0).ok());
            let list = bell.map(|(_, list)| list);
            let dialog = chat.map(|one| one.dialog.as_str());
            let message = chat.map(|one| one.id.as_str());
            let told = params![
                portal, subject, key, *at, user, list, *sent_at, dialog, message
            ];
            Ok(tx.execute(&TOLD_OF, &told).await? > 0)
        }
        CaseChange::Unheard(user) => {
            let user = i64::try_from(user.0).unwrap_or(i64::MAX);
            Ok(tx.execute(&UNHEARD, &params![portal, user]).await? > 0)
        }
        CaseChange::Unedited(id) => Ok(tx.execute(&UNEDITED, &params![portal, id]).await? > 0),
    }
}

/// What opening and withdrawing writes.
#[derive(Default)]
struct Rows {
    withdrawn: Vec<Vec<Value>>,
    replaced: Vec<Vec<Value>>,
    opened: Vec<Vec<Value>>,
    wait_no_more: Vec<Vec<Value>>,
    waits: Vec<Vec<Value>>,
}

/// Opens and withdraws, each about another question. True: something changed.
async fn apply_together(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    changes: &[CaseChange],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let subjects = changes.iter().filter_map(CaseChange::about);
    let open = find_open(tx, portal, subjects.map(|(subject, _)| subject)).await?;
    let mut rows = Rows::default();
    for change in changes {
        let about = change.about();
        let about = about.map(|(subject, key)| (subject.clone(), key.to_owned()));
        let open = about.and_then(|about| open.get(&about));
        match (change, open) {
            (CaseChange::Open(facts), Some((_, open))) if open == facts => {}
            (CaseChange::Open(facts), open) => {
                rows.ask(portal, facts, open, now);
            }
            (_, Some((id, _))) => {
                rows.withdrawn.push(params![portal, *id, now].to_vec());
                rows.wait_no_more.push(params![portal, *id].to_vec());
            }
            (_, None) => {}
        }
    }
    let is_changed = [&rows.withdrawn, &rows.replaced, &rows.opened]
        .iter()
        .any(|rows| !rows.is_empty());
    tx.execute_each(&WITHDRAW, &rows.withdrawn).await?;
    tx.execute_each(&REPLACE, &rows.replaced).await?;
    tx.execute_each(&WAIT_NO_MORE, &rows.wait_no_more).await?;
    tx.execute_each(&OPEN, &rows.opened).await?;
    tx.execute_each(&WAIT, &rows.waits).await?;
    Ok(is_changed)
}

impl Rows {
    /// The question is new, or takes the place of the open one.
    fn ask(
        &mut self,
        portal: &PortalId,
        facts: &CaseFacts,
        open: Option<&(i64, CaseFacts)>,
        now: Timestamp,
    ) {
        let CaseFacts {
            code,
            cause,
            key,
            subject,
            facts: particulars,
            text,
            waits_for,
        } = facts;
        let waits = json_text(waits_for);
        match open {
            Some((id, open)) => {
                let known = Some(text).filter(|_| !is_for_another(&open.facts, particulars));
                let known = known.map(String::as_str);
                let row = params![
                    portal,
                    *id,
                    code,
                    cause,
                    particulars,
                    text,
                    waits,
                    now,
                    known
                ];
                self.replaced.push(row.to_vec());
                self.wait_no_more.push(params![portal, *id].to_vec());
            }
            None => {
                let row = params![
                    portal,
                    subject,
                    key,
                    code,
                    cause,
                    particulars,
                    text,
                    waits,
                    now
                ];
                self.opened.push(row.to_vec());
            }
        }
        let records = waits_for.iter();
        let waits = records.map(|record| params![portal, subject, key, record].to_vec());
        self.waits.extend(waits);
    }
}

/// Whether both say whom the question is for, and not the same.
fn is_for_another(before: &serde_json::Value, now: &serde_json::Value) -> bool {
    let whom = before.get(WHOM).zip(now.get(WHOM));
    whom.is_some_and(|(before, now)| before != now)
}

async fn find_open(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    subjects: impl Iterator<Item = &Subject>,
) -> Result<Open, StoreError> {
    let subjects: Vec<Subject> = subjects.cloned().collect();
    let ask = params![portal, key_set(&subjects)];
    let open = tx.list(&FIND_OPEN, &ask, |row| {
        let (id, subject, key): (_, Subject, _) = (row.int()?, row.parsed()?, row.text()?);
        let about = (subject.clone(), key.clone());
        let facts = CaseFacts {
            code: row.text()?,
            cause: row.text()?,
            key,
            subject,
            facts: row.json()?,
            text: row.text()?,
            waits_for: row.json()?,
        };
        Ok((about, (id, facts)))
    });
    Ok(open.await?.into_iter().collect())
}
