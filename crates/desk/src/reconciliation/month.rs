//! A calendar month, as people write it: `2026-03`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

/// A calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    first: Date,
}

/// A text that is no month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no month: it is written as 2026-03")]
pub struct NoMonth(String);

const NAMES: [&str; 12] = [
    "январь",
    "февраль",
    "март",
    "апрель",
    "май",
    "июнь",
    "июль",
    "август",
    "сентябрь",
    "октябрь",
    "ноябрь",
    "декабрь",
];

impl Month {
    /// The month that a day is in.
    pub fn of(day: Date) -> Self {
        Self {
            first: day.first_of_month(),
        }
    }

    /// Its first day.
    pub const fn first(self) -> Date {
        self.first
    }

    /// Its last day.
    pub fn last(self) -> Date {
        self.first.last_of_month()
    }

    /// The month before.
    pub fn before(self) -> Self {
        Self::of(self.first.yesterday().unwrap_or(self.first))
    }

    /// The month after.
    pub fn after(self) -> Self {
        Self::of(self.last().tomorrow().unwrap_or(self.first))
    }

    /// `март 2026`
    pub fn in_words(self) -> String {
        let place = usize::try_from(self.first.month()).unwrap_or_default();
        let name = NAMES.get(place.saturating_sub(1)).unwrap_or(&"");
        format!("{name} {}", self.first.year())
    }
}

impl FromStr for Month {
    type Err = NoMonth;

    fn from_str(text: &str) -> Result<Self, NoMonth> {
        let is_month = text.len() == 7 && text.is_ascii();
        let first: Option<Date> = format!("{text}-01").parse().ok();
        // A workbook has no days before.
        let first = first.filter(|first| is_month && first.year() >= 1900);
        first
            .map(|first| Self { first })
            .ok_or_else(|| NoMonth(text.to_owned()))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first.strftime("%Y-%m"))
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Month;
    use jiff::civil::date;

    #[test]
    fn a_month_is_read_as_people_write_it() {
        let month: Month = "2026-02".parse().unwrap();
        assert_eq!(
            (month.first(), month.last()),
            (date(2026, 2, 1), date(2026, 2, 28))
        );
        assert_eq!(
            (month.to_string(), month.in_words()),
            ("2026-02".to_owned(), "февраль 2026".to_owned())
        );
        assert_eq!(month.before().to_string(), "2026-01");
        assert_eq!(month.before().before().in_words(), "декабрь 2025");
        assert_eq!(Month::of(date(2026, 12, 31)).after().to_string(), "2027-01");
        for wrong in [
            "",
            "2026",
            "2026-13",
            "2026-3",
            "02.2026",
            "2026-02-01",
            "202\u{660}-02",
            "0001-01",
        ] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }
}
