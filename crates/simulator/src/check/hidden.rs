//! A buyer that a right hides from us, or our own company that sells, is neither gone nor without requisites: nothing
//! is made for it, or by it, meanwhile, whoever is asked is asked about the right, and the deal goes on once it is
//! seen again.

use emulator_kontur_accounting::{Bill, CreatedBy};
use jiff::{SignedDuration, Timestamp};

use super::bills::{firsts, made_between};
use super::deals::asks;
use super::{Evidence, deal_of};
use crate::machine::asked::commands;
use crate::machine::network::Remote;

/// The questions about the right.
const ASKED: [&str; 2] = ["BUYER-HIDDEN", "SELLER-HIDDEN"];
/// Is said of our own company, to the administrator alone: a manager sees it.
pub(super) const OF_SELLER: &str = "или не числится среди своих";
/// What is said of a company that has none, and of one that is no more.
pub(super) const WRONG_WORDS: [&str; 3] = [
    "не заполнены реквизиты",
    "не указан покупатель",
    "Сделка удалена",
];
/// How a person is told who must act.
const BELL: &str = "im.notify.system.add";
/// What was to be told before may leave so much later.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(200);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.hides.is_none() {
        return;
    }
    for bill in firsts(evidence).filter(|bill| bill.meta.created_by == CreatedBy::Api) {
        of_seen(evidence, bill, wrong);
    }
    for id in evidence.office.deals.keys() {
        if asks(evidence, *id, &ASKED) {
            wrong.push(format!(
                "[hidden] buyer and seller of deal {id} are seen again, and somebody is asked about a right still"
            ));
        }
    }
    of_gone(evidence, wrong);
    of_seller(evidence, wrong);
}

/// Whether companies were hidden all the time between two moments.
fn is_hidden(evidence: &Evidence<'_>, from: Timestamp, until: Timestamp) -> bool {
    let states = &evidence.office.hidden;
    let before = states.iter().rfind(|(at, _)| *at <= from);
    let mut between = states.iter().filter(|(at, _)| *at > from && *at <= until);
    before.is_some_and(|(_, hidden)| *hidden) && between.all(|(_, hidden)| *hidden)
}

fn of_seen(evidence: &Evidence<'_>, bill: &Bill, wrong: &mut Vec<String>) {
    let Some(deal) = bill.comment.as_deref().and_then(deal_of) else {
        return;
    };
    if let Some((from, sent)) = made_between(evidence, deal, bill)
        && is_hidden(evidence, from, sent)
    {
        let whose = if evidence.weather.customs.hides_seller {
            "by a seller"
        } else {
            "for a buyer"
        };
        wrong.push(format!(
            "[hidden] bill № {} of deal {deal} is {whose} that nobody could see",
            bill.number
        ));
    }
}

/// A deal that has a buyer is not said to have none: its people name another with each edit, so only what was said while
/// nothing could be seen is judged, and of deals that had a buyer all along.
fn of_gone(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let on_portal = evidence
        .seen
        .iter()
        .filter(|seen| seen.remote == Remote::Portal);
    for seen in on_portal {
        let since = seen.at.checked_sub(ON_ITS_WAY).unwrap_or(seen.at);
        if !is_hidden(evidence, since, seen.at) {
            continue;
        }
        let commands = commands(&seen.what, &seen.body);
        let messages = commands.iter().filter(|one| one.method.starts_with("im."));
        for text in messages.filter_map(|one| one.text(&["MESSAGE"])) {
            let of_whole = evidence.office.deals.iter().filter(|(id, deal)| {
                let names = text.contains(&format!("/crm/deal/details/{id}/"));
                names && !deal.deleted && deal.versions.iter().all(|one| one.buyer.is_some())
            });
            let mut of_whole = of_whole.map(|(id, _)| *id);
            let said = WRONG_WORDS.iter().find(|said| text.contains(*said));
            // A list names others as well.
            if let (Some(said), Some(id), None) = (said, of_whole.next(), of_whole.next()) {
                wrong.push(format!(
                    "[hidden] deal {id} has a buyer that a right hides, and at {} somebody is told: {said}",
                    seen.at
                ));
            }
        }
    }
}

/// Nobody has a bell because our own company is not seen, nor does anybody hear of that before it was ever hidden.
fn of_seller(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let hidden = evidence.office.hidden.iter().find(|(_, hidden)| *hidden);
    let hidden = hidden.filter(|_| evidence.weather.customs.hides_seller);
    let on_portal = evidence
        .seen
        .iter()
        .filter(|seen| seen.remote == Remote::Portal);
    for seen in on_portal {
        for command in commands(&seen.what, &seen.body) {
            let text = command.text(&["MESSAGE"]).unwrap_or_default();
            let is_true = hidden.is_some_and(|(since, _)| *since <= seen.at);
            if text.contains(OF_SELLER) && (command.method == BELL || !is_true) {
                wrong.push(format!(
                    "[hidden] {} at {} of our own company that is not seen; was it ever hidden: {is_true}; {text}",
                    command.method, seen.at
                ));
            }
        }
    }
}
