//! The end of a pass: every look is settled, with the next one where something is left.

use std::collections::BTreeMap;

use domain::DealId;
use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use planner::{Action, Policy, Seen};
use store::{
    CaseChange, CaseState, Effect, EffectChange, EffectState, Lane, Look, Record, Settled, Subject,
};

use super::{Looked, earlier, known, tell};
use crate::{feed, journal, twins};

/// Settles every look: forgotten until something happens, or due again when an effect or a rule says so.
pub(crate) async fn conclude(
    ctx: &LeaseContext,
    policy: &Policy,
    deals: BTreeMap<DealId, Looked>,
) -> Result<(), Halted> {
    let now = ctx.now();
    let mut record = Record {
        cases: told(ctx, &deals).await?,
        effects: no_longer_wanted(ctx, policy, &deals).await?,
        looks: forgotten_bills(ctx, &deals).await?,
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
            let again = earlier(deal.again.take(), deal.create_again.take());
            let day = deal.next_day.take();
            let next = match (again, deal.trailing, deal.finished) {
                (Some(again), _, _) => earlier(Some(again), day).map(due),
                (None, true, _) => Some((now, Lane::Trailing, crate::feed::FILE.to_owned())),
                (None, false, true) => day.map(due),
                (None, false, false) if deal.waits_for_turn => Some((
                    journal::after(now, 1),
                    ctx.lane(),
                    WAITS_FOR_TURN.to_owned(),
                )),
                (None, false, false) => Some(not_settled(&mut deal, now, &mut record)),
            };
            // What the accounting side told is not forgotten by a look that never came to ask it.
            let is_asked = !matches!(deal.snapshot.seen, Seen::Unread);
            let mut reasons = deal.work.reasons.iter();
            if let Some((due_at, ..)) = &next
                && !is_asked
                && reasons.any(|reason| feed::asks_accounting(reason))
            {
                record.looks.push(Look {
                    subject: Subject::deal(deal.id),
                    lane: Lane::Due,
                    due_at: *due_at,
                    reason: feed::CHANGED.to_owned(),
                });
            }
            Settled {
                work: deal.work,
                next,
            }
        })
        .collect();
    ctx.record(record).await
}

fn due((at, reason): (Timestamp, String)) -> (Timestamp, Lane, String) {
    (at, Lane::Due, reason)
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
    policy: &Policy,
    deals: &BTreeMap<DealId, Looked>,
) -> Result<Vec<(i64, EffectChange)>, Halted> {
    let agreed: Vec<Subject> = deals
        .values()
        .filter(|deal| deal.intends && deal.agreed && tell::untold(deal, policy).actions.is_empty())
        .map(|deal| Subject::deal(deal.id))
        .collect();
    if agreed.is_empty() {
        return Ok(Vec::new());
    }
    let left = ctx.known(&agreed).await?.effects.into_iter();
    let reason = "both sides agree without it";
    // Whoever gave an order waits for its answer still, and a person may have it sent again.
    let is_given_up = |effect: &Effect| {
        let deal = effect.subject.as_deal().and_then(|id| deals.get(&id));
        deal.zip(known::action_of(effect))
            .is_some_and(|(deal, action)| {
                let Action::AddTimelineEntry { about, .. } = action else {
                    return false;
                };
                planner::answers_given_up(&deal.snapshot).any(|one| one == about)
            })
    };
    Ok(left
        .filter(|effect| effect.state == EffectState::Intended && !is_given_up(effect))
        .map(|effect| {
            let reason = reason.to_owned();
            (effect.id, EffectChange::Superseded { reason })
        })
        .collect())
}

/// Bills that we forgot and that did not fit their deals: whoever changed such a deal may have made it fit.
async fn forgotten_bills(
    ctx: &LeaseContext,
    deals: &BTreeMap<DealId, Looked>,
) -> Result<Vec<Look>, Halted> {
    let is_changed = |deal: &&Looked| {
        let mut open = deal.snapshot.open_cases.keys();
        let is_seen = !deal.snapshot.undisturbed && deal.snapshot.glance().is_some();
        is_seen && open.any(|key| planner::twins::is_about(key))
    };
    let changed: Vec<Subject> = deals
        .values()
        .filter(is_changed)
        .map(|deal| Subject::deal(deal.id))
        .collect();
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let cases = ctx.known(&changed).await?.cases;
    let open = cases.iter().filter(|case| case.state == CaseState::Open);
    let bills = open.filter_map(|case| twins::forgotten_bill(&case.facts));
    Ok(bills
        .map(|subject| Look {
            subject,
            lane: Lane::Due,
            due_at: ctx.now(),
            reason: "its deal may fit by now".to_owned(),
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
            message: None,
        })
        .collect())
}
