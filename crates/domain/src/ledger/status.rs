//! Where an invoice stands in money, and for how many days it has been overdue.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{Money, calendar};

/// The word that people see for an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaidState {
    /// Nothing is paid.
    Issued,
    /// A part is paid.
    PartlyPaid,
    /// All is paid.
    Paid,
    /// More came than it asks for; the rest is the buyer's advance.
    Overpaid,
    /// Something is still to be paid, and the last day has passed.
    Overdue,
    /// Taken back by the accountant.
    Cancelled,
    /// It is no longer there.
    DeletedInAccounting,
}

/// Whether the accounting side still has the invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// It stands.
    Live,
    /// Taken back.
    Cancelled,
    /// Gone.
    Deleted,
}

/// How overdue days are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverdueCount {
    /// Each day.
    CalendarDays,
    /// Days on which people work.
    WorkingDays,
}

/// What the word follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is still there.
    pub life: Life,
    /// What it asks for.
    pub total: Money,
    /// What was given to it.
    pub paid: Money,
    /// What is left of the payments that were given to it.
    pub advance: Money,
    /// The last day to pay.
    pub due: Option<Date>,
    /// The seller's day today.
    pub today: Date,
    /// How days after it are counted.
    pub count: OverdueCount,
}

impl Standing {
    /// The word.
    pub fn state(&self) -> PaidState {
        match self.life {
            Life::Cancelled => return PaidState::Cancelled,
            Life::Deleted => return PaidState::DeletedInAccounting,
            Life::Live => {}
        }
        let is_over = self
            .due
            .is_some_and(|due| overdue_days(due, self.today, self.count) > 0);
        if self.paid > self.total || (self.paid == self.total && self.advance.is_positive()) {
            PaidState::Overpaid
        } else if self.paid == self.total {
            PaidState::Paid
        } else if is_over {
            PaidState::Overdue
        } else if self.paid.is_positive() {
            PaidState::PartlyPaid
        } else {
            PaidState::Issued
        }
    }
}

impl PaidState {
    /// As the deal shows it.
    pub const fn label(self) -> &'static str {
        match self {
            PaidState::Issued => "выставлен",
            PaidState::PartlyPaid => "частично оплачен",
            PaidState::Paid => "оплачен",
            PaidState::Overpaid => "переплачен",
            PaidState::Overdue => "просрочен",
            PaidState::Cancelled => "отменён",
            PaidState::DeletedInAccounting => "удалён в учёте",
        }
    }
}

/// The last day on which it is paid in time: one that people do not work on is moved to the next on which they do (GK 193).
pub fn last_day(due: Date) -> Date {
    calendar::working_from(due).unwrap_or(due)
}

/// The first day on which an invoice has been overdue for so many days.
pub fn overdue_on(due: Date, days: u32, count: OverdueCount) -> Option<Date> {
    let mut day = last_day(due);
    for _counted in 0..days {
        day = day.tomorrow().ok()?;
        if count == OverdueCount::WorkingDays {
            day = calendar::working_from(day)?;
        }
    }
    Some(day)
}

/// For how many days an invoice has been overdue. A last day that people do not work on is moved to the next on which they
/// do (GK 193); the first overdue day is the one after it.
pub fn overdue_days(due: Date, today: Date, count: OverdueCount) -> u32 {
    let mut days = 0_u32;
    let mut day = last_day(due);
    while day < today {
        let Ok(next) = day.tomorrow() else { break };
        day = next;
        if count == OverdueCount::CalendarDays || calendar::is_working(day) {
            days = days.saturating_add(1);
        }
    }
    days
}
