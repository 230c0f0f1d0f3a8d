//! Deals: one look at up to fifty of them at once.
//!
//! Read [`look`] first; each verb has its file.

mod act;
mod adopt;
mod known;
mod observe;
mod pace;
mod paper;
mod parts;
mod settle;
mod tell;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use domain::observed::Record as PortalRecord;
use domain::{DealId, PortalId};
use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use planner::{DealSnapshot, Mode, Need, Plan, Seen, invoicing};
use serde_json::json;
use store::{
    CaseChange, CaseFacts, EffectChange, EffectState, InvoiceLink, JournalEntry, Lane, Look,
    Record, Settled, Subject, Work,
};

use crate::{Connected, PlannedDeal, Reconciler, access, feed, journal};

/// Plans that are carried out in one look; what is not settled then is looked at again.
const MAX_ROUNDS: usize = 8;
/// Needs that are satisfied before a plan is made for good.
const MAX_DEPTH: usize = 6;

/// One deal of a pass.
pub(crate) struct Looked {
    work: Work,
    id: DealId,
    snapshot: DealSnapshot,
    /// Invoices that were seen otherwise than we recorded them.
    links: Vec<InvoiceLink>,
    /// When the accounting side is to be asked about its invoices, because it did not answer.
    revisit_at: Option<Timestamp>,
    /// The next look that an effect asks for.
    again: Option<(Timestamp, String)>,
    /// Questions that somebody was told of in this look, by their keys.
    told: Vec<String>,
    /// Something only the trailing lane does is waiting.
    trailing: bool,
    /// Planned as far as it goes in this look.
    finished: bool,
    /// An effect of it was left to be sent again.
    intends: bool,
    /// The last plan wanted nothing, now or later.
    agreed: bool,
    /// The accounting side was asked whether its invoice exists already.
    is_looked_up: bool,
    /// Its invoice waits until the accounting side lets more through.
    waits_for_turn: bool,
    /// The last plan was another than the one before.
    news: bool,
}

/// What was decided last about each deal, so that the journal says it once. In memory only: after a restart it is
/// said once more.
#[derive(Default)]
pub(crate) struct Decided(Mutex<BTreeMap<(PortalId, DealId), u64>>);

/// Deals that are remembered; with more of them the memory starts anew.
const MOST_DECIDED: usize = 100_000;

impl Decided {
    fn is_news(&self, portal: &PortalId, id: DealId, plan: &Plan) -> bool {
        let mut hasher = DefaultHasher::new();
        plan.because.hash(&mut hasher);
        let actions = plan.actions.iter().map(planner::Action::mark);
        actions.for_each(|mark| mark.hash(&mut hasher));
        let mut decided = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if decided.len() >= MOST_DECIDED {
            decided.clear();
        }
        let hash = hasher.finish();
        decided.insert((portal.clone(), id), hash) != Some(hash)
    }
}

impl Looked {
    /// Somebody was told of an open question.
    fn told(&mut self, key: &str) {
        if let Some(open) = self.snapshot.open_cases.get_mut(key) {
            open.told = true;
        }
        self.told.push(key.to_owned());
    }
}

/// One look at the due deals of a leased portal: observe, plan, act, record, until both sides agree.
pub(crate) async fn look(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    due: Vec<Work>,
) -> Result<(), Halted> {
    let mut deals = known::begin(ctx, due).await?;
    settle::unknown(ctx, connected, &mut deals).await?;
    for _round in 0..MAX_ROUNDS {
        let plans = plan(reconciler, ctx, connected, &mut deals).await?;
        if plans.is_empty() {
            break;
        }
        act::carry_out(reconciler, ctx, connected, &mut deals, plans).await?;
    }
    let bells = tell::bells(&deals);
    if !bells.is_empty() {
        act::carry_out(reconciler, ctx, connected, &mut deals, bells).await?;
    }
    conclude(ctx, deals).await
}

/// The same observing and planning without acting or asking anybody.
pub(crate) async fn plan_only(
    ctx: &LeaseContext,
    connected: &Connected,
    works: Vec<Work>,
) -> Result<Vec<PlannedDeal>, Halted> {
    let mut deals = known::begin(ctx, works).await?;
    for _depth in 0..MAX_DEPTH {
        let needs: BTreeMap<DealId, Vec<Need>> = deals
            .iter()
            .map(|(id, deal)| {
                (
                    *id,
                    invoicing::plan(&deal.snapshot, &connected.policy, ctx.now()).needs,
                )
            })
            .filter(|(_, needs)| !needs.is_empty())
            .collect();
        if needs.is_empty() {
            break;
        }
        observe::only(ctx, connected, &mut deals, needs).await?;
    }
    Ok(deals
        .into_iter()
        .map(|(id, deal)| PlannedDeal {
            id,
            plan: invoicing::plan(&deal.snapshot, &connected.policy, ctx.now()),
        })
        .collect())
}

/// Plans every unfinished deal, observing what the plans ask for. Questions are recorded at once; the
/// deals that are left have something to be done.
async fn plan(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
) -> Result<BTreeMap<DealId, Plan>, Halted> {
    let mut ready = BTreeMap::new();
    let shut = access::accounting_is_shut(ctx).await?;
    for _depth in 0..MAX_DEPTH {
        let mut needs: BTreeMap<DealId, Vec<Need>> = BTreeMap::new();
        let mut record = Record::default();
        let now = ctx.now();
        for (id, deal) in deals.iter_mut().filter(|(_, deal)| !deal.finished) {
            if ready.contains_key(id) {
                continue;
            }
            let mut plan = invoicing::plan(&deal.snapshot, &connected.policy, now);
            if shut && act::asks_accounting(&mut plan) {
                let at = journal::after(now, observe::WHILE_SHUT);
                observe::wait_for_accounting(deal, at);
                if plan.actions.is_empty() {
                    continue;
                }
            }
            if plan.needs.is_empty() {
                deal.news = reconciler.decided.is_news(&ctx.portal(), *id, &plan);
                adopt(
                    deal,
                    connected,
                    plan,
                    now,
                    ctx.lane(),
                    &mut record,
                    &mut ready,
                );
            } else {
                needs.insert(*id, plan.needs);
            }
        }
        if !record.cases.is_empty() || !record.journal.is_empty() {
            ctx.record(record).await?;
        }
        // An invoice rests on what was read a moment ago: it goes out before anything else is read.
        if needs.is_empty() || ready.values().any(issues) {
            break;
        }
        pace::hold_back(ctx, connected, deals, &mut needs).await;
        if needs.is_empty() {
            break;
        }
        observe::satisfy(ctx, connected, deals, needs).await?;
    }
    Ok(ready)
}

fn issues(plan: &Plan) -> bool {
    plan.actions
        .iter()
        .any(|action| matches!(action, planner::Action::IssueInvoice { .. }))
}

/// Takes a plan over: its questions into our records, its actions to be carried out if we may.
fn adopt(
    deal: &mut Looked,
    connected: &Connected,
    plan: Plan,
    now: Timestamp,
    lane: Lane,
    record: &mut Record,
    ready: &mut BTreeMap<DealId, Plan>,
) {
    let subject = Subject::deal(deal.id);
    let may_write = may_write(deal, connected);
    let mut plan = plan;
    note_compared(deal, now);
    deal.agreed = plan.actions.is_empty() && plan.look_again.is_none() && may_write;
    if lane != Lane::Trailing {
        let before = plan.actions.len();
        plan.actions.retain(|action| !act::is_trailing(action));
        deal.trailing |= plan.actions.len() != before;
    }
    if let Some(again) = plan.look_again.take() {
        deal.again = earlier(deal.again.take(), Some(again));
    }
    // Seen again and decided as before: the journal has it already.
    if deal.news || !plan.actions.is_empty() {
        let actions: Vec<&str> = plan.actions.iter().map(planner::Action::kind).collect();
        record.journal.push(journal::line(
            now,
            &subject,
            "decision",
            json!({"because": plan.because, "actions": actions, "carried_out": may_write}),
        ));
    }
    // What has answered itself is no question, whether or not we may write; a new one is asked only if we may.
    if !may_write {
        plan.cases.clear();
    }
    open_and_withdraw(deal, &subject, &mut plan, record);
    if plan.actions.is_empty() || !may_write {
        deal.finished = true;
    } else {
        ready.insert(deal.id, plan);
    }
}

/// A deal that was read whole was compared with its invoice; an event that tells of no later change is only an echo.
fn note_compared(deal: &mut Looked, now: Timestamp) {
    let Seen::Whole(reading, _) = &deal.snapshot.seen else {
        return;
    };
    if deal.snapshot.creating.is_some() {
        return;
    }
    let changed = reading.glance.deal.changed;
    let invoice = deal.snapshot.invoices.iter_mut().rfind(|one| one.live);
    if let Some(invoice) = invoice.filter(|one| one.compared != Some(changed)) {
        invoice.compared = Some(changed);
        deal.links.push(known::link_of(deal.id, invoice, now));
    }
}

fn open_and_withdraw(deal: &mut Looked, subject: &Subject, plan: &mut Plan, record: &mut Record) {
    for case in plan.cases.drain(..) {
        deal.snapshot.open_cases.insert(
            case.key.clone(),
            planner::OpenCase {
                text: case.text.clone(),
                told: false,
            },
        );
        record.cases.push(CaseChange::Open(CaseFacts {
            code: case.code.as_str().to_owned(),
            cause: case.cause,
            key: case.key,
            subject: subject.clone(),
            facts: json!({"faults": case.faults}),
            text: case.text,
            waits_for: case.waits_for.iter().map(subject_of).collect(),
        }));
    }
    for key in plan.withdrawn.drain(..) {
        deal.snapshot.open_cases.remove(&key);
        record.cases.push(CaseChange::Withdraw {
            subject: subject.clone(),
            key,
        });
    }
}

/// Read before every write: a funnel that is watched only, or followed no more, is planned and not touched.
fn may_write(deal: &Looked, connected: &Connected) -> bool {
    match deal.snapshot.glance() {
        Some(glance) => connected
            .policy
            .funnel(glance.deal.funnel)
            .is_some_and(|funnel| funnel.mode == Mode::Active),
        None => true,
    }
}

/// Settles every look: forgotten until something happens, or due again when an effect or a rule says so.
async fn conclude(ctx: &LeaseContext, deals: BTreeMap<DealId, Looked>) -> Result<(), Halted> {
    let now = ctx.now();
    let mut record = Record {
        cases: told(ctx, &deals).await?,
        effects: no_longer_wanted(ctx, &deals).await?,
        ..Record::default()
    };
    record.settled = deals
        .into_values()
        .map(|mut deal| {
            record.invoice_links.append(&mut deal.links);
            record.looks.extend(deal.revisit_at.map(|due_at| Look {
                subject: Subject::deal(deal.id),
                lane: Lane::Due,
                due_at,
                reason: feed::CHANGED.to_owned(),
            }));
            if deal.agreed {
                tell::withdraw_moot(&mut deal, &mut record);
            }
            let next = match (deal.again.take(), deal.trailing, deal.finished) {
                (Some((at, reason)), _, _) => Some((at, Lane::Due, reason)),
                (None, true, _) => Some((now, Lane::Trailing, crate::feed::FILE.to_owned())),
                (None, false, true) => None,
                (None, false, false) if deal.waits_for_turn => Some((
                    journal::after(now, 1),
                    ctx.lane(),
                    WAITS_FOR_TURN.to_owned(),
                )),
                (None, false, false) => Some(not_settled(&mut deal, now, &mut record)),
            };
            Settled {
                work: deal.work,
                next,
            }
        })
        .collect();
    ctx.record(record).await
}

/// The reason of a look at a deal whose invoice did not get its turn among many.
const WAITS_FOR_TURN: &str = "many invoices at once: its turn comes";
/// Begins the reason of a look at a deal whose last look came to no end; how many of them follows.
const NOT_SETTLED: &str = "not settled within one look, times ";
/// So many looks in a row may come to no end before a person is told.
const MOST_UNSETTLED: u32 = 5;

/// The next look at a deal of which more is to be known or done than fits into one: ever later.
fn not_settled(
    deal: &mut Looked,
    now: Timestamp,
    record: &mut Record,
) -> (Timestamp, Lane, String) {
    let before = deal
        .work
        .reasons
        .iter()
        .find_map(|reason| reason.strip_prefix(NOT_SETTLED)?.parse::<u32>().ok());
    let looks = before.unwrap_or(0).saturating_add(1);
    if looks >= MOST_UNSETTLED {
        tell::never_settled(deal, MOST_UNSETTLED, record);
    }
    let pause = 60_i64.saturating_mul(i64::from(looks)).min(900);
    let reason = format!("{NOT_SETTLED}{looks}");
    (journal::after(now, pause), Lane::Due, reason)
}

/// What was to be sent again and is wanted no more waits for nothing.
async fn no_longer_wanted(
    ctx: &LeaseContext,
    deals: &BTreeMap<DealId, Looked>,
) -> Result<Vec<(i64, EffectChange)>, Halted> {
    let agreed: Vec<Subject> = deals
        .values()
        .filter(|deal| deal.intends && deal.agreed && tell::untold(deal).actions.is_empty())
        .map(|deal| Subject::deal(deal.id))
        .collect();
    if agreed.is_empty() {
        return Ok(Vec::new());
    }
    let left = ctx.known(&agreed).await?.effects.into_iter();
    let reason = "both sides agree without it";
    Ok(left
        .filter(|effect| effect.state == EffectState::Intended)
        .map(|effect| {
            let reason = reason.to_owned();
            (effect.id, EffectChange::Superseded { reason })
        })
        .collect())
}

/// Marks the questions that somebody was told of, so that nobody is told twice.
async fn told(
    ctx: &LeaseContext,
    deals: &BTreeMap<DealId, Looked>,
) -> Result<Vec<CaseChange>, Halted> {
    let subjects: Vec<Subject> = deals
        .values()
        .filter(|deal| !deal.told.is_empty())
        .map(|deal| Subject::deal(deal.id))
        .collect();
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let cases = ctx.known(&subjects).await?.cases;
    Ok(cases
        .into_iter()
        .filter(|case| {
            let deal = case.facts.subject.as_deal().and_then(|id| deals.get(&id));
            deal.is_some_and(|deal| deal.told.contains(&case.facts.key))
        })
        .map(|case| CaseChange::Told {
            id: case.id,
            at: ctx.now(),
        })
        .collect())
}

/// The earlier of two next looks.
pub(crate) fn earlier(
    one: Option<(Timestamp, String)>,
    other: Option<(Timestamp, String)>,
) -> Option<(Timestamp, String)> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.0 < one.0 { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// A record of the portal as the work queue names it.
pub(crate) fn subject_of(record: &PortalRecord) -> Subject {
    match record {
        PortalRecord::Deal(id) => Subject::deal(*id),
        PortalRecord::Company(id) => Subject::company(*id),
        PortalRecord::Contact(id) => Subject::contact(*id),
        PortalRecord::Requisite(id) => Subject::requisite(*id),
        PortalRecord::BankDetail(id) => Subject::bank_detail(*id),
    }
}

pub(crate) fn note(
    now: Timestamp,
    id: DealId,
    kind: &str,
    body: serde_json::Value,
) -> JournalEntry {
    journal::line(now, &Subject::deal(id), kind, body)
}
