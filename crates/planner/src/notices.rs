//! Little noise: who is told of a question, who hears it in place of a manager who works there no more, and not at night.
//!
//! Not here: questions that arise while acting, and those about the portal (`reconciler`); they keep the same hours.

use domain::staff::Staff;
use domain::{DealId, UserId};
use jiff::Timestamp;

use crate::{Action, CaseCode, Plan, Policy, Whom, texts};

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

/// So many deals with one cause a manager hears of one by one; of more there is one list.
pub const MOST_APART: usize = 3;

/// Makes a message about one deal one about others as well, of which the same is asked.
pub fn listing(action: &mut Action, others: Vec<DealId>) {
    if let Action::Notify { text, also, .. } = action {
        *text = texts::the_same_in(text, &others);
        *also = others;
    }
}

/// A plan without the messages that policy switched off, and without any in the quiet hours: those are made up for in
/// the morning, because a question that nobody was told of is told with the next look.
pub(crate) fn tactful(mut plan: Plan, policy: &Policy, now: Timestamp) -> Plan {
    let is_off = |about: &str| {
        let off = policy
            .notices
            .off
            .iter()
            .map(|code: &CaseCode| code.as_str());
        off.into_iter().any(|code| code == about)
    };
    plan.actions.retain(|action| match action {
        Action::Notify { about, .. } => !is_off(about),
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
