//! The guard against a flood: many invoices at once that nobody ordered.
//!
//! A stage renamed, a mass import or a robot let loose sends old deals into the invoice stage by the hundred. Then
//! nothing is sent, and the administrator is asked once. While the question is open, no invoice goes out unordered: it
//! joins the list. A deal that a person ordered is never held.

use jiff::Timestamp;

use crate::orders::is_ordered;
use crate::wanted::{Wanted, at_a_glance, by_history};
use crate::{Action, Choice, DealSnapshot, Plan, Policy, Seen};

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

/// So many deals of the pass would be invoiced, of so many it is not known yet.
pub fn verdict(would: usize, undecided: usize, is_asked: bool, policy: &Policy) -> Verdict {
    let limit = match policy.invoice.ask_above {
        0 => return Verdict::Go,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    if would > limit || (would > 0 && is_asked) {
        Verdict::Ask
    } else if would.saturating_add(undecided) > limit {
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
            "Счетов, которых никто не заказывал, за один проход больше предела ({}): массовый перенос сделок, \
             импорт или робот? Ничего не отправлено. Список сделок: `provodka cases --code {INVOICE_FLOOD}`. Выберите:",
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
