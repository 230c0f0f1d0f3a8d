//! [I-11] Where the portal lets no paid deal into its stage without a field, the question to its manager names that
//! field; once the field is filled the deal goes on, and nobody is asked.

use store::Case;

use super::deals::is_about;
use super::{Evidence, moves, stages};
use crate::habits::waybills::{LABEL, WAYBILL};
use crate::offices::office::INVOICE;

/// The question.
const ASKED: &str = "ACTION-REFUSED/move_stage";

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.waybills.is_none() {
        return;
    }
    for (id, deal) in &evidence.office.deals {
        if !deal.deleted {
            one(evidence, *id, wrong);
        }
    }
}

fn one(evidence: &Evidence<'_>, id: i64, wrong: &mut Vec<String>) {
    let cases = evidence.cases.iter().filter(|case| is_about(case, id));
    let cases: Vec<&Case> = cases.collect();
    // Another question may stand before the move.
    if cases.iter().any(|case| case.facts.key != ASKED) {
        return;
    }
    let is_asked = cases.iter().any(|case| case.facts.text.contains(LABEL));
    let history = stages(&evidence.portal, id);
    let stands = history.last().is_some_and(|(_, stage)| stage == INVOICE);
    let lacks = evidence.office.portal.deal_field(id, WAYBILL).is_empty();
    if is_asked && !(stands && lacks) {
        wrong.push(format!(
            "[I-11] deal {id}: its waybill is asked for; stands before the stage: {stands}, lacks it: {lacks}"
        ));
    }
    let waits = stands && moves::waits(evidence, id);
    if waits && lacks && !is_asked {
        let texts: Vec<&str> = cases.iter().map(|case| &*case.facts.text).collect();
        wrong.push(format!(
            "[I-11] deal {id} is paid, lacks its waybill, and nobody is told so: {texts:?}"
        ));
    }
    if waits && !lacks {
        wrong.push(format!(
            "[I-11] deal {id} is paid, has its waybill, and stands where it was"
        ));
    }
}
