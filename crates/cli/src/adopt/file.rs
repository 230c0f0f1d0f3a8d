//! The file of claims: CSV with a header, as a spreadsheet saves it; UTF-8, `;` or `,` or tabs between the columns.
//!
//! Every fault is told with its line before anything is asked of a remote: a file is right as a whole or not at all.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use domain::{DealId, Money, OrganisationId, SlotKind};
use jiff::civil::Date;
use planner::Policy;
use planner::adopting::Claim;

use crate::fault::Told;

/// At most so many faults are named one by one.
const MOST_FAULTS: usize = 20;
/// More is no list of a person's deals.
const MOST_BYTES: u64 = 16 << 20;

/// The columns that are read, by their names in either language.
const COLUMNS: [(&str, &str); 6] = [
    ("deal", "сделка"),
    ("organisation", "организация"),
    ("number", "номер"),
    ("date", "дата"),
    ("sum", "сумма"),
    ("kind", "вид"),
];
const SAMPLE: &str = "сделка;организация;номер;дата;сумма";

/// Reads the claims.
///
/// # Errors
/// When the file cannot be read, or with all faults that it has.
pub(super) fn read(path: &Path, policy: &Policy) -> anyhow::Result<Vec<Claim>> {
    let cannot = || Told::mistake(format!("cannot read `{}`", path.display()));
    let size = std::fs::metadata(path).with_context(cannot)?.len();
    if size > MOST_BYTES {
        let told = format!("`{}` is too large for a list of deals", path.display());
        return Err(Told::mistake(told).into());
    }
    let bytes = std::fs::read(path).with_context(cannot)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        let told = Told::mistake(format!("`{}` is not UTF-8", path.display()));
        told.hint("save it as «CSV UTF-8» in the spreadsheet")
    })?;
    claims(&text, policy).map_err(|faults| {
        let more = faults.len().saturating_sub(MOST_FAULTS);
        let mut told = format!("`{}` cannot be used:", path.display());
        for fault in faults.iter().take(MOST_FAULTS) {
            told.push_str(&format!("\n  {fault}"));
        }
        if more > 0 {
            told.push_str(&format!("\n  and {more} more"));
        }
        Told::mistake(told)
            .hint(format!("its first line names the columns: `{SAMPLE}`; organisation, date, sum and kind (`вид`: аванс, остаток) may be left out"))
            .into()
    })
}

/// A number as people write it, with a date behind it: `№ 17 от 12.03.2026`.
pub(super) fn number_and_date(said: &str) -> (String, Option<Date>) {
    // Word and printed pages put blanks there that do not break.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let (number, date) = match said.split_once(" от ") {
        Some((number, rest)) if day(rest).is_some() => (number, day(rest)),
        Some(_) | None => (said.as_str(), None),
    };
    let number = number.trim().trim_start_matches(['№', ' ']);
    (number.trim().to_owned(), date)
}

/// `2026-03-12` or `12.03.2026`, perhaps with a `г.` behind it.
fn day(text: &str) -> Option<Date> {
    let text = text.trim().trim_end_matches(['г', '.', ' ', '\u{a0}']);
    let iso = text.get(..10).filter(|_| text.len() == 10);
    iso.and_then(|text| text.parse().ok())
        .or_else(|| Date::strptime("%d.%m.%Y", text).ok())
        // `26` is no year.
        .filter(|day| day.year() >= 1_000)
}

fn claims(text: &str, policy: &Policy) -> Result<Vec<Claim>, Vec<String>> {
    let mut lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let Some((_, header)) = lines.next() else {
        return Err(vec!["it is empty".to_owned()]);
    };
    let by = [';', '\t', ','].into_iter().find(|by| header.contains(*by));
    let by = by.unwrap_or(';');
    let columns = columns(header, by)?;
    let (mut claims, mut faults) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<DealId, Vec<(SlotKind, usize)>> = BTreeMap::new();
    for (index, line) in lines {
        let number = index.saturating_add(1);
        match claim(line, by, &columns, policy) {
            Ok(claim) => {
                let of_deal = seen.entry(claim.deal).or_default();
                // An advance and the rest are two invoices of a deal; everything else is one too many.
                let stands_beside = |one: SlotKind| {
                    one != claim.bills && ![one, claim.bills].contains(&SlotKind::Whole)
                };
                let before = of_deal.iter().find(|(one, _)| !stands_beside(*one));
                match before {
                    Some((_, before)) => faults.push(format!(
                        "line {number}: deal {} stands in line {before} already: leave one of them",
                        claim.deal
                    )),
                    None => {
                        of_deal.push((claim.bills, number));
                        claims.push(claim);
                    }
                }
            }
            Err(fault) => faults.push(format!("line {number}: {fault}")),
        }
    }
    if claims.is_empty() && faults.is_empty() {
        faults.push("it has a header and no line".to_owned());
    }
    if faults.is_empty() {
        Ok(claims)
    } else {
        Err(faults)
    }
}

/// The header: where each of the columns stands, and how many there are.
struct Columns {
    places: [Option<usize>; COLUMNS.len()],
    count: usize,
}

fn columns(header: &str, by: char) -> Result<Columns, Vec<String>> {
    let cells = cells(header, by).map_err(|fault| vec![format!("line 1: {fault}")])?;
    let names: Vec<String> = cells
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    let place =
        |(one, other): (&str, &str)| names.iter().position(|name| name == one || name == other);
    let places = COLUMNS.map(place);
    let [deal, _, number, ..] = places;
    let missing: Vec<String> = [(deal, "deal"), (number, "number")]
        .into_iter()
        .filter(|(place, _)| place.is_none())
        .map(|(_, name)| format!("line 1: there is no column `{name}`"))
        .collect();
    if missing.is_empty() {
        let count = names.len();
        Ok(Columns { places, count })
    } else {
        Err(missing)
    }
}

fn claim(line: &str, by: char, columns: &Columns, policy: &Policy) -> Result<Claim, String> {
    let cells = cells(line, by)?;
    if cells.len() > columns.count {
        return Err(format!(
            "there are {} cells under {} columns: put quotation marks around one that holds a `{by}`",
            cells.len(),
            columns.count
        ));
    }
    let cell = |place: &Option<usize>| {
        let cell = place.and_then(|place| cells.get(place));
        cell.map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
    };
    let [deal, organisation, number, date, sum, kind] = &columns.places;
    let deal = cell(deal).ok_or("the deal is missing")?;
    let id = deal.parse().ok().filter(|id| *id > 0);
    let id = id.ok_or_else(|| format!("`{deal}` is no id of a deal"))?;
    let said = cell(number).ok_or("the number of the invoice is missing")?;
    let (number, dated) = number_and_date(said);
    if number.is_empty() {
        return Err(format!("`{said}` is no number of an invoice"));
    }
    let date = cell(date).map(|text| {
        day(text).ok_or_else(|| format!("`{text}` is no date: write 2026-03-12 or 12.03.2026"))
    });
    let total = cell(sum)
        .map(|text| Money::parse(text).map_err(|_| format!("`{text}` is no sum: write 13080,00")));
    let organisation = cell(organisation).map(|said| named(said, policy));
    let bills = match cell(kind).unwrap_or_default().to_lowercase().as_str() {
        "" | "счёт" | "счет" | "whole" => SlotKind::Whole,
        "аванс" | "advance" => SlotKind::Advance,
        "остаток" | "rest" => SlotKind::Rest,
        other => {
            return Err(format!(
                "`{other}` is no kind: write `аванс`, `остаток`, or nothing"
            ));
        }
    };
    Ok(Claim {
        deal: DealId(id),
        organisation: organisation.transpose()?,
        number,
        date: date.transpose()?.or(dated),
        total: total.transpose()?,
        bills,
    })
}

/// An organisation of the policy by its id or its title.
fn named(said: &str, policy: &Policy) -> Result<OrganisationId, String> {
    let lower = said.to_lowercase();
    let is_it = |one: &&planner::Organisation| {
        one.id.as_str() == said || one.title.trim().to_lowercase() == lower
    };
    let mut found = policy.organisations.iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only.id.clone()),
        (Some(_), Some(_)) => Err(format!(
            "`{said}` is the title of several organisations: write the id"
        )),
        (None, _) => {
            let known: Vec<&str> = policy
                .organisations
                .iter()
                .map(|one| one.id.as_str())
                .collect();
            Err(format!(
                "the policy has no organisation `{said}`, only {}",
                known.join(", ")
            ))
        }
    }
}

/// The cells of a line; a quoted one may hold the separator, and quotes doubled.
fn cells(line: &str, by: char) -> Result<Vec<String>, String> {
    let mut cells = vec![String::new()];
    let mut chars = line.trim_end_matches('\r').chars().peekable();
    let mut is_quoted = false;
    while let Some(next) = chars.next() {
        let Some(cell) = cells.last_mut() else {
            break;
        };
        match next {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                cell.push('"');
                chars.next();
            }
            '"' if is_quoted || cell.is_empty() => is_quoted = !is_quoted,
            _ if next == by && !is_quoted => cells.push(String::new()),
            _ => cell.push(next),
        }
    }
    if is_quoted {
        return Err("a quotation mark is not closed".to_owned());
    }
    Ok(cells)
}

#[cfg(test)]
mod tests;
