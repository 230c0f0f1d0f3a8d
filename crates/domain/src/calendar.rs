//! Working days: the production calendar of Russia, as data by year.
//!
//! A term counted in days begins the day after the event (GK 191); if its last day is off, it ends with the next
//! working day (GK 193). Of a year whose decree is not here yet the weekends and the holidays of art. 112 TK are known,
//! and no transfers: [`is_known`] tells, and whoever counts says so.

use jiff::civil::{Date, Weekday};

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

/// What the government moved in a year.
struct Year {
    year: i16,
    /// The decree that says so.
    decree: &'static str,
    /// Working days that became days off.
    off: &'static [(i8, i8)],
    /// Saturdays on which people work.
    working: &'static [(i8, i8)],
}

/// Years whose decree is here; a Saturday or Sunday that is a holiday and is moved to another day is off all the same.
const YEARS: [Year; 3] = [
    Year {
        year: 2024,
        decree: "постановление Правительства РФ от 10.08.2023 № 1314",
        off: &[(4, 29), (4, 30), (5, 10), (12, 30), (12, 31)],
        working: &[(4, 27), (11, 2), (12, 28)],
    },
    Year {
        year: 2025,
        decree: "постановление Правительства РФ от 04.10.2024 № 1335",
        off: &[(5, 2), (5, 8), (6, 13), (11, 3), (12, 31)],
        working: &[(11, 1)],
    },
    Year {
        year: 2026,
        decree: "постановление Правительства РФ от 24.09.2025 № 1466",
        off: &[(1, 9), (3, 9), (5, 11), (12, 31)],
        working: &[],
    },
];

fn year(year: i16) -> Option<&'static Year> {
    YEARS.iter().find(|known| known.year == year)
}

/// The decree that moved the days off of this year; none: it is not here.
pub fn decree(of: i16) -> Option<&'static str> {
    year(of).map(|known| known.decree)
}

/// Whether the decree of this year is here.
pub fn is_known(of: i16) -> bool {
    year(of).is_some()
}

/// Whether people work on that day.
pub fn is_working(date: Date) -> bool {
    let day = (date.month(), date.day());
    let moved = year(date.year());
    if moved.is_some_and(|moved| moved.working.contains(&day)) {
        return true;
    }
    let is_off = moved.is_some_and(|moved| moved.off.contains(&day));
    let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
    !weekend && !is_off && !HOLIDAYS.contains(&day)
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

    use super::{after_calendar_days, after_working_days, decree, is_known, is_working};

    #[test]
    fn the_months_have_the_working_days_of_the_decrees() {
        for (year, expected) in [
            (2024, [17, 20, 20, 21, 20, 19, 23, 22, 21, 23, 21, 21]),
            (2025, [17, 20, 21, 22, 18, 19, 23, 21, 22, 23, 19, 22]),
            (2026, [15, 19, 21, 22, 19, 21, 23, 21, 22, 22, 20, 22]),
        ] {
            for (month, working) in (1..=12).zip(expected) {
                let first = date(year, month, 1);
                let days = first.series(jiff::Span::new().days(1));
                let counted = days
                    .take_while(|day: &Date| day.month() == month)
                    .filter(|day| is_working(*day))
                    .count();
                assert_eq!(counted, working, "{year}-{month}");
            }
            assert!(is_known(year));
        }
        assert!(decree(2026).unwrap().ends_with("№ 1466"));
        assert!(!is_known(2027));
    }

    #[test]
    fn people_work_on_a_saturday_that_was_moved_and_rest_on_the_day_it_was_moved_to() {
        for (day, works) in [
            (date(2025, 11, 1), true),
            (date(2025, 11, 3), false),
            (date(2024, 4, 27), true),
            (date(2024, 4, 29), false),
            (date(2026, 12, 31), false),
            // Nobody knows yet.
            (date(2027, 12, 31), true),
            (date(2027, 1, 8), false),
        ] {
            assert_eq!(is_working(day), works, "{day}");
        }
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
