//! Money: every order of the bank counted once and given at most once, to the invoice that its buyer meant, or asked about;
//! and the deal shows just that.

use std::collections::BTreeMap;

use domain::Money;
use domain::payment::{Direction, PaymentOrder};
use emulator_kontur_accounting::Bill;
use store::{ListedPayment, PaymentState, Subject};

use super::adopted::adopted_by;
use super::{Evidence, deal_of};
use crate::bank::Paid;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if !evidence.weather.bank {
        return;
    }
    counted(evidence, wrong);
    for payment in &evidence.payments {
        one(evidence, payment, wrong);
    }
    invoices(evidence, wrong);
}

/// What of an order a source shows and a key may rest on.
fn told(order: &PaymentOrder) -> (bool, i64, &str, String, &str) {
    let is_in = order.direction == Direction::In;
    let (number, date) = (order.number.as_str(), order.date.to_string());
    (is_in, order.amount.kopecks(), number, date, &order.purpose)
}

/// [I-8, I-10] Each order that the bank carried out is one payment of ours, and there are no others.
fn counted(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let mut counts: BTreeMap<_, (usize, usize)> = BTreeMap::new();
    for paid in evidence.orders {
        counts.entry(told(&paid.order)).or_default().0 += 1;
    }
    for payment in &evidence.payments {
        counts.entry(told(&payment.order)).or_default().1 += 1;
    }
    for (order, (carried_out, known)) in counts {
        if carried_out != known {
            wrong.push(format!(
                "[I-8] the bank carried out {carried_out} of {order:?}, we know {known}"
            ));
        }
    }
}

fn one(evidence: &Evidence<'_>, payment: &ListedPayment, wrong: &mut Vec<String>) {
    let name = format!("payment {} ({})", payment.number, payment.order.purpose);
    let given = Money::sum(payment.invoices.iter().map(|(_, amount)| *amount)).unwrap_or_default();
    if payment.order.direction == Direction::In {
        let rest = payment.order.amount.checked_sub(given).unwrap_or_default();
        if rest.is_negative() || rest != payment.remaining {
            wrong.push(format!(
                "[I-7, I-9] {name}: given {given:?}, left {:?}",
                payment.remaining
            ));
        }
    } else if !given.is_zero() {
        wrong.push(format!(
            "[I-7] {name}: our own payment is given to invoices"
        ));
    }
    if given.is_positive() != (payment.state == PaymentState::Booked) {
        wrong.push(format!(
            "[I-7] {name} is {:?} with {given:?} given",
            payment.state
        ));
    }
    let subject = Subject::payment(payment.number);
    let is_asked = evidence
        .cases
        .iter()
        .any(|case| case.facts.subject == subject);
    match payment.state {
        PaymentState::New => wrong.push(format!("[I-10] nobody has looked at {name}")),
        PaymentState::Asked if !is_asked => {
            wrong.push(format!("[I-4] nobody is asked about {name}"))
        }
        PaymentState::Booked | PaymentState::Aside | PaymentState::Left if is_asked => {
            wrong.push(format!("{name} is {:?} and is asked about", payment.state));
        }
        PaymentState::Asked | PaymentState::Booked | PaymentState::Aside | PaymentState::Left => {}
    }
    if payment.state == PaymentState::Booked && !evidence.by_person.contains(&payment.number) {
        meant(evidence, payment, &name, wrong);
    }
}

/// Booked without a person: only to bills of the deals that the buyer meant.
fn meant(evidence: &Evidence<'_>, payment: &ListedPayment, name: &str, wrong: &mut Vec<String>) {
    let same = |paid: &&Paid| told(&paid.order) == told(&payment.order);
    let paid: Vec<&Paid> = evidence.orders.iter().filter(same).collect();
    let meant: Vec<i64> = paid.iter().flat_map(|paid| paid.meant.clone()).collect();
    for (invoice, _) in &payment.invoices {
        let bill = bill_of(evidence, invoice.invoice.as_str());
        let deal = bill.and_then(|bill| {
            adopted_by(evidence, bill).or_else(|| bill.comment.as_deref().and_then(deal_of))
        });
        let id = invoice.invoice.to_string();
        let is_named = paid.iter().any(|paid| paid.by_hand.contains(&id));
        if !is_named && !deal.is_some_and(|deal| meant.contains(&deal)) {
            wrong.push(format!(
                "{name} was meant for {meant:?} and given to {deal:?}"
            ));
        }
    }
}

fn bill_of<'a>(evidence: &'a Evidence<'_>, id: &str) -> Option<&'a Bill> {
    let mut bills = evidence.accounting.bills();
    bills
        .find(|bill| bill.meta.id.to_string() == id)
        .map(|bill| &**bill)
}

/// [I-7] No invoice got more than it ever asked for. [I-11] Each deal shows what its invoices got.
fn invoices(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let mut of_deal: BTreeMap<i64, Money> = BTreeMap::new();
    for (id, given) in given(evidence) {
        let versions = evidence
            .accounting
            .organizations
            .values()
            .flat_map(|own| &own.bill_versions);
        let mut histories = versions.filter(|history| {
            let first = history.first();
            first.is_some_and(|first| first.meta.id.to_string() == id)
        });
        let Some(history) = histories.next() else {
            wrong.push(format!(
                "[I-7] money was given to a bill `{id}` that never was"
            ));
            continue;
        };
        let most = history.iter().map(|bill| bill.sum.0).max().unwrap_or(0);
        if given.kopecks() > most {
            wrong.push(format!(
                "[I-7] bill `{id}` over {most} kopecks got {given:?}"
            ));
        }
        let of = history.first().and_then(|bill| {
            adopted_by(evidence, bill).or_else(|| bill.comment.as_deref().and_then(deal_of))
        });
        if let Some(deal) = of {
            let sum = of_deal.entry(deal).or_default();
            *sum = sum.checked_add(given).unwrap_or(*sum);
        }
    }
    for (id, deal) in &evidence.office.deals {
        let has_bill = evidence
            .known
            .invoice_links
            .iter()
            .any(|link| i64::try_from(link.deal.get()) == Ok(*id));
        if deal.deleted || !has_bill || super::deals::asks(evidence, *id, &["FIELD-NOT-KEPT"]) {
            continue;
        }
        let paid = of_deal.get(id).copied().unwrap_or_default().kopecks();
        let shall = format!("{}.{:02}|RUB", paid / 100, paid % 100);
        let is = evidence.office.portal.deal_field(*id, crate::office::PAID);
        if is != shall {
            wrong.push(format!(
                "[I-11] deal {id} shows `{is}` as paid, it is `{shall}`"
            ));
        }
    }
}

/// What each bill got, by its id.
fn given(evidence: &Evidence<'_>) -> BTreeMap<String, Money> {
    let mut given: BTreeMap<String, Money> = BTreeMap::new();
    for (invoice, amount) in evidence.payments.iter().flat_map(|one| &one.invoices) {
        let sum = given.entry(invoice.invoice.to_string()).or_default();
        *sum = sum.checked_add(*amount).unwrap_or(*sum);
    }
    given
}

/// The word of a bill that stands, by the money it got; none while it got nothing.
pub(super) fn word(evidence: &Evidence<'_>, bill: &Bill) -> Option<&'static str> {
    let id = bill.meta.id.to_string();
    let given = given(evidence).get(&id).copied()?.kopecks();
    let mut of_bill = evidence.payments.iter().filter(|payment| {
        let mut invoices = payment.invoices.iter();
        invoices.any(|(invoice, _)| invoice.invoice.as_str() == id)
    });
    let has_more = of_bill.any(|payment| payment.remaining.is_positive());
    match given.cmp(&bill.sum.0) {
        std::cmp::Ordering::Less if given > 0 => Some("Оплачен частично"),
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Equal if has_more => Some("Переплачен"),
        std::cmp::Ordering::Equal => Some("Оплачен"),
        std::cmp::Ordering::Greater => Some("Переплачен"),
    }
}
