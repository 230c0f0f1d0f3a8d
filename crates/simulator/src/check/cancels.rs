//! An order to cancel is handed to the accountant only where policy lets people order that, and whoever gave it may; anybody
//! else's is answered in the timeline.

use std::sync::Arc;

use emulator_bitrix24::{Actor, What};
use planner::Cancel;
use serde_json::Value;

use super::deals::asks;
use super::{Evidence, is_our_write};
use crate::habits::cancels::{Cancels, ORDER};
use crate::offices::office::COMMAND;

/// The question to the accountant.
const ASKED: &str = "INVOICE-CANCEL-ORDERED";
/// What is said where an order goes to the accountant.
pub(super) const HANDED_ON: &str = "передана просьба отменить";
/// What is said where somebody else may order it, and where nobody may.
pub(super) const FOR_OTHERS: &str = "по правилам портала просить об этом могут";
pub(super) const FOR_NOBODY: &str = "по правилам портала счета отменяет только бухгалтер";

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some(cancels) = &evidence.weather.customs.cancels else {
        return;
    };
    for (id, deal) in &evidence.office.deals {
        let is_handed_on = says(evidence, *id, HANDED_ON) || asks(evidence, *id, &[ASKED]);
        let by_right = match (cancels.cancel, cancels.by.as_slice()) {
            (Cancel::Never, _) => false,
            // A manager's word may be given where managers bill by parts.
            (Cancel::Unpaid, []) => true,
            (Cancel::Unpaid, _) => wrote(evidence, *id, cancels),
        };
        if is_handed_on && !by_right {
            wrong.push(format!(
                "[cancel] deal {id}: the accountant is asked to cancel its invoice, and nobody who may has ordered it: {:?}",
                deal.cancels
            ));
        }
        if !deal.deleted {
            of_orders(evidence, *id, cancels, wrong);
        }
    }
}

/// Whether anybody who may order it ever changed the deal.
fn wrote(evidence: &Evidence<'_>, id: i64, cancels: &Cancels) -> bool {
    let mut writes = evidence.portal.writes_to("deal", id);
    writes.any(|entry| match &entry.what {
        What::Write { actor, .. } => user_of(actor).is_some_and(|user| cancels.may_order(user)),
        _ => false,
    })
}

fn user_of(actor: &Actor) -> Option<i64> {
    match actor {
        Actor::Person { user } => Some(*user),
        Actor::Webhook { .. } | Actor::Application { .. } | Actor::Robot => None,
    }
}

/// Of an order beside which nobody wrote until it was taken out of the field, it is known whose it was: it is not refused to
/// whoever may give it, and answered to whoever may not.
fn of_orders(evidence: &Evidence<'_>, id: i64, cancels: &Cancels, wrong: &mut Vec<String>) {
    let writes: Vec<_> = evidence.portal.writes_to("deal", id).collect();
    let command = |value: &Option<Arc<Value>>| {
        let command = value.as_ref().and_then(|fields| fields.get(COMMAND));
        let command = command.and_then(Value::as_str);
        command.unwrap_or_default().to_owned()
    };
    let mut by_who_may = 0_usize;
    let mut orders = 0_usize;
    let mut answered_to_others = 0_usize;
    for pair in writes.windows(2) {
        let [order, then] = pair else {
            continue;
        };
        let (What::Write { actor, after, .. }, What::Write { after: next, .. }) =
            (&order.what, &then.what)
        else {
            continue;
        };
        if command(after) != ORDER {
            continue;
        }
        orders += 1;
        let is_taken_out = is_our_write(then) && command(next).is_empty();
        let Some(user) = user_of(actor).filter(|_| is_taken_out) else {
            continue;
        };
        if cancels.may_order(user) {
            by_who_may += 1;
        } else {
            answered_to_others += 1;
        }
    }
    let refused = says(evidence, id, FOR_OTHERS) || says(evidence, id, FOR_NOBODY);
    if orders > 0 && orders == by_who_may && refused {
        wrong.push(format!(
            "[cancel] deal {id}: whoever may order to cancel its invoice was told that he may not"
        ));
    }
    let any = refused
        || [
            " не отменён",
            "Отменять нечего",
            "счёта в сделке ещё не было",
        ]
        .iter()
        .any(|said| says(evidence, id, said));
    if answered_to_others > 0 && !any {
        wrong.push(format!(
            "[cancel] deal {id}: who may not order to cancel its invoice was not answered"
        ));
    }
}

/// Whether our timeline entries about a deal ever said this.
fn says(evidence: &Evidence<'_>, id: i64, said: &str) -> bool {
    let mut entries = evidence.portal.writes_of("timeline_comment");
    entries.any(|entry| {
        let What::Write {
            after: Some(after), ..
        } = &entry.what
        else {
            return false;
        };
        let of = after.get("ENTITY_ID").and_then(Value::as_i64);
        let text = after.get("COMMENT").and_then(Value::as_str);
        is_our_write(entry) && of == Some(id) && text.is_some_and(|text| text.contains(said))
    })
}
