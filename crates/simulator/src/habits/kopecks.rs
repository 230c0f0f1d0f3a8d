//! Managers who sell by weight and by hundreds of rows: quantities with three decimals, prices after a discount, VAT within the
//! price or on top of it. The portal rounds such rows step by step, and its sum is off from that of the lines.

use std::time::Duration;

use emulator_bitrix24::LineSeed;
use jiff::Timestamp;

use crate::chance::dice::Dice;
use crate::days::day::secs;
use crate::offices::office::{self, INVOICE};
use crate::people::managers::Office;

/// An office where such deals are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kopecks {
    /// Mean time between two acts with them.
    pub(crate) every: Duration,
}

impl Kopecks {
    pub(crate) fn drawn(dice: &mut Dice) -> Self {
        Self {
            every: dice.time(secs(20), secs(70)),
        }
    }
}

/// Whether the rows of a deal hold their VAT.
#[derive(Clone, Copy, Debug)]
enum Vat {
    Within,
    OnTop,
    /// As nobody should write them.
    Mixed,
}

impl Office {
    /// A manager who sells by weight does something.
    pub(crate) fn sell_by_weight(&mut self, now: Timestamp) {
        let deal = self.some_living();
        match (self.habits.below(100), deal) {
            (0..55, _) | (_, None) => self.new_deal_by_weight(now),
            (55..75, Some(deal)) => {
                let lines = self.rows_by_weight();
                self.set_lines(now, deal, lines);
            }
            (75..85, Some(deal)) => self.weigh_anew(now, deal),
            (_, Some(deal)) => self.move_to(now, deal, INVOICE),
        }
    }

    fn new_deal_by_weight(&mut self, now: Timestamp) {
        let buyer = self.some_buyer(now);
        self.fill_kpp(now, buyer);
        let straight = self.habits.chance(600);
        let stage = if straight { INVOICE } else { "NEW" };
        let lines = self.rows_by_weight();
        let rows = lines.len();
        let kind = if rows > 50 {
            "hundreds of rows"
        } else {
            "rows by weight"
        };
        if let Some(deal) = self.deal_of(now, Some(buyer), lines, (0, stage)) {
            self.tell(now, kind, format!("deal {deal}: {rows}"));
        }
    }

    /// One row weighs a little more or less: what it comes to may stay the same.
    fn weigh_anew(&mut self, now: Timestamp, deal: i64) {
        let known = self.deals.get(&deal);
        let last = known.and_then(|known| known.versions.last());
        let mut lines = last.map(|last| last.lines.clone()).unwrap_or_default();
        let places: Vec<usize> = (0..lines.len()).collect();
        let place = self.habits.pick(&places);
        if let Some(row) = place.and_then(|place| lines.get_mut(place)) {
            row.quantity = self.some_weight();
            self.set_lines(now, deal, lines);
        }
    }

    fn rows_by_weight(&mut self) -> Vec<LineSeed> {
        let count = match self.habits.below(100) {
            0..12 => self.habits.between(100, 300),
            12..30 => self.habits.between(45, 60),
            _ => self.habits.between(1, 7),
        };
        let vat = match self.habits.below(100) {
            0..45 => Vat::Within,
            45..95 => Vat::OnTop,
            _ => Vat::Mixed,
        };
        (0..count)
            .map(|place| self.row_by_weight(place, vat))
            .collect()
    }

    fn row_by_weight(&mut self, place: u64, vat: Vat) -> LineSeed {
        let kopecks = self.habits.between(1, 300_000);
        let price = format!("{}.{:02}", kopecks / 100, kopecks % 100);
        let mut row = office::line(&format!("На вес {place}"), &price, &self.some_weight());
        row.vat_included = match vat {
            Vat::Within => true,
            Vat::OnTop => false,
            Vat::Mixed => self.habits.chance(500),
        };
        if self.habits.chance(200) {
            "10".clone_into(&mut row.vat);
        }
        // The price is what is left of it.
        match self.habits.below(10) {
            0..3 => {
                row.discount = format!("{}.{}", self.habits.between(1, 40), self.habits.below(10))
            }
            3..5 => {
                row.discount_sum =
                    format!("{}.{:02}", self.habits.below(50), self.habits.below(100))
            }
            _ => {}
        }
        row
    }

    fn some_weight(&mut self) -> String {
        let grams = if self.habits.chance(800) {
            self.habits.between(1, 1_999)
        } else {
            self.habits.between(2_000, 250_000)
        };
        format!("{}.{:03}", grams / 1_000, grams % 1_000)
    }
}
