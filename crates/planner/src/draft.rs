//! From a deal to the invoice it asks for, or to the full list of what it lacks.

use domain::observed::DealReading;
use domain::{InvoiceDraft, Line};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::asking::Lack;
use crate::lines::Rules;
use crate::policy::Organisation;
use crate::{DealSnapshot, Policy, Seller, buyer, lines, seller, terms};

/// What is to be issued and how its seller is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) invoice: InvoiceDraft,
    pub(crate) seller: Seller,
}

/// Every fault is found in one go, so that the manager is asked once; a question is put once there is no fault.
pub(crate) fn draft(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    policy: &Policy,
    now: Timestamp,
) -> Result<Draft, Lack> {
    let own = &snapshot.own_companies;
    let organisation = seller::organisation(reading, own, policy).map_err(|fault| vec![fault]);
    let zone = match &organisation {
        Ok(organisation) => organisation.zone(),
        Err(_) => jiff::tz::TimeZone::UTC,
    };
    let date = now.to_zoned(zone).date();
    let printed = organisation
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|organisation| seller::seller(organisation, reading, own, date));
    let seller_org = organisation.as_ref().ok().copied();
    let standing = snapshot.live_invoice().filter(|one| one.stands());
    let standing = standing.map(|one| one.draft.of_whole());
    let called = standing.as_ref().map_or(&[][..], |whole| &whole.lines);
    match (
        buyer::buyer(reading, &policy.invoice),
        organisation,
        printed,
        lines::lines(reading, &rules(snapshot, policy, seller_org, date, called)),
        terms::basis(reading, &policy.invoice),
    ) {
        (Ok(buyer), Ok(organisation), Ok(seller), Ok((mode, lines)), Ok(basis)) => Ok(Draft {
            invoice: InvoiceDraft {
                seller: organisation.id.clone(),
                buyer,
                mode,
                lines,
                currency: "RUB".to_owned(),
                basis,
                date,
                due: terms::due(reading, &policy.invoice, date),
                valid_until: terms::valid_until(reading, &policy.invoice, date),
                part: None,
                number: None,
            },
            seller,
        }),
        (Ok(_), Ok(_), Ok(_), Err(lack), Ok(_)) => Err(lack),
        (buyer, organisation, seller, lines, basis) => {
            let mut faults = buyer.err().unwrap_or_default();
            if organisation.is_ok() {
                faults.extend(seller.err().unwrap_or_default());
            } else {
                faults.extend(organisation.err().unwrap_or_default());
            }
            if let Err(lack) = lines {
                faults.extend(lack.into_faults(snapshot.id));
            }
            faults.extend(basis.err());
            Err(Lack::Faults(faults))
        }
    }
}

fn rules<'a>(
    snapshot: &'a DealSnapshot,
    policy: &'a Policy,
    organisation: Option<&'a Organisation>,
    date: Date,
    called: &'a [Line],
) -> Rules<'a> {
    Rules {
        date,
        vat: organisation.and_then(|organisation| organisation.vat_on(date)),
        policy: &policy.invoice,
        answers: &snapshot.answers,
        is_billed: false,
        called,
    }
}

/// What a deal whose invoice is `issued` asks for now. Rates are judged by the day of the invoice, and what does not
/// concern the invoice's revision (our bank, the buyer's card while it is being corrected) is taken from it; lines of
/// which no invoice could be made are faults.
pub(crate) fn asks_now(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    policy: &Policy,
    issued: &InvoiceDraft,
) -> Result<InvoiceDraft, Lack> {
    let organisation = seller::organisation(reading, &snapshot.own_companies, policy).ok();
    let judged_by = organisation.or_else(|| policy.organisation(&issued.seller));
    let rules = Rules {
        is_billed: true,
        ..rules(snapshot, policy, judged_by, issued.date, &issued.lines)
    };
    let (mode, lines) = lines::lines(reading, &rules)?;
    let asked = InvoiceDraft {
        mode,
        lines,
        ..issued.clone()
    };
    Ok(with_parties(snapshot, reading, policy, asked))
}

/// The same between whom the deal is now, and on what basis.
pub(crate) fn with_parties(
    snapshot: &DealSnapshot,
    reading: &DealReading,
    policy: &Policy,
    mut asked: InvoiceDraft,
) -> InvoiceDraft {
    if let Ok(buyer) = buyer::buyer(reading, &policy.invoice) {
        asked.buyer = buyer;
    }
    let organisation = seller::organisation(reading, &snapshot.own_companies, policy);
    if let Ok(organisation) = organisation {
        asked.seller = organisation.id.clone();
    }
    // A contract that is gone is a difference, also where no invoice could be made without one.
    asked.basis = terms::basis(reading, &policy.invoice).unwrap_or_default();
    asked
}
