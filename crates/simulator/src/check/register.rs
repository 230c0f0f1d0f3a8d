//! The office's own register: numbers without a gap and none twice, whatever died; cancelled is what a person cancelled, and
//! each line was given to the accountant once, or visibly again.

use std::collections::{BTreeMap, BTreeSet};

use domain::InvoiceId;

use super::Evidence;
use crate::office::PREFIX;
use crate::register::{Books, File, Register};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let Some((register, books)) = &evidence.register else {
        return;
    };
    series(evidence, books, wrong);
    cancelled(register, books, wrong);
    links(evidence, books, wrong);
    given_once(&register.files, wrong);
    all_given(register, books, wrong);
}

/// Places go on from where they begin, each number is its place's, and the next one follows the last.
fn series(evidence: &Evidence<'_>, books: &Books, wrong: &mut Vec<String>) {
    let own = evidence.weather.customs.own_books.as_ref();
    let first = own.map_or(1, |own| i64::from(own.first));
    let mut places: Vec<i64> = books.bills.iter().map(|bill| bill.place).collect();
    places.sort_unstable();
    let expected: Vec<i64> = (first..).take(places.len()).collect();
    if places != expected {
        wrong.push(format!("[series] it has {places:?}, not {expected:?}"));
    }
    let next = places.last().map(|last| last.saturating_add(1));
    if books.next != next {
        wrong.push(format!(
            "[series] goes on with {:?}, not {next:?}",
            books.next
        ));
    }
    for bill in &books.bills {
        let number = format!("{PREFIX}{}", bill.place);
        if bill.number != number || bill.test {
            wrong.push(format!("[series] `{}` stands at {number}", bill.number));
        }
    }
}

fn cancelled(register: &Register, books: &Books, wrong: &mut Vec<String>) {
    let told = books.bills.iter().filter_map(|bill| {
        let cancelled = bill.cancelled.as_ref()?;
        Some((bill.id.clone(), cancelled.because.clone()))
    });
    let told: BTreeMap<InvoiceId, String> = told.collect();
    if told != register.cancelled {
        wrong.push(format!(
            "[register] cancelled is {told:?}, a person cancelled {:?}",
            register.cancelled
        ));
    }
}

/// [I-21] Our links and the register are the same, each invoice for its deal.
fn links(evidence: &Evidence<'_>, books: &Books, wrong: &mut Vec<String>) {
    let made = books
        .bills
        .iter()
        .map(|bill| (bill.deal.get(), bill.id.as_str()));
    let made: BTreeSet<(u64, &str)> = made.collect();
    let linked = evidence.known.invoice_links.iter();
    let linked: BTreeSet<(u64, &str)> = linked
        .map(|link| (link.deal.get(), link.invoice.as_str()))
        .collect();
    for (deal, bill) in linked.symmetric_difference(&made) {
        wrong.push(format!(
            "[I-21] deal {deal} and invoice {bill} are in the register or linked, and not both"
        ));
    }
}

/// A line that is not marked stands in one file only; a cancellation is a line of its own.
fn given_once(files: &[File], wrong: &mut Vec<String>) {
    let mut fresh: BTreeMap<(&InvoiceId, bool), Vec<i64>> = BTreeMap::new();
    for file in files {
        for line in file.lines.iter().filter(|line| !line.again) {
            let of = fresh.entry((&line.id, line.cancelled)).or_default();
            of.push(file.export);
        }
    }
    for ((id, cancelled), exports) in fresh {
        if exports.len() > 1 {
            wrong.push(format!(
                "[register] invoice {id}, cancelled: {cancelled}, was given as new by {exports:?}"
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

/// In a file that the accountant surely has stands each invoice as it is.
fn all_given(register: &Register, books: &Books, wrong: &mut Vec<String>) {
    let finished = register.files.iter().filter(|file| file.finished);
    let lines = finished.flat_map(|file| &file.lines);
    let given: BTreeSet<(&InvoiceId, bool)> =
        lines.map(|line| (&line.id, line.cancelled)).collect();
    for bill in &books.bills {
        if !given.contains(&(&bill.id, bill.cancelled.is_some())) {
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
    use super::*;
    use crate::register::Given;

    fn file(export: i64, finished: bool, lines: &[(&str, bool, bool)]) -> File {
        let line = |(id, again, cancelled): &(&str, bool, bool)| Given {
            id: InvoiceId::new(*id),
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
