//! Deals that a list shows as well as a glance would: one that wants nothing by it is not looked at.
//!
//! Only deals of which our records say nothing and that are not in the queue: what we did or asked is compared with more
//! than a list shows, and a look that is under way may rest on what was read before the list.

use std::collections::{BTreeMap, BTreeSet};

use domain::observed::DealGlance;
use engine::{Halted, LeaseContext};
use planner::{DealSnapshot, Plan, Seen, invoicing};
use store::{JournalEntry, Known, Subject};

use super::plans;
use crate::{Connected, Reconciler};

/// Which of these deals a look would leave as they are. What is decided about them is journaled as after a look.
pub(crate) async fn at_rest(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    shown: BTreeMap<Subject, DealGlance>,
    journal: &mut Vec<JournalEntry>,
) -> Result<BTreeSet<Subject>, Halted> {
    let mut at_rest = BTreeSet::new();
    if shown.is_empty() {
        return Ok(at_rest);
    }
    let portal = ctx.portal();
    let subjects: Vec<Subject> = shown.keys().cloned().collect();
    // The queue first: what a look leaves that ends in between is among our records then.
    let queued = ctx.store().work_among(&portal, &subjects).await?;
    let mut busy = named(&ctx.known(&subjects).await?);
    busy.extend(queued);
    let now = ctx.now();
    for (subject, glance) in shown {
        if busy.contains(&subject) {
            continue;
        }
        let id = glance.deal.id;
        let mut snapshot = DealSnapshot::unread(id);
        snapshot.seen = Seen::Glance(Box::new(glance));
        let plan = invoicing::plan(&snapshot, &connected.policy, now);
        if !wants_nothing(&plan) {
            continue;
        }
        if reconciler.decided.is_news(&portal, id, &plan) {
            let may_write = planner::is_at_work(&snapshot, &connected.policy);
            journal.push(plans::decision(now, &subject, &plan, may_write));
        }
        at_rest.insert(subject);
    }
    Ok(at_rest)
}

/// Neither now nor later.
fn wants_nothing(plan: &Plan) -> bool {
    let nothing = Plan {
        because: plan.because.clone(),
        ..Plan::default()
    };
    *plan == nothing
}

/// Whom our records are about.
fn named(known: &Known) -> BTreeSet<Subject> {
    let effects = known.effects.iter().map(|one| one.subject.clone());
    let cases = known.cases.iter().chain(&known.heard);
    let cases = cases.map(|one| one.facts.subject.clone());
    let links = known.invoice_links.iter().map(|one| one.deal);
    let receipts = known.receipts.iter().map(|one| one.deal);
    let orders = known.orders.iter().map(|one| one.deal);
    let deals = links.chain(receipts).chain(orders).map(Subject::deal);
    effects.chain(cases).chain(deals).collect()
}
