//! The guard against a flood: many invoices at once that nobody ordered.
//!
//! A stage renamed, a mass import or a robot let loose sends old deals into the invoice stage by the hundred. Once more
//! than the limit come within a minute, no further one is sent, and the administrator is asked once. While the question
//! is open, no further one goes out unordered: it joins the list. A deal that a person ordered is never held.

use jiff::{SignedDuration, Timestamp};

use crate::orders::is_ordered;
use crate::wanted::{Wanted, at_a_glance, by_history};
use crate::{Action, Choice, DealSnapshot, Plan, Policy, Seen};

/// What begins within so long is counted together. A mass action comes in many small passes, a second or a few apart,
/// and must not slip through between them. A longer time would hold a busy office, whose managers are limited to as many.
pub const WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// The page of the question.
pub const INVOICE_FLOOD: &str = "INVOICE-FLOOD";

/// Where a deal stands with the question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It was not asked about.
    #[default]
    Free,
    /// It waits for the answer.
    Held,
    /// The administrator let it go.
    Released,
    /// The administrator left it: only a person's order issues it.
    Left,
}

/// What becomes of the invoices of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are issued.
    Go,
    /// More deals are to be looked at before it can be said.
    Wait,
    /// They are held, and the administrator is asked.
    Ask,
}

/// Invoices that nobody ordered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// Deals whose invoices were let through before and count still.
    pub begun: usize,
    /// Deals that this pass would invoice.
    pub would: usize,
    /// Deals of this pass of which it is not known yet.
    pub undecided: usize,
}

/// So many that more are asked about; none: nothing is counted.
pub fn limit(policy: &Policy) -> Option<usize> {
    match policy.invoice.ask_above {
        0 => None,
        limit => Some(usize::try_from(limit).unwrap_or(usize::MAX)),
    }
}

/// Whether what was let through at a moment counts still; `all_went_at`: when the administrator last let all of a list
/// go, by which what went before is answered for. A clock that was set back a little forgets nothing.
pub fn counts(at: Timestamp, all_went_at: Option<Timestamp>, now: Timestamp) -> bool {
    let is_answered_for = all_went_at.is_some_and(|all_went_at| at <= all_went_at);
    !is_answered_for && now.duration_since(at).abs() < WITHIN
}

/// What becomes of those that the pass would invoice; `is_asked`: the question is open.
pub fn verdict(count: Count, is_asked: bool, policy: &Policy) -> Verdict {
    let Some(limit) = limit(policy).filter(|_| count.would > 0) else {
        return Verdict::Go;
    };
    let known = count.begun.saturating_add(count.would);
    if known > limit || is_asked {
        Verdict::Ask
    } else if known.saturating_add(count.undecided) > limit {
        Verdict::Wait
    } else {
        Verdict::Go
    }
}

/// Whether a plan makes an invoice that nobody ordered, or what it needs first.
pub fn would_issue(snapshot: &DealSnapshot, plan: &Plan) -> bool {
    let makes = |action: &Action| {
        matches!(
            action,
            Action::IssueInvoice { .. } | Action::CreateCounterparty { .. }
        )
    };
    let repeats = snapshot.creating.is_some();
    snapshot.flood == Standing::Free
        && !repeats
        && !is_by_hand(snapshot)
        && plan.actions.iter().any(makes)
}

/// Whether it may turn out that a deal is to be invoiced although nobody ordered it.
pub fn may_want(snapshot: &DealSnapshot, policy: &Policy, now: Timestamp) -> bool {
    let free = snapshot.flood == Standing::Free
        && !snapshot.sealed
        && snapshot.creating.is_none()
        && snapshot.live_invoice().is_none();
    free && !is_by_hand(snapshot)
        && match &snapshot.seen {
            Seen::Unread => true,
            Seen::Gone | Seen::Denied => false,
            Seen::Glance(glance) => matches!(
                at_a_glance(snapshot, glance, policy),
                Wanted::ReadWhole | Wanted::AskHistory
            ),
            Seen::Whole(reading, _) => by_history(snapshot, reading, policy, now) == Wanted::Yes,
        }
}

/// A person wants it: by an order in the deal, or by a decision about its former invoice. Beside an invoice there is
/// another only by such.
fn is_by_hand(snapshot: &DealSnapshot) -> bool {
    snapshot.live_invoice().is_some()
        || snapshot.to_replace().is_some()
        || snapshot
            .glance()
            .is_some_and(|glance| is_ordered(snapshot, glance))
}

/// What the administrator reads.
pub fn question(policy: &Policy) -> String {
    crate::texts::with_choices(
        &format!(
            "Счетов, которых никто не заказывал, за минуту больше предела ({}): массовый перенос сделок, \
             импорт или робот? По сделкам списка ничего не отправлено. Список: \
             `provodka cases --code {INVOICE_FLOOD}`. Выберите:",
            policy.invoice.ask_above
        ),
        &choices(),
    )
}

/// What lets them go.
pub const ISSUE: &str = "issue";
/// What leaves them.
pub const LEAVE: &str = "leave";

/// What the administrator may answer.
pub fn choices() -> Vec<Choice> {
    let choice = |word: &str, text: &str| Choice {
        word: word.to_owned(),
        text: text.to_owned(),
    };
    vec![
        choice(ISSUE, "выставить все эти счета"),
        choice(LEAVE, "не выставлять: только по команде человека в сделке"),
    ]
}
