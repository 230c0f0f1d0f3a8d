//! Working days: the production calendar of Russia, as data by year.
//!
//! A term counted in days begins the day after the event (GK 191); if its last day is off, it ends with the next
//! working day (GK 193). Of a year whose decree is not here yet the weekends and the holidays of art. 112 TK are known,
//! and no transfers: [`is_known`] tells.

use jiff::civil::{Date, Weekday};

/// Version of the data: the decree of 2025-09-24 № 1466.
pub const VERSION: &str = "2026, № 1466";

/// Holidays of art. 112 TK: month and day, the same each year.
const HOLIDAYS: [(i8, i8); 14] = [
    (1, 1),
    (1, 2),
    (1, 3),
    (1, 4),
    (1, 5),
    (1, 6),
    (1, 7),
    (1, 8),
    (2, 23),
    (3, 8),
    (5, 1),
    (5, 9),
    (6, 12),
    (11, 4),
];

/// Working days that became days off, by year.
const TRANSFERRED: [(i16, &[(i8, i8)]); 1] = [(2026, &[(1, 9), (3, 9), (5, 11), (12, 31)])];

/// Whether the decree of this year is here.
pub fn is_known(year: i16) -> bool {
    TRANSFERRED.iter().any(|(known, _)| *known == year)
}

/// Whether people work on that day.
pub fn is_working(date: Date) -> bool {
    let day = (date.month(), date.day());
    let transferred = TRANSFERRED
        .iter()
        .filter(|(year, _)| *year == date.year())
        .any(|(_, days)| days.contains(&day));
    let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
    !weekend && !transferred && !HOLIDAYS.contains(&day)
}

/// The day itself if people work on it, else the next one on which they do (GK 193).
pub fn working_from(date: Date) -> Option<Date> {
    let mut day = date;
    while !is_working(day) {
        day = day.tomorrow().ok()?;
    }
    Some(day)
}

/// The last day of a term of so many calendar days that begins the day after `date`.
pub fn after_calendar_days(date: Date, days: u16) -> Option<Date> {
    let span = jiff::Span::new().try_days(i64::from(days)).ok()?;
    working_from(date.checked_add(span).ok()?)
}

/// The last day of a term of so many working days that begins the day after `date`.
pub fn after_working_days(date: Date, days: u16) -> Option<Date> {
    let mut day = date;
    for _counted in 0..days {
        day = working_from(day.tomorrow().ok()?)?;
    }
    working_from(day)
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Date, date};

    use super::{after_calendar_days, after_working_days, is_known, is_working};

    /// Working days by month of 2026 as Постановление 1466 comes to.
    #[test]
    fn the_months_of_2026_have_the_working_days_of_the_decree() {
        let expected = [15, 19, 21, 22, 19, 21, 23, 21, 22, 22, 20, 22];
        for (month, working) in (1..=12).zip(expected) {
            let first = date(2026, month, 1);
            let days = first.series(jiff::Span::new().days(1));
            let counted = days
                .take_while(|day: &Date| day.month() == month)
                .filter(|day| is_working(*day))
                .count();
            assert_eq!(counted, working, "month {month}");
        }
        assert!(is_known(2026));
        assert!(!is_known(2027));
    }

    #[test]
    fn a_term_ends_on_a_working_day() {
        for (from, days, calendar, working) in [
            // Thursday: five calendar days end on Tuesday, five working days on the next Thursday.
            (date(2026, 3, 12), 5, date(2026, 3, 17), date(2026, 3, 19)),
            // Calendar: 15 March is a Sunday.
            (date(2026, 3, 12), 3, date(2026, 3, 16), date(2026, 3, 17)),
            // Over the holidays of May.
            (date(2026, 4, 30), 1, date(2026, 5, 4), date(2026, 5, 4)),
            (date(2026, 12, 30), 1, date(2027, 1, 11), date(2027, 1, 11)),
            (date(2026, 3, 13), 0, date(2026, 3, 13), date(2026, 3, 13)),
        ] {
            assert_eq!(after_calendar_days(from, days), Some(calendar), "{from}");
            assert_eq!(after_working_days(from, days), Some(working), "{from}");
        }
    }
}
