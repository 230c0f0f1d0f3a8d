//! How the portal was let in and its queue was read: one renewal at a time, nothing deleted by reading it.

use emulator_bitrix24::What;
use jiff::SignedDuration;
use memchr::memmem;
use serde_json::Value;

use super::Evidence;
use crate::network::{Remote, Seen, Told};

/// An installation is proved by a renewal; its event may come so late.
const INSTALLING: SignedDuration = SignedDuration::from_mins(20);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    one_renewal_at_a_time(evidence, wrong);
    renewed_when_expired(evidence, wrong);
    queue_is_reserved(evidence, wrong);
}

fn on_portal<'a>(evidence: &'a Evidence<'_>, what: &'a str) -> impl Iterator<Item = &'a Seen> {
    evidence
        .seen
        .iter()
        .filter(move |seen| seen.remote == Remote::Portal && seen.what == what)
}

/// [I-14] While a process waits for new tokens it asks for no others. Two processes that overlap may both ask.
fn one_renewal_at_a_time(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let renewals: Vec<&Seen> = on_portal(evidence, "token").collect();
    for (place, former) in renewals.iter().enumerate() {
        // One that got no answer was given up at a moment that nobody saw.
        let Some(told_at) = former.told_at.filter(|_| former.told != Told::Nothing) else {
            continue;
        };
        let beside = renewals
            .iter()
            .skip(place.saturating_add(1))
            .filter(|other| other.process == former.process)
            .find(|other| other.at < told_at);
        if let Some(beside) = beside {
            wrong.push(format!(
                "[I-14] process {} renewed its tokens at {}, and process {} at {}, before the answer",
                former.process, former.at, beside.process, beside.at
            ));
        }
    }
}

/// [I-14] Tokens are renewed once somebody said that they expired, never on a timer.
fn renewed_when_expired(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let renewals = on_portal(evidence, "token")
        .filter(|seen| memmem::find(&seen.body, b"refresh_token").is_some());
    for renewal in renewals {
        let is_told = |seen: &Seen| {
            seen.process == renewal.process
                && seen.told_at.is_some_and(|at| at <= renewal.at)
                && (memmem::find(&seen.answer, b"expired_token").is_some() || seen.what == "token")
        };
        let was_told = evidence.seen.iter().any(is_told);
        let installs = evidence.portal.entries().any(|entry| {
            matches!(&entry.what, What::EventCreated { event, .. } if event == "ONAPPINSTALL")
                && renewal.at.duration_since(entry.at).abs() < INSTALLING
        });
        if !was_told && !installs {
            wrong.push(format!(
                "[I-14] at {}: process {} renewed its tokens, and nobody had said that they expired",
                renewal.at, renewal.process
            ));
        }
    }
}

/// [R31] The vendor's queue is never read in the way that deletes what is read.
fn queue_is_reserved(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let deleting: Vec<&Seen> = on_portal(evidence, "event.offline.get")
        .filter(|seen| {
            let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
            body.get("clear").and_then(Value::as_i64) != Some(0)
        })
        .collect();
    if let Some(first) = deleting.first() {
        wrong.push(format!(
            "[R31] the queue was read without `clear=0` {} times, first at {}",
            deleting.len(),
            first.at
        ));
    }
}
