//! The remotes' limits and our own: how fast requests leave, and how often one thing is tried.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Evidence;
use super::bills::creations;
use crate::asked::commands;
use crate::network::{Remote, Seen, Told};

/// The portal's bucket: so many requests at once…
const BURST: f64 = 50.0;
/// …and so many more each second.
const DRAIN: f64 = 2.0;
/// So often may one bill be sent without a person.
const MOST_ATTEMPTS: usize = 8;
/// A person's order to try again counts anew, thrice in an evening.
const MOST_ORDERS: usize = 3;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    bucket(evidence, wrong);
    attempts(evidence, wrong);
    resting_methods(evidence, wrong);
}

fn to_portal<'a>(evidence: &'a Evidence<'_>) -> impl Iterator<Item = &'a Seen> {
    evidence
        .seen
        .iter()
        .filter(|seen| seen.remote == Remote::Portal && seen.what != "token")
}

/// [I-12] In no stretch of t seconds more than fifty requests and two for each second.
fn bucket(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    // By a clock that was set an hour forward the bucket has run dry.
    if evidence.weather.often.jump.is_some() {
        return;
    }
    let (mut level, mut before): (f64, Option<Timestamp>) = (0.0, None);
    for seen in to_portal(evidence) {
        let passed = before.map_or(0.0, |before| seen.at.duration_since(before).as_secs_f64());
        level = (level - passed * DRAIN).max(0.0) + 1.0;
        before = Some(seen.at);
        if level > BURST + 1.0 {
            wrong.push(format!(
                "[I-12] at {}: more requests left than the portal's bucket holds",
                seen.at
            ));
            return;
        }
    }
}

/// [I-12] One bill is sent a bounded number of times.
fn attempts(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for deal in evidence.office.deals.keys() {
        let mut by_mark: BTreeMap<String, usize> = BTreeMap::new();
        for sent in creations(evidence, *deal) {
            // What a limit or a closed door answered is no attempt.
            if matches!(
                sent.told,
                Told::Answer(429) | Told::Page(429) | Told::Refused
            ) {
                continue;
            }
            let body = String::from_utf8_lossy(&sent.body);
            let mark = body.split("/invoice/").nth(1).unwrap_or_default();
            let slot: String = mark.chars().take_while(|sign| *sign != ']').collect();
            let count = by_mark.entry(slot).or_default();
            *count = count.saturating_add(1);
        }
        for (slot, count) in by_mark {
            if count > MOST_ATTEMPTS * (1 + MOST_ORDERS) {
                wrong.push(format!("[I-12] deal {deal}, {slot}: sent {count} times"));
            }
        }
    }
}

/// [I-13] A method that used up its run time is not called before the moment that the portal named.
fn resting_methods(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.operating_limit_ms.is_none()
        || evidence.weather.skew.0 != 0
        || evidence.weather.often.jump.is_some()
    {
        return;
    }
    let mut told: Vec<&Seen> = to_portal(evidence)
        .filter(|seen| matches!(seen.told, Told::Answer(_)) && seen.told_at.is_some())
        .collect();
    told.sort_by_key(|seen| seen.told_at);
    // By process: what each was told of a method's rest, and when.
    let mut rests: Vec<(u64, String, Timestamp, Timestamp)> = Vec::new();
    let mut resets: BTreeMap<(u64, String), Timestamp> = BTreeMap::new();
    for seen in told {
        let Some(told_at) = seen.told_at else {
            continue;
        };
        learn(seen, told_at, &mut resets, &mut rests);
    }
    for seen in to_portal(evidence) {
        let asked = commands(&seen.what, &seen.body);
        for (process, method, from, until) in &rests {
            let is_early = seen.process == *process && seen.at > *from && seen.at < *until;
            if is_early && asked.iter().any(|command| command.method == *method) {
                wrong.push(format!(
                    "[I-13] at {}: `{method}` was called though it rests until {until}",
                    seen.at
                ));
                return;
            }
        }
    }
}

fn learn(
    seen: &Seen,
    told_at: Timestamp,
    resets: &mut BTreeMap<(u64, String), Timestamp>,
    rests: &mut Vec<(u64, String, Timestamp, Timestamp)>,
) {
    let Ok(answer) = serde_json::from_slice::<Value>(&seen.answer) else {
        return;
    };
    let keys = batch_keys(seen);
    let reset_of = |time: &Value| {
        let at = time.get("operating_reset_at").and_then(Value::as_i64)?;
        Timestamp::from_second(at).ok()
    };
    let result = answer.get("result");
    let part = |name: &str| result.and_then(|result| result.get(name));
    let mut refused: Vec<String> = Vec::new();
    if keys.is_empty() {
        if let Some(at) = answer.get("time").and_then(reset_of) {
            resets.insert((seen.process, seen.what.clone()), at);
        }
        if answer.get("error").and_then(Value::as_str) == Some("OPERATION_TIME_LIMIT") {
            refused.push(seen.what.clone());
        }
    }
    for (key, method) in keys {
        let time = part("result_time").and_then(|times| times.get(&key));
        if let Some(at) = time.and_then(reset_of) {
            resets.insert((seen.process, method.clone()), at);
        }
        let error = part("result_error").and_then(|errors| errors.get(&key));
        let code = error.and_then(|error| error.get("error"));
        if code.and_then(Value::as_str) == Some("OPERATION_TIME_LIMIT") {
            refused.push(method);
        }
    }
    for method in refused {
        if let Some(until) = resets.get(&(seen.process, method.clone()))
            && *until > told_at
        {
            let slack = SignedDuration::from_secs(1);
            let until = until.checked_sub(slack).unwrap_or(*until);
            // What had left already could not know.
            rests.push((seen.process, method, told_at, until));
        }
    }
}

/// The keys of a batch with the methods behind them.
fn batch_keys(seen: &Seen) -> Vec<(String, String)> {
    if seen.what != "batch" {
        return Vec::new();
    }
    let Ok(whole) = serde_json::from_slice::<Value>(&seen.body) else {
        return Vec::new();
    };
    let commands = whole.get("cmd").and_then(Value::as_object);
    let commands = commands.into_iter().flatten();
    commands
        .filter_map(|(key, line)| {
            let method = line.as_str()?.split('?').next()?;
            Some((key.clone(), method.to_owned()))
        })
        .collect()
}
