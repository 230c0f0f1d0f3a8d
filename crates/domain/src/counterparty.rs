//! The other legal party of a deal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{CompanyId, ContactId, Inn, InnError, Kpp, KppError, Ogrn};

/// The natural key of a counterparty: INN and KPP together.
///
/// One INN with several KPP is one organisation with subdivisions, or one that moved; INN alone proposes and
/// never decides. Sole proprietors and persons have no KPP. As text `7707083893/770801001`. Who has no INN goes by the
/// record of the portal: `contact-9`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CounterpartyKey {
    /// Who. Under the name that it had when everybody had an INN.
    #[serde(rename = "inn")]
    pub who: Who,
    /// Which of its places; absent for persons.
    pub kpp: Option<Kpp>,
}

impl CounterpartyKey {
    /// Whether both may be one payer: a card may lack the KPP, and another one is another payer.
    pub fn may_be(&self, other: &Self) -> bool {
        let differ = matches!((&self.kpp, &other.kpp), (Some(one), Some(other)) if one != other);
        self.who == other.who && !differ
    }
}

/// By what somebody is known: as text `7707083893`, `contact-9` or `company-7`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Who {
    /// A taxpayer.
    Inn(Inn),
    /// A person or a foreigner without an INN: the contact of the portal.
    Contact(ContactId),
    /// The same where the portal has a company.
    Company(CompanyId),
}

impl Who {
    /// The INN, if there is one.
    pub fn inn(&self) -> Option<&Inn> {
        match self {
            Self::Inn(inn) => Some(inn),
            Self::Contact(_) | Self::Company(_) => None,
        }
    }

    /// Whether it is known to be one person, who has no KPP.
    pub fn is_person(&self) -> bool {
        self.inn().is_none_or(Inn::is_person)
    }

    /// For journals and logs: a person's INN masked.
    pub fn masked(&self) -> String {
        match self {
            Self::Inn(inn) => inn.masked(),
            Self::Contact(_) | Self::Company(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inn(inn) => inn.fmt(f),
            Self::Contact(id) => write!(f, "contact-{id}"),
            Self::Company(id) => write!(f, "company-{id}"),
        }
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Who({})", self.masked())
    }
}

impl FromStr for Who {
    type Err = InnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = |kind: &str| text.strip_prefix(kind)?.strip_prefix('-');
        if let Some(id) = id("contact").and_then(|id| id.parse().ok()) {
            return Ok(Self::Contact(id));
        }
        if let Some(id) = id("company").and_then(|id| id.parse().ok()) {
            return Ok(Self::Company(id));
        }
        Inn::parse(text).map(Self::Inn)
    }
}

impl TryFrom<String> for Who {
    type Error = InnError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Who> for String {
    fn from(who: Who) -> String {
        who.to_string()
    }
}

impl From<Inn> for Who {
    fn from(inn: Inn) -> Who {
        Who::Inn(inn)
    }
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
        self.kpp.is_none() && !self.who.is_person()
    }

    /// For journals and logs: a person's INN masked.
    pub fn masked(&self) -> String {
        match &self.kpp {
            Some(kpp) => format!("{}/{kpp}", self.who.masked()),
            None => self.who.masked(),
        }
    }
}

impl fmt::Display for CounterpartyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kpp {
            Some(kpp) => write!(f, "{}/{kpp}", self.who),
            None => write!(f, "{}", self.who),
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
        let who = inn.parse().map_err(CounterpartyKeyError::Inn)?;
        let kpp = kpp
            .map(Kpp::parse)
            .transpose()
            .map_err(CounterpartyKeyError::Kpp)?;
        Ok(CounterpartyKey { who, kpp })
    }
}
