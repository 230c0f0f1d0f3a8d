//! [flood] Of invoices that nobody ordered no more leave at one time than go without a question.

use jiff::{SignedDuration, Timestamp};

use super::bills::creations;
use super::{Evidence, slot_of};

/// What begins in one minute may leave in the next, beside what begins then, and so twice as many leave at one time as
/// begin in a minute; what began in the minute before those has left by then or begins anew.
const AT_ONE_TIME: SignedDuration = SignedDuration::from_secs(20);
/// After an answer that lets all go as many begin as if nothing had gone before.
const AFTER_ANSWER: SignedDuration = SignedDuration::from_mins(2);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let limit = usize::try_from(evidence.weather.ask_above).unwrap_or(usize::MAX);
    // By a clock that jumps nobody knows what a minute is, and what is forgotten with a backup begins anew.
    if limit == 0 || !evidence.jumps.is_empty() || evidence.restored.is_some() {
        return;
    }
    let most = limit.saturating_mul(2);
    let left = unordered(evidence);
    for (first, last) in left.iter().zip(left.iter().skip(most)) {
        let is_at_once = last.duration_since(*first) < AT_ONE_TIME;
        if is_at_once && !is_answered_near(evidence, *first, *last) {
            wrong.push(format!(
                "[flood] more than {most} invoices that nobody ordered left from {first} to {last}"
            ));
        }
    }
}

/// When the first invoices left that no person had a hand in, in order.
fn unordered(evidence: &Evidence<'_>) -> Vec<Timestamp> {
    let mut left: Vec<Timestamp> = Vec::new();
    for (id, deal) in evidence.office.deals.iter().filter(|(_, one)| !one.ordered) {
        let firsts = creations(evidence, *id)
            .filter(|seen| slot_of(&String::from_utf8_lossy(&seen.body)) == Some(("whole", 1)));
        let first = firsts.map(|seen| seen.at).min();
        left.extend(first.filter(|at| deal.let_go.is_none_or(|let_go| *at < let_go)));
    }
    left.sort_unstable();
    left
}

/// Whether the administrator let all go between two moments, or shortly before.
fn is_answered_near(evidence: &Evidence<'_>, first: Timestamp, last: Timestamp) -> bool {
    let mut answers = evidence
        .office
        .deals
        .values()
        .filter_map(|deal| deal.let_go);
    answers.any(|at| at <= last && first.duration_since(at) < AFTER_ANSWER)
}
