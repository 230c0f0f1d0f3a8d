//! How many owners share a list command, so that their rows mostly fit its page: by what their lists held lately.
//!
//! A list that does not fit is read on after its page, which takes a request more. Whole hundredths, no clock.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::gather::PAGE;

/// A list that is read for many owners in one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum List {
    /// Product lines of deals.
    Rows,
    /// Stages that deals entered.
    History,
    /// Requisites of companies or contacts.
    Requisites,
    /// Bank details of requisites.
    Banks,
    /// Addresses of requisites.
    Addresses,
}

/// Rows of a page that are counted on; the rest is for owners that have more than usual.
const FILLED: u64 = 45;

/// What the lists of one portal held lately.
#[derive(Debug, Default)]
pub(crate) struct Density {
    /// Rows of a hundred owners.
    rows: Mutex<BTreeMap<List, u64>>,
}

impl Density {
    /// How many owners go into one command.
    pub(crate) fn owners(&self, list: List) -> usize {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let of_a_hundred = rows.get(&list).copied().unwrap_or_else(|| at_first(list));
        let fit = (FILLED * 100).checked_div(of_a_hundred);
        let page = u64::try_from(PAGE).unwrap_or(u64::MAX);
        usize::try_from(fit.unwrap_or(page).clamp(1, page)).unwrap_or(1)
    }

    /// So many owners had so many rows: more counts at once, less little by little.
    pub(crate) fn saw(&self, list: List, owners: usize, rows: usize) {
        let whole = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let Some(seen) = whole(rows).saturating_mul(100).checked_div(whole(owners)) else {
            return;
        };
        let mut known = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let next = match known.get(&list) {
            Some(before) if *before > seen => before.saturating_mul(3).saturating_add(seen) / 4,
            Some(_) | None => seen,
        };
        known.insert(list, next);
    }
}

/// Until a list was seen: four or five lines and stages a deal, not quite two requisites and bank accounts a company, two
/// addresses or three.
const fn at_first(list: List) -> u64 {
    match list {
        List::Rows | List::History => 450,
        List::Requisites | List::Banks => 180,
        List::Addresses => 280,
    }
}

#[cfg(test)]
mod tests {
    use super::{Density, List};

    #[test]
    fn lists_share_a_page_by_what_they_held_lately() {
        let density = Density::default();
        let owners = || density.owners(List::Rows);
        assert_eq!(owners(), 10);
        density.saw(List::Rows, 20, 60);
        assert_eq!(owners(), 15, "three lines a deal");
        density.saw(List::Rows, 1, 200);
        assert_eq!(owners(), 1, "a long list counts at once");
        for _ in 0..30 {
            density.saw(List::Rows, 10, 10);
        }
        assert!(owners() > 40, "short ones little by little");
    }

    #[test]
    fn empty_lists_fill_no_page_and_nothing_read_says_nothing() {
        let density = Density::default();
        density.saw(List::Banks, 0, 0);
        assert_eq!(density.owners(List::Banks), 25);
        density.saw(List::Banks, 30, 0);
        assert_eq!(density.owners(List::Banks), 50);
    }
}
