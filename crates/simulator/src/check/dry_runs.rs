//! [plan] Whoever asks what would be done changes nothing by it, on either remote and in our records; and what was told of a
//! deal that nobody touched since is what happened then.

use emulator_bitrix24::Entry;
use jiff::{SignedDuration, Timestamp};

use super::bills::first_of;
use super::{Evidence, is_our_write};
use crate::evidence::witness::writes;
use crate::habits::dry_runs::{DryRun, Foretold};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for run in evidence.dry_runs {
        wrote_nothing(evidence, run, wrong);
        for told in &run.deals {
            came_true(evidence, run, told, wrong);
        }
    }
}

fn wrote_nothing(evidence: &Evidence<'_>, run: &DryRun, wrong: &mut Vec<String>) {
    let mut left = evidence.seen.iter();
    let written = left.find(|seen| seen.process == run.process && writes(seen));
    if let Some(seen) = written {
        wrong.push(format!(
            "[plan] whoever asked for the plan at {} sent `{}`",
            run.at, seen.what
        ));
    }
    if !run.moved.is_empty() {
        wrong.push(format!(
            "[plan] whoever asked for the plan at {} changed our {:?}",
            run.at, run.moved
        ));
    }
}

fn came_true(evidence: &Evidence<'_>, run: &DryRun, told: &Foretold, wrong: &mut Vec<String>) {
    let deal = told.deal;
    if run.at_rest && told.bill.is_some() && !told.asked {
        wrong.push(format!(
            "[plan] all is at rest, and a bill is foretold of deal {deal}"
        ));
    }
    // What had been given up may land after all.
    let first = first_of(evidence, deal).filter(|_| !evidence.weather.customs.belated);
    let Some(bill) = first.filter(|bill| bill.meta.created_at >= run.at) else {
        return;
    };
    // Beside the service, what it had read a moment before may be on its way already.
    let moment = SignedDuration::from_secs(if run.alone { 0 } else { 60 });
    let since = run.at.checked_sub(moment).unwrap_or(run.at);
    if !is_untouched(evidence, deal, since, bill.meta.created_at) {
        return;
    }
    match &told.bill {
        Some((kopecks, inn)) if bill.sum.0 != *kopecks || bill.contractor.inn != *inn => {
            wrong.push(format!(
                "[plan] {told:?} was told at {}, and bill № {} is for {:?} and {:?}",
                run.at, bill.number, bill.sum, bill.contractor
            ));
        }
        // What too many of wait for is asked about elsewhere.
        None if told.nothing && run.alone && evidence.weather.ask_above == 0 => wrong.push(format!(
            "[plan] nothing was foretold of deal {deal} at {}, nobody touched it, and bill № {} was made",
            run.at, bill.number
        )),
        Some(_) | None => {}
    }
}

/// Whether nobody but us changed a deal between two moments.
fn is_untouched(evidence: &Evidence<'_>, deal: i64, from: Timestamp, until: Timestamp) -> bool {
    let within = |at: Timestamp| at >= from && at <= until;
    let is_foreign = |entry: &Entry| within(entry.at) && !is_our_write(entry);
    let known = evidence.office.deals.get(&deal);
    let mut versions = known.into_iter().flat_map(|known| &known.versions);
    !evidence.portal.writes_to("deal", deal).any(is_foreign)
        && !versions.any(|version| within(version.at))
}
