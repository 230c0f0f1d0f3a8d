//! What deals are made of in some offices: rows that are odd, or rounded, a contract in fields, edits after the issue. Few days
//! have any of it, and none has two.

use crate::chance::customs::Customs;
use crate::chance::dice::{About, Dice};
use crate::chance::weather::Weather;
use crate::habits::contracts::Contracts;
use crate::habits::kopecks::Kopecks;
use crate::habits::odd_rows::{LineRules, OddRows};

impl Weather {
    /// They are drawn from a stream of their own, so that all the other days stay as they are.
    pub(crate) fn draw_rows(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::Rows);
        let odd_rows = dice.chance(30).then(|| OddRows::drawn(dice));
        let kopecks = dice.chance(30).then(|| Kopecks::drawn(dice));
        let contracts = dice.chance(30).then(|| Contracts::drawn(dice));
        let edits = dice.chance(30);
        if !self.has_plain_rows() {
            return;
        }
        let customs = &mut self.customs;
        if odd_rows.is_some() {
            customs.odd_rows = odd_rows;
        } else if kopecks.is_some() {
            customs.kopecks = kopecks;
        } else if contracts.is_some() {
            customs.contracts = contracts;
        } else if edits && customs.own_books.is_none() {
            self.edit_after_issue(dice);
        } else {
            return;
        }
        self.judge_rows();
    }

    /// On some other days policy says what no rate means, by a rate that has ended: they are drawn from a stream of
    /// their own, too.
    pub(crate) fn draw_ended_meanings(&mut self, seed: u64) {
        let dice = &mut Dice::of(seed, About::EndedMeanings);
        let odd_rows = dice.chance(45).then(|| OddRows::with_ended_meaning(dice));
        if odd_rows.is_some() && self.is_plain() && self.has_plain_rows() {
            self.customs.odd_rows = odd_rows;
            self.judge_rows();
        }
    }

    fn judge_rows(&mut self) {
        self.parts = false;
        self.old_rates = false;
        // Where the portal tells of no edit that leaves the sum as it is, nobody sees it before the night.
        self.row_edit_always_fires = true;
    }

    /// Whoever else has to do with rows and sums on this day is judged by plain ones.
    fn has_plain_rows(&self) -> bool {
        let customs = &self.customs;
        let befallen = [
            customs.restore.is_some(),
            customs.poison.is_some(),
            customs.import.is_some(),
            customs.belated,
            customs.strange_rates,
        ];
        let rest = Customs {
            own_books: None,
            foreigners: None,
            drags: None,
            quiet: None,
            asks_buyers: false,
            branches: None,
            ..customs.clone()
        };
        rest.is_usual() && !befallen.contains(&true)
    }
}

impl Customs {
    /// Policy says what no rate means by a rate that has ended.
    pub(crate) fn means_ended_rate(&self) -> bool {
        let odd_rows = self.odd_rows.as_ref();
        odd_rows.is_some_and(OddRows::has_ended_meaning)
    }

    /// What policy says as the day begins of rows that are not plain, where there are such.
    pub(crate) fn line_rules(&self) -> Option<LineRules> {
        let odd = self.odd_rows.map(|odd| odd.rules);
        odd.or(self.kopecks.map(|_| LineRules::default()))
    }
}
