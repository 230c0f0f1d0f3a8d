//! What a deal's amount and its rows have to do with one another.
//!
//! The rows are what is sold, so they make the invoice. An amount that a person typed must be theirs; the CRM's own
//! may be rounded otherwise, and may hold a delivery that is in no row.

use domain::observed::{DealReading, ProductRow, RowVat};
use domain::{Deal, Line, Money, Price, Quantity, VatMode, display};

use crate::asking::Question;
use crate::lines::Rules;
use crate::policy::OwnLine;
use crate::{CaseCode, Choice, units};

/// Stands for the deal's name in the line of a policy.
const TITLE: &str = "{deal}";

/// The row of a deal that has an amount and no rows, where policy says what it is.
pub(crate) fn instead_of_rows(reading: &DealReading, rules: &Rules<'_>) -> Option<ProductRow> {
    let deal = &reading.glance.deal;
    let own = rules.policy.without_rows.as_ref()?;
    if !reading.rows.is_empty() || !deal.amount.is_positive() {
        return None;
    }
    let unit = units::named(&own.unit, &rules.policy.units)?;
    let billed = rules.called.first();
    Some(ProductRow {
        product: None,
        name: named(own, reading, billed),
        quantity: Quantity::ONE,
        price: Price::from(deal.amount),
        vat_included: true,
        vat: RowVat::Known(own.vat),
        unit_code: unit.okei,
        unit_name: Some(own.unit.clone()),
    })
}

/// A deal that is called otherwise since it was billed asks for nothing else.
fn named(own: &OwnLine, reading: &DealReading, billed: Option<&Line>) -> String {
    let called = |title: &str| own.name.replace(TITLE, title).trim().to_owned();
    let (before, after) = own
        .name
        .split_once(TITLE)
        .unwrap_or((own.name.as_str(), ""));
    let is_this = |line: &&Line| {
        let title = line.name.strip_prefix(before.trim_start());
        title.is_some_and(|title| title.ends_with(after.trim_end()))
    };
    match billed.filter(is_this) {
        Some(line) if own.name.contains(TITLE) => line.name.clone(),
        _ => called(reading.glance.deal.title.trim()),
    }
}

/// The lines that go on the invoice: those of the rows, and perhaps that of the delivery.
pub(crate) fn agreed(
    reading: &DealReading,
    mode: VatMode,
    mut lines: Vec<Line>,
    gross: Money,
    rules: &Rules<'_>,
) -> Result<Vec<Line>, Question> {
    let deal = &reading.glance.deal;
    if deal.amount == gross || is_rounding(deal, gross, &lines) {
        return Ok(lines);
    }
    if !deal.manual_amount
        && let Some(line) = delivery(reading, mode, gross, rules)
    {
        lines.push(line);
        return Ok(lines);
    }
    if rules.is_billed && !deal.manual_amount && deal.amount < gross {
        return Ok(lines);
    }
    let about = format!("{} / {}", deal.amount, gross);
    if rules.answers.to(CaseCode::SumDiffers.as_str(), &about) == Some(BY_LINES) {
        return Ok(lines);
    }
    Err(question(reading, mode, gross, about))
}

const BY_LINES: &str = "lines";

/// Whether the CRM's own sum is off by no more than its rounding: a kopeck a line. Where VAT comes on top it rounds the price of
/// each unit, which comes to roubles: so much is a person's to say.
pub(crate) fn is_rounding(deal: &Deal, gross: Money, lines: &[Line]) -> bool {
    let off = gross
        .checked_sub(deal.amount)
        .map_or(u64::MAX, |off| off.kopecks().unsigned_abs());
    let most = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    !deal.manual_amount && off <= most
}

/// The line for what the CRM's own sum has beyond the rows.
fn delivery(reading: &DealReading, mode: VatMode, gross: Money, rules: &Rules<'_>) -> Option<Line> {
    let own = rules.policy.delivery.as_ref()?;
    let beyond = reading.glance.deal.amount.checked_sub(gross)?;
    // With VAT on top the CRM's rounding of a large quantity comes to roubles: what is beyond need not be a delivery.
    let fits = mode == VatMode::Included;
    let allowed = rules.vat.is_none_or(|period| period.regime.allows(own.vat))
        && own.vat.in_force_on(rules.date);
    (beyond.is_positive() && fits && allowed).then_some(())?;
    Some(Line {
        name: named(own, reading, rules.called.last()),
        unit: units::named(&own.unit, &rules.policy.units)?,
        quantity: Quantity::ONE,
        price: Price::from(beyond),
        discount: None,
        vat: own.vat,
    })
}

fn question(reading: &DealReading, mode: VatMode, gross: Money, about: String) -> Question {
    let deal = &reading.glance.deal;
    let (amount, rows) = (display::money(deal.amount), display::money(gross));
    let what = if deal.manual_amount {
        format!("сумма сделки {amount} введена вручную и не равна сумме строк {rows}")
    } else if mode == VatMode::OnTop {
        format!(
            "сумма сделки {amount} не равна сумме строк {rows}: НДС сверху CRM округляет в цене каждой единицы, или в ней \
             доставка или лишние строки"
        )
    } else if deal.amount < gross {
        format!(
            "сумма сделки {amount} меньше суммы строк {rows}: в строках лишнее или CRM её не пересчитала"
        )
    } else {
        format!(
            "сумма сделки {amount} больше суммы строк {rows}: в ней доставка или чего-то нет в строках"
        )
    };
    Question {
        code: CaseCode::SumDiffers,
        about,
        text: format!(
            "Счёт не выставлен: {what}. Исправьте сумму или строки сделки, или пусть администратор выберет:"
        ),
        choices: vec![Choice {
            word: BY_LINES.to_owned(),
            text: format!("выставить по строкам, на {rows}"),
        }],
        faults: vec![what],
    }
}
