//! Deals that are not billed for what stands in them: templates of recurring deals, and those that a yes/no field leaves out of a
//! pilot, until somebody says otherwise; and questions that an office wants to hear nothing of.

use std::time::Duration;

use jiff::Timestamp;
use planner::Kind;
use serde_json::json;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::secs;
use crate::offices::office::INVOICE;
use crate::people::managers::Office;

/// Says whether a deal takes part in the pilot.
pub(crate) const PILOT_FIELD: &str = "UF_CRM_PILOT";
/// Says whether a deal is a template.
pub(crate) const TEMPLATE: &str = "IS_RECURRING";

/// Kinds of questions that may be switched off, each with how its message begins.
pub(crate) const KINDS: [(&str, &str); 4] = [
    ("DEAL-DATA-MISSING", "Счёт не выставлен. Что нужно сделать"),
    ("DEAL-CHANGED-AFTER-INVOICE", "Сделка изменена после счёта"),
    ("INVOICE-DELETED", "удалён в учёте"),
    ("INVOICE-CANCELLED", "отменён в учёте"),
];

/// What is done in such an office.
#[derive(Clone, Debug)]
pub(crate) struct Exempt {
    /// Mean time between two acts.
    pub(crate) every: Duration,
    /// Managers keep templates.
    templates: bool,
    /// A field says who takes part in the pilot.
    pub(crate) by_field: bool,
}

impl Weather {
    /// Some days have any of it: they are drawn from a stream of their own, so that all the others stay as they are.
    pub(crate) fn draw_exempt(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Exempt);
        let every = dice.chance(50).then(|| dice.time(secs(15), secs(60)));
        let (templates, by_field) = (dice.chance(700), dice.chance(600));
        let silent = dice.chance(35);
        let silent = silent.then(|| dice.pick(&KINDS)).flatten();
        if !self.is_plain() {
            return;
        }
        let exempt = every.map(|every| Exempt {
            every,
            templates,
            by_field: by_field && !self.pilot,
        });
        self.customs.exempt = exempt.filter(|one| one.templates || one.by_field);
        let kind = silent.and_then(|(code, _)| Kind::try_from(code.to_owned()).ok());
        self.customs.silent = kind;
    }
}

impl Office {
    /// A manager who keeps templates or minds the pilot does something.
    pub(crate) fn exempt(&mut self, now: Timestamp, exempt: &Exempt) {
        let living = self.deals.iter().filter(|(_, deal)| !deal.deleted);
        let templates: Vec<i64> = living
            .clone()
            .filter(|(_, deal)| deal.is_template())
            .map(|(id, _)| *id)
            .collect();
        let outside: Vec<i64> = living
            .filter(|(_, deal)| deal.outside)
            .map(|(id, _)| *id)
            .collect();
        match self.habits.below(100) {
            0..40 if exempt.templates => self.new_template(now),
            40..60 if exempt.templates => {
                if let Some(deal) = self.habits.pick(&templates) {
                    self.say_template(now, deal, false);
                }
            }
            60..80 if exempt.by_field => {
                if let Some(deal) = self.habits.pick(&outside) {
                    self.take_part(now, deal);
                }
            }
            80..90 => {
                let all: Vec<i64> = templates.into_iter().chain(outside).collect();
                if let Some(deal) = self.habits.pick(&all) {
                    self.move_to(now, deal, INVOICE);
                }
            }
            _ => {
                if let Some(deal) = self.quiet_deal(now) {
                    self.move_to(now, deal, INVOICE);
                }
            }
        }
    }

    /// It is a template before it comes to the stage; some are made of a deal that has its invoice.
    fn new_template(&mut self, now: Timestamp) {
        let billed = self.billed_deals();
        if self.habits.chance(400)
            && let Some(deal) = self.habits.pick(&billed)
        {
            return self.copy_of(now, deal, true);
        }
        let buyer = self.some_buyer(now);
        let lines = self.some_lines();
        if let Some(deal) = self.deal_of(now, Some(buyer), lines, (0, "NEW")) {
            self.say_template(now, deal, true);
            self.move_to(now, deal, INVOICE);
        }
    }

    fn say_template(&mut self, now: Timestamp, deal: i64, is_one: bool) {
        let said = if is_one { "Y" } else { "N" };
        let edited = self
            .portal
            .manager()
            .edit_deal(deal, json!({TEMPLATE: said}));
        let words = format!("deal {deal}: {said}: {edited:?}");
        self.tell(now, "template", words);
        if let Some(known) = self.deals.get_mut(&deal) {
            known.template.push((now, is_one));
        }
    }

    /// Whether a new deal takes part in the pilot is said with it.
    pub(crate) fn some_part_in_pilot(&mut self) -> Option<bool> {
        self.pilot_by_field.then(|| self.habits.chance(550))
    }

    fn take_part(&mut self, now: Timestamp, deal: i64) {
        let edited = self
            .portal
            .manager()
            .edit_deal(deal, json!({PILOT_FIELD: "1"}));
        self.tell(now, "takes part", format!("deal {deal}: {edited:?}"));
        if let Some(known) = self.deals.get_mut(&deal) {
            known.outside = false;
            known.takes_part = Some(now);
        }
    }
}
