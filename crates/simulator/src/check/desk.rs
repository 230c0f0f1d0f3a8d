//! Money at our desk: each order is done once, as it was said, or refused with words, however often its button was pressed
//! and whatever broke off; the ledger's sums close to the kopeck; each deal's timeline tells of each sum once.
//!
//! The ledger is read by plain SQL and added up here. Not here: what the deal's fields show of it (`money`, `deals`).

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::Direction;
use emulator_kontur_accounting::Bill;
use store::ListedPayment;

use super::adopted::adopted_by;
use super::bills::versions_of;
use super::deals::is_bill_of;
use super::{Evidence, told};
use crate::evidence::records::Entry;
use crate::people::presses::{Order, Outcome, Said, letter_of, name_of};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.cashier.is_none() {
        return;
    }
    taken_back_once(evidence, wrong);
    goes_back(evidence, wrong);
    for payment in &evidence.payments {
        adds_up(evidence, payment, wrong);
    }
    kept_beside(evidence, wrong);
    let mut orders: BTreeMap<u64, Vec<&Said>> = BTreeMap::new();
    for said in &evidence.said {
        orders.entry(said.number).or_default().push(said);
    }
    by_whom(evidence, &orders, wrong);
    for (number, presses) in &orders {
        obeyed_once(evidence, *number, presses, wrong);
    }
    for (id, deal) in &evidence.office.deals {
        if !deal.deleted {
            timeline(evidence, *id, wrong);
        }
    }
}

/// The ledger, where somebody works at the desk: elsewhere what came from outside, or went there, is the sources' doing.
fn entries<'a>(evidence: &'a Evidence<'_>) -> impl Iterator<Item = &'a Entry> {
    let works = evidence.weather.customs.cashier.is_some();
    evidence.ledger.entries.iter().filter(move |_| works)
}

/// What the bank kept of a payment that was split over its sales.
pub(super) fn kept(evidence: &Evidence<'_>, payment: i64) -> i64 {
    let outside = entries(evidence)
        .filter(|one| one.payment == payment && one.place == "outside" && one.kind != "payment");
    let kept: i64 = outside.map(|one| one.kopecks).sum();
    kept.saturating_neg()
}

/// Whether what an order to split a payment gave of it stands.
pub(super) fn is_split(evidence: &Evidence<'_>, payment: i64) -> bool {
    let splits = evidence.said.iter();
    let splits = splits.filter(|said| matches!(said.order, Order::Split(_)));
    let names: BTreeSet<String> = splits.map(|said| name_of(said.number)).collect();
    let mut stands: BTreeMap<i64, i64> = BTreeMap::new();
    let mut by_split: BTreeSet<i64> = BTreeSet::new();
    for one in entries(evidence).filter(|one| one.payment == payment && one.bill.is_some()) {
        let of = one.undoes.unwrap_or(one.transaction);
        *stands.entry(of).or_default() += one.kopecks;
        if one.kind == "allocation" && names.contains(&one.author) {
            by_split.insert(one.transaction);
        }
    }
    let mut by_split = by_split.iter();
    by_split.any(|number| stands.get(number).is_some_and(|kopecks| *kopecks != 0))
}

/// What of a payment's rest was paid back.
pub(super) fn paid_back(evidence: &Evidence<'_>, payment: i64) -> i64 {
    let advances =
        entries(evidence).filter(|one| one.other == Some(payment) && one.place == "payment");
    let back: i64 = advances.map(|one| one.kopecks).sum();
    back.saturating_neg()
}

/// What a refund was taken off the rests of other payments.
pub(super) fn off_rests(evidence: &Evidence<'_>, refund: i64) -> i64 {
    let rests = entries(evidence)
        .filter(|one| one.payment == refund && one.other.is_some() && one.place == "payment");
    let off: i64 = rests.map(|one| one.kopecks).sum();
    off.saturating_neg()
}

/// What stands of bills that were closed without a bank.
pub(super) fn without_bank(evidence: &Evidence<'_>) -> BTreeMap<String, i64> {
    let mut closed: BTreeMap<String, i64> = BTreeMap::new();
    let customs = &evidence.weather.customs;
    let may_be = customs.cashier.is_some() || customs.closes.is_some();
    let entries = evidence.ledger.entries.iter();
    for one in entries.filter(|one| may_be && one.payment == 0) {
        if let Some(bill) = &one.bill {
            *closed.entry(bill.clone()).or_default() += one.kopecks;
        }
    }
    closed.retain(|_, kopecks| *kopecks != 0);
    closed
}

/// [I-7] Nothing is taken back twice.
fn taken_back_once(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let mut given: BTreeMap<i64, i64> = BTreeMap::new();
    for one in evidence.ledger.of_bills() {
        let of = one.undoes.unwrap_or(one.transaction);
        *given.entry(of).or_default() += one.kopecks;
    }
    for one in evidence.ledger.of_bills() {
        let left = given.get(&one.transaction).copied().unwrap_or(0);
        let is_over = one.kind != "correction" && left.signum() == -one.kopecks.signum();
        if is_over && left != 0 {
            wrong.push(format!(
                "[I-7] more of transaction {} was taken back than it gave",
                one.transaction
            ));
        }
    }
}

/// [I-7] What went back is its receiver's own money, no more than that had given to the bill, and by rule only where the
/// purpose names the bill.
fn goes_back(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let mut given: BTreeMap<(i64, &str), i64> = BTreeMap::new();
    for one in &evidence.ledger.entries {
        let of = one.other.unwrap_or(one.payment);
        if let Some(bill) = one.bill.as_deref().filter(|_| of != 0) {
            *given.entry((of, bill)).or_default() += one.kopecks;
        }
    }
    for ((payment, bill), left) in given.into_iter().filter(|(_, left)| *left < 0) {
        wrong.push(format!(
            "[I-7] payment {payment} has {left} kopecks in bill {bill}: more of it went back than it gave"
        ));
    }
    let known = evidence.payments.iter().map(|one| (one.number, one));
    let known: BTreeMap<i64, &ListedPayment> = known.collect();
    let taken = evidence.ledger.entries.iter();
    let taken = taken.filter(|one| one.kind == "allocation" && one.other.is_some());
    for one in taken {
        let paid = one.other.and_then(|other| known.get(&other));
        let (Some(refund), Some(paid)) = (known.get(&one.payment), paid) else {
            wrong.push(format!("[I-7] {one:?} is of no payment"));
            continue;
        };
        let receiver = refund.order.other.inn.as_ref();
        if receiver.is_none() || receiver != paid.order.other.inn.as_ref() {
            wrong.push(format!(
                "[I-7] refund {} to {receiver:?} is taken off payment {} of another",
                refund.number, paid.number
            ));
        }
        let purpose = &refund.order.purpose;
        let is_named = match (&one.bill, named_in(purpose)) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(bill), Some(number)) => bore(evidence, bill, number),
        };
        if one.author == store::RULE && !is_named {
            wrong.push(format!(
                "[I-7] refund {} «{purpose}» was taken off payment {} and bill {:?} by nobody's word",
                refund.number, paid.number, one.bill
            ));
        }
    }
}

/// The number of the bill that a refund's purpose names.
fn named_in(purpose: &str) -> Option<&str> {
    let (_, number) = purpose.split_once(" по счету № ")?;
    Some(number.split_once(" от ")?.0)
}

/// Whether a bill ever had that number.
fn bore(evidence: &Evidence<'_>, bill: &str, number: &str) -> bool {
    let versions = versions_of(evidence, bill);
    versions.iter().any(|one| one.number == number)
}

/// [I-7, I-8] What a payment brought is what it gave and what it has left; it came once.
fn adds_up(evidence: &Evidence<'_>, payment: &ListedPayment, wrong: &mut Vec<String>) {
    let name = format!("payment {} ({})", payment.number, payment.order.purpose);
    let entries = evidence.ledger.entries.iter();
    let own = entries
        .filter(|one| one.place == "payment" && one.other.unwrap_or(one.payment) == payment.number);
    let own: Vec<&Entry> = own.collect();
    let came: Vec<i64> = own
        .iter()
        .filter(|one| one.kind == "payment")
        .map(|one| one.kopecks)
        .collect();
    let amount = payment.order.amount.kopecks();
    let brought = match payment.order.direction {
        Direction::In => amount,
        Direction::Out => amount.saturating_neg(),
    };
    if came != [brought] {
        wrong.push(format!("[I-8] {name} over {brought} came as {came:?}"));
    }
    let left: i64 = own.iter().map(|one| one.kopecks).sum();
    let range = brought.min(0)..=brought.max(0);
    if left != payment.remaining.kopecks() || !range.contains(&left) {
        wrong.push(format!(
            "[I-7] {name} over {brought} has {left} left by its entries, and is said to have {}",
            payment.remaining.kopecks()
        ));
    }
}

/// [I-7] What is kept as paid of a bill is what its entries come to, and never below nothing.
fn kept_beside(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let mut paid: BTreeMap<&str, i64> = BTreeMap::new();
    for one in &evidence.ledger.entries {
        if let Some(bill) = &one.bill {
            *paid.entry(bill).or_default() += one.kopecks;
        }
    }
    for (bill, kept) in &evidence.ledger.paid {
        let paid = paid.get(bill.as_str()).copied().unwrap_or(0);
        if paid != *kept || paid < 0 {
            wrong.push(format!(
                "[I-7] bill {bill} got {paid} by its entries, and is said to have {kept}"
            ));
        }
    }
}

/// Nothing is settled but by an order, and nothing in the name of one that nobody gave.
fn by_whom(evidence: &Evidence<'_>, orders: &BTreeMap<u64, Vec<&Said>>, wrong: &mut Vec<String>) {
    let names: BTreeSet<String> = orders.keys().map(|number| name_of(*number)).collect();
    for one in &evidence.ledger.entries {
        let is_ours = names.contains(&one.author);
        let is_cashiers = one.author.starts_with(name_of(0).trim_end_matches('0'));
        if !is_ours && (is_cashiers || one.kind == "settlement") {
            wrong.push(format!(
                "[I-7] transaction {} in the name of `{}`, who ordered nothing",
                one.transaction, one.author
            ));
        }
    }
}

/// One transaction, as its entries tell it.
#[derive(Default)]
struct Told<'a> {
    kind: &'a str,
    payment: i64,
    undoes: Option<i64>,
    /// By bill.
    given: BTreeMap<&'a str, i64>,
    outside: i64,
}

/// What the ledger has in the name of an order. What a letter left where it was is given anew in the name of whoever had
/// given it: that is the letter's doing.
fn in_name_of<'a>(evidence: &'a Evidence<'_>, number: u64) -> BTreeMap<i64, Told<'a>> {
    let (name, letter) = (name_of(number), letter_of(number));
    let anothers = letter_of(0);
    let anothers = anothers.trim_end_matches('0');
    let mut told: BTreeMap<i64, Told<'_>> = BTreeMap::new();
    for one in evidence
        .ledger
        .entries
        .iter()
        .filter(|one| one.author == name)
    {
        if one.because.starts_with(anothers) && one.because != letter {
            continue;
        }
        let transaction = told.entry(one.transaction).or_default();
        transaction.kind = &one.kind;
        transaction.payment = one.payment;
        transaction.undoes = one.undoes;
        match (&one.bill, one.place.as_str()) {
            (Some(bill), _) => *transaction.given.entry(bill).or_default() += one.kopecks,
            (None, "outside") => transaction.outside += one.kopecks,
            (None, _) => {}
        }
    }
    told
}

/// [I-7] An order is done once, as it was said, or not at all and refused.
fn obeyed_once(evidence: &Evidence<'_>, number: u64, presses: &[&Said], wrong: &mut Vec<String>) {
    let Some(first) = presses.first() else {
        return;
    };
    let order = &first.order;
    let name = format!("order {number} ({order:?})");
    let mut obeyed = Vec::new();
    let mut broken_off = 0_usize;
    for said in presses {
        match &said.outcome {
            Outcome::Obeyed { numbers, amount } => obeyed.push((numbers, amount)),
            Outcome::Refused(why) if why.trim().is_empty() => {
                wrong.push(format!("{name} was refused without a word"));
            }
            Outcome::Refused(_) => {}
            Outcome::BrokenOff(_) if said.doomed => broken_off += 1,
            Outcome::BrokenOff(why) => {
                wrong.push(format!("[I-4] {name} broke off of itself: {why}"));
            }
        }
    }
    let told = in_name_of(evidence, number);
    if obeyed.len() > 1 && !is_taken_back_anew(order, &obeyed, &told) {
        wrong.push(format!(
            "[I-7] {name} was pressed {} times and obeyed {} times",
            presses.len(),
            obeyed.len()
        ));
    }
    let acts: Vec<&Told<'_>> = told.values().filter(|one| is_act(order, one)).collect();
    let fits = match (order, obeyed.len(), broken_off) {
        (_, 0, 0) => acts.is_empty(),
        // What was chosen may be impossible by now, or nothing; of a refund there may be several parts.
        (Order::Answer { .. }, _, _) => {
            let booked = acts
                .iter()
                .filter(|one| one.given.values().sum::<i64>() > 0);
            booked.count() <= 1
        }
        (Order::TakeBack(_), _, 0) => {
            let said: BTreeSet<i64> = obeyed
                .iter()
                .flat_map(|(numbers, _)| numbers.iter().copied())
                .collect();
            let undone: Vec<i64> = acts.iter().filter_map(|one| one.undoes).collect();
            undone.len() == said.len() && undone.iter().all(|one| said.contains(one))
        }
        (Order::TakeBack(_), _, _) => true,
        (_, 0, _) => acts.len() <= 1,
        (_, _, _) => acts.len() == 1,
    };
    if !fits {
        let outcomes: Vec<&Outcome> = presses.iter().map(|said| &said.outcome).collect();
        wrong.push(format!(
            "[I-7] {name}: said {outcomes:?}, the ledger has it {} times",
            acts.len()
        ));
    }
    for act in acts {
        let amount = obeyed.first().and_then(|(_, amount)| **amount);
        if !is_as_said(evidence, order, amount.map(domain::Money::kopecks), act) {
            wrong.push(format!(
                "[I-7] {name}, so much: {amount:?}, is recorded otherwise: {:?}, outside {}",
                act.given, act.outside
            ));
        }
    }
}

/// What was taken back twice was given again in between, by somebody else's decision.
fn is_taken_back_anew(
    order: &Order,
    obeyed: &[(&Vec<i64>, &Option<domain::Money>)],
    told: &BTreeMap<i64, Told<'_>>,
) -> bool {
    let Order::TakeBack(_) = order else {
        return false;
    };
    let corrections = obeyed.iter().map(|(numbers, _)| {
        let is_of = |one: &Told<'_>| one.undoes.is_some_and(|undone| numbers.contains(&undone));
        let of: Vec<i64> = told
            .iter()
            .filter(|(_, one)| is_of(one))
            .map(|(number, _)| *number)
            .collect();
        (numbers.iter().min().copied(), of.into_iter().max())
    });
    let corrections: Vec<(Option<i64>, Option<i64>)> = corrections.collect();
    let mut pairs = corrections.iter().zip(corrections.iter().skip(1));
    pairs.all(|((_, before), (after, _))| before < after)
}

/// Whether a transaction is what the order wanted, and not what followed from it.
fn is_act(order: &Order, told: &Told<'_>) -> bool {
    match order {
        Order::Give(_) | Order::Split(_) | Order::Answer { .. } => told.kind == "allocation",
        Order::Settle(_) => told.kind == "settlement",
        Order::Unsettle(number) => told.undoes == Some(*number),
        Order::TakeBack(payment) => told.kind == "correction" && told.payment == *payment,
        Order::Move(letter) => {
            let to = letter.to.rsplit('/').next().unwrap_or_default();
            told.kind == "allocation" && told.given.contains_key(to)
        }
    }
}

/// Whether it is recorded of the payment, for the bills and with the sums that were said.
fn is_as_said(evidence: &Evidence<'_>, order: &Order, amount: Option<i64>, act: &Told<'_>) -> bool {
    let goes_to = |named: &str, wanted: Option<i64>| {
        let mut given = act.given.iter();
        let is_it = |(bill, sum): (&&str, &i64)| {
            is_named(evidence, bill, named) && wanted.is_none_or(|wanted| wanted == *sum)
        };
        given.any(is_it)
    };
    match order {
        Order::Give(order) => {
            let wanted = amount.or(order.amount.map(domain::Money::kopecks));
            let is_whole = act.given.len() == 1 && act.payment == order.payment;
            is_whole && goes_to(&order.invoice, wanted)
        }
        Order::Settle(order) => {
            let wanted = amount.or(order.amount.map(domain::Money::kopecks));
            act.given.len() == 1 && goes_to(&order.invoice, wanted)
        }
        Order::Move(order) => {
            let wanted = amount.or(order.amount.map(domain::Money::kopecks));
            act.payment == order.payment && goes_to(&order.to, wanted)
        }
        Order::Split(order) => {
            let mut sales = order.sales.iter();
            let all = sales.all(|(named, sum)| goes_to(named, Some(sum.kopecks())));
            let is_of = act.payment == order.payment && act.given.len() == order.sales.len();
            all && is_of && act.outside == order.commission.kopecks().saturating_neg()
        }
        // For an answer about a refund it is that payment's as well.
        Order::Answer { payment, .. } => act.payment == *payment,
        Order::Unsettle(_) | Order::TakeBack(_) => true,
    }
}

/// Whether a bill is the one of that name: its number, or `organisation/id`.
fn is_named(evidence: &Evidence<'_>, id: &str, named: &str) -> bool {
    let bill = lasts(evidence).find(|bill| bill.meta.id.to_string() == id);
    named.rsplit('/').next() == Some(id) || bill.is_some_and(|bill| bill.number == named)
}

/// What was paid before a bill was taken over is no entry: such deals are passed over.
fn timeline(evidence: &Evidence<'_>, id: i64, wrong: &mut Vec<String>) {
    let bills = lasts(evidence).filter(|bill| is_bill_of(evidence, bill, id));
    let bills: Vec<&Bill> = bills.collect();
    let mut all = bills.iter();
    if all.all(|bill| adopted_by(evidence, bill).is_none()) {
        let bills: Vec<String> = bills.iter().map(|bill| bill.meta.id.to_string()).collect();
        told::timeline(evidence, id, &bills, wrong);
    }
}

/// All bills, each as it is.
fn lasts<'a>(evidence: &'a Evidence<'_>) -> impl Iterator<Item = &'a Bill> {
    let owns = evidence.accounting.organizations.values();
    let lasts = owns.flat_map(|own| own.bill_versions.iter().filter_map(|all| all.last()));
    lasts.map(AsRef::as_ref)
}
