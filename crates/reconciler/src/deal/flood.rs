//! The guard against a flood, over the deals of a pass and what was let through just before: the rule is
//! `planner::flood`, here they are counted and held, and let go once a person answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};

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

/// What administrators answered. An answer stays as it is, so each is read once, and no pass reads all the lists that were
/// ever asked about. In memory only: what another process reads anew is the same.
#[derive(Clone, Default)]
pub struct FloodAnswers(Arc<std::sync::Mutex<Answered>>);

#[derive(Default)]
struct Answered {
    /// The number of the last answered question that was read.
    last: i64,
    standings: BTreeMap<DealId, Standing>,
    /// When all of a list was let go last.
    all_went_at: Option<Timestamp>,
}

impl FloodAnswers {
    fn known(&self) -> MutexGuard<'_, Answered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what was answered since; gives the question that is open.
    async fn read(&self, ctx: &LeaseContext) -> Result<Option<Case>, Halted> {
        let last = self.known().last;
        let store = ctx.store();
        let cases = store.cases_since(&ctx.portal(), &subject(), last).await?;
        let mut known = self.known();
        let (open, answered): (Vec<Case>, Vec<Case>) = cases
            .into_iter()
            .partition(|case| case.state == CaseState::Open);
        answered.iter().for_each(|case| known.learn(case));
        Ok(open.into_iter().next())
    }
}

impl Answered {
    /// Of two answers about a deal the later counts. One that another pass learnt meanwhile is known.
    fn learn(&mut self, case: &Case) {
        if case.id <= self.last {
            return;
        }
        self.last = case.id;
        let standing = match choice(case) {
            Some(flood::ISSUE) => Standing::Released,
            Some(flood::LEAVE) => Standing::Left,
            Some(_) | None => return,
        };
        if standing == Standing::Released {
            self.all_went_at = self.all_went_at.max(case.closed_at);
        }
        let deals = deals_of(case).map(|deal| (deal, standing));
        self.standings.extend(deals);
    }
}

/// Where each of these deals stands with the questions that were put.
pub(crate) async fn standings(
    ctx: &LeaseContext,
    connected: &Connected,
    deals: impl Iterator<Item = DealId>,
) -> Result<BTreeMap<DealId, Standing>, Halted> {
    let open = connected.flood_answers.read(ctx).await?;
    let held: BTreeSet<DealId> = open.iter().flat_map(deals_of).collect();
    let known = connected.flood_answers.known();
    let standings = deals.filter_map(|deal| {
        let standing = if held.contains(&deal) {
            Standing::Held
        } else {
            *known.standings.get(&deal)?
        };
        Some((deal, standing))
    });
    Ok(standings.collect())
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
        let open = connected.flood_answers.read(ctx).await?;
        let all_went_at = connected.flood_answers.known().all_went_at;
        let let_through = counted_before(ctx, all_went_at).await?;
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
        match flood::verdict(count, open.is_some(), &connected.policy) {
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
                ask(ctx, connected, open.as_ref(), &held).await?;
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

/// What counts still of what was let through before; `all_went_at`: when the administrator last let all of a list go.
async fn counted_before(
    ctx: &LeaseContext,
    all_went_at: Option<Timestamp>,
) -> Result<LetThrough, Halted> {
    let stored = ctx.store().fact_get(&ctx.portal(), LET_THROUGH).await?;
    let mut let_through: LetThrough = stored
        .and_then(|stored| serde_json::from_str(&stored).ok())
        .unwrap_or_default();
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
    open: Option<&Case>,
    held: &BTreeSet<DealId>,
) -> Result<(), Halted> {
    let mut deals: BTreeSet<DealId> = open.into_iter().flat_map(deals_of).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(id: i64, choice: &str, deals: &[u64]) -> Case {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(id);
        Case {
            id,
            facts: CaseFacts {
                code: INVOICE_FLOOD.to_owned(),
                cause: INVOICE_FLOOD.to_owned(),
                key: INVOICE_FLOOD.to_owned(),
                subject: subject(),
                facts: json!({"deals": deals}),
                text: String::new(),
                waits_for: Vec::new(),
            },
            state: CaseState::Answered,
            answer: Some(json!({"choice": choice})),
            answered_by: None,
            opened_at: at,
            changed_at: at,
            closed_at: Some(at),
            told_at: None,
            told_to: None,
        }
    }

    #[test]
    fn of_what_was_answered_the_last_word_counts_and_each_is_learnt_once() {
        let mut known = Answered::default();
        let first = answered(1, flood::LEAVE, &[7, 8]);
        let second = answered(2, flood::ISSUE, &[8, 9]);
        for case in [&first, &second, &first, &second] {
            known.learn(case);
        }
        let standings: Vec<_> = known.standings.into_iter().collect();
        let expected = [
            (DealId(7), Standing::Left),
            (DealId(8), Standing::Released),
            (DealId(9), Standing::Released),
        ];
        assert_eq!(standings, expected);
        assert_eq!((known.last, known.all_went_at), (2, second.closed_at));
    }
}
