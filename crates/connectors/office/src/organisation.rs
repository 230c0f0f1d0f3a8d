//! One of our own legal entities, and the series of numbers that its invoices get.

use domain::{Inn, Kpp, OrganisationId};

/// Longer prefixes fit no register and no bank's field.
const LONGEST_PREFIX: usize = 20;
/// Stands in a prefix for the year of the invoice.
const YEAR: &str = "{year}";

/// One of our own legal entities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Its lasting id, by which the policy names it.
    pub id: OrganisationId,
    /// Its name, for people.
    pub name: String,
    /// Its INN.
    pub inn: Inn,
    /// Its KPP; sole traders have none.
    pub kpp: Option<Kpp>,
    /// For trying out: its numbers are no invoices of anybody's, and the accountant is not given them.
    pub test: bool,
    /// What stands before the number; `{year}` is the invoice's year.
    pub prefix: String,
    /// Where its numbers go on.
    pub go_on: Option<GoOn>,
}

/// What stands before the numbers of a test organisation that names no prefix of its own.
pub const TEST_PREFIX: &str = "ТЕСТ-";

/// Numbers below this one were given by hand in this year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoOn {
    /// The year; each other one begins with 1.
    pub year: i16,
    /// The first number that we give.
    pub number: u32,
}

/// Why a prefix cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganisationError {
    /// It would run together with the number: `1` and `12` are `11` and `2`.
    #[error("ends with a digit, and would run together with the number")]
    EndsWithDigit,
    /// Too long, or with characters that no document has in a number.
    #[error(
        "is longer than {LONGEST_PREFIX} characters or has characters that are no letters, digits, `-`, `/`, `.` or `_`"
    )]
    Shape,
}

impl Organisation {
    /// What stands before the number of an invoice of this year.
    pub fn prefix_of(&self, year: i16) -> String {
        self.prefix.replace(YEAR, &year.to_string())
    }

    /// The number that the invoices of this year do not fall below.
    pub fn first_of(&self, year: i16) -> u32 {
        self.go_on
            .filter(|go_on| go_on.year == year)
            .map_or(1, |go_on| go_on.number)
    }

    /// Whether a prefix says that what follows is the number of a test.
    pub fn says_test(prefix: &str) -> bool {
        let lower = prefix.to_lowercase();
        ["тест", "test"].iter().any(|word| lower.contains(word))
    }

    /// Whether a text can stand before numbers, whatever the year.
    ///
    /// # Errors
    /// When it would make numbers that can be taken for others.
    pub fn judge_prefix(prefix: &str) -> Result<(), OrganisationError> {
        let printed = prefix.replace(YEAR, "2026");
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '/' | '.' | '_');
        if printed.chars().count() > LONGEST_PREFIX || !printed.chars().all(fits) {
            return Err(OrganisationError::Shape);
        }
        if printed.ends_with(char::is_numeric) {
            return Err(OrganisationError::EndsWithDigit);
        }
        Ok(())
    }
}
