//! What stands in a deal keeps it from being billed: a template never is, nor is anything written to it, and in a pilot by
//! a field whoever was not named is only by an order. Of a kind of question that is switched off nobody is told.

use emulator_kontur_accounting::Bill;
use jiff::SignedDuration;

use super::bills::{made_between, ours};
use super::{Evidence, is_our_write};
use crate::habits::exempt::KINDS;
use crate::machine::asked::commands;
use crate::machine::network::Remote;
use crate::people::remembered::Deal;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let customs = &evidence.weather.customs;
    if customs.exempt.is_some() {
        for (deal, known, bill) in ours(evidence) {
            of_exempt(evidence, deal, known, bill, wrong);
        }
        for (id, deal) in &evidence.office.deals {
            of_template(evidence, *id, deal, wrong);
        }
    }
    if let Some(silent) = customs.silent.clone() {
        of_silenced(evidence, &String::from(silent), wrong);
    }
}

fn of_exempt(evidence: &Evidence<'_>, id: i64, deal: &Deal, bill: &Bill, wrong: &mut Vec<String>) {
    let Some((from, sent)) = made_between(evidence, id, bill) else {
        return;
    };
    if deal.was_template(from, sent) {
        wrong.push(format!(
            "[exempt] bill № {} was made of deal {id} while it was a template",
            bill.number
        ));
    }
    if deal.takes_part.is_some_and(|at| at > sent) && !deal.ordered {
        wrong.push(format!(
            "[exempt] bill № {} was made of deal {id} before it took part in the pilot",
            bill.number
        ));
    }
}

/// The portal's moments are whole seconds.
const AROUND: SignedDuration = SignedDuration::from_secs(2);

/// Nothing is written to a template, whatever invoice of another it shows.
fn of_template(evidence: &Evidence<'_>, id: i64, deal: &Deal, wrong: &mut Vec<String>) {
    let skew = SignedDuration::from_secs(evidence.weather.skew.0);
    let writes = evidence.portal.writes_to("deal", id);
    for entry in writes.filter(|entry| is_our_write(entry)) {
        let at = entry.at.checked_sub(skew).unwrap_or(entry.at);
        let from = at.checked_sub(AROUND).unwrap_or(at);
        let until = at.checked_add(AROUND).unwrap_or(at);
        if deal.was_template(from, until) {
            wrong.push(format!(
                "[exempt] deal {id} was written at {at} while it was a template: {:?}",
                entry.what
            ));
        }
    }
}

fn of_silenced(evidence: &Evidence<'_>, silent: &str, wrong: &mut Vec<String>) {
    let known = KINDS.iter().find(|(code, _)| *code == silent);
    let Some((code, begins)) = known else {
        return;
    };
    let on_portal = evidence
        .seen
        .iter()
        .filter(|seen| seen.remote == Remote::Portal);
    for seen in on_portal {
        let commands = commands(&seen.what, &seen.body);
        let messages = commands.iter().filter(|one| one.method.starts_with("im."));
        for text in messages.filter_map(|one| one.text(&["MESSAGE"])) {
            if text.contains(begins) {
                wrong.push(format!(
                    "[exempt] somebody was told of {code} at {}, and nobody wants to hear of it: {text}",
                    seen.at
                ));
            }
        }
    }
}
