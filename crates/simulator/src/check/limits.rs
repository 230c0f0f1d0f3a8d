//! The remotes' limits and our own: how fast requests leave, and how often one thing is tried.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Evidence, deal_of};
use crate::evidence::witness::{Created, Ordered, Write, writes};
use crate::machine::asked::{Command, commands, keyed_commands};
use crate::machine::network::{Remote, Seen, Told};

/// The portal's bucket: so many requests at once…
const BURST: f64 = 50.0;
/// …and so many more each second.
const DRAIN: f64 = 2.0;
/// So often may one thing be sent without a person.
const MOST_ATTEMPTS: usize = 8;
/// So many wishes of one deal, or orders of people, may each be tried so often.
const BODIES: usize = 4;
/// What one process was told of a method another has to know after this.
const TOLD_OTHERS: SignedDuration = SignedDuration::from_secs(5);

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

/// [I-12] In no stretch of t seconds more than fifty requests and two for each second. By a clock that was set an hour
/// forward the bucket has run dry: once for each time that somebody set it.
fn bucket(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let (mut level, mut before): (f64, Option<Timestamp>) = (0.0, None);
    let mut jumps = evidence.jumps.iter().peekable();
    let mut run_dry = 0_usize;
    for seen in to_portal(evidence) {
        while jumps.next_if(|jump| **jump <= seen.at).is_some() {
            run_dry = run_dry.saturating_add(1);
        }
        let passed = before.map_or(0.0, |before| seen.at.duration_since(before).as_secs_f64());
        level = (level - passed * DRAIN).max(0.0) + 1.0;
        before = Some(seen.at);
        if level <= BURST + 1.0 {
            continue;
        }
        if run_dry == 0 {
            wrong.push(format!(
                "[I-12] at {}: more requests left than the portal's bucket holds",
                seen.at
            ));
            return;
        }
        run_dry = run_dry.saturating_sub(1);
        level = 1.0;
    }
}

/// [I-12] One thing is sent a bounded number of times, and as often again for each order of a person to try it anew.
fn attempts(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let mut creations: BTreeMap<(String, &[u8]), usize> = BTreeMap::new();
    // Whatever it says each time; once more for each change of its deal, which is another wish.
    let mut of_slots: BTreeMap<String, usize> = BTreeMap::new();
    for sent in &evidence.seen {
        let Some(of) = Created::by(sent) else {
            continue;
        };
        // What a limit or a closed door answered is no attempt.
        if !matches!(
            sent.told,
            Told::Answer(429) | Told::Page(429) | Told::Refused
        ) {
            let count = creations.entry((of.words(), &sent.body)).or_default();
            *count = count.saturating_add(1);
            let of_slot = of_slots.entry(of.words()).or_default();
            *of_slot = of_slot.saturating_add(1);
            let most = MOST_ATTEMPTS.saturating_mul(BODIES);
            let most = most.saturating_add(changes(evidence, sent));
            if *of_slot == most.saturating_add(1) {
                wrong.push(format!("[I-12] {} was sent {of_slot} times", of.words()));
            }
        }
        let orders = orders(evidence, |order| of.is_ordered_by(order));
        let count = creations.get(&(of.words(), &*sent.body)).copied();
        too_often(&of.words(), count.unwrap_or(0), orders, wrong);
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    // Most requests only read, and what was answered to them need not be read again.
    for sent in to_portal(evidence).filter(|sent| writes(sent)) {
        for (command, fate) in fates(sent) {
            let Some(write) = Write::by(&command) else {
                continue;
            };
            let count = counts.entry(format!("{command:?}")).or_default();
            match fate {
                Fate::Clear => *count = 0,
                Fate::NotTaken => {}
                Fate::Unclear => *count = count.saturating_add(1),
            }
            let orders = orders(evidence, |order| write.is_ordered_by(order));
            too_often(&write.words, *count, orders, wrong);
        }
    }
}

/// How often people had changed the deal of a bill by the time that it was sent.
fn changes(evidence: &Evidence<'_>, sent: &Seen) -> usize {
    let deal = deal_of(&String::from_utf8_lossy(&sent.body));
    let known = deal.and_then(|deal| evidence.office.deals.get(&deal));
    let versions = known.map_or(&[][..], |known| &known.versions);
    let made = versions.iter().filter(|version| version.at <= sent.at);
    made.count()
}

/// How often people ordered that it be tried anew; who forgets how often it was begins to count anew as well.
fn orders(evidence: &Evidence<'_>, is_it: impl Fn(&Ordered) -> bool) -> usize {
    let forgot = usize::from(evidence.restored.is_some());
    let orders = evidence.retried.iter().filter(|order| is_it(order));
    orders.count().saturating_add(forgot)
}

fn too_often(what: &str, count: usize, orders: usize, wrong: &mut Vec<String>) {
    let most = MOST_ATTEMPTS.saturating_mul(orders.saturating_add(1));
    // Told once, when it is one too many.
    if count == most.saturating_add(1) {
        wrong.push(format!(
            "[I-12] {what} was sent {count} times, and a person ordered it anew {orders} times"
        ));
    }
}

/// What a process could know of a command that it sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Done, or understood and refused.
    Clear,
    /// A limit, an expired token or a closed door: no attempt.
    NotTaken,
    Unclear,
}

/// The commands of a request with their fates.
fn fates(sent: &Seen) -> Vec<(Command, Fate)> {
    let asked = keyed_commands(&sent.what, &sent.body);
    let of_all = match sent.told {
        Told::Answer(200) => None,
        // The number says it all, whatever became of the words.
        Told::Answer(status) | Told::Page(status) | Told::Spoilt(status) => Some(match status {
            401 | 429 | 503 => Fate::NotTaken,
            400..500 => Fate::Clear,
            _ => Fate::Unclear,
        }),
        Told::Refused => Some(Fate::NotTaken),
        Told::Nothing | Told::Cut => Some(Fate::Unclear),
    };
    let answer: Value = serde_json::from_slice(&sent.answer).unwrap_or_default();
    let fate = |key: &Option<String>| {
        let part = |name: &str| {
            let key = key.as_ref()?;
            answer.get("result")?.get(name)?.get(key)
        };
        let (error, done) = match key {
            None => (Some(&answer), answer.get("result")),
            Some(_) => (part("result_error"), part("result")),
        };
        let code = error.and_then(|error| error.get("error")?.as_str());
        match (code, done) {
            (
                Some(
                    "QUERY_LIMIT_EXCEEDED"
                    | "OPERATION_TIME_LIMIT"
                    | "OVERLOAD_LIMIT"
                    | "expired_token",
                ),
                _,
            ) => Fate::NotTaken,
            (Some(_), _) | (None, Some(_)) => Fate::Clear,
            (None, None) => Fate::Unclear,
        }
    };
    let with_fate = asked.into_iter().map(|(key, command)| {
        let fate = of_all.unwrap_or_else(|| fate(&key));
        (command, fate)
    });
    with_fate.collect()
}

/// [I-13] A method that used up its run time is not called before the moment that the portal named, by whatever process.
/// What was noted by a clock that somebody set is judged no more.
fn resting_methods(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.operating_limit_ms.is_none() {
        return;
    }
    let first_jump = evidence.jumps.first();
    let often = &evidence.weather.often;
    let unnoted = [
        often.disk_full,
        often.unknown_commit,
        often.killed_at_statement,
        often.killed_at_point,
    ];
    let all_are_told = unnoted.iter().all(Option::is_none) && evidence.restored.is_none();
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
        learn(
            seen,
            told_at,
            evidence.weather.skew.0,
            &mut resets,
            &mut rests,
        );
    }
    rests.retain(|(_, _, _, until)| first_jump.is_none_or(|jump| until < jump));
    // Whoever is gone right after it heard told nobody.
    let lived_on = |process: u64, from: Timestamp| {
        let mut later = to_portal(evidence).filter(|seen| seen.process == process);
        later.any(|seen| seen.at > from)
    };
    let rests = rests.into_iter().map(|rest| {
        let is_shared = all_are_told && lived_on(rest.0, rest.2);
        (rest, is_shared)
    });
    let rests: Vec<_> = rests.collect();
    for seen in to_portal(evidence) {
        let early = rests
            .iter()
            .filter(|((process, _, from, until), is_shared)| {
                let told = seen.process == *process && seen.at > *from
                    || *is_shared && seen.at.duration_since(*from) > TOLD_OTHERS;
                told && seen.at < *until
            });
        let early: Vec<(&str, Timestamp)> = early
            .map(|((_, method, _, until), _)| (method.as_str(), *until))
            .collect();
        if early.is_empty() {
            continue;
        }
        let asked = commands(&seen.what, &seen.body);
        let is_asked = |(method, _): &&(&str, Timestamp)| {
            let mut asked = asked.iter();
            asked.any(|command| command.method == *method)
        };
        if let Some((method, until)) = early.iter().find(is_asked) {
            wrong.push(format!(
                "[I-13] at {}: `{method}` was called though it rests until {until}",
                seen.at
            ));
            return;
        }
    }
}

fn learn(
    seen: &Seen,
    told_at: Timestamp,
    skew: i64,
    resets: &mut BTreeMap<(u64, String), Timestamp>,
    rests: &mut Vec<(u64, String, Timestamp, Timestamp)>,
) {
    let Ok(answer) = serde_json::from_slice::<Value>(&seen.answer) else {
        return;
    };
    let asked = keyed_commands(&seen.what, &seen.body);
    let reset_of = |time: &Value| {
        // By the portal's clock.
        let at = time.get("operating_reset_at").and_then(Value::as_i64)?;
        Timestamp::from_second(at.checked_sub(skew)?).ok()
    };
    let result = answer.get("result");
    let part = |name: &str| result.and_then(|result| result.get(name));
    let mut refused: Vec<String> = Vec::new();
    if seen.what != "batch" {
        if let Some(at) = answer.get("time").and_then(reset_of) {
            resets.insert((seen.process, seen.what.clone()), at);
        }
        if answer.get("error").and_then(Value::as_str) == Some("OPERATION_TIME_LIMIT") {
            refused.push(seen.what.clone());
        }
    }
    let keyed = asked
        .into_iter()
        .filter_map(|(key, command)| Some((key?, command.method)));
    for (key, method) in keyed {
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
