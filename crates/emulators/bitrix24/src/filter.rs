//! Filters, orders and selections of list methods: parsed once, then tested against records.
//!
//! All families share the prefixes; they differ in what an unknown field does. Paging is here as
//! well, since every list cuts the same pages of fifty.

use std::cmp::Ordering;

use serde_json::Value;

use crate::call::{Refusal, Reply};
use crate::schema::{Field, Schema, Spelling};
use crate::value::{Key, Kind, Map, Zone, filter_key, int_of, key, members, text_of};

pub(crate) const PAGE: usize = 50;

/// What a list method makes of a name it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// `INVALID_ARG_VALUE`, as `crm.item.*` answers.
    Refused,
    /// As the older methods do.
    Ignored,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    Equal,
    NotEqual,
    More,
    MoreOrEqual,
    Less,
    LessOrEqual,
    In,
    NotIn,
    /// The pattern is already in SQL's form.
    Like,
    NotLike,
}

/// A parsed filter.
#[derive(Debug)]
pub(crate) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Field {
        upper: String,
        kind: Kind,
        test: Test,
        keys: Vec<Key>,
    },
}

const PREFIXES: &[(&str, Test, Pattern)] = &[
    ("!=%", Test::NotLike, Pattern::Given),
    ("!%=", Test::NotLike, Pattern::Given),
    ("!@", Test::NotIn, Pattern::None),
    ("!%", Test::NotLike, Pattern::Anywhere),
    ("!=", Test::NotEqual, Pattern::None),
    ("=%", Test::Like, Pattern::Given),
    ("%=", Test::Like, Pattern::Given),
    (">=", Test::MoreOrEqual, Pattern::None),
    ("<=", Test::LessOrEqual, Pattern::None),
    ("!", Test::NotEqual, Pattern::None),
    ("%", Test::Like, Pattern::Anywhere),
    (">", Test::More, Pattern::None),
    ("<", Test::Less, Pattern::None),
    ("@", Test::In, Pattern::None),
    ("=", Test::Equal, Pattern::None),
    ("", Test::Equal, Pattern::None),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    None,
    /// The caller wrote the `%` signs.
    Given,
    Anywhere,
}

impl Filter {
    pub(crate) fn everything() -> Self {
        Filter::All(Vec::new())
    }

    pub(crate) fn parse(
        filter: &Value,
        schema: &Schema,
        zone: &Zone,
        unknown: Unknown,
    ) -> Result<Self, Refusal> {
        match filter {
            Value::Object(fields) => parse_group(
                fields.iter().map(|(name, value)| (name.as_str(), value)),
                schema,
                zone,
                unknown,
            ),
            Value::Array(items) => parse_group(
                items.iter().map(|value| ("0", value)),
                schema,
                zone,
                unknown,
            ),
            _ => Ok(Filter::everything()),
        }
    }

    pub(crate) fn matches(&self, record: &Map) -> bool {
        match self {
            Filter::All(parts) => parts.iter().all(|part| part.matches(record)),
            Filter::Any(parts) => parts.iter().any(|part| part.matches(record)),
            Filter::Field {
                upper,
                kind,
                test,
                keys,
            } => {
                let value = record.get(upper).unwrap_or(&Value::Null);
                field_matches(*kind, *test, keys, value)
            }
        }
    }

    /// The ids that alone can match, where the filter names them.
    pub(crate) fn pinned(&self, upper_name: &str) -> Option<Vec<i64>> {
        match self {
            Filter::All(parts) => parts.iter().find_map(|part| part.pinned(upper_name)),
            Filter::Field {
                upper,
                test: Test::Equal | Test::In,
                keys,
                ..
            } if upper == upper_name => keys
                .iter()
                .map(|key| {
                    if let Key::Whole(id) = key {
                        Some(*id)
                    } else {
                        None
                    }
                })
                .collect(),
            _ => None,
        }
    }

    /// The lower bound of the ids, where the filter names one: makes a walk by `>ID` cheap.
    pub(crate) fn ids_above(&self) -> Option<i64> {
        match self {
            Filter::All(parts) => parts.iter().find_map(Filter::ids_above),
            Filter::Field {
                upper,
                test: Test::More,
                keys,
                ..
            } if upper == "ID" => match keys.first() {
                Some(Key::Whole(id)) => Some(*id),
                _ => None,
            },
            _ => None,
        }
    }
}

fn parse_group<'a>(
    entries: impl Iterator<Item = (&'a str, &'a Value)>,
    schema: &Schema,
    zone: &Zone,
    unknown: Unknown,
) -> Result<Filter, Refusal> {
    let mut parts = Vec::new();
    let mut is_any = false;
    for (name, value) in entries {
        if name.eq_ignore_ascii_case("logic") {
            is_any = text_of(value).eq_ignore_ascii_case("or");
        } else if name.chars().all(|letter| letter.is_ascii_digit())
            && (value.is_object() || value.is_array())
        {
            parts.push(Filter::parse(value, schema, zone, unknown)?);
        } else {
            parts.extend(parse_field(name, value, schema, zone, unknown)?);
        }
    }
    Ok(if is_any {
        Filter::Any(parts)
    } else {
        Filter::All(parts)
    })
}

fn parse_field(
    name: &str,
    value: &Value,
    schema: &Schema,
    zone: &Zone,
    unknown: Unknown,
) -> Result<Option<Filter>, Refusal> {
    let name = name.trim();
    let Some((prefix, test, pattern)) = PREFIXES
        .iter()
        .find(|(prefix, ..)| name.starts_with(prefix))
    else {
        return Ok(None);
    };
    let field_name = name.strip_prefix(prefix).unwrap_or(name);
    let Some(field) = schema.field(field_name) else {
        return match unknown {
            Unknown::Refused => Err(Refusal::bad_argument(format!(
                "Invalid filter: field '{field_name}' is not allowed in filter"
            ))),
            Unknown::Ignored => Ok(None),
        };
    };
    let (test, keys) = match pattern {
        Pattern::None => exact_test(*test, field, value, zone)?,
        Pattern::Given => (*test, vec![Key::Words(text_of(value).to_lowercase())]),
        Pattern::Anywhere => (
            *test,
            members(value)
                .into_iter()
                .map(|part| Key::Words(format!("%{}%", text_of(part).to_lowercase())))
                .collect(),
        ),
    };
    Ok(Some(Filter::Field {
        upper: field.upper.clone(),
        kind: field.kind,
        test,
        keys,
    }))
}

fn exact_test(
    test: Test,
    field: &Field,
    value: &Value,
    zone: &Zone,
) -> Result<(Test, Vec<Key>), Refusal> {
    let many = matches!(value, Value::Array(_) | Value::Object(_));
    let test = match test {
        Test::Equal if many => Test::In,
        Test::NotEqual if many => Test::NotIn,
        other => other,
    };
    let values = if many || matches!(test, Test::In | Test::NotIn) {
        members(value)
    } else {
        vec![value]
    };
    let mut keys = Vec::with_capacity(values.len());
    for value in values {
        match filter_key(field.kind, zone, value) {
            Some(key) => keys.push(key),
            None => {
                return Err(Refusal::bad_argument(format!(
                    "Invalid filter: field '{}' has invalid value",
                    field.camel
                )));
            }
        }
    }
    Ok((test, keys))
}

fn field_matches(kind: Kind, test: Test, keys: &[Key], value: &Value) -> bool {
    let holds = |wanted: &dyn Fn(&Key) -> bool| match value {
        Value::Array(items) if items.is_empty() => wanted(&Key::Empty),
        Value::Array(items) => items.iter().any(|item| wanted(&key(kind, item))),
        single => wanted(&key(kind, single)),
    };
    let first = keys.first().unwrap_or(&Key::Empty);
    match test {
        Test::Equal => holds(&|key| key == first),
        Test::NotEqual => !holds(&|key| key == first),
        Test::In => holds(&|key| keys.contains(key)),
        Test::NotIn => !holds(&|key| keys.contains(key)),
        Test::More => holds(&|key| compare(key, first) == Some(Ordering::Greater)),
        Test::MoreOrEqual => holds(&|key| {
            matches!(
                compare(key, first),
                Some(Ordering::Greater | Ordering::Equal)
            )
        }),
        Test::Less => holds(&|key| compare(key, first) == Some(Ordering::Less)),
        Test::LessOrEqual => {
            holds(&|key| matches!(compare(key, first), Some(Ordering::Less | Ordering::Equal)))
        }
        Test::Like => holds(&|key| keys.iter().any(|pattern| like(key, pattern))),
        Test::NotLike => !holds(&|key| keys.iter().any(|pattern| like(key, pattern))),
    }
}

/// As SQL: nothing compares with an absent value.
fn compare(left: &Key, right: &Key) -> Option<Ordering> {
    match (left, right) {
        (Key::Whole(left), Key::Whole(right)) => Some(left.cmp(right)),
        (Key::Exact(left), Key::Exact(right)) => Some(left.cmp(right)),
        (Key::Words(left), Key::Words(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn like(key: &Key, pattern: &Key) -> bool {
    let text = match key {
        Key::Empty => String::new(),
        Key::Whole(whole) => whole.to_string(),
        Key::Exact(exact) => exact.to_string(),
        Key::Words(words) => words.clone(),
    };
    let Key::Words(pattern) = pattern else {
        return false;
    };
    let parts: Vec<&str> = pattern.split('%').collect();
    let [head, middle @ .., tail] = parts.as_slice() else {
        return text == *pattern;
    };
    let Some(mut rest) = text.strip_prefix(head) else {
        return false;
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(tail)
}

/// Which way a list is sorted: by these fields, then by id.
pub(crate) struct Order(Vec<(String, Kind, bool)>);

impl Order {
    pub(crate) fn parse(order: &Value, schema: &Schema, unknown: Unknown) -> Result<Self, Refusal> {
        let mut columns = Vec::new();
        let Value::Object(fields) = order else {
            return Ok(Order(columns));
        };
        for (name, direction) in fields {
            let Some(field) = schema.field(name) else {
                match unknown {
                    Unknown::Refused => {
                        return Err(Refusal::bad_argument(format!(
                            "Invalid order: field '{name}' is not allowed in order"
                        )));
                    }
                    Unknown::Ignored => continue,
                }
            };
            let direction = text_of(direction);
            let is_descending = direction.eq_ignore_ascii_case("desc");
            if unknown == Unknown::Refused
                && !is_descending
                && !direction.eq_ignore_ascii_case("asc")
            {
                return Err(Refusal::bad_argument(format!(
                    "Invalid order: allowed sort directions are `ASC, DESC`. But got '{direction}' for field '{name}'"
                )));
            }
            columns.push((field.upper.clone(), field.kind, is_descending));
        }
        Ok(Order(columns))
    }

    fn is_by_id_rising(&self) -> bool {
        match self.0.first() {
            None => true,
            Some((upper, _, descending)) => upper == "ID" && !descending,
        }
    }

    fn compare(&self, left: &Map, right: &Map) -> Ordering {
        let null = Value::Null;
        for (upper, kind, is_descending) in &self.0 {
            let by = key(*kind, left.get(upper).unwrap_or(&null))
                .cmp(&key(*kind, right.get(upper).unwrap_or(&null)));
            let by = if *is_descending { by.reverse() } else { by };
            if by != Ordering::Equal {
                return by;
            }
        }
        Ordering::Equal
    }
}

/// One page of what matches: the records in order, and the counts for the answer.
pub(crate) struct Page<'a> {
    pub(crate) records: Vec<&'a Map>,
    pub(crate) total: i64,
    pub(crate) next: Option<i64>,
}

impl Page<'_> {
    pub(crate) fn reply(&self, result: Value) -> Reply {
        Reply {
            result,
            total: Some(self.total),
            next: self.next,
        }
    }
}

/// Cuts the page that `start` names; -1 counts nothing. `records` come by rising id.
pub(crate) fn page<'a>(
    records: impl Iterator<Item = &'a Map>,
    filter: &Filter,
    order: &Order,
    start: &Value,
) -> Page<'a> {
    let start = int_of(start).unwrap_or(0);
    let matching = records.filter(|record| filter.matches(record));
    if start < 0 && order.is_by_id_rising() {
        return Page {
            records: matching.take(PAGE).collect(),
            total: 0,
            next: None,
        };
    }
    let mut found: Vec<&Map> = matching.collect();
    found.sort_by(|left, right| order.compare(left, right));
    let total = found.len();
    if start < 0 {
        found.truncate(PAGE);
        return Page {
            records: found,
            total: 0,
            next: None,
        };
    }
    let from = usize::try_from(start).unwrap_or(0) / PAGE * PAGE;
    let next = from.saturating_add(PAGE);
    let records = found.into_iter().skip(from).take(PAGE).collect();
    let as_i64 = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Page {
        records,
        total: as_i64(total),
        next: (next < total).then(|| as_i64(next)),
    }
}

/// Which fields an answer carries, in the schema's order.
pub(crate) struct Selection {
    fields: Vec<Field>,
    /// `*` was asked for, or nothing in particular.
    pub(crate) is_everything: bool,
}

impl Selection {
    /// `star_is_all`: whether `*` brings custom fields too, as it does in `crm.item.*` only.
    pub(crate) fn parse(
        select: &Value,
        schema: &Schema,
        always: &[&str],
        star_is_all: bool,
    ) -> Self {
        let names: Vec<String> = members(select).into_iter().map(text_of).collect();
        let is_everything = names.is_empty() || names.iter().any(|name| name == "*");
        let all_custom = names.is_empty()
            || (is_everything && star_is_all)
            || names
                .iter()
                .any(|name| matches!(name.as_str(), "UF_*" | "ufCrm*"));
        let wanted = |field: &&Field| {
            (if field.custom {
                all_custom
            } else {
                is_everything
            }) || always.contains(&field.upper.as_str())
                || names
                    .iter()
                    .any(|name| *name == field.upper || *name == field.camel)
        };
        Selection {
            fields: schema.fields().iter().filter(wanted).cloned().collect(),
            is_everything,
        }
    }

    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }
}

pub(crate) fn name_of(field: &Field, spelling: Spelling, original_custom_names: bool) -> String {
    match spelling {
        Spelling::Camel if !(field.custom && original_custom_names) => field.camel.clone(),
        _ => field.upper.clone(),
    }
}
