//! A deal as the CRM tells it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CompanyId, ContactId, DealId, FunnelId, Money, StageId, UserId};

/// A deal of a portal, without its lines and without what is linked to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// Its id on the portal.
    pub id: DealId,
    /// Its name in the CRM.
    pub title: String,
    /// The funnel it is in.
    pub funnel: FunnelId,
    /// The stage it stands in.
    pub stage: StageId,
    /// Over, won or lost.
    pub closed: bool,
    /// In a stage of failure.
    pub lost: bool,
    /// A template from which the portal makes deals; no deal itself.
    #[serde(default)]
    pub template: bool,
    /// The sum that the CRM shows.
    pub amount: Money,
    /// The sum was typed by a person and need not follow the lines.
    pub manual_amount: bool,
    /// ISO 4217 code: `RUB`.
    pub currency: String,
    /// The buying company.
    pub company: Option<CompanyId>,
    /// The buying person.
    pub contact: Option<ContactId>,
    /// Our own legal entity that sells.
    pub own_company: Option<CompanyId>,
    /// The manager.
    pub responsible: UserId,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub changed: Timestamp,
    /// By whom.
    #[serde(default)]
    pub changed_by: Option<UserId>,
}
