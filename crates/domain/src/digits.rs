//! Digits as text, and the sums behind check digits and account keys.
//!
//! Identifiers are text from end to end: a number would lose the leading zero of the regions 01 to 09 and
//! of every BIK. Only ASCII digits count; full-width and other Unicode digits do not.

/// What is wrong with a text that should be digits only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Empty,
    NotDigit { position: usize },
}

/// Checks that `text` is not empty and holds ASCII digits alone; positions count characters from 1.
pub(crate) fn only_digits(text: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::Empty);
    }
    match text.chars().position(|c| !c.is_ascii_digit()) {
        Some(index) => Err(Fault::NotDigit {
            position: index.saturating_add(1),
        }),
        None => Ok(()),
    }
}

/// True for "000…": sums over zeros hold, but no register ever issues such a number.
pub(crate) fn all_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

/// The values of a text of ASCII digits, in order. What is no digit is left out.
pub(crate) fn values(text: &str) -> impl Iterator<Item = u32> {
    text.chars().filter_map(|c| c.to_digit(10))
}

/// The value of the digit at `position`, counted from 1.
pub(crate) fn digit_at(text: &str, position: usize) -> Option<u32> {
    values(text).nth(position.checked_sub(1)?)
}

/// The sum of each value times its weight; stops at the shorter of the two.
pub(crate) fn weighted_sum(values: impl Iterator<Item = u32>, weights: &[u32]) -> u32 {
    values
        .zip(weights)
        .map(|(value, weight)| value.saturating_mul(*weight))
        .fold(0, u32::saturating_add)
}

/// A text of at most 18 digits as one number, as the check digits of OGRN need it.
pub(crate) fn as_number(text: &str) -> u64 {
    values(text).fold(0_u64, |number, digit| {
        number.saturating_mul(10).saturating_add(u64::from(digit))
    })
}
