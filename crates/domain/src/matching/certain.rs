//! The rules by which money is given to invoices without a person, as an accountant would state them.

use std::collections::BTreeSet;

use super::cover::{self, Covers};
use super::{Candidate, Certainty, Doubt, Incoming, OpenInvoice, OpenInvoices, Reason, Share};
use crate::purpose::{NumberKey, Purpose, Reference, ReferenceKind, StatedDate};
use crate::{Inn, Money};

/// The match, if every rule holds; else all that speaks against one.
///
/// Certain is: the payer's INN is the buyer's; one open invoice of the organisation whose account it came to has the named
/// number and date; no second reference, no word of refund, third party or other document; the amount is at most the open
/// balance, less what the accounting side counted as paid before. Below it, it is a part. Several invoices that are all named
/// so are certain if the amount is exactly what is open of them and no other open invoices of this buyer come to the same sum.
pub(super) fn certain(payment: Incoming<'_>, open: &OpenInvoices) -> Result<Candidate, Vec<Doubt>> {
    let mut doubts = doubts_of_words(payment.purpose);
    let Some(payer) = payment.payer else {
        doubts.push(Doubt::NoInn);
        let named = payment.purpose.invoices();
        doubts.extend(named.filter_map(|reference| taken_back(reference, open)));
        return Err(doubts);
    };
    let named = named_invoices(payment, payer, open, &mut doubts);
    doubts.extend(number_of_another(payment.purpose, payer, &named, open));
    let shares = match named.as_slice() {
        [] => Vec::new(),
        [invoice] => one(payment.amount, invoice, &mut doubts),
        several => together(payment, payer, several, open, &mut doubts),
    };
    if !doubts.is_empty() || shares.is_empty() || !payment.amount.is_positive() {
        return Err(doubts);
    }
    let exact = named.iter().map(|invoice| invoice.open);
    let exact = Money::sum(exact) == Some(payment.amount);
    let mut reasons = vec![Reason::NumberAndDate, Reason::Payer];
    if exact && shares.len() == 1 {
        reasons.push(Reason::Amount);
    } else if exact {
        reasons.push(Reason::AmountTogether);
    }
    Ok(Candidate {
        shares,
        certainty: Certainty::Certain,
        reasons,
        doubts,
    })
}

/// What the purpose says against an ordinary payment of an invoice.
pub(super) fn doubts_of_words(purpose: &Purpose) -> Vec<Doubt> {
    let signs = purpose.signs;
    // A contract beside the invoice says what both rest on; all else asks for money in its own right.
    let second = purpose.references.iter().any(|reference| {
        !matches!(
            reference.kind,
            ReferenceKind::Invoice | ReferenceKind::Contract
        )
    });
    [
        (signs.refund, Doubt::Refund),
        (purpose.third_party.is_some(), Doubt::ThirdParty),
        (
            signs.own_funds || signs.register || signs.loan,
            Doubt::NoSale,
        ),
        (signs.other_document, Doubt::OtherDocument),
        (second, Doubt::SecondReference),
        (purpose.invoices().next().is_none(), Doubt::NoInvoiceNamed),
    ]
    .into_iter()
    .filter_map(|(says_so, doubt)| says_so.then_some(doubt))
    .collect()
}

/// The open invoice behind each one that the purpose names.
fn named_invoices<'a>(
    payment: Incoming<'_>,
    payer: &Inn,
    open: &'a OpenInvoices,
    doubts: &mut Vec<Doubt>,
) -> Vec<&'a OpenInvoice> {
    let mut named: Vec<&OpenInvoice> = Vec::new();
    for reference in payment.purpose.invoices() {
        match named_invoice(payment, payer, reference, open) {
            Ok(invoice) if named.iter().any(|known| known.id == invoice.id) => {}
            Ok(invoice) => named.push(invoice),
            Err(doubt) => doubts.push(doubt),
        }
    }
    named
}

fn named_invoice<'a>(
    payment: Incoming<'_>,
    payer: &Inn,
    reference: &Reference,
    open: &'a OpenInvoices,
) -> Result<&'a OpenInvoice, Doubt> {
    let number = reference.number.clone().ok_or(Doubt::NoNumber)?;
    let key = NumberKey::of(&number);
    let Some(day) = reference.date.and_then(StatedDate::day) else {
        return Err(undated(payer, reference, number, open));
    };
    let named: Vec<&OpenInvoice> = open
        .numbered(&key)
        .filter(|invoice| invoice.is(&key, StatedDate::Day(day)))
        .collect();
    let of_payer: Vec<&&OpenInvoice> = named
        .iter()
        .filter(|invoice| invoice.buyer.as_ref() == Some(payer))
        .collect();
    let of_organisation: Vec<&&OpenInvoice> = of_payer
        .iter()
        .filter(|invoice| invoice.seller == *payment.organisation)
        .copied()
        .collect();
    match (
        of_organisation.as_slice(),
        of_payer.as_slice(),
        named.as_slice(),
    ) {
        ([invoice], _, _) => Ok(invoice),
        ([_, ..], _, _) => Err(Doubt::NotOne { number }),
        ([], [_, ..], _) => Err(Doubt::AnotherOrganisation),
        ([], [], [other, ..]) => Err(not_of_payer(other)),
        ([], [], []) => {
            let gone = taken_back(reference, open);
            Err(gone.unwrap_or(Doubt::NotOpen { number }))
        }
    }
}

/// The invoice of that number and day, whoever's it was, if it was taken back or closed and no other has them.
fn taken_back(reference: &Reference, open: &OpenInvoices) -> Option<Doubt> {
    let number = reference.number.clone()?;
    let (key, date) = (NumberKey::of(&number), reference.date?);
    let day = date.day()?;
    if open.numbered(&key).any(|invoice| invoice.is(&key, date)) {
        return None;
    }
    let how = open.gone(&key, |gone| gone.date == day)?;
    Some(Doubt::Gone { number, how })
}

/// Of an invoice without a full date it is told that it was taken back where the payer has no other of that number.
fn undated(payer: &Inn, reference: &Reference, number: String, open: &OpenInvoices) -> Doubt {
    let key = NumberKey::of(&number);
    let may_be = |day| reference.date.is_none_or(|date| date.may_be(day));
    let mut others = open.numbered(&key);
    let gone = open.gone(&key, |gone| {
        gone.buyer.as_ref() == Some(payer) && may_be(gone.date)
    });
    match gone.filter(|_| !others.any(|other| other.buyer.as_ref() == Some(payer))) {
        Some(how) => Doubt::Gone { number, how },
        None => Doubt::NoDate { number },
    }
}

/// Whose the invoice is, where it is not known to be the payer's.
pub(super) fn not_of_payer(invoice: &OpenInvoice) -> Doubt {
    match &invoice.buyer {
        Some(buyer) => Doubt::AnotherBuyer {
            buyer: buyer.clone(),
        },
        None => Doubt::BuyerWithoutInn,
    }
}

/// A number that the reading could not place is searched among the buyer's open invoices: it may be a second reference.
fn number_of_another(
    purpose: &Purpose,
    payer: &Inn,
    named: &[&OpenInvoice],
    open: &OpenInvoices,
) -> Option<Doubt> {
    let known: BTreeSet<_> = named.iter().map(|invoice| invoice.id.as_str()).collect();
    let another = |number: &&String| {
        open.numbered(&NumberKey::of(number)).any(|invoice| {
            invoice.buyer.as_ref() == Some(payer) && !known.contains(invoice.id.as_str())
        })
    };
    let number = purpose.loose.iter().find(another)?;
    Some(Doubt::NumberOfAnother {
        number: number.clone(),
    })
}

/// The whole payment goes to one invoice.
fn one(amount: Money, invoice: &OpenInvoice, doubts: &mut Vec<Doubt>) -> Vec<Share> {
    if amount > invoice.surely_open() {
        doubts.push(Doubt::MoreThanOpen);
    }
    vec![Share {
        invoice: invoice.id.clone(),
        amount,
    }]
}

/// The payment pays all that is open of several named invoices.
fn together(
    payment: Incoming<'_>,
    payer: &Inn,
    named: &[&OpenInvoice],
    open: &OpenInvoices,
    doubts: &mut Vec<Doubt>,
) -> Vec<Share> {
    if Money::sum(named.iter().map(|invoice| invoice.open)) != Some(payment.amount) {
        doubts.push(Doubt::SumDiffers);
    }
    let counted = |invoice: &&OpenInvoice| invoice.counted_before.amount.is_positive();
    if named.iter().any(counted) {
        doubts.push(Doubt::MoreThanOpen);
    }
    let balances: Vec<Money> = open
        .of_buyer(payer)
        .filter(|invoice| invoice.seller == *payment.organisation)
        .map(|invoice| invoice.open)
        .collect();
    match cover::covers(&balances, payment.amount, 2) {
        Covers::TooMany => doubts.push(Doubt::TooManyOpen),
        Covers::Found(sets) if sets.len() > 1 => doubts.push(Doubt::SecondCover),
        Covers::Found(_) => {}
    }
    let shares = named.iter().map(|invoice| Share {
        invoice: invoice.id.clone(),
        amount: invoice.open,
    });
    shares.collect()
}
