//! Managers who write into a deal until when it is to be paid, as a date or in words, some too late and some what is no day; policy
//! names that field or not, here and there for the offer as well, and has days to pay and to accept the offer, by the calendar or
//! working ones; two buyers who were there before may have days of their own.

use std::time::Duration;

use domain::CompanyId;
use emulator_bitrix24::CustomFieldSeed;
use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan as _};
use planner::{DueCount, InvoicePolicy};
use serde_json::json;

use crate::chance::dice::Dice;
use crate::days::day::secs;
use crate::offices::office::{INVOICE, title_in};
use crate::people::bank::today;
use crate::people::managers::Office;

/// Of deals: until when it is to be paid.
const FIELD: &str = "UF_CRM_PAY_UNTIL";
/// Written where a day is asked for.
const NO_DAY: &str = "после поставки";

/// What an office has agreed upon about days.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Mean time between two acts of its managers.
    pub(crate) every: Duration,
    by_field: bool,
    /// The field holds a date; else text.
    of_dates: bool,
    due: Option<Days>,
    valid: Option<Days>,
    /// Of the buyers who were there before, who have the first numbers.
    own: [Option<Own>; 2],
}

#[derive(Clone, Copy, Debug)]
struct Days {
    number: u16,
    working: bool,
}

/// What was agreed upon with one buyer.
#[derive(Clone, Copy, Debug)]
struct Own {
    /// Days to pay; an even number of them counts for the offer as well.
    number: u16,
    /// As with everybody where it is not said.
    working: Option<bool>,
}

impl Terms {
    pub(crate) fn drawn(dice: &mut Dice) -> Self {
        let (every, by_field, of_dates) = (
            dice.time(secs(15), secs(60)),
            dice.chance(700),
            dice.chance(500),
        );
        let mut days = |often| {
            let days = Days {
                number: u16::try_from(dice.between(0, 12)).unwrap_or(0),
                working: dice.chance(500),
            };
            dice.chance(often).then_some(days)
        };
        Self {
            every,
            by_field,
            of_dates,
            due: days(800),
            valid: days(600),
            own: [None; 2],
        }
    }

    /// The same with what two buyers agreed upon.
    pub(crate) fn with_own(self, dice: &mut Dice) -> Self {
        let mut own = || {
            let number = u16::try_from(dice.between(0, 20)).unwrap_or(0);
            let (is_said, working) = (dice.chance(500), dice.chance(500));
            let own = Own {
                number,
                working: is_said.then_some(working),
            };
            dice.chance(700).then_some(own)
        };
        let own = [own(), own()];
        Self { own, ..self }
    }

    /// The buyers who were there before, each with what was agreed upon with him.
    fn buyers(&self) -> impl Iterator<Item = (u32, Option<Own>)> {
        (1_u32..).zip(self.own)
    }

    /// Their numbers.
    pub(crate) fn known_buyers(&self) -> impl Iterator<Item = u32> {
        self.buyers().map(|(buyer, _)| buyer)
    }

    /// The field on the portal.
    pub(crate) fn field(&self) -> CustomFieldSeed {
        CustomFieldSeed {
            entity: "CRM_DEAL".to_owned(),
            name: FIELD.to_owned(),
            kind: if self.of_dates { "date" } else { "string" }.to_owned(),
            label: "Оплатить до".to_owned(),
            multiple: false,
            items: Vec::new(),
        }
    }

    /// What policy says of it; none: a buyer is not there.
    pub(crate) fn rule(&self, policy: &mut InvoicePolicy, office: &Office) -> Option<()> {
        let counted = |working| {
            if working {
                DueCount::Working
            } else {
                DueCount::Calendar
            }
        };
        let count = |days: Option<Days>| counted(days.is_some_and(|days| days.working));
        for (buyer, own) in self.buyers() {
            let company = title_in(office.place, buyer);
            let company = office.portal.company_by_title(&company)?;
            let company = CompanyId(u64::try_from(company).ok()?);
            let own = own.map(|own| planner::Terms {
                company,
                due_days: Some(own.number),
                due_count: own.working.map(counted),
                valid_days: own.valid(),
                valid_count: own.valid().and(own.working).map(counted),
            });
            policy.terms.extend(own);
        }
        policy.due_field = self.by_field.then(|| FIELD.to_owned());
        policy.due_days = self.due.map(|days| days.number);
        policy.due_count = count(self.due);
        policy.valid_days = self.valid.map(|days| days.number);
        policy.valid_count = count(self.valid);
        policy.valid_field = self.offers_by_field().then(|| FIELD.to_owned());
        Some(())
    }

    /// The last day to pay of a bill of this day, for a deal of this buyer that names one or not.
    pub(crate) fn due(&self, bill: Date, buyer: Option<u32>, named: Option<Date>) -> Option<Date> {
        let named = named.filter(|named| self.by_field && *named >= bill);
        named.or_else(|| self.of_buyer(buyer)?.after(bill))
    }

    /// What was agreed upon with him.
    fn own_of(&self, buyer: Option<u32>) -> Option<Own> {
        let mut buyers = self.buyers();
        buyers.find_map(|(known, own)| own.filter(|_| Some(known) == buyer))
    }

    /// Whether the deal's day holds for the offer as well.
    fn offers_by_field(&self) -> bool {
        self.by_field && self.due.is_some_and(|days| days.working)
    }

    /// His own days, else everybody's.
    fn of_buyer(&self, buyer: Option<u32>) -> Option<Days> {
        let own = self.own_of(buyer);
        let everybodys = self.due.is_some_and(|days| days.working);
        let own = own.map(|own| Days {
            number: own.number,
            working: own.working.unwrap_or(everybodys),
        });
        own.or(self.due)
    }

    /// The last day of its offer, likewise.
    pub(crate) fn valid(
        &self,
        bill: Date,
        buyer: Option<u32>,
        named: Option<Date>,
    ) -> Option<Date> {
        let named = named.filter(|named| self.offers_by_field() && *named >= bill);
        let everybodys = self.valid.is_some_and(|days| days.working);
        let own = self.own_of(buyer).and_then(|own| {
            let working = own.working.unwrap_or(everybodys);
            own.valid().map(|number| Days { number, working })
        });
        named.or_else(|| own.or(self.valid)?.after(bill))
    }
}

impl Own {
    fn valid(self) -> Option<u16> {
        self.number.is_multiple_of(2).then_some(self.number)
    }
}

impl Days {
    /// The last of them, none of which is the bill's own; it is no day off.
    fn after(self, bill: Date) -> Option<Date> {
        let mut last = bill;
        let mut left = self.number;
        while left > 0 {
            last = last.tomorrow().ok()?;
            if !self.working || is_working(last) {
                left = left.saturating_sub(1);
            }
        }
        while !is_working(last) {
            last = last.tomorrow().ok()?;
        }
        Some(last)
    }
}

/// From the simulated day until May there is no day off but weekends.
fn is_working(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

impl Office {
    /// A manager who agrees upon terms does something.
    pub(crate) fn agree_on_terms(&mut self, now: Timestamp, terms: &Terms) {
        let deal = self.some_living();
        match (self.habits.below(100), deal) {
            (0..50, _) | (_, None) => {
                let Some(deal) = self.quiet_deal(now) else {
                    return;
                };
                if self.habits.chance(750) {
                    self.write_term(now, deal, terms);
                }
                if self.habits.chance(800) {
                    self.move_to(now, deal, INVOICE);
                }
            }
            (50..75, Some(deal)) => self.write_term(now, deal, terms),
            (_, Some(deal)) => self.move_to(now, deal, INVOICE),
        }
    }

    fn write_term(&mut self, now: Timestamp, deal: i64, terms: &Terms) {
        let ahead = i64::try_from(self.habits.between(0, 24)).unwrap_or(0);
        let ahead = ahead.saturating_sub(4);
        let day = today(now).checked_add(ahead.days()).ok();
        let act = self.habits.below(100);
        let (text, named) = match act {
            0..10 => (String::new(), None),
            10..20 if !terms.of_dates => (NO_DAY.to_owned(), None),
            20..60 if !terms.of_dates => (in_russian(day), day),
            _ => (day.map(|day| day.to_string()).unwrap_or_default(), day),
        };
        let fields = json!({FIELD: text});
        let edited = self.portal.manager().edit_deal(deal, fields);
        let words = format!("deal {deal}: `{text}`: {edited:?}");
        self.tell(now, "agreed on a term", words);
        self.changed(now, deal, |last| last.pay_until = named);
    }
}

fn in_russian(day: Option<Date>) -> String {
    day.map(|day| day.strftime("%d.%m.%Y").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_are_counted_from_the_next_one_and_end_on_no_day_off() {
        for (number, working, expected) in [
            (0, false, 12),
            (1, false, 13),
            (2, false, 16),
            (2, true, 16),
            (5, false, 17),
            (5, true, 19),
            (10, false, 23),
            (10, true, 26),
        ] {
            let days = Days { number, working };
            let last = days.after(date(2026, 3, 12));
            assert_eq!(last, Some(date(2026, 3, expected)), "{days:?}");
        }
    }

    #[test]
    fn a_buyers_own_days_go_before_everybodys_and_behind_the_deals_own() {
        let terms = Terms {
            every: Duration::ZERO,
            by_field: true,
            of_dates: true,
            due: Some(Days {
                number: 5,
                working: true,
            }),
            valid: None,
            own: [
                Some(Own {
                    number: 2,
                    working: None,
                }),
                Some(Own {
                    number: 5,
                    working: Some(false),
                }),
            ],
        };
        let day = |day| date(2026, 3, day);
        for (buyer, named, expected) in [
            (None, None, 19),
            (Some(1), None, 16),
            (Some(2), None, 17),
            (Some(3), None, 19),
            (Some(1), Some(day(20)), 20),
            (Some(1), Some(day(11)), 16),
        ] {
            let due = terms.due(day(12), buyer, named);
            assert_eq!(due, Some(day(expected)), "{buyer:?}, {named:?}");
        }
        // The day in the deal holds for the offer as well; of the buyers only the first has days of his own for it.
        for (buyer, named, expected) in [
            (None, None, None),
            (Some(1), None, Some(day(16))),
            (Some(2), None, None),
            (Some(2), Some(day(20)), Some(day(20))),
            (Some(1), Some(day(11)), Some(day(16))),
        ] {
            let valid = terms.valid(day(12), buyer, named);
            assert_eq!(valid, expected, "{buyer:?}, {named:?}");
        }
    }
}
