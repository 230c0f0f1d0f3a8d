//! Managers who drag deals into the invoice stage by mistake and most often back again, in two funnels of which each has a
//! time of its own within which that is forgiven.

use std::time::Duration;

use emulator_bitrix24::DealSeed;
use jiff::Timestamp;

use crate::customs::Drags;
use crate::office::{self, INVOICE};
use crate::people::Office;
use crate::remembered::Version;

impl Office {
    /// A deal is dragged; when it is to be dragged back, if ever.
    pub(crate) fn drag(&mut self, now: Timestamp, drags: &Drags) -> Option<(i64, Duration)> {
        let (buyer, lines) = (self.some_buyer(now), self.some_lines());
        self.fill_kpp(now, buyer);
        let funnel = if self.habits.chance(500) {
            0
        } else {
            office::SECOND_FUNNEL
        };
        let straight = self.habits.chance(200);
        let first = if straight { INVOICE } else { "NEW" };
        let seed = DealSeed {
            stage: office::stage_in(funnel, first),
            funnel,
            company: office::title_in(self.place, buyer),
            ..DealSeed::default()
        };
        let version = Version {
            at: now,
            lines,
            buyer: Some(buyer),
            ..Version::default()
        };
        let deal = self.made(seed, version)?;
        if !straight {
            self.move_to(now, deal, INVOICE);
        }
        let settle = Duration::from_secs(drags.settle_of(funnel).into());
        let latest = settle.saturating_mul(8).checked_div(5).unwrap_or(settle);
        let back = self.habits.time(Duration::ZERO, latest);
        self.habits.chance(750).then_some((deal, back))
    }

    /// It is dragged back, and at times into the stage again.
    pub(crate) fn drag_back(&mut self, now: Timestamp, deal: i64) {
        let back = if self.habits.chance(800) {
            "NEW"
        } else {
            office::LOST
        };
        self.move_to(now, deal, back);
        if self.habits.chance(150) {
            self.move_to(now, deal, INVOICE);
        }
    }
}
