//! An invoice for a part of what is sold: an advance, what is left after it, what was added later.
//!
//! A part says for each line how much of its sum with VAT is billed. Parts add up to the whole line by line, in sum
//! and in VAT, to the kopeck. The accounting side computes the VAT of each line by itself, so sums are chosen whose
//! VAT adds up; where the sum of an advance leaves no choice, what is left of one line stands as two lines, the second of some kopecks.
//! Prices of parts hold their VAT, whatever the whole does: an advance is a sum of money.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    AmountError, Amounts, Line, Money, Price, Quantity, Unit, VatMode, VatRate, totals, unit,
};

/// What the whole was when a part of it was billed, and how much of each of its lines the part bills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// How prices of the whole relate to VAT.
    pub mode: VatMode,
    /// The lines of the whole.
    pub lines: Vec<Line>,
    /// What is billed of each, in the same order.
    pub billed: Vec<Amounts>,
}

/// How large an advance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Per cent of the whole with VAT.
    Percent(Decimal),
    /// So much money, with VAT.
    Sum(Money),
}

/// Why a part cannot be billed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// The whole comes to no sum.
    #[error(transparent)]
    Amounts(#[from] AmountError),
    /// Nothing, or not less than the whole.
    #[error("an advance is more than nothing and less than the whole")]
    NotAPart,
    /// Sums so small that VAT cannot be parted.
    #[error("the VAT of line {line} cannot be parted to the kopeck")]
    Uneven {
        /// Which line of the whole, from 1.
        line: usize,
    },
    /// More of a line is billed than it comes to.
    #[error("line {line} comes to less than what is billed of it")]
    Overdrawn {
        /// Which line of the whole, from 1.
        line: usize,
    },
}

/// A sum whose VAT adds up is never farther: VAT moves by 1/21 kopeck at least with each kopeck of a sum.
const NEAR: i64 = 12;
/// Within so many kopecks every fraction of VAT occurs.
const EVERY_FRACTION: i64 = 250;
/// The same for the one rate whose VAT can be half a kopeck.
const SIXTHS: i64 = 6;

/// The lines of an advance, each named with `label`, and what they bill of each line of the whole. Their sum is
/// exactly the share.
pub fn advance(
    mode: VatMode,
    lines: &[Line],
    share: Share,
    label: &str,
) -> Result<(Vec<Line>, Vec<Amounts>), PartError> {
    let whole = totals(mode, lines)?;
    let sum = match share {
        Share::Sum(sum) => Some(sum),
        Share::Percent(percent) => whole
            .gross
            .roubles()
            .checked_mul(percent)
            .and_then(|times| times.checked_div(Decimal::ONE_HUNDRED))
            .and_then(Money::rounded),
    };
    let sum = sum.filter(|sum| sum.is_positive() && *sum < whole.gross);
    let sum = sum.ok_or(PartError::NotAPart)?;
    let rates: Vec<VatRate> = lines.iter().map(|line| line.vat).collect();
    let billed = proportional(&rates, &whole.lines, sum)
        .or_else(|| one_after_another(&rates, &whole.lines, sum))
        .ok_or(PartError::Uneven { line: 1 })?;
    let sums = lines.iter().zip(&billed);
    let parts = sums.filter(|(_, billed)| billed.gross.is_positive());
    let parts = parts.map(|(line, billed)| part_line(line, billed.gross, label));
    Ok((parts.collect(), billed))
}

/// The lines for what is left of the whole after `billed`, each named with `label`, and what they bill. A line of
/// which nothing is billed stays as it is where its price holds its VAT anyway.
pub fn rest(
    mode: VatMode,
    lines: &[Line],
    billed: &[Amounts],
    label: &str,
) -> Result<(Vec<Line>, Vec<Amounts>), PartError> {
    let whole = totals(mode, lines)?;
    let (mut parts, mut bills) = (Vec::new(), Vec::new());
    let all = lines.iter().zip(&whole.lines).zip(billed);
    for (((line, whole), billed), number) in all.zip(1_usize..) {
        let left = minus(*whole, *billed).ok_or(PartError::Overdrawn { line: number })?;
        if billed.gross.is_zero() && mode == VatMode::Included {
            parts.push(line.clone());
        } else {
            let sums = split(line.vat, left).ok_or(PartError::Uneven { line: number })?;
            parts.extend(sums.into_iter().map(|sum| part_line(line, sum, label)));
        }
        bills.push(left);
    }
    Ok((parts, bills))
}

/// What is left of one line; `None` where less is left than nothing.
fn minus(whole: Amounts, billed: Amounts) -> Option<Amounts> {
    let left = Amounts {
        net: whole.net.checked_sub(billed.net)?,
        vat: whole.vat.checked_sub(billed.vat)?,
        gross: whole.gross.checked_sub(billed.gross)?,
    };
    let is_something = left.gross.is_positive() || left.gross.is_zero();
    (is_something && !left.vat.is_negative()).then_some(left)
}

/// A sum of money for a line of the whole.
fn part_line(line: &Line, sum: Money, label: &str) -> Line {
    const UNIT: &str = "усл. ед";
    Line {
        name: format!("{label}{}", line.name),
        unit: Unit {
            okei: unit::okei_by_name(UNIT).map(str::to_owned),
            name: UNIT.to_owned(),
        },
        quantity: Quantity::ONE,
        price: Price::from(sum),
        discount: None,
        vat: line.vat,
    }
}

/// What the accounting side makes of a sum that holds its VAT.
fn amounts(rate: VatRate, gross: Money) -> Option<Amounts> {
    Amounts::split(VatMode::Included, rate, gross)
}

/// The sums, one if it can be, that come to just these amounts.
fn split(rate: VatRate, left: Amounts) -> Option<Vec<Money>> {
    if left.gross.is_zero() {
        return left.vat.is_zero().then(Vec::new);
    }
    if amounts(rate, left.gross)? == left {
        return Some(vec![left.gross]);
    }
    let with_few = |few: &[i64]| {
        let mut sums = vec![left.gross];
        let mut both = Amounts::default();
        for few in few.iter().copied().map(Money::from_kopecks) {
            let most = sums.first_mut()?;
            *most = most.checked_sub(few)?;
            both = both.checked_add(amounts(rate, few)?)?;
            sums.push(few);
        }
        let most = *sums.first()?;
        both = both.checked_add(amounts(rate, most)?)?;
        (most.is_positive() && both == left).then_some(sums)
    };
    let mut one = (1..=EVERY_FRACTION).filter_map(|few| with_few(&[few]));
    // Where half a kopeck occurs (20/120) two may not do.
    let few = || 1..=SIXTHS;
    let mut two = few().flat_map(|one| few().map(move |other| [one, other]));
    one.next().or_else(|| two.find_map(|few| with_few(&few)))
}

/// Whether what is billed of a line leaves a rest that is one line.
fn is_even(rate: VatRate, whole: Amounts, gross: Money) -> Option<Amounts> {
    let billed = amounts(rate, gross)?;
    let left = minus(whole, billed)?;
    (amounts(rate, left.gross)? == left).then_some(billed)
}

/// Each line bears its share of the sum, the largest of them what the others leave over or short.
fn proportional(rates: &[VatRate], whole: &[Amounts], sum: Money) -> Option<Vec<Amounts>> {
    let gross = Money::sum(whole.iter().map(|one| one.gross))?;
    let largest = (0..whole.len()).max_by_key(|at| whole.get(*at).map(|one| one.gross))?;
    let mut billed = vec![Amounts::default(); whole.len()];
    let (mut passed, mut given) = (Money::ZERO, Money::ZERO);
    for (at, (rate, one)) in rates.iter().zip(whole).enumerate() {
        if at == largest {
            continue;
        }
        passed = passed.checked_add(one.gross)?;
        let due = shared(sum, passed, gross)?.checked_sub(given)?;
        let of_line = nearest(*rate, *one, due)?;
        given = given.checked_add(of_line.gross)?;
        *billed.get_mut(at)? = of_line;
    }
    let left_over = sum.checked_sub(given)?;
    let (rate, of_whole) = (rates.get(largest)?, whole.get(largest)?);
    *billed.get_mut(largest)? = whole_or_split(*rate, *of_whole, left_over)?;
    Some(billed)
}

/// Lines are billed wholly, one after another, until the sum is spent: for sums of kopecks.
fn one_after_another(rates: &[VatRate], whole: &[Amounts], sum: Money) -> Option<Vec<Amounts>> {
    let mut left_over = sum;
    let mut billed = Vec::with_capacity(whole.len());
    for (rate, one) in rates.iter().zip(whole) {
        let of_line = one.gross.min(left_over);
        billed.push(whole_or_split(*rate, *one, of_line)?);
        left_over = left_over.checked_sub(of_line)?;
    }
    left_over.is_zero().then_some(billed)
}

/// What is billed of a line of which a rest can be made, be it of two lines.
fn whole_or_split(rate: VatRate, whole: Amounts, gross: Money) -> Option<Amounts> {
    if gross.is_negative() {
        return None;
    }
    let billed = amounts(rate, gross)?;
    split(rate, minus(whole, billed)?).map(|_| billed)
}

/// The amounts next to `due` that leave an even rest; none and all of the line always do.
fn nearest(rate: VatRate, whole: Amounts, due: Money) -> Option<Amounts> {
    let by_distance = (0..=NEAR).flat_map(|far| [far, far.saturating_neg()]);
    let mut near = by_distance.filter_map(|far| {
        let gross = due.checked_add(Money::from_kopecks(far))?;
        let fits = !gross.is_negative() && gross <= whole.gross;
        fits.then(|| is_even(rate, whole, gross)).flatten()
    });
    near.next()
}

/// `sum × passed / gross`, rounded down.
fn shared(sum: Money, passed: Money, gross: Money) -> Option<Money> {
    let times = i128::from(sum.kopecks()).checked_mul(i128::from(passed.kopecks()))?;
    let share = times.checked_div(i128::from(gross.kopecks()))?;
    i64::try_from(share).ok().map(Money::from_kopecks)
}
