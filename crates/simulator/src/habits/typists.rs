//! Managers who type a deal's sum by hand: that of its lines, or another, and some let the portal count again.

use jiff::Timestamp;
use serde_json::json;

use crate::habits::own_invoices::worth;
use crate::offices::office::INVOICE;
use crate::people::managers::Office;

impl Office {
    /// A manager who types sums does something.
    pub(crate) fn type_sums(&mut self, now: Timestamp) {
        let deal = self.some_living();
        match (self.habits.below(100), deal) {
            (0..45, _) | (_, None) => {
                if let Some(deal) = self.quiet_deal(now) {
                    self.type_sum(now, deal);
                    self.move_to(now, deal, INVOICE);
                }
            }
            (45..75, Some(deal)) => self.type_sum(now, deal),
            (_, Some(deal)) => self.let_count(now, deal),
        }
    }

    fn type_sum(&mut self, now: Timestamp, deal: i64) {
        let last = self.deals.get(&deal).and_then(|deal| deal.versions.last());
        let Some(worth) = last.map(|last| worth(&last.lines)) else {
            return;
        };
        let kopecks = match self.habits.below(100) {
            0..50 => worth,
            // As somebody rounds who knows better.
            50..70 => worth.saturating_sub(worth % 100).saturating_add(100),
            _ => i64::try_from(self.habits.between(1, 9_000_000)).unwrap_or(1),
        };
        let fields = json!({
            "OPPORTUNITY": format!("{}.{:02}", kopecks / 100, kopecks % 100),
            "IS_MANUAL_OPPORTUNITY": "Y",
        });
        let edited = self.portal.manager().edit_deal(deal, fields);
        let words = format!("deal {deal}: {kopecks} kopecks, its lines {worth}: {edited:?}");
        self.tell(now, "typed a sum", words);
        self.changed(now, deal, |last| last.typed = Some(kopecks));
    }

    fn let_count(&mut self, now: Timestamp, deal: i64) {
        let last = self.deals.get(&deal).and_then(|deal| deal.versions.last());
        let Some(worth) = last.map(|last| worth(&last.lines)) else {
            return;
        };
        let fields = json!({
            "OPPORTUNITY": format!("{}.{:02}", worth / 100, worth % 100),
            "IS_MANUAL_OPPORTUNITY": "N",
        });
        let edited = self.portal.manager().edit_deal(deal, fields);
        self.tell(now, "lets count", format!("deal {deal}: {edited:?}"));
        self.changed(now, deal, |last| last.typed = None);
    }
}
