//! Edits after the issue are gathered before anybody is asked, the question names each row that differs, and another invoice
//! in the place of one that got money is not offered. That none comes is judged with every other bill.

use emulator_kontur_accounting::{Bill, BillState, CreatedBy};
use jiff::SignedDuration;
use serde_json::Value;

use super::bills::asks_as;
use super::buyers::is_for_another;
use super::deals::{is_about, is_bill_of, is_complete};
use super::{Evidence, money, parts};
use crate::habits::editors::CHANGED;
use crate::people::remembered::{Deal, Version};

/// Nobody is asked before so long has passed without an edit.
const GATHERED: SignedDuration = SignedDuration::from_secs(300);
/// What was read so long before may be what is asked about.
const READ_BEFORE: SignedDuration = SignedDuration::from_secs(180);
/// The portal keeps whole seconds.
const ROUNDED: SignedDuration = SignedDuration::from_secs(2);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.edits.is_none() {
        return;
    }
    for (subject, at) in &evidence.asked_of_changes {
        let id = subject.strip_prefix("deal/").and_then(|id| id.parse().ok());
        let known = id.and_then(|id: i64| evidence.office.deals.get(&id));
        let edits = known.into_iter().flat_map(|deal| &deal.versions);
        let mut edits = edits.map(|version| version.at);
        let is_early = |edited: jiff::Timestamp| {
            let waited = at.duration_since(edited);
            (READ_BEFORE..GATHERED - ROUNDED).contains(&waited)
        };
        if let Some(edited) = edits.find(|edited| is_early(*edited)) {
            wrong.push(format!(
                "[edits] {subject} was edited at {edited}, and asked about already at {at}"
            ));
        }
    }
    for (id, deal) in &evidence.office.deals {
        one(evidence, *id, deal, wrong);
    }
}

fn one(evidence: &Evidence<'_>, id: i64, deal: &Deal, wrong: &mut Vec<String>) {
    let mut cases = evidence.cases.iter();
    let asked = cases.find(|case| is_about(case, id) && case.facts.code == CHANGED);
    let Some(asked) = asked.filter(|_| !deal.deleted) else {
        return;
    };
    let owns = evidence.accounting.organizations.values();
    let histories = owns.flat_map(|own| &own.bill_versions);
    let mut histories = histories.filter(|all| {
        let first = all.first();
        first.is_some_and(|first| is_bill_of(evidence, first, id))
    });
    let (Some(history), None) = (histories.next(), histories.next()) else {
        return;
    };
    let (Some(first), Some(bill)) = (history.first(), history.last()) else {
        return;
    };
    let words = asked.facts.facts.get("choices").and_then(Value::as_array);
    let mut words = words.into_iter().flatten();
    let offers = words.any(|choice| choice.get("word").is_some_and(|word| word == "reissue"));
    let is_paid = money::word(evidence, bill).is_some();
    if offers && is_paid {
        wrong.push(format!(
            "[edits] bill № {} of deal {id} got money, and another in its place is offered",
            bill.number
        ));
    }
    let Some(last) = deal.versions.last() else {
        return;
    };
    let is_judged = first.meta.created_by == CreatedBy::Api
        && bill.state == BillState::Open
        && parts::part_of(first).is_none()
        && is_complete(evidence, last);
    if !is_judged {
        return;
    }
    // Where it stands as it was issued, and lacks nothing, another can take its place.
    if !offers && !is_paid && bill.paid_sum.0 == 0 && bill.sum == first.sum {
        wrong.push(format!(
            "[edits] nothing is paid of bill № {} of deal {id}, and no other in its place is offered",
            bill.number
        ));
    }
    if asks_as(first, last) && !is_for_another(evidence, first, last) {
        wrong.push(format!(
            "[edits] deal {id} is as bill № {} again, and is asked about",
            bill.number
        ));
    }
    rows(id, first, last, &asked.facts.text, wrong);
}

/// Each row that is another than that of the bill is named, and no other is.
fn rows(id: i64, bill: &Bill, last: &Version, text: &str, wrong: &mut Vec<String>) {
    let most = bill.items.len().max(last.lines.len());
    for place in 0..most {
        let number = place.saturating_add(1);
        let (item, line) = (bill.items.get(place), last.lines.get(place));
        let said = match (item, line) {
            (Some(_), Some(_)) => format!("строка {number}: была "),
            (Some(_), None) => format!("строка {number} убрана: "),
            (None, _) => format!("строка {number} добавлена: "),
        };
        let is_same = item.zip(line).is_some_and(|(item, line)| {
            let (mut bill, mut version) = (bill.clone(), last.clone());
            bill.items = vec![item.clone()];
            version.lines = vec![line.clone()];
            asks_as(&bill, &version)
        });
        if text.contains(&said) == is_same {
            wrong.push(format!(
                "[edits] deal {id}: row {number} is the same: {is_same}, and the question says: {text}"
            ));
        }
    }
}
