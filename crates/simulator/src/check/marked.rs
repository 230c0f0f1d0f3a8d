//! [I-11] A bill that the accounting program calls paid, and of whose money our ledger knows less, is asked about
//! once it was waited for; no other is.

use std::sync::Arc;

use emulator_bitrix24::What;
use emulator_kontur_accounting::Bill;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use store::PaymentState;

use super::deals::{CLOSED, asks, is_bill_of};
use super::lost::is_seen_to_its_end;
use super::{Evidence, is_our_write, money, stages};
use crate::offices::office::NUMBER;
use crate::people::remembered::Deal;

/// The question to the accountant.
const ASKED: &str = "INVOICE-MARKED-PAID";

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
        bill.is_live() && bill.paid_sum.0 > 0 && bill.paid_sum >= bill.sum && got < bill.sum.0
    };
    let marked: Vec<&&Arc<Bill>> = bills.iter().filter(lacks).collect();
    let numbers: Vec<&str> = marked.iter().map(|bill| bill.number.as_str()).collect();
    let is_asked = asks(evidence, id, &[ASKED]);
    if is_asked && marked.is_empty() {
        wrong.push(format!(
            "[I-11] deal {id}: it is asked how a bill was paid, and none is marked that our ledger does not explain"
        ));
    }
    let was_seen = marked.iter().any(|bill| was_shown(evidence, id, bill));
    if !is_asked && was_seen && must_be_asked(evidence, id, deal) {
        wrong.push(format!(
            "[I-11] deal {id}: {numbers:?} are marked as paid, our ledger knows less, and nobody is asked"
        ));
    }
}

/// Whether nothing is waited for any more, and nobody said that it may stay so.
fn must_be_asked(evidence: &Evidence<'_>, id: i64, deal: &Deal) -> bool {
    let clerk = evidence.weather.customs.clerk;
    let is_over = clerk.is_some_and(|clerk| clerk.is_decided_at_last());
    let history = stages(&evidence.portal, id);
    let last = history.last().map(|(_, stage)| stage.as_str());
    // A deal that is over is not looked at each night.
    let is_open = last.is_none_or(|stage| !CLOSED.contains(&stage));
    let mut payments = evidence.payments.iter();
    let are_decided =
        payments.all(|one| matches!(one.state, PaymentState::Booked | PaymentState::Aside));
    // Where the machine's clock was set, nobody can say how long was waited.
    is_over && is_open && are_decided && !deal.mark_left && evidence.jumps.is_empty()
}

/// Whether the deal showed the bill before it was paid: of what was adopted as paid it is not known since when.
fn was_shown(evidence: &Evidence<'_>, id: i64, bill: &Bill) -> bool {
    let (portal, books) = evidence.weather.skew;
    let true_moment = |at: Timestamp, skew: i64| {
        let moment = at.checked_sub(SignedDuration::from_secs(skew));
        moment.unwrap_or(at)
    };
    let own = evidence.accounting.organizations.values();
    let versions = own.flat_map(|own| own.bill_versions.iter().flatten());
    let mut paid = versions.filter(|one| one.meta.id == bill.meta.id && one.paid_sum >= one.sum);
    let paid = paid
        .next()
        .map(|one| true_moment(one.meta.changed_at, books));
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
