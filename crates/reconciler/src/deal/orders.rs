//! Orders that were called: used up together with what they caused, so that a crash neither repeats nor loses one.

use domain::{DealId, OrderNumber};
use jiff::Timestamp;
use planner::{Called, Seen};
use serde_json::json;
use store::{CalledOrder, Record};

use super::{Looked, note};

/// An order that waits, as the planner sees it.
pub(crate) fn called(order: &CalledOrder) -> Called {
    let CalledOrder {
        deal: _,
        number,
        order,
        called_at,
    } = *order;
    Called {
        number,
        order,
        called_at,
    }
}

/// Notes that an order is used up by what else the record holds.
pub(crate) fn used_up(deal: DealId, number: OrderNumber, now: Timestamp, record: &mut Record) {
    record.orders.push((deal, number));
    let body = json!({"called": number, "used_up": true});
    record.journal.push(note(now, deal, "person", body));
}

/// Where we may write nothing, an order is carried out neither now nor when that changes: it would surprise by then. False:
/// none waits.
pub(crate) fn cannot_be_obeyed(deal: &mut Looked, now: Timestamp, record: &mut Record) -> bool {
    // Of a deal that is no more nobody will ever know the funnel.
    let is_known = deal.snapshot.glance().is_some() || matches!(deal.snapshot.seen, Seen::Gone);
    let Some(called) = deal.snapshot.called.take_if(|_| is_known) else {
        return false;
    };
    record.orders.push((deal.id, called.number));
    let why = "the funnel is not followed, or watched only";
    let body = json!({"called": called.number, "not_carried_out": why});
    record.journal.push(note(now, deal.id, "person", body));
    true
}
