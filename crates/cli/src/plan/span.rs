//! Of what time all deals are planned: since a day that a person names, else since the work began; where it has not
//! begun, the last days, as if it had.

use domain::display;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use planner::Policy;
use serde::Serialize;

/// So many days are shown where no day is named and no work began.
const LATELY_DAYS: i64 = 30;

/// Since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "since_is", content = "since", rename_all = "snake_case")]
pub(super) enum Span {
    /// A person named the day: as if the work had begun then.
    Named(Date),
    /// The work began on that day, and by its policy.
    Work(Date),
    /// The last days: as if the work had begun then.
    Lately(Date),
}

impl Span {
    pub(super) fn of(
        since: Option<Date>,
        policy: &Policy,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Span {
        let day = |at: Timestamp| at.to_zoned(zone.clone()).date();
        match since {
            Some(named) => Span::Named(named),
            None if policy.is_at_work() => Span::Work(day(policy.start_at)),
            None => Span::Lately(day(now).saturating_sub(LATELY_DAYS.days())),
        }
    }

    /// The end of "deals that entered an invoice stage …".
    pub(super) fn in_words(self) -> String {
        match self {
            Span::Named(day) => format!("с {}", display::date(day)),
            Span::Work(day) => format!("с начала работы, {}", display::date(day)),
            Span::Lately(day) => format!(
                "за последние {LATELY_DAYS} дней, с {}: работа ещё не начата, это как если бы она началась тогда",
                display::date(day)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;
    use planner::Policy;

    use super::Span;
    use crate::plan::summary::Summary;

    fn policies() -> [Policy; 2] {
        let example = include_str!("../../../../config/policy.toml");
        let watched = example.replace("mode = \"active\"", "mode = \"watch_only\"");
        [example, &watched].map(|text| Policy::parse(text).unwrap())
    }

    #[test]
    fn where_no_day_is_named_all_since_the_work_began_is_meant_or_the_last_days() {
        let [active, watched] = policies();
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        // In Moscow it is the next day already.
        let now = "2026-11-22T22:30:00Z".parse().unwrap();
        let named = date(2026, 11, 1);
        for policy in [&active, &watched] {
            let span = Span::of(Some(named), policy, now, &zone);
            assert_eq!(span, Span::Named(named));
        }
        let span = |policy| Span::of(None, policy, now, &zone);
        assert_eq!(span(&active), Span::Work(date(2026, 3, 12)));
        assert_eq!(span(&watched), Span::Lately(date(2026, 10, 24)));
    }

    #[test]
    fn the_first_line_says_of_what_time_the_deals_are() {
        let [policy, _] = policies();
        let day = date(2026, 10, 24);
        let summary = |span| Summary::of(span, Vec::new(), &policy, "https://example.com");
        let first = |span| summary(span).in_words().lines().next().map(str::to_owned);
        let told = [Span::Named(day), Span::Work(day), Span::Lately(day)]
            .map(|span| first(span).unwrap())
            .join("\n");
        insta::assert_snapshot!(told, @r"
        Что было бы сделано по сделкам, вошедшим в стадию счёта с 24.10.2026. Ничего не записано.
        Что было бы сделано по сделкам, вошедшим в стадию счёта с начала работы, 24.10.2026. Ничего не записано.
        Что было бы сделано по сделкам, вошедшим в стадию счёта за последние 30 дней, с 24.10.2026: работа ещё не начата, это как если бы она началась тогда. Ничего не записано.
        ");
        let told = serde_json::to_value(summary(Span::Work(day))).unwrap();
        assert_eq!(told["since"], "2026-10-24");
        assert_eq!(told["since_is"], "work");
    }
}
