//! [I-7…I-11] Money that the accounting program holds as well: our ledger is compared with the accounting side's true history
//! and with what the bank carried out, the deal's day of payment and its timeline with the ledger.

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::{Direction, PaymentOrder};
use emulator_kontur_accounting as kontur;
use store::{ListedPayment, PaymentState};

use super::bills::firsts;
use super::{Evidence, closed, deal_of, money, told};
use crate::offices::office;

/// By what an order is the same for every source: direction, sum, number, date.
type Likeness = (bool, i64, String, String);
/// What of a payment went to which bill.
type Shares = BTreeMap<String, i64>;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.clerk.is_none() {
        return;
    }
    adds_up(evidence, wrong);
    counted(evidence, wrong);
    not_in_whole_and_in_parts(evidence, wrong);
    if is_given_by_people(evidence) {
        followed(evidence, wrong);
    }
    for (id, deal) in &evidence.office.deals {
        if !deal.deleted {
            told::timeline(evidence, *id, &bills_of(evidence, *id), wrong);
            day(evidence, *id, wrong);
        }
    }
}

/// Whether the accountant decides what is given.
pub(super) fn is_given_by_people(evidence: &Evidence<'_>) -> bool {
    let clerk = evidence.weather.customs.clerk;
    clerk.is_some_and(|clerk| clerk.is_accountants())
}

/// No source shows it any more: it brought nothing.
pub(super) fn is_withdrawn(payment: &ListedPayment) -> bool {
    payment.state == PaymentState::Aside
        && payment.remaining.is_zero()
        && payment.invoices.is_empty()
}

/// Whether the accountant is waited for: without end where his program holds the order, else for as long as was agreed.
pub(super) fn may_wait(evidence: &Evidence<'_>, payment: &ListedPayment) -> bool {
    let like = of_order(&payment.order);
    let holds = held(evidence).any(|one| of_payment(one) == like);
    is_given_by_people(evidence) && (holds || !ends(evidence))
}

/// Whether the waiting for the accountant ends.
fn ends(evidence: &Evidence<'_>) -> bool {
    let clerk = evidence.weather.customs.clerk;
    clerk.is_some_and(|clerk| clerk.is_decided_at_last())
}

fn of_order(order: &PaymentOrder) -> Likeness {
    let is_in = order.direction == Direction::In;
    let (number, date) = (order.number.clone(), order.date.to_string());
    (is_in, order.amount.kopecks(), number, date)
}

fn of_payment(payment: &kontur::Payment) -> Likeness {
    let is_in = payment.direction == kontur::Direction::Incoming;
    let number = payment.number.clone().unwrap_or_default();
    (is_in, payment.sum.0, number, payment.date.to_string())
}

/// The payments that the accounting program holds.
fn held<'a>(evidence: &'a Evidence<'_>) -> impl Iterator<Item = &'a kontur::Payment> {
    let own = evidence.accounting.organizations.values();
    let payments = own.flat_map(|own| &own.payments);
    payments
        .map(|payment| &**payment)
        .filter(|payment| payment.state == kontur::RecordState::Active)
}

/// The deals whose bills the buyer meant with an order like this.
pub(super) fn meant(evidence: &Evidence<'_>, payment: &ListedPayment) -> Vec<i64> {
    let like = of_order(&payment.order);
    let of_bank = evidence.orders.iter();
    let of_bank = of_bank.filter(|paid| of_order(&paid.order) == like);
    let entered = held(evidence).filter(|one| of_payment(one) == like);
    let entered = entered.filter_map(|one| {
        let place = evidence.clerk.entered.get(&one.meta.id)?;
        evidence.orders.get(*place)
    });
    let all = of_bank.chain(entered);
    all.flat_map(|paid| paid.meant.clone()).collect()
}

/// [I-7] What all transactions gave of a payment is what we say that is given of it; the same of each bill.
fn adds_up(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let mut of_payment: BTreeMap<i64, i64> = BTreeMap::new();
    let mut of_bill: BTreeMap<&str, i64> = BTreeMap::new();
    for posted in evidence.ledger.of_bills() {
        *of_payment.entry(posted.payment).or_default() += posted.kopecks;
        let bill = posted.bill.as_deref().unwrap_or_default();
        *of_bill.entry(bill).or_default() += posted.kopecks;
    }
    for payment in &evidence.payments {
        let given: i64 = shares(payment).values().sum();
        let posted = of_payment.get(&payment.number).copied().unwrap_or(0);
        if given != posted {
            wrong.push(format!(
                "[I-7] payment {}: the ledger gave {posted} kopecks, we say {given}",
                payment.number
            ));
        }
    }
    for (bill, given) in money::given(evidence) {
        let posted = of_bill.get(bill.as_str()).copied().unwrap_or(0);
        if given.kopecks() != posted {
            wrong.push(format!(
                "[I-7] bill `{bill}`: the ledger gave it {posted} kopecks, we say {given:?}"
            ));
        }
    }
}

/// [I-8, I-10] As many payments as the bank carried out or the accounting program holds, whichever are more: each is the
/// same money.
fn counted(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let mut counts: BTreeMap<Likeness, (usize, usize, usize)> = BTreeMap::new();
    for paid in evidence.orders {
        counts.entry(of_order(&paid.order)).or_default().0 += 1;
    }
    for payment in held(evidence) {
        counts.entry(of_payment(payment)).or_default().1 += 1;
    }
    for payment in evidence.payments.iter().filter(|one| !is_withdrawn(one)) {
        counts.entry(of_order(&payment.order)).or_default().2 += 1;
    }
    for (order, (of_bank, entered, known)) in counts {
        if of_bank.max(entered) != known {
            wrong.push(format!(
                "[I-8] {order:?}: the bank carried out {of_bank}, accounting holds {entered}, we know {known}"
            ));
        }
    }
}

/// [I-7] An order that the accountant split is given whole or by its parts: both together are never given more than it brought.
fn not_in_whole_and_in_parts(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for (whole, parts) in split(evidence) {
        let alike: BTreeSet<&Likeness> = parts.iter().chain([&whole]).collect();
        let (is_in, sum, number, date) = &whole;
        // A part that bears another number or day by now is known to nobody but whoever splits, and people may give it.
        let is_told = parts
            .iter()
            .all(|(_, _, its_number, its_date)| (its_number, its_date) == (number, date));
        let of_bank = evidence.orders.iter();
        let of_bank = of_bank.filter(|paid| alike.contains(&of_order(&paid.order)));
        let brought: i64 = of_bank.map(|paid| paid.order.amount.kopecks()).sum();
        let of_these = evidence.payments.iter().filter(|payment| {
            let of_order = of_order(&payment.order);
            alike.contains(&of_order) && (is_told || !is_by_person(evidence, payment))
        });
        let given: i64 = of_these.flat_map(|one| shares(one).into_values()).sum();
        // Parts that are no longer what they were come to no whole.
        let come_to: i64 = parts.iter().map(|(_, part, ..)| part).sum();
        if *is_in && come_to == *sum && given > brought {
            wrong.push(format!(
                "[I-7] № {number} of {date} brought {brought} kopecks, whole and parts were given {given}"
            ));
        }
    }
}

/// The orders that the accountant split, each with its parts as they stand.
fn split(evidence: &Evidence<'_>) -> Vec<(Likeness, Vec<Likeness>)> {
    let places = evidence.clerk.split.iter();
    let split = places.filter_map(|place| {
        let whole = of_order(&evidence.orders.get(*place)?.order);
        let parts = held(evidence).filter(|one| {
            let meant = evidence.clerk.entered.get(&one.meta.id);
            meant == Some(place)
        });
        Some((whole, parts.map(of_payment).collect()))
    });
    split.collect()
}

fn is_by_person(evidence: &Evidence<'_>, payment: &ListedPayment) -> bool {
    evidence.by_person.contains(&payment.number)
}

/// Whether it was a rule that gave of it last.
fn is_by_rule(evidence: &Evidence<'_>, payment: &ListedPayment) -> bool {
    let given = evidence.ledger.of_bills();
    let given = given.filter(|one| one.payment == payment.number && one.kind == "allocation");
    given.last().is_some_and(|one| one.author == store::RULE)
}

/// [I-7] What the accountant gave is what we gave; of what he gave to nothing nothing is given.
fn followed(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let mut by_order: BTreeMap<Likeness, (Vec<&kontur::Payment>, Vec<&ListedPayment>)> =
        BTreeMap::new();
    for payment in held(evidence) {
        let like = of_payment(payment);
        by_order.entry(like).or_default().0.push(payment);
    }
    for payment in evidence.payments.iter().filter(|one| !is_withdrawn(one)) {
        let like = of_order(&payment.order);
        by_order.entry(like).or_default().1.push(payment);
    }
    let split = split(evidence);
    let is_touched = |like: &Likeness| {
        let of_person = evidence
            .payments
            .iter()
            .filter(|one| is_by_person(evidence, one));
        let touched: BTreeSet<Likeness> = of_person.map(|one| of_order(&one.order)).collect();
        let of_like = split
            .iter()
            .filter(|(whole, parts)| whole == like || parts.contains(like));
        touched.contains(like)
            || of_like
                .flat_map(|(whole, parts)| parts.iter().chain([whole]))
                .any(|one| touched.contains(one))
    };
    for (order, (entered, ours)) in by_order {
        if is_touched(&order) {
            continue;
        }
        if entered.iter().any(|one| is_asked(evidence, one)) {
            asked_for_a_reason(evidence, &entered, wrong);
            continue;
        }
        let mut left: Vec<(&ListedPayment, Shares)> =
            ours.iter().map(|one| (*one, shares(one))).collect();
        for payment in &entered {
            let gave = gave(payment);
            match left.iter().position(|(_, shares)| *shares == gave) {
                Some(place) => drop(left.remove(place)),
                // By a clock that jumps his hours are over, and a rule has given it, before his program is read.
                None if gave.is_empty()
                    && !evidence.jumps.is_empty()
                    && ends(evidence)
                    && left.iter().any(|(one, _)| is_by_rule(evidence, one)) => {}
                None => wrong.push(format!(
                    "[I-7] {order:?}: the accountant gave {gave:?}, we gave {left:?}"
                )),
            }
        }
        // Those that only the bank knows are given by rule once the accountant was waited for.
        for (payment, shares) in left.iter().filter(|(_, shares)| !shares.is_empty()) {
            let name = format!("payment {} by rule: {shares:?}", payment.number);
            if may_wait(evidence, payment) && entered.is_empty() {
                wrong.push(format!("[I-7] {name}: nobody gave it, and no rule may"));
            }
            money::meant(evidence, payment, &name, wrong);
        }
    }
}

fn shares(payment: &ListedPayment) -> Shares {
    let invoices = payment.invoices.iter();
    let shares = invoices.map(|(invoice, sum)| (invoice.invoice.to_string(), sum.kopecks()));
    shares.collect()
}

fn gave(payment: &kontur::Payment) -> Shares {
    let mut gave = Shares::new();
    for one in &payment.allocations {
        *gave.entry(one.bill_id.to_string()).or_default() += one.sum.0;
    }
    gave
}

/// Whether somebody is asked about what he gave of it.
fn is_asked(evidence: &Evidence<'_>, payment: &kontur::Payment) -> bool {
    let id = format!("/{}", payment.meta.id);
    evidence.cases.iter().any(|case| {
        case.facts.code == "ACCOUNTING-PAYMENT"
            && case.facts.key.starts_with("not-taken/")
            && case.facts.key.ends_with(&id)
    })
}

/// Asked only where one of the bills would get more than it asks for, stands no more, or may have had its place taken, or where
/// the order came in parts.
fn asked_for_a_reason(
    evidence: &Evidence<'_>,
    entered: &[&kontur::Payment],
    wrong: &mut Vec<String>,
) {
    let given = money::given(evidence);
    for payment in entered.iter().filter(|one| is_asked(evidence, one)) {
        let place = evidence.clerk.entered.get(&payment.meta.id);
        let is_part = place.is_some_and(|place| evidence.clerk.split.contains(place));
        let bears = gave(payment).into_iter().all(|(id, sum)| {
            let mut bills = evidence.accounting.bills();
            let bill = bills.find(|bill| bill.meta.id.to_string() == id);
            let has = given.get(&id).copied().unwrap_or_default().kopecks();
            bill.is_some_and(|bill| {
                bill.is_live() && has + sum <= bill.sum.0 && stands_alone(evidence, bill)
            })
        });
        if bears && !is_part && payment.direction == kontur::Direction::Incoming {
            wrong.push(format!(
                "payment {} of the accounting program could be taken and is asked about",
                payment.meta.id
            ));
        }
    }
}

/// Whether a bill is the only one of a deal that is there, and nobody wanted another in its place: that one may have to wait.
fn stands_alone(evidence: &Evidence<'_>, bill: &kontur::Bill) -> bool {
    let of = |bill: &kontur::Bill| bill.comment.as_deref().and_then(deal_of);
    let Some(deal) = of(bill) else {
        return true;
    };
    let known = evidence.office.deals.get(&deal);
    let beside = evidence.accounting.bills();
    let beside = beside.filter(|other| of(other) == Some(deal));
    let mut given_up = evidence.given_up.iter();
    let is_given_up = given_up.any(|one| i64::try_from(one.get()) == Ok(deal));
    let is_wanted = known.is_some_and(|deal| !deal.deleted && deal.replaced.is_empty());
    is_wanted && beside.count() == 1 && !is_given_up
}

/// The bills that were ever made for a deal, by their ids.
pub(super) fn bills_of(evidence: &Evidence<'_>, deal: i64) -> Vec<String> {
    let of_deal =
        firsts(evidence).filter(|bill| bill.comment.as_deref().and_then(deal_of) == Some(deal));
    of_deal.map(|bill| bill.meta.id.to_string()).collect()
}

/// The only bill of a deal, while nobody laid hands on it.
pub(super) fn only_bill<'a>(evidence: &'a Evidence<'_>, deal: i64) -> Option<&'a kontur::Bill> {
    let mut bills = evidence
        .accounting
        .bills()
        .filter(|bill| bill.comment.as_deref().and_then(deal_of) == Some(deal));
    let (Some(bill), None) = (bills.next(), bills.next()) else {
        return None;
    };
    let parts = evidence.office.deals.get(&deal);
    let is_whole = parts.is_some_and(|deal| deal.parts.is_empty());
    (is_whole && bill.is_live()).then_some(&**bill)
}

/// [I-11] Paid in full: the day on which the last of its money was credited, or the mark seen that closed it; else no day.
fn day(evidence: &Evidence<'_>, id: i64, wrong: &mut Vec<String>) {
    let Some(bill) = only_bill(evidence, id) else {
        return;
    };
    if super::deals::asks(evidence, id, &["FIELD-NOT-KEPT"]) {
        return;
    }
    let number = bill.meta.id.to_string();
    let of_bill = evidence
        .payments
        .iter()
        .filter(|one| shares(one).contains_key(&number));
    let credited = of_bill.filter_map(|payment| {
        let like = of_order(&payment.order);
        let mut of_bank = evidence.orders.iter();
        let of_bank = of_bank.find(|paid| of_order(&paid.order) == like);
        let credited = of_bank.and_then(|paid| paid.order.booked);
        credited.or(Some(payment.order.date))
    });
    let credited = credited.map(|day| day.to_string());
    let last = credited.chain(closed::days(evidence, &number)).max();
    let got = money::given(evidence).get(&number).copied();
    let is_paid = got.is_some_and(|got| got.kopecks() >= bill.sum.0);
    let shall = last.filter(|_| is_paid).unwrap_or_default();
    let is = evidence.office.portal.deal_field(id, office::PAID_ON);
    let is = is.get(..10).unwrap_or(&is);
    if is != shall {
        wrong.push(format!(
            "[I-11] deal {id} shows `{is}` as the day of payment, it is `{shall}`"
        ));
    }
}
