//! Managers who come and go: one is dismissed while questions about his deals wait, and his head as well at times, some are taken
//! on again, and deals are handed over.

use std::collections::BTreeMap;

use emulator_bitrix24::{DepartmentSeed, PortalConfig, UserSeed};
use jiff::Timestamp;
use serde_json::json;

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::secs;
use crate::offices::office::{self, INVOICE, MANAGER};
use crate::people::managers::Office;

/// Works in the department that is led.
const SALESMAN: i64 = 21;
/// Works in a part of it that nobody leads.
const JUNIOR: i64 = 23;
/// Leads the department of both.
const HEAD: i64 = 22;
/// Leads the company, and is never dismissed.
const OWNER: i64 = 1;
/// The company as a whole, the department, and its part.
const COMPANY: i64 = 1;
const DEPARTMENT: i64 = 2;
const PART: i64 = 3;

/// Whose deals change hands.
const MANAGERS: [i64; 3] = [MANAGER, SALESMAN, JUNIOR];
/// Who may be dismissed.
const GOING: [i64; 3] = [SALESMAN, JUNIOR, HEAD];

/// Since when each works there, or does not. Who is not named has always worked there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Staff {
    works: BTreeMap<i64, Vec<(Timestamp, bool)>>,
}

impl Staff {
    fn works_now(&self, user: i64) -> bool {
        let states = self.works.get(&user).and_then(|states| states.last());
        states.is_none_or(|(_, works)| *works)
    }

    /// Whether he worked there at any moment between two.
    pub(crate) fn worked(&self, user: i64, from: Timestamp, until: Timestamp) -> bool {
        self.was(user, true, from, until)
    }

    /// Whether he was dismissed at any moment between two.
    pub(crate) fn was_away(&self, user: i64, from: Timestamp, until: Timestamp) -> bool {
        self.was(user, false, from, until)
    }

    fn was(&self, user: i64, wanted: bool, from: Timestamp, until: Timestamp) -> bool {
        let states = self.works.get(&user).map_or(&[][..], Vec::as_slice);
        let before = states.iter().rfind(|(at, _)| *at <= from);
        let mut between = states.iter().filter(|(at, _)| *at > from && *at <= until);
        before.is_none_or(|(_, works)| *works) == wanted
            || between.any(|(_, works)| *works == wanted)
    }
}

/// Who leads the departments above a manager, the nearest first.
pub(crate) fn heads_above(user: i64) -> &'static [i64] {
    match user {
        SALESMAN | JUNIOR => &[HEAD, OWNER],
        _ => &[OWNER],
    }
}

/// The portal's people and departments where such things happen.
pub(crate) fn employ(portal: &mut PortalConfig, place: usize) {
    let person = |id: i64, name: &str, department: i64| UserSeed {
        id,
        name: name.to_owned(),
        last_name: "Котов".to_owned(),
        email: office::person(place),
        departments: vec![department],
        ..UserSeed::default()
    };
    portal.users.extend([
        person(SALESMAN, "Борис", DEPARTMENT),
        person(JUNIOR, "Глеб", PART),
        person(HEAD, "Вера", DEPARTMENT),
    ]);
    let department = |id, parent, head| DepartmentSeed {
        id,
        name: format!("Отдел {id}"),
        parent: Some(parent),
        head,
    };
    portal.departments.extend([
        department(DEPARTMENT, COMPANY, Some(HEAD)),
        department(PART, DEPARTMENT, None),
    ]);
}

impl Weather {
    /// Some days see people come and go: they are drawn from a stream of their own, so that all the others stay as they are.
    /// Whose deals a pilot takes part in is told by their manager.
    pub(crate) fn draw_staff(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Staff);
        let every = dice.chance(45).then(|| dice.time(secs(15), secs(70)));
        self.customs.dismissals = every.filter(|_| self.is_plain() && !self.pilot);
    }
}

impl Office {
    /// Somebody is dismissed or taken on, or a deal changes hands.
    pub(crate) fn change_staff(&mut self, now: Timestamp) {
        let deal = self.some_living();
        match (self.habits.below(100), deal) {
            (0..35, _) | (_, None) => self.new_lacking_deal(now),
            (35..55, _) => self.dismiss(now),
            (55..65, _) => self.employ_again(now),
            (65..85, Some(deal)) => self.hand_over(now, deal),
            (_, Some(deal)) => self.mend(now, deal),
        }
    }

    /// Who answers for a new deal.
    pub(crate) fn some_responsible(&mut self) -> Option<i64> {
        if !self.changes_staff {
            return None;
        }
        self.habits.pick(&self.working(&MANAGERS))
    }

    fn working(&self, among: &[i64]) -> Vec<i64> {
        let works = |user: &i64| self.staff.works_now(*user);
        among.iter().copied().filter(works).collect()
    }

    /// What it lacks is asked about.
    fn new_lacking_deal(&mut self, now: Timestamp) {
        let buyer = self.some_buyer(now);
        let lines = if self.habits.chance(700) {
            Vec::new()
        } else {
            self.some_lines()
        };
        self.deal_of(now, Some(buyer), lines, (0, INVOICE));
    }

    fn dismiss(&mut self, now: Timestamp) {
        if let Some(user) = self.habits.pick(&self.working(&GOING)) {
            self.employs(now, user, false);
        }
    }

    fn employ_again(&mut self, now: Timestamp) {
        let working = self.working(&GOING);
        let away = GOING.into_iter().filter(|user| !working.contains(user));
        let away: Vec<i64> = away.collect();
        if let Some(user) = self.habits.pick(&away) {
            self.employs(now, user, true);
        }
    }

    fn employs(&mut self, now: Timestamp, user: i64, works: bool) {
        self.portal.configure(|portal| {
            for known in portal.users.iter_mut().filter(|known| known.id == user) {
                known.active = works;
            }
        });
        let states = self.staff.works.entry(user).or_default();
        states.push((now, works));
        let kind = if works { "taken on" } else { "dismissed" };
        self.tell(now, kind, format!("user {user}"));
    }

    fn hand_over(&mut self, now: Timestamp, deal: i64) {
        let Some(user) = self.habits.pick(&self.working(&MANAGERS)) else {
            return;
        };
        let fields = json!({"ASSIGNED_BY_ID": user});
        let edited = self.portal.manager().edit_deal(deal, fields);
        let words = format!("deal {deal} to user {user}: {edited:?}");
        self.tell(now, "handed over", words);
        if let Some(known) = self.deals.get_mut(&deal) {
            known.responsible.push((now, user));
        }
    }
}
