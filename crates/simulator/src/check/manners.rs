//! What an office has agreed upon with us: nobody is told of anything in its quiet hours, no buyer is entered in its books
//! without somebody's word, and none is ever written to.

use std::collections::BTreeSet;

use emulator_kontur_accounting::CreatedBy;
use jiff::{SignedDuration, ToSpan as _, tz};

use super::Evidence;
use super::deals::asks;
use crate::evidence::witness::Write;
use crate::machine::asked::commands;
use crate::machine::network::Remote;

/// What was to be told before the quiet began may leave so much later.
const ON_ITS_WAY_SECONDS: i64 = 90;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    in_quiet(evidence, wrong);
    let_in(evidence, wrong);
    to_clients(evidence, wrong);
}

/// How a method ends that does something.
const DOES: [&str; 7] = [
    ".add", ".update", ".set", ".delete", ".send", ".execute", ".start",
];
/// What is done on the portal: to deals, in their timelines, and to people of the office; before that the trigger is
/// registered and the portal marked; how often, `installations` counts.
const DONE: [&str; 9] = [
    "crm.item.update",
    "crm.timeline.comment.add",
    "crm.timeline.comment.update",
    "crm.automation.trigger.add",
    "crm.automation.trigger.execute",
    "crm.deal.userfield.update",
    "im.message.add",
    "im.message.update",
    "im.notify.system.add",
];

/// Neither a letter nor a chat nor anything else that a client would read.
fn to_clients(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let seen = evidence.seen.iter();
    let seen = seen.filter(|seen| seen.remote == Remote::Portal);
    for command in seen.flat_map(|seen| commands(&seen.what, &seen.body)) {
        let method = command.method.as_str();
        let does = DOES.iter().any(|end| method.ends_with(end));
        if does && !DONE.contains(&method) {
            wrong.push(format!(
                "[clients] `{method}` was called, which is nothing of deals or of the office's people"
            ));
        }
    }
}

/// Whatever is told for the first time is told at another hour; what may not have arrived may be told again.
fn in_quiet(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some((from, until)) = evidence.weather.customs.quiet else {
        return;
    };
    let from = from.saturating_add(ON_ITS_WAY_SECONDS.seconds());
    let moscow = tz::TimeZone::fixed(tz::offset(3));
    let mut told = BTreeSet::new();
    for seen in evidence
        .seen
        .iter()
        .filter(|seen| seen.remote == Remote::Portal)
    {
        let time = seen.at.to_zoned(moscow.clone()).time();
        let commands = commands(&seen.what, &seen.body);
        let messages = commands.iter().filter(|one| one.method.starts_with("im."));
        for message in messages.filter_map(Write::by) {
            let is_first = told.insert(message.words.clone());
            if is_first && from < time && time < until {
                wrong.push(format!(
                    "[quiet] at {time} somebody was told of {}, and nobody is told of anything until {until}",
                    message.words
                ));
            }
        }
    }
}

fn let_in(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let customs = &evidence.weather.customs;
    let skew = SignedDuration::from_secs(evidence.weather.skew.1);
    let owns = evidence.accounting.organizations.values();
    let ours = owns.flat_map(|own| &own.contractors);
    let ours = ours.filter(|one| one.meta.created_by == CreatedBy::Api);
    for contractor in ours.filter(|_| customs.asks_buyers) {
        let Some(inn) = contractor.inn.as_deref() else {
            continue;
        };
        let at = contractor.meta.created_at;
        let at = at.checked_sub(skew).unwrap_or(at);
        let kpp = contractor.kpp.as_deref().unwrap_or_default();
        let is_it = |about: &str| about.contains(inn) && about.ends_with(kpp);
        let mut words = evidence.office.let_in.iter();
        if !words.any(|(said, about)| *said <= at && is_it(about)) {
            wrong.push(format!(
                "[buyers] {inn}/{kpp} was entered at {at}, and nobody had said so"
            ));
        }
    }
    for id in evidence
        .office
        .deals
        .keys()
        .filter(|_| !customs.asks_buyers)
    {
        if asks(evidence, *id, &["COUNTERPARTY-NEW"]) {
            wrong.push(format!(
                "[buyers] deal {id} waits for somebody's word about a new buyer, and nobody wants to be asked"
            ));
        }
    }
}
