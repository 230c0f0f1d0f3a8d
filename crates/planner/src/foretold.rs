//! What would be issued where deals are only watched. It stands among the deal's questions, beside what other deals lack, so
//! that whoever watches sees both in one place as the days go by. Nobody is told of it, and nothing waits for an answer.

use domain::{InvoiceDraft, SlotKind};

use crate::asking::{case, waits_for};
use crate::wanted::{is_at_work, is_followed};
use crate::{Action, Case, CaseCode, DealSnapshot, Plan, Policy, Seen, Whom, texts};

/// A plan that nobody may carry out with the invoice that it would issue among its questions; any other without it.
pub fn noted(snapshot: &DealSnapshot, mut plan: Plan, policy: &Policy) -> Plan {
    if !plan.needs.is_empty() {
        return plan;
    }
    match told(snapshot, &plan, policy) {
        Some(case) => plan.cases.push(case),
        None => {
            let key = CaseCode::InvoiceForetold.as_str().to_owned();
            if snapshot.open_cases.contains_key(&key) && !plan.withdrawn.contains(&key) {
                plan.withdrawn.push(key);
            }
        }
    }
    plan
}

fn told(snapshot: &DealSnapshot, plan: &Plan, policy: &Policy) -> Option<Case> {
    if is_at_work(snapshot, policy) || !is_followed(snapshot, policy) {
        return None;
    }
    let Seen::Whole(reading, _) = &snapshot.seen else {
        return None;
    };
    let (kind, draft) = plan.actions.iter().find_map(issued)?;
    let is_new = |action: &Action| matches!(action, Action::CreateCounterparty { .. });
    let mut own = policy.organisations.iter();
    let seller = own.find(|own| own.id == draft.seller);
    let text = texts::foretold(
        kind,
        draft,
        seller.map_or(draft.seller.as_str(), |own| own.title.as_str()),
        plan.actions.iter().any(is_new),
    )?;
    let asked = case(
        snapshot.id,
        CaseCode::InvoiceForetold,
        text,
        Whom::Administrator,
    );
    Some(Case {
        waits_for: waits_for(snapshot.id, reading, &[]),
        ..asked.case
    })
}

fn issued(action: &Action) -> Option<(SlotKind, &InvoiceDraft)> {
    let Action::IssueInvoice { slot, draft, .. } = action else {
        return None;
    };
    let draft: &InvoiceDraft = draft;
    Some((slot.kind, draft))
}
