//! Many deals of a person with one cause are one bell that lists them: the rule is `planner::notices`, here the deals of a
//! pass are gathered by who is told and why, with those that somebody was told of before. Not here: what the administrator
//! is told (`administrator`).
//!
//! The message belongs to the first of its new deals, and takes the place of the former one of its list. The others count
//! as told once it was heard, and are told anew if it was not. Of two passes at one time the second waits: its list would
//! take the place of one that it does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use domain::{DealId, PortalId, UserId};
use engine::{Halted, LeaseContext};
use jiff::{SignedDuration, Timestamp};
use planner::notices::{self, Before, Entry, Listed};
use planner::{Action, CaseCode, List, Whom};
use store::Subject;

use super::{Looked, earlier, known, writes};
use crate::journal;

/// A reminder is for one day: what was told longer ago than this was told on another.
pub(super) const SAME_DAY: SignedDuration = SignedDuration::from_hours(12);

/// What is told together: to whom, under which key, of what cause. No user: the administrator, whatever the key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub(super) user: Option<UserId>,
    pub(super) about: String,
    pub(super) cause: String,
}

/// What is told of one deal.
#[derive(Clone)]
struct Told {
    list: u32,
    text: String,
    at: Timestamp,
}

/// What passes tell in lists at this time. In memory only: no two processes look at one portal.
#[derive(Default)]
pub(crate) struct Telling(Mutex<BTreeSet<(PortalId, Group)>>);

impl Telling {
    /// False: it is told by somebody already.
    fn begin(&self, portal: &PortalId, group: &Group) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert((portal.clone(), group.clone()))
    }

    fn end(&self, portal: &PortalId, group: &Group) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.remove(&(portal.clone(), group.clone()));
    }
}

/// What the messages of a pass tell people, heard or on its way.
pub(crate) struct Lists<'a> {
    telling: &'a Telling,
    portal: PortalId,
    told: BTreeMap<Group, BTreeMap<DealId, Told>>,
    /// What no other pass tells in a list before this one ends.
    ours: BTreeSet<Group>,
    /// Whose question each cause's last message to the administrator belongs to.
    pub(super) in_chat: BTreeMap<String, (DealId, String)>,
}

impl Drop for Lists<'_> {
    fn drop(&mut self) {
        for group in &self.ours {
            self.telling.end(&self.portal, group);
        }
    }
}

/// The same actions, with one message in the place of many.
pub(crate) async fn gather(
    ctx: &LeaseContext,
    lists: &mut Lists<'_>,
    deals: &mut BTreeMap<DealId, Looked>,
    wanted: Vec<(DealId, Action)>,
) -> Result<Vec<(DealId, Action)>, Halted> {
    let groups = groups(ctx, &wanted).await?;
    if groups.is_empty() {
        return Ok(wanted);
    }
    // Before it is read what was told: whoever tells it until then is seen.
    for group in groups.keys() {
        lists.begin(group);
    }
    let mut stored = told(ctx, &groups).await?;
    let mut waiting: BTreeSet<(DealId, String)> = BTreeSet::new();
    let mut heard_with: BTreeSet<(DealId, String)> = BTreeSet::new();
    let mut listed: BTreeMap<(DealId, String), (Listed, List)> = BTreeMap::new();
    for (group, new) in groups {
        let told = stored.remove(&group).unwrap_or_default();
        let Some(messages) = lists.messages(&group, &new, told, ctx.now()) else {
            waiting.extend(new.iter().map(|entry| (entry.deal, group.about.clone())));
            continue;
        };
        for message in messages {
            let mut ids = message.0.new.iter().map(|entry| entry.deal);
            let first = ids.next();
            heard_with.extend(ids.map(|id| (id, group.about.clone())));
            listed.extend(first.map(|first| ((first, group.about.clone()), message)));
        }
    }
    let mut kept = Vec::with_capacity(wanted.len());
    for (id, mut action) in wanted {
        let about = heard_by(&action).map(|(_, about)| (id, about.to_owned()));
        if let Some(about) = about {
            if waiting.contains(&about) {
                let again_at = journal::after(ctx.now(), known::LOOK_UP_AGAIN);
                put_off(deals, id, &action, again_at, "another list is being told");
                continue;
            }
            if heard_with.contains(&about) {
                set_told(deals, id, &about.1, true);
                continue;
            }
            if let Some((listed, list)) = listed.remove(&about) {
                notices::listing(&mut action, &listed, list);
                take_place(deals, &mut action);
            }
        }
        kept.push((id, action));
    }
    Ok(kept)
}

impl<'a> Lists<'a> {
    pub(crate) fn new(telling: &'a Telling, portal: PortalId) -> Self {
        Self {
            telling,
            portal,
            told: BTreeMap::new(),
            ours: BTreeSet::new(),
            in_chat: BTreeMap::new(),
        }
    }

    /// Keeps other passes from telling this in a list; false: one of them does.
    pub(super) fn begin(&mut self, group: &Group) -> bool {
        if !self.ours.contains(group) && self.telling.begin(&self.portal, group) {
            self.ours.insert(group.clone());
        }
        self.ours.contains(group)
    }

    fn end(&mut self, group: &Group) {
        if self.ours.remove(group) {
            self.telling.end(&self.portal, group);
        }
    }

    /// The lists of a group's new deals; empty: each is told by itself. None: another pass tells a list of them now.
    fn messages(
        &mut self,
        group: &Group,
        new: &[Entry],
        mut told: BTreeMap<DealId, Told>,
        now: Timestamp,
    ) -> Option<Vec<(Listed, List)>> {
        let user = group.user?;
        let in_pass = self.told.get(group).into_iter().flatten();
        told.extend(in_pass.map(|(id, one)| (*id, one.clone())));
        told.retain(|id, _| new.iter().all(|entry| entry.deal != *id));
        let lists = notices::lists(before(group, told, now), new.to_vec());
        if lists.is_empty() {
            self.end(group);
        } else if !self.ours.contains(group) {
            return None;
        }
        let in_pass = self.told.entry(group.clone()).or_default();
        in_pass.extend(new.iter().map(|entry| {
            let told = Told {
                list: 0,
                text: entry.text.clone(),
                at: now,
            };
            (entry.deal, told)
        }));
        for list in &lists {
            for entry in &list.new {
                if let Some(told) = in_pass.get_mut(&entry.deal) {
                    told.list = list.number;
                }
            }
        }
        let message = |listed: Listed| {
            let list = List {
                user,
                cause: writes::short_mark(&group.cause),
                number: listed.number,
            };
            (listed, list)
        };
        Some(lists.into_iter().map(message).collect())
    }
}

/// What of it a later message goes on from. Those that were told one by one, before there was a list, stand in the first
/// as well, and in no other: there they would take the room of those that nobody heard of.
fn before(group: &Group, told: BTreeMap<DealId, Told>, now: Timestamp) -> Before {
    let is_reminder = CaseCode::is_reminder(&group.about);
    let holds = |one: &Told| !is_reminder || now.duration_since(one.at) < SAME_DAY;
    let last = told.values().map(|one| one.list).max().unwrap_or(0);
    let current = told.values().filter(|one| holds(one));
    let list = current.map(|one| one.list).max().unwrap_or(0);
    let named = told
        .into_iter()
        .filter(|(_, one)| holds(one) && (one.list == list || one.list == 0 && list <= 1));
    let entry = |(deal, one): (DealId, Told)| Entry {
        deal,
        text: one.text,
    };
    Before {
        list,
        next: last.saturating_add(1),
        entries: named.map(entry).collect(),
    }
}

/// What is to be told to people, by who hears it and why, with each deal's question.
async fn groups(
    ctx: &LeaseContext,
    wanted: &[(DealId, Action)],
) -> Result<BTreeMap<Group, Vec<Entry>>, Halted> {
    let bells = wanted
        .iter()
        .filter(|(_, action)| heard_by(action).is_some());
    let asked: BTreeSet<DealId> = bells.map(|(id, _)| *id).collect();
    let cases = questions(ctx, asked).await?;
    let mut groups: BTreeMap<Group, Vec<Entry>> = BTreeMap::new();
    for (id, action) in wanted {
        let Some((user, about)) = heard_by(action) else {
            continue;
        };
        if let Some((cause, text)) = cases.get(&(*id, about.to_owned())) {
            let group = Group {
                user: Some(user),
                about: about.to_owned(),
                cause: cause.clone(),
            };
            let entry = Entry {
                deal: *id,
                text: text.clone(),
            };
            groups.entry(group).or_default().push(entry);
        }
    }
    Ok(groups)
}

/// Cause and text of the questions about these deals, by deal and key.
pub(super) async fn questions(
    ctx: &LeaseContext,
    asked: BTreeSet<DealId>,
) -> Result<BTreeMap<(DealId, String), (String, String)>, Halted> {
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let asked: Vec<Subject> = asked.into_iter().map(Subject::deal).collect();
    let cases = ctx.known(&asked).await?.cases.into_iter();
    let cases = cases.filter_map(|case| {
        let facts = case.facts;
        let deal = facts.subject.as_deal()?;
        Some(((deal, facts.key), (facts.cause, facts.text)))
    });
    Ok(cases.collect())
}

/// What the people of these groups were told of them before.
async fn told(
    ctx: &LeaseContext,
    groups: &BTreeMap<Group, Vec<Entry>>,
) -> Result<BTreeMap<Group, BTreeMap<DealId, Told>>, Halted> {
    let causes: BTreeSet<String> = groups.keys().map(|group| group.cause.clone()).collect();
    let mut told: BTreeMap<Group, BTreeMap<DealId, Told>> = BTreeMap::new();
    let stored = ctx.store().cases_told(&ctx.portal(), causes).await;
    for one in stored.map_err(Halted::from)? {
        let Some(deal) = one.subject.as_deal() else {
            continue;
        };
        let group = Group {
            user: Some(one.user),
            about: one.key,
            cause: one.cause,
        };
        let of_deal = Told {
            list: one.list,
            text: one.text,
            at: one.at,
        };
        told.entry(group).or_default().insert(deal, of_deal);
    }
    Ok(told)
}

/// What of the same list has not left yet need not leave: the later message names its deals as well.
fn take_place(deals: &mut BTreeMap<DealId, Looked>, action: &mut Action) {
    let Action::Notify {
        about,
        also,
        list: Some(list),
        ..
    } = action
    else {
        return;
    };
    let is_former = |one: &Action| matches!(one, Action::Notify { about: of, list: Some(former), .. } if of == about && former == list);
    let mut taken: Vec<DealId> = Vec::new();
    for (id, deal) in deals.iter_mut() {
        let former = deal.waiting.iter().position(is_former);
        let former = former.map(|place| deal.waiting.remove(place));
        if let Some(Action::Notify { also, .. }) = former {
            taken.push(*id);
            taken.extend(also);
        }
    }
    for id in taken {
        set_told(deals, id, about, true);
        also.push(id);
    }
}

/// Questions beside its own that count as told with it: of which deal, and its key.
pub(super) fn others_of(action: &Action) -> impl Iterator<Item = (DealId, &str)> {
    let (also, besides) = match action {
        Action::Notify {
            about,
            also,
            besides,
            ..
        } => (Some((about, also)), Some(besides)),
        _ => (None, None),
    };
    let also = also.into_iter().flat_map(|(about, also)| {
        let of = also.iter();
        of.map(|id| (*id, about.as_str()))
    });
    let besides = besides.into_iter().flatten();
    also.chain(besides.map(|(id, about)| (*id, about.as_str())))
}

/// The deals that an action tells of, its own first.
pub(super) fn deals_of(own: DealId, action: &Action) -> Vec<DealId> {
    let mut deals = vec![own];
    for (id, _) in others_of(action) {
        if !deals.contains(&id) {
            deals.push(id);
        }
    }
    deals
}

/// Whether deals beside its own count as told with it.
pub(crate) fn tells_of_others(action: &Action) -> bool {
    others_of(action).next().is_some()
}

/// A message was not heard: the deals that it lists are told anew when it is tried again.
pub(crate) fn not_heard(
    deals: &mut BTreeMap<DealId, Looked>,
    action: &Action,
    again_at: Option<Timestamp>,
) {
    for (id, about) in others_of(action) {
        set_told(deals, id, about, false);
        if let (Some(deal), Some(at)) = (deals.get_mut(&id), again_at) {
            let again = Some((at, "a message that told of it was not heard".to_owned()));
            deal.again = earlier(deal.again.take(), again);
        }
    }
}

/// It cannot be told now, says `why`: it is told in a later look.
pub(crate) fn put_off(
    deals: &mut BTreeMap<DealId, Looked>,
    id: DealId,
    action: &Action,
    again_at: Timestamp,
    why: &str,
) {
    if let Action::Notify { about, .. } = action {
        set_told(deals, id, about, true);
        if let Some(deal) = deals.get_mut(&id) {
            let again = Some((again_at, why.to_owned()));
            deal.again = earlier(deal.again.take(), again);
        }
    }
}

/// Who hears it by a bell, and of what.
fn heard_by(action: &Action) -> Option<(UserId, &str)> {
    match action {
        Action::Notify { whom, about, .. } => match whom {
            Whom::User(user) | Whom::HeadOf(user) => Some((*user, about)),
            Whom::Administrator => None,
        },
        _ => None,
    }
}

/// In this pass only: our records say so once it was heard.
pub(super) fn set_told(deals: &mut BTreeMap<DealId, Looked>, id: DealId, about: &str, told: bool) {
    let deal = deals.get_mut(&id);
    let open = deal.and_then(|deal| deal.snapshot.open_cases.get_mut(about));
    if let Some(open) = open {
        open.told = told;
    }
}
