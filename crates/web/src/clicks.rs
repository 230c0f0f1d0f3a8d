//! Which events are somebody waiting, and which are a flood.
//!
//! The portal does not say whether a person moved a deal or a mass edit did. A few events come from people
//! and go to the click lane; what comes faster than people click goes to the due lane, all of it while it lasts: a pass in
//! the click lane takes few deals and as many requests as one that takes a thousand.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use domain::PortalId;
use jiff::Timestamp;
use store::Lane;

/// Events that are taken for clicks at once.
const BURST: i64 = 20;
/// One more after so long.
const REFILL_MS: i64 = 500;
/// A flood that ended is forgotten after so many of them.
const MOST_BEHIND: i64 = 10;

/// A measure of clicks by portal.
#[derive(Debug, Default)]
pub(crate) struct Clicks {
    /// When the measure of a portal would be full again, in milliseconds since 1970.
    full_at: Mutex<BTreeMap<PortalId, i64>>,
}

impl Clicks {
    /// The lane for one more event of a portal.
    pub(crate) fn lane(&self, portal: &PortalId, now: Timestamp) -> Lane {
        let now = now.as_millisecond();
        let mut portals = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = portals.entry(portal.clone()).or_insert(now);
        let next = (*full_at).max(now).saturating_add(REFILL_MS);
        let behind = next.saturating_sub(now) / REFILL_MS;
        if behind <= BURST + MOST_BEHIND {
            *full_at = next;
        }
        if behind <= BURST {
            Lane::Click
        } else {
            Lane::Due
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Clicks;
    use domain::PortalId;
    use jiff::{SignedDuration, Timestamp};
    use store::Lane;

    #[test]
    fn a_few_events_are_clicks_and_a_flood_is_not() {
        let (clicks, portal) = (Clicks::default(), PortalId::new("p"));
        let now = Timestamp::UNIX_EPOCH;
        let lanes: Vec<Lane> = (0..30).map(|_| clicks.lane(&portal, now)).collect();
        assert_eq!(
            lanes.iter().filter(|lane| **lane == Lane::Click).count(),
            20
        );
        assert_eq!(clicks.lane(&PortalId::new("other"), now), Lane::Click);
    }

    #[test]
    fn while_a_flood_lasts_none_of_it_is_a_click_and_soon_after_it_people_are_heard() {
        let (clicks, portal) = (Clicks::default(), PortalId::new("p"));
        let mut now = Timestamp::UNIX_EPOCH;
        let mut taken = 0;
        for _ in 0..6_000 {
            taken += usize::from(clicks.lane(&portal, now) == Lane::Click);
            now += SignedDuration::from_millis(10);
        }
        assert_eq!(
            taken, 21,
            "half a click was refilled before there were twenty"
        );
        now += SignedDuration::from_secs(6);
        assert_eq!(clicks.lane(&portal, now), Lane::Click);
    }

    #[test]
    fn people_who_click_twice_a_second_all_day_are_heard() {
        let (clicks, portal) = (Clicks::default(), PortalId::new("p"));
        for second in 0..100 {
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
            assert_eq!(clicks.lane(&portal, now), Lane::Click);
            assert_eq!(clicks.lane(&portal, now), Lane::Click);
        }
    }
}
