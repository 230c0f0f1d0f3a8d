//! The three column types that both databases share, and rows made of them.
//!
//! A moment is an integer (microseconds since 1970), money is an integer (kopecks), a truth value is 0 or 1,
//! JSON and identifiers are text. Nothing else is stored, so no conversion can differ between SQLite and
//! PostgreSQL. Not here: SQL (`sql`), transactions (`tx`).

use domain::{ContractorId, DealId, InvoiceId, Money, OrderNumber, OrganisationId, PortalId};
use jiff::Timestamp;

use crate::error::StoreError;

/// One bound parameter or one column of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// Binds the parameters `$1`, `$2`, … in order.
macro_rules! params {
    ($($value:expr),* $(,)?) => { [$($crate::value::Value::from($value)),*] };
}
pub(crate) use params;

/// One row of an answer, read column by column in the order of the statement.
#[derive(Debug)]
pub(crate) struct Row {
    statement: &'static str,
    columns: std::vec::IntoIter<Value>,
    read: usize,
}

impl Row {
    pub(crate) fn new(statement: &'static str, columns: Vec<Value>) -> Row {
        Row {
            statement,
            columns: columns.into_iter(),
            read: 0,
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        match self.next() {
            Value::Text(text) => Ok(text),
            other => Err(self.unexpected("text", &other)),
        }
    }

    pub(crate) fn int(&mut self) -> Result<i64, StoreError> {
        match self.next() {
            Value::Int(int) => Ok(int),
            other => Err(self.unexpected("an integer", &other)),
        }
    }

    pub(crate) fn blob(&mut self) -> Result<Vec<u8>, StoreError> {
        match self.next() {
            Value::Blob(blob) => Ok(blob),
            other => Err(self.unexpected("bytes", &other)),
        }
    }

    pub(crate) fn int_or_null(&mut self) -> Result<Option<i64>, StoreError> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Int(int) => Ok(Some(int)),
            other => Err(self.unexpected("an integer or null", &other)),
        }
    }

    pub(crate) fn text_or_null(&mut self) -> Result<Option<String>, StoreError> {
        match self.next() {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            other => Err(self.unexpected("text or null", &other)),
        }
    }

    pub(crate) fn flag(&mut self) -> Result<bool, StoreError> {
        Ok(self.int()? != 0)
    }

    pub(crate) fn count(&mut self) -> Result<u32, StoreError> {
        let int = self.int()?;
        u32::try_from(int).map_err(|_| self.undecodable(format!("`{int}` is no count")))
    }

    pub(crate) fn moment(&mut self) -> Result<Timestamp, StoreError> {
        let micros = self.int()?;
        self.moment_of(micros)
    }

    pub(crate) fn moment_or_null(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let micros = self.int_or_null()?;
        micros.map(|micros| self.moment_of(micros)).transpose()
    }

    /// A column whose text is parsed into one of our types.
    pub(crate) fn parsed<T>(&mut self) -> Result<T, StoreError>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let text = self.text()?;
        text.parse()
            .map_err(|error: T::Err| self.undecodable(error.to_string()))
    }

    /// A column that holds JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        let text = self.text()?;
        serde_json::from_str(&text).map_err(|error| self.undecodable(error.to_string()))
    }

    pub(crate) fn json_or_null<T: serde::de::DeserializeOwned>(
        &mut self,
    ) -> Result<Option<T>, StoreError> {
        match self.text_or_null()? {
            None => Ok(None),
            Some(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|error| self.undecodable(error.to_string())),
        }
    }

    /// The error for the column that was read last.
    pub(crate) fn undecodable(&self, why: String) -> StoreError {
        StoreError::Undecodable {
            statement: self.statement,
            column: self.read,
            why,
        }
    }

    fn moment_of(&self, micros: i64) -> Result<Timestamp, StoreError> {
        Timestamp::from_microsecond(micros).map_err(|error| self.undecodable(error.to_string()))
    }

    fn next(&mut self) -> Value {
        self.read += 1;
        self.columns.next().unwrap_or(Value::Null)
    }

    fn unexpected(&self, wanted: &str, found: &Value) -> StoreError {
        let found = match found {
            Value::Null => "null",
            Value::Int(_) => "an integer",
            Value::Text(_) => "text",
            Value::Blob(_) => "bytes",
        };
        self.undecodable(format!("{found} where {wanted} was expected"))
    }
}

/// JSON as it is stored. Our own types have string keys only, so this cannot fail.
pub(crate) fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| String::from("null"))
}

impl From<i64> for Value {
    fn from(int: i64) -> Value {
        Value::Int(int)
    }
}

impl From<u32> for Value {
    fn from(int: u32) -> Value {
        Value::Int(i64::from(int))
    }
}

impl From<usize> for Value {
    fn from(int: usize) -> Value {
        Value::Int(i64::try_from(int).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Int(i64::from(flag))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::Text(text.clone())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Blob(bytes.to_vec())
    }
}

impl From<Timestamp> for Value {
    fn from(moment: Timestamp) -> Value {
        Value::Int(moment.as_microsecond())
    }
}

impl From<Money> for Value {
    fn from(money: Money) -> Value {
        Value::Int(money.kopecks())
    }
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Value {
        Value::Text(json.to_string())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

macro_rules! identifiers {
    ($($id:ty),* $(,)?) => { $(
        impl From<&$id> for Value {
            fn from(id: &$id) -> Value {
                Value::Text(id.as_str().to_owned())
            }
        }
    )* };
}

identifiers!(PortalId, OrganisationId, InvoiceId, ContractorId);

impl From<DealId> for Value {
    fn from(deal: DealId) -> Value {
        Value::Int(i64::try_from(deal.get()).unwrap_or(i64::MAX))
    }
}

impl From<OrderNumber> for Value {
    fn from(number: OrderNumber) -> Value {
        Value::Int(i64::try_from(number.get()).unwrap_or(i64::MAX))
    }
}
