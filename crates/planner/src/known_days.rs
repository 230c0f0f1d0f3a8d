//! Which days of our accounts are known, and what is asked where they are not: what is not known may be paid.
//!
//! On the event's way the reconciler reads it once for a pass in which something is overdue (`overdue`) or only marked as paid
//! (`marked`). Not here: which statements there were (`store`).

use std::collections::{BTreeMap, BTreeSet};

use domain::calendar;
use domain::display::date;
use domain::payment::AccountNumber;
use domain::{InvoiceId, OrganisationId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::OurInvoice;

/// Days of which every payment is known, and payments that nobody decided yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownDays {
    /// By account, what statements covered, each span as long as it goes without a gap, oldest first.
    accounts: BTreeMap<AccountNumber, Vec<(Date, Date)>>,
    /// The day on which the accounting side's payments were read to their end last.
    pub read_on: BTreeMap<OrganisationId, Date>,
    /// Buyers, by INN, of whom a payment is new or asked about.
    pub undecided: BTreeSet<(OrganisationId, String)>,
    /// Invoices that are offered where a payment is asked about, whoever pays.
    pub offered: BTreeSet<(OrganisationId, InvoiceId)>,
}

/// What is known of an account that is not known enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownOf {
    /// Nothing.
    Never,
    /// Nothing after this day.
    Through(Date),
    /// Not everything before this day.
    Since(Date),
}

impl KnownDays {
    /// A statement covered these days; the spans of an account are added in the order of their first days. Days off
    /// between two of them are no gap: offices take a statement for each working day.
    pub fn cover(&mut self, account: AccountNumber, from: Date, to: Date) {
        let spans = self.accounts.entry(account).or_default();
        match spans.last_mut() {
            Some((_, last)) if from <= next_working(*last) => *last = to.max(*last),
            Some(_) | None => spans.push((from, to)),
        }
    }

    /// Whether money waits for a decision that may be for this invoice: the buyer's, or such as it is offered for.
    pub(crate) fn is_undecided(&self, invoice: &OurInvoice) -> bool {
        let organisation = &invoice.organisation;
        let buyer = invoice.draft.buyer.key.who.to_string();
        let offered = (organisation.clone(), invoice.id.clone());
        self.undecided.contains(&(organisation.clone(), buyer)) || self.offered.contains(&offered)
    }

    /// What is missing of an account for all of these days to be known.
    pub(crate) fn lacks(
        &self,
        account: &AccountNumber,
        from: Date,
        through: Date,
    ) -> Option<KnownOf> {
        let spans = self.accounts.get(account);
        let Some((first, last)) = spans.and_then(|spans| spans.last()) else {
            return Some(KnownOf::Never);
        };
        if *last < through {
            Some(KnownOf::Through(*last))
        } else {
            (from < *first).then_some(KnownOf::Since(*first))
        }
    }

    /// Whether a question about an account answered itself: what it asked for is known by now, or something else is
    /// missing.
    pub fn is_answered(&self, account: &AccountNumber, known: KnownOf, today: Date) -> bool {
        let spans = self.accounts.get(account);
        let Some((first, last)) = spans.and_then(|spans| spans.last()) else {
            return false;
        };
        match known {
            KnownOf::Never => true,
            KnownOf::Through(_) => !is_long_behind(*last, today),
            KnownOf::Since(day) => *first != day,
        }
    }
}

pub(crate) fn next_working(day: Date) -> Date {
    let next = day.tomorrow().unwrap_or(day);
    calendar::working_from(next).unwrap_or(next)
}

/// An office that takes statements every day is not asked on the morning of the next one: a whole working day went by.
pub(crate) fn is_long_behind(last: Date, today: Date) -> bool {
    today > next_working(next_working(last))
}

/// The question to the accountant.
pub(crate) fn unknown_in_words(account: &AccountNumber, known: KnownOf) -> String {
    let account = account.as_str();
    match known {
        KnownOf::Never => format!(
            "По счёту {account} нет выписки ни за один закончившийся день. Оплачены ли выставленные счета, неизвестно, \
             поэтому о просрочке менеджерам не напоминаем. Загрузите выписку с первого неоплаченного счёта по вчерашний \
             день."
        ),
        KnownOf::Through(last) => format!(
            "Счёт {account} известен по {}, выписки за следующие дни нет. Оплачены ли выставленные счета, неизвестно, \
             поэтому о просрочке менеджерам не напоминаем. Загрузите выписку по вчерашний день.",
            date(last)
        ),
        KnownOf::Since(first) => format!(
            "По счёту {account} не хватает выписок за дни до {}. Оплачены ли счета, выставленные раньше, неизвестно, \
             поэтому об их просрочке менеджерам не напоминаем. Загрузите выписку за эти дни.",
            date(first)
        ),
    }
}
