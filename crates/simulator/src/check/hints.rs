//! A call of the accounting side is believed with its token and not without; on a day on which nothing goes wrong its
//! changes are read soon after it.

use jiff::{SignedDuration, Timestamp};

use super::Evidence;
use crate::machine::network::Remote;

/// By then the feed is read.
const SOON: SignedDuration = SignedDuration::from_secs(120);
const BELIEVED: u16 = 200;
/// Who proves nothing, and who did so too often.
const STRANGERS: [u16; 2] = [401, 429];

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some(hinting) = evidence.weather.customs.hints else {
        return;
    };
    let seen = evidence.seen.iter();
    let reads = seen.filter(|seen| seen.remote == Remote::Accounting);
    let reads = reads.filter(|seen| seen.what.contains("/changes"));
    let reads: Vec<Timestamp> = reads.map(|seen| seen.at).collect();
    for hint in &evidence.hints {
        // What could not be kept, or not be looked up, is neither.
        let never: &[u16] = if hint.proved { &STRANGERS } else { &[BELIEVED] };
        if never.contains(&hint.status) {
            wrong.push(format!("[hints] this was answered otherwise: {hint:?}"));
        }
        let is_taken = hint.proved && hint.status == BELIEVED;
        let until = hint.at.checked_add(SOON).unwrap_or(hint.at);
        let mut reads = reads.iter();
        let is_read = reads.any(|at| *at >= hint.at && *at <= until);
        if hinting.undisturbed && is_taken && !is_read {
            wrong.push(format!(
                "[hints] nobody read what changed within {SOON:#} after {hint:?}"
            ));
        }
    }
}
