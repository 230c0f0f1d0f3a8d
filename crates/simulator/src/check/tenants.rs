//! [I-15] Tenants do not see one another: nothing of the neighbour turns up on our remotes or in our records.

use emulator_bitrix24::What;
use memchr::memmem;
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::Evidence;
use crate::offices::neighbour::CANARY;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for entry in evidence.portal.entries() {
        if matches!(&entry.what, What::Write { arguments, .. } if tells(arguments)) {
            wrong.push(format!(
                "[I-15] something of another tenant was written to the portal at {}",
                entry.at
            ));
        }
    }
    for request in &evidence.seen {
        if is_told_in(&request.body) {
            wrong.push(format!(
                "[I-15] something of another tenant left at {}: {}",
                request.at, request.what
            ));
        }
    }
    let ours = evidence.cases.iter();
    for case in ours.filter(|case| case.facts.text.contains(CANARY)) {
        wrong.push(format!(
            "[I-15] a question of another tenant is asked about {}",
            case.facts.subject
        ));
    }
    let (before, after) = &evidence.neighbour;
    if before != after {
        wrong.push(format!(
            "[I-15] the other tenant was touched: it had {before:?} and has {after:?}"
        ));
    }
}

/// As it stands, or as the commands of a batch write it.
fn is_told_in(body: &[u8]) -> bool {
    let in_batch: String = byte_serialize(CANARY.as_bytes()).collect();
    let mut ways = [CANARY, &in_batch].into_iter();
    ways.any(|way| memmem::find(body, way.as_bytes()).is_some())
}

fn tells(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(CANARY),
        Value::Array(items) => items.iter().any(tells),
        Value::Object(fields) => fields.values().any(tells),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_anothers_is_found_alone_and_within_a_batch() {
        for (body, expected) in [
            (format!(r#"{{"MESSAGE":"о «{CANARY}»"}}"#), true),
            (
                r#"{"cmd":{"a":"im.message.add?MESSAGE=%D0%A7%D0%A3%D0%96%D0%9E%D0%95-7f3a"}}"#
                    .to_owned(),
                true,
            ),
            (
                r#"{"cmd":{"a":"im.message.add?MESSAGE=7f3a"}}"#.to_owned(),
                false,
            ),
        ] {
            assert_eq!(is_told_in(body.as_bytes()), expected, "{body}");
        }
    }
}
