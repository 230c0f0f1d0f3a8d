//! What is looked at: a deal, company, invoice, the portal itself, each by its id on its remote.
//!
//! Not here: when and why it is looked at (`mechanics::work`).

use std::{fmt, str::FromStr};

use domain::{BankDetailId, CompanyId, ContactId, DealId, InvoiceId, OrganisationId, RequisiteId};
use serde::{Deserialize, Serialize};

use crate::value::Value;

/// The kinds of things that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// The portal itself: sweeps, setup, upkeep; the id names which of them.
    Portal,
    /// A deal.
    Deal,
    /// A company, ours or a buyer.
    Company,
    /// A contact.
    Contact,
    /// Requisites of a company or contact.
    Requisite,
    /// Bank details of requisites.
    BankDetail,
    /// An invoice of the accounting side; the id is `organisation/invoice`.
    Invoice,
    /// Money that came or left; the id is its number in our records.
    Payment,
}

/// One thing to look at. As text: `deal/4711`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// Its kind.
    pub kind: SubjectKind,
    /// Its id on its remote.
    pub id: String,
}

/// A text that names no subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no subject: `kind/id` was expected")]
pub struct SubjectError;

impl SubjectKind {
    /// All of them.
    pub const ALL: [SubjectKind; 8] = [
        SubjectKind::Portal,
        SubjectKind::Deal,
        SubjectKind::Company,
        SubjectKind::Contact,
        SubjectKind::Requisite,
        SubjectKind::BankDetail,
        SubjectKind::Invoice,
        SubjectKind::Payment,
    ];

    /// The stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            SubjectKind::Portal => "portal",
            SubjectKind::Deal => "deal",
            SubjectKind::Company => "company",
            SubjectKind::Contact => "contact",
            SubjectKind::Requisite => "requisite",
            SubjectKind::BankDetail => "bank_detail",
            SubjectKind::Invoice => "invoice",
            SubjectKind::Payment => "payment",
        }
    }
}

impl Subject {
    /// A subject by kind and id.
    pub fn new(kind: SubjectKind, id: impl Into<String>) -> Subject {
        Subject {
            kind,
            id: id.into(),
        }
    }

    /// A deal.
    pub fn deal(deal: DealId) -> Subject {
        Subject::new(SubjectKind::Deal, deal.to_string())
    }

    /// A company.
    pub fn company(company: CompanyId) -> Subject {
        Subject::new(SubjectKind::Company, company.to_string())
    }

    /// A contact.
    pub fn contact(contact: ContactId) -> Subject {
        Subject::new(SubjectKind::Contact, contact.to_string())
    }

    /// Requisites.
    pub fn requisite(requisite: RequisiteId) -> Subject {
        Subject::new(SubjectKind::Requisite, requisite.to_string())
    }

    /// Bank details.
    pub fn bank_detail(bank_detail: BankDetailId) -> Subject {
        Subject::new(SubjectKind::BankDetail, bank_detail.to_string())
    }

    /// An invoice of one of our organisations.
    pub fn invoice(organisation: &OrganisationId, invoice: &InvoiceId) -> Subject {
        Subject::new(SubjectKind::Invoice, format!("{organisation}/{invoice}"))
    }

    /// A payment by its number in our records.
    pub fn payment(number: i64) -> Subject {
        Subject::new(SubjectKind::Payment, number.to_string())
    }

    /// A task of the portal itself, e.g. `sweep`.
    pub fn portal(task: impl Into<String>) -> Subject {
        Subject::new(SubjectKind::Portal, task)
    }

    /// The payment's number, if it is one.
    pub fn as_payment(&self) -> Option<i64> {
        if self.kind == SubjectKind::Payment {
            self.id.parse().ok()
        } else {
            None
        }
    }

    /// The deal, if it is one.
    pub fn as_deal(&self) -> Option<DealId> {
        if self.kind == SubjectKind::Deal {
            self.id.parse().ok()
        } else {
            None
        }
    }
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SubjectKind {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<SubjectKind, SubjectError> {
        SubjectKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(SubjectError)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Subject, SubjectError> {
        let (kind, id) = text.split_once('/').ok_or(SubjectError)?;
        Ok(Subject {
            kind: kind.parse()?,
            id: id.to_owned(),
        })
    }
}

impl From<&Subject> for Value {
    fn from(subject: &Subject) -> Value {
        Value::Text(subject.to_string())
    }
}

/// A set of subjects as one parameter for `keys($n)`.
pub(crate) fn key_set<'a>(subjects: impl IntoIterator<Item = &'a Subject>) -> Value {
    text_set(subjects.into_iter().map(Subject::to_string))
}

/// A set of texts as one parameter for `keys($n)`.
pub(crate) fn text_set(texts: impl IntoIterator<Item = String>) -> Value {
    let mut texts: Vec<String> = texts.into_iter().collect();
    texts.sort_unstable();
    texts.dedup();
    Value::Text(crate::value::json_text(&texts))
}
