//! How money that comes back is booked: by whom, on which accounts, and which stage a paid deal goes to.

use std::collections::BTreeSet;

use domain::payment::{AccountNumber, OwnSide};
use domain::{FunnelId, Inn, OrganisationId, StageId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{KnownBy, Overdue};
use crate::Policy;

/// How payments are booked; without this section none are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoneyPolicy {
    /// Who decides which invoice a payment is for; none: the accountant where his side returns what he gave, else we
    /// ([`Policy::decided_by`] fills it in).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking: Option<Booking>,
    /// Payments of the accounting side are read from this moment on; none: from [`Policy::start_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Where the accountant decides: a payment that only bank statements show waits so long for him.
    #[serde(default = "day", skip_serializing_if = "is_day")]
    pub wait_hours: u32,
    /// What becomes of money that we pay back to buyers.
    #[serde(default)]
    pub refunds: Refunds,
    /// What becomes of credits of acquiring and СБП.
    #[serde(default)]
    pub registers: Registers,
    /// Our accounts.
    #[serde(default)]
    pub accounts: Vec<OwnAccount>,
    /// Where deals go that are paid; a funnel that is not named has no such stage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<PaidStage>,
    /// What becomes of invoices that are not paid in time; none: nothing is called overdue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<Overdue>,
}

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Booking {
    /// We: what is certain is booked, the rest is asked.
    Provodka,
    /// The accountant, in the accounting program: what he gave is taken over, and our matches are proposals.
    Accounting,
}

/// What becomes of money that we pay back to buyers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refunds {
    /// It is taken off what they paid, or a person is asked off what: else deals say «Оплачен» of money that went back.
    #[default]
    TakeOff,
    /// It is listed, and changes no invoice.
    List,
}

/// What becomes of credits of acquiring and СБП, each of many sales.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registers {
    /// A person is asked which sales they are for.
    #[default]
    Ask,
    /// They are listed: none of the sales has an invoice. Each may be split all the same.
    List,
}

fn day() -> u32 {
    24
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_day(hours: &u32) -> bool {
    *hours == day()
}

/// Thirty days.
const MOST_HOURS: u32 = 720;

/// One of our accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnAccount {
    /// Its twenty digits.
    pub number: AccountNumber,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The INN of that organisation: a payment from it is a transfer of our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inn: Option<Inn>,
}

/// Where a deal of a funnel goes once its invoice is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaidStage {
    /// Which funnel.
    pub funnel: FunnelId,
    /// The stage.
    pub to: StageId,
    /// Only deals in one of these are moved.
    pub from: Vec<StageId>,
    /// How they are moved.
    #[serde(default)]
    pub by: MovedBy,
}

/// How a paid deal is moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovedBy {
    /// We put it into the stage.
    #[default]
    Stage,
    /// We fire our trigger, which the portal's automation binds to the stage; where the connection has no triggers, as above.
    Trigger,
}

/// Whether a number can be that of an account.
pub(super) fn is_account(number: &AccountNumber) -> bool {
    let digits = number.as_str();
    digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

impl MoneyPolicy {
    /// As a section says that names accounts alone.
    pub fn of(accounts: Vec<OwnAccount>) -> Self {
        Self {
            booking: None,
            since: None,
            wait_hours: day(),
            refunds: Refunds::default(),
            registers: Registers::default(),
            accounts,
            stages: Vec::new(),
            overdue: None,
        }
    }

    /// Our accounts and legal entities.
    pub fn own_side(&self) -> OwnSide {
        let accounts = self.accounts.iter();
        let organisations = self.accounts.iter();
        OwnSide {
            accounts: accounts
                .map(|one| (one.number.clone(), one.organisation.clone()))
                .collect(),
            organisations: organisations
                .filter_map(|one| Some((one.inn.clone()?, one.organisation.clone())))
                .collect(),
        }
    }

    /// Whether the accounting side's payments, not statements, make the days of an organisation's accounts known.
    pub fn is_known_by_accounting(&self, organisation: &OrganisationId) -> bool {
        let is_chosen = |overdue: &Overdue| overdue.known_by == KnownBy::Accounting;
        let mut accounts = self.accounts.iter();
        self.overdue.as_ref().is_some_and(is_chosen)
            || !accounts.any(|account| account.organisation == *organisation)
    }

    /// Whether the accountant decides which invoice a payment is for.
    pub fn is_accountants(&self) -> bool {
        self.booking == Some(Booking::Accounting)
    }

    /// How long a payment that only bank statements show waits for the accountant.
    pub(crate) fn wait(&self) -> SignedDuration {
        SignedDuration::from_hours(i64::from(self.wait_hours))
    }

    /// How long anything waits unseen at most.
    pub(crate) fn longest_wait() -> SignedDuration {
        SignedDuration::from_hours(i64::from(MOST_HOURS))
    }

    /// Where paid deals of a funnel go.
    pub(crate) fn stage(&self, funnel: FunnelId) -> Option<&PaidStage> {
        self.stages.iter().find(|stage| stage.funnel == funnel)
    }

    pub(super) fn faults(&self, policy: &Policy) -> Vec<String> {
        let mut faults = Vec::new();
        // Where the accountant decides, the accounting side tells whose account it is.
        if self.accounts.is_empty() && self.booking == Some(Booking::Provodka) {
            faults.push("`money.accounts` names no account".to_owned());
        }
        if self.wait_hours > MOST_HOURS {
            faults.push(format!(
                "`money.wait_hours` is {}, at most {MOST_HOURS}: nothing waits unseen for longer",
                self.wait_hours
            ));
        }
        let mut known = BTreeSet::new();
        for account in &self.accounts {
            let number = account.number.as_str();
            if !is_account(&account.number) {
                faults.push(format!(
                    "`money.accounts`: `{number}` is no account of 20 digits"
                ));
            }
            if !known.insert(number) {
                faults.push(format!("`money.accounts` names `{number}` twice"));
            }
            if policy.organisation(&account.organisation).is_none() {
                faults.push(format!(
                    "`money.accounts`: no organisation `{}`",
                    account.organisation
                ));
            }
        }
        faults.extend(self.overdue.iter().flat_map(Overdue::faults));
        let mut funnels = BTreeSet::new();
        for stage in &self.stages {
            faults.extend(stage.faults(policy));
            if !funnels.insert(stage.funnel) {
                faults.push(format!(
                    "`money.stages` names funnel {} twice",
                    stage.funnel
                ));
            }
        }
        faults
    }
}

impl PaidStage {
    fn faults(&self, policy: &Policy) -> Vec<String> {
        let funnel = policy.funnels.iter().find(|one| one.id == self.funnel);
        let Some(funnel) = funnel else {
            return vec![format!("`money.stages`: no funnel {}", self.funnel)];
        };
        let mut faults = Vec::new();
        for stage in self.from.iter().chain([&self.to]) {
            if funnel.position(stage).is_none() {
                faults.push(format!(
                    "`money.stages`: funnel {} has no stage `{stage}`",
                    self.funnel
                ));
            }
        }
        let to = funnel.position(&self.to);
        for stage in &self.from {
            if funnel.position(stage) >= to {
                faults.push(format!(
                    "`money.stages`: from `{stage}` to `{}` is not forward",
                    self.to
                ));
            }
        }
        faults
    }
}
