//! A year that ends within the day: each bill is dated by the day on which it was made, or begun where it was repeated
//! under its key, and one that is still to be paid when its rate ends is asked about, once, unless somebody leaves it.

use std::sync::Arc;

use emulator_kontur_accounting::{Bill, CreatedBy};
use jiff::Timestamp;
use serde_json::Value;

use super::bills::{firsts, made_between};
use super::deals::{asks, is_bill_of};
use super::{Evidence, deal_of, slot_of};
use crate::evidence::records::Line;
use crate::offices::new_year::Ends;
use crate::people::bank::today;
use crate::people::remembered::{Deal, Version};

const ASKED: &str = "INVOICE-RATE-ENDED";
const LAST_YEAR: i16 = 2025;
/// What was right until then, by law or for whom was exempt.
const ENDED: [&str; 2] = ["nds20", "withoutNds"];

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some(new_year) = evidence.weather.customs.new_year else {
        return;
    };
    dated(evidence, wrong);
    if new_year.ends != Ends::Nothing {
        for (id, deal) in &evidence.office.deals {
            ended(evidence, *id, deal, wrong);
        }
    }
}

/// Whether the year that has begun lets every line be billed.
pub(super) fn is_lawful(evidence: &Evidence<'_>, version: &Version) -> bool {
    let new_year = evidence.weather.customs.new_year;
    new_year.is_none_or(|new_year| {
        let mut lines = version.lines.iter();
        lines.all(|line| new_year.is_lawful_after(&line.vat))
    })
}

fn dated(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for bill in firsts(evidence).filter(|bill| bill.meta.created_by == CreatedBy::Api) {
        let mark = bill.comment.as_deref().unwrap_or_default();
        let Some(deal) = deal_of(mark) else {
            continue;
        };
        let Some((from, sent)) = made_between(evidence, deal, bill) else {
            continue;
        };
        let is_of = |at: Timestamp| bill.date == today(at);
        let begun = begun(&evidence.journal.lines, deal, mark);
        if !is_of(from) && !is_of(sent) && !begun.is_some_and(is_of) {
            wrong.push(format!(
                "[year] bill № {} of deal {deal} is dated {}, and was made between {from} and {sent}",
                bill.number, bill.date
            ));
        }
    }
}

/// When it was decided to make the bill of this mark, if its making was in doubt from then on until it was made. Whoever
/// repeats it under its key repeats it to the letter, day and all; what was answered without effect was begun anew.
fn begun(journal: &[Line], deal: i64, mark: &str) -> Option<Timestamp> {
    let slot = slot_of(mark);
    let subject = format!("deal/{deal}");
    let (mut begun, mut in_doubt) = (None, false);
    for line in journal {
        if line.subject.as_deref() != Some(subject.as_str()) {
            continue;
        }
        match line.kind.as_str() {
            "decision" if !in_doubt && issues(&line.body) => begun = Some(line.at),
            "effect" => {
                let effect = line.body.get("effect").and_then(Value::as_str);
                let Some(of) = effect.and_then(slot_of) else {
                    continue;
                };
                let is_its = slot == Some(of);
                in_doubt |= is_its && is_doubtful(&line.body);
                if !in_doubt {
                    begun = None;
                }
                if is_its && is_made(&line.body) {
                    break;
                }
            }
            _ => {}
        }
    }
    begun
}

/// Whether an invoice was to be made, and not only would have been.
fn issues(decision: &Value) -> bool {
    let actions = decision.get("actions").and_then(Value::as_array);
    let mut actions = actions.into_iter().flatten();
    decision.get("carried_out") == Some(&Value::Bool(true))
        && actions.any(|action| action.as_str() == Some("issue_invoice"))
}

/// Whether it was looked for, or was answered in a way that leaves open what became of it.
fn is_doubtful(effect: &Value) -> bool {
    let verdict = effect.pointer("/result/verdict").and_then(Value::as_str);
    effect.get("looked_up").is_some() || matches!(verdict, Some("verify" | "defect"))
}

fn is_made(effect: &Value) -> bool {
    let says = |name: &str, word: &str| effect.get(name).and_then(Value::as_str) == Some(word);
    says("result", "done") || says("looked_up", "found")
}

fn ended(evidence: &Evidence<'_>, id: i64, deal: &Deal, wrong: &mut Vec<String>) {
    let is_asked = asks(evidence, id, &[ASKED]);
    let of_deal = |bill: &&Vec<Arc<Bill>>| {
        let first = bill.first();
        first.is_some_and(|first| is_bill_of(evidence, first, id))
    };
    let owns = evidence.accounting.organizations.values();
    let histories = owns.flat_map(|own| &own.bill_versions).filter(of_deal);
    let histories: Vec<&Vec<Arc<Bill>>> = histories.collect();
    let is_old = |history: &&&Vec<Arc<Bill>>| {
        let first = history.first();
        first.is_some_and(|first| {
            let mut items = first.items.iter();
            first.date.year() == LAST_YEAR
                && items.any(|item| ENDED.contains(&item.nds_rate.name()))
        })
    };
    let old: Vec<&&Vec<Arc<Bill>>> = histories.iter().filter(is_old).collect();
    if is_asked && old.is_empty() {
        wrong.push(format!(
            "[year] deal {id} is asked about the end of a rate that it has no bill of"
        ));
    }
    // Whoever wants another in its place is not asked about this one; and nobody judges what the accountant made of it.
    let is_judged = deal.replaced.is_empty() && !deal.deleted && !deal.rate_left;
    let stands = |history: &&&Vec<Arc<Bill>>| {
        history.len() == 1 && history.first().is_some_and(|bill| bill.is_live())
    };
    if is_judged && !is_asked && old.into_iter().any(|history| stands(&history)) {
        wrong.push(format!(
            "[year] deal {id} has a bill whose rate ended before it was paid, and nobody is asked"
        ));
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::begun;
    use crate::evidence::records::Line;

    const KEY: &str = "portal/deal/7/invoice/whole/1";

    fn line(at: i64, kind: &str, body: Value) -> Line {
        Line {
            seq: at,
            at: Timestamp::constant(at, 0),
            subject: Some("deal/7".to_owned()),
            kind: kind.to_owned(),
            text: body.to_string(),
            body,
            hash: Vec::new(),
        }
    }

    fn decided(at: i64) -> Line {
        let body = json!({"because": [], "actions": ["issue_invoice"], "carried_out": true});
        line(at, "decision", body)
    }

    fn told(at: i64, name: &str, word: Value) -> Line {
        line(at, "effect", json!({"effect": KEY, name: word}))
    }

    #[test]
    fn a_bill_was_begun_where_nobody_knew_what_became_of_it_until_it_was_made() {
        let done = |at| told(at, "result", json!("done"));
        let second = |at| Some(Timestamp::constant(at, 0));
        let mark = format!("[provodka:{KEY}]");
        let lost = [
            decided(1),
            told(2, "looked_up", json!("not found")),
            decided(3),
            done(4),
        ];
        assert_eq!(begun(&lost, 7, &mark), second(1));
        assert_eq!(begun(&lost, 8, &mark), None);
        assert_eq!(begun(&[decided(1), done(2)], 7, &mark), None);
        let refused = [
            decided(1),
            told(2, "result", json!({"verdict": "reject"})),
            decided(3),
            told(4, "result", json!({"verdict": "verify"})),
            decided(5),
            done(6),
        ];
        assert_eq!(begun(&refused, 7, &mark), second(3));
        // Another of its deal, and one that was never sent.
        let other = mark.replace("whole", "additional");
        assert_eq!(begun(&lost, 7, &other), None);
        let held = [decided(1), told(2, "held", json!("NotBefore")), done(3)];
        assert_eq!(begun(&held, 7, &mark), None);
    }
}
