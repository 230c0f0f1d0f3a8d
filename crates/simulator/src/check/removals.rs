//! [R32] While the application is removed from a portal and we were told so, nothing leaves for the portal or its
//! books; once it is installed again the work goes on. That each deal which wants an invoice has one, and no deal two,
//! is judged with all other deals.

use emulator_bitrix24::What;
use jiff::{SignedDuration, Timestamp};

use super::Evidence;
use crate::evidence::witness::writes;
use crate::machine::network::Remote;

/// So long a write that was under way may still go out: it had been recorded as sent, and waits for its turn.
const SENT: SignedDuration = SignedDuration::from_secs(90);
/// So long a look that was under way may still read.
const LOOKING: SignedDuration = SignedDuration::from_mins(5);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.removal.is_none() {
        return;
    }
    for (from, until) in removals(evidence) {
        let until = until.unwrap_or(Timestamp::MAX);
        let mut seen = evidence.seen.iter();
        let late = seen.find(|seen| {
            let most = if writes(seen) { SENT } else { LOOKING };
            seen.at < until && seen.at.duration_since(from) > most
        });
        if let Some(late) = late {
            wrong.push(format!(
                "[R32] `{}` left for {:?} at {}: the application is removed since {from}",
                late.what, late.remote, late.at
            ));
        }
        let goes_on = |remote| {
            let mut seen = evidence.seen.iter();
            seen.any(|seen| seen.at > until && seen.remote == remote)
        };
        if ![Remote::Portal, Remote::Accounting]
            .into_iter()
            .all(goes_on)
        {
            wrong.push(format!(
                "[R32] the application was removed at {from}, and the work never went on"
            ));
        }
    }
}

/// From when to when the application was removed, as far as we were told of it while it was so.
fn removals(evidence: &Evidence<'_>) -> Vec<(Timestamp, Option<Timestamp>)> {
    let skew = SignedDuration::from_secs(evidence.weather.skew.0);
    let mut all: Vec<(Timestamp, Option<Timestamp>)> = Vec::new();
    let mut is_removed = false;
    for entry in evidence.portal.entries() {
        // The portal's moments go by its own clock.
        let at = entry.at.checked_sub(skew).unwrap_or(entry.at);
        match &entry.what {
            What::EventDelivered {
                event, status: 200, ..
            } if event == "ONAPPUNINSTALL" && is_removed => all.push((at, None)),
            What::EventCreated { event, .. } if event == "ONAPPUNINSTALL" => is_removed = true,
            What::EventCreated { event, .. } if event == "ONAPPINSTALL" => {
                is_removed = false;
                if let Some((_, until)) = all.last_mut() {
                    until.get_or_insert(at);
                }
            }
            _ => {}
        }
    }
    all
}
