//! What left on the wire: no creation beside one whose outcome is unknown, no limit overrun, bounded repetition.

use emulator_bitrix24::{Told as Answered, What};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Evidence;
use super::bills::creations;
use crate::chance::weather::ACCOUNTING_QUIET;
use crate::machine::network::{Seen, Told};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for deal in evidence.office.deals.keys() {
        let sent: Vec<&Seen> = creations(evidence, *deal).collect();
        quiet_time(evidence, *deal, &sent, wrong);
    }
    unrefused(evidence, wrong);
    if evidence.weather.calm {
        let refused = evidence.portal.limit_refusals();
        if refused > 0 {
            wrong.push(format!(
                "[I-12] the portal's limits refused {refused} of our requests on a calm day"
            ));
        }
    }
    let early = evidence
        .seen
        .iter()
        .filter(|seen| seen.at < evidence.start)
        .count();
    if early > 0 {
        wrong.push(format!("{early} requests before the beginning"));
    }
}

/// [I-12] The portal's bucket refuses at most one of a thousand of our requests on a day with troubles, unless somebody
/// else empties it, or our machine's clock says that it ran dry.
fn unrefused(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.often.neighbour.is_some() || !evidence.jumps.is_empty() {
        return;
    }
    let count = |is: &dyn Fn(&What) -> bool| {
        let entries = evidence.portal.entries();
        entries.filter(|entry| is(&entry.what)).count()
    };
    let refused = count(&|what| {
        let code = match what {
            What::LimitRefused { code, .. } => code,
            _ => return false,
        };
        code == "QUERY_LIMIT_EXCEEDED"
    });
    // Some of these answers are a fault that this day has, and no truth about the bucket.
    let played = count(&|what| {
        let answer = match what {
            What::Request { answer, .. } => answer,
            _ => return false,
        };
        matches!(answer, Answered::Fault { kind } if kind == "Limit")
    });
    let (refused, asked) = (refused.saturating_sub(played), evidence.portal.requests());
    if refused.saturating_mul(1_000) > asked {
        wrong.push(format!(
            "[I-12] the portal's bucket refused {refused} of our {asked} requests"
        ));
    }
}

/// [I-2] No creation is sent while a former one may still take effect. One that has taken effect, answered or not, cannot
/// do so again. Where the key is honoured it may be sent again with the same one, and nothing else.
fn quiet_time(evidence: &Evidence<'_>, deal: i64, sent: &[&Seen], wrong: &mut Vec<String>) {
    let quiet = SignedDuration::try_from(ACCOUNTING_QUIET).unwrap_or(SignedDuration::MAX);
    for (place, later) in sent.iter().enumerate() {
        for former in sent.iter().take(place) {
            let known = match former.told {
                Told::Answer(429) | Told::Page(429) | Told::Refused => true,
                Told::Answer(status) => (200..500).contains(&status),
                // What the remote refused does not land later, whatever became of its words.
                Told::Spoilt(status) => (400..500).contains(&status),
                Told::Nothing | Told::Page(_) | Told::Cut => false,
            };
            let known = known && former.told_at.is_some_and(|at| at <= later.at);
            let is_over = known || is_made(evidence, former, later.at);
            // Whoever honours the key makes one bill of both, whichever comes first.
            let is_same = later.key == former.key;
            let is_repetition = evidence.weather.idempotency_key && later.key.is_some() && is_same;
            if !is_over && !is_repetition && later.at.duration_since(former.at) < quiet {
                wrong.push(format!(
                    "[I-2] deal {deal}: a bill was sent at {} and again at {}",
                    former.at, later.at
                ));
            }
        }
    }
}

/// Whether the bill that was asked for was there by then.
fn is_made(evidence: &Evidence<'_>, asked: &Seen, by: Timestamp) -> bool {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let Some(comment) = body.get("comment").and_then(Value::as_str) else {
        return false;
    };
    // The moments of bills go by the accounting side's clock.
    let skew = SignedDuration::from_secs(evidence.weather.skew.1);
    let mut histories = evidence
        .accounting
        .organizations
        .values()
        .flat_map(|own| &own.bill_versions);
    histories.any(|history| {
        history.first().is_some_and(|made| {
            let at = made.meta.changed_at;
            let at = at.checked_sub(skew).unwrap_or(at);
            made.comment.as_deref() == Some(comment) && asked.at <= at && at <= by
        })
    })
}
