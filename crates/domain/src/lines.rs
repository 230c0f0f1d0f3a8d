//! The lines of a document and what they come to.
//!
//! One rule for the whole product: the sum of a line is rounded half up to a kopeck, its VAT is computed
//! from that sum and rounded the same way, and the totals of the document are the sums of its lines. VAT on
//! the total can differ by kopecks; then the lines win, because the tables of УПД are checked by addition.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Money, Price, Quantity, VatMode, VatRate};

/// One line of goods, services or works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is, as printed.
    pub name: String,
    /// What it is counted in.
    pub unit: Unit,
    /// How many units.
    pub quantity: Quantity,
    /// Roubles for one unit before the discount, with VAT or without as the document's [`VatMode`] says.
    pub price: Price,
    /// What is taken off.
    pub discount: Option<Discount>,
    /// The rate of VAT.
    pub vat: VatRate,
}

/// What a line is counted in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unit {
    /// Code of the classifier OKEI (ОК 015-94), three digits as text with leading zeros; services have none.
    pub okei: Option<String>,
    /// As printed: `шт`, `ч`, `усл. ед`.
    pub name: String,
}

/// What is taken off one unit.
///
/// The discounted price is not rounded: only the sum of the line is. Bitrix24 gives the price after its
/// discount rounded already and a discount that drifts by kopecks against it; there the price is the truth
/// and the line is built from it without a discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discount {
    /// Per cent of the price, 0 to 100.
    Percent(#[serde(with = "crate::decimal::as_text")] Decimal),
    /// Money off each unit, with VAT or without as the price; from zero to the whole price.
    Money(Money),
}

/// What a line or a document comes to; always `net + vat = gross`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Amounts {
    /// Without VAT.
    pub net: Money,
    /// The VAT; zero where there is no rate.
    pub vat: Money,
    /// With VAT.
    pub gross: Money,
}

/// What a document comes to: its lines, their sums, and the sums by rate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// One entry per line, in the same order.
    pub lines: Vec<Amounts>,
    /// Sum of the lines without VAT.
    pub net: Money,
    /// Sum of the lines' VAT.
    pub vat: Money,
    /// Sum of the lines with VAT.
    pub gross: Money,
    /// The sums for each rate that occurs, the highest first.
    pub by_rate: Vec<(VatRate, Amounts)>,
}

/// Why lines do not come to an amount. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Quantity, price and discount have so many digits that the product would not be exact.
    #[error("line {line}: quantity times price has too many digits")]
    TooPrecise {
        /// Which line.
        line: usize,
    },
    /// The sum of a line is beyond about 92 quadrillion roubles.
    #[error("line {line}: the amount is too large")]
    TooLarge {
        /// Which line.
        line: usize,
    },
    /// A discount below zero or above the whole price.
    #[error("line {line}: the discount is below zero or above the price")]
    Discount {
        /// Which line.
        line: usize,
    },
    /// The lines together are too large.
    #[error("the total is too large")]
    TotalTooLarge,
}

/// Computes the amounts of each line and the totals of the document.
///
/// A negative quantity mirrors a positive one (rounding is symmetric about zero); whether it may stand on an
/// invoice is not decided here.
pub fn totals(mode: VatMode, lines: &[Line]) -> Result<Totals, AmountError> {
    let mut totals = Totals::default();
    for (index, line) in lines.iter().enumerate() {
        let amounts = line
            .amounts(mode)
            .map_err(|fault| fault.at(index.saturating_add(1)))?;
        totals
            .add(line.vat, amounts)
            .ok_or(AmountError::TotalTooLarge)?;
    }
    totals.by_rate.sort_by_key(|(rate, _)| *rate);
    Ok(totals)
}

impl Amounts {
    /// Parts the sum of a line: with VAT included `sum` is the gross, on top it is the net. `None` if the
    /// result is too large. `gross × r / (100 + r)` or `net × r / 100`, half up.
    pub fn split(mode: VatMode, rate: VatRate, sum: Money) -> Option<Amounts> {
        let percent = i128::from(rate.percent().unwrap_or(0));
        let whole = match mode {
            VatMode::Included => percent.checked_add(100)?,
            VatMode::OnTop => 100,
        };
        let tax = i128::from(sum.kopecks()).checked_mul(percent)?;
        let vat = Money::from_kopecks(i64::try_from(divided_half_up(tax, whole)?).ok()?);
        Some(match mode {
            VatMode::Included => Amounts {
                net: sum.checked_sub(vat)?,
                vat,
                gross: sum,
            },
            VatMode::OnTop => Amounts {
                net: sum,
                vat,
                gross: sum.checked_add(vat)?,
            },
        })
    }

    /// The sum of both, unless it is too large.
    pub fn checked_add(self, other: Amounts) -> Option<Amounts> {
        Some(Amounts {
            net: self.net.checked_add(other.net)?,
            vat: self.vat.checked_add(other.vat)?,
            gross: self.gross.checked_add(other.gross)?,
        })
    }
}

impl Totals {
    /// The three sums of the document.
    pub fn amounts(&self) -> Amounts {
        Amounts {
            net: self.net,
            vat: self.vat,
            gross: self.gross,
        }
    }

    fn add(&mut self, rate: VatRate, amounts: Amounts) -> Option<()> {
        let sum = self.amounts().checked_add(amounts)?;
        (self.net, self.vat, self.gross) = (sum.net, sum.vat, sum.gross);
        match self.by_rate.iter_mut().find(|(known, _)| *known == rate) {
            Some((_, of_rate)) => *of_rate = of_rate.checked_add(amounts)?,
            None => self.by_rate.push((rate, amounts)),
        }
        self.lines.push(amounts);
        Some(())
    }
}

/// What can be wrong with one line, before its number is known.
enum Fault {
    TooPrecise,
    TooLarge,
    Discount,
}

impl Fault {
    fn at(self, line: usize) -> AmountError {
        match self {
            Fault::TooPrecise => AmountError::TooPrecise { line },
            Fault::TooLarge => AmountError::TooLarge { line },
            Fault::Discount => AmountError::Discount { line },
        }
    }
}

impl Line {
    fn amounts(&self, mode: VatMode) -> Result<Amounts, Fault> {
        let sum = exact_product(self.quantity.value(), self.discounted_price()?)?;
        let sum = Money::rounded(sum).ok_or(Fault::TooLarge)?;
        Amounts::split(mode, self.vat, sum).ok_or(Fault::TooLarge)
    }

    /// The price of one unit after the discount, exact.
    fn discounted_price(&self) -> Result<Decimal, Fault> {
        let price = self.price.value();
        match self.discount {
            None => Ok(price),
            Some(Discount::Percent(percent)) => {
                if percent < Decimal::ZERO || percent > Decimal::ONE_HUNDRED {
                    return Err(Fault::Discount);
                }
                let kept = Decimal::ONE_HUNDRED
                    .checked_sub(percent)
                    .ok_or(Fault::TooPrecise)?;
                let hundredth = exact_product(kept, Decimal::new(1, 2))?;
                exact_product(price, hundredth)
            }
            Some(Discount::Money(off)) => {
                let left = price.checked_sub(off.roubles()).ok_or(Fault::TooLarge)?;
                if off.is_negative() || left < Decimal::ZERO {
                    Err(Fault::Discount)
                } else {
                    Ok(left)
                }
            }
        }
    }
}

/// The product, refused if the decimal type had to round it: rounding twice could move a kopeck.
fn exact_product(a: Decimal, b: Decimal) -> Result<Decimal, Fault> {
    let (a, b) = (a.normalize(), b.normalize());
    let product = a.checked_mul(b).ok_or(Fault::TooLarge)?;
    let exact = product.is_zero() || product.scale() == a.scale().saturating_add(b.scale());
    if exact && (product.is_zero() == (a.is_zero() || b.is_zero())) {
        Ok(product)
    } else {
        Err(Fault::TooPrecise)
    }
}

/// The quotient rounded half up in absolute value, for a positive divisor.
fn divided_half_up(number: i128, divisor: i128) -> Option<i128> {
    let half_up = number.checked_abs()?.checked_mul(2)?.checked_add(divisor)?;
    let quotient = half_up.checked_div(divisor.checked_mul(2)?)?;
    quotient.checked_mul(number.signum())
}
