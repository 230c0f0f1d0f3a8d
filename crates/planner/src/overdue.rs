//! The promise: who waits for money is reminded on the days that policy names, and never of what may be paid.
//!
//! An invoice is overdue the day after its last day to pay. That is said, and the responsible manager reminded, only while
//! no payment can be missing: our accounts are known through the day before, and no payment of the buyer, nor one that is
//! offered for the invoice, waits for a decision. A reminder is a question like any other: open while the invoice is, told once for each of its days, in the
//! deal's field or by the money answered. Nobody writes to the buyer. Not here: what is paid (`receipts`), the quiet hours
//! (`notices`).

use domain::calendar;
use domain::display::{date, money};
use domain::ledger::{OverdueCount, last_day, overdue_days, overdue_on};
use domain::observed::{DealGlance, OurField};
use domain::payment::AccountNumber;
use domain::words::counted;
use domain::{InvoiceStatus, Money};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::asking::{Asked, answered, ask, case, merge, responsible};
use crate::known_days::{KnownOf, is_long_behind, next_working, unknown_in_words};
use crate::showing::is_test;
use crate::texts::by_strangers;
use crate::{
    CaseCode, DealSnapshot, Heard, NextDay, Organisation, OurInvoice, Overdue, Plan, Policy,
    UnknownAccount, Whom,
};

/// An invoice that is still to be paid, with a last day.
struct Open<'a> {
    invoice: &'a OurInvoice,
    due: Date,
    left: Money,
    /// For how many days it has been overdue.
    days: u32,
}

impl Open<'_> {
    /// A day of it on which somebody is reminded, and when it came.
    fn day(&self, number: u32, rules: &Overdue) -> (String, Option<Date>) {
        let named = format!("{}={number}", self.invoice.slot);
        (named, overdue_on(self.due, number, rules.counted()))
    }
}

fn open<'a>(
    snapshot: &DealSnapshot,
    invoice: &'a OurInvoice,
    policy: &Policy,
    count: OverdueCount,
    today: Date,
) -> Option<Open<'a>> {
    // Nobody is to pay a sample.
    if is_test(invoice, policy) {
        return None;
    }
    // What the accountant marked as paid is, whatever we know of it.
    let may_be_open = matches!(
        invoice.status,
        InvoiceStatus::Issued | InvoiceStatus::PartiallyPaid
    );
    let due = invoice.draft.due?;
    let left = invoice.total.checked_sub(snapshot.paid_of(invoice))?;
    let is_open = invoice.stands() && may_be_open && left.is_positive();
    is_open.then(|| Open {
        invoice,
        due,
        left,
        days: overdue_days(due, today, count),
    })
}

/// Where the seller is.
pub(crate) fn zone(policy: &Policy, invoice: &OurInvoice) -> TimeZone {
    let organisation = policy.organisation(&invoice.organisation);
    organisation.map_or(TimeZone::UTC, Organisation::zone)
}

/// Nobody is reminded before this hour of the seller.
const MORNING: i8 = 8;

fn morning(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let morning = day.at(MORNING, 0, 0, 0).to_zoned(zone.clone());
    morning.ok().map(|morning| morning.timestamp())
}

/// The last day to pay of an invoice that may be called overdue: everything that was paid by that day is known.
pub(crate) fn known_due(
    snapshot: &DealSnapshot,
    invoice: &OurInvoice,
    policy: &Policy,
    now: Timestamp,
) -> Option<Date> {
    let rules = policy.money.as_ref()?.overdue.as_ref()?;
    let today = now.to_zoned(zone(policy, invoice)).date();
    let open = open(snapshot, invoice, policy, rules.counted(), today)?;
    let through = last_day(open.due);
    let is_known = unknown(snapshot, policy, invoice, through, today).is_none();
    (open.days > 0 && is_known).then_some(open.due)
}

/// What is not known of the seller's accounts since the invoice; none: everything is. Of an account that is behind for a
/// night the accountant is not asked.
fn unknown(
    snapshot: &DealSnapshot,
    policy: &Policy,
    invoice: &OurInvoice,
    through: Date,
    today: Date,
) -> Option<Vec<UnknownAccount>> {
    let organisation = &invoice.organisation;
    let money = policy.money.as_ref()?;
    let days = &snapshot.known_days;
    if money.is_known_by_accounting(organisation) {
        let read_on = days.read_on.get(organisation);
        return read_on.is_none_or(|day| *day <= through).then(Vec::new);
    }
    let accounts = money.accounts.iter();
    let accounts = accounts.filter(|one| one.organisation == *organisation);
    let lacking: Vec<(&AccountNumber, KnownOf)> = accounts
        .filter_map(|one| {
            let lacks = days.lacks(&one.number, invoice.date, through)?;
            Some((&one.number, lacks))
        })
        .collect();
    let is_asked = |known: &KnownOf| match known {
        KnownOf::Through(last) => is_long_behind(*last, today),
        KnownOf::Never | KnownOf::Since(_) => true,
    };
    let asked = lacking.iter().filter(|(_, known)| is_asked(known));
    let asked = asked.map(|(account, known)| UnknownAccount {
        account: (*account).clone(),
        known: *known,
        text: unknown_in_words(account, *known),
    });
    let asked = asked.collect();
    (!lacking.is_empty()).then_some(asked)
}

/// Why nobody is reminded now although a day for it has come.
enum Hold {
    DayOff,
    Early,
    Undecided,
    Unknown(Vec<UnknownAccount>),
}

impl Hold {
    fn because(&self) -> &'static str {
        match self {
            Self::DayOff => "о просрочке напоминаем в рабочие дни",
            Self::Early => "о просрочке напоминаем с утра",
            Self::Undecided => {
                "о просрочке не напоминаем: пришли деньги, которые могут быть за этот счёт, и бухгалтер ещё не решил, за что они"
            }
            Self::Unknown(_) => {
                "о просрочке не напоминаем: деньги по вчерашний день ещё не известны"
            }
        }
    }
}

fn hold(
    snapshot: &DealSnapshot,
    policy: &Policy,
    late: &[&Open<'_>],
    now: Timestamp,
    today: Date,
) -> Option<Hold> {
    let first = late.first()?;
    if !calendar::is_working(today) {
        return Some(Hold::DayOff);
    }
    if morning(today, &zone(policy, first.invoice)).is_some_and(|at| now < at) {
        return Some(Hold::Early);
    }
    let is_undecided = |open: &&Open<'_>| snapshot.known_days.is_undecided(open.invoice);
    if late.iter().any(is_undecided) {
        return Some(Hold::Undecided);
    }
    let yesterday = today.yesterday().unwrap_or(today);
    late.iter().find_map(|open| {
        let unknown = unknown(snapshot, policy, open.invoice, yesterday, today);
        unknown.map(Hold::Unknown)
    })
}

/// The day until which the buyer promised to pay, if it is later than the last day to pay.
fn promise(glance: &DealGlance, late: &[&Open<'_>]) -> Option<Date> {
    let after = late.iter().map(|open| last_day(open.due)).min()?;
    glance.fields.promise.filter(|day| *day > after)
}

/// Reminders of what is overdue, and when the next day for one comes.
pub(crate) fn plan(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    policy: &Policy,
    now: Timestamp,
) -> Plan {
    let rules = policy
        .money
        .as_ref()
        .and_then(|money| money.overdue.as_ref());
    // All invoices of a deal have one seller.
    let seller = snapshot.invoices.iter().find(|one| one.stands());
    let (Some(rules), Some(seller), false) = (rules, seller, glance.deal.lost) else {
        return answered(snapshot, Plan::default(), &CaseCode::REMINDERS);
    };
    let zone = zone(policy, seller);
    let today = now.to_zoned(zone.clone()).date();
    let count = rules.counted();
    let open: Vec<Open<'_>> = snapshot
        .invoices
        .iter()
        .filter_map(|one| open(snapshot, one, policy, count, today))
        .collect();
    let late: Vec<&Open<'_>> = open.iter().filter(|one| one.days > 0).collect();
    let promise = promise(glance, &late);
    let silent_until = promise.filter(|day| *day >= today);
    let mut plan = Plan::default();
    let wanted: Vec<Reminder> = [
        of_manager(
            glance,
            policy,
            rules,
            &late,
            promise.filter(|day| *day < today),
            today,
        ),
        of_head(snapshot, glance, rules, &late, today),
    ]
    .into_iter()
    .filter(|reminder| {
        if reminder.days.is_empty() {
            plan = answered(
                snapshot,
                std::mem::take(&mut plan),
                &[reminder.asked.case.code],
            );
        }
        !reminder.days.is_empty() && silent_until.is_none() && is_news(snapshot, reminder, &zone)
    })
    .collect();
    let hold = if wanted.is_empty() {
        None
    } else {
        hold(snapshot, policy, &late, now, today)
    };
    let is_not_called = |open: &&Open<'_>| known_due(snapshot, open.invoice, policy, now).is_none();
    // The word in the deal's field waits for the same.
    let waits_for_accounts =
        matches!(hold, Some(Hold::Unknown(_))) || late.iter().any(is_not_called);
    let again = match &hold {
        Some(Hold::Early) => Some(today),
        Some(Hold::DayOff) => calendar::working_from(today),
        Some(Hold::Undecided | Hold::Unknown(_)) => Some(next_working(today)),
        None if waits_for_accounts => Some(next_working(today)),
        None => None,
    };
    let coming = open
        .iter()
        .filter_map(|one| next_step(rules, one, count, silent_until));
    let next = again.into_iter().chain(coming).min();
    plan.next_day = next.and_then(|day| morning(day, &zone)).map(|at| NextDay {
        at,
        waits_for_accounts,
    });
    match hold {
        None => wanted
            .into_iter()
            .for_each(|reminder| merge(&mut plan, ask(snapshot, reminder.asked))),
        Some(hold) => {
            plan.because.push(hold.because().to_owned());
            if let Hold::Unknown(unknown) = hold {
                plan.unknown = unknown;
            }
        }
    }
    plan
}

/// Somebody is to be reminded.
struct Reminder {
    /// For which days of which invoices, as `whole/1=3`, and when each of them came; what was told for these is not told
    /// again.
    days: Vec<(String, Option<Date>)>,
    asked: Asked,
}

/// Whether it is for a day for which nobody was reminded. What was paid and is open again is no news for the same day; a
/// day that came after the reminder, since the last day to pay is another now, is.
fn is_news(snapshot: &DealSnapshot, reminder: &Reminder, zone: &TimeZone) -> bool {
    let key = reminder.asked.case.code.as_str();
    let open = snapshot.open_cases.get(key).filter(|open| open.told);
    let before = snapshot.heard_before.iter().filter(|one| one.key == key);
    let is_told = |(day, came): &(String, Option<Date>)| {
        let heard = |one: &&Heard| Some(one.at.to_zoned(zone.clone()).date()) >= *came;
        open.is_some_and(|open| is_among(day, &open.about))
            || before
                .clone()
                .filter(heard)
                .any(|one| is_among(day, &one.about))
    };
    !reminder.days.iter().all(is_told)
}

/// Whether a reminder for these days tells of this one.
fn is_among(day: &str, about: &str) -> bool {
    let number = |text: &str| text.parse::<u32>().ok();
    let (what, wanted) = day.split_once('=').unwrap_or((day, ""));
    about.split(' ').any(|told| {
        let (of, heard) = told.split_once('=').unwrap_or((told, ""));
        let is_later = number(wanted).is_some() && number(heard) >= number(wanted);
        of == what && (heard == wanted || is_later)
    })
}

/// The manager: on each of the days that policy names, and once after a promise that was not kept.
fn of_manager(
    glance: &DealGlance,
    policy: &Policy,
    rules: &Overdue,
    late: &[&Open<'_>],
    broken: Option<Date>,
    today: Date,
) -> Reminder {
    let mut days: Vec<(String, Option<Date>)> = late
        .iter()
        .filter_map(|open| {
            let last = rules.remind.iter().rfind(|day| **day <= open.days)?;
            Some(open.day(*last, rules))
        })
        .collect();
    let is_reminded = !rules.remind.is_empty();
    days.extend(
        broken
            .filter(|_| is_reminded)
            .map(|day| (format!("promise={day}"), Some(day))),
    );
    let mut text = in_words(rules, late, today);
    if let Some(day) = broken {
        text.push_str(&format!("\nОбещали оплатить до {}.", date(day)));
    }
    if policy.fields.contains_key(&OurField::Promise) {
        text.push_str(
            "\nДоговоритесь о дне оплаты и впишите его в поле сделки «Обещали оплатить до»: до него не напоминаем.",
        );
    }
    reminder(
        glance,
        CaseCode::InvoiceOverdue,
        days,
        text,
        responsible(glance),
    )
}

/// Who leads the manager: once an invoice.
fn of_head(
    snapshot: &DealSnapshot,
    glance: &DealGlance,
    rules: &Overdue,
    late: &[&Open<'_>],
    today: Date,
) -> Reminder {
    let after = rules.head_after.unwrap_or(u32::MAX);
    let long: Vec<&Open<'_>> = late
        .iter()
        .copied()
        .filter(|open| open.days >= after)
        .collect();
    let days = long.iter().map(|open| open.day(after, rules)).collect();
    let mut text = in_words(rules, &long, today);
    if is_reminded(snapshot, &long) {
        text.push_str("\nОтветственному за сделку об этом напоминали.");
    }
    let whom = Whom::HeadOf(glance.deal.responsible);
    reminder(glance, CaseCode::InvoiceLongOverdue, days, text, whom)
}

/// Whether the manager was reminded of one of these: on no day of the policy, or of a kind that is off, he was not.
fn is_reminded(snapshot: &DealSnapshot, late: &[&Open<'_>]) -> bool {
    let key = CaseCode::InvoiceOverdue.as_str();
    let open = snapshot.open_cases.get(key).filter(|open| open.told);
    let before = snapshot.heard_before.iter().filter(|one| one.key == key);
    let before = before.map(|one| &one.about);
    let mut told = open.map(|open| &open.about).into_iter().chain(before);
    told.any(|about| {
        let is_of = |day: &str, open: &Open<'_>| {
            let of = day.split_once('=').map(|(of, _)| of);
            of == Some(open.invoice.slot.to_string().as_str())
        };
        let mut days = about.split(' ');
        days.any(|day| late.iter().copied().any(|open| is_of(day, open)))
    })
}

fn reminder(
    glance: &DealGlance,
    code: CaseCode,
    days: Vec<(String, Option<Date>)>,
    text: String,
    whom: Whom,
) -> Reminder {
    let mut asked = case(glance.deal.id, code, text, whom);
    let named: Vec<&str> = days.iter().map(|(day, _)| day.as_str()).collect();
    asked.case.about = named.join(" ");
    Reminder { days, asked }
}

fn in_words(rules: &Overdue, late: &[&Open<'_>], today: Date) -> String {
    let days = |open: &Open<'_>| {
        let forms = match rules.counted() {
            OverdueCount::CalendarDays => ["день", "дня", "дней"],
            OverdueCount::WorkingDays => ["рабочий день", "рабочих дня", "рабочих дней"],
        };
        counted(open.days.into(), forms)
    };
    let mut lines: Vec<String> = late
        .iter()
        .map(|open| {
            let invoice = open.invoice;
            format!(
                "Счёт № {} от {} на {} ({}) не оплачен в срок до {}: просрочка {}, осталось {}.",
                invoice.number,
                date(invoice.date),
                money(invoice.total),
                by_strangers(&invoice.draft.buyer.name),
                date(last_day(open.due)),
                days(open),
                money(open.left)
            )
        })
        .collect();
    let first = late.iter().map(|open| open.due.year()).min();
    let mut years = first.into_iter().flat_map(|first| first..=today.year());
    if let Some(year) = years.find(|year| !calendar::is_known(*year)) {
        lines.push(format!(
            "Производственного календаря на {year} год в программе нет: выходными считаются суббота, воскресенье и праздники."
        ));
    }
    lines.join("\n")
}

/// The day on which something is to be told of an invoice that is not told yet.
fn next_step(
    rules: &Overdue,
    open: &Open<'_>,
    count: OverdueCount,
    silent_until: Option<Date>,
) -> Option<Date> {
    if open.days == 0 {
        return overdue_on(open.due, 1, count);
    }
    if let Some(day) = silent_until {
        return Some(next_working(day));
    }
    let steps = rules.remind.iter().copied().chain(rules.head_after);
    let next = steps.filter(|step| *step > open.days).min()?;
    calendar::working_from(overdue_on(open.due, next, count)?)
}
