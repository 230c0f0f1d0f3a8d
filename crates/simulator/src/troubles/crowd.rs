//! A crowd: where many invoices at once are asked about, somebody moves more deals into the invoice stage than go without
//! a question, one soon after the other, so that they come in many passes.

use std::time::Duration;

use jiff::Timestamp;

use crate::days::day::{Calendar, Happening, secs};
use crate::days::world::World;
use crate::offices::office::INVOICE;

impl World {
    /// How many come; none where nobody is asked about many.
    pub(crate) fn crowd(&self) -> Option<u32> {
        let most = self.weather.ask_above;
        (most > 0).then(|| most.saturating_mul(2).saturating_add(3))
    }

    /// One of so many enters, and the others soon after it.
    pub(crate) fn one_of_crowd(&mut self, calendar: &mut Calendar, now: Timestamp, left: u32) {
        if let Some(tenant) = self.tenants.first_mut()
            && let Some(deal) = tenant.office.quiet_deal(now)
        {
            tenant.office.move_to(now, deal, INVOICE);
        }
        let left = left.saturating_sub(1);
        if left > 0 {
            let (from, to) = (Duration::from_millis(100), secs(2));
            calendar.soon(now, from, to, Happening::Crowd(left));
        }
    }
}
