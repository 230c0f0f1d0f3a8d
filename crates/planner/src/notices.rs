//! Little noise: who is told of a question, who hears it in place of a manager who works there no more, and not at night.
//!
//! Not here: questions that arise while acting, and those about the portal (`reconciler`); they keep the same hours.

use domain::staff::Staff;
use domain::{DealId, UserId};
use jiff::Timestamp;

use crate::{Action, CaseCode, DealSnapshot, List, Plan, Policy, Whom, texts};

/// Who hears what is meant for a manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandIn {
    /// Nobody stands in.
    Themselves,
    /// Who leads the department, or one above it.
    Head(UserId),
    /// Nobody else is left.
    Administrator,
}

/// A manager who was dismissed is stood in for by the nearest head who was not, else by the administrator. Of whom the
/// portal tells nothing, nobody stands in for.
pub fn stand_in(user: UserId, staff: &Staff) -> StandIn {
    let works = |user: &UserId| staff.employees.get(user).is_some_and(|one| one.works);
    if !staff.employees.contains_key(&user) || works(&user) {
        return StandIn::Themselves;
    }
    head_of(user, staff)
}

/// Who leads a person: the nearest head above who works there, else the administrator.
pub fn head_of(user: UserId, staff: &Staff) -> StandIn {
    let works = |user: &UserId| staff.employees.get(user).is_some_and(|one| one.works);
    let head = staff.heads_above(user).into_iter().find(works);
    head.map_or(StandIn::Administrator, StandIn::Head)
}

/// Makes a message to a manager, or to his head, one to who is there; and says why they get what was meant for another.
pub fn told_instead(action: &mut Action, stand_in: StandIn) {
    let instead = match stand_in {
        StandIn::Themselves => return,
        StandIn::Head(head) => Whom::User(head),
        StandIn::Administrator => Whom::Administrator,
    };
    if let Action::Notify { whom, text, .. } = action {
        if matches!(whom, Whom::User(_)) {
            *text = texts::instead_of_dismissed(text);
        }
        *whom = instead;
    }
}

/// Makes a message to a head whom the portal does not name one to the administrator.
pub fn told_without_head(action: &mut Action) {
    if let Action::Notify { whom, text, .. } = action
        && matches!(whom, Whom::HeadOf(_))
    {
        *text = texts::instead_of_head(text);
        *whom = Whom::Administrator;
    }
}

/// The key of the question that a message tells of, if whoever is told has heard just that: in another's place, or before the
/// deal was given to him. A reminder is for its day.
pub fn heard_already(snapshot: &DealSnapshot, action: &Action) -> Option<String> {
    let Action::Notify {
        whom: Whom::User(user),
        about,
        ..
    } = action
    else {
        return None;
    };
    let open = snapshot.open_cases.get(about)?;
    let is_heard = open.heard_by == Some(*user) && !CaseCode::is_reminder(about);
    is_heard.then(|| about.clone())
}

/// So many deals with one cause a manager hears of one by one; of more there is one list.
const MOST_APART: usize = 3;
/// So many deals one list names, and so many characters; of more there is another.
const MOST_LISTED: usize = 50;
const LONGEST_LIST: usize = 12_000;

/// What is asked about one deal, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The deal.
    pub deal: DealId,
    /// In Russian.
    pub text: String,
}

/// What somebody was told of already with the same cause, and it is open still.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The number of the list that is gone on with; 0: each deal was told by itself.
    pub list: u32,
    /// The number of another list.
    pub next: u32,
    /// What that list names, and what was told one by one.
    pub entries: Vec<Entry>,
}

/// One message that is a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its number: it takes the place of the former message of this number.
    pub number: u32,
    /// Those that are new, the first of which it belongs to.
    pub new: Vec<Entry>,
    /// Those that its former message named.
    pub known: Vec<Entry>,
}

/// The lists that tell one person of deals with one cause; none: few as they are, they are told one by one.
pub fn lists(before: Before, new: Vec<Entry>) -> Vec<Listed> {
    let together = before.entries.len().saturating_add(new.len());
    if before.list == 0 && together <= MOST_APART {
        return Vec::new();
    }
    let mut lists = vec![Listed {
        number: if before.list == 0 {
            before.next
        } else {
            before.list
        },
        new: Vec::new(),
        known: before.entries,
    }];
    for entry in new {
        if let Some(last) = lists.last_mut() {
            if last.has_room_for(&entry) {
                last.new.push(entry);
            } else {
                let number = last.number.saturating_add(1);
                lists.push(Listed {
                    number,
                    new: vec![entry],
                    known: Vec::new(),
                });
            }
        }
    }
    lists.retain(|list| !list.new.is_empty());
    lists
}

impl Listed {
    /// What is alone in its list has room, however long it is.
    fn has_room_for(&self, entry: &Entry) -> bool {
        let named = self.new.iter().chain(&self.known);
        let length: usize = named.clone().map(length).sum();
        let count = named.count();
        let fits = length.saturating_add(self::length(entry)) <= LONGEST_LIST;
        count == 0 || (count < MOST_LISTED && fits)
    }
}

fn length(entry: &Entry) -> usize {
    entry.text.chars().count()
}

/// Makes a message about one deal one about others as well, of which the same is asked.
pub fn listing(action: &mut Action, listed: &Listed, of: List) {
    let others = || listed.new.iter().skip(1);
    if let Action::Notify {
        text, also, list, ..
    } = action
    {
        let named: Vec<&Entry> = others().chain(&listed.known).collect();
        *text = texts::listed(text, &named, 0);
        *also = others().map(|entry| entry.deal).collect();
        *list = Some(of);
    }
}

/// One question of several that the administrator is told of together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its key.
    pub about: String,
    /// Of which deal, and what.
    pub entry: Entry,
}

/// What the administrator was told of already with the same cause, and it is open still.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InChat {
    /// The message that told of it last; none: none that could be edited.
    pub message: Option<String>,
    /// The newest, as many as a message names.
    pub asked: Vec<Asked>,
    /// How many there are.
    pub count: usize,
}

/// So many of what was told before can be named again.
pub const MOST_NAMED: usize = MOST_LISTED;

/// The same for the administrator: one message for a cause, which names as many as it has room for, the new ones first.
/// The former message is edited; where it cannot be, a new one tells of all.
pub fn listing_for_administrator(action: &mut Action, others: &[Asked], before: &InChat) {
    let Action::Notify {
        about,
        text,
        also,
        besides,
        edits,
        ..
    } = action
    else {
        return;
    };
    let mut room = LONGEST_LIST;
    let all = others.iter().chain(&before.asked);
    let fitting = all.take(MOST_LISTED).take_while(|one| {
        let left = room.checked_sub(length(&one.entry));
        room = left.unwrap_or(0);
        left.is_some()
    });
    let named: Vec<&Asked> = fitting.collect();
    let all = others.len().saturating_add(before.count);
    let entries: Vec<&Entry> = named.iter().map(|one| &one.entry).collect();
    *text = texts::listed(text, &entries, all.saturating_sub(named.len()));
    // What a new message repeats belongs to it from now on.
    let moved = match &before.message {
        Some(_) => &[],
        None => named.get(others.len()..).unwrap_or_default(),
    };
    for one in others.iter().chain(moved.iter().copied()) {
        if one.about == *about {
            also.push(one.entry.deal);
        } else {
            besides.push((one.entry.deal, one.about.clone()));
        }
    }
    edits.clone_from(&before.message);
}

/// A plan without the messages that policy switched off, and without any in the quiet hours: those are made up for in
/// the morning, because a question that nobody was told of is told with the next look.
pub(crate) fn tactful(mut plan: Plan, policy: &Policy, now: Timestamp) -> Plan {
    plan.actions.retain(|action| match action {
        Action::Notify { about, .. } => !policy.notices.is_off(about),
        Action::CreateCounterparty { .. }
        | Action::IssueInvoice { .. }
        | Action::WriteFields { .. }
        | Action::AddTimelineEntry { .. }
        | Action::AttachPdf { .. }
        | Action::MoveStage { .. } => true,
    });
    let Some(morning) = policy.notices.quiet_until(now) else {
        return plan;
    };
    let before = plan.actions.len();
    plan.actions
        .retain(|action| !matches!(action, Action::Notify { .. }));
    if plan.actions.len() != before {
        let again = plan.look_again.take();
        let earlier = again.filter(|(at, _)| *at <= morning);
        plan.look_again =
            earlier.or_else(|| Some((morning, "в тихие часы никого не беспокоим".to_owned())));
    }
    plan
}
