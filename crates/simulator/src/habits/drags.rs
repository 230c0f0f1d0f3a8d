//! Managers who drag deals into the invoice stage by mistake and most often back again, in two funnels of which each has a
//! time of its own within which that is forgiven.

use std::time::Duration;

use jiff::Timestamp;

use crate::chance::customs::Drags;
use crate::offices::office::{self, INVOICE};
use crate::people::managers::Office;

impl Office {
    /// A deal is dragged; when it is to be dragged back, if ever.
    pub(crate) fn drag(&mut self, now: Timestamp, drags: &Drags) -> Option<(i64, Duration)> {
        let (deal, funnel, straight) = self.deal_somewhere(now, 500, 200)?;
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
