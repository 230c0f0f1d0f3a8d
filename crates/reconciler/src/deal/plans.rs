//! Planning the deals of a pass, and taking the plans over: questions into our records, actions to be carried out.

use std::collections::BTreeMap;

use domain::DealId;
use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use planner::{Action, Answer, Case, Need, Plan, Seen, foretold, invoicing};
use serde_json::{Map, Value, json};
use store::{CaseChange, CaseFacts, JournalEntry, Lane, Record, Subject};

use super::{Looked, act, earlier, foreseen, known, observe, orders, subject_of, writes};
use crate::{Connected, Reconciler, access, feed, journal, overdue, sweep};

/// The plans of the deals that are open.
#[derive(Default)]
pub(crate) struct Planned {
    /// Those that have something to be done.
    pub(crate) ready: BTreeMap<DealId, Plan>,
    /// What others need to be known.
    pub(crate) needs: BTreeMap<DealId, Vec<Need>>,
    /// Questions about accounts that are not known enough, each once.
    unknown: BTreeMap<String, CaseFacts>,
    /// A person decided something, and the next plan goes on from there.
    pub(crate) decided: bool,
}

/// Plans every deal that is open. Questions are recorded at once.
pub(crate) async fn plan(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
) -> Result<Planned, Halted> {
    let mut planned = Planned::default();
    let mut record = Record::default();
    let shut = access::accounting_is_shut(ctx).await?;
    let now = ctx.now();
    for (id, deal) in deals.iter_mut().filter(|(_, deal)| deal.is_open()) {
        // Where nothing is carried out, what would follow from the first step is seen as `provodka plan` sees it.
        let plan = if may_write(deal, connected) {
            invoicing::plan(&deal.snapshot, &connected.policy, now)
        } else {
            foreseen(deal, &connected.policy, now)
        };
        let mut plan = foretold::noted(&deal.snapshot, plan, &connected.policy);
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
                &mut planned,
            );
        } else {
            planned.needs.insert(*id, plan.needs);
        }
    }
    let unknown = std::mem::take(&mut planned.unknown).into_values();
    record.cases.extend(unknown.map(CaseChange::Open));
    if !record.cases.is_empty() || !record.journal.is_empty() || !record.invoice_links.is_empty() {
        ctx.record(record).await?;
    }
    Ok(planned)
}

/// Takes a plan over: its questions into our records, its actions to be carried out if we may.
fn adopt(
    deal: &mut Looked,
    connected: &Connected,
    plan: Plan,
    now: Timestamp,
    lane: Lane,
    record: &mut Record,
    planned: &mut Planned,
) {
    let subject = Subject::deal(deal.id);
    let may_write = may_write(deal, connected);
    // What would be done without the order is planned anew.
    if !may_write && orders::cannot_be_obeyed(deal, now, record) {
        deal.rounds = deal.rounds.saturating_add(1);
        planned.decided = true;
        return;
    }
    let mut plan = plan;
    note_compared(deal, now);
    let wants_nothing = plan.actions.is_empty() && plan.look_again.is_none();
    deal.agreed = wants_nothing && may_write && !deal.snapshot.sealed;
    if lane != Lane::Trailing {
        let before = plan.actions.len();
        plan.actions.retain(|action| !writes::is_trailing(action));
        deal.trailing |= plan.actions.len() != before;
    }
    if let Some(again) = plan.look_again.take() {
        deal.again = earlier(deal.again.take(), Some(again));
    }
    if let Some(day) = plan.next_day.take() {
        let reason = if day.waits_for_accounts {
            feed::WAITS_FOR_ACCOUNTS
        } else {
            feed::DUE_DAY
        };
        deal.next_day = Some((day.at, reason.to_owned()));
    }
    // Seen again and decided as before: the journal has it already.
    if deal.news || !plan.actions.is_empty() {
        record
            .journal
            .push(decision(now, &subject, &plan, may_write));
    }
    if !may_write && !plan.actions.is_empty() && record.cursors.is_empty() {
        record.cursors.push(sweep::watched(&connected.policy, now));
    }
    // What has answered itself is no question, whether or not we may write; a new one is only noted if we may not.
    if may_write {
        let unknown = plan.unknown.drain(..).map(overdue::question);
        planned.unknown.extend(unknown);
    } else {
        note_watched(deal, connected, &mut plan);
    }
    open_and_withdraw(deal, &subject, &mut plan, !may_write, record);
    let decided = may_write && take_decisions(deal, &mut plan, now, record);
    if decided {
        deal.rounds = deal.rounds.saturating_add(1);
        planned.decided = true;
    } else if plan.actions.is_empty() || !may_write {
        deal.finished = true;
    } else {
        planned.ready.insert(deal.id, plan);
    }
}

/// What was decided and why, for the journal.
pub(crate) fn decision(
    now: Timestamp,
    subject: &Subject,
    plan: &Plan,
    may_write: bool,
) -> JournalEntry {
    let actions: Vec<&str> = plan.actions.iter().map(Action::kind).collect();
    let body = json!({"because": plan.because, "actions": actions, "carried_out": may_write});
    journal::line(now, subject, "decision", body)
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
    let invoice = deal.snapshot.live_invoice_mut();
    if let Some(invoice) = invoice.filter(|one| one.compared != Some(changed)) {
        invoice.compared = Some(changed);
        deal.links.push(known::link_of(deal.id, invoice, now));
    }
}

/// What a person decided is on disk before anything follows from it.
fn take_decisions(deal: &mut Looked, plan: &mut Plan, now: Timestamp, record: &mut Record) -> bool {
    let mut decided = false;
    let mut written = deal.snapshot.close_orders();
    if let Some(given_up) = plan.given_up.take() {
        let mut invoices = deal.snapshot.invoices.iter_mut();
        if let Some(invoice) = invoices.find(|one| one.slot == given_up.slot) {
            invoice.live = false;
            invoice.replaced = true;
            invoice.order_open = given_up.by_order;
            written.push(invoice.clone());
            decided = true;
        }
    }
    // What was noted of them before in this look is older than the decision.
    deal.links
        .retain(|link| written.iter().all(|one| one.slot != link.slot));
    let links = written.iter().map(|one| known::link_of(deal.id, one, now));
    record.invoice_links.extend(links);
    let mut waits = false;
    for reply in plan.replies.drain(..) {
        let Some(id) = deal
            .snapshot
            .open_cases
            .get(&reply.key)
            .and_then(|open| open.id)
        else {
            // Asked in this look: the next one knows its number.
            waits = true;
            deal.again = earlier(
                deal.again.take(),
                Some((now, "a person answered".to_owned())),
            );
            continue;
        };
        deal.snapshot.open_cases.remove(&reply.key);
        record.cases.push(CaseChange::Answer {
            id,
            answer: json!({"choice": reply.choice}),
            by: "сделка".to_owned(),
        });
        deal.snapshot.answers.0.push(Answer {
            key: reply.key,
            about: reply.about,
            choice: reply.choice,
        });
        decided = true;
    }
    if let Some(number) = plan.obeyed.take().filter(|_| !waits) {
        orders::used_up(deal.id, number, now, record);
        deal.snapshot.use_up(number);
        decided = true;
    }
    decided
}

/// Of a funnel that is only watched, what would be asked stands with the other questions, and nobody is told; of one that is
/// off nothing is noted.
fn note_watched(deal: &Looked, connected: &Connected, plan: &mut Plan) {
    let is_watched = planner::is_followed(&deal.snapshot, &connected.policy);
    let open = &deal.snapshot.open_cases;
    let is_news = |case: &Case| {
        open.get(&case.key)
            .is_none_or(|open| open.text != case.text)
    };
    plan.cases.retain(|case| is_watched && is_news(case));
}

fn open_and_withdraw(
    deal: &mut Looked,
    subject: &Subject,
    plan: &mut Plan,
    watched: bool,
    record: &mut Record,
) {
    for case in plan.cases.drain(..) {
        let before = deal.snapshot.open_cases.get(&case.key);
        let heard_by = before.filter(|before| before.text == case.text);
        let heard_by = heard_by.and_then(|before| before.heard_by);
        deal.snapshot.open_cases.insert(
            case.key.clone(),
            planner::OpenCase {
                text: case.text.clone(),
                told: false,
                watched,
                about: case.about.clone(),
                whom: case.whom,
                heard_by,
                id: None,
            },
        );
        record.cases.push(CaseChange::Open(CaseFacts {
            facts: facts(&case, watched),
            code: case.code.as_str().to_owned(),
            cause: case.cause,
            key: case.key,
            subject: subject.clone(),
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

/// The particulars of a question; `cases answer` reads its choices.
fn facts(case: &Case, watched: bool) -> Value {
    let mut facts = Map::from_iter([("faults".to_owned(), json!(case.faults))]);
    if !case.choices.is_empty() || !case.about.is_empty() {
        facts.insert("choices".to_owned(), json!(case.choices));
        facts.insert("about".to_owned(), json!(case.about));
    }
    if let Some(by_mark) = &case.by_mark {
        facts.insert("by_mark".to_owned(), json!(by_mark));
    }
    if let Some(user) = case.whom {
        facts.insert(store::WHOM.to_owned(), json!(user));
    }
    if watched {
        facts.insert(known::WATCHED.to_owned(), Value::Bool(true));
    }
    Value::Object(facts)
}

/// A funnel that is watched only, or followed no more, is planned and not touched; whatever is sent asks in the commit before
/// it whether the policy that says so is still in force.
pub(crate) fn may_write(deal: &Looked, connected: &Connected) -> bool {
    planner::is_at_work(&deal.snapshot, &connected.policy)
}
