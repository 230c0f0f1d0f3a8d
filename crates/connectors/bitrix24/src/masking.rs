//! What the journal keeps of our requests and the portal's answers: ids, stages, sums, times, codes.
//!
//! An allow-list: a key that is not named here is kept by its kind only. Names, titles, requisites of
//! people, texts, files, tokens and addresses are never named.

use capability::mask::{keep, keep_open};
use serde_json::{Map, Value, json};

use crate::command::Command;
use crate::error::scrubbed;

/// Keys whose values are neither secret nor personal, in any method that we call.
const OPEN: &[&str] = &[
    // Addressing of records.
    "id",
    "entityTypeId",
    "entity_type_id",
    "entity_id",
    "entity_type",
    "ownerId",
    "ownerType",
    "owner_id",
    "ownerTypeId",
    "companyId",
    "contactId",
    "requisite_id",
    "bank_detail_id",
    "mc_requisite_id",
    "mc_bank_detail_id",
    "preset_id",
    "assignedById",
    "updatedBy",
    "type_id",
    "user_id",
    "dialog_id",
    "first_id",
    "last_id",
    // The life of a deal.
    "categoryId",
    "category_id",
    "stageId",
    "stage_id",
    "status_id",
    "stageSemanticId",
    "stage_semantic_id",
    "semantics",
    "closed",
    "opportunity",
    "isManualOpportunity",
    "currencyId",
    "createdTime",
    "created_time",
    "updatedTime",
    "date_modify",
    "date_create",
    "sort",
    "isMyCompany",
    "address_only",
    // Product rows without names.
    "price",
    "priceExclusive",
    "quantity",
    "taxRate",
    "taxIncluded",
    "measureCode",
    // What we asked with.
    "@id",
    ">id",
    "=ownerType",
    "=ownerId",
    "@ownerId",
    "@owner_id",
    "@entity_id",
    "=entity_type_id",
    "=entity_id",
    "@type_id",
    "@stage_id",
    ">=updatedTime",
    ">=date_modify",
    ">=date_create",
    ">=created_time",
    "!process_id",
    "=categoryId",
    "=isMyCompany",
    "select",
    "order",
    "start",
    "limit",
    "clear",
    "error",
    "full",
    "useOriginalUfNames",
    "code",
    "event",
    "event_type",
    "event_name",
    "process_id",
    "message_id",
    "auth_connector",
    "tag",
    "client_id",
    "user_type_id",
    "field_name",
    "xml_id",
    "timestamp_x",
    "offline",
    "minTimeout",
    // Answers that are one scalar or a list of words.
    "result",
    "value",
    "total",
    "next",
    "installed",
    "status",
    "license_family",
    "admin",
    "name_of_feature",
];

/// The masked parameters of one method.
pub(crate) fn params(command: &Command) -> Value {
    keep(&command.params, OPEN)
}

/// The masked commands of a batch.
pub(crate) fn commands<'a>(commands: impl Iterator<Item = (&'a str, &'a Command)>) -> Value {
    let cmd: Map<String, Value> = commands
        .map(|(key, command)| {
            (
                key.to_owned(),
                json!({"method": command.method, "params": params(command)}),
            )
        })
        .collect();
    json!({ "cmd": cmd })
}

/// The masked `result` of one method: a scalar or a list of words is kept.
pub(crate) fn result(method: &str, value: &Value) -> Value {
    match method {
        // Hundreds of field descriptions that tell nothing about what happened.
        "crm.item.fields" | "crm.deal.userfield.list" | "events" => "<list>".into(),
        _ => keep_open(value, OPEN),
    }
}

/// A refusal: its code, and its words without what may be personal.
pub(crate) fn refusal(value: &Value) -> Value {
    let words = value
        .get("error_description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    json!({
        "error": value.get("error").cloned().unwrap_or_default(),
        "error_description": scrubbed(words),
    })
}

#[cfg(test)]
mod tests {
    use super::{params, result};
    use crate::command::Command;
    use serde_json::json;

    #[test]
    fn people_and_secrets_do_not_reach_the_journal() {
        let command = Command::new(
            "crm.timeline.comment.update",
            json!({"id": 7, "fields": {"COMMENT": "Счёт для Иванова", "FILES": [["счёт.pdf", "JVBERi0="]]}, "auth": "s6p6"}),
        );
        let kept = params(&command).to_string();
        for secret in ["Иванова", "JVBERi0", "s6p6", "счёт"] {
            assert!(!kept.contains(secret), "{kept}");
        }
        let row =
            json!([{"ID": "5", "RQ_INN": "500100732259", "RQ_LAST_NAME": "Иванов", "SORT": "500"}]);
        assert_eq!(
            result("crm.requisite.list", &row),
            json!([{"ID": "5", "RQ_INN": "<text>", "RQ_LAST_NAME": "<text>", "SORT": "500"}])
        );
        assert_eq!(result("crm.timeline.comment.add", &json!(999)), json!(999));
    }
}
