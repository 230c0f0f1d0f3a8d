//! Whoever tries us out beside the real work: has deals sold by the organisation for that, and changes his mind about some.

use jiff::Timestamp;
use serde_json::json;

use crate::offices::office::{INVOICE, SELLER_FIELD, TRIAL};
use crate::people::managers::Office;

impl Office {
    /// Something is tried out.
    pub(crate) fn try_out(&mut self, now: Timestamp) {
        let deal = self.some_living();
        match (self.habits.below(100), deal) {
            (0..40, _) | (_, None) => {
                if let Some(deal) = self.quiet_deal(now) {
                    self.have_sold(now, deal, true);
                    self.move_to(now, deal, INVOICE);
                }
            }
            (40..55, _) => {
                // He thinks of it only once it was moved.
                if let Some(deal) = self.quiet_deal(now) {
                    self.move_to(now, deal, INVOICE);
                    self.have_sold(now, deal, true);
                }
            }
            (55..80, Some(deal)) => {
                let sample = self.habits.chance(500);
                self.have_sold(now, deal, sample);
            }
            (_, Some(deal)) => self.order_anew(now, deal),
        }
    }

    fn have_sold(&mut self, now: Timestamp, deal: i64, sample: bool) {
        let seller = if sample { TRIAL } else { "" };
        let fields = json!({SELLER_FIELD: seller});
        let edited = self.portal.manager().edit_deal(deal, fields);
        let words = format!("deal {deal}, for trying out: {sample}: {edited:?}");
        self.tell(now, "chose a seller", words);
        self.changed(now, deal, |last| last.sample = sample);
    }
}
