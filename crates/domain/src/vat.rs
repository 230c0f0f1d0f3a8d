//! VAT (НДС): the rates as a dated enumeration, and how a price relates to the tax.
//!
//! "Without VAT", "0 %" and "not stated" are three different things: an exempt seller, a rate with duties
//! of proof, and a gap in the data. A rate that is over cannot go: corrections of old shipments keep it.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A rate of VAT, or the reason why there is none. Ordered from the highest rate down.
///
/// As text and in JSON: `22`, `20`, `10`, `7`, `5`, `0`, `none`, `not_stated`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VatRate {
    /// The general rate since 2026-01-01: art. 164(3) NK, law 425-ФЗ of 2025-11-28.
    #[serde(rename = "22")]
    Percent22,
    /// The general rate of shipments 2019-01-01 to 2025-12-31: law 303-ФЗ of 2018-08-03.
    #[serde(rename = "20")]
    Percent20,
    /// Listed food, medical and similar goods: art. 164(2) NK.
    #[serde(rename = "10")]
    Percent10,
    /// Lowered rate of a USN payer with the larger income: art. 164(8) NK, law 176-ФЗ of 2024-07-12.
    #[serde(rename = "7")]
    Percent7,
    /// Lowered rate of a USN payer with the smaller income: art. 164(8) NK, law 176-ФЗ of 2024-07-12.
    #[serde(rename = "5")]
    Percent5,
    /// Export and other operations of art. 164(1) NK: a rate, with the duty to prove it.
    #[serde(rename = "0")]
    Zero,
    /// Without VAT: the seller or the operation is exempt.
    #[serde(rename = "none")]
    Without,
    /// Nobody said. Never printed on a document.
    #[serde(rename = "not_stated")]
    NotStated,
}

/// How the prices of a document relate to VAT. As text and in JSON: `included`, `on_top`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VatMode {
    /// Prices hold the tax (НДС в сумме).
    Included,
    /// The tax is added to prices (НДС сверху).
    OnTop,
}

/// A text that names no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown VAT rate; known are 22, 20, 10, 7, 5, 0, none, not_stated")]
pub struct VatRateError;

/// A text that names no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown VAT mode; known are included, on_top")]
pub struct VatModeError;

impl VatRate {
    /// All of them, in order.
    pub const ALL: [VatRate; 8] = [
        VatRate::Percent22,
        VatRate::Percent20,
        VatRate::Percent10,
        VatRate::Percent7,
        VatRate::Percent5,
        VatRate::Zero,
        VatRate::Without,
        VatRate::NotStated,
    ];

    /// The rate in per cent; `None` where there is no rate, which is not the same as 0.
    pub const fn percent(self) -> Option<u8> {
        match self {
            VatRate::Percent22 => Some(22),
            VatRate::Percent20 => Some(20),
            VatRate::Percent10 => Some(10),
            VatRate::Percent7 => Some(7),
            VatRate::Percent5 => Some(5),
            VatRate::Zero => Some(0),
            VatRate::Without | VatRate::NotStated => None,
        }
    }

    /// The rate of so many per cent, exactly; `None` if there is no such rate in the law we know.
    pub fn of_percent(percent: Decimal) -> Option<VatRate> {
        VatRate::ALL.into_iter().find(|rate| {
            rate.percent()
                .is_some_and(|known| Decimal::from(known) == percent)
        })
    }

    /// Whether a shipment or an advance of `date` can have this rate.
    ///
    /// The day of shipment decides, never that of the contract or the invoice. Corrections keep the rate of
    /// the shipment they correct, so this is no test for them. Chapter 21 NK begins on 2001-01-01.
    pub fn in_force_on(self, date: Date) -> bool {
        let (from, until) = match self {
            VatRate::Percent22 => (day(2026, 1, 1), None),
            VatRate::Percent20 => (day(2019, 1, 1), Some(day(2025, 12, 31))),
            VatRate::Percent7 | VatRate::Percent5 => (day(2025, 1, 1), None),
            VatRate::Percent10 | VatRate::Zero => (day(2001, 1, 1), None),
            VatRate::Without | VatRate::NotStated => return true,
        };
        from <= date && until.is_none_or(|last| date <= last)
    }

    /// As a document prints it: `22%`, `0%`, `Без НДС`; for what nobody stated `НДС не указан`.
    pub const fn label(self) -> &'static str {
        match self {
            VatRate::Percent22 => "22%",
            VatRate::Percent20 => "20%",
            VatRate::Percent10 => "10%",
            VatRate::Percent7 => "7%",
            VatRate::Percent5 => "5%",
            VatRate::Zero => "0%",
            VatRate::Without => "Без НДС",
            VatRate::NotStated => "НДС не указан",
        }
    }

    /// The stable text, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            VatRate::Percent22 => "22",
            VatRate::Percent20 => "20",
            VatRate::Percent10 => "10",
            VatRate::Percent7 => "7",
            VatRate::Percent5 => "5",
            VatRate::Zero => "0",
            VatRate::Without => "none",
            VatRate::NotStated => "not_stated",
        }
    }
}

impl VatMode {
    /// The stable text, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            VatMode::Included => "included",
            VatMode::OnTop => "on_top",
        }
    }
}

impl fmt::Display for VatRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for VatRate {
    type Err = VatRateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        VatRate::ALL
            .into_iter()
            .find(|rate| rate.as_str() == text)
            .ok_or(VatRateError)
    }
}

impl fmt::Display for VatMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for VatMode {
    type Err = VatModeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let modes = [VatMode::Included, VatMode::OnTop];
        modes
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or(VatModeError)
    }
}

const fn day(year: i16, month: i8, day: i8) -> Date {
    jiff::civil::date(year, month, day)
}
