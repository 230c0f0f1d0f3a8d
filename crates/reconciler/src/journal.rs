//! The journal's lines as the reconciler writes them, and the little that is common to all looks.

use capability::{Call, ConnectorError, Exchange};
use domain::Verdict;
use engine::{Halted, LeaseContext};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use store::{CaseChange, JournalEntry, Lane, Record, Settled, Subject, Work};

use crate::access;

/// One exchange; with a subject when it concerned just one.
pub(crate) fn exchange(exchange: Exchange, subjects: &[Subject]) -> JournalEntry {
    let mut exchange = exchange;
    let at = exchange.at;
    // Most of it is what was asked and answered: that is moved and not copied.
    let request = std::mem::take(&mut exchange.request);
    let response = std::mem::take(&mut exchange.response);
    let mut body = serde_json::to_value(&exchange).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut body {
        fields.insert("request".to_owned(), request);
        fields.insert("response".to_owned(), response);
    }
    let subject = match subjects {
        [only] => Some(only.clone()),
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            if let Value::Object(fields) = &mut body {
                fields.insert("subjects".to_owned(), names.into());
            }
            None
        }
    };
    JournalEntry {
        at,
        subject,
        kind: "exchange".to_owned(),
        body,
    }
}

/// All that a call exchanged.
pub(crate) fn exchanges(call: &Call<'_>, subjects: &[Subject]) -> Vec<JournalEntry> {
    call.take_exchanges()
        .into_iter()
        .map(|one| exchange(one, subjects))
        .collect()
}

/// A line about one subject.
pub(crate) fn line(at: Timestamp, subject: &Subject, kind: &str, body: Value) -> JournalEntry {
    JournalEntry {
        at,
        subject: Some(subject.clone()),
        kind: kind.to_owned(),
        body,
    }
}

/// A read failed for all subjects of a pass: what was exchanged is journaled, and the pass ends.
pub(crate) async fn halt(
    ctx: &LeaseContext,
    journal: Vec<JournalEntry>,
    error: &ConnectorError,
) -> Halted {
    halt_with(ctx, journal, error, access::lost(error)).await
}

/// The same for a task of the portal itself. What repeating does not mend becomes a question at once: nobody else
/// would notice that the task stands still.
pub(crate) async fn halt_task(
    ctx: &LeaseContext,
    journal: Vec<JournalEntry>,
    error: &ConnectorError,
    task: &str,
) -> Halted {
    let case = access::lost(error).or_else(|| access::misunderstood(error, task));
    halt_with(ctx, journal, error, case).await
}

async fn halt_with(
    ctx: &LeaseContext,
    journal: Vec<JournalEntry>,
    error: &ConnectorError,
    case: Option<CaseChange>,
) -> Halted {
    let mut journal = journal;
    journal.push(JournalEntry {
        at: ctx.now(),
        subject: None,
        kind: "decision".to_owned(),
        body: json!({"halted": error.to_string()}),
    });
    let record = Record {
        journal,
        cases: case.into_iter().collect(),
        ..Record::default()
    };
    if let Err(halted) = ctx.record(record).await {
        return halted;
    }
    Halted::Remote {
        reason: error.to_string(),
        again_at: match error.verdict {
            Verdict::Retry { after: Some(pause) } => SignedDuration::try_from(pause)
                .ok()
                .and_then(|pause| ctx.now().checked_add(pause).ok()),
            Verdict::Retry { after: None }
            | Verdict::Verify
            | Verdict::Reauthorize
            | Verdict::Reject
            | Verdict::Defect => None,
        },
    }
}

/// Settles a look whose next one is at a moment.
pub(crate) fn settled_until(work: Work, at: Timestamp, lane: Lane, reason: &str) -> Settled {
    Settled {
        work,
        next: Some((at, lane, reason.to_owned())),
    }
}

pub(crate) fn after(moment: Timestamp, seconds: i64) -> Timestamp {
    moment
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}
