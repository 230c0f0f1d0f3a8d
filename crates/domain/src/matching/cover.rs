//! Sets of balances that come to a sum exactly: one payment for several invoices, several payments for one.

use crate::Money;

/// More open balances than this are not tried: 4,096 sets are.
pub const MOST_OPEN: usize = 12;

/// The sets that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Covers {
    /// The places of the balances of each set, in order.
    Found(Vec<Vec<usize>>),
    /// More than [`MOST_OPEN`] balances: nothing is known.
    TooMany,
}

/// The sets of positive `balances` whose sum is `target`, at most `most` of them.
pub(super) fn covers(balances: &[Money], target: Money, most: usize) -> Covers {
    if balances.len() > MOST_OPEN {
        return Covers::TooMany;
    }
    let mut search = Search {
        balances,
        most,
        taken: Vec::new(),
        found: Vec::new(),
    };
    if target.is_positive() {
        search.from(0, target);
    }
    Covers::Found(search.found)
}

struct Search<'a> {
    balances: &'a [Money],
    most: usize,
    taken: Vec<usize>,
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    /// Sets of the balances from `place` on that come to `left`.
    fn from(&mut self, place: usize, left: Money) {
        if self.found.len() >= self.most {
            return;
        }
        if left.is_zero() {
            self.found.push(self.taken.clone());
            return;
        }
        let Some(balance) = self.balances.get(place) else {
            return;
        };
        let next = place.saturating_add(1);
        let rest = left.checked_sub(*balance);
        if let Some(rest) = rest.filter(|rest| balance.is_positive() && !rest.is_negative()) {
            self.taken.push(place);
            self.from(next, rest);
            self.taken.pop();
        }
        self.from(next, left);
    }
}

/// Which payments of one payer together pay an invoice: the places in `left` of the set whose sum is `balance`, and
/// whether it is the only one. Always a question to a person: payments that name the invoice are booked one by one.
pub fn payments_covering(balance: Money, left: &[Money]) -> Option<(Vec<usize>, bool)> {
    let Covers::Found(sets) = covers(left, balance, 2) else {
        return None;
    };
    let only = sets.len() == 1;
    sets.into_iter().next().map(|set| (set, only))
}
