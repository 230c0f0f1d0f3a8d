//! [I-1] Whoever is billed is whom the deal named when it was read: a branch by its KPP, for which no other branch of the same
//! INN may stand, and anybody else by the INN. Buyers without one are judged in `foreigners`.

use emulator_kontur_accounting::Bill;

use super::bills::{asked_by, ours, read_from};
use super::deals::is_complete;
use super::{Evidence, requisites};
use crate::habits::branches;
use crate::offices::office;
use crate::people::remembered::Version;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    for (deal, known, bill) in ours(evidence) {
        let Some(from) = read_from(evidence, deal, bill) else {
            continue;
        };
        let named = asked_by(bill, known, from);
        let is_one = named.iter().any(|version| is_for(evidence, bill, version));
        if !named.is_empty() && !is_one {
            let buyers: Vec<Option<u32>> = named.iter().map(|version| version.buyer).collect();
            wrong.push(format!(
                "[I-1] bill № {} of deal {deal} is for {:?}, and the deal named {buyers:?}",
                bill.number, bill.contractor
            ));
        }
    }
}

/// Whether a bill is for another than a deal names by now, and nothing is missing there.
pub(super) fn is_for_another(evidence: &Evidence<'_>, bill: &Bill, last: &Version) -> bool {
    is_complete(evidence, last) && !is_for(evidence, bill, last)
}

fn is_for(evidence: &Evidence<'_>, bill: &Bill, version: &Version) -> bool {
    let Some(number) = version.buyer else {
        return false;
    };
    if evidence.office.foreigners.contains_key(&number) {
        return true;
    }
    let is_inn = |company: u32| {
        let inn = office::inn(company);
        bill.contractor.inn.as_deref() == Some(inn.as_str())
    };
    if let Some(paper) = evidence.office.varied.paper(number) {
        return requisites::is_for(bill, paper);
    }
    match branches::of_number(number) {
        Some((company, branch)) => {
            let kpp = branches::kpp(branch);
            is_inn(company) && bill.contractor.kpp.as_deref() == Some(kpp.as_str())
        }
        None => is_inn(number),
    }
}
