//! The turn of the year within a day, by the organisation's clock: the former main rate of VAT ends with it. Managers write
//! what is right most often, some the new rate too soon and some the former one too late. Where the register is our own, its
//! numbers begin anew.

use std::time::Duration;

use engine::clock::earlier;
use jiff::Timestamp;

use crate::dice::Dice;
use crate::people::ENDED_RATE;

/// 1 January 2026, 0:00 in Moscow.
const MIDNIGHT: i64 = 1_767_214_800;

/// A day on which a year ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewYear {
    /// So long after the day's beginning.
    pub(crate) after: Duration,
    /// Lines bear a rate that ends; else one that goes on.
    pub(crate) rates: bool,
}

impl NewYear {
    fn midnight() -> Timestamp {
        Timestamp::from_second(MIDNIGHT).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// When the day begins.
    pub(crate) fn morning(self) -> Timestamp {
        earlier(Self::midnight(), self.after)
    }

    /// What a manager writes into a line, in percent.
    pub(crate) fn some_rate(self, now: Timestamp, dice: &mut Dice) -> &'static str {
        if !self.rates {
            return "10";
        }
        let (right, wrong, often) = if now < Self::midnight() {
            (ENDED_RATE, "22", 900)
        } else {
            ("22", ENDED_RATE, 700)
        };
        if dice.chance(often) { right } else { wrong }
    }
}
