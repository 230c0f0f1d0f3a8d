//! From product rows to invoice lines: quantity, price, unit and rate of each, judged one by one.

use domain::observed::{DealReading, ProductRow, Record, RowVat};
use domain::{Line, Money, Price, Quantity, Unit, VatMode, VatRate};
use jiff::civil::Date;

use crate::Fault;
use crate::texts::InRussian as _;

/// The lines with the one way in which their prices hold VAT, or every fault by line.
pub(crate) fn lines(reading: &DealReading, date: Date) -> Result<(VatMode, Vec<Line>), Vec<Fault>> {
    let deal = &reading.glance.deal;
    let place = format!("/crm/deal/details/{}/", deal.id);
    let fault = |what: String| Fault {
        what,
        place: place.clone(),
        record: Some(Record::Deal(deal.id)),
    };
    let mut faults = Vec::new();
    if deal.currency != "RUB" {
        faults.push(fault(format!(
            "валюта сделки {}: счёт выставляется только в рублях",
            deal.currency
        )));
    }
    if reading.rows.is_empty() {
        faults.push(fault("в сделке нет товаров и услуг".to_owned()));
    }
    let mut lines = Vec::new();
    for (row, number) in reading.rows.iter().zip(1_u32..) {
        match line(row, date) {
            Ok(line) => lines.push(line),
            Err(what) => faults.extend(
                what.into_iter()
                    .map(|what| fault(format!("строка {number} «{}»: {what}", row.name.trim()))),
            ),
        }
    }
    let mode = mode(&reading.rows).map_err(|what| faults.push(fault(what)));
    if let Ok(mode) = mode
        && faults.is_empty()
    {
        match domain::totals(mode, &lines) {
            Ok(totals) => {
                faults.extend(typed_sum(reading, totals.gross, lines.len()).map(fault));
            }
            Err(error) => faults.push(fault(error.in_russian())),
        }
        if faults.is_empty() {
            return Ok((mode, lines));
        }
    }
    Err(faults)
}

fn line(row: &ProductRow, date: Date) -> Result<Line, Vec<String>> {
    let mut faults = Vec::new();
    if row.name.trim().is_empty() {
        faults.push("нет названия".to_owned());
    }
    if !Quantity::is_positive(row.quantity) {
        faults.push(format!("количество {}", row.quantity));
    }
    if !Price::is_positive(row.price) {
        faults.push(format!("цена {}", row.price));
    }
    let unit_name = row.unit_name.as_deref().unwrap_or_default().trim();
    if unit_name.is_empty() {
        faults.push("не указана единица измерения".to_owned());
    }
    let vat = match &row.vat {
        RowVat::Known(VatRate::NotStated) => {
            faults.push("не указана ставка НДС".to_owned());
            None
        }
        RowVat::Known(rate) if rate.in_force_on(date) => Some(*rate),
        RowVat::Known(rate) => {
            faults.push(format!(
                "ставка НДС {} на {date} не действует",
                rate.label()
            ));
            None
        }
        RowVat::Strange(percent) => {
            faults.push(format!("ставки НДС {percent} % нет в законе"));
            None
        }
    };
    match vat {
        Some(vat) if faults.is_empty() => Ok(Line {
            name: row.name.trim().to_owned(),
            unit: Unit {
                okei: row.unit_code.clone(),
                name: unit_name.to_owned(),
            },
            quantity: row.quantity,
            price: row.price,
            discount: None,
            vat,
        }),
        Some(_) | None => Err(faults),
    }
}

/// Rows without a rate fit either way; the others must agree.
fn mode(rows: &[ProductRow]) -> Result<VatMode, String> {
    let mut taxed = rows
        .iter()
        .filter(|row| !matches!(&row.vat, RowVat::Known(VatRate::Without | VatRate::Zero)))
        .map(|row| row.vat_included);
    let Some(first) = taxed.next() else {
        return Ok(VatMode::Included);
    };
    if taxed.any(|included| included != first) {
        return Err("в одних строках НДС включён в цену, в других начисляется сверху".to_owned());
    }
    Ok(if first {
        VatMode::Included
    } else {
        VatMode::OnTop
    })
}

/// A sum that a person typed must be the lines' sum; the CRM's own rounding may differ by a kopeck a line.
fn typed_sum(reading: &DealReading, gross: Money, lines: usize) -> Option<String> {
    let deal = &reading.glance.deal;
    let off = gross.checked_sub(deal.amount)?.kopecks().unsigned_abs();
    let tolerance = if deal.manual_amount {
        0
    } else {
        u64::try_from(lines).unwrap_or(u64::MAX)
    };
    (deal.manual_amount && off > tolerance).then(|| {
        format!(
            "сумма сделки {} введена вручную и не равна сумме строк {}",
            domain::display::money(deal.amount),
            domain::display::money(gross)
        )
    })
}
