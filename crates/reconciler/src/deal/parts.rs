//! Reading many deals of which one cannot be read: the others go on, and that one alone becomes a question.
//!
//! The portal refuses a request, or answers it in a way that we do not understand, for all deals of the request;
//! which of them is at fault shows by asking for halves. Not here: what will pass by itself (a limit, a broken
//! connection) and lost access: those hold for the whole pass.

use std::collections::BTreeSet;

use capability::ConnectorError;
use domain::{DealId, Verdict};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use store::Record;

use super::{Looked, earlier, tell};
use crate::journal;

/// So many deals that fail one by one while none is read: then it is no deal's fault, and the rest is not asked for.
const MOST_IN_VAIN: usize = 3;
/// Begins the reason of a look at a deal that could not be read; how often in a row follows.
const NOT_READ: &str = "the portal could not tell of it, times ";
/// Seconds until the second look at such a deal; each further one is twice as far away.
const FIRST_PAUSE: i64 = 60;
/// Seconds between looks at the most.
const LONGEST_PAUSE: i64 = 3_600;

/// A deal of which the portal cannot tell us.
pub(crate) struct Unreadable {
    pub(crate) deal: DealId,
    pub(crate) error: ConnectorError,
    /// Of which reading.
    reading: &'static str,
    /// Others could be read by the same request: it is the deal, and not the portal.
    alone: bool,
}

/// What of a reading could be had.
pub(crate) struct Parts<T> {
    pub(crate) read: Vec<T>,
    pub(crate) unreadable: Vec<Unreadable>,
}

impl<T> Parts<T> {
    /// Those of `ids` of which the answers tell, if only by leaving them out.
    pub(crate) fn asked(&self, ids: &[DealId]) -> BTreeSet<DealId> {
        let mut asked: BTreeSet<DealId> = ids.iter().copied().collect();
        for one in &self.unreadable {
            asked.remove(&one.deal);
        }
        asked
    }
}

/// Reads `ids` in one go, or in as many parts as it takes to leave out those that cannot be read.
///
/// # Errors
/// What does not lie with the deals that were asked for.
pub(crate) async fn in_parts<'a, T>(
    reading: &'static str,
    ids: &[DealId],
    read: impl Fn(Vec<DealId>) -> BoxFuture<'a, Result<T, ConnectorError>>,
) -> Result<Parts<T>, ConnectorError> {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    let mut waiting = Vec::new();
    if !ids.is_empty() {
        waiting.push(ids.to_vec());
    }
    while let Some(mut part) = waiting.pop() {
        let error = match read(part.clone()).await {
            Ok(answer) => {
                done.push(answer);
                continue;
            }
            Err(error) if !is_about_what_was_asked(&error) => return Err(error),
            Err(error) => error,
        };
        if let [only] = part.as_slice() {
            failed.push((*only, error.clone()));
            if done.is_empty() && failed.len() >= MOST_IN_VAIN {
                let rest = waiting.drain(..).flatten();
                failed.extend(rest.map(|deal| (deal, error.clone())));
            }
        } else {
            let rest = part.split_off(part.len() / 2);
            waiting.extend([rest, part]);
        }
    }
    let alone = !done.is_empty();
    let unreadable = failed.into_iter().map(|(deal, error)| Unreadable {
        deal,
        error,
        reading,
        alone,
    });
    Ok(Parts {
        unreadable: unreadable.collect(),
        read: done,
    })
}

/// The deal's look ends; the next one is ever later. A person is asked once it is surely the deal, or again and again.
pub(crate) fn leave_aside(
    deal: &mut Looked,
    unreadable: &Unreadable,
    now: Timestamp,
    record: &mut Record,
) {
    let times = put_off(deal, now);
    if unreadable.alone || times > 1 {
        tell::unreadable(deal.id, unreadable.reading, &unreadable.error, record);
    }
}

/// The deal's look ends; the next one is ever later. Returns how many in a row ended so.
pub(crate) fn put_off(deal: &mut Looked, now: Timestamp) -> u32 {
    let reasons = deal.work.reasons.iter();
    let before = reasons.filter_map(|reason| reason.strip_prefix(NOT_READ)?.parse::<u32>().ok());
    let times = before.max().unwrap_or(0).saturating_add(1);
    let doublings = times.saturating_sub(1).min(16);
    let pause = FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE);
    let next = (journal::after(now, pause), format!("{NOT_READ}{times}"));
    deal.again = earlier(deal.again.take(), Some(next));
    deal.finished = true;
    times
}

/// Whether another request, about other deals, may fare better.
fn is_about_what_was_asked(error: &ConnectorError) -> bool {
    match error.verdict {
        Verdict::Reject | Verdict::Defect => true,
        Verdict::Retry { .. } | Verdict::Verify | Verdict::Reauthorize => false,
    }
}
