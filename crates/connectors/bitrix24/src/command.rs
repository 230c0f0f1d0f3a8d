//! One method with its parameters, as JSON for a request of its own and as a query string inside a batch.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// A call of one method.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Command {
    /// The vendor's name, lower case.
    pub(crate) method: &'static str,
    /// An object.
    pub(crate) params: Value,
}

/// Blanks as `%20`: a plus would be read as a plus by a decoder of addresses.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

impl Command {
    /// `params` is an object, or null for none.
    pub(crate) fn new(method: &'static str, params: Value) -> Self {
        Self { method, params }
    }

    /// `method?query` as `batch` wants it: encoded once, because the batch itself travels as JSON.
    /// Nested values take PHP's brackets; an empty list is left out, as PHP does.
    pub(crate) fn in_batch(&self) -> String {
        let mut pairs = Vec::new();
        flatten("", &self.params, &mut pairs);
        if pairs.is_empty() {
            return self.method.to_owned();
        }
        let query: Vec<String> = pairs
            .iter()
            .map(|(key, value)| {
                let (key, value) = (
                    utf8_percent_encode(key, KEPT),
                    utf8_percent_encode(value, KEPT),
                );
                format!("{key}={value}")
            })
            .collect();
        format!("{}?{}", self.method, query.join("&"))
    }
}

fn flatten(path: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
    let inner = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}[{key}]")
        }
    };
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                flatten(&inner(key), field, pairs);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&inner(&index.to_string()), item, pairs);
            }
        }
        Value::Null if path.is_empty() => {}
        Value::Null => pairs.push((path.to_owned(), String::new())),
        Value::Bool(flag) => {
            pairs.push((path.to_owned(), if *flag { "1" } else { "0" }.to_owned()))
        }
        Value::Number(number) => pairs.push((path.to_owned(), number.to_string())),
        Value::String(text) => pairs.push((path.to_owned(), text.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::Command;
    use serde_json::{Value, json};

    #[test]
    fn a_command_becomes_a_query_with_brackets() {
        for (params, expected) in [
            (Value::Null, "crm.item.list"),
            (json!({"entityTypeId": 2}), "crm.item.list?entityTypeId=2"),
            (
                json!({"filter": {"@id": [1, 2], ">=updatedTime": "2026-03-01T10:00:00+03:00"}}),
                "crm.item.list?filter%5B%40id%5D%5B0%5D=1&filter%5B%40id%5D%5B1%5D=2&filter%5B%3E%3DupdatedTime%5D=2026-03-01T10%3A00%3A00%2B03%3A00",
            ),
            (
                json!({"fields": {"TITLE": "Ромашка & Co + 1", "EMPTY": [], "NONE": null}}),
                "crm.item.list?fields%5BTITLE%5D=%D0%A0%D0%BE%D0%BC%D0%B0%D1%88%D0%BA%D0%B0%20%26%20Co%20%2B%201&fields%5BNONE%5D=",
            ),
        ] {
            assert_eq!(Command::new("crm.item.list", params).in_batch(), expected);
        }
    }
}
