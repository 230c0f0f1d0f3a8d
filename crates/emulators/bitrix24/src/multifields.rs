//! Phones, e-mails and the like: several values of one record, each with its own id.

use serde_json::{Value, json};

use crate::state::{State, Table};
use crate::value::{Map, int_of, members, text_of};

/// Applies what was written under `fm`, or under `PHONE`/`EMAIL`/… of the older methods, to the
/// present values: keys that are no number add, a known id changes, an empty value removes.
pub(crate) fn merge(
    state: &mut State,
    before: Option<Value>,
    name: &str,
    written: &Value,
) -> Value {
    let mut values = match before {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    };
    let old_family = !name.eq_ignore_ascii_case("fm");
    let entries: Vec<(Option<String>, &Value)> = match written {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (Some(key.clone()), value))
            .collect(),
        other => members(other)
            .into_iter()
            .map(|value| (None, value))
            .collect(),
    };
    for (key, entry) in entries {
        let Value::Object(entry) = entry else {
            continue;
        };
        let id = part(entry, "id")
            .and_then(int_of)
            .or_else(|| key.and_then(|key| key.parse().ok()));
        let type_id = part(entry, "typeId").map_or_else(
            || {
                if old_family {
                    name.to_owned()
                } else {
                    String::new()
                }
            },
            text_of,
        );
        let value = part(entry, "value").map(text_of).unwrap_or_default();
        let value_type = part(entry, "valueType").map_or_else(|| "WORK".to_owned(), text_of);
        let known = values
            .iter()
            .position(|present| id.is_some() && present.get("id").and_then(int_of) == id);
        match known {
            Some(at) if value.is_empty() => {
                values.remove(at);
            }
            Some(at) => {
                if let Some(Value::Object(present)) = values.get_mut(at) {
                    present.insert("value".into(), value.into());
                    present.insert("valueType".into(), value_type.into());
                }
            }
            None if !value.is_empty() && !type_id.is_empty() => {
                let id = state.system.next_multifield_id();
                values.push(
                    json!({"id": id, "valueType": value_type, "value": value, "typeId": type_id}),
                );
            }
            None => {}
        }
    }
    Value::Array(values)
}

fn part<'a>(entry: &'a Map, name: &str) -> Option<&'a Value> {
    let upper = match name {
        "id" => "ID",
        "typeId" => "TYPE_ID",
        "valueType" => "VALUE_TYPE",
        _ => "VALUE",
    };
    entry.get(name).or_else(|| entry.get(upper))
}

pub(crate) fn mark_presence(record: &mut Map) {
    let has = |record: &Map, wanted: &str| {
        let values = record.get("FM").map(members).unwrap_or_default();
        let is_there = values
            .iter()
            .any(|value| value.get("typeId").is_some_and(|id| id == wanted));
        Value::from(if is_there { "Y" } else { "N" })
    };
    for (flag, wanted) in [("HAS_PHONE", "PHONE"), ("HAS_EMAIL", "EMAIL")] {
        if record.contains_key(flag) {
            let value = has(record, wanted);
            record.insert(flag.into(), value);
        }
    }
}

/// `fm` of an item's answer.
pub(crate) fn as_items(record: &Map) -> Value {
    record.get("FM").cloned().unwrap_or_else(|| json!([]))
}

/// One kind of them in the older family's form.
pub(crate) fn as_old(record: &Map, type_id: &str) -> Vec<Value> {
    let values = record.get("FM").map(members).unwrap_or_default();
    values
        .into_iter()
        .filter(|value| value.get("typeId").is_some_and(|id| id == type_id))
        .map(|value| {
            json!({
                "ID": value.get("id").map(text_of),
                "VALUE_TYPE": value.get("valueType"),
                "VALUE": value.get("value"),
                "TYPE_ID": type_id,
            })
        })
        .collect()
}

/// `phone`, `email` and their typed aliases beside `fm`.
pub(crate) fn aliases(record: &Map) -> Vec<(String, Value)> {
    let values = record.get("FM").map(members).unwrap_or_default();
    let first = |type_id: &str, value_type: Option<&str>| {
        let found = values.iter().find(|value| {
            value.get("typeId").is_some_and(|id| id == type_id)
                && value_type
                    .is_none_or(|wanted| value.get("valueType").is_some_and(|own| own == wanted))
        });
        found
            .and_then(|value| value.get("value"))
            .cloned()
            .unwrap_or_else(|| "".into())
    };
    let mut all = Vec::new();
    for (alias, type_id) in [("email", "EMAIL"), ("phone", "PHONE")] {
        for (suffix, value_type) in [
            ("Home", "HOME"),
            ("Work", "WORK"),
            ("Mobile", "MOBILE"),
            ("Mailing", "MAILING"),
        ] {
            if alias == "phone" && suffix == "Home" || alias == "email" && suffix == "Mobile" {
                continue;
            }
            all.push((format!("{alias}{suffix}"), first(type_id, Some(value_type))));
        }
        all.push((alias.to_owned(), first(type_id, None)));
    }
    all
}

/// `crm.duplicate.findbycomm`: ids of those who have one of the values.
pub(crate) fn owners_of(
    state: &State,
    entity_type_id: i64,
    type_id: &str,
    wanted: &[String],
) -> Vec<i64> {
    let plain = |text: &str| -> String {
        if type_id == "PHONE" {
            text.chars().filter(char::is_ascii_digit).collect()
        } else {
            text.trim().to_lowercase()
        }
    };
    let wanted: Vec<String> = wanted.iter().map(|value| plain(value)).collect();
    let has_one = |record: &Map| {
        as_old(record, type_id).iter().any(|value| {
            value
                .get("VALUE")
                .is_some_and(|value| wanted.contains(&plain(&text_of(value))))
        })
    };
    let ids = state
        .all(Table::Item(entity_type_id))
        .filter(|record| has_one(record));
    ids.map(|record| crate::state::int(record, "ID"))
        .take(20)
        .collect()
}
