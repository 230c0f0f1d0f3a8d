//! Managers who go on editing deals that have their invoice, several times in a row, and decide about it: by the field of the
//! deal, or by the answer that the page and the command line give. Buyers pay meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use desk::Desk;
use desk::payments::{NotAnswered, fingerprint};
use jiff::Timestamp;
use store::Case;

use crate::chance::dice::Dice;
use crate::chance::weather::Weather;
use crate::check::deal_of;
use crate::days::day::{Calendar, Happening, secs};
use crate::days::world::{World, told};
use crate::habits::parts::Part;
use crate::offices::office::{self, INVOICE};
use crate::people::managers::Office;

/// An office where deals are edited after their invoice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edits {
    /// Mean time between two beginnings.
    pub(crate) every: Duration,
}

/// Longer than edits are gathered, with time for what is decided then.
const LONG_DAY: Duration = secs(2_400);
/// What is asked about an edited deal.
pub(crate) const CHANGED: &str = "DEAL-CHANGED-AFTER-INVOICE";
const REISSUE: &str = "reissue";

impl Weather {
    /// Moments of edits are compared with those of questions; and buyers pay.
    pub(crate) fn edit_after_issue(&mut self, dice: &mut Dice) {
        let every = dice.time(secs(30), secs(120));
        self.customs.edits = Some(Edits { every });
        self.administrator = Some(dice.time(secs(60), secs(300)));
        self.day = self.day.max(LONG_DAY);
        self.bank = true;
        self.skew.0 = 0;
        self.often.jump = None;
    }
}

impl World {
    /// Somebody edits a deal that has its invoice, or decides about one that was edited.
    pub(crate) async fn edit(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
    ) -> Result<(), String> {
        let place = self.some_tenant();
        self.know_paid(place).await?;
        let edited = self.tenants.get_mut(place);
        if let Some(deal) = edited.and_then(|tenant| tenant.office.edit_billed(now)) {
            let happening = Happening::EditOn(place, deal);
            calendar.soon(now, secs(3), secs(120), happening);
        }
        let every = self.weather.customs.edits.map(|edits| edits.every);
        calendar.again(now, every, Happening::Edit);
        Ok(())
    }

    /// The same deal is edited once more.
    pub(crate) fn edit_on(
        &mut self,
        calendar: &mut Calendar,
        now: Timestamp,
        (place, deal): (usize, i64),
    ) {
        let Some(tenant) = self.tenants.get_mut(place) else {
            return;
        };
        tenant.office.edit_once(now, deal);
        if tenant.office.habits.chance(500) {
            let happening = Happening::EditOn(place, deal);
            calendar.soon(now, secs(3), secs(120), happening);
        }
    }

    /// Which deals have money by now: no invoice takes the place of theirs.
    pub(crate) async fn know_paid(&mut self, place: usize) -> Result<(), String> {
        let tenant = self.tenants.get(place);
        let Some(tenant) = tenant.filter(|_| self.weather.customs.edits.is_some()) else {
            return Ok(());
        };
        let payments = crate::days::seed::payments(self, &tenant.id).await?;
        let given = payments.iter().flat_map(|payment| &payment.invoices);
        let given = given.filter(|(_, amount)| amount.is_positive());
        let given: BTreeSet<String> = given.map(|(one, _)| one.invoice.to_string()).collect();
        let truth = tenant.office.accounting.truth();
        let mut last = BTreeMap::new();
        for bill in truth.bills() {
            if let Some(deal) = bill.comment.as_deref().and_then(deal_of) {
                last.insert(deal, bill.meta.id.to_string());
            }
        }
        let paid = last.into_iter().filter(|(_, bill)| given.contains(bill));
        let paid = paid.map(|(deal, _)| deal).collect();
        if let Some(tenant) = self.tenants.get_mut(place) {
            tenant.office.paid = paid;
        }
        Ok(())
    }

    /// As the page and the command line answer; whether it was taken.
    pub(crate) async fn answer_at_desk(
        &self,
        place: usize,
        case: &Case,
        word: &str,
    ) -> Result<bool, String> {
        let Some(tenant) = self.tenants.get(place) else {
            return Ok(false);
        };
        let desk = Desk {
            store: self.store.clone(),
            portal: tenant.id.clone(),
            clock: Arc::new(self.clock),
            accountant_gives: false,
        };
        let seen = fingerprint(case);
        let answered = desk
            .answer(case.id, Some(&seen), word, "administrator")
            .await;
        match answered {
            Ok(_) => Ok(true),
            Err(NotAnswered::Store(error)) => Err(told(error)),
            Err(_) => Ok(false),
        }
    }

    /// Somebody wants what is not offered: it is not taken.
    pub(crate) async fn answer_in_vain(
        &self,
        place: usize,
        case: &Case,
        offered: &[String],
    ) -> Result<(), String> {
        let is_offered = offered.iter().any(|word| word == REISSUE);
        if case.facts.code != CHANGED || is_offered {
            return Ok(());
        }
        if self.answer_at_desk(place, case, REISSUE).await? {
            self.watch.note(format!(
                "[cases] {} of {}: `{REISSUE}` was taken, and offered was {offered:?}",
                case.facts.code, case.facts.subject
            ));
        }
        Ok(())
    }
}

impl Office {
    /// One that is to be edited further, if any.
    fn edit_billed(&mut self, now: Timestamp) -> Option<i64> {
        let shows = |id: i64| !self.portal.deal_field(id, office::NUMBER).is_empty();
        let living = self.deals.iter().filter(|(_, deal)| !deal.deleted);
        let billed: Vec<i64> = living.map(|(id, _)| *id).filter(|id| shows(*id)).collect();
        match (self.habits.below(100), self.habits.pick(&billed)) {
            (0..25, _) | (_, None) => {
                if let Some(deal) = self.quiet_deal(now) {
                    self.move_to(now, deal, INVOICE);
                }
                None
            }
            (25..70, Some(deal)) => {
                self.edit_once(now, deal);
                Some(deal)
            }
            (70..80, Some(deal)) => {
                self.replace(now, deal);
                None
            }
            (80..90, Some(deal)) => {
                self.leave(now, deal);
                None
            }
            (_, Some(deal)) => {
                self.order_part(now, deal, Part::Additional);
                None
            }
        }
    }

    fn edit_once(&mut self, now: Timestamp, deal: i64) {
        let Some(known) = self.deals.get(&deal).filter(|known| !known.deleted) else {
            return;
        };
        let first = known.versions.first().map(|first| first.lines.clone());
        let last = known.versions.last().map(|last| last.lines.clone());
        let (first, mut lines) = (first.unwrap_or_default(), last.unwrap_or_default());
        self.tell(now, "edited after the issue", format!("deal {deal}"));
        match self.habits.below(100) {
            0..30 => {
                let price = format!(
                    "{}.{:02}",
                    self.habits.between(1, 9_000),
                    self.habits.below(100)
                );
                if let Some(row) = lines.last_mut() {
                    row.price = price;
                }
            }
            30..60 => return self.add_line(now, deal),
            60..75 => {
                let quantity = self.habits.between(41, 90).to_string();
                if let Some(row) = lines.first_mut() {
                    row.quantity = quantity;
                }
            }
            75..85 if lines.len() > 1 => lines.truncate(lines.len().saturating_sub(1)),
            _ => lines = first,
        }
        self.set_lines(now, deal, lines);
    }
}
