//! A person's order to try again what was refused or given up: the answer to the case that asked for it.
//!
//! Case, effect, journal and the next look change together or not at all. What may have happened is never sent
//! again by an order: it is settled first. Not here: which cases may be answered so (`cli`).

use domain::PortalId;
use jiff::Timestamp;
use serde_json::json;

use crate::{
    books::{
        case_changes::{self, CaseChange},
        cases::{self, Case, CaseState},
    },
    error::StoreError,
    mechanics::{
        effect_changes::{self, MayHaveHappened},
        journal::{self, JournalEntry},
    },
    store::Store,
    tx::Tx,
};

/// What became of the order.
#[derive(Clone, Debug, PartialEq)]
pub enum Retried {
    /// The case is answered, its effect may be sent again, and its subject is due in the click lane.
    Ordered(Box<Case>),
    /// There is no such case, or it is closed. Nothing was changed.
    NotOpen,
    /// It is about something else than what was seen. Nothing was changed.
    Changed,
    /// Its effect was sent and its outcome is not known yet. Nothing was changed.
    MayHaveHappened,
}

impl Store {
    /// Orders, in the name of `by`, that what a case is about be tried again, where it is still asked as it was seen. The
    /// effect is the one whose key stands as `effect` in the case's facts; a case without one is about a reading, and a
    /// look is enough.
    pub async fn case_retry(
        &self,
        portal: &PortalId,
        seen: &Case,
        by: &str,
        now: Timestamp,
    ) -> Result<Retried, StoreError> {
        let args = (portal.clone(), seen.clone(), by.to_owned(), now);
        let retried = self
            .write(args, |tx, (portal, seen, by, now)| {
                Box::pin(retry(tx, portal, seen, by, *now))
            })
            .await?;
        if matches!(retried, Retried::Ordered(_)) {
            self.ring();
        }
        Ok(retried)
    }
}

async fn retry(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    seen: &Case,
    by: &str,
    now: Timestamp,
) -> Result<Retried, StoreError> {
    let id = seen.id;
    let case = cases::get(tx, portal, id).await?;
    let Some(case) = case.filter(|case| case.state == CaseState::Open) else {
        return Ok(Retried::NotOpen);
    };
    if case.facts.facts != seen.facts.facts {
        return Ok(Retried::Changed);
    }
    let effect = case.facts.facts.get("effect").and_then(|key| key.as_str());
    if let Some(key) = effect {
        let reason = format!("{by} ordered it to be tried again");
        let reopened = effect_changes::reopen(tx, portal, key, &reason, now).await?;
        if let Err(MayHaveHappened) = reopened {
            return Ok(Retried::MayHaveHappened);
        }
    }
    let change = CaseChange::Answer {
        id,
        answer: json!({"retry": true}),
        by: by.to_owned(),
    };
    let reason = format!("person ordered a retry: case {id}");
    let answered =
        case_changes::answer_and_look(tx, portal, id, &change, Some(&reason), now).await?;
    let Some(answered) = answered else {
        return Ok(Retried::NotOpen);
    };
    let line = JournalEntry {
        at: now,
        subject: Some(answered.facts.subject.clone()),
        kind: "person".to_owned(),
        body: json!({"retry": effect, "case": id, "code": answered.facts.code, "by": by}),
    };
    journal::park(tx, portal, &line).await?;
    Ok(Retried::Ordered(Box::new(answered)))
}
