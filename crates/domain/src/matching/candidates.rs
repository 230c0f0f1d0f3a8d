//! What a payment may be for when nothing is certain: ranked, so that the right one is mostly the first.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::certain::{doubts_of_words, not_of_payer};
use super::cover::{self, Covers, MOST_OPEN, payments_covering};
use super::{
    Candidate, Certainty, Doubt, Incoming, MOST_CANDIDATES, OpenInvoice, OpenInvoices, Reason,
    Share, may_have_no_inn,
};
use crate::purpose::{NameKey, NumberKey, Reference, StatedDate};
use crate::{Inn, InvoiceId, Money};

/// Sums of several invoices that are shown beside single ones.
const MOST_COVERS: usize = 3;

/// The candidates from the best down.
pub(super) fn candidates(payment: Incoming<'_>, open: &OpenInvoices) -> Vec<Candidate> {
    let words = doubts_of_words(payment.purpose);
    let own = payment.payer.map_or(0, |payer| {
        let own = open.of_buyer(payer);
        own.take(MOST_OPEN.saturating_add(1)).count()
    });
    let named = Named::by(payment);
    let mut found = Vec::new();
    for (invoice, by_number) in worth_a_look(payment, &named, open) {
        let reasons = reasons(payment, &named, invoice, (by_number, own));
        if says_enough(&reasons) {
            found.push(single(payment, invoice, reasons, &words));
        }
    }
    let together = named_together(payment, open, &words);
    let is_named = |several: &Candidate| {
        let mut named = together.iter();
        named.any(|together| same_invoices(together, several))
    };
    let sums = sums_of_several(payment, open, &words);
    found.extend(sums.into_iter().filter(|several| !is_named(several)));
    found.extend(together);
    let is_own = |candidate: &Candidate| candidate.reasons.contains(&Reason::Payer);
    if !found.iter().any(is_own) {
        found.extend(of_payer(payment, open, &words));
    }
    found.sort_by_cached_key(|candidate| Reverse(rank(candidate)));
    found.truncate(MOST_CANDIDATES);
    found
}

/// Whom the purpose names beside the payer: for whom it is paid.
struct Named<'a> {
    name: Option<NameKey>,
    inns: &'a [Inn],
    payer: Option<&'a Inn>,
}

impl<'a> Named<'a> {
    fn by(payment: Incoming<'a>) -> Named<'a> {
        let name = payment.purpose.third_party.as_deref();
        Named {
            name: name.and_then(NameKey::of),
            inns: &payment.purpose.inns,
            payer: payment.payer,
        }
    }

    fn is_buyer(&self, invoice: &OpenInvoice) -> bool {
        let buyer = invoice.buyer.as_ref();
        let is_payer = buyer.is_some() && buyer == self.payer;
        let by_name = self.name.is_some() && self.name == invoice.buyer_name;
        !is_payer && (by_name || buyer.is_some_and(|buyer| self.inns.contains(buyer)))
    }

    /// His open invoices, the oldest first.
    fn invoices<'o>(&self, open: &'o OpenInvoices) -> Vec<&'o OpenInvoice> {
        let by_name = self.name.iter().flat_map(|name| open.of_name(name));
        let by_inn = self.inns.iter().flat_map(|inn| open.of_buyer(inn));
        let all = by_name.chain(by_inn);
        let mut found: Vec<&OpenInvoice> = all.filter(|one| self.is_buyer(one)).collect();
        found.sort_by_key(|invoice| invoice.date);
        found
    }
}

/// Invoices that the purpose names or mentions, with how; those of whom it names, the payer's own, those of buyers for whom he
/// paid before, and those of just this sum whose buyers have no INN. Each once.
fn worth_a_look<'a>(
    payment: Incoming<'_>,
    named: &Named<'_>,
    open: &'a OpenInvoices,
) -> Vec<(&'a OpenInvoice, Option<Reason>)> {
    let mut seen = by_number(payment, open);
    let of_payer = payment
        .payer
        .into_iter()
        .flat_map(|payer| open.of_buyer(payer));
    let before = payment.chosen_before.iter();
    let of_before = before.flat_map(|chosen| open.of_buyer(&chosen.buyer));
    let of_nobody = of_buyers_without_inn(payment, open);
    let others = of_payer.chain(of_before).chain(of_nobody);
    for invoice in named.invoices(open).into_iter().chain(others) {
        if !seen.iter().any(|(known, _)| std::ptr::eq(*known, invoice)) {
            seen.push((invoice, None));
        }
    }
    seen.retain(|(invoice, _)| payment.open_of(invoice).is_positive());
    seen
}

/// Invoices of just this sum that the payer may have got though he is not known by his INN: the newest first.
fn of_buyers_without_inn<'a>(
    payment: Incoming<'_>,
    open: &'a OpenInvoices,
) -> Vec<&'a OpenInvoice> {
    if !may_have_no_inn(payment.payer) {
        return Vec::new();
    }
    let of_sum = open.without_inn(payment.amount);
    let mut found: Vec<&OpenInvoice> = of_sum
        .filter(|invoice| invoice.seller == *payment.organisation)
        .collect();
    found.sort_by_key(|invoice| Reverse(invoice.date));
    found.truncate(MOST_CANDIDATES);
    found
}

/// Invoices with a number that stands in the purpose, each with the best that it says of them.
fn by_number<'a>(
    payment: Incoming<'_>,
    open: &'a OpenInvoices,
) -> Vec<(&'a OpenInvoice, Option<Reason>)> {
    let purpose = payment.purpose;
    let mut found: Vec<(&OpenInvoice, Option<Reason>)> = Vec::new();
    let mut note = |invoice: &'a OpenInvoice, reason: Reason| {
        let known = found.iter_mut();
        let mut same = known.filter(|(known, _)| std::ptr::eq(*known, invoice));
        match same.next() {
            Some((_, best))
                if best
                    .as_ref()
                    .is_some_and(|best| weight(best) >= weight(&reason)) => {}
            Some((_, best)) => *best = Some(reason),
            None => found.push((invoice, Some(reason))),
        }
    };
    for reference in purpose.invoices() {
        let Some(number) = &reference.number else {
            continue;
        };
        let key = NumberKey::of(number);
        for invoice in open.numbered(&key) {
            if let Some(reason) = named(reference, &key, invoice) {
                note(invoice, reason);
            }
        }
    }
    for number in &purpose.loose {
        for invoice in open.numbered(&NumberKey::of(number)) {
            note(invoice, Reason::NumberInText);
        }
    }
    found
}

/// All that speaks for the invoice; so many are open of the payer's own, as far as it matters.
fn reasons(
    payment: Incoming<'_>,
    named: &Named<'_>,
    invoice: &OpenInvoice,
    (by_number, own): (Option<Reason>, usize),
) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = by_number.into_iter().collect();
    let buyer = invoice.buyer.as_ref();
    let is_payer = buyer.is_some() && payment.payer == buyer;
    if is_payer {
        reasons.push(Reason::Payer);
    } else if named.is_buyer(invoice) {
        reasons.push(Reason::BuyerNamed);
    }
    if payment.amount == payment.open_of(invoice) {
        reasons.push(Reason::Amount);
    }
    if is_payer && own <= MOST_OPEN {
        reasons.extend(with_others(payment, invoice));
    }
    if is_payer && own == 1 {
        reasons.push(Reason::OnlyOpen);
    }
    let before = payment.chosen_before.iter();
    reasons.extend(
        before
            .filter(|chosen| buyer == Some(&chosen.buyer))
            .map(|chosen| Reason::ChosenBefore {
                times: chosen.times,
            }),
    );
    reasons
}

/// Other payments that pay the payer's invoice together with this one. Never more than a reason to ask: what names the invoice
/// is booked by itself.
fn with_others(payment: Incoming<'_>, invoice: &OpenInvoice) -> Option<Reason> {
    if payment.others.is_empty() || invoice.seller != *payment.organisation {
        return None;
    }
    let rest = payment.open_of(invoice).checked_sub(payment.amount)?;
    let left: Vec<Money> = payment.others.iter().map(|other| other.left).collect();
    let (places, only) = payments_covering(rest, &left)?;
    let others = places.iter().filter_map(|place| payment.others.get(*place));
    Some(Reason::AmountWithOthers {
        payments: others.map(|other| other.number).collect(),
        only,
    })
}

/// How the reference names an invoice of its number. Another date is another invoice: last year's had the same number.
fn named(reference: &Reference, key: &NumberKey, invoice: &OpenInvoice) -> Option<Reason> {
    match reference.date {
        Some(date) if !invoice.is(key, date) => None,
        Some(StatedDate::Day(_)) => Some(Reason::NumberAndDate),
        Some(StatedDate::DayOfYear { .. }) | None => Some(Reason::Number),
    }
}

/// Where something speaks for one of the payer's invoices, the others are no candidates for being his alone.
fn says_enough(reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| *reason != Reason::Payer)
}

fn single(
    payment: Incoming<'_>,
    invoice: &OpenInvoice,
    reasons: Vec<Reason>,
    words: &[Doubt],
) -> Candidate {
    let mut doubts = words.to_vec();
    match payment.payer {
        None => doubts.push(Doubt::NoInn),
        Some(payer) if invoice.buyer.as_ref() != Some(payer) => doubts.push(not_of_payer(invoice)),
        Some(_) => {}
    }
    if invoice.seller != *payment.organisation {
        doubts.push(Doubt::AnotherOrganisation);
    }
    if payment.amount > invoice.surely_open() {
        doubts.push(Doubt::MoreThanOpen);
    }
    let is_named = reasons.contains(&Reason::NumberAndDate)
        || (reasons.contains(&Reason::Number) && reasons.contains(&Reason::Payer));
    Candidate {
        shares: vec![Share {
            invoice: invoice.id.clone(),
            amount: payment.amount.min(payment.open_of(invoice)),
        }],
        certainty: if is_named {
            Certainty::Likely
        } else {
            Certainty::Possible
        },
        reasons,
        doubts,
    }
}

/// The payer's open invoices, the oldest first: where nothing says which of them is meant, it may be any.
fn of_payer(payment: Incoming<'_>, open: &OpenInvoices, words: &[Doubt]) -> Vec<Candidate> {
    let payer = payment.payer.into_iter();
    let mut own: Vec<&OpenInvoice> = payer.flat_map(|payer| open.of_buyer(payer)).collect();
    own.retain(|invoice| payment.open_of(invoice).is_positive());
    own.sort_by_key(|invoice| invoice.date);
    let own = own.into_iter();
    own.map(|invoice| single(payment, invoice, vec![Reason::Payer], words))
        .collect()
}

/// The invoices that the purpose names by number and date, where the amount is what is open of all of them: the payer says
/// so himself, whatever else comes to the same.
fn named_together(
    payment: Incoming<'_>,
    open: &OpenInvoices,
    words: &[Doubt],
) -> Option<Candidate> {
    let named: Vec<&OpenInvoice> = by_number(payment, open)
        .into_iter()
        .filter(|(_, reason)| *reason == Some(Reason::NumberAndDate))
        .map(|(invoice, _)| invoice)
        .filter(|invoice| payment.open_of(invoice).is_positive())
        .collect();
    let first = named.first().filter(|_| named.len() > 1)?;
    let of_one = named
        .iter()
        .all(|one| one.buyer == first.buyer && one.seller == *payment.organisation);
    let sum = Money::sum(named.iter().map(|one| payment.open_of(one)))?;
    if !of_one || sum != payment.amount {
        return None;
    }
    let mut reasons = vec![Reason::NumberAndDate, Reason::AmountTogether];
    let mut doubts = words.to_vec();
    match payment.payer {
        None => doubts.push(Doubt::NoInn),
        Some(payer) if first.buyer.as_ref() == Some(payer) => reasons.push(Reason::Payer),
        Some(_) => doubts.push(not_of_payer(first)),
    }
    let shares = named.iter().map(|one| Share {
        invoice: one.id.clone(),
        amount: payment.open_of(one),
    });
    Some(Candidate {
        shares: shares.collect(),
        certainty: Certainty::Likely,
        reasons,
        doubts,
    })
}

fn same_invoices(one: &Candidate, other: &Candidate) -> bool {
    let ids = |candidate: &Candidate| -> BTreeSet<InvoiceId> {
        let shares = candidate.shares.iter();
        shares.map(|share| share.invoice.clone()).collect()
    };
    ids(one) == ids(other)
}

/// Several invoices of the payer that come to the amount exactly.
fn sums_of_several(payment: Incoming<'_>, open: &OpenInvoices, words: &[Doubt]) -> Vec<Candidate> {
    let Some(payer) = payment.payer else {
        return Vec::new();
    };
    let of_payer: Vec<&OpenInvoice> = open
        .of_buyer(payer)
        .filter(|invoice| invoice.seller == *payment.organisation)
        .collect();
    let balances: Vec<Money> = of_payer
        .iter()
        .map(|invoice| payment.open_of(invoice))
        .collect();
    // One more than is shown, since single invoices are found here too.
    let Covers::Found(sets) =
        cover::covers(&balances, payment.amount, MOST_COVERS.saturating_add(1))
    else {
        return Vec::new();
    };
    let ambiguous = sets.len() > 1;
    let several = sets.into_iter().filter(|set| set.len() > 1);
    several
        .take(MOST_COVERS)
        .map(|set| {
            let invoices = set.iter().filter_map(|place| of_payer.get(*place).copied());
            let mut doubts = words.to_vec();
            if ambiguous {
                doubts.push(Doubt::SecondCover);
            }
            Candidate {
                shares: invoices
                    .map(|invoice| Share {
                        invoice: invoice.id.clone(),
                        amount: payment.open_of(invoice),
                    })
                    .collect(),
                certainty: Certainty::Possible,
                reasons: vec![Reason::AmountTogether, Reason::Payer],
                doubts,
            }
        })
        .collect()
}

/// Certainty first, then the weight of what speaks for it, then fewer doubts.
fn rank(candidate: &Candidate) -> (Certainty, u32, Reverse<usize>) {
    let weights = candidate.reasons.iter().map(weight);
    (
        candidate.certainty,
        weights.fold(0, u32::saturating_add),
        Reverse(candidate.doubts.len()),
    )
}

/// What a reason weighs beside others: a number and a date say more than all the rest together.
fn weight(reason: &Reason) -> u32 {
    match reason {
        Reason::NumberAndDate => 100,
        Reason::Number => 40,
        // Whoever pays for somebody else says so: it goes before what is open of himself.
        Reason::BuyerNamed => 30,
        Reason::Payer => 20,
        Reason::Amount | Reason::AmountTogether | Reason::AmountWithOthers { .. } => 15,
        Reason::NumberInText => 12,
        Reason::ChosenBefore { times } => 5_u32.saturating_add(*times.min(&10)),
        Reason::OnlyOpen => 5,
    }
}
