//! [I-16] Nothing secret and nobody's personal details in what we keep and log; [I-15] nothing of another tenant either.

use memchr::memmem;

use super::Evidence;
use crate::office;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let others: Vec<String> = (0..evidence.weather.tenants)
        .filter(|place| *place != evidence.place)
        .map(office::canary)
        .collect();
    let mut judge = |whence: &str, text: &str| {
        if is_secret(text, evidence.secrets) {
            wrong.push(format!("[I-16] a secret or a person stands in {whence}"));
        }
        if others.iter().any(|other| holds(text, other)) {
            wrong.push(format!("[I-15] another tenant stands in {whence}"));
        }
    };
    for line in &evidence.lines {
        let whence = format!("line {} of the journal, `{}`", line.seq, line.entry.kind);
        judge(&whence, &line.entry.body.to_string());
    }
    for case in &evidence.cases {
        let facts = &case.facts;
        let whence = format!("the question {} about {}", facts.code, facts.subject);
        judge(&whence, &facts.text);
        judge(&whence, &facts.cause);
        judge(&whence, &facts.facts.to_string());
    }
    judge("the figures", &evidence.figures);
}

/// What must not be logged, in the log of all tenants: there no taxpayer's number may stand either.
pub(crate) fn in_logs(lines: &[String], secrets: &[String], inns: &[String]) -> Vec<String> {
    let tells = |line: &&String| {
        let of_person = inns.iter().any(|inn| holds(line, inn));
        of_person || is_secret(line, secrets)
    };
    lines
        .iter()
        .find(tells)
        .map(|line| format!("[I-16] a secret or a person stands in the log: {line}"))
        .into_iter()
        .collect()
}

fn is_secret(text: &str, secrets: &[String]) -> bool {
    holds(text, office::CANARY) || secrets.iter().any(|secret| holds(text, secret))
}

fn holds(text: &str, part: &str) -> bool {
    memmem::find(text.as_bytes(), part.as_bytes()).is_some()
}
