//! How the portal was let in and its queue was read: one renewal at a time, nothing deleted by reading it.

use memchr::memmem;
use serde_json::Value;

use super::Evidence;
use crate::machine::network::{Remote, Seen, Told};

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
    let asked: Vec<&Seen> = on_portal(evidence, "token").collect();
    let is_told = |seen: &&Seen| memmem::find(&seen.answer, b"expired_token").is_some();
    let told: Vec<&Seen> = evidence.seen.iter().filter(is_told).collect();
    for renewal in unasked(&renewals(&asked), &told) {
        wrong.push(format!(
            "[I-14] at {}: process {} renewed its tokens, and nobody had said that they expired",
            renewal.at, renewal.process
        ));
    }
}

/// Those that show what the token server has given. An installation is proved by what its own event brought.
fn renewals<'a>(asked: &[&'a Seen]) -> Vec<&'a Seen> {
    let was_given = |token: &[u8]| {
        let mut answers = asked.iter().map(|seen| &seen.answer);
        answers.any(|answer| memmem::find(answer, token).is_some())
    };
    let is_renewal = |seen: &&Seen| shown(seen).is_some_and(was_given);
    asked.iter().copied().filter(is_renewal).collect()
}

/// The token that is to be renewed.
fn shown(seen: &Seen) -> Option<&[u8]> {
    let name = b"&refresh_token=";
    let from = memmem::find(&seen.body, name)?.saturating_add(name.len());
    let token = seen.body.get(from..)?.split(|byte| *byte == b'&').next()?;
    (!token.is_empty()).then_some(token)
}

/// Renewals by a process that was not told of expired tokens since it got its last ones. One that repeats another, because
/// its answer was lost, has the same token to show.
fn unasked<'a>(renewals: &[&'a Seen], told: &[&Seen]) -> Vec<&'a Seen> {
    let mut unasked = Vec::new();
    for (place, renewal) in renewals.iter().enumerate() {
        let former: Vec<&&Seen> = renewals
            .iter()
            .take(place)
            .filter(|former| former.process == renewal.process)
            .collect();
        let given = former.iter().filter(|one| one.told == Told::Answer(200));
        let given = given.filter_map(|one| one.told_at).max();
        let is_repetition = former.iter().any(|one| one.body == renewal.body);
        let was_told = told.iter().any(|seen| {
            seen.process == renewal.process
                && seen
                    .told_at
                    .is_some_and(|at| at <= renewal.at && given.is_none_or(|given| at >= given))
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

    use super::{renewals, unasked};
    use crate::machine::network::{Remote, Seen, Told};

    /// Asked for at this second and answered a second later.
    fn answered(second: i64, process: u64, body: String, answer: &'static str) -> Seen {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        Seen {
            at,
            tenant: 0,
            process,
            remote: Remote::Portal,
            what: String::new(),
            body: Bytes::from(body),
            key: None,
            told: Told::Answer(200),
            told_at: Some(at + SignedDuration::from_secs(1)),
            answer: Bytes::from_static(answer.as_bytes()),
        }
    }

    fn seconds(seen: &[&Seen]) -> Vec<i64> {
        seen.iter().map(|one| one.at.as_second()).collect()
    }

    #[test]
    fn a_pair_is_asked_for_only_after_the_last_one_was_said_to_have_expired() {
        // When which process was told; when each of the process 1 was renewed, and with what.
        for (told, renewed, expected) in [
            (vec![(0, 1)], vec![(2, "r1")], vec![]),
            (vec![], vec![(2, "r1")], vec![2]),
            (vec![(0, 2)], vec![(2, "r1")], vec![2]),
            (vec![(0, 1)], vec![(2, "r1"), (3_000, "r2")], vec![3_000]),
            (vec![(0, 1), (9, 1)], vec![(2, "r1"), (11, "r2")], vec![]),
            (vec![(0, 1)], vec![(2, "r1"), (8, "r1")], vec![]),
        ] {
            let told = told.iter();
            let told: Vec<Seen> = told
                .map(|(at, process)| answered(*at, *process, String::new(), ""))
                .collect();
            let all = renewed.iter();
            let all: Vec<Seen> = all
                .map(|(at, token)| answered(*at, 1, (*token).to_owned(), ""))
                .collect();
            let told: Vec<&Seen> = told.iter().collect();
            let all: Vec<&Seen> = all.iter().collect();
            assert_eq!(seconds(&unasked(&all, &told)), expected, "{renewed:?}");
        }
    }

    #[test]
    fn what_an_event_of_installation_brought_is_proved_and_not_renewed() {
        let body = |token: &str| {
            format!("grant_type=refresh_token&client_id=app&client_secret=s&refresh_token={token}")
        };
        let asked = [
            answered(0, 1, body("e0"), r#"{"refresh_token":"r1"}"#),
            answered(5, 1, body("r1"), r#"{"refresh_token":"r2"}"#),
            answered(9, 2, body("e5"), r#"{"refresh_token":"r6"}"#),
            answered(12, 1, body("r6"), ""),
            answered(15, 1, body(""), ""),
        ];
        let asked: Vec<&Seen> = asked.iter().collect();
        assert_eq!(seconds(&renewals(&asked)), [5, 12]);
    }
}
