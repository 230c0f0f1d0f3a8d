//! Values as the portal keeps them, and the loose conversions of its PHP front.
//!
//! A record holds one canonical form per kind of field: amounts are exact decimals in a string,
//! moments are Unix seconds, days are `YYYY-MM-DD`, flags are `Y` or `N`. Every wire form is made
//! from these at the very edge. Nothing here knows methods or entities.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Number, Value};

pub(crate) type Map = serde_json::Map<String, Value>;

/// What a field holds, which decides how it is read, compared and printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Double,
    Flag,
    /// A custom boolean: `Y`/`N` in items, `1`/`0` in the old family and in filters.
    CustomFlag,
    Text,
    Status,
    Currency,
    DateTime,
    Date,
    User,
    /// A reference to a record of this entity type; an empty one is 0.
    Link(i64),
    File,
    /// `1500.50|RUB`.
    Money,
    /// The id of a list item.
    Choice,
}

impl Kind {
    /// The type's name in `fields` answers.
    pub(crate) fn wire_name(self) -> &'static str {
        match self {
            Kind::Int => "integer",
            Kind::Double => "double",
            Kind::Flag | Kind::CustomFlag => "boolean",
            Kind::Text => "string",
            Kind::Status => "crm_status",
            Kind::Currency => "crm_currency",
            Kind::DateTime => "datetime",
            Kind::Date => "date",
            Kind::User => "user",
            Kind::Link(2) => "crm_deal",
            Kind::Link(3) => "crm_contact",
            Kind::Link(4) => "crm_company",
            Kind::Link(7) => "crm_quote",
            Kind::Link(1) => "crm_lead",
            Kind::Link(_) => "crm_entity",
            Kind::File => "file",
            Kind::Money => "money",
            Kind::Choice => "enumeration",
        }
    }

    fn is_whole_number(self) -> bool {
        matches!(
            self,
            Kind::Int | Kind::User | Kind::Link(_) | Kind::Choice | Kind::File
        )
    }
}

/// What printing needs to know of the portal.
#[derive(Clone)]
pub(crate) struct Zone(pub(crate) TimeZone);

impl Zone {
    /// `2024-05-28T17:13:29+03:00`.
    pub(crate) fn moment(&self, seconds: i64) -> String {
        Timestamp::from_second(seconds)
            .map(|at| {
                at.to_zoned(self.0.clone())
                    .strftime("%Y-%m-%dT%H:%M:%S%:z")
                    .to_string()
            })
            .unwrap_or_default()
    }

    /// A day is printed as midnight UTC seen from the portal, as the vendor's samples show.
    pub(crate) fn day(&self, day: &str) -> String {
        match day
            .parse::<Date>()
            .ok()
            .and_then(|day| day.to_zoned(TimeZone::UTC).ok())
        {
            Some(midnight) => self.moment(midnight.timestamp().as_second()),
            None => day.to_owned(),
        }
    }

    fn read_moment(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some(at.as_second());
        }
        let local = text
            .parse::<DateTime>()
            .or_else(|_| DateTime::strptime("%d.%m.%Y %H:%M:%S", text))
            .or_else(|_| text.parse::<Date>().map(DateTime::from))
            .or_else(|_| Date::strptime("%d.%m.%Y", text).map(DateTime::from))
            .ok()?;
        Some(local.to_zoned(self.0.clone()).ok()?.timestamp().as_second())
    }

    fn read_day(&self, text: &str) -> Option<String> {
        let text = text.trim();
        if let Ok(day) = text.parse::<Date>() {
            return Some(day.to_string());
        }
        if let Ok(day) = Date::strptime("%d.%m.%Y", text) {
            return Some(day.to_string());
        }
        let day: String = text.chars().take(10).collect();
        let rest_is_a_moment = self.read_moment(text).is_some();
        (rest_is_a_moment && day.parse::<Date>().is_ok()).then_some(day)
    }
}

/// Reads one value from the wire into the canonical form; `None` where it does not fit the kind.
pub(crate) fn canonical(kind: Kind, zone: &Zone, value: &Value) -> Option<Value> {
    if is_empty(value) {
        return Some(match kind {
            Kind::Link(_) => Value::from(0),
            Kind::Flag | Kind::CustomFlag => Value::from("N"),
            Kind::Text if value.is_string() => Value::from(""),
            _ => Value::Null,
        });
    }
    Some(match kind {
        Kind::Int | Kind::User | Kind::Link(_) | Kind::Choice | Kind::File => {
            Value::from(int_of(value)?)
        }
        Kind::Double => Value::from(decimal_of(value)?.normalize().to_string()),
        Kind::Flag | Kind::CustomFlag => Value::from(if flag_of(value) { "Y" } else { "N" }),
        Kind::Text | Kind::Status | Kind::Currency | Kind::Money => match value {
            Value::Array(_) | Value::Object(_) => return None,
            _ => Value::from(text_of(value)),
        },
        Kind::DateTime => match value {
            Value::Number(seconds) => Value::from(seconds.as_i64()?),
            _ => Value::from(zone.read_moment(&text_of(value))?),
        },
        Kind::Date => Value::from(zone.read_day(&text_of(value))?),
    })
}

/// The form of `crm.item.*`: numbers and booleans typed.
pub(crate) fn typed(kind: Kind, zone: &Zone, value: &Value) -> Value {
    if value.is_null() {
        return Value::Null;
    }
    match kind {
        Kind::Double => decimal_of(value).map_or(Value::Null, number),
        Kind::DateTime => {
            int_of(value).map_or(Value::Null, |seconds| Value::from(zone.moment(seconds)))
        }
        Kind::Date => Value::from(zone.day(&text_of(value))),
        _ => value.clone(),
    }
}

/// The form of the older methods: nearly everything a string.
pub(crate) fn stringly(kind: Kind, zone: &Zone, value: &Value) -> Value {
    if value.is_null() {
        return Value::Null;
    }
    match kind {
        Kind::Double => decimal_of(value).map_or(Value::Null, |amount| {
            Value::from(format!("{:.2}", amount.round_dp(2)))
        }),
        Kind::DateTime => {
            int_of(value).map_or(Value::Null, |seconds| Value::from(zone.moment(seconds)))
        }
        Kind::Date => Value::from(zone.day(&text_of(value))),
        Kind::CustomFlag => Value::from(if flag_of(value) { "1" } else { "0" }),
        _ => Value::from(text_of(value)),
    }
}

/// A canonical value put into a form that sorts and compares as its kind does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Empty,
    Whole(i64),
    Exact(Decimal),
    Words(String),
}

pub(crate) fn key(kind: Kind, value: &Value) -> Key {
    match value {
        Value::Null => match kind {
            Kind::Link(_) => Key::Whole(0),
            _ => Key::Empty,
        },
        Value::String(text) if text.is_empty() => Key::Empty,
        _ if kind.is_whole_number() || kind == Kind::DateTime => {
            int_of(value).map_or(Key::Empty, Key::Whole)
        }
        _ if kind == Kind::Double => decimal_of(value).map_or(Key::Empty, Key::Exact),
        _ => Key::Words(text_of(value).to_lowercase()),
    }
}

/// What a filter's value compares as. Moments and days are read by the portal's clock.
pub(crate) fn filter_key(kind: Kind, zone: &Zone, value: &Value) -> Option<Key> {
    if is_empty(value) {
        return Some(match kind {
            Kind::Link(_) => Key::Whole(0),
            _ => Key::Empty,
        });
    }
    if kind == Kind::CustomFlag {
        // `Y` and `N` are not understood here: as in PHP, a word is the number 0.
        let is_set = int_of(value).unwrap_or(0) != 0;
        return Some(Key::Words(if is_set { "y" } else { "n" }.to_owned()));
    }
    canonical(kind, zone, value).map(|value| key(kind, &value))
}

pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Exact: the token of a JSON number, or the text of a string.
pub(crate) fn decimal_of(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().replace(',', "."),
        Value::Bool(flag) => i32::from(*flag).to_string(),
        _ => return None,
    };
    text.parse()
        .or_else(|_| Decimal::from_scientific(&text))
        .ok()
}

pub(crate) fn int_of(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let exact: Decimal = number.to_string().parse().ok()?;
            i64::try_from(exact.trunc()).ok()
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(flag) => Some(i64::from(*flag)),
        _ => None,
    }
}

pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(true) => "1".to_owned(),
        Value::Bool(false) => String::new(),
        other => other.to_string(),
    }
}

pub(crate) fn flag_of(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(text) => matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "1" | "true" | "yes"
        ),
        _ => false,
    }
}

/// A JSON number as PHP prints a float: without a fraction where there is none.
pub(crate) fn number(exact: Decimal) -> Value {
    let exact = exact.normalize();
    if exact.scale() == 0
        && let Ok(whole) = i64::try_from(exact)
    {
        return Value::from(whole);
    }
    // The real portal sends binary floats here; this is the only place where one is made.
    let float = exact
        .to_string()
        .parse::<f64>()
        .ok()
        .and_then(Number::from_f64);
    float.map_or(Value::Null, Value::Number)
}

/// PHP prints an empty map as an empty list.
pub(crate) fn php_map(map: Map) -> Value {
    if map.is_empty() {
        Value::Array(Vec::new())
    } else {
        php_list_or_map(map)
    }
}

/// PHP prints a map whose keys are 0, 1, 2… as a list.
pub(crate) fn php_list_or_map(map: Map) -> Value {
    let is_list = map
        .keys()
        .enumerate()
        .all(|(at, key)| *key == at.to_string());
    if is_list && !map.is_empty() {
        Value::Array(map.into_iter().map(|(_, value)| value).collect())
    } else {
        Value::Object(map)
    }
}

/// The members of a list, or of a map standing for one, in order.
pub(crate) fn members(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        Value::Null => Vec::new(),
        other => vec![other],
    }
}
