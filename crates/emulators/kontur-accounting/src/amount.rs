//! Money, quantities, VAT and the sums of a line, in whole numbers.
//!
//! The rules are those of the contract ("Sums of a document"): half up to the kopeck, once a
//! line. Written for the emulator alone, so that a mistake of ours elsewhere shows.

use std::fmt;

/// Money in kopecks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kopecks(pub i64);

/// A quantity or price in millionths of its unit or rouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millionths(pub u64);

/// A discount in ten-thousandths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Percent(pub(crate) u32);

/// Greatest money the contract can write: 13 digits of roubles.
pub(crate) const MAX_KOPECKS: i64 = 999_999_999_999_999;

/// VAT rate in Kontur's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NdsRate {
    Nds22,
    Nds20,
    Nds10,
    Nds7,
    Nds5,
    Nds0,
    WithoutNds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discount {
    None,
    Percent(Percent),
    Sum(Kopecks),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) without_nds: Kopecks,
    pub(crate) nds: Kopecks,
    pub(crate) total: Kopecks,
}

/// Why a line has no sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineFault {
    TooLarge,
    DiscountAboveAmount,
}

impl NdsRate {
    pub(crate) const ALL: [Self; 7] = [
        Self::Nds22,
        Self::Nds20,
        Self::Nds10,
        Self::Nds7,
        Self::Nds5,
        Self::Nds0,
        Self::WithoutNds,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Nds22 => "nds22",
            Self::Nds20 => "nds20",
            Self::Nds10 => "nds10",
            Self::Nds7 => "nds7",
            Self::Nds5 => "nds5",
            Self::Nds0 => "nds0",
            Self::WithoutNds => "withoutNds",
        }
    }

    pub(crate) fn percent(self) -> i128 {
        match self {
            Self::Nds22 => 22,
            Self::Nds20 => 20,
            Self::Nds10 => 10,
            Self::Nds7 => 7,
            Self::Nds5 => 5,
            Self::Nds0 | Self::WithoutNds => 0,
        }
    }

    /// As people write it.
    pub(crate) fn label(self) -> String {
        match self {
            Self::WithoutNds => "без НДС".to_owned(),
            rate => format!("{} %", rate.percent()),
        }
    }
}

/// Sums of one line of a document.
pub(crate) fn line_sums(
    quantity: Millionths,
    price: Millionths,
    discount: Discount,
    rate: NdsRate,
    nds_included: bool,
) -> Result<Sums, LineFault> {
    let amount = line_amount(quantity, price, discount)?;
    let percent = rate.percent();
    let sums = if nds_included {
        let nds = divide_half_up(amount * percent, 100 + percent);
        (amount - nds, nds)
    } else {
        (amount, divide_half_up(amount * percent, 100))
    };
    Ok(Sums {
        without_nds: kopecks(sums.0)?,
        nds: kopecks(sums.1)?,
        total: kopecks(sums.0 + sums.1)?,
    })
}

impl Sums {
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            without_nds: self.without_nds.plus(other.without_nds)?,
            nds: self.nds.plus(other.nds)?,
            total: self.total.plus(other.total)?,
        })
    }
}

impl Kopecks {
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        let sum = self.0.checked_add(other.0)?;
        (sum.abs() <= MAX_KOPECKS).then_some(Self(sum))
    }

    /// With spaces between thousands and a comma, as people write it.
    pub(crate) fn for_people(self) -> String {
        let kopecks = self.0.unsigned_abs();
        let roubles = (kopecks / 100).to_string();
        let mut grouped = String::new();
        for (at, digit) in roubles.chars().enumerate() {
            if at > 0 && (roubles.len() - at).is_multiple_of(3) {
                grouped.push('\u{a0}');
            }
            grouped.push(digit);
        }
        let sign = if self.0 < 0 { "−" } else { "" };
        format!("{sign}{grouped},{:02}", kopecks % 100)
    }

    /// Reads `"1234.56"`: exactly two decimals, no sign.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.')?;
        if fraction.len() != 2 {
            return None;
        }
        let units = parse_scaled(whole, fraction, 13, 2)?;
        i64::try_from(units).ok().map(Self)
    }
}

impl fmt::Display for Kopecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let kopecks = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", kopecks / 100, kopecks % 100)
    }
}

impl Millionths {
    /// Reads `"12.5"`: up to 11 digits and 6 decimals, no sign.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (text, ""),
        };
        parse_scaled(whole, fraction, 11, 6).map(Self)
    }

    /// Written with at least `decimals` decimals and no needless zeros beyond.
    pub(crate) fn written(self, decimals: usize) -> String {
        let mut text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        let shortest = text.len() - 6 + decimals;
        while text.len() > shortest && text.ends_with('0') {
            text.pop();
        }
        if text.ends_with('.') {
            text.pop();
        }
        text
    }
}

impl Percent {
    /// Reads `"10"` or `"12.5"`: 0 to 100, up to 4 decimals.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (text, ""),
        };
        let units = parse_scaled(whole, fraction, 3, 4)?;
        (units <= u64::from(HUNDRED_PERCENT))
            .then(|| u32::try_from(units).ok().map(Self))
            .flatten()
    }

    pub(crate) fn written(self) -> String {
        Millionths(u64::from(self.0) * 100).written(0)
    }
}

/// 100 % in ten-thousandths of a percent.
const HUNDRED_PERCENT: u32 = 1_000_000;

/// Kopecks of quantity times price: both are in millionths, and a rouble has 100 kopecks.
const PRODUCT_PER_KOPECK: i128 = 10_000_000_000;

fn line_amount(
    quantity: Millionths,
    price: Millionths,
    discount: Discount,
) -> Result<i128, LineFault> {
    let product = i128::from(quantity.0) * i128::from(price.0);
    let full = divide_half_up(product, PRODUCT_PER_KOPECK);
    kopecks(full)?;
    match discount {
        Discount::None => Ok(full),
        Discount::Percent(Percent(off)) => {
            let kept = i128::from(HUNDRED_PERCENT) - i128::from(off);
            let scale = PRODUCT_PER_KOPECK * i128::from(HUNDRED_PERCENT);
            Ok(divide_half_up(product * kept, scale))
        }
        Discount::Sum(Kopecks(off)) if i128::from(off) > full => {
            Err(LineFault::DiscountAboveAmount)
        }
        Discount::Sum(Kopecks(off)) => Ok(full - i128::from(off)),
    }
}

fn kopecks(amount: i128) -> Result<Kopecks, LineFault> {
    let amount = i64::try_from(amount).map_err(|_| LineFault::TooLarge)?;
    let fits = amount <= MAX_KOPECKS;
    fits.then_some(Kopecks(amount)).ok_or(LineFault::TooLarge)
}

fn divide_half_up(numerator: i128, denominator: i128) -> i128 {
    (2 * numerator + denominator) / (2 * denominator)
}

fn parse_scaled(whole: &str, fraction: &str, max_whole: usize, scale: usize) -> Option<u64> {
    let digits_only = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = (1..=max_whole).contains(&whole.len()) && fraction.len() <= scale;
    if !fits || !digits_only(whole) || !digits_only(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<scale$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(quantity: &str, price: &str, off: Discount, rate: NdsRate, included: bool) -> String {
        let quantity = Millionths::parse(quantity).unwrap();
        let price = Millionths::parse(price).unwrap();
        match line_sums(quantity, price, off, rate, included) {
            Ok(sums) => format!("{} {} {}", sums.without_nds, sums.nds, sums.total),
            Err(fault) => format!("{fault:?}"),
        }
    }

    #[test]
    fn line_sums_follow_the_contract() {
        use NdsRate::*;
        let percent = |text| Discount::Percent(Percent::parse(text).unwrap());
        let off = |text| Discount::Sum(Kopecks::parse(text).unwrap());
        let none = Discount::None;
        let rows = [
            (
                "3",
                "50000",
                none,
                Nds22,
                true,
                "122950.82 27049.18 150000.00",
            ),
            ("12.5", "33.3333", none, Nds22, true, "341.53 75.14 416.67"),
            (
                "7",
                "1234.56",
                percent("10"),
                Nds22,
                false,
                "7777.73 1711.10 9488.83",
            ),
            (
                "2",
                "99.99",
                off("0.98"),
                Nds10,
                false,
                "199.00 19.90 218.90",
            ),
            (
                "0.333333",
                "3000",
                none,
                WithoutNds,
                false,
                "1000.00 0.00 1000.00",
            ),
            ("1", "0.05", none, Nds10, false, "0.05 0.01 0.06"),
            ("0.5", "0.01", none, Nds0, true, "0.01 0.00 0.01"),
            ("0.499999", "0.01", none, Nds0, true, "0.00 0.00 0.00"),
            ("1", "100", none, Nds7, true, "93.46 6.54 100.00"),
            ("1", "100", none, Nds5, true, "95.24 4.76 100.00"),
            ("1", "100", percent("100"), Nds22, true, "0.00 0.00 0.00"),
            (
                "1",
                "100",
                off("100.01"),
                Nds22,
                true,
                "DiscountAboveAmount",
            ),
            ("99999999999", "99999999999", none, Nds22, true, "TooLarge"),
            (
                "99999999999.999999",
                "99999999999.999999",
                percent("99.9999"),
                Nds22,
                true,
                "TooLarge",
            ),
            ("1000", "9999999999", none, Nds22, false, "TooLarge"),
        ];
        for (quantity, price, discount, rate, included, expected) in rows {
            assert_eq!(sums(quantity, price, discount, rate, included), expected);
        }
    }

    #[test]
    fn decimals_are_read_strictly_and_written_shortly() {
        let rows = [
            ("3", 0, "3"),
            ("0.125", 0, "0.125"),
            ("12.500000", 0, "12.5"),
            ("50000", 2, "50000.00"),
            ("33.3333", 2, "33.3333"),
            ("007", 0, "7"),
        ];
        for (text, decimals, expected) in rows {
            let value = Millionths::parse(text).unwrap();
            assert_eq!(value.written(decimals), expected);
        }
        for text in [
            "",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "1,5",
            "1.1234567",
            "123456789012",
            "１",
        ] {
            assert_eq!(Millionths::parse(text), None, "{text}");
        }
        for text in ["1", "1.5", "1.555", "-1.00", "12345678901234.00"] {
            assert_eq!(Kopecks::parse(text), None, "{text}");
        }
        assert_eq!(
            Kopecks::parse("1234567.05").unwrap().for_people(),
            "1\u{a0}234\u{a0}567,05"
        );
        assert_eq!(Percent::parse("12.5").unwrap().written(), "12.5");
        assert_eq!(Percent::parse("100.0001"), None);
    }
}
