//! Telling the administrator, or the accountant of what is his, of questions that no look at a deal tells of: about the
//! portal itself, and about subjects whose looks die.
//!
//! Rung after every look at a task of the portal. One message per cause, which is edited when another question joins it;
//! each goes under an effect like any other write, and is looked for by its mark when its answer was lost. Not here:
//! questions about deals (`deal/administrator`).

use std::collections::{BTreeMap, BTreeSet};

use capability::portal::PortalWrite;
use domain::{EffectKey, PortalId, Verdict};
use engine::{Halted, LeaseContext, LookUp, Outcome};
use jiff::Timestamp;
use planner::Policy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    Case, CaseChange, CaseFilter, CauseMessage, Effect, EffectState, NewEffect, Record,
    SendDecision, Subject, SubjectKind, ToldAdministrator,
};

use crate::deal::{answer, message_of};
use crate::{Connected, Reconciler, journal, portal_task};

/// What one message is; the request of its effect.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Bell {
    dialog: String,
    text: String,
    mark: String,
    /// The questions it tells of.
    cases: Vec<i64>,
    /// The message whose text it takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edits: Option<String>,
}

impl Bell {
    fn write(&self) -> PortalWrite {
        match &self.edits {
            Some(message) => PortalWrite::EditInChat {
                dialog: self.dialog.clone(),
                message: message.clone(),
                text: self.text.clone(),
            },
            None => PortalWrite::PostToChat {
                dialog: self.dialog.clone(),
                text: self.text.clone(),
                mark: self.mark.clone(),
            },
        }
    }

    /// What a message is to say is edited until it says it.
    fn hash(&self) -> String {
        match &self.edits {
            Some(_) => format!("{}/{:?}", self.mark, self.cases),
            None => self.mark.clone(),
        }
    }

    /// One message is edited by one at a time.
    fn key(&self, portal: &PortalId) -> EffectKey {
        match &self.edits {
            Some(message) => EffectKey::of(portal, ["message", message.as_str()]),
            None => EffectKey::of(portal, ["bell", self.mark.as_str()]),
        }
    }
}

/// Settles what a former ringing left unknown, and rings for what nobody was told of.
pub(crate) async fn ring(
    reconciler: &Reconciler,
    ctx: &LeaseContext,
    connected: &Connected,
) -> Result<(), Halted> {
    let policy = &connected.policy;
    if policy.administrator.is_none() && policy.accountant.is_none() {
        return Ok(());
    }
    settle(ctx, connected).await?;
    if !policy.is_at_work() {
        // Told once a funnel is active.
        return Ok(());
    }
    if policy.notices.quiet_until(ctx.now()).is_some() {
        // Rung with every task of the portal: in the morning as well.
        return Ok(());
    }
    let mut untold = untold(ctx).await?;
    untold.retain(|case| !policy.notices.is_off(&case.facts.code));
    let mut rung = Vec::new();
    for (dialog, untold) in by_dialog(policy, untold) {
        let causes: BTreeSet<String> = untold.iter().map(|case| case.facts.cause.clone()).collect();
        let (told, messages) = ctx
            .store()
            .cases_told_administrator(&ctx.portal(), dialog, causes, MOST_NAMED)
            .await?;
        rung.extend(bells(dialog, untold, &told, &messages));
    }
    if rung.is_empty() {
        return Ok(());
    }
    send(reconciler, ctx, connected, &rung).await
}

/// What is told in each chat; what nobody hears is in none.
fn by_dialog(policy: &Policy, untold: Vec<Case>) -> BTreeMap<&str, Vec<Case>> {
    let mut dialogs: BTreeMap<&str, Vec<Case>> = BTreeMap::new();
    for case in untold {
        if let Some(dialog) = policy.dialog(&case.facts.code) {
            dialogs.entry(dialog).or_default().push(case);
        }
    }
    dialogs
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

fn bells(
    dialog: &str,
    untold: Vec<Case>,
    told: &[ToldAdministrator],
    messages: &[CauseMessage],
) -> Vec<Bell> {
    let mut causes: Vec<(String, Vec<Case>)> = Vec::new();
    for case in untold {
        let known = causes
            .iter_mut()
            .find(|(cause, _)| *cause == case.facts.cause);
        match known {
            Some((_, cases)) => cases.push(case),
            None => causes.push((case.facts.cause.clone(), vec![case])),
        }
    }
    let bell = |(cause, new): (String, Vec<Case>)| {
        let first = new.first()?;
        let is_new = |one: &ToldAdministrator| {
            let is_it =
                |case: &Case| case.facts.subject == one.subject && case.facts.key == one.key;
            new.iter().any(is_it)
        };
        let before: Vec<&ToldAdministrator> =
            told.iter().filter(|one| one.cause == cause).collect();
        let beyond = before.first().map_or(0, |one| one.of);
        let beyond = usize::try_from(beyond).unwrap_or(usize::MAX);
        let beyond = beyond.saturating_sub(before.len());
        let before = before.into_iter().filter(|one| !is_new(one));
        let texts = new.iter().map(|case| case.facts.text.as_str());
        let texts: Vec<&str> = texts.chain(before.map(|one| one.text.as_str())).collect();
        let message = messages.iter().rfind(|message| message.cause == cause);
        Some(Bell {
            dialog: dialog.to_owned(),
            text: listed(&texts, beyond),
            mark: format!("pv-case-{}-{}", first.id, first.changed_at.as_second()),
            cases: new.iter().map(|case| case.id).collect(),
            edits: message.map(|message| message.id.clone()),
        })
    };
    causes.into_iter().filter_map(bell).collect()
}

/// So many questions one message names, and so many characters.
const MOST_NAMED: usize = 20;
const LONGEST: usize = 12_000;

/// The new ones first, as many as there is room for, but the first one always.
fn listed(texts: &[&str], beyond: usize) -> String {
    let mut said = String::new();
    let mut named: usize = 0;
    for text in texts.iter().take(MOST_NAMED) {
        let length = said.chars().count().saturating_add(text.chars().count());
        if named > 0 && length > LONGEST {
            break;
        }
        if named > 0 {
            said.push('\n');
        }
        said.push_str(text);
        named = named.saturating_add(1);
    }
    let more = texts.len().saturating_sub(named).saturating_add(beyond);
    if more > 0 {
        said.push_str(&format!(
            "\nИ ещё {more}: все вопросы — на страницах «Решения» (платежи) и «Вопросы» и по команде `provodka cases`."
        ));
    }
    said
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
            key: bell.key(&portal).as_str().to_owned(),
            once: false,
            subject: desk(),
            action: "notify".to_owned(),
            request: serde_json::to_value(bell).unwrap_or_default(),
            request_hash: bell.hash(),
            repeatable: false,
            quiet: reconciler.settings.portal_quiet,
            deadline: reconciler.settings.write_deadline,
            not_before: None,
            missed_at: None,
        })
        .collect();
    let decisions = ctx.send(&effects, connected.version).await?;
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
            Some(Ok(written)) => Outcome::Answered(answer(&bell.write(), &written)),
            Some(Err(error)) => Outcome::from(error),
            None => Outcome::missing("the connector gave no answer for it"),
        };
        if let Outcome::Answered(answer) = &outcome {
            record.cases.extend(told(bell, answer, ctx.now()));
        }
        if let (Outcome::Failed(failure), Some(message)) = (&outcome, &bell.edits)
            && failure.verdict == Verdict::Reject
        {
            // The next ringing tells of all in another message.
            record.cases.push(CaseChange::Unedited(message.clone()));
        }
        note(ctx, &effect, outcome, &mut record);
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
            Ok(Some(written)) => LookUp::Found(answer(&bell.write(), &written)),
            Ok(None) if bell.edits.is_some() => LookUp::SafeToRepeat,
            Ok(None) => LookUp::Absent,
            Err(error) => LookUp::Failed((&error).into()),
        };
        if let LookUp::Found(answer) = &seen {
            record.cases.extend(told(bell, answer, ctx.now()));
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

fn told(bell: &Bell, answer: &Value, at: Timestamp) -> Vec<CaseChange> {
    let message = message_of(answer);
    let told = |id: &i64| CaseChange::Told {
        id: *id,
        at,
        message: message.clone(),
    };
    bell.cases.iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::{MOST_NAMED, listed};

    #[test]
    fn what_a_message_leaves_out_is_counted_with_the_pages_that_show_it() {
        assert_eq!(listed(&["первый", "второй"], 0), "первый\nвторой");
        let texts = ["вопрос"; MOST_NAMED + 1];
        let said = listed(&texts, 2);
        assert_eq!(said.lines().count(), MOST_NAMED + 1);
        let last = "И ещё 3: все вопросы — на страницах «Решения» (платежи) и «Вопросы» и по команде `provodka cases`.";
        assert_eq!(said.lines().last(), Some(last));
    }
}
