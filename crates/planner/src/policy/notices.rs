//! How much noise may be made, and with whom a pilot begins.

use domain::UserId;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::CaseCode;

/// What people are told, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notices {
    /// Hours in which nobody is told of anything; none: told at any hour. `setup` makes a first policy quiet at night.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// Questions that nobody is told of; they are listed all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub off: Vec<Kind>,
}

/// A kind of question, by its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Kind(String);

impl Kind {
    /// Those that no plan asks: about what failed, and about the portal itself.
    pub const BESIDE_PLANS: [&'static str; 12] = [
        "ACCOUNT-UNKNOWN",
        "ACCOUNTING-PAYMENT",
        "ACTION-REFUSED",
        "BITRIX24-ACCESS",
        "BITRIX24-ANSWER",
        "DATABASE-UNUSABLE",
        "INVOICE-FLOOD",
        "INVOICE-TWIN",
        "KONTUR-ACCOUNTING",
        "OUTCOME-UNKNOWN",
        "SUBJECT-SET-ASIDE",
        "TRIED-TOO-OFTEN",
    ];

    /// Those that an accountant answers: about the books, the bills in them and the money.
    pub const ACCOUNTANTS: [&'static str; 15] = [
        "ACCOUNT-UNKNOWN",
        "ACCOUNTING-PAYMENT",
        "COUNTERPARTY-NEW",
        "INVOICE-CANCELLED",
        "INVOICE-CANCEL-ORDERED",
        "INVOICE-DELETED",
        "INVOICE-EDITED",
        "INVOICE-MARKED-PAID",
        "INVOICE-RATE-ENDED",
        "INVOICE-TWIN",
        "PAID-INVOICE-GONE",
        "PAID-MARK-GONE",
        "PAYMENT-AT-ADOPTION",
        "PAYMENT-DEAL-LOST",
        "PAYMENT-UNDECIDED",
    ];

    /// Whether a question of this key is one of those.
    pub(crate) fn is_accountants(key: &str) -> bool {
        Self::ACCOUNTANTS.contains(&code_of(key))
    }
}

/// The code that a key begins with.
fn code_of(key: &str) -> &str {
    key.split('/').next().unwrap_or(key)
}

impl From<CaseCode> for Kind {
    fn from(code: CaseCode) -> Self {
        Self(code.as_str().to_owned())
    }
}

impl TryFrom<String> for Kind {
    type Error = String;

    fn try_from(code: String) -> Result<Self, String> {
        let asked_by_plans = CaseCode::ALL.iter().any(|known| known.as_str() == code);
        if asked_by_plans || Self::BESIDE_PLANS.contains(&code.as_str()) {
            Ok(Self(code))
        } else {
            Err(format!("`{code}` is no kind of question"))
        }
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.0
    }
}

/// From evening to morning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// `20:00`.
    pub from: Time,
    /// `08:00`.
    pub until: Time,
    /// The portal's zone.
    pub time_zone: String,
}

/// Whose deals a pilot is limited to; what a person orders is invoiced all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pilot {
    /// Managers; none: all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub responsible: Vec<UserId>,
    /// A yes/no field of the deal: `UF_CRM_…`; none: it does not matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Notices {
    pub(crate) fn is_silent(&self) -> bool {
        *self == Self::default()
    }

    /// Whether nobody is to be told of a question with this key: `ACTION-REFUSED/write_fields` is of the kind before the stroke.
    pub fn is_off(&self, key: &str) -> bool {
        let code = code_of(key);
        self.off.iter().any(|kind| kind.0 == code)
    }

    /// The end of the quiet hours that `now` is in.
    pub fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        let quiet = self.quiet.as_ref()?;
        let zoned = now.to_zoned(TimeZone::get(&quiet.time_zone).ok()?);
        let (time, day) = (zoned.time(), zoned.date());
        let over_night = quiet.from > quiet.until;
        let is_quiet = if over_night {
            time >= quiet.from || time < quiet.until
        } else {
            time >= quiet.from && time < quiet.until
        };
        is_quiet.then_some(())?;
        let ends_on = if over_night && time >= quiet.from {
            day.checked_add(1.day()).ok()?
        } else {
            day
        };
        let ends = ends_on
            .to_datetime(quiet.until)
            .to_zoned(zoned.time_zone().clone());
        ends.ok().map(|ends| ends.timestamp())
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        let Some(quiet) = &self.quiet else {
            return Vec::new();
        };
        let mut faults = Vec::new();
        if TimeZone::get(&quiet.time_zone).is_err() {
            faults.push(format!(
                "`notices.quiet`: no time zone `{}`",
                quiet.time_zone
            ));
        }
        if quiet.from == quiet.until {
            faults.push("`notices.quiet`: `from` and `until` are the same hour".to_owned());
        }
        faults
    }
}
