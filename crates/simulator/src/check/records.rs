//! Our own records against both remotes: nothing half done is left, and nothing is kept that nobody did.

use std::collections::BTreeSet;

use super::adopted::adopted_by;
use super::{Evidence, belated, deal_of, restored};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if let Some(broken) = &evidence.journal.broken {
        wrong.push(format!("[I-6] the journal is broken: {broken}"));
    }
    outcomes(evidence, wrong);
    three_ways(evidence, wrong);
}

/// [I-6] Whatever was sent has an outcome, or somebody was asked to find it out.
fn outcomes(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for effect in &evidence.effects {
        let asked = evidence.cases.iter().any(|case| {
            case.facts.subject.to_string() == effect.subject && case.facts.code == "OUTCOME-UNKNOWN"
        });
        if effect.is_under_way() && !asked {
            wrong.push(format!(
                "[I-6] effect `{}` of {} is {} and nobody is asked",
                effect.key, effect.subject, effect.state
            ));
        }
    }
}

/// [I-21] Our links and the bills that bear our mark are the same, each for its deal.
fn three_ways(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    // The register has names of its own for its invoices.
    if evidence.register.is_some() {
        return;
    }
    let made: BTreeSet<(i64, String)> = evidence
        .accounting
        .bills()
        .filter_map(|bill| {
            let deal =
                adopted_by(evidence, bill).or_else(|| bill.comment.as_deref().and_then(deal_of))?;
            Some((deal, bill.meta.id.to_string()))
        })
        .collect();
    let linked: BTreeSet<(i64, String)> = evidence
        .known
        .invoice_links
        .iter()
        .filter_map(|link| {
            let deal = i64::try_from(link.deal.0).ok()?;
            Some((deal, link.invoice.as_str().to_owned()))
        })
        .collect();
    for (deal, bill) in linked.difference(&made) {
        wrong.push(format!(
            "[I-21] deal {deal} is linked to bill {bill}, which was never made for it"
        ));
    }
    for (deal, bill) in made.difference(&linked) {
        let asked = evidence.cases.iter().any(|case| {
            case.facts.subject.id == deal.to_string() && case.facts.code == "OUTCOME-UNKNOWN"
        });
        // Those from before a backup was put back, and those that came too late, are judged apart.
        let is_apart = restored::is_forgotten(evidence, *deal) || belated::is_met(evidence, *deal);
        if !asked && !is_apart {
            wrong.push(format!(
                "[I-21] bill {bill} of deal {deal} is in no record of ours"
            ));
        }
    }
}
