//! From a file's text to [`Raw`], noting every key and type that does not fit instead of the first.

use toml::{Table, Value};

use super::{ConfigFault, Raw, RawOrganisation};

/// A larger file is no configuration, and would cost seconds and hundreds of megabytes to say so.
const MOST_BYTES: usize = 256 << 10;

/// The settings of a text; where the text has faults, the defaults stand in for what they spoil.
pub(super) fn raw(text: &str) -> (Raw, Vec<ConfigFault>) {
    if text.len() > MOST_BYTES {
        let why = format!("it has more than {} KiB", MOST_BYTES >> 10);
        return (Raw::default(), vec![unreadable(&why)]);
    }
    let given: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return (Raw::default(), vec![no_toml(text, &error)]),
    };
    let known = match Table::try_from(Raw::default()) {
        Ok(known) => known,
        Err(error) => return (Raw::default(), vec![unreadable(&error.to_string())]),
    };
    let mut faults = Vec::new();
    let fit = fitting(&given, &known, "", &mut faults);
    match fit.try_into() {
        Ok(raw) => (raw, faults),
        Err(error) => {
            faults.push(unreadable(error.message()));
            (Raw::default(), faults)
        }
    }
}

/// The one setting that is a list of sections.
const ORGANISATIONS: &str = "accounting.organisations";

/// What of `given` fits `known`; the rest is noted.
fn fitting(given: &Table, known: &Table, path: &str, faults: &mut Vec<ConfigFault>) -> Table {
    let mut fit = Table::new();
    for (key, value) in given {
        let full = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match known.get(key) {
            None => faults.push(unknown(&full, key, known)),
            Some(Value::Table(inner)) => match value {
                Value::Table(value) => {
                    let value = fitting(value, inner, &full, faults);
                    fit.insert(key.clone(), Value::Table(value));
                }
                _ => faults.push(ConfigFault::new(
                    &full,
                    "is a section",
                    format!("write `[{full}]` and its settings below"),
                )),
            },
            Some(Value::Array(_)) if full == ORGANISATIONS => {
                fit.insert(key.clone(), Value::Array(organisations(value, faults)));
            }
            Some(sample) => match mismatch(value, sample) {
                Some(wanted) => faults.push(ConfigFault::new(
                    &full,
                    format!("is {}, {wanted} was expected", kind(value)),
                    format!("the default is `{sample}`"),
                )),
                None => {
                    fit.insert(key.clone(), value.clone());
                }
            },
        }
    }
    fit
}

/// The sections of one name, each judged as such.
fn organisations(value: &Value, faults: &mut Vec<ConfigFault>) -> Vec<Value> {
    let known = Table::try_from(RawOrganisation::default()).unwrap_or_default();
    let sections: Option<Vec<&Table>> = match value {
        Value::Array(items) => items.iter().map(Value::as_table).collect(),
        _ => None,
    };
    let Some(sections) = sections else {
        faults.push(ConfigFault::new(
            ORGANISATIONS,
            format!("is {}, sections were expected", kind(value)),
            format!("write `[[{ORGANISATIONS}]]` and its settings below, once for each"),
        ));
        return Vec::new();
    };
    let judged = sections.into_iter().enumerate().map(|(place, section)| {
        let path = format!("{ORGANISATIONS}[{}]", place.saturating_add(1));
        Value::Table(fitting(section, &known, &path, faults))
    });
    judged.collect()
}

/// What was wanted instead, where a value is of another kind than the default.
fn mismatch(value: &Value, sample: &Value) -> Option<&'static str> {
    match (sample, value) {
        (Value::String(_), Value::String(_)) | (Value::Boolean(_), Value::Boolean(_)) => None,
        (Value::Integer(_), Value::Integer(number)) => match u32::try_from(*number) {
            Ok(_) => None,
            Err(_) => Some("a whole number from 0 to 4294967295"),
        },
        (Value::Array(_), Value::Array(items)) if items.iter().all(Value::is_str) => None,
        (Value::String(_), _) => Some("a text in quotes"),
        (Value::Boolean(_), _) => Some("`true` or `false`"),
        (Value::Integer(_), _) => Some("a whole number"),
        (Value::Array(_), _) => Some("a list of texts in quotes"),
        (Value::Float(_) | Value::Datetime(_) | Value::Table(_), _) => Some("another kind"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Boolean(_) => "a switch",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

/// Secrets that people look for in the file, and the variable that they come from.
const SECRETS: [(&str, &str); 7] = [
    ("webhook_url", super::secrets::WEBHOOK_URL),
    ("client_secret", super::secrets::CLIENT_SECRET),
    ("application_token", super::secrets::APPLICATION_TOKEN),
    ("api_key", super::secrets::API_KEY),
    ("master_key", super::secrets::MASTER_KEY),
    ("older_master_keys", super::secrets::OLDER_MASTER_KEYS),
    ("url", super::secrets::WEBHOOK_URL),
];

fn unknown(full: &str, key: &str, known: &Table) -> ConfigFault {
    if let Some((_, variable)) = SECRETS.iter().find(|(secret, _)| *secret == key) {
        return ConfigFault::new(
            full,
            "is a secret and may not stand in the file",
            format!("set `{variable}` in the environment, or name a file that holds it"),
        );
    }
    let near = known
        .keys()
        .map(|known| (distance(known, key), known))
        .filter(|(distance, _)| *distance <= key.chars().count() / 3)
        .min();
    let remedy = match near {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None => {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            format!("remove it; known here: {}", names.join(", "))
        }
    };
    ConfigFault::new(full, "is no setting", remedy)
}

/// How many letters two names differ by.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index.saturating_add(1);
        for (cell, wanted) in row.iter_mut().skip(1).zip(&other) {
            let replaced = diagonal.saturating_add(usize::from(letter != *wanted));
            diagonal = *cell;
            left = replaced
                .min(left.saturating_add(1))
                .min(cell.saturating_add(1));
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = index.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The place of the fault, but not its line: it may hold a secret.
fn no_toml(text: &str, error: &toml::de::Error) -> ConfigFault {
    let before = error
        .span()
        .and_then(|span| text.get(..span.start))
        .unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    ConfigFault::new(
        &format!("line {line}"),
        format!("is no TOML: {}", error.message()),
        "mend the line; `config/default.toml` shows how each setting is written",
    )
}

fn unreadable(why: &str) -> ConfigFault {
    ConfigFault::new("file", format!("cannot be read: {why}"), "mend the file")
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn names_differ_by_their_letters() {
        for (one, other, apart) in [
            ("listen", "listen", 0),
            ("listen", "lisen", 1),
            ("kind", "find", 1),
            ("", "abc", 3),
            ("sweep_every", "sweep_evry", 1),
        ] {
            assert_eq!(distance(one, other), apart, "{one} {other}");
        }
    }
}
