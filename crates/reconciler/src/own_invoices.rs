//! Whether a portal has invoices of its own, where policy leaves it to that: while it has none, no deal is asked about.
//!
//! Once one was seen, deals are asked about as they are where policy says so, and a sweep finds those that changed. Not
//! here: what one is to a deal (`planner`).

use std::sync::{Arc, Mutex, PoisonError};

use capability::Call;
use capability::portal::OwnInvoices as Shown;
use engine::{Halted, LeaseContext};
use jiff::{SignedDuration, Timestamp};
use planner::SmartInvoices;

use crate::Connected;

/// What the sweep of them keeps of itself.
pub(crate) const SWEEP: &str = "sweep/own_invoice";
/// So long a portal that had none is taken to have none still.
const NONE_HOLDS: SignedDuration = SignedDuration::from_mins(15);

/// What was seen of a portal. In memory only: after a restart it is asked once more.
#[derive(Clone, Default)]
pub struct OwnInvoices(Arc<Mutex<Seen>>);

#[derive(Clone, Copy, Default)]
enum Seen {
    #[default]
    Nothing,
    Some,
    NoneAt(Timestamp),
}

/// Whether a deal may have one.
pub(crate) async fn may_be(ctx: &LeaseContext, connected: &Connected, call: &Call<'_>) -> bool {
    if connected.policy.invoice.smart_invoices.is_some() {
        return true;
    }
    let now = ctx.now();
    match connected.own_invoices.seen() {
        Seen::Some => return true,
        Seen::NoneAt(at) if now.duration_since(at) < NONE_HOLDS => return false,
        Seen::Nothing | Seen::NoneAt(_) => {}
    }
    let shown = ctx.reading(|| connected.portal.directory.own_invoices(call));
    let seen = match shown.await {
        Ok(Shown::Some) => Seen::Some,
        // `check` tells of those that are hidden: no deal can wait for what it will never be shown.
        Ok(Shown::None | Shown::Hidden(_)) => Seen::NoneAt(now),
        // What is wrong is found out by whoever asks about the deals.
        Err(_) => return true,
    };
    connected.own_invoices.remember(seen);
    matches!(seen, Seen::Some)
}

/// Whether a sweep asks which of them changed: a deal that was left to one does not change when that one is taken back or
/// another comes. Where policy says nothing, from the first one that was seen on, by whichever process.
pub(crate) async fn are_swept(ctx: &LeaseContext, connected: &Connected) -> Result<bool, Halted> {
    match connected.policy.invoice.smart_invoices {
        Some(SmartInvoices::Ask | SmartInvoices::Adopt) => Ok(true),
        Some(SmartInvoices::Ignore) => Ok(false),
        None if matches!(connected.own_invoices.seen(), Seen::Some) => Ok(true),
        None => {
            let swept = ctx.store().cursor_get(&ctx.portal(), SWEEP).await?;
            Ok(swept.is_some())
        }
    }
}

impl OwnInvoices {
    fn seen(&self) -> Seen {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, seen: Seen) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}
