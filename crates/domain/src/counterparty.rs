//! The other legal party of a deal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Inn, InnError, Kpp, KppError, Ogrn};

/// The natural key of a counterparty: INN and KPP together.
///
/// One INN with several KPP is one organisation with subdivisions, or one that moved; INN alone proposes and
/// never decides. Sole proprietors and persons have no KPP. As text `7707083893/770801001`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CounterpartyKey {
    /// Who.
    pub inn: Inn,
    /// Which of its places; absent for persons.
    pub kpp: Option<Kpp>,
}

/// The other legal party as its requisites describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterparty {
    /// Who it is.
    pub key: CounterpartyKey,
    /// The short name, as printed on an invoice: `ООО «Ромашка»`.
    pub name: String,
    /// The full name of its charter.
    pub full_name: Option<String>,
    /// The state registration number.
    pub ogrn: Option<Ogrn>,
    /// The legal address in one line.
    pub address: Option<String>,
}

/// Why a text is no `INN` or `INN/KPP`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CounterpartyKeyError {
    /// The part before the slash.
    #[error("not an INN")]
    Inn(#[source] InnError),
    /// The part after the slash.
    #[error("not a KPP")]
    Kpp(#[source] KppError),
}

impl CounterpartyKey {
    /// True if an organisation's KPP is not there: the key can propose, but not decide.
    pub fn lacks_kpp(&self) -> bool {
        self.kpp.is_none() && !self.inn.is_person()
    }

    /// For journals and logs: a person's INN masked.
    pub fn masked(&self) -> String {
        match &self.kpp {
            Some(kpp) => format!("{}/{kpp}", self.inn.masked()),
            None => self.inn.masked(),
        }
    }
}

impl fmt::Display for CounterpartyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kpp {
            Some(kpp) => write!(f, "{}/{kpp}", self.inn),
            None => write!(f, "{}", self.inn),
        }
    }
}

impl FromStr for CounterpartyKey {
    type Err = CounterpartyKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (inn, kpp) = match text.split_once('/') {
            Some((inn, kpp)) => (inn, Some(kpp)),
            None => (text, None),
        };
        let inn = Inn::parse(inn).map_err(CounterpartyKeyError::Inn)?;
        let kpp = kpp
            .map(Kpp::parse)
            .transpose()
            .map_err(CounterpartyKeyError::Kpp)?;
        Ok(CounterpartyKey { inn, kpp })
    }
}
