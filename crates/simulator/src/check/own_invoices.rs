//! Invoices of the portal's own: a deal that has a live one is billed only by a person's word, or under its number where policy
//! says so; and nobody is asked about what came to nothing, or about a number that could have been taken.

use emulator_kontur_accounting::Bill;
use jiff::{SignedDuration, Timestamp};
use planner::SmartInvoices;

use super::Evidence;
use super::bills::{first_of, made_by};
use super::deals::asks;
use crate::habits::own_invoices::OwnInvoice;
use crate::machine::asked::commands;
use crate::machine::network::{Remote, Told};

/// The question that stands before ours.
pub(super) const ASKED: &str = "DEAL-SMART-INVOICE";
/// What is known of them may be so old when ours is sent.
const OLDEST: SignedDuration = SignedDuration::from_secs(120);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some(own) = &evidence.weather.customs.own_invoices else {
        return;
    };
    for (id, deal) in &evidence.office.deals {
        let is_asked = asks(evidence, *id, &[ASKED]);
        if own.policy == SmartInvoices::Ignore {
            if is_asked {
                wrong.push(format!(
                    "[own] deal {id} is asked about what nobody looks at"
                ));
            }
            continue;
        }
        if is_asked && !deal.deleted && live_at_the_end(evidence, *id).is_empty() {
            wrong.push(format!(
                "[own] deal {id} is asked about and has no live invoice of the portal's own"
            ));
        }
        if let Some(bill) = first_of(evidence, *id) {
            let why = silent(evidence, *id, bill);
            wrong.extend(why.map(|why| {
                let number = &bill.number;
                format!("[own] deal {id} got bill № {number} as its first, and {why}")
            }));
        } else if own.policy == SmartInvoices::Adopt && is_asked {
            takeable(evidence, *id, wrong);
        }
    }
}

/// Those of a deal that are live when the day is over.
pub(super) fn live_at_the_end<'a>(evidence: &'a Evidence<'_>, deal: i64) -> Vec<&'a OwnInvoice> {
    let all = evidence.office.own_invoices.iter();
    all.filter(|one| one.deal == deal && one.is_live(Timestamp::MAX, Timestamp::MAX))
        .collect()
}

/// Whether a person decided that an invoice that a deal has is its invoice.
pub(super) fn is_kept(evidence: &Evidence<'_>, deal: i64) -> bool {
    let known = evidence.office.deals.get(&deal);
    let answers = known.map_or(&[][..], |known| &known.beside_own);
    let live = live_at_the_end(evidence, deal);
    live.iter().any(|one| {
        let mut since = answers.iter().filter(|(at, _)| *at >= one.made_at());
        since.any(|(_, ours)| !ours)
    })
}

/// Why the first bill of a deal was sent silently, if it was: what was known when it was sent, whichever time that was, let
/// none of ours be made.
fn silent(evidence: &Evidence<'_>, deal: i64, bill: &Bill) -> Option<String> {
    let mut why = None;
    for (process, at) in made_by(evidence, deal, bill) {
        why = Some(silent_at(evidence, (deal, bill), process, at)?);
    }
    why
}

fn silent_at(
    evidence: &Evidence<'_>,
    (deal, bill): (i64, &Bill),
    process: Option<u64>,
    at: Timestamp,
) -> Option<String> {
    let since = at.checked_sub(OLDEST).unwrap_or(at);
    let readings = evidence.seen.iter().filter(|seen| {
        process.is_none_or(|process| seen.process == process)
            && seen.remote == Remote::Portal
            && matches!(seen.told, Told::Answer(200) | Told::Spoilt(_))
            && seen
                .told_at
                .is_some_and(|told_at| told_at >= since && told_at <= at)
            && commands(&seen.what, &seen.body)
                .iter()
                .any(|command| command.reads_own_invoices(deal))
    });
    let Some(last) = readings.max_by_key(|seen| seen.at) else {
        return Some("nobody looked for invoices of the portal's own".to_owned());
    };
    let (from, until) = (last.at, last.told_at.unwrap_or(at));
    let all = evidence.office.own_invoices.iter();
    let live: Vec<&OwnInvoice> = all
        .filter(|one| one.deal == deal && one.is_live(from, until))
        .collect();
    let newest = live.iter().map(|one| one.made_at()).max()?;
    let known = evidence.office.deals.get(&deal)?;
    let mut answers = known.beside_own.iter();
    if answers.any(|(when, ours)| *ours && *when >= newest && *when <= at) {
        return None;
    }
    let own = evidence.weather.customs.own_invoices.as_ref();
    let adopts = own.is_some_and(|own| own.policy == SmartInvoices::Adopt);
    match live.as_slice() {
        [only] if adopts && only.number == bill.number && only.kopecks == bill.sum.0 => None,
        _ => Some(format!("it had {live:?}")),
    }
}

/// One that fits its deal in everything gives its number without a question, unless another bill bears that.
fn takeable(evidence: &Evidence<'_>, deal: i64, wrong: &mut Vec<String>) {
    let known = evidence.office.deals.get(&deal);
    let Some(last) = known.and_then(|known| known.versions.last()) else {
        return;
    };
    let worth = crate::habits::own_invoices::worth(&last.lines);
    if let [only] = live_at_the_end(evidence, deal).as_slice()
        && only.kopecks == worth
        && only.buyer == last.buyer
        && !is_borne(evidence, &only.number)
    {
        wrong.push(format!(
            "[own] deal {deal} is asked about {only:?}, whose number could be taken"
        ));
    }
}

/// Whether a bill bears the number, or did.
fn is_borne(evidence: &Evidence<'_>, number: &str) -> bool {
    let books = evidence.accounting.organizations.values();
    let mut bills = books.flat_map(|own| own.bill_versions.iter().flatten());
    bills.any(|bill| bill.number == number)
}
