//! Typed ids of things on both sides. An id is never a bare string or number.
//!
//! Ids are what the remotes gave us, but for the number of an order, which is ours: they are kept as they are and mean
//! nothing here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is no id of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("empty id")]
    Empty,
    /// A numeric id with something else than digits, or too large.
    #[error("not a numeric id")]
    NotNumeric,
}

macro_rules! text_id {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as the remote gave it.
            pub fn new(id: impl Into<String>) -> $name {
                $name(id.into())
            }

            /// The id as the remote gave it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if text.is_empty() { Err(IdError::Empty) } else { Ok($name::new(text)) }
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

macro_rules! number_id {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The id as a number.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                numeric(text).map($name)
            }
        }
    };
}

text_id!(
    /// A Bitrix24 account (`member_id`); the tenant.
    PortalId
);
text_id!(
    /// A stage of a funnel: `NEW`, `C3:PREPARATION`.
    StageId
);
text_id!(
    /// One of our own legal entities in the accounting system.
    OrganisationId
);
text_id!(
    /// A counterparty in the accounting system.
    ContractorId
);
text_id!(
    /// An invoice in the accounting system.
    InvoiceId
);
number_id!(
    /// A deal of a portal.
    DealId
);
number_id!(
    /// A company of a portal, ours or another's.
    CompanyId
);
number_id!(
    /// A contact of a portal.
    ContactId
);
number_id!(
    /// A set of requisites of a company or contact.
    RequisiteId
);
number_id!(
    /// Bank details beside a set of requisites.
    BankDetailId
);
number_id!(
    /// A user of a portal.
    UserId
);
number_id!(
    /// An invoice of the portal's own.
    SmartInvoiceId
);
number_id!(
    /// A department of a portal's company.
    DepartmentId
);
number_id!(
    /// A funnel (category) of deals; the first one is 0.
    FunnelId
);
number_id!(
    /// Of the orders that were called for one deal, from 1: ours, and never given twice.
    OrderNumber
);

fn numeric(text: &str) -> Result<u64, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    // `u64::from_str` takes a leading plus, which no remote writes.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(IdError::NotNumeric);
    }
    text.parse().map_err(|_| IdError::NotNumeric)
}
