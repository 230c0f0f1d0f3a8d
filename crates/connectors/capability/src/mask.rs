//! What the journal may keep of a request or an answer: a list of allowed keys, everything else by its kind only.
//!
//! An allow-list and not a list of secrets: a new field of a remote is masked until somebody
//! decides that it is neither a secret nor personal.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Keeps the structure of `value` and the scalars under keys named in `allowed` (compared without
/// case); every other scalar becomes `<text>`, `<number>` or `<flag>`. Lists longer than `MOST`
/// keep their head and say how many there were.
pub fn keep(value: &Value, allowed: &[&str]) -> Value {
    Mask::of(allowed).masked(value, false)
}

/// The same of a value that stands under a key named in `allowed`.
pub fn keep_open(value: &Value, allowed: &[&str]) -> Value {
    Mask::of(allowed).masked(value, true)
}

const MOST: usize = 60;
/// Letters of a text that are kept.
const MOST_LETTERS: usize = 200;

struct Mask<'a> {
    allowed: &'a [&'a str],
    /// Of the keys that were met whether they are allowed: in a list each row has the same.
    known: HashMap<&'a str, bool>,
}

impl<'a> Mask<'a> {
    fn of(allowed: &'a [&'a str]) -> Self {
        Self {
            allowed,
            known: HashMap::new(),
        }
    }

    fn is_allowed(&mut self, key: &'a str) -> bool {
        let allowed = self.allowed;
        *self.known.entry(key).or_insert_with(|| {
            let mut names = allowed.iter();
            names.any(|name| name.eq_ignore_ascii_case(key))
        })
    }

    fn masked(&mut self, value: &'a Value, open: bool) -> Value {
        match value {
            Value::Null => Value::Null,
            Value::Bool(_) | Value::Number(_) if open => value.clone(),
            // No more bytes than letters at most: it is kept as it is.
            Value::String(text) if open && text.len() <= MOST_LETTERS => value.clone(),
            Value::String(text) if open => {
                text.chars().take(MOST_LETTERS).collect::<String>().into()
            }
            Value::Bool(_) => "<flag>".into(),
            Value::Number(_) => "<number>".into(),
            Value::String(text) if text.is_empty() => "".into(),
            Value::String(_) => "<text>".into(),
            Value::Array(items) => {
                let mut kept: Vec<Value> = items
                    .iter()
                    .take(MOST)
                    .map(|item| self.masked(item, open))
                    .collect();
                if items.len() > MOST {
                    kept.push(format!("… {} in all", items.len()).into());
                }
                Value::Array(kept)
            }
            Value::Object(fields) => fields
                .iter()
                .map(|(key, field)| {
                    let open = self.is_allowed(key);
                    (key.clone(), self.masked(field, open))
                })
                .collect::<Map<String, Value>>()
                .into(),
        }
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
    fn what_stands_under_an_allowed_key_is_kept_but_for_what_it_names_itself() {
        let value = json!([7, "x".repeat(300), {"id": 1, "NAME": "Иван"}]);
        assert_eq!(
            super::keep_open(&value, &["id"]),
            json!([7, "x".repeat(200), {"id": 1, "NAME": "<text>"}])
        );
        assert_eq!(
            super::keep(&json!({ "ID": value }), &["id"]).get("ID"),
            Some(&super::keep_open(&value, &["id"]))
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
