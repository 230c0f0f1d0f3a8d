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
    let renewals: Vec<&Seen> = on_portal(evidence, "token")
        .filter(|seen| memmem::find(&seen.body, b"refresh_token").is_some())
        .collect();
    let is_told = |seen: &&Seen| memmem::find(&seen.answer, b"expired_token").is_some();
    let told: Vec<&Seen> = evidence.seen.iter().filter(is_told).collect();
    for renewal in unasked(&renewals, &told) {
        let installs = evidence.portal.entries().any(|entry| {
            matches!(&entry.what, What::EventCreated { event, .. } if event == "ONAPPINSTALL")
                && renewal.at.duration_since(entry.at).abs() < INSTALLING
        });
        if !installs {
            wrong.push(format!(
                "[I-14] at {}: process {} renewed its tokens, and nobody had said that they expired",
                renewal.at, renewal.process
            ));
        }
    }
}

/// Renewals by a process that was not told of expired tokens since it got its last ones. One that repeats another, because
/// its answer was lost, has the same token to show.
fn unasked<'a>(renewals: &[&'a Seen], told: &[&Seen]) -> Vec<&'a Seen> {
    let mut unasked = Vec::new();
    for (place, renewal) in renewals.iter().enumerate() {
        let former = renewals.iter().take(place);
        let former: Vec<&&Seen> = former
            .filter(|former| former.process == renewal.process)
            .collect();
        let given = former.iter().filter(|one| one.told == Told::Answer(200));
        let given = given.filter_map(|one| one.told_at).max();
        let is_repetition = former.iter().any(|one| one.body == renewal.body);
        let was_told = told.iter().any(|seen| {
            seen.process == renewal.process
                && seen
                    .told_at
                    .is_some_and(|at| at <= renewal.at && given.is_none_or(|given| at > given))
        });
        if !was_told && !is_repetition {
            unasked.push(*renewal);
        }
    }
    unasked
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::{SignedDuration, Timestamp};

    use super::unasked;
    use crate::network::{Remote, Seen, Told};

    fn answered(second: i64, process: u64, body: &'static str) -> Seen {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        Seen {
            at,
            tenant: 0,
            process,
            remote: Remote::Portal,
            what: String::new(),
            body: Bytes::from_static(body.as_bytes()),
            key: None,
            told: Told::Answer(200),
            told_at: Some(at + SignedDuration::from_secs(1)),
            answer: Bytes::new(),
        }
    }

    #[test]
    fn a_pair_is_asked_for_only_after_the_last_one_was_said_to_have_expired() {
        // When which process was told; when each of the process 1 was renewed, and with what.
        for (told, renewals, expected) in [
            (vec![(0, 1)], vec![(2, "r1")], vec![]),
            (vec![], vec![(2, "r1")], vec![2]),
            (vec![(0, 2)], vec![(2, "r1")], vec![2]),
            (vec![(0, 1)], vec![(2, "r1"), (3_000, "r2")], vec![3_000]),
            (vec![(0, 1), (9, 1)], vec![(2, "r1"), (11, "r2")], vec![]),
            (vec![(0, 1)], vec![(2, "r1"), (8, "r1")], vec![]),
        ] {
            let told: Vec<Seen> = told.iter().map(|(at, by)| answered(*at, *by, "")).collect();
            let renewed = renewals.iter().map(|(at, token)| answered(*at, 1, *token));
            let renewed: Vec<Seen> = renewed.collect();
            let (told, renewed): (Vec<&Seen>, Vec<&Seen>) =
                (told.iter().collect(), renewed.iter().collect());
            let found = unasked(&renewed, &told);
            let found: Vec<i64> = found.iter().map(|seen| seen.at.as_second()).collect();
            assert_eq!(found, expected, "{renewals:?}");
        }
    }
}
