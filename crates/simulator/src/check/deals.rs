//! Deals on the portal: who wants an invoice has one and shows it truly; who lacks something has a question; what
//! was there before us is untouched.

use std::sync::Arc;

use emulator_bitrix24::What;
use emulator_kontur_accounting::{Bill, BillState, CreatedBy};

use super::adopted::adopted_by;
use super::asked_for::asked_for;
use super::bills::{asks_as, is_sample};
use super::buyers::is_for_another;
use super::contracts::is_agreed;
use super::requisites::{has_contract, is_whole};
use super::{Evidence, deal_of, is_our_write, is_wanted, slot_of, stages};
use super::{belated, restored};
use super::{new_year, own_invoices, production, regimes, sellers, typed};
use crate::chance::oddities::STRANGE_RATE;
use crate::habits::branches;
use crate::habits::parts::Part;
use crate::offices::links;
use crate::offices::office;
use crate::people::managers::ENDED_RATE;
use crate::people::remembered::{Deal, Version};
use jiff::{SignedDuration, Timestamp};
use planner::{Attach, Mode, SmartInvoices};

/// Stages in which a deal is over.
pub(super) const CLOSED: [&str; 2] = ["WON", office::LOST];

/// What may stand before an invoice.
pub(super) const BEFORE_ISSUE: [&str; 6] = [
    "DEAL-DATA-MISSING",
    typed::ASKED,
    "VAT-RATE-ENDED",
    "COUNTERPARTY-AMBIGUOUS",
    "COUNTERPARTY-NEW",
    "ACTION-REFUSED",
];

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for (id, deal) in &evidence.office.deals {
        one(evidence, *id, deal, wrong);
    }
    old_ones(evidence, wrong);
}

/// [start] Deals that stood in their stage before the start are not written.
fn old_ones(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for id in evidence.office.portal.deals() {
        if evidence.office.deals.contains_key(&id) {
            continue;
        }
        let written = evidence.portal.writes_to("deal", id).any(is_our_write);
        let told = !evidence.office.portal.comments_of_deal(id).is_empty();
        if written || told {
            wrong.push(format!("[start] old deal {id} was touched"));
        }
    }
}

fn one(evidence: &Evidence<'_>, id: i64, deal: &Deal, wrong: &mut Vec<String>) {
    let mut bills: Vec<&Arc<Bill>> = evidence
        .accounting
        .bills()
        .filter(|bill| is_bill_of(evidence, bill, id))
        .collect();
    if evidence.weather.customs.sellers.is_some() {
        // They stand in the books of two organisations.
        bills.sort_by_key(|bill| bill.meta.created_at);
    }
    // One by hand that was taken over wants nothing of the deal.
    let is_adopted = |bill: &&Arc<Bill>| adopted_by(evidence, bill).is_some();
    let is_ordered = deal.ordered || bills.iter().any(is_adopted);
    let history = stages(&evidence.portal, id);
    // The last one stands for the deal.
    let Some(bill) = bills.last() else {
        return without(evidence, id, deal, is_wanted(evidence, id), wrong);
    };
    if deal.outside && !is_ordered {
        wrong.push(format!("deal {id} is outside the pilot and has a bill"));
    }
    // One that came when nobody waited for it, or that is not known any more, was not made after it was left out.
    let is_old = restored::is_forgotten(evidence, id) || belated::is_met(evidence, id);
    // Its moment goes by the accounting side's clock. With a backup a question comes back whose deals were billed since.
    let skew = SignedDuration::from_secs(evidence.weather.skew.1);
    let is_since = |left: Timestamp| bill.meta.created_at.duration_since(left) > skew;
    if deal.left_out.is_some_and(is_since) && !is_ordered && !is_old {
        wrong.push(format!("deal {id} was left out and has a bill"));
    }
    if !history.iter().any(|(_, stage)| stage == office::INVOICE) && !is_ordered {
        wrong.push(format!("deal {id} never wanted the bill that it has"));
    }
    if is_old {
        return;
    }
    if deal.deleted {
        // What a person brings back is his own affair.
        let lives = |bill: &&&Arc<Bill>| bill.is_live() && !was_brought_back(evidence, bill);
        if let Some(bill) = bills.iter().find(lives)
            && !asks(evidence, id, &["DEAL-DELETED"])
        {
            wrong.push(format!(
                "[I-4] deal {id} is deleted, its bill № {} lives, nobody is asked",
                bill.number
            ));
        }
        return;
    }
    // Where nothing is done its bill is looked after no more.
    if production::is_closed(evidence, id).is_some() {
        return;
    }
    if bills.len() > 1 && !deal.parts.is_empty() {
        return several(evidence, id, deal, &bills, wrong);
    }
    asked(evidence, id, deal, bill, &history, wrong);
    // One that was given up for another is shown no further.
    if !waits_for_another(evidence, id, deal) {
        shown(evidence, id, bill, wrong);
        entries(evidence, id, bill, wrong);
    }
}

/// Whether a bill is a deal's: made by us for it, or made by hand and taken over.
pub(super) fn is_bill_of(evidence: &Evidence<'_>, bill: &Bill, deal: i64) -> bool {
    let marked = bill.comment.as_deref().and_then(deal_of);
    let is_ours = bill.meta.created_by == CreatedBy::Api && marked == Some(deal);
    is_ours || adopted_by(evidence, bill) == Some(deal)
}

/// Of several bills beside one another the deal shows one that stands, if any does, and tells of each.
fn several(
    evidence: &Evidence<'_>,
    id: i64,
    deal: &Deal,
    bills: &[&Arc<Bill>],
    wrong: &mut Vec<String>,
) {
    if waits_for_another(evidence, id, deal) {
        return;
    }
    let number = evidence.office.portal.deal_field(id, office::NUMBER);
    // One that another took the place of stands no more, also while nobody has cancelled it.
    let is_last = |bill: &Bill| !bills.iter().any(|other| is_later(other, bill));
    let stands = bills.iter().any(|bill| bill.is_live() && is_last(bill));
    let of_number = |bill: &&&Arc<Bill>| bill.number == number;
    match bills.iter().find(of_number) {
        Some(bill) if bill.is_live() || !stands => shown(evidence, id, bill, wrong),
        Some(_) | None if asks(evidence, id, &["FIELD-NOT-KEPT"]) => {}
        Some(_) | None => wrong.push(format!(
            "[I-21] deal {id} has {} bills and shows `{number}`",
            bills.len()
        )),
    }
    for bill in bills.iter().filter(|bill| bill.is_live()) {
        // Of one that another took the place of nothing more is told.
        if is_last(bill) {
            entries(evidence, id, bill, wrong);
        }
    }
}

/// Whether one bill is of the same kind as another and was meant to take its place.
pub(super) fn is_later(one: &Bill, than: &Bill) -> bool {
    let slot = |bill: &Bill| {
        let (kind, generation) = slot_of(bill.comment.as_deref()?)?;
        Some((kind.to_owned(), generation))
    };
    match (slot(one), slot(than)) {
        (Some(one), Some(than)) => one.0 == than.0 && one.1 > than.1,
        (None, _) | (_, None) => false,
    }
}

/// Whether a person took the bill back and then put it there again.
pub(super) fn was_brought_back(evidence: &Evidence<'_>, bill: &Bill) -> bool {
    let owns = evidence.accounting.organizations.values();
    let mut histories = owns.flat_map(|own| own.bill_versions.iter());
    let is_its = |history: &&Vec<Arc<Bill>>| {
        let first = history.first();
        first.is_some_and(|first| first.meta.id == bill.meta.id)
    };
    let history = histories.find(is_its);
    history.is_some_and(|history| history.iter().any(|version| !version.is_live()))
}

/// Whether its bill was given up for another by a person's order, and that one waits for what is missing.
pub(super) fn waits_for_another(evidence: &Evidence<'_>, id: i64, deal: &Deal) -> bool {
    let is_wanted = deal.ordered || !deal.replaced.is_empty();
    is_wanted && asks(evidence, id, &BEFORE_ISSUE)
}

/// [I-4] Nothing waits invisibly.
fn without(evidence: &Evidence<'_>, id: i64, deal: &Deal, wanted: bool, wrong: &mut Vec<String>) {
    if deal.deleted {
        let left = |case: &&store::Case| is_about(case, id) && case.facts.code != "OUTCOME-UNKNOWN";
        if evidence.cases.iter().any(|case| left(&case)) {
            wrong.push(format!("deal {id} is gone and left a question"));
        }
        return;
    }
    let Some(last) = deal.versions.last() else {
        return;
    };
    if production::is_closed(evidence, id) == Some(Mode::WatchOnly) {
        return watched(evidence, id, deal, last, wrong);
    }
    let wanted = wanted && !deal.outside && !deal.is_template();
    let complete = is_complete(evidence, last)
        && has_contract(evidence, deal)
        && sellers::is_clear(evidence, id, last);
    let ambiguous = asks(
        evidence,
        id,
        &["COUNTERPARTY-AMBIGUOUS", "COUNTERPARTY-NEW"],
    );
    // The accounting side takes no bill with it, whatever a person decided.
    let old_rate = last.lines.iter().any(|line| line.vat == ENDED_RATE)
        && asks(evidence, id, &["VAT-RATE-ENDED", "ACTION-REFUSED"]);
    // How much an advance is to be nobody has said, or so much as cannot be: that is asked before anything else.
    let is_agreed = evidence.weather.parts && last.share.is_none();
    let unsaid = !is_agreed
        && deal.parts.iter().any(|(_, part)| *part == Part::Advance)
        && asks(evidence, id, &["DEAL-DATA-MISSING"]);
    let stopped =
        ambiguous || old_rate || unsaid || deal.left_out.is_some() || is_stopped(evidence, id);
    // Which of the two sums holds is for a person to say.
    let stopped = stopped || !typed::agrees(last) && asks(evidence, id, &[typed::ASKED]);
    if wanted && complete && !stopped {
        wrong.push(format!(
            "[I-4] deal {id} wants an invoice, lacks nothing and has none"
        ));
    }
    // Whoever left it to the portal's own invoice wants none of ours, whatever it would lack.
    let is_left = deal.left_out.is_some() || own_invoices::is_kept(evidence, id);
    let missing = wanted && !complete && !old_rate && !is_left;
    if missing && !asks(evidence, id, &["DEAL-DATA-MISSING"]) {
        wrong.push(format!("[I-4] deal {id} lacks data and nobody is asked"));
    }
    if !wanted && !deal.ordered && asks(evidence, id, &["DEAL-DATA-MISSING"]) {
        wrong.push(format!("deal {id} wants nothing and somebody is asked"));
    }
}

/// [watched] Where deals are only watched it stands with the questions what one would lack; and what would be issued, where it
/// lacks nothing.
fn watched(evidence: &Evidence<'_>, id: i64, deal: &Deal, last: &Version, wrong: &mut Vec<String>) {
    let is_plain = !deal.outside
        && !deal.is_template()
        && !deal.ordered
        && deal.left_out.is_none()
        && deal.parts.is_empty()
        && evidence.restored.is_none();
    let complete = is_complete(evidence, last)
        && has_contract(evidence, deal)
        && sellers::is_clear(evidence, id, last)
        && typed::agrees(last)
        && last.lines.iter().all(|line| line.vat != ENDED_RATE);
    let is_asked = evidence.cases.iter().any(|case| is_about(case, id));
    let is_wanted = is_plain && complete && production::would_want(evidence, id);
    if is_wanted && !is_asked && !is_stopped(evidence, id) {
        wrong.push(format!(
            "[watched] deal {id} lacks nothing, is only watched, and nothing is foretold of it"
        ));
    }
}

/// Whether the portal's own invoice stands before ours: a person is asked, or decided for it, or its number is another's on
/// the accounting side.
fn is_stopped(evidence: &Evidence<'_>, id: i64) -> bool {
    let own = evidence.weather.customs.own_invoices.as_ref();
    let adopts = own.is_some_and(|own| own.policy == SmartInvoices::Adopt);
    let has_own = !own_invoices::live_at_the_end(evidence, id).is_empty();
    let is_taken = adopts && has_own && asks(evidence, id, &["ACTION-REFUSED"]);
    own.is_some()
        && (asks(evidence, id, &[own_invoices::ASKED])
            || own_invoices::is_kept(evidence, id)
            || is_taken)
}

/// Whether nothing is missing for an invoice.
pub(super) fn is_complete(evidence: &Evidence<'_>, last: &Version) -> bool {
    let office = evidence.office;
    let has_lines = if last.rules.is_some() {
        asked_for(last).is_some()
    } else {
        let mut lines = last.lines.iter();
        !last.lines.is_empty()
            && lines.all(|line| line.vat != STRANGE_RATE)
            && regimes::is_lawful(evidence, last)
            && new_year::is_lawful(evidence, last)
    };
    let is_known = |number: u32| {
        let buyer = office.buyers.get(&number);
        buyer.is_some_and(|buyer| buyer.with_kpp)
            || office.foreigners.contains_key(&number)
            || branches::of_number(number).is_some_and(|(_, branch)| branch > 0)
            || is_whole(evidence, number)
    };
    has_lines && is_agreed(last) && last.buyer.is_some_and(is_known)
}

/// [I-21] The deal shows the invoice as it is.
fn shown(evidence: &Evidence<'_>, id: i64, bill: &Bill, wrong: &mut Vec<String>) {
    if asks(evidence, id, &["FIELD-NOT-KEPT"]) {
        return;
    }
    let status = match bill.state {
        BillState::Open => super::money::word(evidence, bill).unwrap_or("Выставлен"),
        BillState::Deleted => "Удалён в учёте",
        BillState::Cancelled | BillState::Rejected => "Отменён",
    };
    let field = |name: &str| evidence.office.portal.deal_field(id, name);
    let page = links::page_of(evidence.place, &bill.meta.id.to_string());
    if evidence.weather.customs.links && field(links::LINK) != page {
        wrong.push(format!(
            "[I-21] deal {id} leads to `{}`, its bill is at `{page}`",
            field(links::LINK)
        ));
    }
    let sum = format!("{}.{:02}|RUB", bill.sum.0 / 100, bill.sum.0 % 100);
    let date = bill.date.to_string();
    let shown_date = field(office::DATE);
    let shown_date = shown_date.get(..10).unwrap_or(&shown_date);
    for (what, is, shall) in [
        ("number", field(office::NUMBER), bill.number.clone()),
        ("status", field(office::STATUS), status.to_owned()),
        ("sum", field(office::SUM), sum),
        ("date", shown_date.to_owned(), date),
    ] {
        if is != shall {
            wrong.push(format!(
                "[I-21] deal {id} shows the {what} `{is}`, its bill has `{shall}`"
            ));
        }
    }
}

/// [I-4] What drifted apart is asked about.
fn asked(
    evidence: &Evidence<'_>,
    id: i64,
    deal: &Deal,
    bill: &Bill,
    history: &[(Timestamp, String)],
    wrong: &mut Vec<String>,
) {
    let issued = evidence
        .accounting
        .organizations
        .values()
        .flat_map(|own| own.bill_versions.iter())
        .filter_map(|history| history.first())
        .find(|first| first.meta.id == bill.meta.id);
    let Some(issued) = issued else {
        return;
    };
    let wanted = match bill.state {
        BillState::Deleted => Some("INVOICE-DELETED"),
        BillState::Cancelled => Some("INVOICE-CANCELLED"),
        BillState::Open if bill.sum != issued.sum => Some("INVOICE-EDITED"),
        BillState::Open | BillState::Rejected => None,
    };
    let waits = waits_for_another(evidence, id, deal);
    if let Some(code) = wanted {
        let is_meant = deal.taken_back && bill.state != BillState::Open;
        if !waits && !is_meant && !asks(evidence, id, &[code]) {
            wrong.push(format!(
                "[I-4] bill № {} of deal {id}: no {code}",
                bill.number
            ));
        }
        return;
    }
    let last = deal.versions.last();
    let same = last.is_some_and(|last| {
        asks_as(issued, last)
            && !is_for_another(evidence, issued, last)
            && !sellers::is_by_another(evidence, id, issued, last)
    });
    let left = deal.is_left();
    // What is sold or lost is not compared any more.
    let closed = history
        .last()
        .is_some_and(|(_, stage)| CLOSED.contains(&stage.as_str()));
    // One whose answer was lost and that was found when the deal had changed already is asked about as if the accountant
    // had edited it: its sum is not the one that was wanted by then.
    let asked = asks(
        evidence,
        id,
        &["DEAL-CHANGED-AFTER-INVOICE", "INVOICE-EDITED"],
    );
    if !same && !left && !waits && !closed && !asked {
        wrong.push(format!(
            "[I-4] deal {id} was changed after its bill № {} and nobody is asked",
            bill.number
        ));
    }
}

/// One timeline entry for each invoice, with its file.
fn entries(evidence: &Evidence<'_>, id: i64, bill: &Bill, wrong: &mut Vec<String>) {
    // Two organisations give the same numbers, and so do two years; an entry names neither.
    let is_namesake =
        |other: &&Arc<Bill>| other.number == bill.number && is_bill_of(evidence, other, id);
    let namesakes = evidence.accounting.bills().filter(is_namesake);
    let customs = &evidence.weather.customs;
    let may_be = customs.sellers.is_some() || customs.new_year.is_some();
    if may_be && namesakes.count() > 1 {
        return;
    }
    let is_adopted = adopted_by(evidence, bill).is_some();
    let said = if is_adopted {
        "привязан выставленный раньше счёт"
    } else if is_sample(bill) {
        "Образец, не оплачивать: выставлен тестовый счёт"
    } else {
        "Выставлен счёт"
    };
    let said = format!("{said} № {} ", bill.number);
    let comments = evidence.office.portal.comments_of_deal(id);
    let about: Vec<usize> = comments
        .iter()
        .filter(|(text, _)| text.contains(&said))
        .map(|(_, files)| *files)
        .collect();
    let ever = evidence
        .portal
        .writes_of("timeline_comment")
        .filter(|entry| is_entry_of(entry, id, &said))
        .count();
    // What was forgotten with an entry is told once more.
    if ever > 1 + usize::from(evidence.restored.is_some()) {
        wrong.push(format!("deal {id} got {ever} entries about one invoice"));
    }
    let stuck = asks(
        evidence,
        id,
        &["OUTCOME-UNKNOWN", "ACTION-REFUSED", "TRIED-TOO-OFTEN"],
    );
    if stuck || bill.state == BillState::Deleted {
        return;
    }
    if evidence.restored.is_some() {
        let taken_over = format!("счёт № {} ", bill.number);
        if !comments.iter().any(|(text, _)| text.contains(&taken_over)) {
            wrong.push(format!("deal {id} tells nothing of bill № {}", bill.number));
        }
        return;
    }
    let files = usize::from(evidence.weather.attach != Attach::Nothing && !is_adopted);
    if about != [files] {
        wrong.push(format!(
            "deal {id}: entries about bill № {} with so many files: {about:?}, not [{files}]",
            bill.number
        ));
    }
}

fn is_entry_of(entry: &emulator_bitrix24::Entry, deal: i64, said: &str) -> bool {
    let What::Write {
        before: None,
        after: Some(after),
        ..
    } = &entry.what
    else {
        return false;
    };
    let text = after.get("COMMENT").and_then(serde_json::Value::as_str);
    let of = after.get("ENTITY_ID").and_then(serde_json::Value::as_i64);
    of == Some(deal) && text.is_some_and(|text| text.contains(said))
}

pub(crate) fn is_about(case: &store::Case, deal: i64) -> bool {
    case.facts.subject.kind == store::SubjectKind::Deal && case.facts.subject.id == deal.to_string()
}

/// Whether a question of one of these codes is open about a deal.
pub(super) fn asks(evidence: &Evidence<'_>, deal: i64, codes: &[&str]) -> bool {
    evidence
        .cases
        .iter()
        .any(|case| is_about(case, deal) && codes.contains(&case.facts.code.as_str()))
}
