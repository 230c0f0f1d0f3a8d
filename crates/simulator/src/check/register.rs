//! The office's own register: numbers without a gap and none twice, whatever died; cancelled is what a person cancelled, and
//! each line was given to the accountant once, or visibly again. What was for trying out has numbers of its own.

use std::collections::{BTreeMap, BTreeSet};

use domain::OrganisationId;
use store::OfficeBill;

use super::Evidence;
use crate::offices::office::{self, GOES_ON_IN, PREFIX, SECOND_PREFIX, TRIAL_PREFIX};
use crate::people::register::{Books, File, Id, Register, YEARS};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some((register, books)) = &evidence.register else {
        return;
    };
    series(evidence, books, wrong);
    cancelled(register, books, wrong);
    links(evidence, books, wrong);
    given_once(&register.files, wrong);
    all_given(evidence, register, books, wrong);
}

/// Each organisation has a series of its own in each year: places go on from where they begin, each number is its place's,
/// and the next one follows the last. What was for trying out is in none but its own.
fn series(evidence: &Evidence<'_>, books: &Books, wrong: &mut Vec<String>) {
    let own = evidence.weather.customs.own_books.as_ref();
    let first = own.map_or(1, |own| i64::from(own.first));
    let place = evidence.place;
    let real = (office::organisation(place), PREFIX, false, first);
    let trial = (office::trial(place), TRIAL_PREFIX, true, 1);
    let second = (office::second(place), SECOND_PREFIX, false, 1);
    let mut counted = 0;
    let all = [real, trial, second]
        .into_iter()
        .flat_map(|one| YEARS.map(|year| (one.clone(), year)));
    for ((organisation, prefix, test, first), year) in all {
        let organisation = OrganisationId::new(organisation);
        let of_it = |bill: &&OfficeBill| bill.organisation == organisation && bill.year == year;
        // Which number to go on with is said of the present year alone.
        let first = if year == i64::from(GOES_ON_IN) {
            first
        } else {
            1
        };
        let bills: Vec<&OfficeBill> = books.bills.iter().filter(of_it).collect();
        counted += bills.len();
        let mut places: Vec<i64> = bills.iter().map(|bill| bill.place).collect();
        places.sort_unstable();
        let expected: Vec<i64> = (first..).take(places.len()).collect();
        if places != expected {
            wrong.push(format!(
                "[series] `{prefix}` has {places:?}, not {expected:?}"
            ));
        }
        let next = places.last().map(|last| last.saturating_add(1));
        let goes_on = books.next.get(&(organisation.clone(), year));
        let goes_on = goes_on.copied().flatten();
        if goes_on != next {
            wrong.push(format!(
                "[series] `{prefix}` goes on with {goes_on:?}, not {next:?}"
            ));
        }
        for bill in bills {
            let number = format!("{prefix}{}", bill.place);
            if bill.number != number || bill.test != test {
                wrong.push(format!("[series] `{}` stands at {number}", bill.number));
            }
        }
    }
    if counted != books.bills.len() {
        wrong.push("[series] there are invoices of somebody else".to_owned());
    }
    let trials = &evidence.weather.customs.trials;
    if trials.is_none() && books.bills.iter().any(|bill| bill.test) {
        wrong.push("[series] somebody tried out, and nobody was there to".to_owned());
    }
}

fn cancelled(register: &Register, books: &Books, wrong: &mut Vec<String>) {
    let told = books.bills.iter().filter_map(|bill| {
        let cancelled = bill.cancelled.as_ref()?;
        let id = (bill.organisation.clone(), bill.id.clone());
        Some((id, cancelled.because.clone()))
    });
    let told: BTreeMap<Id, String> = told.collect();
    if told != register.cancelled {
        wrong.push(format!(
            "[register] cancelled is {told:?}, a person cancelled {:?}",
            register.cancelled
        ));
    }
}

/// [I-21] Our links and the register are the same, each invoice for its deal.
fn links(evidence: &Evidence<'_>, books: &Books, wrong: &mut Vec<String>) {
    let made = books.bills.iter().map(|bill| {
        let organisation = bill.organisation.as_str();
        (bill.deal.get(), organisation, bill.id.as_str())
    });
    let made: BTreeSet<(u64, &str, &str)> = made.collect();
    let linked = evidence.known.invoice_links.iter().map(|link| {
        let organisation = link.organisation.as_str();
        (link.deal.get(), organisation, link.invoice.as_str())
    });
    let linked: BTreeSet<(u64, &str, &str)> = linked.collect();
    for (deal, _, bill) in linked.symmetric_difference(&made) {
        wrong.push(format!(
            "[I-21] deal {deal} and invoice {bill} are in the register or linked, and not both"
        ));
    }
}

/// A line that is not marked stands in one file only; a cancellation is a line of its own.
fn given_once(files: &[File], wrong: &mut Vec<String>) {
    let mut fresh: BTreeMap<(&Id, bool), Vec<i64>> = BTreeMap::new();
    for file in files {
        for line in file.lines.iter().filter(|line| !line.again) {
            let of = fresh.entry((&line.id, line.cancelled)).or_default();
            of.push(file.export);
        }
    }
    for ((id, cancelled), exports) in fresh {
        if exports.len() > 1 {
            wrong.push(format!(
                "[register] invoice {id:?}, cancelled: {cancelled}, was given as new by {exports:?}"
            ));
        }
    }
    let mut finished: BTreeMap<i64, usize> = BTreeMap::new();
    for file in files.iter().filter(|file| file.finished) {
        *finished.entry(file.export).or_default() += 1;
    }
    for (export, count) in finished.into_iter().filter(|(_, count)| *count > 1) {
        wrong.push(format!(
            "[register] export {export} was finished {count} times"
        ));
    }
}

/// In a file that the accountant surely has stands each invoice as it is; in none stands what was for trying out.
fn all_given(evidence: &Evidence<'_>, register: &Register, books: &Books, wrong: &mut Vec<String>) {
    let trial = OrganisationId::new(office::trial(evidence.place));
    let all = register.files.iter().flat_map(|file| &file.lines);
    for line in all.filter(|line| line.id.0 == trial) {
        wrong.push(format!(
            "[register] {:?} was for trying out and was given",
            line.id
        ));
    }
    let finished = register.files.iter().filter(|file| file.finished);
    let lines = finished.flat_map(|file| &file.lines);
    let given: BTreeSet<(Id, bool)> = lines
        .map(|line| (line.id.clone(), line.cancelled))
        .collect();
    for bill in books.bills.iter().filter(|bill| bill.organisation != trial) {
        let id = (bill.organisation.clone(), bill.id.clone());
        if !given.contains(&(id, bill.cancelled.is_some())) {
            wrong.push(format!(
                "[register] № {} as it is, cancelled: {}, was never given",
                bill.number,
                bill.cancelled.is_some()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::InvoiceId;

    use super::*;
    use crate::people::register::Given;

    fn file(export: i64, finished: bool, lines: &[(&str, bool, bool)]) -> File {
        let line = |(id, again, cancelled): &(&str, bool, bool)| Given {
            id: (OrganisationId::new("own"), InvoiceId::new(*id)),
            again: *again,
            cancelled: *cancelled,
        };
        File {
            export,
            finished,
            lines: lines.iter().map(line).collect(),
        }
    }

    #[test]
    fn a_line_that_is_given_twice_is_found_unless_it_is_marked() {
        let found = |files: &[File]| {
            let mut wrong = Vec::new();
            given_once(files, &mut wrong);
            wrong.len()
        };
        let begun = file(1, false, &[("a", false, false)]);
        for (next, expected) in [
            (file(1, true, &[("a", true, false), ("b", false, false)]), 0),
            (file(2, true, &[("a", false, true)]), 0),
            (file(1, true, &[("a", false, false)]), 1),
            (file(2, true, &[("a", false, false)]), 1),
        ] {
            assert_eq!(found(&[begun.clone(), next.clone()]), expected, "{next:?}");
        }
        let finished = file(1, true, &[]);
        assert_eq!(found(&[finished.clone(), finished]), 1);
    }
}
