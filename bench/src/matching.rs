//! A million payments against a million open invoices of 50,000 payers: purposes read, invoices found, certain ones booked.
//!
//! Payments are made in portions beside the measuring, so that only the product's own work counts, and each knows what it is
//! for: a wrong booking fails the measurement. One thread, and a process of its own, so that its memory is its own.

use std::process::Command;
use std::time::Duration;

use domain::matching::{CountedBefore, Incoming, OpenInvoice, OpenInvoices, propose};
use domain::purpose::Purpose;
use domain::{Inn, InvoiceId, Money, OrganisationId};
use jiff::civil::{Date, date};

use crate::machine::{most_memory_mb, processor_time};

/// Open invoices, and as many payments.
pub const INVOICES: usize = 1_000_000;
/// Invoices of one payer.
const OF_ONE_PAYER: usize = 20;
/// Payments that are made before the next ones are measured.
const PORTION: usize = 20_000;

/// What it took and came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Took {
    /// Processor time to take in the open invoices.
    pub index: Duration,
    /// Processor time to read the purposes.
    pub read: Duration,
    /// Processor time to match, and to book what is certain.
    pub matched: Duration,
    /// Payments that were booked by themselves.
    pub booked: usize,
    /// Payments that may be booked by themselves.
    pub may_be_booked: usize,
    /// Payments whose best candidate is what they are for, of those that are not booked and are for something.
    pub best_is_right: usize,
    /// Payments that are for something and are not booked.
    pub asked: usize,
}

/// A payment with what it is for.
pub(crate) struct Payment {
    pub(crate) payer: usize,
    pub(crate) amount: Money,
    pub(crate) purpose: String,
    is_for: Option<usize>,
    pub(crate) may_be_booked: bool,
}

/// Measures in this process and tells it in a table.
///
/// # Errors
/// Where a payment is booked to an invoice that it is not for.
pub fn one(invoices: usize) -> Result<String, String> {
    let took = measure(invoices)?;
    let memory = most_memory_mb(std::process::id())?;
    let all = took.index + took.read + took.matched;
    let seconds = |time: Duration| format!("{:.2}", time.as_secs_f64());
    Ok(format!(
        "| invoices and payments | invoices taken in, s | purposes read, s | matched and booked, s | together, s | most MB |\n\
         |--:|--:|--:|--:|--:|--:|\n\
         | {invoices} | {} | {} | {} | {} | {memory:.0} |\n\n\
         Booked by themselves: {} of {} that may be; wrongly: 0. Of {} others the best candidate is right for {}.",
        seconds(took.index),
        seconds(took.read),
        seconds(took.matched),
        seconds(all),
        took.booked,
        took.may_be_booked,
        took.asked,
        took.best_is_right
    ))
}

/// Measures in a process of its own.
///
/// # Errors
/// As [`one`].
pub fn all() -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let told = Command::new(&program)
        .args(["matching-of", &INVOICES.to_string()])
        .output()
        .map_err(|error| error.to_string())?;
    if !told.status.success() {
        return Err(String::from_utf8_lossy(&told.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&told.stdout).into_owned())
}

/// Takes in so many invoices and matches as many payments.
///
/// # Errors
/// As [`one`].
pub fn measure(invoices: usize) -> Result<Took, String> {
    let payers: Vec<Inn> = (0..(invoices / OF_ONE_PAYER).max(1)).map(inn).collect();
    let organisation = OrganisationId::new("org-1");
    let mut took = Took::default();
    let mut open = OpenInvoices::default();
    for portion in portions(invoices) {
        let made: Vec<OpenInvoice> = portion
            .map(|place| invoice(place, &payers, &organisation))
            .collect();
        took.index += timed(|| made.into_iter().for_each(|invoice| open.add(invoice)))?.1;
    }
    for portion in portions(invoices) {
        let payments: Vec<Payment> = portion
            .map(|place| payment(place, payers.len(), invoices))
            .collect();
        let read = || {
            payments
                .iter()
                .map(|payment| Purpose::read(&payment.purpose))
                .collect()
        };
        let (purposes, time): (Vec<Purpose>, Duration) = timed(read)?;
        took.read += time;
        let (outcome, time) = timed(|| {
            book(
                &payments,
                &purposes,
                &payers,
                &organisation,
                &mut open,
                took,
            )
        })?;
        let (index, read, matched) = (took.index, took.read, took.matched + time);
        took = Took {
            index,
            read,
            matched,
            ..outcome?
        };
    }
    Ok(took)
}

/// Matches a portion and books what is certain.
fn book(
    payments: &[Payment],
    purposes: &[Purpose],
    payers: &[Inn],
    organisation: &OrganisationId,
    open: &mut OpenInvoices,
    mut took: Took,
) -> Result<Took, String> {
    let came = day(0);
    for (payment, purpose) in payments.iter().zip(purposes) {
        let incoming = Incoming {
            organisation,
            payer: payers.get(payment.payer),
            amount: payment.amount,
            came,
            purpose,
            chosen_before: &[],
            others: &[],
        };
        let proposal = propose(incoming, open);
        let expected = payment.is_for.map(|place| place.to_string());
        let first = proposal
            .candidates
            .first()
            .and_then(|best| best.shares.first());
        let is_right = first.map(|share| share.invoice.as_str()) == expected.as_deref();
        took.may_be_booked += usize::from(payment.may_be_booked);
        match proposal.certain() {
            Some(_) if !payment.may_be_booked || !is_right => {
                return Err(format!("booked wrongly: {}", payment.purpose));
            }
            Some(certain) => {
                certain
                    .shares
                    .iter()
                    .for_each(|share| open.book(share, came));
                took.booked += 1;
            }
            None if expected.is_some() => {
                took.asked += 1;
                took.best_is_right += usize::from(is_right);
            }
            None => {}
        }
    }
    Ok(took)
}

fn portions(of: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..of)
        .step_by(PORTION)
        .map(move |from| from..(from + PORTION).min(of))
}

fn timed<T>(work: impl FnOnce() -> T) -> Result<(T, Duration), String> {
    let own = std::process::id();
    let before = processor_time(own)?;
    let done = work();
    Ok((done, processor_time(own)?.saturating_sub(before)))
}

/// An INN with the check digit that its head has.
pub(crate) fn inn(payer: usize) -> Inn {
    let numbers = (0..10).map(|digit| format!("77{payer:07}{digit}"));
    let mut valid = numbers.filter_map(|number| Inn::parse(&number).ok());
    valid
        .next()
        .unwrap_or_else(|| unreachable!("one check digit fits every head"))
}

pub(crate) fn number(place: usize) -> String {
    format!("УТ-{place:07}")
}

pub(crate) fn day(place: usize) -> Date {
    let months = (1..=12).zip([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]);
    let days = months.flat_map(|(month, days)| (1..=days).map(move |day| date(2026, month, day)));
    days.clone().nth(place % 365).unwrap_or(date(2026, 1, 1))
}

pub(crate) fn balance(place: usize) -> Money {
    Money::from_kopecks(100_000 + (place as i64 * 7_919) % 90_000_000)
}

fn invoice(place: usize, payers: &[Inn], organisation: &OrganisationId) -> OpenInvoice {
    let payer = payers.get(place % payers.len()).cloned();
    OpenInvoice {
        id: InvoiceId::new(place.to_string()),
        seller: organisation.clone(),
        buyer: payer,
        buyer_name: None,
        number: number(place),
        date: day(place),
        aliases: Vec::new(),
        open: balance(place),
        counted_before: CountedBefore::default(),
    }
}

/// The payment for an invoice, as payers write: of a hundred 86 may be booked by themselves.
pub(crate) fn payment(place: usize, payers: usize, invoices: usize) -> Payment {
    let (number, date) = (number(place), day(place));
    let (short, long) = (date.strftime("%d.%m.%Y"), date.strftime("%d.%m.%y"));
    let (contract, next) = (place % 777 + 1, (place + payers) % invoices);
    let vat = "в т.ч. НДС 22% - 1 803,28";
    let purpose = match place % 100 {
        0..40 => format!(
            "Оплата по счету № {number} от {short} г. за поставку товара по договору № {contract} от 10.01.2026. {vat}"
        ),
        40..55 => format!("Оплата по сч. {number} от {long}, без НДС"),
        55..65 => format!(
            "ОПЛАТА ПО СЧЕТУ N{number} ОТ {short} ЗА УСЛУГИ СВЯЗИ ЗА МАРТ 2026, НДС НЕ ОБЛАГАЕТСЯ"
        ),
        65..70 => format!("оплта по щету №{number}от{short} {vat}"),
        70..78 => format!("Аванс 50% по счету на оплату {number} от {short}. {vat}"),
        78..86 => format!(
            "{{VO20100}}Предоплата по дог. {contract} от 10.01.2026 сч.№{number} от {short} {vat}"
        ),
        86..90 => format!("Оплата по счету {number}, {vat}"),
        90..94 => "Оплата за услуги по договору, без НДС".to_owned(),
        94..96 => format!(
            "Оплата по счетам {number} от {short}, {} от {}",
            self::number(next),
            day(next).strftime("%d.%m.%Y")
        ),
        96..98 => format!("Оплата за ООО \"Ромашка\" по счету {number} от {short}"),
        98 => format!("Возврат по счету {number} от {short}"),
        _ => format!("Оплата по с/ф {number} от {short}"),
    };
    let half = Money::from_kopecks(balance(place).kopecks() / 2);
    let is_part = (70..78).contains(&(place % 100));
    Payment {
        payer: place % payers,
        amount: if is_part { half } else { balance(place) },
        purpose,
        is_for: (place % 100 < 98).then_some(place),
        may_be_booked: place % 100 < 86,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_may_be_is_booked_and_the_rest_is_proposed() {
        let took = measure(4_000).unwrap();
        assert_eq!((took.booked, took.may_be_booked), (3_440, 3_440));
        assert_eq!((took.asked, took.best_is_right), (480, 480));
    }
}
