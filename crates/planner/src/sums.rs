//! What a deal's amount and its rows have to do with one another.
//!
//! The rows are what is sold, so they make the invoice. An amount that a person typed must be theirs; the CRM's own
//! may be rounded otherwise, and may hold a delivery that is in no row.

use domain::observed::{DealReading, ProductRow, RowVat};
use domain::{Deal, Line, Money, Price, Quantity, Unit, VatMode, display};

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
    let billed = match rules.called {
        [line] => Some(line),
        _ => None,
    };
    Some(ProductRow {
        product: None,
        name: named(own, &unit, reading, billed),
        quantity: Quantity::ONE,
        price: Price::from(deal.amount),
        vat_included: true,
        vat: RowVat::Known(own.vat),
        unit_code: unit.okei,
        unit_name: Some(own.unit.clone()),
    })
}

/// A deal that is called otherwise since it was billed asks for nothing else. Where nothing stands around the deal's name any
/// name may have been its: but the line is one piece of its own unit, and no row of the deal.
fn named(own: &OwnLine, unit: &Unit, reading: &DealReading, billed: Option<&Line>) -> String {
    let template = own.name.trim();
    let is_row = |line: &Line| reading.rows.iter().any(|row| row.name.trim() == line.name);
    let is_this = |line: &&Line| {
        line.quantity == Quantity::ONE
            && line.unit.okei == unit.okei
            && line.discount.is_none()
            && is_made_of(template, &line.name)
            && !is_row(line)
    };
    match billed.filter(is_this) {
        Some(line) => line.name.clone(),
        None => {
            let title = reading.glance.deal.title.trim();
            template.replace(TITLE, title).trim().to_owned()
        }
    }
}

/// Whether some name of a deal makes this name of the template.
fn is_made_of(template: &str, name: &str) -> bool {
    let titles = template.matches(TITLE).count();
    let around = template.replace(TITLE, "").len();
    let length = name.len().saturating_sub(around).checked_div(titles);
    let title = template
        .find(TITLE)
        .zip(length)
        .and_then(|(start, length)| {
            let end = start.checked_add(length)?;
            name.get(start..end)
        });
    title.is_some_and(|title| !title.is_empty() && template.replace(TITLE, title) == name)
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
    let unit = units::named(&own.unit, &rules.policy.units)?;
    // It stands behind the rows.
    let billed = rules.called.get(1..).and_then(<[Line]>::last);
    Some(Line {
        name: named(own, &unit, reading, billed),
        unit,
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
