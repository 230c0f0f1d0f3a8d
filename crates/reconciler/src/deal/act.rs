//! Acting: actions, each under its effect; here those of the accounting side, and what becomes of any.
//!
//! Nothing leaves before its effect is on disk as `sent`; nothing is believed before its outcome is recorded. What goes
//! to the portal is packed in `flights`.

use std::collections::{BTreeMap, BTreeSet};

use capability::accounting::InvoiceOrder;
use capability::{Call, Remote};
use domain::{ContractorId, DealId, Invoice, InvoiceStatus, Money, PortalId, Verdict};
use engine::{Halted, LeaseContext, Outcome};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use planner::{Action, Fired, Need, OurInvoice, Plan, Whom};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{
    CaseChange, CounterpartyLink, Effect, Held, JournalEntry, NewEffect, Record, SendDecision,
    Subject, ToldIn,
};

use super::{Looked, adopt, earlier, known, lists, note, orders, pace, settle, tell, writes};
use crate::{Connected, Reconciler, access, journal};

/// An action that may be sent, under its effect.
pub(crate) struct Sent {
    pub(crate) deal: DealId,
    pub(crate) action: Action,
    pub(crate) effect: Effect,
}

/// What the store decided.
pub(crate) struct Decided {
    pub(crate) sent: Vec<Sent>,
    /// The same effect is sent for another deal of this pass: a counterparty that several want.
    pub(crate) shared: Vec<Sent>,
}

/// Carries out what a round has for the accounting side, and records what came of it.
pub(crate) async fn create(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
    wanted: Vec<(DealId, Action)>,
) -> Result<(), Halted> {
    let mut record = Record::default();
    let mut wanted = wanted;
    let before =
        adopt::issued_before(reconciler, ctx, connected, deals, &mut wanted, &mut record).await?;
    let wanted = pace::in_turn(reconciler, ctx, connected, deals, &before, wanted).await;
    let Decided { sent, shared } =
        decide(reconciler, ctx, connected, deals, wanted, &mut record).await?;
    let (known, sent): (Vec<Sent>, Vec<Sent>) = sent
        .into_iter()
        .partition(|one| is_issue(&one.action) && before.contains_key(&one.deal));
    for one in known {
        if let Some(answer) = before.get(&one.deal) {
            let outcome = Outcome::Answered(answer.clone());
            settle_one(ctx, deals, &one, outcome, &mut record);
        }
    }
    let done = accounting(reconciler, ctx, connected, deals, sent, &mut record).await;
    let mut answers = BTreeMap::new();
    for (one, outcome) in done {
        if let Outcome::Answered(answer) = &outcome {
            answers.insert(one.effect.id, answer.clone());
        }
        settle_one(ctx, deals, &one, outcome, &mut record);
    }
    for one in shared {
        match (answers.get(&one.effect.id), deals.get_mut(&one.deal)) {
            (Some(answer), Some(deal)) => fold(deal, &one.action, answer, ctx.now()),
            _ => held(ctx, deals, &one, Held::Unsettled, &mut record),
        }
    }
    tell::note_asked(deals, &record);
    ctx.record(record).await
}

/// Whether a plan asks the accounting side for anything; what of it may go without is left in it.
pub(crate) fn asks_accounting(plan: &mut Plan) -> bool {
    let before = plan.actions.len();
    plan.actions.retain(|action| !is_accounting(action));
    plan.actions.len() != before || plan.needs.iter().any(Need::is_of_accounting)
}

fn is_issue(action: &Action) -> bool {
    matches!(action, Action::IssueInvoice { .. })
}

pub(crate) fn is_accounting(action: &Action) -> bool {
    matches!(
        action,
        Action::IssueInvoice { .. } | Action::CreateCounterparty { .. }
    )
}

/// Asks the store which actions may be sent; the others say when to look again.
pub(crate) async fn decide(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
    wanted: Vec<(DealId, Action)>,
    record: &mut Record,
) -> Result<Decided, Halted> {
    let portal = ctx.portal();
    let effects: Vec<NewEffect> = wanted
        .iter()
        .map(|(deal, action)| {
            let request = serde_json::to_value(action).unwrap_or_default();
            let accounting = is_accounting(action);
            NewEffect {
                key: action.key(&portal, *deal).as_str().to_owned(),
                once: action.once(),
                subject: Subject::deal(*deal),
                action: action.kind().to_owned(),
                request_hash: request_hash(action, &request),
                repeatable: is_issue(action)
                    && connected.accounting.issue.honours_idempotency_key(),
                request,
                quiet: if accounting {
                    reconciler.settings.accounting_quiet
                } else {
                    reconciler.settings.portal_quiet
                },
                deadline: reconciler.settings.write_deadline,
                not_before: None,
                missed_at: missed_at(deals, *deal, action),
            }
        })
        .collect();
    let decisions = ctx.send(&effects, connected.version).await?;
    let mut sent: Vec<Sent> = Vec::new();
    let mut shared = Vec::new();
    let mut ids = BTreeSet::new();
    for (((deal, wanted), decision), new) in wanted.into_iter().zip(decisions).zip(&effects) {
        let (effect, why) = match decision {
            SendDecision::Send(effect) => (effect, None),
            SendDecision::Held { effect, why } => (effect, Some(why)),
        };
        // What goes out is what is stored as sent: a repetition is the same request to the letter.
        let action = if why.is_some() || effect.request == new.request {
            wanted
        } else {
            known::action_of(&effect).unwrap_or(wanted)
        };
        let one = Sent {
            deal,
            action,
            effect,
        };
        match why {
            None => {
                ids.insert(one.effect.id);
                sent.push(one);
            }
            Some(_) if ids.contains(&one.effect.id) => shared.push(one),
            Some(why) => held(ctx, deals, &one, why, record),
        }
    }
    Ok(Decided { sent, shared })
}

/// Since when the accounting side was asked for a counterparty that it did not have: who was made over there since then was
/// made for another deal, and who was made before is there no more.
fn missed_at(deals: &BTreeMap<DealId, Looked>, deal: DealId, action: &Action) -> Option<Timestamp> {
    let Action::CreateCounterparty {
        organisation,
        counterparty,
    } = action
    else {
        return None;
    };
    let buyer = (organisation.clone(), counterparty.key.who.clone());
    deals.get(&deal)?.sought.get(&buyer).copied()
}

/// The revision for an invoice, the whole request for everything else.
fn request_hash(action: &Action, request: &Value) -> String {
    if let Action::IssueInvoice { draft, .. } = action {
        return draft.revision().as_str().to_owned();
    }
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(request.to_string().as_bytes()) {
        digits.push_str(&format!("{byte:02x}"));
    }
    digits
}

pub(crate) fn held(
    ctx: &LeaseContext,
    deals: &mut BTreeMap<DealId, Looked>,
    one: &Sent,
    why: Held,
    record: &mut Record,
) {
    let Sent {
        deal: id,
        action,
        effect,
    } = one;
    let (id, now) = (*id, ctx.now());
    let body = json!({"effect": effect.key, "held": format!("{why:?}")});
    record.journal.push(note(now, id, "effect", body));
    if why == Held::Done {
        // What was done is what was asked then, whatever is wanted now.
        let done = known::action_of(effect).unwrap_or_else(|| action.clone());
        if let (Some(outcome), Some(deal)) = (&effect.outcome, deals.get_mut(&id)) {
            note_success(effect, id, &done, outcome, now, record);
            fold(deal, &done, outcome, now);
            if is_issue(&done) && our_invoice(&done, outcome, now).is_none() {
                // It exists, and what we kept of it cannot be read: never a second one.
                tell::cannot_tell(id, effect, record);
                deal.finished = true;
            }
        }
        return;
    }
    match why {
        Held::Refused => tell::refused(id, effect, effect.error.as_deref().unwrap_or(""), record),
        Held::TooManyAttempts => {
            for id in lists::deals_of(id, action) {
                tell::exhausted(id, effect, record);
            }
        }
        Held::Done | Held::Unsettled | Held::NotBefore | Held::OtherRevisionUnsettled => {}
    }
    let at = match why {
        Held::NotBefore => effect.not_before,
        Held::Unsettled | Held::OtherRevisionUnsettled => {
            let soon = journal::after(now, known::LOOK_UP_AGAIN);
            let quiet_until = effect.quiet_until.filter(|quiet| *quiet > now);
            Some(quiet_until.map_or(soon, |quiet| quiet.min(soon)))
        }
        Held::Refused | Held::TooManyAttempts | Held::Done => None,
    };
    lists::not_heard(deals, action, at);
    let Some(deal) = deals.get_mut(&id) else {
        return;
    };
    deal.finished = true;
    if let Some(at) = at {
        let reason = format!("`{}` is not settled", effect.action);
        deal.again = earlier(deal.again.take(), Some((at, reason)));
    }
}

/// Creates on the accounting side: many under way at one time, each for itself.
async fn accounting(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &BTreeMap<DealId, Looked>,
    sent: Vec<Sent>,
    record: &mut Record,
) -> Vec<(Sent, Outcome)> {
    let portal = ctx.portal();
    let calls: Vec<BoxFuture<'_, (Sent, Outcome, Vec<JournalEntry>)>> = sent
        .into_iter()
        .map(|one| {
            let read_at = deals
                .get(&one.deal)
                .and_then(|deal| pace::read_at(&deal.snapshot.seen));
            alone(reconciler, ctx, connected, &portal, one, read_at).boxed()
        })
        .collect();
    let done: Vec<_> = futures_util::stream::iter(calls)
        .buffer_unordered(reconciler.settings.accounting_in_flight)
        .collect()
        .await;
    done.into_iter()
        .map(|(one, outcome, lines)| {
            record.journal.extend(lines);
            (one, outcome)
        })
        .collect()
}

/// One create with the moments that bound it.
async fn alone(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    portal: &PortalId,
    one: Sent,
    read_at: Option<Timestamp>,
) -> (Sent, Outcome, Vec<JournalEntry>) {
    let mut call = ctx.call(portal);
    if let Some(not_after) = one.effect.not_after {
        call = call.not_after(not_after);
    }
    if let Some(read_at) = read_at
        && is_issue(&one.action)
    {
        call = call.send_by(pace::leaves_by(read_at));
    }
    let outcome = on_accounting(connected, &call, &one).await;
    let subject = [Subject::deal(one.deal)];
    let exchanges = call.take_exchanges();
    for exchange in exchanges.iter().filter(|one| one.status.is_some()) {
        reconciler.create_times.saw(portal, exchange.duration_ms);
    }
    let lines = exchanges
        .into_iter()
        .map(|one| journal::exchange(one, &subject));
    let lines = lines.collect();
    (one, outcome, lines)
}

async fn on_accounting(connected: &Connected, call: &Call<'_>, one: &Sent) -> Outcome {
    match &one.action {
        Action::CreateCounterparty {
            organisation,
            counterparty,
        } => {
            // Whoever was deleted over there is not the one to be made now.
            let since = one.effect.created_at.as_millisecond();
            let key = format!("{}/{since}", one.effect.key);
            connected
                .accounting
                .counterparties
                .create(call, organisation, counterparty, &key)
                .await
                .map_or_else(Outcome::from, |id| {
                    Outcome::Answered(json!({"id": id.as_str()}))
                })
        }
        Action::IssueInvoice {
            contractor, draft, ..
        } => {
            let order = InvoiceOrder {
                contractor: contractor.clone(),
                draft: (**draft).clone(),
                key: one.effect.key.clone(),
            };
            connected
                .accounting
                .issue
                .issue(call, &order)
                .await
                .map_or_else(Outcome::from, |invoice| {
                    Outcome::Answered(settle::issued(&invoice))
                })
        }
        Action::WriteFields { .. }
        | Action::AddTimelineEntry { .. }
        | Action::AttachPdf { .. }
        | Action::MoveStage { .. }
        | Action::Notify { .. } => Outcome::missing("not an action of the accounting side"),
    }
}

pub(crate) fn settle_one(
    ctx: &LeaseContext,
    deals: &mut BTreeMap<DealId, Looked>,
    one: &Sent,
    outcome: Outcome,
    record: &mut Record,
) {
    let now = ctx.now();
    let mut body = json!({
        "effect": one.effect.key,
        "action": one.effect.action,
        "attempt": one.effect.attempt,
    });
    let result = match &outcome {
        Outcome::Answered(_) => json!("done"),
        Outcome::Failed(failure) => json!({"verdict": failure.verdict, "error": failure.error}),
        Outcome::LookedUp(_) => json!("looked up"),
    };
    if let Value::Object(fields) = &mut body {
        fields.insert("result".to_owned(), result);
    }
    record.journal.push(note(now, one.deal, "effect", body));
    let mut tell_again = None;
    if let Outcome::Failed(failure) = &outcome
        && failure.verdict == Verdict::Reject
        && !one.effect.repeats
    {
        tell_again = not_done(deals, one, &failure.error, now, record);
    }
    let (answered, failed) = match &outcome {
        Outcome::Answered(answer) => (Some(answer.clone()), None),
        Outcome::Failed(failure) => (None, Some(failure.clone())),
        Outcome::LookedUp(_) => (None, None),
    };
    if failed
        .as_ref()
        .is_some_and(|failure| failure.verdict == Verdict::Reauthorize)
    {
        let remote = if is_accounting(&one.action) {
            Remote::KonturAccounting
        } else {
            Remote::Bitrix24
        };
        record.cases.push(access::lost_to(remote));
    }
    let settlement = ctx.settle(&one.effect, outcome);
    record
        .effects
        .extend(settlement.change.map(|change| (one.effect.id, change)));
    let again_at = settlement.again_at.or(tell_again);
    if settlement.needs_person {
        let effect = Effect {
            error: failed.as_ref().map(|failure| failure.error.clone()),
            ..one.effect.clone()
        };
        for id in lists::deals_of(one.deal, &one.action) {
            tell::exhausted(id, &effect, record);
        }
    }
    if answered.is_none() {
        lists::not_heard(deals, &one.action, again_at);
    } else {
        for (id, _) in lists::others_of(&one.action) {
            if let Some(deal) = deals.get_mut(&id) {
                tell::withdraw(deal, one.action.kind(), record);
            }
        }
    }
    let Some(deal) = deals.get_mut(&one.deal) else {
        return;
    };
    if let Some(answer) = answered {
        note_success(&one.effect, one.deal, &one.action, &answer, now, record);
        tell::withdraw(deal, one.action.kind(), record);
        fold(deal, &one.action, &answer, now);
    } else {
        // Whatever else the deal needs waits for this.
        deal.finished = true;
        if let Some(at) = again_at {
            let reason = format!("`{}` is to be tried or looked up again", one.effect.action);
            deal.again = earlier(deal.again.take(), Some((at, reason)));
        }
    }
}

/// A remote refused it: a person is asked, of every deal that it would have told of. A message that can be edited no more
/// is left as it is, and another tells of all; gives when.
fn not_done(
    deals: &mut BTreeMap<DealId, Looked>,
    one: &Sent,
    error: &str,
    now: Timestamp,
    record: &mut Record,
) -> Option<Timestamp> {
    if let Action::Notify {
        edits: Some(message),
        ..
    } = &one.action
    {
        record.cases.push(CaseChange::Unedited(message.clone()));
        return Some(now);
    }
    for id in lists::deals_of(one.deal, &one.action) {
        // Of a deal that is not looked at now it is found out once it is.
        if id == one.deal || deals.contains_key(&id) {
            tell::refused(id, &one.effect, error, record);
        }
    }
    None
}

/// What a success changes in our books, committed with it.
pub(crate) fn note_success(
    effect: &Effect,
    deal: DealId,
    action: &Action,
    answer: &Value,
    now: Timestamp,
    record: &mut Record,
) {
    if let Some(number) = action.uses_up() {
        orders::used_up(deal, number, now, record);
    }
    match action {
        Action::IssueInvoice { .. } => {
            if let Some(invoice) = our_invoice(action, answer, now) {
                record
                    .invoice_links
                    .push(known::link_of(deal, &invoice, now));
            }
        }
        Action::CreateCounterparty {
            organisation,
            counterparty,
        } => {
            if let Some(id) = answer.get("id").and_then(Value::as_str) {
                record.counterparty_links.push(CounterpartyLink {
                    organisation: organisation.clone(),
                    key: counterparty.key.clone(),
                    contractor: ContractorId::new(id),
                });
            }
        }
        // With the message itself: whoever hears of a day twice takes it for another, and a later question joins its list.
        Action::Notify {
            whom, about, list, ..
        } => {
            let within = match whom {
                Whom::User(user) => Some(ToldIn::Bell {
                    user: *user,
                    list: list.as_ref().map_or(0, |list| list.number),
                }),
                Whom::Administrator => writes::message_of(answer).map(ToldIn::Chat),
                Whom::HeadOf(_) => None,
            };
            let own = (deal, about.as_str());
            let heard = lists::others_of(action).chain([own]);
            let heard = heard.map(|(id, about)| CaseChange::ToldOf {
                subject: Subject::deal(id),
                key: about.to_owned(),
                sent_at: effect.sent_at.unwrap_or(now),
                at: now,
                within: within.clone(),
            });
            record.cases.extend(heard);
        }
        Action::WriteFields { .. }
        | Action::AddTimelineEntry { .. }
        | Action::AttachPdf { .. }
        | Action::MoveStage { .. } => {}
    }
}

/// The outcome becomes part of the snapshot, so that the next plan sees it without a call.
pub(crate) fn fold(deal: &mut Looked, action: &Action, answer: &Value, now: Timestamp) {
    let snapshot = &mut deal.snapshot;
    snapshot.our_changes.extend(writes::written_at(answer));
    if let Some(number) = action.uses_up() {
        snapshot.use_up(number);
    }
    match action {
        Action::IssueInvoice { .. } => {
            snapshot.creating = None;
            deal.create_again = None;
            snapshot.last_issued = Some(now);
            snapshot.invoices.extend(our_invoice(action, answer, now));
            snapshot.invoices.sort_by_key(|invoice| invoice.slot);
        }
        Action::CreateCounterparty {
            organisation,
            counterparty,
        } => {
            if let Some(id) = answer.get("id").and_then(Value::as_str) {
                snapshot
                    .counterparties
                    .entry((organisation.clone(), counterparty.key.who.clone()))
                    .or_default()
                    .push(domain::observed::KnownCounterparty {
                        id: ContractorId::new(id),
                        counterparty: counterparty.clone(),
                    });
            }
        }
        Action::WriteFields { fields } => {
            for (field, value) in fields {
                snapshot.written.push((now, *field, value.clone()));
            }
            snapshot.show(fields);
            if let Some(changed) = changed_by_us(answer) {
                snapshot.changed_by_us(changed);
                let invoice = snapshot.live_invoice();
                deal.links
                    .extend(invoice.map(|invoice| known::link_of(deal.id, invoice, now)));
            }
        }
        Action::AddTimelineEntry { .. } | Action::AttachPdf { .. } => {
            let id = answer.get("id").and_then(Value::as_str).map(str::to_owned);
            snapshot.done.insert(action.mark(), id);
        }
        Action::MoveStage {
            to,
            changed,
            trigger,
            ..
        } => {
            snapshot.done.insert(action.mark(), None);
            if *trigger {
                let fired = Fired {
                    at: now,
                    since: *changed,
                };
                snapshot.fired.insert(action.mark(), fired);
            } else {
                snapshot.moved_to(to);
            }
        }
        Action::Notify { about, .. } => {
            if let Some(open) = snapshot.open_cases.get_mut(about) {
                open.told = true;
            }
        }
    }
}

fn changed_by_us(answer: &Value) -> Option<Timestamp> {
    serde_json::from_value(answer.get("changed")?.clone()).ok()?
}

fn our_invoice(action: &Action, answer: &Value, now: Timestamp) -> Option<OurInvoice> {
    let Action::IssueInvoice {
        slot,
        contractor: _,
        draft,
        seller,
        ordered,
        called: _,
    } = action
    else {
        return None;
    };
    let invoice: Invoice = serde_json::from_value(answer.get("invoice")?.clone()).ok()?;
    Some(OurInvoice {
        slot: *slot,
        organisation: draft.seller.clone(),
        id: invoice.id,
        contractor: invoice.contractor,
        billed: invoice.counterparty,
        number: invoice.number,
        date: invoice.date,
        total: invoice.totals.gross,
        revision: draft.revision(),
        draft: (**draft).clone(),
        seller: (**seller).clone(),
        status: invoice.status,
        live: true,
        deleted: false,
        compared: None,
        replaced: false,
        order_open: *ordered,
        adopted: false,
        paid_before: Money::ZERO,
        adopted_on: None,
        paid_there: Money::ZERO,
        // One whose answer was lost may be paid by the time that it is found.
        paid_since: (invoice.status == InvoiceStatus::Paid).then_some(now),
    })
}
