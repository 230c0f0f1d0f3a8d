//! Orders that were called: what was answered with 200 is on disk, nobody without the token orders anything, and each is
//! carried out, answered or asked about; a deal that is nowhere gets nothing.

use std::collections::BTreeMap;

use domain::Order;
use emulator_bitrix24::What;
use emulator_kontur_accounting::{Bill, CreatedBy};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::deals::asks;
use super::{Evidence, deal_of, is_our_write, slot_of, standing};
use crate::machine::doors::Call;
use crate::offices::office;
use crate::people::calls::{NOWHERE, ordered, word_of};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.calls.is_none() {
        return;
    }
    proved(evidence, wrong);
    kept(evidence, wrong);
    nowhere(evidence, wrong);
    waiting(evidence, wrong);
    for call in last_of_each_deal(evidence) {
        carried_out(evidence, call, wrong);
    }
}

/// Nobody is taken at his word without the token, and what orders nothing is refused.
fn proved(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for call in &evidence.calls {
        if call.is_kept() && (!call.proved || call.order.is_none()) {
            wrong.push(format!("[called] this was answered with 200: {call:?}"));
        }
        if call.told.is_some_and(|status| (400..500).contains(&status))
            && call.proved
            && call.order.is_some()
        {
            wrong.push(format!("[called] this was refused: {call:?}"));
        }
    }
}

/// [I-3] Each order that was answered with 200 stands in the journal, and no more of them than were called.
fn kept(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    // By deal and order: surely called, perhaps called, in the journal.
    let mut counts: BTreeMap<(i64, &str), [usize; 3]> = BTreeMap::new();
    for call in &evidence.calls {
        let Some(order) = call.order.filter(|_| call.may_be_kept()) else {
            continue;
        };
        let [surely, perhaps, _] = counts.entry((call.deal, word_of(order))).or_default();
        *surely += usize::from(call.is_kept());
        *perhaps += 1;
    }
    for line in &evidence.journal.lines {
        let body = &line.body;
        let (by, order) = (body.get("by"), body.get("order").and_then(Value::as_str));
        let about = line.subject.as_deref();
        let deal = about.and_then(|about| about.strip_prefix("deal/")?.parse::<i64>().ok());
        let order = order.and_then(ordered);
        if let (Some("call"), Some(order), Some(deal)) = (by.and_then(Value::as_str), order, deal) {
            counts.entry((deal, word_of(order))).or_default()[2] += 1;
        }
    }
    for ((deal, order), [surely, perhaps, found]) in counts {
        if found < surely || found > perhaps {
            wrong.push(format!(
                "[I-3] `{order}` of deal {deal} was called {perhaps} times and answered with 200 {surely} times, the journal has it {found} times"
            ));
        }
    }
}

/// Nothing is made, written or asked for a deal that is not there.
fn nowhere(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let all = evidence.accounting.bills();
    let billed = all.filter_map(|bill| bill.comment.as_deref().and_then(deal_of));
    for deal in billed.filter(|deal| *deal >= NOWHERE) {
        wrong.push(format!("[called] deal {deal} is nowhere and has a bill"));
    }
    for case in &evidence.cases {
        let deal = case.facts.subject.as_deal();
        let deal = deal.and_then(|deal| i64::try_from(deal.get()).ok());
        if deal.is_some_and(|deal| deal >= NOWHERE) {
            let code = &case.facts.code;
            wrong.push(format!(
                "[called] somebody is asked {code} about deal {deal:?}, which is nowhere"
            ));
        }
    }
}

/// [I-4] No order waits without a question that stands before it.
fn waiting(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for order in &evidence.waiting {
        let deal = i64::try_from(order.deal.get()).unwrap_or(0);
        if !is_stopped(evidence, deal, order.order) {
            wrong.push(format!(
                "[I-4] an order waits and nobody is asked: {order:?}"
            ));
        }
    }
}

/// Of each deal the last order that was surely taken, unless another may have come after it.
fn last_of_each_deal<'a>(evidence: &'a Evidence<'_>) -> Vec<&'a Call> {
    let mut last: BTreeMap<i64, Vec<&Call>> = BTreeMap::new();
    for call in evidence.calls.iter().filter(|call| call.may_be_kept()) {
        last.entry(call.deal).or_default().push(call);
    }
    let mut all = Vec::new();
    for calls in last.into_values() {
        let kept = calls.iter().filter(|call| call.is_kept());
        let Some(last) = kept.max_by_key(|call| (call.told_at, call.at)) else {
            continue;
        };
        let is_clear = |other: &&Call| {
            let is_before = other.is_kept() && other.told_at < last.told_at;
            other.order == last.order || is_before
        };
        if calls.iter().all(is_clear) {
            all.push(*last);
        }
    }
    all
}

fn carried_out(evidence: &Evidence<'_>, call: &Call, wrong: &mut Vec<String>) {
    let (Some(order), Some(deal)) = (call.order, evidence.office.deals.get(&call.deal)) else {
        return;
    };
    // Where nothing may be written, an order is let go.
    let was_watched = evidence.watched_until.is_some_and(|until| call.at < until);
    if deal.deleted || was_watched {
        return;
    }
    let at = standing::since(evidence, call);
    let is_asked = is_stopped(evidence, call.deal, order);
    let has = |is: &dyn Fn(&Bill) -> bool| bills(evidence, call.deal).any(is);
    let is_since = |bill: &Bill| since(evidence.weather.skew.1, bill.meta.created_at, at);
    let is_of = |bill: &Bill, kind: &str| {
        let slot = bill.comment.as_deref().and_then(slot_of);
        is_since(bill) && slot.is_some_and(|slot| slot.0 == kind)
    };
    let is_done = match order {
        // It may have been there before.
        Order::Issue => {
            has(&|bill| bill.is_live() || is_since(bill) || was_touched_since(evidence, bill, at))
        }
        Order::Reissue => has(&is_since),
        Order::Advance => has(&|bill| is_of(bill, "advance")),
        Order::Rest => has(&|bill| is_of(bill, "rest")),
        Order::Additional => has(&|bill| is_of(bill, "additional")),
        Order::Cancel => has(&|bill| !bill.is_live() && was_touched_since(evidence, bill, at)),
        Order::Leave => false,
    };
    if !is_done && !is_asked && !is_answered(evidence, (call.deal, order), at) {
        wrong.push(format!(
            "[called] {order:?} for deal {} was taken at {} and came to nothing",
            call.deal, call.at
        ));
    }
}

fn bills<'a>(evidence: &'a Evidence<'_>, deal: i64) -> impl Iterator<Item = &'a Bill> {
    let all = evidence.accounting.bills().map(AsRef::as_ref);
    all.filter(move |bill: &&Bill| {
        let of = bill.comment.as_deref().and_then(deal_of);
        bill.meta.created_by == CreatedBy::Api && of == Some(deal)
    })
}

/// Somebody laid hands on it when the order had been there already.
fn was_touched_since(evidence: &Evidence<'_>, bill: &Bill, at: Timestamp) -> bool {
    since(evidence.weather.skew.1, bill.meta.changed_at, at)
}

/// Whether a moment by a clock that goes so many seconds ahead is not before another by ours.
fn since(skew: i64, moment: Timestamp, at: Timestamp) -> bool {
    let moment = moment.checked_sub(SignedDuration::from_secs(skew));
    moment.is_ok_and(|moment| moment >= at)
}

/// What may stand before an order that is there to be carried out.
const BEFORE_ANY: [&str; 4] = [
    "ACTION-REFUSED",
    "OUTCOME-UNKNOWN",
    "SUBJECT-SET-ASIDE",
    "TRIED-TOO-OFTEN",
];
/// The same where an invoice is to come of it.
const BEFORE_INVOICE: [&str; 6] = [
    "COUNTERPARTY-AMBIGUOUS",
    "COUNTERPARTY-NEW",
    "DEAL-DATA-MISSING",
    "DEAL-SMART-INVOICE",
    "DEAL-SUM-DIFFERS",
    "VAT-RATE-ENDED",
];

/// The accountant took an invoice back.
const TAKEN_BACK: [&str; 2] = ["INVOICE-CANCELLED", "INVOICE-DELETED"];

/// Whether somebody is asked about what stands before an order, or was handed it on.
fn is_stopped(evidence: &Evidence<'_>, deal: i64, order: Order) -> bool {
    // What stands in the deal's field goes before whatever is called.
    let in_field = evidence.office.portal.deal_field(deal, office::COMMAND);
    if !in_field.is_empty() && asks(evidence, deal, &BEFORE_INVOICE) {
        return true;
    }
    let of_order: &[&str] = match order {
        Order::Cancel => &["INVOICE-CANCEL-ORDERED"],
        Order::Leave => &[],
        // It was there when it was ordered, as far as we knew.
        Order::Issue if asks(evidence, deal, &TAKEN_BACK) => return true,
        Order::Issue | Order::Reissue | Order::Advance | Order::Rest | Order::Additional => {
            &BEFORE_INVOICE
        }
    };
    asks(evidence, deal, &BEFORE_ANY) || asks(evidence, deal, of_order)
}

/// What is said where an order to cancel goes to the accountant.
const HANDED_ON: &str = "передана просьба отменить";

/// What stands in an answer to an order that could not be carried out.
fn answers_to(order: Order) -> &'static [&'static str] {
    const NOT_REPLACED: &str = " не перевыставлен";
    match order {
        Order::Issue => &[
            "Счёт на всю сумму не выставлен",
            "Счёт не выставлен",
            NOT_REPLACED,
        ],
        Order::Reissue => &["Счёт не выставлен", NOT_REPLACED],
        Order::Advance => &["Счёт на аванс не выставлен", NOT_REPLACED],
        Order::Rest => &["Счёт на остаток не выставлен", NOT_REPLACED],
        Order::Additional => &["Дополнительный счёт не выставлен", NOT_REPLACED],
        Order::Cancel => &[
            "Команда не выполнена: счёта в сделке ещё не было",
            "Отменять нечего",
            " не отменён",
        ],
        Order::Leave => &[
            "Команда не выполнена: счёта в сделке ещё не было",
            " оставлен как есть",
            "Оставлять нечего",
        ],
    }
}

/// Whether we have said in the deal's timeline since it was called why it was not carried out.
fn is_answered(evidence: &Evidence<'_>, (deal, order): (i64, Order), at: Timestamp) -> bool {
    let mut entries = evidence.portal.writes_of("timeline_comment");
    entries.any(|entry| {
        let What::Write {
            after: Some(after), ..
        } = &entry.what
        else {
            return false;
        };
        let of = after.get("ENTITY_ID").and_then(Value::as_i64);
        let is_later = since(evidence.weather.skew.0, entry.at, at);
        let text = after
            .get("COMMENT")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let is_answer = answers_to(order).iter().any(|said| text.contains(said));
        // The accountant is asked once to cancel an invoice, however often that is ordered.
        let is_handed_on = order == Order::Cancel && text.contains(HANDED_ON);
        let is_answer = is_handed_on || is_later && is_answer;
        is_our_write(entry) && of == Some(deal) && is_answer
    })
}
