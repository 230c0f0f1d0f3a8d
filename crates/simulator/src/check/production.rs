//! Deals that go on from one funnel to another: one that entered the invoice stage of a funnel at work is billed although it was
//! taken on, and shown wherever it stands; where nothing is done, nothing is billed and nothing is shown.

use emulator_bitrix24::What;
use jiff::{SignedDuration, Timestamp};
use planner::Mode;
use serde_json::Value;

use super::bills::{first_of, made_between, ours};
use super::deals::asks;
use super::{Evidence, is_our_write};
use crate::offices::office::{self, INVOICE, LOST, SECOND_FUNNEL, STAGES};
use crate::offices::production::Production;

/// What was decided before a deal was taken away may be written, and land, so much later.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(10);

/// What the deal shows of its bill.
const SHOWN: [&str; 6] = [
    office::NUMBER,
    office::DATE,
    office::STATUS,
    office::SUM,
    office::PAID,
    office::PAID_ON,
];

/// Where a deal stood since when.
struct Place {
    at: Timestamp,
    funnel: i64,
    stage: String,
}

/// What is said of a deal that would get an invoice where it is only watched.
pub(super) const FORETOLD: &str = "INVOICE-FORETOLD";

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    foretold_where_watched(evidence, wrong);
    let Some(production) = &evidence.weather.customs.production else {
        return;
    };
    made_at_work(evidence, production, wrong);
    for deal in evidence.office.deals.keys() {
        shown_at_work(evidence, production, *deal, wrong);
    }
}

/// [watched] What would be issued is said of no deal but where it is only watched.
fn foretold_where_watched(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let told = evidence.cases.iter();
    let told = told.filter(|case| case.facts.code == FORETOLD);
    for deal in told.filter_map(|case| case.facts.subject.as_deal()) {
        let id = i64::try_from(deal.get()).unwrap_or(i64::MAX);
        // Of one that is not looked at any more nothing is taken out either.
        let is_set_aside = asks(evidence, id, &["SUBJECT-SET-ASIDE"]);
        if is_closed(evidence, id) != Some(Mode::WatchOnly) && !is_set_aside {
            wrong.push(format!(
                "[watched] a bill is foretold of deal {id}, which is not only watched"
            ));
        }
    }
}

/// Whether a deal that stands where it is only watched would get a bill if work were done there.
pub(super) fn would_want(evidence: &Evidence<'_>, deal: i64) -> bool {
    let Some(production) = &evidence.weather.customs.production else {
        return false;
    };
    let path = path(evidence, deal);
    let Some(last) = path.last() else {
        return false;
    };
    let counts = |funnel: i64| {
        let is_at_work = production.mode_of(funnel) == Some(Mode::Active);
        (is_at_work || funnel == last.funnel) && has_come_to_stay(&path, funnel)
    };
    last.stage != LOST && [0, SECOND_FUNNEL].into_iter().any(counts)
}

/// Whether the deal wants a bill by where it was and stands.
pub(super) fn is_wanted(evidence: &Evidence<'_>, production: &Production, deal: i64) -> bool {
    wants(production, &path(evidence, deal))
}

/// The mode of the funnel where a deal stands, if nothing is done there.
pub(super) fn is_closed(evidence: &Evidence<'_>, deal: i64) -> Option<Mode> {
    let production = evidence.weather.customs.production.as_ref()?;
    let path = path(evidence, deal);
    let funnel = path.last().map(|place| place.funnel)?;
    let mode = production.mode_of(funnel)?;
    (mode != Mode::Active).then_some(mode)
}

/// In which funnel the deal is billed by where it was and stands.
pub(super) fn billed_at_last(evidence: &Evidence<'_>, deal: i64) -> i64 {
    billed_in(&path(evidence, deal))
}

/// The same at some moment between two.
pub(super) fn billed_between(
    evidence: &Evidence<'_>,
    deal: i64,
    from: Timestamp,
    until: Timestamp,
) -> Vec<i64> {
    let path = path(evidence, deal);
    let moments = moments_between(&path, from, until).into_iter();
    moments.map(|at| billed_in(until_then(&path, at))).collect()
}

/// That whose invoice stage it entered and was not taken back from, where it stands before where it came from; else where it
/// stands.
fn billed_in(past: &[Place]) -> i64 {
    let here = past.last().map_or(0, |place| place.funnel);
    let other = if here == SECOND_FUNNEL {
        0
    } else {
        SECOND_FUNNEL
    };
    if has_come_to_stay(past, other) && !has_come_to_stay(past, here) {
        other
    } else {
        here
    }
}

/// Where it was by then.
fn until_then(path: &[Place], at: Timestamp) -> &[Place] {
    let count = path.partition_point(|place| place.at <= at);
    path.get(..count).unwrap_or_default()
}

/// The first of two moments, and those of the changes until the second.
fn moments_between(path: &[Place], from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let changes = path.iter().map(|place| place.at);
    let changes = changes.filter(|at| *at > from && *at <= until);
    std::iter::once(from).chain(changes).collect()
}

/// By its past until some moment.
fn wants(production: &Production, past: &[Place]) -> bool {
    let Some(last) = past.last() else {
        return false;
    };
    let has_entered = |funnel: i64| {
        production.mode_of(funnel) == Some(Mode::Active) && has_come_to_stay(past, funnel)
    };
    let is_lost = last.stage == LOST;
    !is_lost && production.works_in(last.funnel) && [0, SECOND_FUNNEL].into_iter().any(has_entered)
}

/// Whether it entered the invoice stage of a funnel and was not taken back within it since.
fn has_come_to_stay(past: &[Place], funnel: i64) -> bool {
    let position = |stage: &str| STAGES.iter().position(|known| *known == stage);
    let mut stays = false;
    for place in past.iter().filter(|place| place.funnel == funnel) {
        if place.stage == INVOICE {
            stays = true;
        } else if position(&place.stage) < position(INVOICE) {
            stays = false;
        }
    }
    stays
}

fn path(evidence: &Evidence<'_>, deal: i64) -> Vec<Place> {
    let mut path: Vec<Place> = Vec::new();
    for entry in evidence.portal.writes_to("deal", deal) {
        let What::Write {
            after: Some(after), ..
        } = &entry.what
        else {
            continue;
        };
        let stage = after.get("STAGE_ID").and_then(Value::as_str);
        let stage = office::bare_stage(stage.unwrap_or_default());
        let funnel = funnel_in(after);
        let moves = |last: &Place| last.funnel != funnel || last.stage != stage;
        if path.last().is_none_or(moves) {
            path.push(Place {
                at: entry.at,
                funnel,
                stage: stage.to_owned(),
            });
        }
    }
    path
}

fn funnel_in(record: &Value) -> i64 {
    record
        .get("CATEGORY_ID")
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

/// [funnels] A bill is made of a deal that stood where work is done when it was read; the first also of none that had not
/// entered the invoice stage of a funnel at work, unless a person ordered it.
fn made_at_work(evidence: &Evidence<'_>, production: &Production, wrong: &mut Vec<String>) {
    for (deal, known, bill) in ours(evidence) {
        let Some((from, sent)) = made_between(evidence, deal, bill) else {
            continue;
        };
        let path = path(evidence, deal);
        let first = first_of(evidence, deal);
        let is_first = first.is_some_and(|first| first.meta.id == bill.meta.id);
        let may_be_made = |until: Timestamp| {
            let past = until_then(&path, until);
            let stands = past.last().map(|place| place.funnel);
            let is_asked_for = known.ordered || !is_first || wants(production, past);
            is_asked_for && stands.is_some_and(|funnel| production.works_in(funnel))
        };
        // How it stood when it was asked, and after each change until the bill was sent.
        let moments = moments_between(&path, from, sent);
        if !moments.into_iter().any(may_be_made) {
            wrong.push(format!(
                "[funnels] bill № {} of deal {deal} was made at {sent}, and where the deal stood none was to be made",
                bill.number
            ));
        }
    }
}

/// [funnels] Nothing of a bill is written into a deal that stands where nothing is done.
fn shown_at_work(
    evidence: &Evidence<'_>,
    production: &Production,
    deal: i64,
    wrong: &mut Vec<String>,
) {
    let mut at_work: Option<Timestamp> = None;
    for entry in evidence.portal.writes_to("deal", deal) {
        let What::Write {
            before: Some(before),
            after: Some(after),
            ..
        } = &entry.what
        else {
            continue;
        };
        if production.works_in(funnel_in(before)) {
            at_work = Some(entry.at);
            continue;
        }
        let is_changed = |name: &&str| before.get(*name) != after.get(*name);
        let is_left = at_work.is_none_or(|at| entry.at.duration_since(at) > ON_ITS_WAY);
        if is_our_write(entry) && is_left && SHOWN.iter().any(is_changed) {
            wrong.push(format!(
                "[funnels] at {}: deal {deal} was written where nothing is done",
                entry.at
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(steps: &[(i64, &str)]) -> Vec<Place> {
        let step = |(funnel, stage): &(i64, &str)| Place {
            at: Timestamp::UNIX_EPOCH,
            funnel: *funnel,
            stage: (*stage).to_owned(),
        };
        steps.iter().map(step).collect()
    }

    #[test]
    fn a_deal_wants_a_bill_where_it_entered_a_funnel_at_work_and_stands_where_work_is_done() {
        let active = Some(Mode::Active);
        for (production, steps, expected) in [
            (active, &[(0, "NEW"), (0, INVOICE)][..], true),
            (active, &[(0, INVOICE), (1, "NEW")], true),
            (active, &[(0, INVOICE), (0, "NEW"), (1, "EXECUTING")], false),
            (active, &[(0, INVOICE), (1, INVOICE), (1, "NEW")], true),
            (active, &[(0, INVOICE), (1, LOST)], false),
            (active, &[(0, "NEW"), (1, INVOICE), (0, "NEW")], true),
            (None, &[(0, INVOICE), (1, "NEW")], true),
            (None, &[(0, "NEW"), (1, INVOICE)], false),
            (Some(Mode::Off), &[(0, INVOICE), (1, "NEW")], false),
            (Some(Mode::Off), &[(1, INVOICE), (0, "NEW")], false),
            (Some(Mode::WatchOnly), &[(1, INVOICE)], false),
            (Some(Mode::WatchOnly), &[(1, INVOICE), (0, INVOICE)], true),
        ] {
            let production = Production::with(active, production);
            assert_eq!(wants(&production, &path(steps)), expected, "{steps:?}");
        }
    }
}
