//! From a deal to the invoice it asks for, or to the full list of what it lacks.

use domain::InvoiceDraft;
use domain::observed::{DealReading, OwnCompany};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::{Fault, Policy, Seller, buyer, lines, seller};

/// What is to be issued and how its seller is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) invoice: InvoiceDraft,
    pub(crate) seller: Seller,
}

/// Every fault is found in one go, so that the manager is asked once.
pub(crate) fn draft(
    reading: &DealReading,
    own: &[OwnCompany],
    policy: &Policy,
    now: Timestamp,
) -> Result<Draft, Vec<Fault>> {
    let organisation = seller::organisation(reading, own, policy).map_err(|fault| vec![fault]);
    let zone = match &organisation {
        Ok(organisation) => organisation.zone(),
        Err(_) => jiff::tz::TimeZone::UTC,
    };
    let date = now.to_zoned(zone).date();
    let printed = organisation
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|organisation| seller::seller(organisation, reading, own));
    match (
        buyer::buyer(reading),
        organisation,
        printed,
        lines::lines(reading, date),
    ) {
        (Ok(buyer), Ok(organisation), Ok(seller), Ok((mode, lines))) => Ok(Draft {
            invoice: InvoiceDraft {
                seller: organisation.id.clone(),
                buyer,
                mode,
                lines,
                currency: "RUB".to_owned(),
                basis: None,
                date,
                due: due(date, policy),
            },
            seller,
        }),
        (buyer, organisation, seller, lines) => {
            let mut faults = buyer.err().unwrap_or_default();
            if organisation.is_ok() {
                faults.extend(seller.err().unwrap_or_default());
            } else {
                faults.extend(organisation.err().unwrap_or_default());
            }
            faults.extend(lines.err().unwrap_or_default());
            Err(faults)
        }
    }
}

/// What a deal whose invoice is `issued` asks for now. Rates are judged by the day of the invoice, and what does not
/// concern the invoice's revision (our bank, the buyer's card while it is being corrected) is taken from it; lines of
/// which no invoice could be made are faults.
pub(crate) fn asks_now(
    reading: &DealReading,
    own: &[OwnCompany],
    policy: &Policy,
    issued: &InvoiceDraft,
) -> Result<InvoiceDraft, Vec<Fault>> {
    let (mode, lines) = lines::lines(reading, issued.date)?;
    let mut asked = InvoiceDraft {
        mode,
        lines,
        ..issued.clone()
    };
    if let Ok(buyer) = buyer::buyer(reading) {
        asked.buyer = buyer;
    }
    if let Ok(organisation) = seller::organisation(reading, own, policy) {
        asked.seller = organisation.id.clone();
    }
    Ok(asked)
}

fn due(date: Date, policy: &Policy) -> Option<Date> {
    let days = i64::from(policy.invoice.due_days?);
    date.checked_add(days.days()).ok()
}
