//! Little noise: who is told of a question, and not at night.
//!
//! Not here: questions that arise while acting, and those about the portal (`reconciler`); they keep the same hours.

use jiff::Timestamp;

use crate::{Action, CaseCode, Plan, Policy};

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
