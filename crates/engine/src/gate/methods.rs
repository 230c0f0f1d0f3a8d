//! Run time that a remote grants to each of its methods: which of them rest, and until when. Pure.
//!
//! Bitrix24 answers 429 without saying when the window ends, so what it said with the last good answer is kept
//! (`operating_reset_at`); close to the limit we pause the method before it is refused.

use std::collections::BTreeMap;

use capability::exchange::LimitHit;
use capability::{Exchange, MethodTime};
use jiff::Timestamp;

use crate::clock::{later, until};
use crate::settings::GateSettings;

/// The methods of one (portal, remote).
#[derive(Clone, Debug, Default)]
pub(crate) struct Methods {
    pauses: BTreeMap<String, Timestamp>,
    resets: BTreeMap<String, Timestamp>,
}

impl Methods {
    /// The latest moment until which one of `methods` rests.
    pub(crate) fn paused(&self, methods: &[String], now: Timestamp) -> Option<(&str, Timestamp)> {
        methods
            .iter()
            .filter_map(|method| self.pauses.get_key_value(method))
            .filter(|(_, until)| now < **until)
            .max_by_key(|(_, until)| **until)
            .map(|(method, until)| (method.as_str(), *until))
    }

    /// A pause that others stored; the later one holds.
    pub(crate) fn stored(&mut self, method: String, until: Timestamp) {
        let pause = self.pauses.entry(method).or_insert(until);
        *pause = (*pause).max(until);
    }

    /// Learns from an exchange; returns the pauses that are new and have to be stored.
    pub(crate) fn learn(
        &mut self,
        exchange: &Exchange,
        settings: &GateSettings,
        now: Timestamp,
    ) -> Vec<(String, Timestamp)> {
        let mut found: Vec<(String, Timestamp)> = Vec::new();
        for time in &exchange.times {
            if let Some(reset_at) = time.reset_at {
                self.resets.insert(time.method.clone(), reset_at);
            }
            found.extend(self.near_its_limit(time, settings, now));
        }
        if let Some(LimitHit::Methods { rests }) = &exchange.limit {
            found.extend(rests.iter().map(|rest| {
                let pause = self.pause_of(&rest.method, rest.until, settings, now);
                (rest.method.clone(), pause)
            }));
        }
        self.pauses.retain(|_, until| now < *until);
        found.retain(|(method, until)| self.pauses.get(method).is_none_or(|known| known < until));
        self.pauses.extend(found.iter().cloned());
        found
    }

    fn near_its_limit(
        &self,
        time: &MethodTime,
        settings: &GateSettings,
        now: Timestamp,
    ) -> Option<(String, Timestamp)> {
        let used = u128::from(time.operating_ms) * 100;
        let mark = settings.method_time.as_millis() * u128::from(settings.method_time_percent);
        (used >= mark).then(|| {
            (
                time.method.clone(),
                self.pause_of(&time.method, time.reset_at, settings, now),
            )
        })
    }

    /// Until the window ends: as named, else as last heard, else a whole window; never shorter than the least, never
    /// longer than an hour (a remote's clock may be wrong).
    fn pause_of(
        &self,
        method: &str,
        named: Option<Timestamp>,
        settings: &GateSettings,
        now: Timestamp,
    ) -> Timestamp {
        let heard = self
            .resets
            .get(method)
            .copied()
            .filter(|reset_at| now < *reset_at);
        let rest = named
            .filter(|named| now < *named)
            .or(heard)
            .map_or(settings.method_pause_unknown, |reset_at| {
                until(now, reset_at)
            });
        let rest = rest
            .max(settings.method_pause_least)
            .min(std::time::Duration::from_secs(3600));
        later(now, rest)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use capability::Remote;
    use capability::exchange::MethodRest;

    use super::*;

    fn noon() -> Timestamp {
        "2026-03-12T12:00:00Z".parse().unwrap()
    }

    fn after(seconds: u64) -> Timestamp {
        later(noon(), Duration::from_secs(seconds))
    }

    fn exchange(times: Vec<MethodTime>, limit: Option<LimitHit>) -> Exchange {
        Exchange {
            at: noon(),
            remote: Remote::Bitrix24,
            account: "b24.test".to_owned(),
            method: "batch".to_owned(),
            request: serde_json::Value::Null,
            response: serde_json::Value::Null,
            status: Some(200),
            duration_ms: 1,
            times,
            limit,
            result: "ok".to_owned(),
            remote_failed: false,
        }
    }

    fn time(operating_ms: u64, reset_at: Option<Timestamp>) -> MethodTime {
        MethodTime {
            method: "crm.item.list".to_owned(),
            operating_ms,
            reset_at,
        }
    }

    fn limited(until: Option<Timestamp>) -> Option<LimitHit> {
        Some(LimitHit::Methods {
            rests: vec![rest("crm.item.list", until)],
        })
    }

    fn rest(method: &str, until: Option<Timestamp>) -> MethodRest {
        MethodRest {
            method: method.to_owned(),
            until,
        }
    }

    /// What was heard before, then the exchange, then the pause in seconds after noon.
    fn check(heard: Option<Timestamp>, exchanged: &Exchange, expected: Option<u64>) {
        let mut methods = Methods::default();
        let settings = GateSettings::default();
        let before = methods.learn(&exchange(vec![time(1, heard)], None), &settings, noon());
        assert!(before.is_empty());
        let stored = methods.learn(exchanged, &settings, noon());
        let pause = methods.paused(&["crm.item.list".to_owned(), "user.get".to_owned()], noon());
        assert_eq!(
            pause.map(|(_, until)| until),
            expected.map(after),
            "{exchanged:?}"
        );
        assert_eq!(stored.len(), usize::from(expected.is_some()));
        assert_eq!(
            methods.paused(&["user.get".to_owned()], noon()),
            None,
            "other methods go on"
        );
        assert!(
            methods.learn(exchanged, &settings, noon()).is_empty(),
            "stored once"
        );
    }

    #[test]
    fn a_method_rests_until_its_window_ends() {
        check(
            None,
            &exchange(vec![], limited(Some(after(300)))),
            Some(300),
        );
        check(
            Some(after(120)),
            &exchange(vec![], limited(None)),
            Some(120),
        );
        check(None, &exchange(vec![], limited(None)), Some(600));
        check(Some(after(3)), &exchange(vec![], limited(None)), Some(10));
        check(
            None,
            &exchange(vec![], limited(Some(after(999_999)))),
            Some(3600),
        );
    }

    #[test]
    fn every_method_that_one_batch_met_at_its_limit_rests() {
        let mut methods = Methods::default();
        let limit = LimitHit::Methods {
            rests: vec![
                rest("crm.item.update", Some(after(517))),
                rest("crm.timeline.comment.add", Some(after(516))),
            ],
        };
        let met = exchange(vec![], Some(limit));
        let stored = methods.learn(&met, &GateSettings::default(), noon());
        assert_eq!(stored.len(), 2);
        for (method, seconds) in [("crm.item.update", 517), ("crm.timeline.comment.add", 516)] {
            let asked = [method.to_owned()];
            let pause = methods.paused(&asked, noon());
            assert_eq!(pause, Some((method, after(seconds))));
        }
    }

    #[test]
    fn a_method_close_to_its_limit_rests_before_it_is_refused() {
        check(
            None,
            &exchange(vec![time(431_999, Some(after(200)))], None),
            None,
        );
        check(
            None,
            &exchange(vec![time(432_000, Some(after(200)))], None),
            Some(200),
        );
        check(None, &exchange(vec![time(432_000, None)], None), Some(600));
    }
}
