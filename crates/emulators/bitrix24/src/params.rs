//! Reads a request's parameters the way PHP does: brackets nest, JSON and form mix with the query.
//!
//! First station of a call: bytes become one JSON object. Authorisation and methods come after.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::value::Map;

/// A request body that cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable;

/// Query first, body over it, as `$_REQUEST` with a JSON body does.
pub(crate) fn read(query: &str, content_type: &str, body: &[u8]) -> Result<Map, Unreadable> {
    let mut all = Map::new();
    read_pairs(query, &mut all);
    let content_type = content_type.to_ascii_lowercase();
    if content_type.starts_with("multipart/form-data") {
        read_multipart(&content_type, body, &mut all)?;
    } else if looks_like_json(&content_type, body) {
        if !body.iter().all(u8::is_ascii_whitespace) {
            match serde_json::from_slice(body).map_err(|_| Unreadable)? {
                Value::Object(fields) => all.extend(fields),
                Value::Array(items) if items.is_empty() => {}
                Value::Null => {}
                _ => return Err(Unreadable),
            }
        }
    } else {
        read_pairs(&String::from_utf8_lossy(body), &mut all);
    }
    Ok(all)
}

fn looks_like_json(content_type: &str, body: &[u8]) -> bool {
    content_type.contains("json") || (content_type.is_empty() && body.first() == Some(&b'{'))
}

/// `a[b][]=1&c=2` into nested maps; maps with keys 0..n become lists.
pub(crate) fn read_query(text: &str) -> Map {
    let mut all = Map::new();
    read_pairs(text, &mut all);
    all
}

fn read_pairs(text: &str, into: &mut Map) {
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name);
        if !name.is_empty() {
            put(into, &name, Value::from(decode(value)));
        }
    }
    listify_all(into);
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

fn put(into: &mut Map, name: &str, value: Value) {
    let (head, path) = split_name(name);
    let mut path = path.into_iter();
    let mut here = into;
    let mut key = head;
    for next in path.by_ref() {
        let inner = here.entry(key).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Array(items) = inner {
            // A list made by an earlier source is opened again to take more members.
            *inner = Value::Object(
                items
                    .drain(..)
                    .enumerate()
                    .map(|(at, item)| (at.to_string(), item))
                    .collect(),
            );
        }
        if !inner.is_object() {
            *inner = Value::Object(Map::new());
        }
        let Value::Object(fields) = inner else { return };
        key = if next.is_empty() {
            next_index(fields)
        } else {
            next
        };
        here = fields;
    }
    here.insert(key, value);
}

fn next_index(fields: &Map) -> String {
    let last = fields
        .keys()
        .filter_map(|key| key.parse::<u64>().ok())
        .max();
    last.map_or(0, |last| last.saturating_add(1)).to_string()
}

/// `a[b][]` into `a` and `["b", ""]`. As in PHP, a bracket that is never closed is a low line.
pub(crate) fn split_name(name: &str) -> (String, Vec<String>) {
    let Some((head, rest)) = name.split_once('[') else {
        return (name.to_owned(), Vec::new());
    };
    if head.is_empty() {
        return (name.to_owned(), Vec::new());
    }
    if !rest.contains(']') {
        return (format!("{head}_{rest}"), Vec::new());
    }
    let path = rest
        .split('[')
        .map(|part| part.trim_end_matches(']').to_owned())
        .collect();
    (head.to_owned(), path)
}

fn listify_all(fields: &mut Map) {
    for value in fields.values_mut() {
        listify(value);
    }
}

fn listify(value: &mut Value) {
    if let Value::Object(fields) = value {
        listify_all(fields);
        *value = crate::value::php_list_or_map(std::mem::take(fields));
    }
}

fn read_multipart(content_type: &str, body: &[u8], into: &mut Map) -> Result<(), Unreadable> {
    let boundary = content_type.split("boundary=").nth(1).ok_or(Unreadable)?;
    let boundary = boundary
        .split(';')
        .next()
        .unwrap_or(boundary)
        .trim()
        .trim_matches('"');
    // The header was lowered for comparison; boundaries are compared the same way.
    let text = String::from_utf8_lossy(body).into_owned();
    let delimiter = format!("--{boundary}");
    for part in split_ignoring_case(&text, &delimiter) {
        let part = part.trim_start_matches("\r\n");
        let Some((head, content)) = part.split_once("\r\n\r\n") else {
            continue;
        };
        let name = head
            .split("name=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        if let Some(name) = name {
            let content = content.strip_suffix("\r\n").unwrap_or(content);
            put(into, name, Value::from(content));
        }
    }
    listify_all(into);
    Ok(())
}

fn split_ignoring_case<'a>(text: &'a str, delimiter: &str) -> Vec<&'a str> {
    let lowered = text.to_ascii_lowercase();
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, found) in lowered.match_indices(delimiter) {
        parts.extend(text.get(from..at));
        from = at.saturating_add(found.len());
    }
    parts.extend(text.get(from..));
    parts
}

/// Writes nested values as PHP's `http_build_query` does; scalars become strings.
pub(crate) fn write_form(pairs: &[(String, String)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        form.append_pair(name, value);
    }
    form.finish()
}

/// Flattens a value under a bracketed name.
pub(crate) fn flatten(name: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                flatten(&format!("{name}[{key}]"), value, into);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                flatten(&format!("{name}[{at}]"), value, into);
            }
        }
        other => into.push((name.to_owned(), crate::value::text_of(other))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: Value) {
        assert_eq!(Value::Object(read_query(text)), expected, "{text}");
    }

    #[test]
    fn brackets_nest_as_in_php() {
        check("a=1&b=x+y%21", json!({"a": "1", "b": "x y!"}));
        check(
            "select[]=ID&select[]=TITLE",
            json!({"select": ["ID", "TITLE"]}),
        );
        check(
            "filter[%3EID]=5&filter[@ID][0]=1&filter[@ID][1]=2",
            json!({"filter": {">ID": "5", "@ID": ["1", "2"]}}),
        );
        check(
            "fields[PHONE][0][VALUE]=7&fields[PHONE][0][VALUE_TYPE]=WORK",
            json!({"fields": {"PHONE": [{"VALUE": "7", "VALUE_TYPE": "WORK"}]}}),
        );
        check("cmd[5]=a&cmd[7]=b", json!({"cmd": {"5": "a", "7": "b"}}));
        // An `=` that should have been encoded ends the name.
        check("filter[=ownerType]=D", json!({"filter_": "ownerType]=D"}));
    }

    #[test]
    fn body_lies_over_the_query_and_every_encoding_is_read() {
        let read = |content_type: &str, body: &str| {
            Value::Object(read("auth=t&id=1", content_type, body.as_bytes()).unwrap())
        };
        check_same(
            read("application/json", r#"{"id":2}"#),
            json!({"auth": "t", "id": 2}),
        );
        check_same(
            read("application/x-www-form-urlencoded", "id=3"),
            json!({"auth": "t", "id": "3"}),
        );
        let multipart = "--XyZ\r\nContent-Disposition: form-data; name=\"fields[TITLE]\"\r\n\r\nСделка\r\n--XyZ--\r\n";
        check_same(
            read("multipart/form-data; boundary=XyZ", multipart),
            json!({"auth": "t", "id": "1", "fields": {"TITLE": "Сделка"}}),
        );
    }

    fn check_same(got: Value, expected: Value) {
        assert_eq!(got, expected);
    }
}
