//! An organisation's VAT regime: dated, because it changes inside a year on the first of any month.

use domain::VatRate;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// From when on an organisation has which regime; until the next one begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VatPeriod {
    /// The first day.
    pub from: Date,
    /// Which.
    pub regime: VatRegime,
    /// For `exempt`: why there is no VAT, as it is printed below the sums.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wording: Option<String>,
}

/// How an organisation stands to VAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VatRegime {
    /// Pays VAT at the general rates, art. 164(1)–(3) NK.
    #[serde(rename = "general")]
    General,
    /// USN with the lowered rate of 5 %, art. 164(8) NK.
    #[serde(rename = "usn_5")]
    Usn5,
    /// USN with the lowered rate of 7 %.
    #[serde(rename = "usn_7")]
    Usn7,
    /// Pays none: USN below the threshold, patent, art. 145 NK.
    #[serde(rename = "exempt")]
    Exempt,
}

impl VatRegime {
    /// Whether a line may bear this rate; "without VAT" at a payer is another question, see `vat.rs`.
    pub(crate) fn allows(self, rate: VatRate) -> bool {
        let rates: &[VatRate] = match self {
            Self::General => &[
                VatRate::Percent22,
                VatRate::Percent20,
                VatRate::Percent10,
                VatRate::Zero,
            ],
            Self::Usn5 => &[VatRate::Percent5, VatRate::Zero],
            Self::Usn7 => &[VatRate::Percent7, VatRate::Zero],
            Self::Exempt => &[VatRate::Without],
        };
        rates.contains(&rate)
    }

    /// Whether it pays VAT at all.
    pub(crate) fn pays(self) -> bool {
        self != Self::Exempt
    }

    /// For people, in Russian.
    pub fn label(self) -> &'static str {
        match self {
            Self::General => "общий режим НДС",
            Self::Usn5 => "УСН с НДС 5%",
            Self::Usn7 => "УСН с НДС 7%",
            Self::Exempt => "без НДС",
        }
    }
}

/// The period that a day belongs to.
pub(crate) fn on(periods: &[VatPeriod], day: Date) -> Option<&VatPeriod> {
    periods.iter().rfind(|period| period.from <= day)
}

/// What is wrong with an organisation's periods.
pub(crate) fn faults(organisation: &str, periods: &[VatPeriod]) -> Vec<String> {
    let mut faults = Vec::new();
    let pairs = periods.iter().zip(periods.iter().skip(1));
    for (one, next) in pairs.filter(|(one, next)| one.from >= next.from) {
        faults.push(format!(
            "organisation `{organisation}`: VAT from {} must stand after that from {}",
            one.from, next.from
        ));
    }
    for period in periods {
        let worded = period
            .wording
            .as_ref()
            .is_some_and(|wording| !wording.trim().is_empty());
        if worded == period.regime.pays() {
            faults.push(format!(
                "organisation `{organisation}`: VAT from {}: `wording` is for `exempt`, and `exempt` needs it",
                period.from
            ));
        }
    }
    faults
}
