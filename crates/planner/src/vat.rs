//! The VAT of a row: what the law has on the day, what the organisation's regime allows, what no rate means.
//!
//! Sources: chapter 21 NK as in the reference of accounting rules, 2.1–2.3. What ended with 2025 is asked about with
//! its choices: the rate follows the day of shipment, and only a person knows it.

use domain::observed::{DealReading, ProductRow, RowVat};
use domain::{Decimal, InvoiceDraft, Line, Money, Price, VatMode, VatRate, display};
use jiff::civil::Date;

use crate::asking::Question;
use crate::lines::Rules;
use crate::policy::{InvoicePolicy, Organisation, VatPeriod, VatRegime};
use crate::{CaseCode, Choice, parts};

/// A row's rate as the rules have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) rate: VatRate,
    /// Whether the price holds it.
    pub(crate) included: bool,
    /// It is over, and a person must say what is right.
    pub(crate) ended: bool,
}

/// The rate of a row, or what is wrong with it.
pub(crate) fn judged(row: &ProductRow, rules: &Rules<'_>) -> Result<Judged, String> {
    let as_written = |rate| Judged {
        rate,
        included: row.vat_included,
        ended: false,
    };
    match &row.vat {
        RowVat::Strange(percent) => Err(format!("ставки НДС {percent} % нет в законе")),
        RowVat::Known(VatRate::NotStated) => Err("не указана ставка НДС".to_owned()),
        RowVat::Known(VatRate::Without) => match payer(rules) {
            Some(regime) => no_rate(row, rules, regime),
            None => Ok(as_written(VatRate::Without)),
        },
        RowVat::Known(rate) => {
            if let Some(forbidden) = forbidden(*rate, rules.vat) {
                return Err(forbidden);
            }
            let ended = *rate == VatRate::Percent20 && rules.date > LAST_DAY_OF_20;
            if !ended && !rate.in_force_on(rules.date) {
                return Err(not_in_force(*rate, rules.date));
            }
            Ok(Judged {
                ended,
                ..as_written(*rate)
            })
        }
    }
}

const LAST_DAY_OF_20: Date = jiff::civil::date(2025, 12, 31);

/// The regime of an organisation that pays VAT.
fn payer(rules: &Rules<'_>) -> Option<VatRegime> {
    rules.vat.map(|period| period.regime).filter(|it| it.pays())
}

/// No rate at a payer of VAT is a mistake, unless policy says what it means.
fn no_rate(row: &ProductRow, rules: &Rules<'_>, regime: VatRegime) -> Result<Judged, String> {
    match rules.policy.no_rate.of(row.product) {
        Some(rate) if rate != VatRate::Without && !regime.allows(rate) => Err(format!(
            "в правилах (invoice.no_rate) ставка {}, а у организации {}",
            rate.label(),
            regime.label()
        )),
        // What the rules say is mended there, once for all deals.
        Some(rate) if !rate.in_force_on(rules.date) => Err(format!(
            "в правилах (invoice.no_rate) {}",
            not_in_force(rate, rules.date)
        )),
        Some(rate) => Ok(Judged {
            rate,
            // The price that the CRM sums up is what the buyer pays.
            included: true,
            ended: false,
        }),
        None => Err(format!(
            "ставка НДС не указана, а организация платит НДС ({}): укажите ставку в строке",
            regime.label()
        )),
    }
}

/// A rate that the organisation's regime forbids.
fn forbidden(rate: VatRate, period: Option<&VatPeriod>) -> Option<String> {
    let regime = period?.regime;
    (!regime.allows(rate)).then(|| {
        let remedy = if regime.pays() {
            "исправьте ставку в строке"
        } else {
            "поставьте в строке «Без НДС»"
        };
        format!(
            "ставка НДС {} не подходит организации ({}): {remedy}",
            rate.label(),
            regime.label()
        )
    })
}

fn not_in_force(rate: VatRate, date: Date) -> String {
    format!(
        "ставка НДС {} на {} не действует",
        rate.label(),
        display::date(date)
    )
}

/// A rate of an invoice's lines that was right on its day and is not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The law has it no more.
    ByLaw(VatRate),
    /// The seller's regime is another one since, and forbids it.
    ByRegime(VatRate, VatRegime),
}

impl Ended {
    /// Whether it is "without VAT" that is over.
    pub(crate) fn is_without(self) -> bool {
        let (Self::ByLaw(rate) | Self::ByRegime(rate, _)) = self;
        rate == VatRate::Without
    }
}

/// The first rate of the invoice's lines that was right when it was `issued` and is not `today`. What went without VAT because
/// its seller paid none is right at one who does only where policy says so of the very line.
pub(crate) fn ended_since(
    draft: &InvoiceDraft,
    issued: Date,
    today: Date,
    seller: Option<&Organisation>,
    goes_without: impl Fn(&Line) -> bool,
) -> Option<Ended> {
    let forbidding = |rate: VatRate, day: Date| {
        let regime = seller?.vat_on(day)?.regime;
        (!regime.allows(rate)).then_some(regime)
    };
    draft.lines.iter().find_map(|line| {
        let rate = line.vat;
        if !rate.in_force_on(issued) || forbidding(rate, issued).is_some() {
            return None;
        }
        if !rate.in_force_on(today) {
            return Some(Ended::ByLaw(rate));
        }
        let regime = forbidding(rate, today)?;
        let is_exempt = rate == VatRate::Without && goes_without(line);
        (!is_exempt).then_some(Ended::ByRegime(rate, regime))
    })
}

/// Whether policy lets a line of a deal go without VAT at a payer: whatever bears its name in the deal must.
pub(crate) fn goes_without(line: &Line, reading: &DealReading, policy: &InvoicePolicy) -> bool {
    let is_free = |product| policy.no_rate.of(product) == Some(VatRate::Without);
    if reading.rows.is_empty() {
        // It stands for the deal's amount.
        return is_free(None);
    }
    let of_whole = parts::name_in_whole(&line.name);
    let is_its = |row: &&ProductRow| {
        let name = row.name.trim();
        name == line.name || of_whole == Some(name)
    };
    let mut rows = reading
        .rows
        .iter()
        .filter(is_its)
        .map(|row| row.product)
        .peekable();
    rows.peek().is_some() && rows.all(is_free)
}

/// What may be right where 20 % is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instead {
    /// 22 % inside the same total.
    Inside,
    /// 22 % on what was the price without VAT.
    OnTop,
    /// It was shipped in 2025, and 20 % is right.
    Shipped,
}

impl Instead {
    const ALL: [Self; 3] = [Self::Inside, Self::OnTop, Self::Shipped];

    const fn word(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::OnTop => "on-top",
            Self::Shipped => "shipped-2025",
        }
    }

    fn text(self, total: Option<Money>) -> String {
        let total = total.map_or_else(|| "—".to_owned(), display::money);
        match self {
            Self::Inside => format!("22% внутри той же суммы, всего {total}"),
            Self::OnTop => format!("22% сверху, всего {total}"),
            Self::Shipped => format!("отгружено в 2025 году, остаётся 20%, всего {total}"),
        }
    }
}

/// Lines with 20 % of a day on which it is over become what a person chose; without a choice it is a question.
pub(crate) fn settled(
    mode: VatMode,
    lines: Vec<Line>,
    ended: &[u32],
    rules: &Rules<'_>,
) -> Result<(VatMode, Vec<Line>), Question> {
    if ended.is_empty() {
        return Ok((mode, lines));
    }
    let about = about(mode, &lines);
    let answer = rules.answers.to(CaseCode::VatRateEnded.as_str(), &about);
    let chosen = answer.and_then(|word| Instead::ALL.into_iter().find(|it| it.word() == word));
    if let Some(made) = chosen.and_then(|instead| with(instead, mode, &lines)) {
        return Ok(made);
    }
    let choices = Instead::ALL
        .into_iter()
        .filter_map(|instead| {
            let (mode, lines) = with(instead, mode, &lines)?;
            let total = domain::totals(mode, &lines).ok()?.gross;
            Some(Choice {
                word: instead.word().to_owned(),
                text: instead.text(Some(total)),
            })
        })
        .collect();
    let numbers: Vec<String> = ended.iter().map(u32::to_string).collect();
    Err(Question {
        code: CaseCode::VatRateEnded,
        about,
        text: format!(
            "Счёт не выставлен: ставка НДС 20% действовала по 31.12.2025, а стоит в строках: {}. \
             Исправьте ставку в строках сделки, или пусть администратор выберет:",
            numbers.join(", ")
        ),
        choices,
        faults: ended
            .iter()
            .zip(lines_of(&lines, ended))
            .map(|(number, line)| {
                let what = not_in_force(VatRate::Percent20, rules.date);
                format!("строка {number} «{}»: {what}", line.name)
            })
            .collect(),
    })
}

fn lines_of<'a>(lines: &'a [Line], numbers: &'a [u32]) -> impl Iterator<Item = &'a Line> {
    numbers.iter().filter_map(|number| {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        lines.get(index)
    })
}

/// The answer holds for these lines and no others.
fn about(mode: VatMode, lines: &[Line]) -> String {
    let line = |line: &Line| {
        format!(
            "{}*{}@{}%{}",
            line.name, line.quantity, line.price, line.vat
        )
    };
    let lines: Vec<String> = lines.iter().map(line).collect();
    format!("{mode}: {}", lines.join("; "))
}

/// The lines as they would be; none where no price in kopecks gives just that.
fn with(instead: Instead, mode: VatMode, lines: &[Line]) -> Option<(VatMode, Vec<Line>)> {
    match instead {
        Instead::Shipped => Some((mode, lines.to_vec())),
        Instead::OnTop => {
            let dearer = |line: &Line| match mode {
                VatMode::OnTop => Some(line.price),
                VatMode::Included => times(line.price, 122, 120),
            };
            Some((mode, changed(lines, dearer)?))
        }
        Instead::Inside => {
            let before = domain::totals(mode, lines).ok()?.gross;
            let (to, made) = match mode {
                VatMode::Included => (mode, changed(lines, |line| Some(line.price))?),
                VatMode::OnTop => (VatMode::Included, with_vat_inside(lines)?),
            };
            let after = domain::totals(to, &made).ok()?.gross;
            (before == after).then_some((to, made))
        }
    }
}

fn changed(lines: &[Line], price: impl Fn(&Line) -> Option<Price>) -> Option<Vec<Line>> {
    let line = |line: &Line| {
        if line.vat != VatRate::Percent20 {
            return Some(line.clone());
        }
        Some(Line {
            price: price(line)?,
            vat: VatRate::Percent22,
            ..line.clone()
        })
    };
    lines.iter().map(line).collect()
}

/// Prices without VAT become such that hold it; 20 % becomes 22 % of the same sum.
fn with_vat_inside(lines: &[Line]) -> Option<Vec<Line>> {
    let line = |line: &Line| {
        let percent = i64::from(line.vat.percent().unwrap_or(0));
        let vat = if line.vat == VatRate::Percent20 {
            VatRate::Percent22
        } else {
            line.vat
        };
        Some(Line {
            price: Price::new(
                line.price
                    .value()
                    .checked_mul(Decimal::new(percent.checked_add(100)?, 2))?,
            ),
            vat,
            ..line.clone()
        })
    };
    lines.iter().map(line).collect()
}

/// `price × number / divisor`, half up to a kopeck.
fn times(price: Price, number: i64, divisor: i64) -> Option<Price> {
    let product = price.value().checked_mul(Decimal::from(number))?;
    let roubles = product.checked_div(Decimal::from(divisor))?;
    Money::rounded(roubles).map(Price::from)
}
