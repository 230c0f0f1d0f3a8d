//! [I-1] Buyers with several requisites, or not all of one: no invoice before what it needs stands there, it is for the very
//! requisite that the deal means, and its basis is the deal's contract; and who is asked is told just what is missing.

use emulator_kontur_accounting::Bill;

use super::Evidence;
use super::bills::{asked_by, first_of, made_between, ours, sent_at};
use super::deals::is_about;
use crate::people::papers::{Nobody, Paper, Part};
use crate::people::remembered::Deal;

/// What may be missing, in the words of the question.
const WORDS: [&str; 10] = [
    "не указано название покупателя",
    "не указан ИНН покупателя",
    "не указан КПП покупателя",
    "не указан адрес покупателя",
    "не указан счёт покупателя в банке",
    "у покупателя несколько реквизитов",
    "выбраны реквизиты другого покупателя",
    "только реквизит с адресом",
    "не заполнены реквизиты",
    NO_CONTRACT,
];
const NO_CONTRACT: &str = "не указан номер договора";

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.requisites.is_none() {
        return;
    }
    for (deal, known, bill) in ours(evidence) {
        of_whole(evidence, deal, known, bill, wrong);
        by_contract(evidence, deal, known, bill, wrong);
    }
    for (id, deal) in &evidence.office.deals {
        asked(evidence, *id, deal, wrong);
    }
}

/// Whether a bill is for this requisite.
pub(super) fn is_for(bill: &Bill, paper: &Paper) -> bool {
    let contractor = &bill.contractor;
    contractor.inn.as_deref() == Some(paper.inn.as_str())
        && contractor.kpp.as_deref().unwrap_or_default() == paper.kpp.as_deref().unwrap_or_default()
}

/// Whether a buyer's number is a requisite that lacks nothing.
pub(super) fn is_whole(evidence: &Evidence<'_>, number: u32) -> bool {
    let office = evidence.office;
    let needed = |paper: &Paper| paper.needed(&office.demand);
    office
        .varied
        .paper(number)
        .is_some_and(|paper| needed(paper).iter().all(|part| paper.has(*part)))
}

/// Whether a deal has the contract that its invoice needs.
pub(super) fn has_contract(evidence: &Evidence<'_>, deal: &Deal) -> bool {
    !evidence.office.needs_contract() || deal.contract.is_some()
}

/// What its requisite needs stood there at some moment between the reading and the sending.
fn of_whole(evidence: &Evidence<'_>, id: i64, deal: &Deal, bill: &Bill, wrong: &mut Vec<String>) {
    let Some((from, sent)) = made_between(evidence, id, bill) else {
        return;
    };
    let office = evidence.office;
    let named = asked_by(bill, deal, from).into_iter();
    let numbers = named.filter_map(|version| version.buyer);
    let papers: Vec<&Paper> = numbers
        .filter_map(|number| office.varied.paper(number))
        .filter(|paper| is_for(bill, paper))
        .collect();
    let was_whole = |paper: &&Paper| {
        let needed = paper.needed(&office.demand);
        needed.iter().all(|part| paper.had(*part, from, sent))
    };
    if !papers.is_empty() && !papers.iter().any(was_whole) {
        wrong.push(format!(
            "[requisites] bill № {} of deal {id} was made while {papers:?} lacked something",
            bill.number
        ));
    }
}

fn by_contract(
    evidence: &Evidence<'_>,
    id: i64,
    deal: &Deal,
    bill: &Bill,
    wrong: &mut Vec<String>,
) {
    let Some(sent) = sent_at(evidence, id, bill) else {
        return;
    };
    if !evidence.office.needs_contract() {
        return;
    }
    let known = deal.contract.as_ref().filter(|(at, _)| *at <= sent);
    let Some((_, number)) = known else {
        wrong.push(format!(
            "[requisites] bill № {} of deal {id} was made without a contract",
            bill.number
        ));
        return;
    };
    let basis = bill.reason.as_ref().map(|reason| reason.name.as_str());
    let shall = format!("Договор № {number}");
    // The register's basis is not mirrored.
    if evidence.register.is_none() && basis != Some(shall.as_str()) {
        wrong.push(format!(
            "[requisites] bill № {} of deal {id} names {basis:?}, its deal has {shall}",
            bill.number
        ));
    }
}

/// The question about a deal without a bill names what it lacks, and nothing else.
fn asked(evidence: &Evidence<'_>, id: i64, deal: &Deal, wrong: &mut Vec<String>) {
    let is_missing = |case: &&store::Case| case.facts.code == "DEAL-DATA-MISSING";
    let mut about = evidence.cases.iter().filter(|case| is_about(case, id));
    let Some(case) = about.find(is_missing) else {
        return;
    };
    // How much a part is to be is asked before anything else.
    if deal.deleted || !deal.parts.is_empty() || first_of(evidence, id).is_some() {
        return;
    }
    let shall = lacks(evidence, id, deal);
    let of_others = evidence.office.varied.meant(id).is_none();
    for word in WORDS {
        let is_said = case.facts.text.contains(word);
        let is_of_buyer = word != NO_CONTRACT;
        if is_said != shall.contains(&word) && !(of_others && is_of_buyer) {
            wrong.push(format!(
                "[requisites] deal {id} lacks {shall:?}, and somebody is asked: {}",
                case.facts.text
            ));
            return;
        }
    }
}

fn lacks(evidence: &Evidence<'_>, id: i64, deal: &Deal) -> Vec<&'static str> {
    let office = evidence.office;
    let mut lacks = Vec::new();
    if !has_contract(evidence, deal) {
        lacks.push(NO_CONTRACT);
    }
    let paper = match office.varied.meant(id) {
        Some(Ok(number)) => office.varied.paper(number),
        Some(Err(why)) => {
            lacks.push(match why {
                Nobody::Several => "у покупателя несколько реквизитов",
                Nobody::OfAnother => "выбраны реквизиты другого покупателя",
                Nobody::OnlyAddress => "только реквизит с адресом",
                Nobody::Nothing => "не заполнены реквизиты",
            });
            None
        }
        None => None,
    };
    let Some(paper) = paper else {
        return lacks;
    };
    let missing = paper.needed(&office.demand).into_iter();
    lacks.extend(
        missing
            .filter(|part| !paper.has(*part))
            .filter_map(|part| match part {
                Part::Name => Some("не указано название покупателя"),
                Part::Inn => Some("не указан ИНН покупателя"),
                // Whether it needs one is told by its INN.
                Part::Kpp => paper.has(Part::Inn).then_some("не указан КПП покупателя"),
                Part::Address => Some("не указан адрес покупателя"),
                Part::Account => Some("не указан счёт покупателя в банке"),
            }),
    );
    lacks
}
