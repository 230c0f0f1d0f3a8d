//! [I-18] Whoever clicks is not behind somebody else's write that hangs, nor behind another tenant's flood.

use std::collections::{BTreeMap, BTreeSet};

use emulator_bitrix24::What;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Evidence;
use crate::machine::asked::commands;
use crate::machine::network::{Remote, Seen};

/// From the answer on the event of a new deal to the first request that reads it. A hanging pass holds its lane for three.
const AT_MOST: SignedDuration = SignedDuration::from_secs(8);
/// With more writes hanging at one time their lane may be full.
const FEW: usize = 2;

/// The same where another tenant takes all that it can get.
const BESIDE_A_FLOOD: SignedDuration = SignedDuration::from_secs(10);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.hangs {
        served_in(evidence, AT_MOST, wrong);
    }
    if evidence.weather.floods && evidence.place > 0 {
        served_in(evidence, BESIDE_A_FLOOD, wrong);
    }
}

fn served_in(evidence: &Evidence<'_>, at_most: SignedDuration, wrong: &mut Vec<String>) {
    let on_portal: Vec<&Seen> = evidence
        .seen
        .iter()
        .filter(|seen| seen.remote == Remote::Portal)
        .collect();
    for (at, deal) in new_deals(evidence) {
        let until = at.checked_add(at_most).unwrap_or(at);
        let hanging = on_portal.iter().filter(|seen| hangs(seen, at)).count();
        let mut in_time = on_portal
            .iter()
            .filter(|seen| seen.at >= at && seen.at <= until);
        let served = in_time.any(|seen| {
            let commands = commands(&seen.what, &seen.body);
            commands.iter().any(|command| command.reads(deal))
        });
        if !served && hanging <= FEW {
            wrong.push(format!(
                "[I-18] we were told of deal {deal} at {at}, and in {at_most:#} nobody looked at it: {hanging} requests hung"
            ));
        }
    }
}

/// When we were told of deals that nobody can have been at work on.
fn new_deals(evidence: &Evidence<'_>) -> BTreeSet<(Timestamp, i64)> {
    let (mut deals, mut heard) = (BTreeMap::new(), BTreeSet::new());
    for entry in evidence.portal.entries() {
        match &entry.what {
            What::EventCreated {
                delivery,
                event,
                data,
                ..
            } if event == "ONCRMDEALADD" => {
                deals.insert(*delivery, number(data));
            }
            What::EventDelivered {
                delivery,
                status: 200,
                ..
            } => {
                if let Some(Some(deal)) = deals.get(delivery) {
                    heard.insert((entry.at, *deal));
                }
            }
            _ => {}
        }
    }
    heard
}

/// The number of the record that an event is about.
fn number(data: &Value) -> Option<i64> {
    let id = data.pointer("/FIELDS/ID")?;
    id.as_i64().or_else(|| id.as_str()?.parse().ok())
}

fn hangs(seen: &Seen, at: Timestamp) -> bool {
    seen.at < at && seen.told_at.is_none_or(|told_at| told_at > at)
}
