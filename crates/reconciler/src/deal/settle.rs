//! Settling what a former look left unknown: looked for by its mark or natural key, never guessed.
//!
//! A crash between sending and recording, a lost answer, a write whose effect comes late: all end here.

use std::collections::BTreeMap;

use capability::Call;
use capability::portal::PortalWrite;
use domain::observed::KnownCounterparty;
use domain::{Counterparty, DealId, Invoice, OrganisationId};
use engine::{Halted, LeaseContext, LookUp, Outcome};
use jiff::{SignedDuration, Timestamp};
use planner::Action;
use serde_json::{Value, json};
use store::{Effect, EffectState, Record, Subject};

use super::{Looked, act, earlier, known, note, tell};
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
    let unsettled = left_behind(ctx, &subjects).await?;
    if unsettled.is_empty() {
        return Ok(());
    }
    let portal = ctx.portal();
    let call = ctx.call(&portal);
    let outcomes = look_for(connected, &call, &unsettled).await;
    let mut record = Record {
        journal: journal::exchanges(&call, &subjects),
        ..Record::default()
    };
    for (one, outcome) in unsettled.iter().zip(outcomes) {
        // A look-up that itself failed says nothing about the effect.
        let Some(outcome) = outcome else {
            if let Some(deal) = deals.get_mut(&one.deal) {
                let at = journal::after(ctx.now(), 15);
                let reason = "the look-up of an unknown effect failed".to_owned();
                deal.again = earlier(deal.again.take(), Some((at, reason)));
                deal.finished = true;
            }
            continue;
        };
        settle(ctx, deals, one, outcome, &mut record);
    }
    ctx.record(record).await?;
    known::refresh(ctx, deals).await
}

async fn left_behind(ctx: &LeaseContext, subjects: &[Subject]) -> Result<Vec<Unsettled>, Halted> {
    Ok(ctx
        .known(subjects)
        .await?
        .effects
        .into_iter()
        .filter(|effect| matches!(effect.state, EffectState::Sent | EffectState::Unknown))
        .filter_map(|effect| {
            Some(Unsettled {
                deal: effect.subject.id.parse().ok()?,
                action: known::action_of(&effect)?,
                effect,
            })
        })
        .collect())
}

fn settle(
    ctx: &LeaseContext,
    deals: &mut BTreeMap<DealId, Looked>,
    one: &Unsettled,
    outcome: Outcome,
    record: &mut Record,
) {
    let now = ctx.now();
    let found = matches!(&outcome, Outcome::LookedUp(LookUp::Found(_)));
    let body = json!({
        "effect": one.effect.key,
        "action": one.effect.action,
        "looked_up": if found { "found" } else { "not found" },
    });
    record.journal.push(note(now, one.deal, "effect", body));
    if let Outcome::LookedUp(LookUp::Found(answer)) = &outcome {
        act::note_success(one.deal, &one.action, answer, now, record);
        if let Some(deal) = deals.get_mut(&one.deal) {
            tell::withdraw(deal, one.action.kind(), record);
        }
    }
    let settlement = ctx.settle(&one.effect, outcome);
    record
        .effects
        .extend(settlement.change.map(|change| (one.effect.id, change)));
    if settlement.needs_person {
        tell::cannot_tell(one.deal, &one.effect, record);
    }
    if let Some(deal) = deals.get_mut(&one.deal)
        && let Some(at) = settlement.again_at
    {
        let reason = format!("the outcome of `{}` is not settled", one.effect.action);
        deal.again = earlier(deal.again.take(), Some((at, reason)));
    }
}

/// One outcome per effect; none where the look-up itself failed.
async fn look_for(
    connected: &Connected,
    call: &Call<'_>,
    unsettled: &[Unsettled],
) -> Vec<Option<Outcome>> {
    let mut outcomes: Vec<Option<Outcome>> = unsettled.iter().map(|_| None).collect();
    invoices(connected, call, unsettled, &mut outcomes).await;
    counterparties(connected, call, unsettled, &mut outcomes).await;
    writes(connected, call, unsettled, &mut outcomes).await;
    outcomes
}

async fn invoices(
    connected: &Connected,
    call: &Call<'_>,
    unsettled: &[Unsettled],
    outcomes: &mut [Option<Outcome>],
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
        let since = ours.iter().map(|(_, one)| since(&one.effect)).min();
        let issue = &connected.accounting.issue;
        let found = issue
            .find_by_key(call, &seller, since.unwrap_or_default(), &keys)
            .await;
        let Ok(found) = found else {
            continue;
        };
        for (place, one) in ours {
            let invoice = found.iter().find(|(key, _)| *key == one.effect.key);
            let seen = match invoice {
                Some((_, invoice)) => LookUp::Found(issued(invoice)),
                None if issue.honours_idempotency_key() => LookUp::SafeToRepeat,
                None => LookUp::Absent,
            };
            put(outcomes, place, seen);
        }
    }
}

async fn counterparties(
    connected: &Connected,
    call: &Call<'_>,
    unsettled: &[Unsettled],
    outcomes: &mut [Option<Outcome>],
) {
    for (place, one) in unsettled.iter().enumerate() {
        let Action::CreateCounterparty {
            organisation,
            counterparty,
        } = &one.action
        else {
            continue;
        };
        let inns = [counterparty.key.inn.clone()];
        let found = connected
            .accounting
            .counterparties
            .find(call, organisation, &inns)
            .await;
        if let Ok(found) = found {
            put(outcomes, place, among(&found, counterparty));
        }
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
    outcomes: &mut [Option<Outcome>],
) {
    let mut places = Vec::new();
    let mut writes = Vec::new();
    for (place, one) in unsettled.iter().enumerate() {
        if let Some(write) = act::portal_write(connected, one.deal, &one.effect.key, &one.action) {
            places.push(place);
            writes.push(write);
        }
    }
    let found = if writes.is_empty() {
        Vec::new()
    } else {
        connected.portal.write.look_up(call, &writes).await
    };
    for ((place, write), seen) in places.into_iter().zip(&writes).zip(found) {
        let seen = match seen {
            Ok(Some(written)) => LookUp::Found(json!({"id": written.id})),
            Ok(None) if idempotent(write) => LookUp::SafeToRepeat,
            Ok(None) => LookUp::Absent,
            Err(_) => continue,
        };
        put(outcomes, place, seen);
    }
    // A file's bytes are not kept with its effect; putting it again replaces it.
    for (place, one) in unsettled.iter().enumerate() {
        if matches!(one.action, Action::AttachPdf { .. }) {
            put(outcomes, place, LookUp::SafeToRepeat);
        }
    }
}

fn idempotent(write: &PortalWrite) -> bool {
    match write {
        PortalWrite::SetFields { .. }
        | PortalWrite::AttachFile { .. }
        | PortalWrite::Notify { .. } => true,
        PortalWrite::AddTimelineEntry { .. } | PortalWrite::PostToChat { .. } => false,
    }
}

fn put(outcomes: &mut [Option<Outcome>], place: usize, seen: LookUp) {
    if let Some(slot) = outcomes.get_mut(place) {
        *slot = Some(Outcome::LookedUp(seen));
    }
}

/// What the effect of an issued invoice keeps.
pub(crate) fn issued(invoice: &Invoice) -> Value {
    json!({"id": invoice.id.as_str(), "invoice": invoice})
}

/// Clocks differ: the list by change is read from a while before the first sending.
fn since(effect: &Effect) -> Timestamp {
    effect
        .created_at
        .checked_sub(SignedDuration::from_mins(10))
        .unwrap_or(Timestamp::MIN)
}
