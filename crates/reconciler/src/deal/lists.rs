//! Many deals with one cause are one message that lists them: the rule is `planner::notices`, here the deals of a pass are
//! gathered by who is told and why.
//!
//! The message belongs to the first deal. The others count as told once it was heard, and are told anew if it was not.

use std::collections::{BTreeMap, BTreeSet};

use domain::DealId;
use engine::{Halted, LeaseContext};
use jiff::Timestamp;
use planner::notices::{self, MOST_APART};
use planner::{Action, Whom};
use store::Subject;

use super::{Looked, earlier};

/// The same actions, with one message in the place of many.
pub(crate) async fn gather(
    ctx: &LeaseContext,
    deals: &mut BTreeMap<DealId, Looked>,
    wanted: Vec<(DealId, Action)>,
) -> Result<Vec<(DealId, Action)>, Halted> {
    let bells = wanted
        .iter()
        .filter(|(_, action)| heard_by(action).is_some());
    let asked: Vec<Subject> = bells.map(|(id, _)| Subject::deal(*id)).collect();
    if asked.len() < 2 {
        return Ok(wanted);
    }
    let causes: BTreeMap<(DealId, String), String> = ctx
        .known(&asked)
        .await?
        .cases
        .into_iter()
        .filter_map(|case| {
            let facts = case.facts;
            Some(((facts.subject.as_deal()?, facts.key), facts.cause))
        })
        .collect();
    let mut groups: BTreeMap<(Option<u64>, String, String), Vec<DealId>> = BTreeMap::new();
    for (id, action) in &wanted {
        let Some((user, about)) = heard_by(action) else {
            continue;
        };
        if let Some(cause) = causes.get(&(*id, about.to_owned())) {
            let group = (user, about.to_owned(), cause.clone());
            groups.entry(group).or_default().push(*id);
        }
    }
    let mut heard_with: BTreeSet<(DealId, String)> = BTreeSet::new();
    let mut listed: BTreeMap<(DealId, String), Vec<DealId>> = BTreeMap::new();
    for ((user, about, _), ids) in groups {
        let most = if user.is_some() { MOST_APART } else { 1 };
        if let ([first, others @ ..], true) = (ids.as_slice(), ids.len() > most) {
            heard_with.extend(others.iter().map(|id| (*id, about.clone())));
            listed.insert((*first, about), others.to_vec());
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
            if let Some(others) = listed.remove(&about) {
                notices::listing(&mut action, others);
            }
        }
        kept.push((id, action));
    }
    Ok(kept)
}

/// A message was heard: so were the deals that it lists.
pub(crate) fn heard(deals: &mut BTreeMap<DealId, Looked>, action: &Action) {
    if let Action::Notify { about, also, .. } = action {
        for id in also {
            if let Some(deal) = deals.get_mut(id) {
                deal.told(about);
            }
        }
    }
}

/// It was not: they are told anew when it is tried again.
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
fn heard_by(action: &Action) -> Option<(Option<u64>, &str)> {
    match action {
        Action::Notify { whom, about, .. } => match whom {
            Whom::User(user) | Whom::HeadOf(user) => Some((Some(user.0), about)),
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
