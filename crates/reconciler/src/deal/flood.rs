//! The guard against a flood, over the deals of a pass: the rule is `planner::flood`, here its deals are counted and
//! held, and let go once a person answered.

use std::collections::{BTreeMap, BTreeSet};

use domain::DealId;
use engine::{Halted, LeaseContext};
use futures_util::lock::Mutex;
use planner::Need;
use planner::flood::{self, INVOICE_FLOOD, Standing, Verdict};
use serde_json::{Value, json};
use store::{Case, CaseChange, CaseFacts, CaseState, Lane, Look, Record, Settled, Subject, Work};

use super::plans::{Planned, may_write};
use super::{Looked, note};
use crate::{Connected, portal_task};

/// One pass at a time adds to the question's list: each writes the whole of it, and would leave out what another added
/// since it read. In memory only: no two processes look at one portal.
pub(crate) type Asking = Mutex<()>;

/// What the guard knows of a pass.
pub(crate) struct Guard<'a> {
    asking: &'a Asking,
    /// Deals that would get an invoice that nobody ordered.
    would: BTreeSet<DealId>,
    /// The question is open.
    asked: bool,
}

/// What the question is about.
pub(crate) fn subject() -> Subject {
    Subject::portal(portal_task::FLOOD)
}

/// Where each deal stands with the questions that were put.
pub(crate) fn standings(cases: &[Case]) -> BTreeMap<DealId, Standing> {
    let mut standings = BTreeMap::new();
    for case in cases.iter().filter(|case| case.facts.subject == subject()) {
        let choice = case.answer.as_ref().and_then(|answer| answer.get("choice"));
        let standing = match (case.state, choice.and_then(Value::as_str)) {
            (CaseState::Open, _) => Standing::Held,
            (CaseState::Answered, Some(flood::ISSUE)) => Standing::Released,
            (CaseState::Answered, Some(flood::LEAVE)) => Standing::Left,
            (CaseState::Answered | CaseState::Withdrawn, _) => continue,
        };
        for deal in deals_of(case) {
            standings.insert(deal, standing);
        }
    }
    standings
}

/// Whether the question is open.
pub(crate) fn is_asked(cases: &[Case]) -> bool {
    cases
        .iter()
        .any(|case| case.facts.subject == subject() && case.state == CaseState::Open)
}

fn deals_of(case: &Case) -> impl Iterator<Item = DealId> {
    let deals = case.facts.facts.get("deals").and_then(Value::as_array);
    let ids = deals.into_iter().flatten().filter_map(Value::as_u64);
    ids.map(DealId)
}

impl<'a> Guard<'a> {
    /// Whether the question is open already.
    pub(crate) fn new(asking: &'a Asking, is_asked: bool) -> Self {
        Self {
            asking,
            would: BTreeSet::new(),
            asked: is_asked,
        }
    }

    /// Takes out of the plans what may not be carried out, or not yet. A deal that waits for others is not read again
    /// for it; `is_late`: no others come in this pass.
    pub(crate) async fn watch(
        &mut self,
        ctx: &LeaseContext,
        connected: &Connected,
        deals: &mut BTreeMap<DealId, Looked>,
        planned: &mut Planned,
        is_late: bool,
    ) -> Result<(), Halted> {
        for (id, plan) in &planned.ready {
            let would = |deal: &Looked| flood::would_issue(&deal.snapshot, plan);
            if deals.get(id).is_some_and(would) {
                self.would.insert(*id);
            }
        }
        let undecided = if is_late {
            0
        } else {
            self.undecided(ctx, connected, deals)
        };
        let policy = &connected.policy;
        match flood::verdict(self.would.len(), undecided, self.asked, policy) {
            Verdict::Go => self.would.clear(),
            Verdict::Wait => {
                for id in &self.would {
                    hold_back(planned, *id);
                }
            }
            Verdict::Ask => {
                let held = std::mem::take(&mut self.would);
                for id in &held {
                    hold_back(planned, *id);
                    if let Some(deal) = deals.get_mut(id) {
                        deal.snapshot.flood = Standing::Held;
                        deal.finished = true;
                    }
                }
                self.asked = true;
                let _turn = self.asking.lock().await;
                ask(ctx, connected, &held).await?;
            }
        }
        Ok(())
    }

    /// Deals of which it is not known whether they are to be invoiced.
    fn undecided(
        &self,
        ctx: &LeaseContext,
        connected: &Connected,
        deals: &BTreeMap<DealId, Looked>,
    ) -> usize {
        let now = ctx.now();
        deals
            .iter()
            .filter(|(id, deal)| !self.would.contains(id) && (deal.is_open() || deal.is_cleared()))
            .filter(|(_, deal)| may_write(deal, connected))
            .filter(|(_, deal)| flood::may_want(&deal.snapshot, &connected.policy, now))
            .count()
    }
}

/// Neither made nor read again.
fn hold_back(planned: &mut Planned, id: DealId) {
    planned.ready.remove(&id);
    if let Some(needs) = planned.needs.get_mut(&id) {
        needs.retain(|need| *need == Need::Glance);
        if needs.is_empty() {
            planned.needs.remove(&id);
        }
    }
}

/// Puts the question, or adds to its list.
async fn ask(
    ctx: &LeaseContext,
    connected: &Connected,
    held: &BTreeSet<DealId>,
) -> Result<(), Halted> {
    let known = ctx.known(&[subject()]).await?.cases;
    let open = known.iter().filter(|case| case.state == CaseState::Open);
    let mut deals: BTreeSet<DealId> = open.flat_map(deals_of).collect();
    deals.extend(held);
    let ids: Vec<u64> = deals.iter().map(|id| id.0).collect();
    let why = "счёт ждёт решения администратора: слишком много счетов сразу";
    let lines = held.iter().map(|id| {
        note(
            ctx.now(),
            *id,
            "decision",
            json!({"because": [why], "actions": []}),
        )
    });
    ctx.record(Record {
        journal: lines.collect(),
        cases: vec![CaseChange::Open(CaseFacts {
            code: INVOICE_FLOOD.to_owned(),
            cause: INVOICE_FLOOD.to_owned(),
            key: INVOICE_FLOOD.to_owned(),
            subject: subject(),
            facts: json!({"deals": ids, "choices": flood::choices()}),
            text: flood::question(&connected.policy),
            waits_for: Vec::new(),
        })],
        ..Record::default()
    })
    .await
}

/// After the answer every deal that was asked about is looked at again.
pub(crate) async fn look(ctx: &LeaseContext, work: Work) -> Result<(), Halted> {
    let is_answer = |reason: &String| reason.ends_with("answered");
    let mut looks = Vec::new();
    if work.reasons.iter().any(is_answer) {
        let known = ctx.known(&[subject()]).await?.cases;
        let answered = known
            .iter()
            .filter(|case| case.state == CaseState::Answered);
        if let Some(case) = answered.max_by_key(|case| case.closed_at) {
            looks = deals_of(case)
                .map(|id| Look {
                    subject: Subject::deal(id),
                    lane: Lane::Due,
                    due_at: ctx.now(),
                    reason: "the administrator answered".to_owned(),
                })
                .collect();
        }
    }
    ctx.record(Record {
        looks,
        settled: vec![Settled { work, next: None }],
        ..Record::default()
    })
    .await
}
