//! What becomes of invoices that are not paid in time: how days are counted, on which of them whom we remind.

use domain::ledger::OverdueCount;
use serde::{Deserialize, Serialize};

use super::DueCount;

/// Reminders of what is overdue; without this section nothing is called overdue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overdue {
    /// Which days count.
    pub count: DueCount,
    /// After how many days the responsible manager is reminded, ascending; none: never.
    pub remind: Vec<u32>,
    /// After how many his head is told, once; none: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_after: Option<u32>,
    /// What tells that no payment is missing.
    pub known_by: KnownBy,
}

/// What makes the days of an organisation's accounts known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownBy {
    /// Bank statements of all its accounts that policy names; where it names none, the accounting side.
    #[default]
    Statements,
    /// The accounting side's payments, read to their end.
    Accounting,
}

impl Default for Overdue {
    fn default() -> Self {
        Self {
            count: DueCount::Calendar,
            remind: vec![1, 3, 7],
            head_after: None,
            known_by: KnownBy::default(),
        }
    }
}

/// A year.
const MOST_DAYS: u32 = 366;

impl Overdue {
    /// How days are counted.
    pub(crate) fn counted(&self) -> OverdueCount {
        match self.count {
            DueCount::Calendar => OverdueCount::CalendarDays,
            DueCount::Working => OverdueCount::WorkingDays,
        }
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let is_possible = |days: &u32| (1..=MOST_DAYS).contains(days);
        if !self.remind.iter().all(is_possible) || !self.remind.is_sorted_by(|one, next| one < next)
        {
            faults.push(format!(
                "`money.overdue.remind` names days from 1 to {MOST_DAYS}, each once and the sooner first"
            ));
        }
        if !self.head_after.iter().all(is_possible) {
            faults.push(format!(
                "`money.overdue.head_after` is from 1 to {MOST_DAYS}"
            ));
        }
        faults
    }
}
