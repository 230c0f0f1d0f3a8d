//! What the administrator is told, or the accountant of what is his where policy names his chat: one message for a cause,
//! however many deals have it. A later deal joins it, and the message is edited as long as the portal lets us; then another
//! tells of all. The rule is `planner::notices`.
//!
//! The message belongs to the first of its new questions. The others count as told once it was heard, and are told anew if
//! it was not. While a message of a cause is on its way, whatever else has that cause waits: what it is to be edited to is
//! not known before it is there.

use std::collections::{BTreeMap, BTreeSet};

use domain::{DealId, PortalId};
use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use planner::notices::{self, Asked, Entry, InChat};
use planner::{Action, CaseCode, Policy, Whom};
use store::{CauseMessage, ToldAdministrator};

use super::lists::{self, Group, Lists, SAME_DAY};
use super::{Looked, known};
use crate::{Connected, journal};

/// The same actions, with one message for each cause.
pub(crate) async fn gather(
    ctx: &LeaseContext,
    connected: &Connected,
    lists: &mut Lists<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    wanted: Vec<(DealId, Action)>,
) -> Result<Vec<(DealId, Action)>, Halted> {
    let policy = &connected.policy;
    let wanted = without_unheard(policy, deals, wanted);
    let asked: BTreeSet<DealId> = wanted
        .iter()
        .filter(|(_, action)| told_about(action).is_some())
        .map(|(id, _)| *id)
        .collect();
    if asked.is_empty() {
        return Ok(wanted);
    }
    let causes = by_cause(ctx, asked, &wanted).await?;
    let mut messages: BTreeMap<(DealId, String), (Vec<Asked>, InChat)> = BTreeMap::new();
    let mut waiting: BTreeSet<(DealId, String)> = BTreeSet::new();
    let mut open: BTreeMap<String, Vec<Asked>> = BTreeMap::new();
    for (cause, new) in causes {
        if lists.may_tell(&cause, deals) {
            open.insert(cause, new);
        } else {
            waiting.extend(new.into_iter().map(named));
        }
    }
    // Read after it is sure that no other pass tells of it.
    let mut before: BTreeMap<String, Before> = BTreeMap::new();
    for (dialog, causes) in by_dialog(policy, &open) {
        before.extend(told_before(ctx, &ctx.portal(), dialog, causes).await?);
    }
    let mut heard_with: BTreeSet<(DealId, String)> = BTreeSet::new();
    for (cause, new) in open {
        let before = before.remove(&cause).unwrap_or_default();
        let before = before.beside(&new, ctx.now());
        let mut new = new.into_iter();
        let Some(first) = new.next().map(named) else {
            continue;
        };
        let others: Vec<Asked> = new.collect();
        heard_with.extend(others.iter().cloned().map(named));
        lists.in_chat.insert(cause, first.clone());
        messages.insert(first, (others, before));
    }
    let mut kept = Vec::with_capacity(wanted.len());
    for (id, mut action) in wanted {
        if let Some(about) = told_about(&action) {
            let question = (id, about.to_owned());
            if waiting.contains(&question) {
                let again_at = journal::after(ctx.now(), known::LOOK_UP_AGAIN);
                let why = "a message of its cause is on its way";
                lists::put_off(deals, id, &action, again_at, why);
                continue;
            }
            if heard_with.contains(&question) {
                lists::set_told(deals, id, &question.1, true);
                continue;
            }
            if let Some((others, before)) = messages.remove(&question) {
                notices::listing_for_administrator(&mut action, &others, &before);
            }
        }
        kept.push((id, action));
    }
    Ok(kept)
}

/// Of what an action tells the administrator.
fn told_about(action: &Action) -> Option<&str> {
    match action {
        Action::Notify {
            whom: Whom::Administrator,
            about,
            ..
        } => Some(about),
        _ => None,
    }
}

fn named(asked: Asked) -> (DealId, String) {
    (asked.entry.deal, asked.about)
}

/// Without what there is nobody to be told of: `provodka cases` shows what is open.
fn without_unheard(
    policy: &Policy,
    deals: &mut BTreeMap<DealId, Looked>,
    mut wanted: Vec<(DealId, Action)>,
) -> Vec<(DealId, Action)> {
    wanted.retain(|(id, action)| {
        let unheard = told_about(action).filter(|about| policy.dialog(about).is_none());
        if let (Some(about), Some(deal)) = (unheard, deals.get_mut(id)) {
            deal.told(about);
        }
        unheard.is_none()
    });
    wanted
}

/// The causes that are told in each chat; a cause is one kind's.
fn by_dialog<'a>(
    policy: &'a Policy,
    open: &BTreeMap<String, Vec<Asked>>,
) -> BTreeMap<&'a str, Vec<String>> {
    let mut dialogs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (cause, new) in open {
        let first = new.first().and_then(|one| policy.dialog(&one.about));
        if let Some(dialog) = first {
            dialogs.entry(dialog).or_default().push(cause.clone());
        }
    }
    dialogs
}

/// What is to be told, by its cause.
async fn by_cause(
    ctx: &LeaseContext,
    asked: BTreeSet<DealId>,
    wanted: &[(DealId, Action)],
) -> Result<BTreeMap<String, Vec<Asked>>, Halted> {
    let cases = lists::questions(ctx, asked).await?;
    let mut causes: BTreeMap<String, Vec<Asked>> = BTreeMap::new();
    for (id, action) in wanted {
        let Some(about) = told_about(action) else {
            continue;
        };
        let case = cases.get(&(*id, about.to_owned()));
        if let Some((cause, text)) = case {
            let entry = Entry {
                deal: *id,
                text: text.clone(),
            };
            let about = about.to_owned();
            let of_cause = causes.entry(cause.clone()).or_default();
            of_cause.push(Asked { about, entry });
        }
    }
    Ok(causes)
}

impl Lists<'_> {
    /// Whether a message may tell of a cause now: no other pass does, and none of this pass is on its way.
    fn may_tell(&mut self, cause: &str, deals: &BTreeMap<DealId, Looked>) -> bool {
        let group = Group {
            user: None,
            about: String::new(),
            cause: cause.to_owned(),
        };
        let is_untold = |(id, about): &(DealId, String)| {
            let deal = deals.get(id);
            let open = deal.and_then(|deal| deal.snapshot.open_cases.get(about));
            open.is_some_and(|open| !open.told)
        };
        self.begin(&group) && !self.in_chat.get(cause).is_some_and(is_untold)
    }
}

/// What the administrator was told of a cause.
#[derive(Default)]
struct Before {
    told: Vec<ToldAdministrator>,
    message: Option<CauseMessage>,
}

async fn told_before(
    ctx: &LeaseContext,
    portal: &PortalId,
    dialog: &str,
    causes: Vec<String>,
) -> Result<BTreeMap<String, Before>, Halted> {
    let mut before: BTreeMap<String, Before> = BTreeMap::new();
    let store = ctx.store();
    let stored = store.cases_told_administrator(portal, dialog, causes, notices::MOST_NAMED);
    let (told, messages) = stored.await.map_err(Halted::from)?;
    for one in told {
        let of_cause = before.entry(one.cause.clone()).or_default();
        of_cause.told.push(one);
    }
    for message in messages {
        let of_cause = before.entry(message.cause.clone()).or_default();
        of_cause.message = Some(message);
    }
    Ok(before)
}

impl Before {
    /// What of it a message names beside what is new.
    fn beside(self, new: &[Asked], now: Timestamp) -> InChat {
        let is_reminder = new.iter().any(|one| CaseCode::is_reminder(&one.about));
        // Of another day it is told anew: what is edited rings no bell.
        let holds = |at: Timestamp| !is_reminder || now.duration_since(at) < SAME_DAY;
        let of = self.told.first().map_or(0, |one| one.of);
        let of = usize::try_from(of).unwrap_or(usize::MAX);
        let given = self.told.len();
        let is_new = |one: &Asked| {
            let is_it = |new: &Asked| new.about == one.about && new.entry.deal == one.entry.deal;
            new.iter().any(is_it)
        };
        let asked: Vec<Asked> = self
            .told
            .into_iter()
            .filter(|one| holds(one.at))
            .filter_map(|one| {
                let deal = one.subject.as_deal()?;
                let entry = Entry {
                    deal,
                    text: one.text,
                };
                let about = one.key;
                Some(Asked { about, entry })
            })
            .filter(|one| !is_new(one))
            .collect();
        let beyond = if is_reminder {
            0
        } else {
            of.saturating_sub(given)
        };
        let message = self.message.filter(|message| holds(message.at));
        InChat {
            message: message.map(|message| message.id),
            count: asked.len().saturating_add(beyond),
            asked,
        }
    }
}
