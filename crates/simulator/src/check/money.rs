//! Money: every order of the bank counted once and given at most once, to the invoice that its buyer meant, or asked about;
//! and the deal shows just that.

use std::collections::BTreeMap;

use domain::Money;
use domain::payment::{Direction, PaymentKind, PaymentOrder};
use emulator_kontur_accounting::Bill;
use store::{ListedPayment, PaymentState, Subject};

use super::adopted::adopted_by;
use super::{Evidence, deal_of, desk, ledger};
use crate::people::bank::Paid;
use crate::people::cashier::BY_CARD;
use crate::people::files::folded;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if !evidence.weather.bank {
        return;
    }
    // Where the accounting program holds payments as well, `ledger` counts.
    if evidence.weather.customs.clerk.is_none() {
        counted(evidence, wrong);
    }
    for (transaction, sum) in evidence.ledger.unbalanced() {
        wrong.push(format!("[I-9] transaction {transaction} comes to {sum}"));
    }
    for payment in &evidence.payments {
        one(evidence, payment, wrong);
    }
    invoices(evidence, wrong);
}

/// What of an order a source shows and a key may rest on.
fn told(order: &PaymentOrder) -> (bool, i64, &str, String, String) {
    let is_in = order.direction == Direction::In;
    let (number, date) = (order.number.as_str(), order.date.to_string());
    let purpose = folded(&order.purpose);
    (is_in, order.amount.kopecks(), number, date, purpose)
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
    let has_clerk = evidence.weather.customs.clerk.is_some();
    if has_clerk && ledger::is_withdrawn(payment) {
        return;
    }
    if payment.order.direction == Direction::In {
        // What the bank kept was paid as well, and what went back of the rest is there no more.
        let kept = desk::kept(evidence, payment.number);
        let back = desk::paid_back(evidence, payment.number);
        let whole = payment.order.amount.kopecks().saturating_add(kept);
        let rest = whole.saturating_sub(given.kopecks()).saturating_sub(back);
        if rest < 0 || rest != payment.remaining.kopecks() {
            wrong.push(format!(
                "[I-7, I-9] {name}: given {given:?}, left {:?}",
                payment.remaining
            ));
        }
        if given.is_positive() != (payment.state == PaymentState::Booked) {
            wrong.push(format!(
                "[I-7] {name} is {:?} with {given:?} given",
                payment.state
            ));
        }
        // The accountant words orders in his own way.
        if !has_clerk {
            of_sales(evidence, payment, &name, wrong);
        }
    } else {
        refund(evidence, payment, &name, given, wrong);
    }
    let subject = Subject::payment(payment.number);
    let is_asked = evidence
        .cases
        .iter()
        .any(|case| case.facts.subject == subject);
    match payment.state {
        PaymentState::New if ledger::may_wait(evidence, payment) => {}
        PaymentState::New => wrong.push(format!("[I-10] nobody has looked at {name}")),
        PaymentState::Asked if !is_asked => {
            wrong.push(format!("[I-4] nobody is asked about {name}"))
        }
        PaymentState::Booked | PaymentState::Aside | PaymentState::Left if is_asked => {
            wrong.push(format!("{name} is {:?} and is asked about", payment.state));
        }
        PaymentState::Asked | PaymentState::Booked | PaymentState::Aside | PaymentState::Left => {}
    }
    let is_ruled = payment.state == PaymentState::Booked && !ledger::is_given_by_people(evidence);
    if is_ruled && !evidence.by_person.contains(&payment.number) {
        meant(evidence, payment, &name, wrong);
    }
}

/// [I-7] It is money of many sales where the bank's words say so or somebody split it, and nowhere else: what is left of
/// it is then nobody's advance.
fn of_sales(evidence: &Evidence<'_>, payment: &ListedPayment, name: &str, wrong: &mut Vec<String>) {
    let is_by_card = payment.order.purpose.starts_with(BY_CARD);
    let is_of_sales = is_by_card || desk::is_split(evidence, payment.number);
    if is_of_sales != (payment.kind == PaymentKind::Register) {
        wrong.push(format!(
            "[I-7] {name} is {:?}; by card or split: {is_of_sales}",
            payment.kind
        ));
    }
}

/// [I-7] What we paid is given to nothing; where it is taken off what was paid, all of it is, or somebody is asked about what
/// is not.
fn refund(
    evidence: &Evidence<'_>,
    payment: &ListedPayment,
    name: &str,
    given: Money,
    wrong: &mut Vec<String>,
) {
    let taken = desk::off_rests(evidence, payment.number).saturating_sub(given.kopecks());
    let left = payment.remaining.kopecks();
    if given.is_positive() || taken.saturating_sub(left) != payment.order.amount.kopecks() {
        wrong.push(format!(
            "[I-7] {name}: {taken} of our own payment are taken off, {left} are left"
        ));
    }
    let cashing = evidence.weather.customs.cashier;
    let may_be = cashing.is_some_and(|cashing| cashing.takes_off);
    if taken != 0 && !may_be || (left == 0) != (payment.state == PaymentState::Booked) {
        wrong.push(format!(
            "[I-7] {name} is {:?}, {taken} are taken off and {left} left",
            payment.state
        ));
    }
}

/// Booked without a person: only to bills of the deals that the buyer meant.
pub(super) fn meant(
    evidence: &Evidence<'_>,
    payment: &ListedPayment,
    name: &str,
    wrong: &mut Vec<String>,
) {
    let same = |paid: &&Paid| told(&paid.order) == told(&payment.order);
    let paid: Vec<&Paid> = evidence.orders.iter().filter(same).collect();
    // What it may be for in the other company's books, `strays` judges.
    if paid.iter().any(|paid| paid.strayed) {
        return;
    }
    let meant: Vec<i64> = if evidence.weather.customs.clerk.is_some() {
        ledger::meant(evidence, payment)
    } else {
        paid.iter().flat_map(|paid| paid.meant.clone()).collect()
    };
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
        let is = evidence
            .office
            .portal
            .deal_field(*id, crate::offices::office::PAID);
        if is != shall {
            wrong.push(format!(
                "[I-11] deal {id} shows `{is}` as paid, it is `{shall}`"
            ));
        }
    }
}

/// What each bill got, by its id: of payments, and without any.
pub(super) fn given(evidence: &Evidence<'_>) -> BTreeMap<String, Money> {
    let mut given: BTreeMap<String, Money> = BTreeMap::new();
    let paid = evidence.payments.iter().flat_map(|one| &one.invoices);
    let paid = paid.map(|(invoice, amount)| (invoice.invoice.to_string(), *amount));
    let closed = desk::without_bank(evidence).into_iter();
    let closed = closed.map(|(bill, kopecks)| (bill, Money::from_kopecks(kopecks)));
    for (bill, amount) in paid.chain(closed) {
        let sum = given.entry(bill).or_default();
        *sum = sum.checked_add(amount).unwrap_or(*sum);
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
    // What is left of a credit that was split belongs to sales without an invoice: nobody's advance.
    let has_more = of_bill
        .any(|payment| payment.kind == PaymentKind::Incoming && payment.remaining.is_positive());
    match given.cmp(&bill.sum.0) {
        std::cmp::Ordering::Less if given > 0 => Some("Оплачен частично"),
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Equal if has_more => Some("Переплачен"),
        std::cmp::Ordering::Equal => Some("Оплачен"),
        std::cmp::Ordering::Greater => Some("Переплачен"),
    }
}
