//! What the journal may keep of a request or an answer: a list of allowed keys, everything else by its kind only.
//!
//! An allow-list and not a list of secrets: a new field of a remote is masked until somebody
//! decides that it is neither a secret nor personal.

use serde_json::{Map, Value};

/// Keeps the structure of `value` and the scalars under keys named in `allowed` (compared without
/// case); every other scalar becomes `<text>`, `<number>` or `<flag>`. Lists longer than `MOST`
/// keep their head and say how many there were.
pub fn keep(value: &Value, allowed: &[&str]) -> Value {
    masked(value, allowed, false)
}

const MOST: usize = 60;

fn masked(value: &Value, allowed: &[&str], open: bool) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) if open => value.clone(),
        Value::Number(_) if open => value.clone(),
        Value::String(text) if open => Value::String(text.chars().take(200).collect()),
        Value::Bool(_) => "<flag>".into(),
        Value::Number(_) => "<number>".into(),
        Value::String(text) if text.is_empty() => "".into(),
        Value::String(_) => "<text>".into(),
        Value::Array(items) => {
            let mut kept: Vec<Value> = items
                .iter()
                .take(MOST)
                .map(|item| masked(item, allowed, open))
                .collect();
            if items.len() > MOST {
                kept.push(format!("… {} in all", items.len()).into());
            }
            Value::Array(kept)
        }
        Value::Object(fields) => fields
            .iter()
            .map(|(key, field)| {
                let open = allowed.iter().any(|name| name.eq_ignore_ascii_case(key));
                (key.clone(), masked(field, allowed, open))
            })
            .collect::<Map<String, Value>>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn only_allowed_keys_keep_their_values() {
        let value =
            json!({"ID": 7, "NAME": "Иван", "auth": "secret", "rows": [{"id": 1, "phone": "+7"}]});
        assert_eq!(
            super::keep(&value, &["id"]),
            json!({"ID": 7, "NAME": "<text>", "auth": "<text>", "rows": [{"id": 1, "phone": "<text>"}]})
        );
    }

    #[test]
    fn a_long_list_keeps_its_head_and_its_length() {
        let value = json!({"id": (0..100).collect::<Vec<i32>>()});
        let kept = super::keep(&value, &["id"]);
        assert_eq!(kept["id"].as_array().unwrap().len(), 61);
        assert_eq!(kept["id"][60], "… 100 in all");
    }
}
