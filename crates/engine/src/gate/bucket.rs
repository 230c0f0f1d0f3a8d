//! What may be lent of a remote's leaky bucket, and what was lent to us. Pure.
//!
//! The store keeps one level per account, which rises when requests are lent and drains as the remote's does. The
//! remote sees a request later than that: it waits in a slice, then travels. A bucket whose requests all come up to
//! `d` late stands at most `d` times the drain higher than the level by which they were lent, however many holders
//! there are. So that much is never lent, and the remote's bucket never overflows.

use std::time::Duration;

use capability::Urgency;
use jiff::Timestamp;

use crate::clock::later;
use crate::settings::{Bucket, GateSettings};

/// The level up to which requests of `urgency` are lent: all that is safe to clicks, less to others, so that a click
/// finds room at once. Never nothing.
pub(crate) fn ceiling(bucket: Bucket, settings: &GateSettings, urgency: Urgency) -> u32 {
    let late = settings.slice_lives.saturating_add(settings.path_delay);
    let safe = bucket
        .capacity
        .saturating_sub(drained_within(bucket, late))
        .max(1);
    let reserve = safe.saturating_mul(settings.click_reserve_percent.min(50)) / 100;
    match urgency {
        Urgency::Click => safe,
        Urgency::Due => safe.saturating_sub(reserve).max(1),
        Urgency::Trailing => safe.saturating_sub(reserve.saturating_mul(2)).max(1),
    }
}

/// Requests that drain within `span`, rounded up.
fn drained_within(bucket: Bucket, span: Duration) -> u32 {
    let millis = u128::from(bucket.drain_per_minute) * span.as_millis();
    u32::try_from(millis.div_ceil(60_000)).unwrap_or(u32::MAX)
}

/// Requests lent to this process, to be used before they expire.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slice {
    left: u32,
    expires_at: Timestamp,
}

impl Slice {
    /// A slice of `left` requests lent at `lent_at`.
    pub(crate) fn lent(left: u32, lent_at: Timestamp, lives: Duration) -> Self {
        Self {
            left,
            expires_at: later(lent_at, lives),
        }
    }

    /// Uses one request, if there is one that has not expired.
    pub(crate) fn take_one(&mut self, now: Timestamp) -> bool {
        if now >= self.expires_at {
            self.left = 0;
        }
        let had = self.left > 0;
        self.left = self.left.saturating_sub(1);
        had
    }

    /// Requests that are left of it.
    pub(crate) fn left(&self, now: Timestamp) -> u32 {
        if now >= self.expires_at { 0 } else { self.left }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_leave_room_for_late_requests_and_for_clicks() {
        let settings = GateSettings::default();
        let of = |bucket: Bucket| {
            [Urgency::Click, Urgency::Due, Urgency::Trailing]
                .map(|urgency| ceiling(bucket, &settings, urgency))
        };
        assert_eq!(of(settings.bitrix24), [44, 36, 28]);
        assert_eq!(
            of(Bucket {
                capacity: 250,
                drain_per_minute: 300
            }),
            [235, 188, 141]
        );
        assert_eq!(
            of(Bucket {
                capacity: 1,
                drain_per_minute: 60
            }),
            [1, 1, 1]
        );
    }

    #[test]
    fn a_slice_is_used_up_or_expires() {
        let noon: Timestamp = "2026-03-12T12:00:00Z".parse().unwrap();
        let mut slice = Slice::lent(2, noon, Duration::from_secs(1));
        assert!(slice.take_one(noon));
        assert!(slice.take_one(noon));
        assert!(!slice.take_one(noon));

        let mut slice = Slice::lent(2, noon, Duration::from_secs(1));
        assert!(!slice.take_one(later(noon, Duration::from_secs(1))));
        assert!(
            !slice.take_one(noon),
            "an expired slice does not come back when the clock is set back"
        );
    }
}
