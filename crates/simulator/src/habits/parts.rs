//! Managers who bill a deal by parts: an advance before the work, the rest after it, what was added later; and who take a
//! bill back.

use jiff::Timestamp;

use crate::offices::office;
use crate::people::managers::Office;

/// Per cent of a deal that its advance is, where nobody says otherwise.
pub(crate) const PERCENT: u8 = 30;

/// Which part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Advance,
    Rest,
    Additional,
}

impl Part {
    /// As people say it in the field.
    fn order(self) -> &'static str {
        match self {
            Part::Advance => "Аванс",
            Part::Rest => "Остаток",
            Part::Additional => "Дополнительный",
        }
    }
}

impl Office {
    /// A manager who bills by parts does something.
    pub(crate) fn bill_by_parts(&mut self, now: Timestamp) {
        let living = self.deals.iter().filter(|(_, deal)| !deal.deleted);
        let (all, begun): (Vec<_>, Vec<_>) = living
            .map(|(id, deal)| (*id, !deal.parts.is_empty()))
            .unzip();
        let begun = all.iter().zip(begun).filter(|(_, begun)| *begun);
        let begun: Vec<i64> = begun.map(|(id, _)| *id).collect();
        // Most go on with what they began; some do so where nothing of the kind can be.
        let deal = if self.dice.chance(750) {
            self.dice.pick(&begun)
        } else {
            self.dice.pick(&all)
        };
        match (self.dice.below(100), deal) {
            (0..25, _) | (_, None) => {
                if let Some(deal) = self.quiet_deal(now) {
                    self.order_advance(now, deal);
                }
            }
            (25..40, Some(deal)) => self.order_advance(now, deal),
            (40..65, Some(deal)) => self.order_part(now, deal, Part::Rest),
            (65..90, Some(deal)) => {
                self.add_line(now, deal);
                self.order_part(now, deal, Part::Additional);
            }
            (_, Some(deal)) => self.take_back(now, deal),
        }
    }

    fn order_advance(&mut self, now: Timestamp, deal: i64) {
        if self.shares {
            self.agree_on_share(now, deal);
        }
        self.order_part(now, deal, Part::Advance);
    }

    fn take_back(&mut self, now: Timestamp, deal: i64) {
        self.say(now, deal, "Отменить");
        if let Some(known) = self.deals.get_mut(&deal) {
            known.taken_back = true;
        }
    }

    pub(crate) fn order_part(&mut self, now: Timestamp, deal: i64, part: Part) {
        self.say(now, deal, part.order());
        if let Some(known) = self.deals.get_mut(&deal) {
            known.ordered = true;
            known.parts.push((now, part));
        }
    }

    /// The buyer wants more.
    pub(crate) fn add_line(&mut self, now: Timestamp, deal: i64) {
        let last = self
            .deals
            .get(&deal)
            .and_then(|known| known.versions.last());
        let Some(mut lines) = last.map(|last| last.lines.clone()) else {
            return;
        };
        let (price, place) = (self.dice.between(1, 5_000).to_string(), lines.len());
        lines.push(office::line(&format!("Добавлено {place}"), &price, "1"));
        self.set_lines(now, deal, lines);
    }
}
