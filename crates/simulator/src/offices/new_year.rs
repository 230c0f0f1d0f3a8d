//! The turn of the year within a day, by the organisation's clock: the former main rate of VAT ends with it, or the
//! organisation was exempt and pays VAT from then on. Managers write what is right most often, some the new rate too soon and
//! some the former one too late, and they bill most just before midnight and just after. Where the register is our own, its
//! numbers begin anew.

use std::time::Duration;

use engine::clock::earlier;
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use planner::{VatPeriod, VatRegime};

use crate::chance::dice::Dice;
use crate::days::day::secs;
use crate::offices::office::INVOICE;
use crate::offices::regimes::WORDING;
use crate::people::managers::{ENDED_RATE, Office};

/// 1 January 2026, 0:00 in Moscow.
const MIDNIGHT: i64 = 1_767_214_800;

/// So long before midnight and after it they are in a hurry.
const RUSH: SignedDuration = SignedDuration::from_secs(150);

/// A day on which a year ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewYear {
    /// So long after the day's beginning.
    pub(crate) after: Duration,
    pub(crate) ends: Ends,
}

/// What ends with the year for the rates of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// The main rate, by law.
    Rate,
    /// That the organisation is exempt.
    Exemption,
    /// None: they bear one that goes on.
    Nothing,
}

impl NewYear {
    fn midnight() -> Timestamp {
        Timestamp::from_second(MIDNIGHT).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// When the day begins.
    pub(crate) fn morning(self) -> Timestamp {
        earlier(Self::midnight(), self.after)
    }

    /// Mean time between two acts of whoever bills at the turn of the year.
    pub(crate) fn every(now: Timestamp) -> Duration {
        let away = now.duration_since(Self::midnight()).abs();
        secs(if away < RUSH { 12 } else { 100 })
    }

    /// What a manager writes into a line, in percent.
    pub(crate) fn some_rate(self, now: Timestamp, dice: &mut Dice) -> &'static str {
        let (before, after) = match self.ends {
            Ends::Rate => (ENDED_RATE, "22"),
            Ends::Exemption => ("", "5"),
            Ends::Nothing => return "10",
        };
        let (right, wrong, often) = if now < Self::midnight() {
            (before, after, 900)
        } else {
            (after, before, 700)
        };
        if dice.chance(often) { right } else { wrong }
    }

    /// What policy says of the organisation's regime.
    pub(crate) fn periods(self) -> Vec<VatPeriod> {
        if self.ends != Ends::Exemption {
            return Vec::new();
        }
        let exempt = VatPeriod {
            from: date(2025, 1, 1),
            regime: VatRegime::Exempt,
            wording: Some(WORDING.to_owned()),
        };
        let payer = VatPeriod {
            from: date(2026, 1, 1),
            regime: VatRegime::Usn5,
            wording: None,
        };
        vec![exempt, payer]
    }

    /// Whether a line of so many percent may be billed once the year is over.
    pub(crate) fn is_lawful_after(self, percent: &str) -> bool {
        self.ends != Ends::Exemption || percent == "5"
    }
}

impl Office {
    /// A manager bills what is to be in the books of the year that ends, or of the one that began.
    pub(crate) fn bill_at_the_turn(&mut self, now: Timestamp) {
        let hurries = self.habits.chance(700);
        let deal = if hurries {
            self.quiet_deal(now)
        } else {
            self.some_living()
        };
        if let Some(deal) = deal {
            self.move_to(now, deal, INVOICE);
        }
    }
}
