//! Telling the administrator of questions that no look at a deal tells of: about the portal itself, and about
//! subjects whose looks die.
//!
//! Rung after every look at a task of the portal. One message per cause; each goes under an effect like any
//! other write, and is looked for by its mark when its answer was lost. Not here: questions about deals
//! (`deal/tell`).

use capability::portal::{PortalWrite, Written};
use domain::EffectKey;
use engine::{Halted, LeaseContext, LookUp, Outcome};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{
    Case, CaseChange, CaseFilter, Effect, EffectState, NewEffect, Record, SendDecision, Subject,
    SubjectKind,
};

use crate::{Connected, Reconciler, journal, portal_task};

/// What one message is; the request of its effect.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Bell {
    dialog: String,
    text: String,
    mark: String,
    /// The questions it tells of.
    cases: Vec<i64>,
}

impl Bell {
    fn write(&self) -> PortalWrite {
        PortalWrite::PostToChat {
            dialog: self.dialog.clone(),
            text: self.text.clone(),
            mark: self.mark.clone(),
        }
    }
}

/// Settles what a former ringing left unknown, and rings for what nobody was told of.
pub(crate) async fn ring(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
) -> Result<(), Halted> {
    let Some(dialog) = &connected.policy.administrator else {
        return Ok(());
    };
    settle(ctx, connected).await?;
    if !connected.policy.is_at_work() {
        // Told once a funnel is active.
        return Ok(());
    }
    if connected.policy.notices.quiet_until(ctx.now()).is_some() {
        // Rung with every task of the portal: in the morning as well.
        return Ok(());
    }
    let bells = bells(dialog, untold(ctx).await?);
    if bells.is_empty() {
        return Ok(());
    }
    send(reconciler, ctx, connected, &bells).await
}

async fn untold(ctx: &LeaseContext) -> Result<Vec<Case>, Halted> {
    let filter = CaseFilter::default();
    let open = ctx.store().cases_open(&ctx.portal(), &filter).await?;
    Ok(open
        .into_iter()
        .filter(|case| case.told_at.is_none_or(|at| at < case.changed_at))
        // A deal that was set aside has no look that could tell.
        .filter(|case| {
            case.facts.subject.kind != SubjectKind::Deal
                || case.facts.key == engine::set_aside::CASE_KEY
        })
        .collect())
}

fn bells(dialog: &str, untold: Vec<Case>) -> Vec<Bell> {
    let mut bells: Vec<(String, Bell)> = Vec::new();
    for case in untold {
        let known = bells
            .iter_mut()
            .find(|(cause, _)| *cause == case.facts.cause);
        match known {
            Some((_, bell)) => bell.cases.push(case.id),
            None => bells.push((
                case.facts.cause,
                Bell {
                    dialog: dialog.to_owned(),
                    text: case.facts.text,
                    mark: format!("pv-case-{}-{}", case.id, case.changed_at.as_second()),
                    cases: vec![case.id],
                },
            )),
        }
    }
    bells.into_iter().map(|(_, bell)| bell).collect()
}

fn desk() -> Subject {
    Subject::portal(portal_task::CASES)
}

async fn send(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
    bells: &[Bell],
) -> Result<(), Halted> {
    let portal = ctx.portal();
    let effects: Vec<NewEffect> = bells
        .iter()
        .map(|bell| NewEffect {
            key: EffectKey::of(&portal, ["bell", bell.mark.as_str()])
                .as_str()
                .to_owned(),
            once: false,
            subject: desk(),
            action: "notify".to_owned(),
            request: serde_json::to_value(bell).unwrap_or_default(),
            request_hash: bell.mark.clone(),
            repeatable: false,
            quiet: reconciler.settings.portal_quiet,
            deadline: reconciler.settings.write_deadline,
            not_before: None,
        })
        .collect();
    let decisions = ctx.send(&effects).await?;
    let sent: Vec<(&Bell, Effect)> = bells
        .iter()
        .zip(decisions)
        .filter_map(|(bell, decision)| match decision {
            SendDecision::Send(effect) => Some((bell, effect)),
            // The next ringing finds it settled, or its moment come.
            SendDecision::Held { .. } => None,
        })
        .collect();
    if sent.is_empty() {
        return Ok(());
    }
    let mut call = ctx.call(&portal);
    if let Some(not_after) = sent.iter().filter_map(|(_, effect)| effect.not_after).min() {
        call = call.not_after(not_after);
    }
    let writes: Vec<PortalWrite> = sent.iter().map(|(bell, _)| bell.write()).collect();
    let mut answers = connected
        .portal
        .write
        .write(&call, &writes)
        .await
        .into_iter();
    let mut record = Record {
        journal: journal::exchanges(&call, &[]),
        ..Record::default()
    };
    for (bell, effect) in sent {
        let outcome = match answers.next() {
            Some(Ok(Written { id, .. })) => Outcome::Answered(serde_json::json!({"id": id})),
            Some(Err(error)) => Outcome::from(error),
            None => Outcome::missing("the connector gave no answer for it"),
        };
        let is_told = matches!(outcome, Outcome::Answered(_));
        note(ctx, &effect, outcome, &mut record);
        if is_told {
            record.cases.extend(told(bell, ctx.now()));
        }
    }
    ctx.record(record).await
}

/// Looks for the messages whose fate is not known.
async fn settle(ctx: &LeaseContext, connected: &Connected) -> Result<(), Halted> {
    let known = ctx.known(&[desk()]).await?;
    let left: Vec<(Bell, Effect)> = known
        .effects
        .into_iter()
        .filter(|effect| matches!(effect.state, EffectState::Sent | EffectState::Unknown))
        .filter_map(|effect| Some((serde_json::from_value(effect.request.clone()).ok()?, effect)))
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    let portal = ctx.portal();
    let call = ctx.call(&portal);
    let writes: Vec<PortalWrite> = left.iter().map(|(bell, _)| bell.write()).collect();
    let seen = connected.portal.write.look_up(&call, &writes).await;
    let mut record = Record {
        journal: journal::exchanges(&call, &[]),
        ..Record::default()
    };
    for ((bell, effect), seen) in left.iter().zip(seen) {
        let seen = match seen {
            Ok(Some(Written { id, .. })) => LookUp::Found(serde_json::json!({"id": id})),
            Ok(None) => LookUp::Absent,
            Err(error) => LookUp::Failed((&error).into()),
        };
        if matches!(seen, LookUp::Found(_)) {
            record.cases.extend(told(bell, ctx.now()));
        }
        note(ctx, effect, seen.into(), &mut record);
    }
    ctx.record(record).await
}

fn note(ctx: &LeaseContext, effect: &Effect, outcome: Outcome, record: &mut Record) {
    // The next look at a task of the portal comes soon enough for whatever is to be done again.
    let settlement = ctx.settle(effect, outcome);
    record
        .effects
        .extend(settlement.change.map(|change| (effect.id, change)));
}

fn told(bell: &Bell, at: Timestamp) -> Vec<CaseChange> {
    let told = |id: &i64| CaseChange::Told { id: *id, at };
    bell.cases.iter().map(told).collect()
}
