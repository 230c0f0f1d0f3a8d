//! [I-18] Whoever clicks is not behind somebody else's write that hangs, nor behind another tenant's flood.

use std::collections::BTreeSet;

use emulator_bitrix24::What;
use jiff::{SignedDuration, Timestamp};

use super::Evidence;
use crate::network::{Remote, Seen};

/// From the answer on the event of a new deal to the first request for it. A hanging pass holds its lane for three.
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
    for at in new_deals(evidence) {
        let until = at.checked_add(at_most).unwrap_or(at);
        let hanging = on_portal.iter().filter(|seen| hangs(seen, at)).count();
        let served = on_portal
            .iter()
            .any(|seen| seen.at >= at && seen.at <= until);
        if !served && hanging <= FEW {
            wrong.push(format!(
                "[I-18] a deal was made at {at}, and in {at_most:#} nobody looked at it: {hanging} requests hung"
            ));
        }
    }
}

/// When we were told of deals that nobody can have been at work on.
fn new_deals(evidence: &Evidence<'_>) -> Vec<Timestamp> {
    let mut heard = BTreeSet::new();
    for entry in evidence.portal.entries() {
        if let What::EventDelivered {
            event, status: 200, ..
        } = &entry.what
            && event == "ONCRMDEALADD"
        {
            heard.insert(entry.at);
        }
    }
    heard.into_iter().collect()
}

fn hangs(seen: &Seen, at: Timestamp) -> bool {
    seen.at < at && seen.told_at.is_none_or(|told_at| told_at > at)
}
