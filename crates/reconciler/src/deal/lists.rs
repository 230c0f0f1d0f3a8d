//! Many deals with one cause are one message that lists them: the rule is `planner::notices`, here the deals of a pass are
//! gathered by who is told and why, with those that somebody was told of before.
//!
//! The message belongs to the first of its new deals, and takes the place of the former one of its list. The others count
//! as told once it was heard, and are told anew if it was not.

use std::collections::{BTreeMap, BTreeSet};

use domain::{DealId, UserId};
use engine::{Halted, LeaseContext};
use jiff::{SignedDuration, Timestamp};
use planner::notices::{self, Before, Entry, Listed};
use planner::{Action, CaseCode, List, Whom};
use store::Subject;

use super::{Looked, earlier, writes};

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

/// What the messages of a pass tell people, heard or on its way.
#[derive(Default)]
pub(crate) struct Lists(BTreeMap<Group, BTreeMap<DealId, Told>>);

/// The same actions, with one message in the place of many.
pub(crate) async fn gather(
    ctx: &LeaseContext,
    lists: &mut Lists,
    deals: &mut BTreeMap<DealId, Looked>,
    wanted: Vec<(DealId, Action)>,
) -> Result<Vec<(DealId, Action)>, Halted> {
    let groups = groups(ctx, &wanted).await?;
    if groups.is_empty() {
        return Ok(wanted);
    }
    let mut stored = told(ctx, &groups).await?;
    let mut heard_with: BTreeSet<(DealId, String)> = BTreeSet::new();
    let mut listed: BTreeMap<(DealId, String), Message> = BTreeMap::new();
    for (group, new) in groups {
        let told = stored.remove(&group).unwrap_or_default();
        for message in lists.messages(&group, new, told, ctx.now()) {
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

impl Lists {
    /// The lists of a group's new deals; none: each is told by itself.
    fn messages(
        &mut self,
        group: &Group,
        new: Vec<Entry>,
        mut told: BTreeMap<DealId, Told>,
        now: Timestamp,
    ) -> Vec<Message> {
        let Some(user) = group.user else {
            let listed = Listed {
                number: 0,
                new,
                known: Vec::new(),
            };
            let is_list = listed.new.len() > 1;
            return is_list
                .then_some(Message { listed, list: None })
                .into_iter()
                .collect();
        };
        let in_pass = self.0.entry(group.clone()).or_default();
        told.extend(in_pass.iter().map(|(id, one)| (*id, one.clone())));
        told.retain(|id, _| new.iter().all(|entry| entry.deal != *id));
        let lists = notices::lists(before(group, told, now), new.clone());
        in_pass.extend(new.into_iter().map(|entry| {
            let told = Told {
                list: 0,
                text: entry.text,
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
        lists.into_iter().map(message).collect()
    }
}

/// What of it a later message goes on from. Those that were told one by one, before there was a list, stand in it as well.
fn before(group: &Group, told: BTreeMap<DealId, Told>, now: Timestamp) -> Before {
    let is_reminder = CaseCode::is_reminder(&group.about);
    let holds = |one: &Told| !is_reminder || now.duration_since(one.at) < SAME_DAY;
    let last = told.values().map(|one| one.list).max().unwrap_or(0);
    let current = told.values().filter(|one| holds(one));
    let list = current.map(|one| one.list).max().unwrap_or(0);
    let named = told
        .into_iter()
        .filter(|(_, one)| holds(one) && [0, list].contains(&one.list));
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

/// It is not known now who is to hear it: it is told in a later look.
pub(crate) fn put_off(
    deals: &mut BTreeMap<DealId, Looked>,
    id: DealId,
    action: &Action,
    again_at: Timestamp,
) {
    if let Action::Notify { about, .. } = action {
        set_told(deals, id, about, true);
        if let Some(deal) = deals.get_mut(&id) {
            let again = Some((again_at, "who hears a message is not known".to_owned()));
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
