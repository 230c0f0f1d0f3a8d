//! Many deals with one cause are one message that lists them: the rule is `planner::notices`, here the deals of a pass are
//! gathered by who is told and why, with those that somebody was told of before.
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
const SAME_DAY: SignedDuration = SignedDuration::from_hours(12);

/// What is told together: to whom, under which key, of what cause. No user: the administrator.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    user: Option<UserId>,
    about: String,
    cause: String,
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
    for group in groups.keys().filter(|group| group.user.is_some()) {
        lists.begin(group);
    }
    let mut stored = told(ctx, &groups).await?;
    let mut waiting: BTreeSet<(DealId, String)> = BTreeSet::new();
    let mut heard_with: BTreeSet<(DealId, String)> = BTreeSet::new();
    let mut listed: BTreeMap<(DealId, String), Message> = BTreeMap::new();
    for (group, new) in groups {
        let told = stored.remove(&group).unwrap_or_default();
        let Some(messages) = lists.messages(&group, &new, told, ctx.now()) else {
            waiting.extend(new.iter().map(|entry| (entry.deal, group.about.clone())));
            continue;
        };
        for message in messages {
            let mut ids = message.listed.new.iter().map(|entry| entry.deal);
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
            if let Some(message) = listed.remove(&about) {
                message.put_into(&mut action);
                take_place(deals, &mut action);
            }
        }
        kept.push((id, action));
    }
    Ok(kept)
}

/// One message in the place of several.
struct Message {
    listed: Listed,
    /// None: the administrator's, which no later one takes the place of.
    list: Option<List>,
}

impl Message {
    fn put_into(self, action: &mut Action) {
        match self.list {
            Some(list) => notices::listing(action, &self.listed, list),
            None => {
                let others = self.listed.new.get(1..).unwrap_or_default();
                notices::listing_for_administrator(action, others);
            }
        }
    }
}

impl<'a> Lists<'a> {
    pub(crate) fn new(telling: &'a Telling, portal: PortalId) -> Self {
        Self {
            telling,
            portal,
            told: BTreeMap::new(),
            ours: BTreeSet::new(),
        }
    }

    /// Keeps other passes from telling this in a list, unless one of them does.
    fn begin(&mut self, group: &Group) {
        if !self.ours.contains(group) && self.telling.begin(&self.portal, group) {
            self.ours.insert(group.clone());
        }
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
    ) -> Option<Vec<Message>> {
        let Some(user) = group.user else {
            let listed = Listed {
                number: 0,
                new: new.to_vec(),
                known: Vec::new(),
            };
            let is_list = listed.new.len() > 1;
            let message = is_list.then_some(Message { listed, list: None });
            return Some(message.into_iter().collect());
        };
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
        let message = |listed: Listed| Message {
            list: Some(List {
                user,
                cause: writes::short_mark(&group.cause),
                number: listed.number,
            }),
            listed,
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

/// What is to be told, by who hears it and why, with each deal's question.
async fn groups(
    ctx: &LeaseContext,
    wanted: &[(DealId, Action)],
) -> Result<BTreeMap<Group, Vec<Entry>>, Halted> {
    let bells = wanted
        .iter()
        .filter(|(_, action)| heard_by(action).is_some());
    let asked: Vec<Subject> = bells.map(|(id, _)| Subject::deal(*id)).collect();
    if asked.is_empty() {
        return Ok(BTreeMap::new());
    }
    let cases: BTreeMap<(DealId, String), (String, String)> = ctx
        .known(&asked)
        .await?
        .cases
        .into_iter()
        .filter_map(|case| {
            let facts = case.facts;
            let deal = facts.subject.as_deal()?;
            Some(((deal, facts.key), (facts.cause, facts.text)))
        })
        .collect();
    let mut groups: BTreeMap<Group, Vec<Entry>> = BTreeMap::new();
    for (id, action) in wanted {
        let Some((user, about)) = heard_by(action) else {
            continue;
        };
        if let Some((cause, text)) = cases.get(&(*id, about.to_owned())) {
            let group = Group {
                user,
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

/// What the people of these groups were told of them before.
async fn told(
    ctx: &LeaseContext,
    groups: &BTreeMap<Group, Vec<Entry>>,
) -> Result<BTreeMap<Group, BTreeMap<DealId, Told>>, Halted> {
    let of_users = groups.keys().filter(|group| group.user.is_some());
    let causes: BTreeSet<String> = of_users.map(|group| group.cause.clone()).collect();
    let mut told: BTreeMap<Group, BTreeMap<DealId, Told>> = BTreeMap::new();
    if causes.is_empty() {
        return Ok(told);
    }
    let stored = ctx.store().cases_told(&ctx.portal(), causes).await;
    for one in stored.map_err(Halted::from)? {
        let Some(deal) = one.subject.as_deal() else {
            continue;
        };
        let group = Group {
            user: Some(one.within.user),
            about: one.key,
            cause: one.cause,
        };
        let of_deal = Told {
            list: one.within.list,
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

/// Whether deals beside its own count as told with it.
pub(crate) fn tells_of_others(action: &Action) -> bool {
    matches!(action, Action::Notify { also, .. } if !also.is_empty())
}

/// A message was not heard: the deals that it lists are told anew when it is tried again.
pub(crate) fn not_heard(
    deals: &mut BTreeMap<DealId, Looked>,
    action: &Action,
    again_at: Option<Timestamp>,
) {
    if let Action::Notify { about, also, .. } = action {
        for id in also {
            set_told(deals, *id, about, false);
            if let (Some(deal), Some(at)) = (deals.get_mut(id), again_at) {
                let again = Some((at, "a message that told of it was not heard".to_owned()));
                deal.again = earlier(deal.again.take(), again);
            }
        }
    }
}

/// What is told already needs no message: so are the deals that it would have listed.
pub(crate) fn known(deals: &mut BTreeMap<DealId, Looked>, action: &Action) {
    if let Action::Notify { about, also, .. } = action {
        for id in also {
            if let Some(deal) = deals.get_mut(id) {
                deal.told(about);
            }
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

/// Who hears it, none the administrator, and of what.
fn heard_by(action: &Action) -> Option<(Option<UserId>, &str)> {
    match action {
        Action::Notify { whom, about, .. } => match whom {
            Whom::User(user) | Whom::HeadOf(user) => Some((Some(*user), about)),
            Whom::Administrator => Some((None, about)),
        },
        _ => None,
    }
}

/// In this pass only: our records say so once it was heard.
fn set_told(deals: &mut BTreeMap<DealId, Looked>, id: DealId, about: &str, told: bool) {
    let deal = deals.get_mut(&id);
    let open = deal.and_then(|deal| deal.snapshot.open_cases.get_mut(about));
    if let Some(open) = open {
        open.told = told;
    }
}
