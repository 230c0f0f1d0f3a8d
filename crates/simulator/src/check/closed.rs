//! [I-4, I-7] Bills that a mark of the accounting side closed: by a person's word alone, once for each word, with just
//! what was open then, by the mark that was there; and asked about once it is gone.
//!
//! Not here: that deals show it (`money`, `deals`, `ledger`, `told`), what people close at our desk (`desk`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use emulator_kontur_accounting::Bill;
use engine::clock::later;
use jiff::Timestamp;

use super::bills::versions_of;
use super::deals::{CLOSED, asks, is_bill_of};
use super::lost::is_seen_to_its_end;
use super::marked::is_marked;
use super::{Evidence, deal_of, stages, true_moment};
use crate::days::day::secs;
use crate::evidence::records::Entry;
use crate::people::administrator::MARK_GONE;
use crate::people::bank::today;
use crate::people::closer::{Closing, REOPENS, standing};
use crate::people::presses::Outcome;
use crate::people::remembered::Deal;

/// What proves a closing; the bill's number follows.
const DOCUMENT: &str = "Отметка в учёте об оплате счёта № ";

/// So long after all troubles it may still be asked about a mark that went while they lasted.
const CALM: Duration = secs(7_200);

/// A time that a bill was marked: since when, and until when where the mark went.
type Spell = (Timestamp, Option<Timestamp>);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    // Where somebody works at the desk, `desk` judges.
    if evidence.weather.customs.cashier.is_some() {
        return;
    }
    let closings = evidence.closer.map(|closer| &closer.closings);
    let closings = closings.map_or(&[][..], Vec::as_slice);
    for closing in closings {
        obeyed_once(evidence, closing, wrong);
        refused_for_a_reason(evidence, closing, wrong);
    }
    for one in settlements(evidence) {
        let mut closings = closings.iter();
        match closings.find(|closing| closing.by == one.author) {
            Some(closing) => just_what_was_open(evidence, closing, one, wrong),
            None => wrong.push(format!(
                "[I-7] transaction {} closes a bill in the name of `{}`, who ordered nothing",
                one.transaction, one.author
            )),
        }
        taken_back(evidence, one, wrong);
    }
    for (id, deal) in &evidence.office.deals {
        let bills = evidence.accounting.bills();
        let bills = bills.filter(|bill| is_bill_of(evidence, bill, *id));
        let bills: Vec<&Arc<Bill>> = bills.collect();
        if evidence.closer.is_some() && is_seen_to_its_end(evidence, *id, deal, &bills) {
            asked_of_gone(evidence, *id, deal, &bills, wrong);
        }
    }
}

/// What ever closed a bill without a payment.
fn settlements<'a>(evidence: &'a Evidence<'_>) -> impl Iterator<Item = &'a Entry> {
    let of_bills = evidence.ledger.of_bills();
    of_bills.filter(|one| one.kind == "settlement")
}

/// The days of what closes a bill without a payment.
pub(super) fn days(evidence: &Evidence<'_>, bill: &str) -> Vec<String> {
    let closed = standing(&evidence.ledger).into_iter();
    let of_bill = closed.filter(|one| one.bill.as_deref() == Some(bill));
    of_bill.map(|one| one.dated.clone()).collect()
}

/// [I-7] However often it was pressed and whatever broke off, it is done once, or not at all and refused.
fn obeyed_once(evidence: &Evidence<'_>, closing: &Closing, wrong: &mut Vec<String>) {
    let Closing { by, said, .. } = closing;
    let (mut obeyed, mut broken_off) = (0_usize, 0_usize);
    for (outcome, is_doomed) in said {
        match outcome {
            Outcome::Obeyed { .. } => obeyed += 1,
            Outcome::BrokenOff(_) if *is_doomed => broken_off += 1,
            Outcome::BrokenOff(why) => {
                wrong.push(format!("[I-4] {by} broke off of itself: {why}"));
            }
            Outcome::Refused(why) if why.trim().is_empty() => {
                wrong.push(format!("{by} was refused without a word"));
            }
            Outcome::Refused(_) => {}
        }
    }
    let done = settlements(evidence)
        .filter(|one| one.author == *by)
        .count();
    let fits = match (obeyed, broken_off) {
        (0, 0) => done == 0,
        (0, _) => done <= 1,
        (1, _) => done == 1,
        (_, _) => false,
    };
    if !fits {
        wrong.push(format!(
            "[I-7] {by} was told {said:?}, the ledger has it {done} times"
        ));
    }
}

/// [I-4] What is asked just so still is refused only where nothing is open of the bill any more.
fn refused_for_a_reason(evidence: &Evidence<'_>, closing: &Closing, wrong: &mut Vec<String>) {
    let Closing { by, said, .. } = closing;
    // Where the machine's clock was set, our records say another time.
    let in_vain = closing.in_vain.as_ref();
    let Some((at, bill)) = in_vain.filter(|_| evidence.jumps.is_empty()) else {
        return;
    };
    let got = evidence.ledger.of_bills();
    let got = got.filter(|one| one.at <= *at && one.bill.as_ref() == Some(bill));
    let got: i64 = got.map(|one| one.kopecks).sum();
    let versions = versions_of(evidence, bill);
    // Which of its sums we knew by then depends on when we heard of an edit.
    if versions.iter().all(|one| got < one.sum.0) {
        wrong.push(format!(
            "[I-4] {by} was told {said:?}, and it is asked about bill `{bill}` still, which got {got} kopecks"
        ));
    }
}

/// [I-7] It is of the deal that was asked about, of a bill that was marked, by its mark, and with what came before it
/// comes to what some version of the bill asked for.
fn just_what_was_open(
    evidence: &Evidence<'_>,
    closing: &Closing,
    one: &Entry,
    wrong: &mut Vec<String>,
) {
    let name = format!(
        "transaction {} of {}: {} kopecks for bill {:?}",
        one.transaction, one.author, one.kopecks, one.bill
    );
    let mut versions = versions_of(evidence, one.bill.as_deref().unwrap_or_default());
    let of_deal = |bill: &&Arc<Bill>| bill.comment.as_deref().and_then(deal_of);
    if versions.first().and_then(of_deal) != Some(closing.deal) {
        wrong.push(format!(
            "[I-7] {name}, and deal {} was asked about",
            closing.deal
        ));
    }
    // Where the machine's clock was set, our records say another time.
    let is_timed = evidence.jumps.is_empty();
    let spells = spells(evidence, &versions);
    versions.retain(|bill| !is_timed || changed(evidence, bill) <= one.at);
    let documents = versions.iter();
    let documents = documents.map(|bill| format!("{DOCUMENT}{}", bill.number));
    let documents: Vec<String> = documents.collect();
    let is_by_mark =
        |(kind, document): &(String, String)| kind == "marked_paid" && documents.contains(document);
    if !one.settled.as_ref().is_some_and(is_by_mark) {
        wrong.push(format!(
            "[I-7] {name}, as {:?}, and by its mark it is one of {documents:?}",
            one.settled
        ));
    }
    let posted = evidence.ledger.of_bills();
    let before =
        posted.filter(|other| other.bill == one.bill && other.transaction < one.transaction);
    let before: i64 = before.map(|other| other.kopecks).sum();
    // Which of its sums we knew by then depends on when we heard of an edit.
    let sums: BTreeSet<i64> = versions.iter().map(|bill| bill.sum.0).collect();
    if one.kopecks <= 0 || !sums.contains(&before.saturating_add(one.kopecks)) {
        wrong.push(format!(
            "[I-7] {name}, it had {before}, and it asked for {sums:?}"
        ));
    }
    let is_of = |(since, gone): &Spell| {
        let days = today(*since).to_string()..=today(one.at).to_string();
        let is_there = gone.is_none_or(|gone| one.at <= heard_of(evidence, gone));
        *since <= one.at && is_there && days.contains(&one.dated)
    };
    if is_timed && !spells.iter().any(is_of) {
        wrong.push(format!(
            "[I-7] {name}, of {}, at {}; it was marked at {spells:?}",
            one.dated, one.at
        ));
    }
}

/// When a bill was marked. A mark that came again before we had to know that it was gone is one with the former.
fn spells(evidence: &Evidence<'_>, versions: &[&Arc<Bill>]) -> Vec<Spell> {
    let mut spells: Vec<Spell> = Vec::new();
    for bill in versions {
        let at = changed(evidence, bill);
        let is_unheard = |gone: Timestamp| at <= heard_of(evidence, gone);
        match spells.last_mut() {
            Some((_, gone)) if !is_marked(bill) => *gone = gone.or(Some(at)),
            Some((_, gone)) if gone.is_none_or(is_unheard) => *gone = None,
            Some(_) | None if is_marked(bill) => spells.push((at, None)),
            Some(_) | None => {}
        }
    }
    spells
}

/// When we have heard of what became of a bill, at the latest.
fn heard_of(evidence: &Evidence<'_>, at: Timestamp) -> Timestamp {
    later(at, evidence.weather.day.saturating_add(CALM))
}

/// When this became of a bill.
fn changed(evidence: &Evidence<'_>, bill: &Bill) -> Timestamp {
    true_moment(bill.meta.changed_at, evidence.weather.skew.1)
}

/// [I-7] It stands until somebody takes it back, and is taken back once.
fn taken_back(evidence: &Evidence<'_>, one: &Entry, wrong: &mut Vec<String>) {
    let posted = evidence.ledger.of_bills();
    let back = posted.filter(|other| other.undoes == Some(one.transaction));
    let back: Vec<(&str, i64)> = back.map(|one| (one.author.as_str(), one.kopecks)).collect();
    let reopened = evidence.closer.map(|closer| &closer.reopened);
    let shall = if reopened.is_some_and(|all| all.contains(&one.transaction)) {
        vec![(REOPENS, one.kopecks.saturating_neg())]
    } else {
        Vec::new()
    };
    if back != shall {
        wrong.push(format!(
            "[I-7] transaction {} was taken back as {back:?}, people wanted {shall:?}",
            one.transaction
        ));
    }
}

/// [I-4] What is closed by a mark that is gone is asked about until the mark comes again, the closing goes, or somebody
/// lets it stand.
fn asked_of_gone(
    evidence: &Evidence<'_>,
    id: i64,
    deal: &Deal,
    bills: &[&Arc<Bill>],
    wrong: &mut Vec<String>,
) {
    let unmarked = bills.iter();
    let unmarked = unmarked.filter(|bill| bill.is_live() && !is_marked(bill));
    let unmarked: Vec<String> = unmarked.map(|bill| bill.meta.id.to_string()).collect();
    let closed = standing(&evidence.ledger).into_iter();
    let missed = closed.filter(|one| {
        let is_unmarked = one
            .bill
            .as_ref()
            .is_some_and(|bill| unmarked.contains(bill));
        is_unmarked && !deal.closing_left.contains(&one.transaction)
    });
    let missed: Vec<i64> = missed.map(|one| one.transaction).collect();
    let history = stages(&evidence.portal, id);
    // A deal that is over is not looked at each night.
    let is_over = history
        .last()
        .is_some_and(|(_, stage)| CLOSED.contains(&stage.as_str()));
    let is_asked = asks(evidence, id, &[MARK_GONE]);
    if is_asked == missed.is_empty() && (is_asked || !is_over) {
        wrong.push(format!(
            "[I-4] deal {id}: transactions {missed:?} closed bills whose marks are gone, asked is {is_asked}"
        ));
    }
}
