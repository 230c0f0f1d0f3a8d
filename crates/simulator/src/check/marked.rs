//! [I-11] A bill that the accounting program calls paid, and of whose money our ledger knows less, is asked about
//! once it was waited for; no other is.

use std::sync::Arc;
use std::time::Duration;

use domain::payment::Direction;
use emulator_bitrix24::What;
use emulator_kontur_accounting::Bill;
use engine::clock::later;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use store::{ListedPayment, PaymentState};

use super::bills::versions_of;
use super::deals::{CLOSED, asks, is_bill_of};
use super::ledger::is_withdrawn;
use super::lost::is_seen_to_its_end;
use super::{Evidence, is_our_write, money, stages, true_moment};
use crate::days::day::secs;
use crate::offices::office::NUMBER;
use crate::people::administrator::MARKED_PAID;
use crate::people::remembered::Deal;

/// Nobody is asked sooner, however short the agreed time is.
const LEAST_WAIT: SignedDuration = SignedDuration::from_mins(10);
/// So long after the day what the clerk took out of the books may still be waited for.
const AT_HOME: Duration = secs(1_800);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.clerk.is_none() {
        return;
    }
    for (id, deal) in &evidence.office.deals {
        let bills = evidence.accounting.bills();
        let bills = bills.filter(|bill| is_bill_of(evidence, bill, *id));
        let bills: Vec<&Arc<Bill>> = bills.collect();
        if is_seen_to_its_end(evidence, *id, deal, &bills) {
            one(evidence, *id, deal, &bills, wrong);
        }
    }
}

/// Whether all of a bill is paid over there.
pub(super) fn is_marked(bill: &Bill) -> bool {
    bill.paid_sum.0 > 0 && bill.paid_sum >= bill.sum
}

fn one(
    evidence: &Evidence<'_>,
    id: i64,
    deal: &Deal,
    bills: &[&Arc<Bill>],
    wrong: &mut Vec<String>,
) {
    let given = money::given(evidence);
    let lacks = |bill: &&&Arc<Bill>| {
        let got = given.get(&bill.meta.id.to_string()).copied();
        let got = got.unwrap_or_default().kopecks();
        bill.is_live() && is_marked(bill) && got < bill.sum.0
    };
    let marked: Vec<&Arc<Bill>> = bills.iter().filter(lacks).copied().collect();
    let is_asked = asks(evidence, id, &[MARKED_PAID]);
    if is_asked && marked.is_empty() {
        wrong.push(format!(
            "[I-11] deal {id}: it is asked how a bill was paid, and none is marked that our ledger does not explain"
        ));
    }
    let missed = marked.iter().filter(|bill| {
        !is_asked && was_shown(evidence, id, bill) && must_be_asked(evidence, id, deal, bill)
    });
    let missed: Vec<&str> = missed.map(|bill| bill.number.as_str()).collect();
    if !missed.is_empty() {
        wrong.push(format!(
            "[I-11] deal {id}: {missed:?} are marked as paid, our ledger knows less, and nobody is asked"
        ));
    }
}

/// Whether nothing is waited for any more, and nobody said that it may stay so.
fn must_be_asked(evidence: &Evidence<'_>, id: i64, deal: &Deal, bill: &Bill) -> bool {
    let clerk = evidence.weather.customs.clerk;
    let Some(clerk) = clerk.filter(|clerk| clerk.is_decided_at_last()) else {
        return false;
    };
    let history = stages(&evidence.portal, id);
    let last = history.last().map(|(_, stage)| stage.as_str());
    // A deal that is over is not looked at each night.
    let is_open = last.is_none_or(|stage| !CLOSED.contains(&stage));
    let about = about(evidence, id, bill);
    let is_left = about.is_some_and(|about| deal.marks_left.contains(&about));
    let wait = SignedDuration::from_hours(clerk.wait_hours.into()).max(LEAST_WAIT);
    // Where the machine's clock was set, nobody can say how long was waited.
    is_open && !is_left && evidence.jumps.is_empty() && is_decided(evidence, bill, wait)
}

/// What a question about the mark of a bill is about: the mark that is there since we saw it, no other.
fn about(evidence: &Evidence<'_>, deal: i64, bill: &Bill) -> Option<String> {
    let bill = bill.meta.id.to_string();
    let mut links = evidence.known.invoice_links.iter();
    let link = links
        .find(|link| i64::try_from(link.deal.get()) == Ok(deal) && link.invoice.as_str() == bill)?;
    let since: Timestamp = link.draft.get("paid_since")?.as_str()?.parse().ok()?;
    Some(format!("{}={}", link.slot, since.as_second()))
}

/// Whether all money that may be for a bill was decided by the time that it is asked about its mark: where some is
/// decided later and not for this bill, only the nightly look comes back to it.
fn is_decided(evidence: &Evidence<'_>, bill: &Bill, wait: SignedDuration) -> bool {
    let id = bill.meta.id.to_string();
    let versions = versions_of(evidence, &id);
    let mark = versions.iter().rev().take_while(|one| is_marked(one));
    let Some(mark) = mark.last() else {
        return false;
    };
    let since = true_moment(mark.meta.changed_at, evidence.weather.skew.1);
    let due = since.checked_add(wait).unwrap_or(since);
    let evening = later(evidence.start, evidence.weather.day);
    let may_be_withdrawn = due < later(evening, AT_HOME);
    let is_offered = evidence.cases.iter().any(|case| {
        let offered = case.facts.facts.get("offered");
        offered.is_some_and(|offered| offered.to_string().contains(&id))
    });
    let is_late = |payment: &ListedPayment| {
        let mut moved = evidence.ledger.of_bills();
        moved.any(|one| {
            let is_elsewhere = one.bill.as_deref() != Some(id.as_str());
            one.payment == payment.number && one.at > due && is_elsewhere
        })
    };
    let mut payments = evidence.payments.iter();
    !is_offered
        && payments.all(|one| match one.state {
            PaymentState::New => false,
            PaymentState::Asked | PaymentState::Left => !may_be_for(evidence, one, &versions),
            PaymentState::Booked | PaymentState::Aside => {
                let is_late = is_late(one) || may_be_withdrawn && is_withdrawn(one);
                !(is_late && may_be_for(evidence, one, &versions))
            }
        })
}

/// Whether a payment may be taken to be for a bill: it is the buyer's, or names him or the bill, or whoever paid buys
/// nothing himself.
fn may_be_for(evidence: &Evidence<'_>, payment: &ListedPayment, versions: &[&Arc<Bill>]) -> bool {
    let (order, other) = (&payment.order, &payment.order.other);
    let payer = other.inn.as_ref().map(ToString::to_string);
    let is_payers = |bill: &Bill| bill.contractor.inn == payer;
    let names = |bill: &Bill| {
        let number = format!("№ {}", bill.number);
        order.purpose.contains(&number) || other.name.as_ref() == Some(&bill.contractor.name)
    };
    let buys = || {
        let mut bills = evidence.accounting.bills();
        bills.any(|bill| is_payers(bill))
    };
    let mut versions = versions.iter();
    order.direction == Direction::In
        && (versions.any(|one| is_payers(one) || names(one)) || payer.is_some() && !buys())
}

/// Whether the deal showed the bill before it was paid: of what was adopted as paid it is not known since when.
fn was_shown(evidence: &Evidence<'_>, id: i64, bill: &Bill) -> bool {
    let (portal, books) = evidence.weather.skew;
    let versions = versions_of(evidence, &bill.meta.id.to_string());
    let paid = versions.into_iter().find(|one| is_marked(one));
    let paid = paid.map(|one| true_moment(one.meta.changed_at, books));
    let mut writes = evidence.portal.writes_to("deal", id);
    let shown = writes.find(|entry| {
        let What::Write {
            after: Some(after), ..
        } = &entry.what
        else {
            return false;
        };
        let shown = after.get(NUMBER).and_then(Value::as_str);
        is_our_write(entry) && shown == Some(bill.number.as_str())
    });
    let shown = shown.map(|entry| true_moment(entry.at, portal));
    shown.zip(paid).is_some_and(|(shown, paid)| shown < paid)
}
