//! Leaves a remote alone that fails again and again, and lets one request at a time find out whether it is back. Pure.

use jiff::Timestamp;
use rand::Rng;
use store::Breaker;

use crate::clock::later;
use crate::settings::GateSettings;

/// Whether a request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// Nothing is wrong.
    Free,
    /// It may, as the one that finds out.
    Probe,
    /// Not before this.
    Shut(Timestamp),
}

/// The breaker of one (portal, remote).
#[derive(Clone, Debug, Default)]
pub(crate) struct Door {
    /// As it stands in the store. While a probe is out, `open_until` is when another would be allowed: so one probe
    /// at a time holds for all processes.
    pub(crate) record: Breaker,
    opened_at: Option<Timestamp>,
}

impl Door {
    /// As the store has it.
    pub(crate) fn stored(&mut self, record: Breaker) {
        self.record = record;
    }

    /// May a request pass at `now`?
    pub(crate) fn passage(&self, settings: &GateSettings, now: Timestamp) -> Passage {
        match self.record.open_until {
            _ if self.record.failures < settings.breaker_failures => Passage::Free,
            Some(until) if now < until => Passage::Shut(until),
            _ => Passage::Probe,
        }
    }

    /// The probe leaves.
    pub(crate) fn probe(&mut self, settings: &GateSettings, now: Timestamp) {
        self.record.open_until = Some(later(now, settings.probe_lives));
    }

    /// A request sent at `sent_at` failed; true when the record changed.
    pub(crate) fn failed(
        &mut self,
        sent_at: Timestamp,
        settings: &GateSettings,
        now: Timestamp,
        rng: &mut dyn Rng,
    ) -> bool {
        // What was under way when the breaker opened says nothing new.
        if self.opened_at.is_some_and(|opened_at| sent_at <= opened_at) {
            return false;
        }
        self.record.failures = self.record.failures.saturating_add(1);
        if let Some(openings) = self.record.failures.checked_sub(settings.breaker_failures) {
            self.open(now, later(now, settings.breaker_rests.delay(openings, rng)));
        }
        true
    }

    /// The vendor blocks us: left alone for long, whatever the count.
    pub(crate) fn blocked(&mut self, settings: &GateSettings, now: Timestamp) {
        self.record.failures = self.record.failures.max(settings.breaker_failures);
        self.open(now, later(now, settings.blocked_rests));
    }

    /// A request was answered; true when the record changed.
    pub(crate) fn worked(&mut self) -> bool {
        let had_failed = self.record.failures > 0;
        self.record = Breaker {
            failures: 0,
            open_until: None,
        };
        self.opened_at = None;
        had_failed
    }

    fn open(&mut self, now: Timestamp, until: Timestamp) {
        self.record.open_until = Some(until);
        self.opened_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn noon() -> Timestamp {
        "2026-03-12T12:00:00Z".parse().unwrap()
    }

    fn after(seconds: u64) -> Timestamp {
        later(noon(), Duration::from_secs(seconds))
    }

    fn opened(settings: &GateSettings, rng: &mut ChaCha8Rng) -> Door {
        let mut door = Door::default();
        for second in 1..=u64::from(settings.breaker_failures) {
            assert_eq!(door.passage(settings, after(second)), Passage::Free);
            assert!(door.failed(after(second), settings, after(second), rng));
        }
        door
    }

    #[test]
    fn opens_after_failures_in_a_row_and_probes_once_at_a_time() {
        let (settings, mut rng) = (GateSettings::default(), ChaCha8Rng::seed_from_u64(7));
        let mut door = opened(&settings, &mut rng);
        let Passage::Shut(until) = door.passage(&settings, after(6)) else {
            panic!("{door:?}")
        };
        assert!(
            until >= after(65) && until <= after(95),
            "a minute and up to a half by chance"
        );

        assert_eq!(door.passage(&settings, until), Passage::Probe);
        door.probe(&settings, until);
        assert!(
            matches!(door.passage(&settings, until), Passage::Shut(_)),
            "a second probe"
        );

        let failed_at = later(until, Duration::from_secs(1));
        assert!(door.failed(failed_at, &settings, failed_at, &mut rng));
        let Passage::Shut(longer) = door.passage(&settings, failed_at) else {
            panic!("{door:?}")
        };
        assert!(
            longer >= later(failed_at, Duration::from_secs(120)),
            "the rest grows"
        );

        assert!(door.worked());
        assert_eq!(door.passage(&settings, failed_at), Passage::Free);
        assert!(!door.worked(), "nothing to store while all is well");
    }

    #[test]
    fn a_probe_without_an_answer_does_not_shut_for_ever() {
        let (settings, mut rng) = (GateSettings::default(), ChaCha8Rng::seed_from_u64(7));
        let mut door = opened(&settings, &mut rng);
        let now = after(1_000);
        door.probe(&settings, now);
        assert_eq!(
            door.passage(&settings, later(now, settings.probe_lives)),
            Passage::Probe
        );
    }

    #[test]
    fn requests_under_way_when_it_opened_do_not_lengthen_the_rest() {
        let (settings, mut rng) = (GateSettings::default(), ChaCha8Rng::seed_from_u64(7));
        let mut door = opened(&settings, &mut rng);
        let before = door.record;
        assert!(!door.failed(after(2), &settings, after(30), &mut rng));
        assert_eq!(door.record, before);
    }

    #[test]
    fn a_block_by_the_vendor_opens_at_once_for_long() {
        let settings = GateSettings::default();
        let mut door = Door::default();
        door.blocked(&settings, noon());
        assert_eq!(
            door.passage(&settings, noon()),
            Passage::Shut(after(15 * 60))
        );
    }
}
