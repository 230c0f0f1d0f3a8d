//! Scalars as the portal spells them: one value comes as `12`, `"12"`, `""`, `false` or `null`
//! depending on the method's age. Each wrapper accepts the spellings seen and refuses the rest.

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A record's id: a positive number, also as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) u64);

/// A reference to another record. `0`, `"0"`, `""`, `false` and `null` are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link(pub(crate) Option<u64>);

/// A text; `null`, `false` and an absent one are empty. Numbers are taken as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

/// A number as the portal wrote it, kept as text so that no binary float is ever computed with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Token(pub(crate) Option<String>);

/// `Y`, `1`, `true` and their opposites.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

/// A moment in ISO 8601 with offset; `""` and `null` are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Option<Timestamp>);

/// A list that PHP may write as an object once its keys have gaps, and as `[]` when it is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rows<T>(pub(crate) Vec<T>);

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number(&Value::deserialize(deserializer)?)
            .map(Self)
            .ok_or_else(|| D::Error::custom("not an id"))
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if is_nothing(&value) {
            return Ok(Self(None));
        }
        let id = number(&value).ok_or_else(|| D::Error::custom("not a reference"))?;
        Ok(Self((id != 0).then_some(id)))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar(&Value::deserialize(deserializer)?)
            .map(|text| Self(text.unwrap_or_default()))
            .ok_or_else(|| D::Error::custom("not a text"))
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar(&Value::deserialize(deserializer)?)
            .map(|text| Self(text.filter(|text| !text.is_empty())))
            .ok_or_else(|| D::Error::custom("not a number"))
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        flag(&Value::deserialize(deserializer)?)
            .map(Self)
            .ok_or_else(|| D::Error::custom("not a flag"))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if is_nothing(&value) {
            return Ok(Self(None));
        }
        let moment = value.as_str().and_then(|text| text.parse().ok());
        moment
            .map(|moment| Self(Some(moment)))
            .ok_or_else(|| D::Error::custom("not a moment"))
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = match Value::deserialize(deserializer)? {
            Value::Array(items) => items,
            Value::Object(fields) => fields.into_iter().map(|(_, item)| item).collect(),
            _ => return Err(D::Error::custom("not a list")),
        };
        items
            .into_iter()
            .map(serde_json::from_value)
            .collect::<Result<Vec<T>, _>>()
            .map(Self)
            .map_err(|_| D::Error::custom("a row of another shape"))
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

/// The outer option: whether it is a scalar at all.
#[expect(
    clippy::option_option,
    reason = "no scalar and no value are different answers"
)]
fn scalar(value: &Value) -> Option<Option<String>> {
    match value {
        Value::Null | Value::Bool(false) => Some(None),
        Value::String(text) => Some(Some(text.clone())),
        Value::Number(number) => Some(Some(number.to_string())),
        _ => None,
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(false),
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(number.as_u64() != Some(0)),
        Value::String(text) => match text.as_str() {
            "Y" | "y" | "1" | "true" => Some(true),
            "N" | "n" | "0" | "" | "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}
