//! The contract in the deal's fields is the bill's basis, and a deal that asks for what it was billed for is asked about no
//! more, whatever else was changed in it. That another contract is a change is judged with every other one.

use emulator_kontur_accounting::{Bill, CreatedBy};

use super::Evidence;
use super::bills::{asks_as, firsts};
use super::buyers::is_for_another;
use super::deals::{asks, is_bill_of};
use crate::habits::contracts::{Agreed, TITLE};
use crate::habits::editors::CHANGED;
use crate::people::remembered::Version;

/// Whether a bill names the contract that a version does, where there are contracts.
pub(super) fn is_of_contract(bill: &Bill, version: &Version) -> bool {
    let named = bill.reason.as_ref().map(|reason| reason.name.clone());
    version
        .contract
        .as_ref()
        .is_none_or(|agreed| named == printed(agreed))
}

/// Whether nothing is missing of it.
pub(super) fn is_agreed(version: &Version) -> bool {
    let agreed = version.contract.as_ref();
    agreed.is_none_or(|agreed| !agreed.demanded || printed(agreed).is_some())
}

fn printed(agreed: &Agreed) -> Option<String> {
    let number = agreed.number.trim();
    let number = number.strip_prefix('№').unwrap_or(number).trim();
    if number.is_empty() {
        return None;
    }
    let day = |date: jiff::civil::Date| {
        format!(" от {:02}.{:02}.{}", date.day(), date.month(), date.year())
    };
    let of = agreed.date.map(day).unwrap_or_default();
    Some(format!("{TITLE} № {number}{of}"))
}

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    if evidence.weather.customs.contracts.is_none() {
        return;
    }
    let firsts: Vec<&Bill> = firsts(evidence).collect();
    for (id, deal) in &evidence.office.deals {
        let mut bills = firsts.iter().filter(|bill| is_bill_of(evidence, bill, *id));
        let (Some(bill), None) = (bills.next(), bills.next()) else {
            continue;
        };
        let Some(last) = deal.versions.last().filter(|_| !deal.deleted) else {
            continue;
        };
        let is_same = asks_as(bill, last) && !is_for_another(evidence, bill, last);
        let is_ours = bill.meta.created_by == CreatedBy::Api;
        if is_ours && is_same && asks(evidence, *id, &[CHANGED]) {
            wrong.push(format!(
                "[revision] deal {id} asks for just what bill № {} is for, and somebody is asked about a change",
                bill.number
            ));
        }
    }
}
