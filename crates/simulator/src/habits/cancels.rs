//! People who have invoices cancelled by an order in the deal, in offices where policy says who may, or that nobody may; and the
//! accountant, who does what is asked.

use std::time::Duration;

use domain::UserId;
use emulator_kontur_accounting as kontur;
use jiff::Timestamp;
use planner::Cancel;
use serde_json::json;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::check::deal_of;
use crate::days::day::secs;
use crate::offices::office::{ADMINISTRATOR, COMMAND, MANAGER, NUMBER};
use crate::people::managers::Office;

/// As people say it in the field.
pub(crate) const ORDER: &str = "Отменить";

/// What such an office has agreed upon.
#[derive(Clone, Debug)]
pub(crate) struct Cancels {
    /// Mean time between two acts.
    pub(crate) every: Duration,
    pub(crate) cancel: Cancel,
    /// Who may order it; nobody named: whoever may edit the deal.
    pub(crate) by: Vec<i64>,
}

impl Cancels {
    /// The same as the policy names them.
    pub(crate) fn users(&self) -> Vec<UserId> {
        let users = self.by.iter();
        users.map(|user| UserId(user.unsigned_abs())).collect()
    }

    pub(crate) fn may_order(&self, user: i64) -> bool {
        self.cancel != Cancel::Never && (self.by.is_empty() || self.by.contains(&user))
    }
}

impl Weather {
    /// Some days have it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_cancels(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Cancels);
        let every = dice.chance(50).then(|| dice.time(secs(20), secs(80)));
        let kind = dice.below(100);
        let Some(every) = every.filter(|_| self.is_plain()) else {
            return;
        };
        let (cancel, by) = match kind {
            0..20 => (Cancel::Never, Vec::new()),
            20..40 => (Cancel::Unpaid, Vec::new()),
            _ => (Cancel::Unpaid, vec![ADMINISTRATOR]),
        };
        self.customs.cancels = Some(Cancels { every, cancel, by });
    }
}

impl Office {
    /// Somebody wants an invoice cancelled, or the accountant cancels what was wanted.
    pub(crate) fn cancel_by_order(&mut self, now: Timestamp, cancels: &Cancels) {
        if self.habits.chance(300) {
            return self.cancel_ordered(now, cancels);
        }
        let living = self.deals.iter().filter(|(_, deal)| !deal.deleted);
        let living: Vec<i64> = living.map(|(id, _)| *id).collect();
        let shows = |id: &&i64| !self.portal.deal_field(**id, NUMBER).is_empty();
        let billed: Vec<i64> = living.iter().filter(shows).copied().collect();
        let among = if self.habits.chance(850) {
            &billed
        } else {
            &living
        };
        let user = self.habits.pick(&[MANAGER, ADMINISTRATOR, ADMINISTRATOR]);
        let (Some(deal), Some(user)) = (self.habits.pick(among), user) else {
            return;
        };
        let fields = json!({COMMAND: ORDER});
        let edited = self.portal.person(user).edit_deal(deal, fields);
        let words = format!("deal {deal}, by user {user}: {edited:?}");
        self.tell(now, "wants a cancel", words);
        if let Some(known) = self.deals.get_mut(&deal) {
            known.cancels.push((now, user));
            known.taken_back |= cancels.may_order(user);
        }
    }

    fn cancel_ordered(&mut self, now: Timestamp, cancels: &Cancels) {
        let wanted = self.deals.iter().filter(|(_, deal)| {
            let mut orders = deal.cancels.iter();
            orders.any(|(_, user)| cancels.may_order(*user))
        });
        let wanted: Vec<i64> = wanted.map(|(id, _)| *id).collect();
        let truth = self.accounting.truth();
        let bills = truth.bills().filter(|bill| {
            let deal = bill.comment.as_deref().and_then(deal_of);
            bill.is_live() && deal.is_some_and(|deal| wanted.contains(&deal))
        });
        let bills: Vec<kontur::Id> = bills.map(|bill| bill.meta.id).collect();
        let (Some(bill), Some(accountant)) = (self.habits.pick(&bills), self.person()) else {
            return;
        };
        let done = accountant.cancel_bill(bill).err();
        self.handled.push(bill);
        self.tell(now, "cancelled as wanted", format!("{bill}: {done:?}"));
    }
}
