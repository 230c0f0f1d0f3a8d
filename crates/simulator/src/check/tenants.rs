//! [I-15] Tenants do not see one another: nothing of the neighbour turns up on our remotes or in our records.

use emulator_bitrix24::What;
use serde_json::Value;

use super::Evidence;
use crate::neighbour::CANARY;

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
        if String::from_utf8_lossy(&request.body).contains(CANARY) {
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

fn tells(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(CANARY),
        Value::Array(items) => items.iter().any(tells),
        Value::Object(fields) => fields.values().any(tells),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
