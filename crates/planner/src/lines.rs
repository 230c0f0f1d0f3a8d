//! From product rows to invoice lines: quantity, price, unit and rate of each, judged one by one.
//!
//! What the sums of rows and deal must have to do with one another stands in `sums.rs`, rates in `vat.rs`, units in
//! `units.rs`.

use domain::observed::{DealReading, ProductRow, Record};
use domain::{Line, Price, Quantity, Totals, VatMode, VatRate, display};
use jiff::civil::Date;

use crate::asking::{Lack, Question};
use crate::policy::{InvoicePolicy, VatPeriod};
use crate::snapshot::Answers;
use crate::texts::InRussian as _;
use crate::vat::{self, Judged};
use crate::{Fault, sums, units};

/// What lines are judged by.
pub(crate) struct Rules<'a> {
    /// The day of the invoice.
    pub(crate) date: Date,
    /// How the seller stands to VAT on that day.
    pub(crate) vat: Option<&'a VatPeriod>,
    pub(crate) policy: &'a InvoicePolicy,
    /// What people said.
    pub(crate) answers: &'a Answers,
    /// It was billed already: whether its rows or its sum are right was decided then.
    pub(crate) is_billed: bool,
    /// The lines that it was billed by, if it was: a line of the policy goes on being called what it is called there.
    pub(crate) called: &'a [Line],
}

/// The lines with the one way in which their prices hold VAT, or every fault by line.
pub(crate) fn lines(
    reading: &DealReading,
    rules: &Rules<'_>,
) -> Result<(VatMode, Vec<Line>), Lack> {
    let mut faults = Vec::new();
    let currency = &reading.glance.deal.currency;
    if currency != "RUB" {
        faults.push(fault(
            reading,
            format!("валюта сделки {currency}: счёт выставляется только в рублях"),
        ));
    }
    let instead = sums::instead_of_rows(reading, rules);
    let rows = match &instead {
        Some(row) => std::slice::from_ref(row),
        None => reading.rows.as_slice(),
    };
    if rows.is_empty() {
        faults.push(fault(reading, "в сделке нет товаров и услуг".to_owned()));
    }
    let mut judged = Vec::new();
    for (row, number) in rows.iter().zip(1_u32..) {
        match line(row, rules) {
            Ok(line) => judged.push(line),
            Err(what) => faults.extend(what.into_iter().map(|what| {
                let name = row.name.trim();
                fault(reading, format!("строка {number} «{name}»: {what}"))
            })),
        }
    }
    let mode = match mode(rows, &judged) {
        Ok(mode) if faults.is_empty() => mode,
        Ok(_) => return Err(Lack::Faults(faults)),
        Err(what) => {
            faults.push(fault(reading, what));
            return Err(Lack::Faults(faults));
        }
    };
    let ended = ended(&judged);
    let lines: Vec<Line> = judged.into_iter().map(|(line, _)| line).collect();
    let totals = domain::totals(mode, &lines)
        .map_err(|error| Lack::Faults(vec![fault(reading, error.in_russian())]))?;
    let nothing = worth_nothing(reading, &lines, &totals);
    if !nothing.is_empty() && !rules.is_billed {
        return Err(Lack::Faults(nothing));
    }
    let question = |question: Question| Lack::Question(Box::new(question));
    let lines = sums::agreed(reading, mode, lines, totals.gross, rules).map_err(question)?;
    vat::settled(mode, lines, &ended, rules).map_err(question)
}

/// So little of something cheap that no kopeck is asked for it: it is given away like what has no price.
fn worth_nothing(reading: &DealReading, lines: &[Line], totals: &Totals) -> Vec<Fault> {
    let sums = lines.iter().zip(&totals.lines).zip(1_u32..);
    sums.filter(|((_, sum), _)| sum.gross.is_zero())
        .map(|((line, sum), number)| {
            let sum = display::money(sum.gross);
            fault(
                reading,
                format!("строка {number} «{}»: сумма {sum}", line.name),
            )
        })
        .collect()
}

/// The numbers of lines whose rate is over.
fn ended(judged: &[(Line, Judged)]) -> Vec<u32> {
    let numbered = judged.iter().zip(1_u32..);
    numbered
        .filter(|((_, judged), _)| judged.ended)
        .map(|(_, number)| number)
        .collect()
}

fn fault(reading: &DealReading, what: String) -> Fault {
    let deal = reading.glance.deal.id;
    Fault {
        what,
        place: format!("/crm/deal/details/{deal}/"),
        record: Some(Record::Deal(deal)),
    }
}

fn line(row: &ProductRow, rules: &Rules<'_>) -> Result<(Line, Judged), Vec<String>> {
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
    let unit = units::unit(row.unit_code.as_deref(), unit_name, &rules.policy.units);
    if unit_name.is_empty() {
        faults.push("не указана единица измерения".to_owned());
    } else if unit.is_none() {
        faults.push(format!(
            "единица измерения «{unit_name}» не из классификатора ОКЕИ: выберите другую, или пусть администратор \
             назовёт её в правилах (invoice.units)"
        ));
    }
    let vat = vat::judged(row, rules).map_err(|what| faults.push(what));
    match (vat, unit) {
        (Ok(judged), Some(unit)) if faults.is_empty() => Ok((
            Line {
                name: row.name.trim().to_owned(),
                unit,
                quantity: row.quantity,
                price: row.price,
                discount: None,
                vat: judged.rate,
            },
            judged,
        )),
        (Ok(_), Some(_)) | (Err(()), _) | (_, None) => Err(faults),
    }
}

/// Rows without a rate fit either way; the others must agree.
fn mode(rows: &[ProductRow], judged: &[(Line, Judged)]) -> Result<VatMode, String> {
    // Where a row has faults of its own, what the portal says of it counts.
    let included: Vec<bool> = if judged.len() == rows.len() {
        let taxed = judged
            .iter()
            .filter(|(line, _)| !matches!(line.vat, VatRate::Without | VatRate::Zero));
        taxed.map(|(_, judged)| judged.included).collect()
    } else {
        let untaxed = |row: &&ProductRow| {
            use domain::observed::RowVat::Known;
            !matches!(&row.vat, Known(VatRate::Without | VatRate::Zero))
        };
        rows.iter()
            .filter(untaxed)
            .map(|row| row.vat_included)
            .collect()
    };
    let Some(first) = included.first() else {
        return Ok(VatMode::Included);
    };
    if included.iter().any(|one| one != first) {
        return Err("в одних строках НДС включён в цену, в других начисляется сверху".to_owned());
    }
    Ok(if *first {
        VatMode::Included
    } else {
        VatMode::OnTop
    })
}
