//! What an invoice says beside its lines: the contract behind it, the last day to pay and the last day of the offer.

use domain::calendar::{after_calendar_days, after_working_days};
use domain::display;
use domain::observed::{DealReading, Record};
use jiff::civil::Date;

use crate::Fault;
use crate::policy::{Demand, DueCount, InvoicePolicy, Terms};

/// The contract as it is printed: `Договор № 7 от 10.01.2026`.
pub(crate) fn basis(
    reading: &DealReading,
    policy: &InvoicePolicy,
) -> Result<Option<String>, Fault> {
    let Some(contract) = &policy.contract else {
        return Ok(None);
    };
    let Some(number) = named(reading, &contract.number) else {
        let deal = reading.glance.deal.id;
        return if policy.demand.contains(&Demand::Contract) {
            Err(Fault {
                what: "не указан номер договора".to_owned(),
                place: format!("/crm/deal/details/{deal}/"),
                record: Some(Record::Deal(deal)),
            })
        } else {
            Ok(None)
        };
    };
    let dated = contract
        .date
        .as_ref()
        .and_then(|field| named(reading, field));
    let dated = dated.map(|text| day(text).map_or_else(|| text.to_owned(), display::date));
    let title = contract.title.trim();
    let number = number.trim_start_matches(['№', ' ']);
    Ok(Some(match dated {
        Some(date) => format!("{title} № {number} от {date}"),
        None => format!("{title} № {number}"),
    }))
}

/// The last day to pay: the deal's own date, else the buyer's own term, else everybody's.
pub(crate) fn due(reading: &DealReading, policy: &InvoicePolicy, date: Date) -> Option<Date> {
    let own = own(reading, policy);
    let days = own.and_then(|own| own.due_days).or(policy.due_days);
    let count = own.and_then(|own| own.due_count);
    let count = count.unwrap_or(policy.due_count);
    of_deal(reading, policy.due_field.as_deref(), date).or_else(|| counted(count, date, days?))
}

/// The last day on which the offer holds, likewise.
pub(crate) fn valid_until(
    reading: &DealReading,
    policy: &InvoicePolicy,
    date: Date,
) -> Option<Date> {
    let own = own(reading, policy);
    let days = own.and_then(|own| own.valid_days).or(policy.valid_days);
    let count = own.and_then(|own| own.valid_count);
    let count = count.unwrap_or(policy.valid_count);
    of_deal(reading, policy.valid_field.as_deref(), date).or_else(|| counted(count, date, days?))
}

/// What was agreed upon with the deal's buyer.
fn own<'a>(reading: &DealReading, policy: &'a InvoicePolicy) -> Option<&'a Terms> {
    let company = reading.glance.deal.company;
    policy.terms.iter().find(|own| Some(own.company) == company)
}

/// The day in the deal's field. One that is over is no term: the deal was copied or waited long.
fn of_deal(reading: &DealReading, field: Option<&str>, date: Date) -> Option<Date> {
    let said = day(named(reading, field?)?)?;
    (said >= date).then_some(said)
}

fn counted(count: DueCount, date: Date, days: u16) -> Option<Date> {
    match count {
        DueCount::Calendar => after_calendar_days(date, days),
        DueCount::Working => after_working_days(date, days),
    }
}

/// What stands in a field that policy names.
pub(crate) fn named<'a>(reading: &'a DealReading, field: &str) -> Option<&'a str> {
    let value = reading.glance.named.get(field)?.trim();
    (!value.is_empty()).then_some(value)
}

/// The day of a date field, or a Russian date of a text field.
fn day(text: &str) -> Option<Date> {
    let head: String = text.chars().take(10).collect();
    head.parse()
        .ok()
        .or_else(|| Date::strptime("%d.%m.%Y", &head).ok())
}
