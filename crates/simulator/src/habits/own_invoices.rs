//! Managers who make invoices of the portal's own for their deals, with the sum of the deal or another, and take them back.

use emulator_bitrix24::LineSeed;
use jiff::Timestamp;
use serde_json::json;

use crate::offices::office::{self, INVOICE};
use crate::people::managers::Office;

const STAGE_NEW: &str = "N";
const STAGE_SENT: &str = "S";
const STAGE_PAID: &str = "P";
/// It came to nothing.
const STAGE_FAILED: &str = "D";

/// An invoice of the portal's own, as people know it.
#[derive(Clone, Debug)]
pub(crate) struct OwnInvoice {
    pub(crate) id: i64,
    pub(crate) deal: i64,
    pub(crate) number: String,
    pub(crate) kopecks: i64,
    /// Of the deal when it was made.
    pub(crate) buyer: Option<u32>,
    /// Since when it was live, or was not.
    lives: Vec<(Timestamp, bool)>,
}

impl OwnInvoice {
    /// Whether it was live all the time between two moments.
    pub(crate) fn is_live(&self, from: Timestamp, until: Timestamp) -> bool {
        let before = self.lives.iter().rfind(|(at, _)| *at <= from);
        let mut between = self
            .lives
            .iter()
            .filter(|(at, _)| *at > from && *at <= until);
        before.is_some_and(|(_, live)| *live) && between.all(|(_, live)| *live)
    }

    pub(crate) fn made_at(&self) -> Timestamp {
        self.lives.first().map_or(Timestamp::MIN, |(at, _)| *at)
    }
}

impl Office {
    /// A manager who makes invoices of the portal's own does something.
    pub(crate) fn invoice_by_portal(&mut self, now: Timestamp) {
        let living = self.deals.iter().filter(|(_, deal)| !deal.deleted);
        let living: Vec<i64> = living.map(|(id, _)| *id).collect();
        let places: Vec<usize> = (0..self.own_invoices.len()).collect();
        match self.habits.below(100) {
            0..40 => {
                if let Some(deal) = self.quiet_deal(now) {
                    self.make_own(now, deal);
                    if self.habits.chance(600) {
                        self.move_to(now, deal, INVOICE);
                    }
                }
            }
            40..55 => {
                if let Some(deal) = self.habits.pick(&living) {
                    self.make_own(now, deal);
                }
            }
            act => {
                let Some(place) = self.habits.pick(&places) else {
                    return;
                };
                let stages = [STAGE_SENT, STAGE_PAID, STAGE_NEW];
                match act {
                    55..75 => self.move_own(now, place, STAGE_FAILED),
                    75..85 => {
                        let stage = self.habits.pick(&stages).unwrap_or(STAGE_SENT);
                        self.move_own(now, place, stage);
                    }
                    _ => {
                        let deal = self.own_invoices.get(place).map(|one| one.deal);
                        if let Some(deal) = deal.filter(|deal| living.contains(deal)) {
                            self.move_to(now, deal, INVOICE);
                        }
                    }
                }
            }
        }
    }

    fn make_own(&mut self, now: Timestamp, deal: i64) {
        let last = self
            .deals
            .get(&deal)
            .and_then(|known| known.versions.last());
        let Some(last) = last.cloned() else {
            return;
        };
        let worth = worth(&last.lines);
        let kopecks = if self.habits.chance(750) {
            worth
        } else {
            i64::try_from(self.habits.between(1, 9_000_000)).unwrap_or(1)
        };
        let record = self.portal.record(2, deal).unwrap_or_default();
        let mut fields = json!({
            "PARENT_ID_2": deal,
            "OPPORTUNITY": format!("{}.{:02}", kopecks / 100, kopecks % 100),
            "IS_MANUAL_OPPORTUNITY": "Y",
            "COMPANY_ID": record.get("COMPANY_ID"),
            "CONTACT_ID": record.get("CONTACT_ID"),
        });
        // The portal counts them by itself, and people renumber some.
        if self.habits.chance(850) {
            let count = self.own_invoices.len().saturating_add(1);
            let number = json!(format!("Б24-{count}"));
            if let Some(fields) = fields.as_object_mut() {
                fields.insert("ACCOUNT_NUMBER".to_owned(), number);
            }
        }
        match self.portal.manager().create_smart_invoice(fields) {
            Ok(id) => {
                let made = self.portal.record(31, id).unwrap_or_default();
                let number = made
                    .get("ACCOUNT_NUMBER")
                    .and_then(|number| number.as_str());
                let number = number.unwrap_or_default().to_owned();
                let words = format!("№ {number} of deal {deal} over {kopecks} kopecks: {id}");
                self.tell(now, "own invoice", words);
                self.own_invoices.push(OwnInvoice {
                    id,
                    deal,
                    number,
                    kopecks,
                    buyer: last.buyer,
                    lives: vec![(now, true)],
                });
            }
            Err(declined) => self.tell(now, "declined", declined.to_string()),
        }
    }

    fn move_own(&mut self, now: Timestamp, place: usize, stage: &str) {
        let Some(own) = self.own_invoices.get_mut(place) else {
            return;
        };
        let (id, deal) = (own.id, own.deal);
        let live = stage != STAGE_FAILED;
        if own.lives.last().is_none_or(|(_, lives)| *lives != live) {
            own.lives.push((now, live));
        }
        let fields = json!({"STAGE_ID": format!("{}{stage}", office::OWN_INVOICE_STAGES)});
        let moved = self.portal.manager().edit_smart_invoice(id, fields);
        let words = format!("{id} of deal {deal} to {stage}: {moved:?}");
        self.tell(now, "moved own invoice", words);
    }
}

/// What the lines come to, in kopecks.
pub(crate) fn worth(lines: &[LineSeed]) -> i64 {
    let number = |text: &str| text.parse::<i64>().unwrap_or(0);
    let worth = |line: &LineSeed| {
        let (rubles, kopecks) = line.price.split_once('.').unwrap_or((&line.price, "0"));
        let price = number(rubles)
            .saturating_mul(100)
            .saturating_add(number(kopecks));
        price.saturating_mul(number(&line.quantity))
    };
    lines.iter().map(worth).sum()
}
