//! What a deal asks for by the rules of its office, counted anew in whole numbers: its lines, their sums, and whether its own
//! sum is another that a person must decide about.

use emulator_bitrix24::LineSeed;
use emulator_kontur_accounting::{Bill, Item, NdsRate};

use crate::chance::oddities::STRANGE_RATE;
use crate::habits::odd_rows::{
    DELIVERY, DELIVERY_UNIT, LineRules, NoRate, OWN_UNIT, OWN_UNIT_PRINTED, PRODUCT, WITHOUT_ROWS,
    WITHOUT_ROWS_UNIT,
};
use crate::people::remembered::Version;

/// A line as it must stand on the bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) name: String,
    unit: &'static str,
    /// In millionths.
    quantity: i128,
    /// In millionths of a rouble.
    price: i128,
    rate: NdsRate,
    /// In kopecks.
    sum: i128,
    vat: i128,
}

/// What a deal comes to.
#[derive(Clone, Debug)]
pub(super) struct AskedFor {
    pub(super) lines: Vec<Asked>,
    included: bool,
    /// In kopecks, with VAT.
    pub(super) sum: i64,
    pub(super) vat: i64,
    /// The deal's own sum.
    pub(super) amount: i64,
    typed: bool,
}

impl AskedFor {
    /// Whether the deal's own sum is that of the lines, or is off by the portal's rounding.
    pub(super) fn agrees(&self) -> bool {
        self.amount == self.sum || self.is_rounded()
    }

    /// Whether the portal's sum is off by a kopeck a line at most, and is no other sum that somebody typed.
    pub(super) fn is_rounded(&self) -> bool {
        let off = self.amount.abs_diff(self.sum);
        let most = u64::try_from(self.lines.len()).unwrap_or(0);
        !self.typed && (1..=most).contains(&off)
    }

    /// Whether a bill has just these lines and sums.
    pub(super) fn is_billed_by(&self, bill: &Bill) -> bool {
        let taxed = |rate: NdsRate| rate != NdsRate::WithoutNds;
        let is_taxed = self.lines.iter().any(|line| taxed(line.rate));
        let is_same = |(line, item): (&Asked, &Item)| line.is(item, is_taxed);
        self.lines.len() == bill.items.len()
            && self.lines.iter().zip(&bill.items).all(is_same)
            && (!is_taxed || bill.sums_with_nds == self.included)
            && bill.sum.0 == self.sum
            && bill.sum_nds.0 == self.vat
    }
}

impl Asked {
    fn is(&self, item: &Item, is_taxed: bool) -> bool {
        let rate = !is_taxed || item.nds_rate == self.rate;
        rate && item.product_name == self.name
            && item.unit_name == self.unit
            && i128::from(item.quantity.0) == self.quantity
            && i128::from(item.price.0) == self.price
            && i128::from(item.sum.0) == self.sum
            && i128::from(item.sum_nds.0) == self.vat
    }
}

/// What a deal asks for; none: it cannot be invoiced as it is.
pub(super) fn asked_for(version: &Version) -> Option<AskedFor> {
    let rules = version.rules.unwrap_or_default();
    if version.foreign {
        return None;
    }
    let amount = amount(version)?;
    let mut included = true;
    let mut lines = Vec::new();
    if version.lines.is_empty() {
        if !rules.without_rows || amount <= 0 {
            return None;
        }
        lines.push(of_policy(WITHOUT_ROWS, WITHOUT_ROWS_UNIT, amount));
    }
    let modes: Vec<bool> = version
        .lines
        .iter()
        .filter_map(|row| mode(row, rules))
        .collect();
    if let Some(first) = modes.first() {
        included = *first;
        if modes.iter().any(|mode| mode != first) {
            return None;
        }
    }
    for row in &version.lines {
        lines.push(line(row, included, rules)?);
    }
    let mut asked = AskedFor {
        lines,
        included,
        sum: 0,
        vat: 0,
        amount,
        typed: version.typed.is_some(),
    };
    asked.add_up()?;
    let beyond = asked.amount.checked_sub(asked.sum)?;
    if !asked.agrees() && !asked.typed && rules.delivery && included && beyond > 0 {
        let delivery = of_policy(DELIVERY, DELIVERY_UNIT, beyond);
        asked.lines.push(delivery);
        asked.add_up()?;
    }
    Some(asked)
}

impl AskedFor {
    fn add_up(&mut self) -> Option<()> {
        let vat: i128 = self.lines.iter().map(|line| line.vat).sum();
        let sums: i128 = self.lines.iter().map(|line| line.sum).sum();
        (self.sum, self.vat) = (sums.try_into().ok()?, vat.try_into().ok()?);
        Some(())
    }
}

/// The sum that the deal shows: the one that was typed, else what the portal counts, with the delivery.
fn amount(version: &Version) -> Option<i64> {
    if let Some(typed) = version.typed {
        return Some(typed);
    }
    if version.lines.is_empty() {
        return Some(0);
    }
    let mut sum = i128::from(version.delivery);
    for row in &version.lines {
        sum += product(millionths(&row.price)?, millionths(&row.quantity)?);
    }
    sum.try_into().ok()
}

/// Whether a row's price holds its VAT; none: it bears none, and fits either way.
fn mode(row: &LineSeed, rules: LineRules) -> Option<bool> {
    match rate(row, rules)? {
        NdsRate::WithoutNds | NdsRate::Nds0 => None,
        _ if row.vat.is_empty() => Some(true),
        _ => Some(row.vat_included),
    }
}

fn line(row: &LineSeed, included: bool, rules: LineRules) -> Option<Asked> {
    let unit = match row.measure {
        796 => "шт",
        OWN_UNIT if rules.unit => OWN_UNIT_PRINTED,
        _ => return None,
    };
    let rate = rate(row, rules)?;
    let quantity = millionths(&row.quantity).filter(|it| *it > 0)?;
    let price = millionths(&row.price).filter(|it| *it > 0)?;
    let percent = percent(rate);
    // The portal keeps the price with its VAT, and the one without it to the kopeck.
    let price = if included || row.vat_included {
        price
    } else {
        10_000 * rounded(price * 100, 10_000 * (100 + percent))
    };
    let line = counted((&row.name, unit), (quantity, price), rate, included);
    // What comes to nothing is sold for nothing.
    (line.sum > 0).then_some(line)
}

fn rate(row: &LineSeed, rules: LineRules) -> Option<NdsRate> {
    if row.vat == STRANGE_RATE {
        return None;
    }
    match row.vat.as_str() {
        "22" => Some(NdsRate::Nds22),
        "20" => Some(NdsRate::Nds20),
        "10" => Some(NdsRate::Nds10),
        "" if !rules.pays_vat => Some(NdsRate::WithoutNds),
        "" => {
            let [free, of_product] = rules.no_rate;
            let meant = if row.product == PRODUCT {
                of_product
            } else {
                free
            };
            match meant? {
                NoRate::Percent22 => Some(NdsRate::Nds22),
                NoRate::Without => Some(NdsRate::WithoutNds),
                NoRate::Ended => None,
            }
        }
        _ => None,
    }
}

fn percent(rate: NdsRate) -> i128 {
    match rate {
        NdsRate::Nds22 => 22,
        NdsRate::Nds20 => 20,
        NdsRate::Nds10 => 10,
        NdsRate::Nds7 => 7,
        NdsRate::Nds5 => 5,
        NdsRate::Nds0 | NdsRate::WithoutNds => 0,
    }
}

/// A line that policy makes of so many kopecks.
fn of_policy(name: &str, unit: &'static str, kopecks: i64) -> Asked {
    let (one, price) = (1_000_000, i128::from(kopecks) * 10_000);
    counted((name, unit), (one, price), NdsRate::Nds22, true)
}

fn counted(
    (name, unit): (&str, &'static str),
    (quantity, price): (i128, i128),
    rate: NdsRate,
    included: bool,
) -> Asked {
    let (worth, percent) = (product(price, quantity), percent(rate));
    let whole = if included { 100 + percent } else { 100 };
    let vat = rounded(worth * percent, whole);
    Asked {
        name: name.to_owned(),
        unit,
        quantity,
        price,
        rate,
        sum: if included { worth } else { worth + vat },
        vat,
    }
}

/// Kopecks of a price and a quantity in millionths, half a kopeck up.
fn product(price: i128, quantity: i128) -> i128 {
    rounded(price * quantity, 10_000_000_000)
}

/// Half up, in absolute value.
fn rounded(number: i128, divisor: i128) -> i128 {
    number.signum() * ((number.abs() * 2 + divisor) / (divisor * 2))
}

/// A decimal number in text, in millionths.
fn millionths(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let number: i128 = format!("{whole}{part:0<6}").parse().ok()?;
    Some(sign * number)
}
