//! A deal that is paid goes on to the stage that policy names: forward, once for a payment, not again after a person put it back,
//! and for no less than money that our ledger holds.

use std::collections::BTreeSet;

use emulator_bitrix24::{Actor, Entry, What};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::deals::is_about;
use super::ledger::{bills_of, only_bill};
use super::{Evidence, echo, is_our_write, money, stages};
use crate::offices::office::{INVOICE, PAID_STAGE};
use crate::people::clerk::Moving;

/// A write may land so much later than what it rests on was read.
const LATEST: SignedDuration = SignedDuration::from_secs(240);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.clerk.is_none() {
        return;
    }
    for (id, deal) in &evidence.office.deals {
        if !deal.deleted {
            one(evidence, *id, wrong);
        }
    }
}

/// From one stage into another.
struct Move {
    /// By the portal's clock.
    at: Timestamp,
    from: String,
    to: String,
}

fn one(evidence: &Evidence<'_>, id: i64, wrong: &mut Vec<String>) {
    let history = stages(&evidence.portal, id);
    let moves = ours(evidence, id);
    let skew = SignedDuration::from_secs(evidence.weather.skew.0);
    for one in &moves {
        let Move { at, from, to } = one;
        if to != PAID_STAGE || !stood_in(&history, INVOICE, *at) {
            wrong.push(format!(
                "deal {id} was moved by us from {from} to {to} at {at}"
            ));
        }
        // Where the machine's clock was set, our records say another time.
        let when = at.checked_sub(skew).unwrap_or(*at);
        if evidence.jumps.is_empty() && !was_paid(evidence, id, when) {
            wrong.push(format!(
                "[I-11] deal {id} was moved to {to} at {at}, and no bill of it had been paid"
            ));
        }
    }
    once_for_a_payment(evidence, id, moves.len(), wrong);
    let is_there = history.last().is_some_and(|(_, stage)| stage == INVOICE);
    if is_there && moves.is_empty() && must_go_on(evidence, id) {
        wrong.push(format!(
            "[I-11] deal {id} is paid in full, stands where it was, and nobody is asked"
        ));
    }
}

/// The moves that we made, or had the portal's automation make.
fn ours(evidence: &Evidence<'_>, id: i64) -> Vec<Move> {
    let clerk = evidence.weather.customs.clerk;
    let by_robot = clerk.is_some_and(|clerk| clerk.moves == Moving::Trigger);
    let is_ours = |entry: &&Entry| {
        let is_robots = matches!(
            entry.what,
            What::Write {
                actor: Actor::Robot,
                ..
            }
        );
        is_our_write(entry) || by_robot && is_robots
    };
    let writes = evidence.portal.writes_to("deal", id).filter(is_ours);
    let moves = writes.filter_map(|entry| {
        let What::Write {
            before: Some(before),
            after: Some(after),
            ..
        } = &entry.what
        else {
            return None;
        };
        let stage = |of: Option<&Value>| {
            let stage = of.and_then(Value::as_str);
            stage.unwrap_or_default().to_owned()
        };
        let (from, to) = (stage(before.get("STAGE_ID")), stage(after.get("STAGE_ID")));
        let at = entry.at;
        (from != to).then_some(Move { at, from, to })
    });
    moves.collect()
}

/// Whether a deal was in a stage at some moment of the time before.
fn stood_in(history: &[(Timestamp, String)], stage: &str, at: Timestamp) -> bool {
    let from = at.checked_sub(LATEST).unwrap_or(at);
    let nexts = history.iter().skip(1).map(|(until, _)| *until);
    let untils = nexts.chain([Timestamp::MAX]);
    let mut places = history.iter().zip(untils);
    places.any(|((since, known), until)| known == stage && *since <= at && until >= from)
}

/// Whether at some moment of the time before a bill of the deal had got all that it ever asked for.
fn was_paid(evidence: &Evidence<'_>, id: i64, at: Timestamp) -> bool {
    let from = at.checked_sub(LATEST).unwrap_or(at);
    bills_of(evidence, id).iter().any(|bill| {
        let own = evidence.accounting.organizations.values();
        let versions = own.flat_map(|own| own.bill_versions.iter().flatten());
        let sums = versions.filter(|one| one.meta.id.to_string() == *bill);
        let least = sums.map(|one| one.sum.0).min().unwrap_or(i64::MAX);
        let posted = evidence.ledger.of_bills();
        let posted = posted.filter(|one| one.bill.as_ref() == Some(bill));
        let (mut sum, mut was_paid) = (0_i64, false);
        for one in posted.take_while(|one| one.at <= at) {
            // What it had until then it had within the time, where this comes within it.
            was_paid |= one.at >= from && sum >= least;
            sum = sum.saturating_add(one.kopecks);
        }
        was_paid || sum >= least
    })
}

/// Each move is for another payment, or repeats one of which it was not known that it was done.
fn once_for_a_payment(evidence: &Evidence<'_>, id: i64, moves: usize, wrong: &mut Vec<String>) {
    let bills = bills_of(evidence, id);
    let given = evidence.ledger.of_bills();
    let given = given.filter(|one| one.bill.as_ref().is_some_and(|bill| bills.contains(bill)));
    // What closes a bill without a payment is each time another.
    let of = given.map(|one| match one.payment {
        0 => (0, one.undoes.unwrap_or(one.transaction)),
        payment => (payment, 0),
    });
    let payments: BTreeSet<(i64, i64)> = of.collect();
    let most = payments
        .len()
        .saturating_add(echo::reasons(evidence, id).len());
    if moves > most {
        wrong.push(format!(
            "deal {id} was moved by us {moves} times, for at most {most} payments"
        ));
    }
}

/// Whether a deal is paid and nothing keeps it from going on.
fn must_go_on(evidence: &Evidence<'_>, id: i64) -> bool {
    let is_asked = evidence.cases.iter().any(|case| is_about(case, id));
    is_paid(evidence, id) && !is_asked
}

/// Whether a deal is paid and was never moved for it.
pub(super) fn waits(evidence: &Evidence<'_>, id: i64) -> bool {
    is_paid(evidence, id) && ours(evidence, id).is_empty()
}

fn is_paid(evidence: &Evidence<'_>, id: i64) -> bool {
    let outside = evidence
        .office
        .deals
        .get(&id)
        .is_some_and(|deal| deal.outside);
    let is_paid = only_bill(evidence, id).is_some_and(|bill| {
        let got = money::given(evidence)
            .get(&bill.meta.id.to_string())
            .copied();
        got.is_some_and(|got| got.kopecks() >= bill.sum.0)
    });
    is_paid && !outside
}
