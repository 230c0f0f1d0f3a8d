//! How some offices are organised beside the usual: drawn from a stream of its own, so that all the other days stay as they are.
//! Each new one draws after those before it, and an office has at most one of them, and nothing else that is unusual.

use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::days::day::secs;
use crate::offices::new_year::{Ends, NewYear};
use crate::offices::production::Production;
use crate::offices::regimes::Regime;
use crate::offices::sellers::Sellers;
use crate::offices::terms::Terms;

impl Weather {
    pub(crate) fn draw_offices(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Offices);
        let production = dice.chance(45).then(|| Production::drawn(dice));
        let sellers = dice.chance(45).then(|| Sellers::drawn(dice));
        let regime = dice.chance(45).then(|| Regime::drawn(dice));
        let new_year = dice.chance(45);
        let terms = dice.chance(45).then(|| Terms::drawn(dice));
        if !self.customs.is_usual() {
            return;
        }
        if let Some(production) = production {
            self.take_on(production);
        } else if let Some(sellers) = sellers {
            self.have_two_sellers(sellers, dice);
        } else if let Some(regime) = regime {
            self.stand_to_vat(regime);
        } else if new_year {
            self.end_the_year(dice);
        } else if let Some(terms) = terms {
            self.agree_on_terms(terms.with_own(dice));
        }
    }

    /// Whoever takes deals on does so instead of the robot of other days. Moments on the portal are compared with ours; and of
    /// money nothing is shown where nothing is done.
    fn take_on(&mut self, production: Production) {
        self.robot_after_ms = None;
        self.skew.0 = 0;
        if production.is_closed_somewhere() {
            self.bank = false;
        }
        self.customs.production = Some(production);
    }

    /// The parts of a deal have one seller, whoever is named by then; and the simulated bank knows one account.
    fn have_two_sellers(&mut self, sellers: Sellers, dice: &mut Dice) {
        if sellers.are_apart() {
            self.take_on(Production::open(dice));
        } else if dice.chance(250) {
            self.keep_own_books(dice);
        }
        if let Some(own) = &mut self.customs.own_books {
            own.second = true;
        }
        self.parts = false;
        self.bank = false;
        self.customs.sellers = Some(sellers);
    }

    /// The lines of parts are judged by sums alone, and other rates are drawn for all lines.
    fn stand_to_vat(&mut self, regime: Regime) {
        self.parts = false;
        self.old_rates = false;
        self.customs.regime = Some(regime);
    }

    /// Nobody changes them within the day, nor the clock by which it is counted.
    fn agree_on_terms(&mut self, terms: Terms) {
        self.integrator = None;
        self.often.jump = None;
        self.customs.terms = Some(terms);
    }

    /// Whoever compares days needs clocks that agree; and our own register takes whatever rate a person decides on.
    fn end_the_year(&mut self, dice: &mut Dice) {
        self.day = self.day.max(secs(900));
        let quarter = self.day.checked_div(4).unwrap_or_default();
        let own_books = dice.chance(300);
        if own_books {
            self.keep_own_books(dice);
        }
        let ends = match (own_books, dice.chance(350)) {
            (true, _) => Ends::Nothing,
            (false, true) => Ends::Exemption,
            (false, false) => Ends::Rate,
        };
        self.customs.new_year = Some(NewYear {
            after: dice.time(quarter, quarter.saturating_mul(3)),
            ends,
        });
        self.parts = false;
        self.bank = false;
        self.old_rates = false;
        self.often.jump = None;
        self.skew = (0, 0);
    }
}
