//! The guard against a flood, over the deals of a pass and what was let through just before: the rule is
//! `planner::flood`, here they are counted and held, and let go once a person answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use domain::{DealId, PortalId};
use engine::{Halted, LeaseContext};
use futures_util::lock::Mutex;
use jiff::{SignedDuration, Timestamp};
use planner::Need;
use planner::flood::{self, Count, INVOICE_FLOOD, Standing, Verdict};
use serde_json::{Value, json};
use store::{Case, CaseChange, CaseFacts, CaseState, Lane, Look, Record, Settled, Subject, Work};

use super::plans::{Planned, may_write};
use super::{Looked, note};
use crate::{Connected, portal_task};

/// One pass of a portal at a time counts and asks: each writes the whole of what was let through, and of the question's
/// list, and would leave out what another added since it read. In memory only: no two processes look at one portal.
#[derive(Default)]
pub(crate) struct Counting(std::sync::Mutex<BTreeMap<PortalId, Arc<Mutex<()>>>>);

impl Counting {
    fn of(&self, portal: &PortalId) -> Arc<Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(portal.clone()).or_default())
    }
}

/// Under which name a portal remembers [`LetThrough`].
const LET_THROUGH: &str = "flood/let-through";
/// Deals whose invoices nobody ordered, and when they were let through. It is on disk before anything of them leaves: a
/// restart, or another process that takes the portal over, counts on.
type LetThrough = BTreeMap<DealId, Timestamp>;

/// Deals of answers as old as this are looked at again with those of the newest: it may have come before their turn.
const ANSWERED_LATELY: SignedDuration = SignedDuration::from_hours(24);

/// What the guard knows of a pass.
pub(crate) struct Guard {
    turn: Arc<Mutex<()>>,
    /// Deals that would get an invoice that nobody ordered.
    would: BTreeSet<DealId>,
    /// Those that were let through: what has begun goes on to its end, from the buyer's creation to the invoice's.
    begun: BTreeSet<DealId>,
}

/// What the question is about.
pub(crate) fn subject() -> Subject {
    Subject::portal(portal_task::FLOOD)
}

/// Where each deal stands with the questions that were put.
pub(crate) fn standings(cases: &[Case]) -> BTreeMap<DealId, Standing> {
    let mut standings = BTreeMap::new();
    for case in cases.iter().filter(|case| case.facts.subject == subject()) {
        let standing = match (case.state, choice(case)) {
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

fn choice(case: &Case) -> Option<&str> {
    let answer = case.answer.as_ref()?;
    answer.get("choice")?.as_str()
}

fn deals_of(case: &Case) -> impl Iterator<Item = DealId> {
    let deals = case.facts.facts.get("deals").and_then(Value::as_array);
    let ids = deals.into_iter().flatten().filter_map(Value::as_u64);
    ids.map(DealId)
}

impl Guard {
    pub(crate) fn new(counting: &Counting, portal: &PortalId) -> Self {
        Self {
            turn: counting.of(portal),
            would: BTreeSet::new(),
            begun: BTreeSet::new(),
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
        if flood::limit(&connected.policy).is_none() {
            return Ok(());
        }
        for (id, plan) in &planned.ready {
            let would = |deal: &Looked| flood::would_issue(&deal.snapshot, plan);
            if !self.begun.contains(id) && deals.get(id).is_some_and(would) {
                self.would.insert(*id);
            }
        }
        if self.would.is_empty() {
            return Ok(());
        }
        let turn = Arc::clone(&self.turn);
        let _turn = turn.lock().await;
        let asked = ctx.known(&[subject()]).await?.cases;
        let let_through = counted_before(ctx, &asked).await?;
        // What another pass let through goes on likewise, and counts already.
        let is_let_through = |id: &DealId| let_through.contains_key(id);
        let would = std::mem::take(&mut self.would).into_iter();
        let (begun, would): (BTreeSet<DealId>, _) = would.partition(is_let_through);
        self.begun.extend(begun);
        self.would = would;
        if self.would.is_empty() {
            return Ok(());
        }
        let undecided = if is_late {
            BTreeSet::new()
        } else {
            self.undecided(ctx, connected, deals)
        };
        let is_other = |id: &&DealId| !self.would.contains(*id) && !undecided.contains(*id);
        let count = Count {
            begun: let_through.keys().filter(is_other).count(),
            would: self.would.len(),
            undecided: undecided.len(),
        };
        let is_asked = asked.iter().any(|case| case.state == CaseState::Open);
        match flood::verdict(count, is_asked, &connected.policy) {
            Verdict::Go => {
                remember(ctx, let_through, &self.would).await?;
                self.begun.append(&mut self.would);
            }
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
                ask(ctx, connected, &asked, &held).await?;
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
    ) -> BTreeSet<DealId> {
        let now = ctx.now();
        let is_known = |id: &DealId| self.would.contains(id) || self.begun.contains(id);
        deals
            .iter()
            .filter(|(id, deal)| !is_known(id) && (deal.is_open() || deal.is_cleared()))
            .filter(|(_, deal)| may_write(deal, connected))
            .filter(|(_, deal)| flood::may_want(&deal.snapshot, &connected.policy, now))
            .map(|(id, _)| *id)
            .collect()
    }
}

/// What counts still of what was let through before; `asked`: the questions that were put, with their answers.
async fn counted_before(ctx: &LeaseContext, asked: &[Case]) -> Result<LetThrough, Halted> {
    let stored = ctx.store().fact_get(&ctx.portal(), LET_THROUGH).await?;
    let mut let_through: LetThrough = stored
        .and_then(|stored| serde_json::from_str(&stored).ok())
        .unwrap_or_default();
    let all_went = asked
        .iter()
        .filter(|case| choice(case) == Some(flood::ISSUE));
    let all_went_at = all_went.filter_map(|case| case.closed_at).max();
    let now = ctx.now();
    let_through.retain(|_, at| flood::counts(*at, all_went_at, now));
    Ok(let_through)
}

/// Remembers these with those that count still.
async fn remember(
    ctx: &LeaseContext,
    before: LetThrough,
    deals: &BTreeSet<DealId>,
) -> Result<(), Halted> {
    let now = ctx.now();
    let mut let_through = before;
    let_through.extend(deals.iter().map(|id| (*id, now)));
    let value = serde_json::to_string(&let_through).unwrap_or_default();
    ctx.record(Record {
        facts: vec![(LET_THROUGH.to_owned(), value)],
        ..Record::default()
    })
    .await
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

/// Puts the question, or adds to the list of the one that is open.
async fn ask(
    ctx: &LeaseContext,
    connected: &Connected,
    asked: &[Case],
    held: &BTreeSet<DealId>,
) -> Result<(), Halted> {
    let open = asked.iter().filter(|case| case.state == CaseState::Open);
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
        let newest = answered.clone().filter_map(|case| case.closed_at).max();
        let since = newest.and_then(|at| at.checked_sub(ANSWERED_LATELY).ok());
        let lately = answered.filter(|case| case.closed_at >= since);
        let deals: BTreeSet<DealId> = lately.flat_map(deals_of).collect();
        looks = deals
            .into_iter()
            .map(|id| Look {
                subject: Subject::deal(id),
                lane: Lane::Due,
                due_at: ctx.now(),
                reason: "the administrator answered".to_owned(),
            })
            .collect();
    }
    ctx.record(Record {
        looks,
        settled: vec![Settled { work, next: None }],
        ..Record::default()
    })
    .await
}
