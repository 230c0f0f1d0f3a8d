//! Settling what a former look left unknown: looked for by its mark or natural key, never guessed.
//!
//! A crash between sending and recording, a lost answer, a write whose effect comes late: all end here.

use std::collections::{BTreeMap, BTreeSet};

use capability::Call;
use capability::accounting::Found;
use capability::portal::{PortalWrite, Presence};
use domain::observed::{DealGlance, KnownCounterparty};
use domain::{
    Counterparty, DealId, Invoice, InvoiceDraft, InvoiceStatus, OrganisationId, StageId, Verdict,
};
use engine::{Halted, LeaseContext, LookUp};
use jiff::{SignedDuration, Timestamp};
use planner::Action;
use serde_json::{Value, json};
use store::{Effect, EffectChange, EffectState, Record, Subject};

use super::{Looked, act, earlier, known, note, tell, writes};
use crate::{Connected, journal};

/// An effect whose fate is not known, with the action behind it.
struct Unsettled {
    deal: DealId,
    effect: Effect,
    action: Action,
}

/// Looks for every effect of the pass that was sent and has no outcome.
pub(crate) async fn unknown(
    ctx: &LeaseContext,
    connected: &Connected,
    deals: &mut BTreeMap<DealId, Looked>,
) -> Result<(), Halted> {
    let subjects: Vec<Subject> = deals.keys().map(|id| Subject::deal(*id)).collect();
    let (unsettled, unreadable) = left_behind(ctx, &subjects).await?;
    if unsettled.is_empty() && unreadable.is_empty() {
        return Ok(());
    }
    let portal = ctx.portal();
    let call = ctx.call(&portal);
    let mut seen = look_for(connected, &call, ctx.now(), &unsettled).await;
    went_with_their_deals(connected, &call, &unsettled, &mut seen).await;
    let mut record = Record {
        journal: journal::exchanges(&call, &subjects),
        ..Record::default()
    };
    // A look-up that got no turn because the portal stands still says nothing of an outcome.
    let in_force = ctx.in_force();
    if in_force.is_ok() {
        for (one, seen) in unsettled.iter().zip(seen) {
            settle(ctx, deals, one, seen, &mut record);
        }
        for effect in unreadable {
            if let Some(deal) = effect.subject.as_deal() {
                tell::cannot_tell(deal, &effect, &mut record);
            }
        }
    }
    ctx.record(record).await?;
    in_force?;
    known::refresh(ctx, connected, deals).await
}

/// What was sent and has no outcome; and apart what another version of the program sent, which we cannot read.
async fn left_behind(
    ctx: &LeaseContext,
    subjects: &[Subject],
) -> Result<(Vec<Unsettled>, Vec<Effect>), Halted> {
    let (mut unsettled, mut unreadable) = (Vec::new(), Vec::new());
    let effects = ctx.known(subjects).await?.effects.into_iter();
    for effect in
        effects.filter(|one| matches!(one.state, EffectState::Sent | EffectState::Unknown))
    {
        match (effect.subject.as_deal(), known::action_of(&effect)) {
            (Some(deal), Some(action)) => unsettled.push(Unsettled {
                deal,
                action,
                effect,
            }),
            _ => unreadable.push(effect),
        }
    }
    Ok((unsettled, unreadable))
}

fn settle(
    ctx: &LeaseContext,
    deals: &mut BTreeMap<DealId, Looked>,
    one: &Unsettled,
    seen: LookUp,
    record: &mut Record,
) {
    let now = ctx.now();
    let looked_up = match &seen {
        LookUp::Found(_) => "found",
        LookUp::Failed(_) => "failed",
        LookUp::Absent | LookUp::CannotTell | LookUp::SafeToRepeat => "not found",
    };
    let body = json!({
        "effect": one.effect.key,
        "action": one.effect.action,
        "looked_up": looked_up,
    });
    record.journal.push(note(now, one.deal, "effect", body));
    if let LookUp::Found(answer) = &seen {
        act::note_success(&one.effect, one.deal, &one.action, answer, now, record);
        if let Some(deal) = deals.get_mut(&one.deal) {
            tell::withdraw(deal, one.action.kind(), record);
        }
    }
    let blind = match &seen {
        LookUp::Failed(failure) => Some(failure.clone()),
        _ => None,
    };
    let settlement = ctx.settle(&one.effect, seen);
    match (&settlement.change, settlement.needs_person) {
        (Some(EffectChange::BackToIntended { .. }), true) => {
            tell::exhausted(one.deal, &one.effect, record);
        }
        (_, true) => tell::cannot_tell(one.deal, &one.effect, record),
        (Some(EffectChange::BackToIntended { .. }), false) => {
            if let Some(deal) = deals.get_mut(&one.deal) {
                tell::withdraw_unknown(deal, one.action.kind(), record);
            }
        }
        (_, false) => {}
    }
    let mut again_at = settlement.again_at;
    if let Some(failure) = blind {
        again_at = again_at.map(|at| at.max(ever_later(&one.effect, now)));
        let hopeless = matches!(failure.verdict, Verdict::Reject | Verdict::Defect);
        if hopeless || blind_for_long(&one.effect, now) {
            tell::cannot_tell(one.deal, &one.effect, record);
        }
    }
    record
        .effects
        .extend(settlement.change.map(|change| (one.effect.id, change)));
    if let Some(deal) = deals.get_mut(&one.deal)
        && let Some(at) = again_at
    {
        let reason = format!("the outcome of `{}` is not settled", one.effect.action);
        let next = match &one.action {
            Action::IssueInvoice { .. } => &mut deal.create_again,
            _ => &mut deal.again,
        };
        *next = earlier(next.take(), Some((at, reason)));
    }
}

/// A remote that does not even answer a look-up is asked at a quarter of the effect's age, at most each 15 minutes.
fn ever_later(effect: &Effect, now: Timestamp) -> Timestamp {
    let age = now.duration_since(effect.sent_at.unwrap_or(effect.created_at));
    let pause = age
        .as_secs()
        .saturating_div(4)
        .clamp(known::LOOK_UP_AGAIN, 900);
    journal::after(now, pause)
}

/// Its fate could be known by now, and the look-up fails still.
fn blind_for_long(effect: &Effect, now: Timestamp) -> bool {
    effect
        .quiet_until
        .is_some_and(|quiet| now > journal::after(quiet, 900))
}

/// What is seen of each effect.
async fn look_for(
    connected: &Connected,
    call: &Call<'_>,
    now: Timestamp,
    unsettled: &[Unsettled],
) -> Vec<LookUp> {
    let mut seen: Vec<LookUp> = unsettled.iter().map(|_| LookUp::CannotTell).collect();
    invoices(connected, call, now, unsettled, &mut seen).await;
    counterparties(connected, call, unsettled, &mut seen).await;
    writes(connected, call, unsettled, &mut seen).await;
    seen
}

/// A deal that is no more shows nothing, and nothing can land on it: what the portal refuses to look up there is absent.
async fn went_with_their_deals(
    connected: &Connected,
    call: &Call<'_>,
    unsettled: &[Unsettled],
    seen: &mut [LookUp],
) {
    let is_refused = |one: &Unsettled, seen: &LookUp| {
        let refused = matches!(seen, LookUp::Failed(failure) if failure.verdict == Verdict::Reject);
        refused && !act::is_accounting(&one.action)
    };
    let refused: BTreeSet<DealId> = unsettled
        .iter()
        .zip(seen.iter())
        .filter(|(one, seen)| is_refused(one, seen))
        .map(|(one, _)| one.deal)
        .collect();
    if refused.is_empty() {
        return;
    }
    let ids: Vec<DealId> = refused.into_iter().collect();
    let Ok(presence) = connected.portal.deals.presence(call, &ids).await else {
        return;
    };
    for (one, seen) in unsettled.iter().zip(seen) {
        if presence.contains(&(one.deal, Presence::Gone)) && is_refused(one, seen) {
            *seen = LookUp::Absent;
        }
    }
}

async fn invoices(
    connected: &Connected,
    call: &Call<'_>,
    now: Timestamp,
    unsettled: &[Unsettled],
    outcomes: &mut [LookUp],
) {
    let mut by_seller: BTreeMap<OrganisationId, Vec<(usize, &Unsettled)>> = BTreeMap::new();
    for (place, one) in unsettled.iter().enumerate() {
        if let Action::IssueInvoice { draft, .. } = &one.action {
            by_seller
                .entry(draft.seller.clone())
                .or_default()
                .push((place, one));
        }
    }
    for (seller, ours) in by_seller {
        let keys: Vec<String> = ours.iter().map(|(_, one)| one.effect.key.clone()).collect();
        let since = ours.iter().map(|(_, one)| since(&one.effect, now)).min();
        let issue = &connected.accounting.issue;
        let found = issue
            .find_marked(call, &seller, since.unwrap_or_default(), &keys)
            .await;
        for (place, one) in ours {
            let seen = match &found {
                Ok(seen) => seen,
                Err(error) => {
                    put(outcomes, place, LookUp::Failed(error.into()));
                    continue;
                }
            };
            let Action::IssueInvoice { draft, .. } = &one.action else {
                continue;
            };
            if let Some(error) = seen.unread.get(&one.effect.key) {
                put(outcomes, place, LookUp::Failed(error.into()));
                continue;
            }
            let marked = seen.found.iter().filter(|(key, _)| *key == one.effect.key);
            // Of several the first that is what was asked for; one that is not is told as any that was changed.
            let invoice = marked
                .map(|(_, invoice)| invoice)
                .min_by_key(|invoice| !is_as_asked(invoice, draft));
            let seen = invoice.map_or(LookUp::Absent, |one| LookUp::Found(issued(one)));
            put(outcomes, place, seen);
        }
    }
}

async fn counterparties(
    connected: &Connected,
    call: &Call<'_>,
    unsettled: &[Unsettled],
    outcomes: &mut [LookUp],
) {
    for (place, one) in unsettled.iter().enumerate() {
        let Action::CreateCounterparty {
            organisation,
            counterparty,
        } = &one.action
        else {
            continue;
        };
        let counterparties = &connected.accounting.counterparties;
        let found = match counterparty.key.who.inn() {
            Some(inn) => {
                let inns = std::slice::from_ref(inn);
                let found = counterparties.find(call, organisation, inns).await;
                found.and_then(Found::whole)
            }
            None => {
                let ours = std::slice::from_ref(counterparty);
                counterparties.find_ours(call, organisation, ours).await
            }
        };
        let seen = match found {
            Ok(found) => among(&found, counterparty),
            Err(error) => LookUp::Failed((&error).into()),
        };
        put(outcomes, place, seen);
    }
}

fn among(found: &[KnownCounterparty], wanted: &Counterparty) -> LookUp {
    found
        .iter()
        .find(|one| one.counterparty.key == wanted.key)
        .map_or(LookUp::Absent, |one| {
            LookUp::Found(json!({"id": one.id.as_str()}))
        })
}

async fn writes(
    connected: &Connected,
    call: &Call<'_>,
    unsettled: &[Unsettled],
    outcomes: &mut [LookUp],
) {
    let mut places = Vec::new();
    let mut writes = Vec::new();
    for (place, one) in unsettled.iter().enumerate() {
        if let Some(write) = writes::portal_write(connected, one.deal, &one.effect.key, &one.action)
        {
            places.push(place);
            writes.push(write);
        } else if matches!(one.action, Action::Notify { .. }) {
            // There is nobody to tell any more, so nothing is sent again.
            put(outcomes, place, LookUp::SafeToRepeat);
        }
    }
    let found = if writes.is_empty() {
        Vec::new()
    } else {
        connected.portal.write.look_up(call, &writes).await
    };
    for ((place, write), seen) in places.into_iter().zip(&writes).zip(found) {
        let seen = match seen {
            Ok(Some(written)) => LookUp::Found(writes::answer(write, &written)),
            Ok(None) if idempotent(write) => LookUp::SafeToRepeat,
            Ok(None) => LookUp::Absent,
            Err(error) => LookUp::Failed((&error).into()),
        };
        put(outcomes, place, seen);
    }
    stages(connected, call, unsettled, outcomes).await;
    // A file's bytes are not kept with its effect; putting it again replaces it.
    for (place, one) in unsettled.iter().enumerate() {
        if matches!(one.action, Action::AttachPdf { .. }) {
            put(outcomes, place, LookUp::SafeToRepeat);
        }
    }
}

/// Where the deals stand that were to be moved: one that is there was moved, whoever did it.
async fn stages(
    connected: &Connected,
    call: &Call<'_>,
    unsettled: &[Unsettled],
    outcomes: &mut [LookUp],
) {
    let moves: Vec<(usize, DealId, &StageId)> = unsettled
        .iter()
        .enumerate()
        .filter_map(|(place, one)| match &one.action {
            Action::MoveStage { to, .. } => Some((place, one.deal, to)),
            _ => None,
        })
        .collect();
    if moves.is_empty() {
        return;
    }
    let ids: Vec<DealId> = moves.iter().map(|(_, deal, _)| *deal).collect();
    let seen = connected.portal.deals.glance(call, &ids).await;
    for (place, deal, to) in moves {
        let outcome = match &seen {
            Err(error) => LookUp::Failed(error.into()),
            Ok(seen) => {
                let is_there = |glance: &&DealGlance| glance.deal.id == deal;
                match seen.iter().find(is_there) {
                    Some(glance) if glance.deal.stage == *to => LookUp::Found(json!({"id": null})),
                    Some(_) | None => LookUp::SafeToRepeat,
                }
            }
        };
        put(outcomes, place, outcome);
    }
}

fn idempotent(write: &PortalWrite) -> bool {
    match write {
        PortalWrite::SetFields { .. }
        | PortalWrite::MoveStage { .. }
        | PortalWrite::FirePaidTrigger { .. }
        | PortalWrite::AttachFile { .. }
        | PortalWrite::Notify { .. }
        | PortalWrite::EditInChat { .. } => true,
        PortalWrite::AddTimelineEntry { .. } | PortalWrite::PostToChat { .. } => false,
    }
}

fn put(outcomes: &mut [LookUp], place: usize, seen: LookUp) {
    if let Some(slot) = outcomes.get_mut(place) {
        *slot = seen;
    }
}

/// Whether an invoice that stands is what a draft asks for, as far as it tells.
pub(crate) fn is_as_asked(invoice: &Invoice, draft: &InvoiceDraft) -> bool {
    let wanted = draft.totals().map(|totals| totals.amounts());
    let buyer = &draft.buyer.key;
    let mut billed = invoice.counterparty.iter();
    invoice.status != InvoiceStatus::Cancelled
        && wanted.is_ok_and(|wanted| wanted == invoice.totals)
        && billed.all(|billed| buyer.who.inn().is_none() || billed.may_be(buyer))
}

/// What the effect of an issued invoice keeps.
pub(crate) fn issued(invoice: &Invoice) -> Value {
    json!({"id": invoice.id.as_str(), "invoice": invoice})
}

/// From when on the list by change is read: a while before the first sending, as clocks differ by minutes, and ours
/// may have been an hour wrong when the effect was stored, or be so now.
fn since(effect: &Effect, now: Timestamp) -> Timestamp {
    let at_most_now = effect.created_at.min(now);
    at_most_now
        .checked_sub(SignedDuration::from_mins(70))
        .unwrap_or(Timestamp::MIN)
}
