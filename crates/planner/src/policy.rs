//! The portal's settings as a person writes them: start, stages, sellers, fields, paper.
//!
//! One TOML text per version; `policy export | diff | apply` speaks it. Unknown keys are refused, and all
//! faults are told in one message.

use std::collections::BTreeMap;

use domain::observed::OurField;
use domain::payment::AccountNumber;
use domain::{CompanyId, FunnelId, OrganisationId, StageId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

mod invoice;
mod money;
mod notices;
mod overdue;
mod paper;
pub(crate) mod vat;

pub use invoice::{
    Advance, Attach, Cancel, Contract, Demand, DueCount, InvoicePolicy, NewBuyers, NoRate, OwnLine,
    OwnUnit, SmartInvoices, Terms, WithoutInn,
};
pub use money::{Booking, MoneyPolicy, MovedBy, OwnAccount, PaidStage, Refunds, Registers};
pub use notices::{Kind, Notices, Pilot, Quiet};
pub use overdue::{KnownBy, Overdue};
pub use paper::{OwnPaper, PaperFile, Pictures};
pub use vat::{VatPeriod, VatRegime};

/// A portal's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What entered an invoice stage before this moment is never issued but by a person's order.
    pub start_at: Timestamp,
    /// The dialog in which the administrator is told of what needs a hand: `chat12`, or a user's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<String>,
    /// The dialog in which the accountant is told of what is his to answer; none: the administrator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accountant: Option<String>,
    /// Our custom fields on deals, by their names on the portal.
    pub fields: BTreeMap<OurField, String>,
    /// How invoices are made.
    #[serde(default)]
    pub invoice: InvoicePolicy,
    /// What people are told, and when.
    #[serde(default, skip_serializing_if = "Notices::is_silent")]
    pub notices: Notices,
    /// Whose deals a pilot is limited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pilot: Option<Pilot>,
    /// How payments are booked; none: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<MoneyPolicy>,
    /// Our legal entities.
    #[serde(default)]
    pub organisations: Vec<Organisation>,
    /// Funnels that we follow; others are off.
    #[serde(default)]
    pub funnels: Vec<Funnel>,
}

/// One of our legal entities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Its id on the accounting side.
    pub id: OrganisationId,
    /// For people.
    pub title: String,
    /// The company that stands for it on the portal.
    pub own_company: CompanyId,
    /// The account that buyers pay to where the deal chooses none; none: its only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountNumber>,
    /// Its invoices are dated by this zone's day.
    #[serde(default = "moscow")]
    pub time_zone: String,
    /// For trying out: its invoices say that they are samples, and it sells only where it is named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
    /// How it stands to VAT, oldest first; none: its lines bear whatever rate is in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vat: Vec<VatPeriod>,
    /// Its stamp and signatures on our own papers; none: places to sign by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<OwnPaper>,
}

fn moscow() -> String {
    "Europe/Moscow".to_owned()
}

/// A funnel that we follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Funnel {
    /// Its id on the portal.
    pub id: FunnelId,
    /// What we may do there.
    pub mode: Mode,
    /// When it became active, where others were at work before: what entered its stages until then is never issued but
    /// by a person's order. It counts where it is later than the portal's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<Timestamp>,
    /// All its stages in order, as `setup` found them: they tell whether a deal was moved back.
    pub stages: Vec<StageId>,
    /// A deal that enters one of these wants an invoice.
    pub invoice_stages: Vec<StageId>,
    /// Who sells here, unless the deal says otherwise; also once a deal that entered an invoice stage here was taken on to another
    /// funnel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    /// How long a deal must stand before its invoice is issued: forgives a wrong drag.
    #[serde(default = "ten")]
    pub settle_seconds: u32,
    /// Orders that its stages had before: what a deal did then is judged by them. `setup` keeps them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<FormerOrder>,
}

fn ten() -> u32 {
    10
}

/// An order that a funnel's stages have no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormerOrder {
    /// Until when they had it, as far as we know.
    pub until: Timestamp,
    /// All stages in that order.
    pub stages: Vec<StageId>,
}

/// What we may do in a funnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing is looked at.
    Off,
    /// Plans are made and shown, nothing is written.
    WatchOnly,
    /// Plans are carried out.
    Active,
}

/// Why a text is no policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, an unknown key or a wrong value; the message names the line.
    #[error("the policy cannot be read")]
    Text(#[source] toml::de::Error),
    /// It can be read, and contradicts itself; every fault is named.
    #[error("the policy has faults: {}", .0.join("; "))]
    Faults(Vec<String>),
}

/// A larger text is no policy, and would cost seconds and hundreds of megabytes to say so.
const MOST_BYTES: usize = 256 << 10;

impl Policy {
    /// Reads and checks a policy.
    ///
    /// # Errors
    /// Names every fault at once.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MOST_BYTES {
            return Err(PolicyError::Faults(vec![format!(
                "it has more than {} KiB",
                MOST_BYTES >> 10
            )]));
        }
        let policy: Self = toml::from_str(text).map_err(PolicyError::Text)?;
        let faults = policy.faults();
        if faults.is_empty() {
            Ok(policy)
        } else {
            Err(PolicyError::Faults(faults))
        }
    }

    /// The same, with who decides about payments where it does not say: the accountant where his side returns what he gave,
    /// else we.
    #[must_use]
    pub fn decided_by(mut self, accountant_gives: bool) -> Self {
        if let Some(money) = &mut self.money {
            money.booking.get_or_insert(if accountant_gives {
                Booking::Accounting
            } else {
                Booking::Provodka
            });
        }
        self
    }

    /// The same for a connection that may fire triggers, or may not: then paid deals are put into their stages.
    #[must_use]
    pub fn moved_by_triggers(mut self, may_fire: bool) -> Self {
        let stages = self.money.iter_mut().flat_map(|money| &mut money.stages);
        for stage in stages.filter(|_| !may_fire) {
            stage.by = MovedBy::Stage;
        }
        self
    }

    /// The text that [`Policy::parse`] reads.
    ///
    /// # Errors
    /// Never for a policy that was parsed.
    pub fn to_text(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }

    /// The funnel's settings, unless it is off.
    pub fn funnel(&self, id: FunnelId) -> Option<&Funnel> {
        self.funnels
            .iter()
            .find(|funnel| funnel.id == id && funnel.mode != Mode::Off)
    }

    /// Whether it says anything of a funnel, and be it that it is off.
    pub fn names(&self, id: FunnelId) -> bool {
        self.funnels.iter().any(|funnel| funnel.id == id)
    }

    /// The invoice stages of all funnels that are not off.
    pub fn invoice_stages(&self) -> Vec<StageId> {
        let followed = self.funnels.iter().filter(|one| one.mode != Mode::Off);
        followed
            .flat_map(|funnel| funnel.invoice_stages.iter().cloned())
            .collect()
    }

    /// Whether invoices are issued in a funnel.
    pub fn is_active(&self, id: FunnelId) -> bool {
        self.funnel(id)
            .is_some_and(|funnel| funnel.mode == Mode::Active)
    }

    /// Whether anything may be written to the portal: a message to a person is written as well.
    pub fn is_at_work(&self) -> bool {
        self.funnels
            .iter()
            .any(|funnel| funnel.mode == Mode::Active)
    }

    /// The dialog in which a question is told that is no manager's, by its key or code; none: nobody hears it.
    pub fn dialog(&self, key: &str) -> Option<&str> {
        let accountant = self
            .accountant
            .as_ref()
            .filter(|_| Kind::is_accountants(key));
        accountant
            .or(self.administrator.as_ref())
            .map(String::as_str)
    }

    /// What entered a funnel's invoice stages before this moment is never issued but by a person's order.
    pub fn start_of(&self, funnel: &Funnel) -> Timestamp {
        funnel
            .start_at
            .map_or(self.start_at, |own| own.max(self.start_at))
    }

    /// The same for a funnel by its id. A deal in one that is not followed may have come from any: the last of all starts.
    pub fn start_in(&self, funnel: FunnelId) -> Timestamp {
        match self.funnel(funnel) {
            Some(funnel) => self.start_of(funnel),
            None => {
                let starts = self.funnels.iter().map(|one| self.start_of(one));
                starts.fold(self.start_at, Ord::max)
            }
        }
    }

    /// One of our legal entities.
    pub fn organisation(&self, id: &OrganisationId) -> Option<&Organisation> {
        self.organisations
            .iter()
            .find(|organisation| organisation.id == *id)
    }

    /// The portal's own fields of deals that our rules read, each once.
    pub fn deal_fields(&self) -> Vec<String> {
        let mut names: Vec<String> = self.invoice.deal_fields().map(str::to_owned).collect();
        names.extend(self.pilot.iter().filter_map(|pilot| pilot.field.clone()));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether a contact's name may be that of a buyer.
    pub fn names_contacts(&self) -> bool {
        self.invoice.without_inn == WithoutInn::OwnId
    }

    /// The files that our own papers are made of, beside what is built in.
    pub fn paper_files(&self) -> Vec<PaperFile> {
        paper::paper_files(self)
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = paper::faults(self);
        for field in [
            OurField::Number,
            OurField::Date,
            OurField::Status,
            OurField::Sum,
        ] {
            if !self.fields.contains_key(&field) {
                faults.push(format!("`fields` lacks `{field:?}`").to_lowercase());
            }
        }
        faults.extend(self.invoice.faults());
        faults.extend(self.notices.faults());
        faults.extend(self.money.iter().flat_map(|money| money.faults(self)));
        if let Some(field) = self.pilot.as_ref().and_then(|pilot| pilot.field.as_ref())
            && !field.starts_with("UF_")
        {
            faults.push(format!(
                "`pilot.field`: `{field}` is no custom field of deals, its name begins with `UF_`"
            ));
        }
        for organisation in &self.organisations {
            faults.extend(vat::faults(organisation.id.as_str(), &organisation.vat));
            let account = organisation.account.as_ref();
            if let Some(number) = account.filter(|number| !money::is_account(number)) {
                faults.push(format!(
                    "organisation `{}`: `{number}` is no account of 20 digits",
                    organisation.id
                ));
            }
            if TimeZone::get(&organisation.time_zone).is_err() {
                faults.push(format!(
                    "organisation `{}`: no time zone `{}`",
                    organisation.id, organisation.time_zone
                ));
            }
        }
        for funnel in &self.funnels {
            for stage in &funnel.invoice_stages {
                if !funnel.stages.contains(stage) {
                    faults.push(format!("funnel {}: no stage `{stage}`", funnel.id));
                }
            }
            if let Some(id) = &funnel.organisation
                && self.organisation(id).is_none()
            {
                faults.push(format!("funnel {}: no organisation `{id}`", funnel.id));
            }
        }
        faults
    }
}

impl Policy {
    /// The zone in which people are told moments: that of the first organisation.
    pub(crate) fn zone(&self) -> TimeZone {
        let first = self.organisations.first();
        first.map_or(TimeZone::UTC, Organisation::zone)
    }
}

impl Organisation {
    /// The zone by whose day its invoices are dated.
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// How it stands to VAT at a moment of its own day; none where nobody said.
    pub fn vat_at(&self, now: Timestamp) -> Option<&VatPeriod> {
        self.vat_on(now.to_zoned(self.zone()).date())
    }

    /// The same on a day.
    pub(crate) fn vat_on(&self, day: Date) -> Option<&VatPeriod> {
        vat::on(&self.vat, day)
    }
}

impl Funnel {
    /// Where a stage stands in the funnel's order.
    pub fn position(&self, stage: &StageId) -> Option<usize> {
        self.stages.iter().position(|known| known == stage)
    }

    /// Whether a stage stood before every invoice stage at a moment: by the order of then, else by the present one.
    pub(crate) fn is_before_invoice(&self, stage: &StageId, at: Timestamp) -> Option<bool> {
        let then = self.former.iter().filter(|order| at < order.until);
        let then = then.min_by_key(|order| order.until);
        let mut orders = then
            .map(|order| &order.stages)
            .into_iter()
            .chain([&self.stages]);
        orders.find_map(|order| self.is_before(order, stage))
    }

    /// Whether it stands before them now and did in every order there was.
    pub(crate) fn is_ever_before_invoice(&self, stage: &StageId) -> bool {
        let mut former = self.former.iter();
        self.is_before(&self.stages, stage) == Some(true)
            && former.all(|order| self.is_before(&order.stages, stage) != Some(false))
    }

    /// Keeps the order that this funnel had `before`, if a stage stood on the other side of the invoice stages then.
    pub fn keep_former(&mut self, before: &Self, until: Timestamp) {
        let is_another = |stage: &StageId| {
            let then = self.is_before(&before.stages, stage);
            then.is_some() && then != self.is_before(&self.stages, stage)
        };
        if before.stages.iter().any(is_another) {
            let stages = before.stages.clone();
            self.former.push(FormerOrder { until, stages });
        }
    }

    fn is_before(&self, order: &[StageId], stage: &StageId) -> Option<bool> {
        let place = |wanted: &StageId| order.iter().position(|known| known == wanted);
        let first = self.invoice_stages.iter().filter_map(place).min()?;
        place(stage).map(|place| place < first)
    }
}
