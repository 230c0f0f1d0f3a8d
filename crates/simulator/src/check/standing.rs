//! Since when an order that was called has been there: while it waits, the same call again is the same order, whose answer may
//! be on its way already.

use domain::Order;
use jiff::Timestamp;
use serde_json::Value;

use super::Evidence;
use crate::machine::doors::Call;
use crate::people::calls::ordered;

/// When the order that this call gave was called first. Where it is not known which calls are on disk, the earliest that it
/// may have been.
pub(super) fn since(evidence: &Evidence<'_>, call: &Call) -> Timestamp {
    let Some(order) = call.order else {
        return call.at;
    };
    let mut calls: Vec<&Call> = evidence.calls.iter().collect();
    calls.retain(|one| one.deal == call.deal && one.order == call.order && one.may_be_kept());
    calls.sort_by_key(|one| (one.told_at.unwrap_or(one.at), one.at));
    let later = calls
        .iter()
        .rev()
        .take_while(|one| one.told_at != call.told_at || one.at != call.at);
    let later = later.count();
    let firsts = firsts(evidence, call.deal, order);
    let line = firsts.len().checked_sub(later.saturating_add(1));
    let first = line.and_then(|line| firsts.get(line));
    let first = first.and_then(|first| calls.get(*first));
    first.map_or(call.at, |first| first.at.min(call.at))
}

/// For each time that this order stands in the journal of a deal: which of these times was the first of the same order.
fn firsts(evidence: &Evidence<'_>, deal: i64, order: Order) -> Vec<usize> {
    let subject = format!("deal/{deal}");
    let about = evidence.journal.lines.iter();
    let about = about.filter(|line| line.subject.as_deref() == Some(subject.as_str()));
    let (mut firsts, mut waits, mut number) = (Vec::new(), None, 0_i64);
    let mut first = 0;
    for line in about.filter(|line| line.kind == "person") {
        let text = |name: &str| line.body.get(name).and_then(Value::as_str);
        let called = text("order").and_then(ordered);
        if let (Some("call"), Some(called)) = (text("by"), called) {
            if waits != Some(called) {
                number = number.saturating_add(1);
                waits = Some(called);
                first = firsts.len();
            }
            if called == order {
                firsts.push(first);
            }
        } else if line.body.get("called").and_then(Value::as_i64) == Some(number) {
            // Carried out, answered or let go.
            waits = None;
        }
    }
    firsts
}
