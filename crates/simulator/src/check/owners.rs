//! What our records said when a request left: it was on disk as sent, and nobody wrote who had lost the portal.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Evidence;

/// A write may leave so long after it was decided under a lease.
const DEADLINE: SignedDuration = SignedDuration::from_secs(76);

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    recorded_before_it_left(evidence, wrong);
    by_its_owner(evidence, wrong);
}

/// [I-6] Each write is on disk as sent before its first byte leaves, [I-12] and a creation is counted.
fn recorded_before_it_left(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for leaving in &evidence.leaving {
        let at = leaving.at;
        for write in &leaving.unrecorded {
            wrong.push(format!(
                "[I-6] {write} left at {at} and our records do not know of it"
            ));
        }
        let Some(creation) = &leaving.creation else {
            continue;
        };
        let of = &creation.of;
        match &creation.stored {
            None => wrong.push(format!("[I-6] {of} left at {at} without an effect")),
            // A new owner has found it, while it was on its way out.
            Some((state, attempt)) if state == "sent" || state == "unknown" => {
                if *attempt < 1 {
                    wrong.push(format!(
                        "[I-12] {of} left at {at} before its attempt was counted"
                    ));
                }
            }
            Some((state, _)) => wrong.push(format!(
                "[I-6] {of} left at {at} while its effect was {state}"
            )),
        }
    }
}

/// [I-19] Nobody writes who lost the portal longer ago than a decided write may take to leave.
fn by_its_owner(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    // By process: the last number under which it was seen to hold the portal, and when first.
    let mut held: BTreeMap<u64, (i64, Timestamp)> = BTreeMap::new();
    let mut anew = evidence.restored.map(|restored| restored.at);
    for leaving in &evidence.leaving {
        // The numbers begin where the backup left them.
        if anew.take_if(|anew| *anew <= leaving.at).is_some() {
            held.clear();
        }
        if let Some((holder, fence)) = leaving.holder {
            let last = held.entry(holder).or_insert((fence, leaving.at));
            if last.0 < fence {
                *last = (fence, leaving.at);
            }
            if holder == leaving.process {
                continue;
            }
        }
        let own = held.get(&leaving.process).map_or(0, |(fence, _)| *fence);
        let taken = held
            .iter()
            .filter(|(_, (fence, _))| *fence > own)
            .map(|(holder, (_, since))| (*since, *holder))
            .min();
        if let Some((since, holder)) = taken
            && leaving.writes
            && leaving.at.duration_since(since) > DEADLINE
        {
            wrong.push(format!(
                "[I-19] process {} wrote at {}, and process {holder} took the portal at {since} or before",
                leaving.process, leaving.at
            ));
        }
    }
}
