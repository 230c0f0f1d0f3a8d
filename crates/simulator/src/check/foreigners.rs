//! [I-1] Buyers without an INN: each is one counterparty, whatever it is called by now, and none is another's; what the
//! accountant entered under the same name is nobody's.

use std::collections::{BTreeMap, BTreeSet};

use emulator_kontur_accounting::{Bill, CreatedBy, Id, RecordState};

use super::bills::{asks_as, read_from, true_since};
use super::{Evidence, deal_of};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let foreigners = &evidence.office.foreigners;
    if foreigners.is_empty() {
        return;
    }
    let owns = evidence.accounting.organizations.values();
    let by_hand = |one: &&Id| {
        let mut contractors = owns.clone().flat_map(|own| &own.contractors);
        let known = contractors.find(|contractor| contractor.meta.id == **one);
        known.is_some_and(|contractor| contractor.meta.created_by != CreatedBy::Api)
    };
    // By buyer, who has an INN or has none: as what the accounting side knows it.
    let mut known: BTreeMap<u32, BTreeSet<Id>> = BTreeMap::new();
    let firsts = owns.clone().flat_map(|own| &own.bill_versions);
    for bill in firsts.filter_map(|history| history.first()) {
        let Some(buyer) = buyer_of(evidence, bill) else {
            continue;
        };
        known.entry(buyer).or_default().insert(bill.contractor_id);
        let number = &bill.number;
        match foreigners.get(&buyer) {
            Some(_) if bill.contractor.inn.is_some() => wrong.push(format!(
                "[I-1] bill № {number} for buyer {buyer}, who has no INN, is for {:?}",
                bill.contractor
            )),
            Some(foreigner) => {
                let name = &bill.contractor.name;
                let is_its = |own: &[&str; 2]| own.iter().all(|word| name.contains(word));
                if !foreigner.names.iter().any(is_its) {
                    wrong.push(format!(
                        "[I-1] bill № {number} for buyer {buyer} is for `{name}`, who is somebody else"
                    ));
                }
            }
            None if bill.contractor.inn.is_none() => wrong.push(format!(
                "[I-1] bill № {number} for buyer {buyer}, who has an INN, is for {:?}",
                bill.contractor
            )),
            None => {}
        }
    }
    let of_foreigners = known
        .iter()
        .filter(|(buyer, _)| foreigners.contains_key(*buyer));
    let mut taken: BTreeMap<Id, u32> = BTreeMap::new();
    for (buyer, contractors) in of_foreigners {
        if contractors.len() > 1 {
            wrong.push(format!("[I-1] buyer {buyer} is several: {contractors:?}"));
        }
        for contractor in contractors.iter().filter(by_hand) {
            wrong.push(format!(
                "[I-1] buyer {buyer} is taken for {contractor}, whom the accountant entered"
            ));
        }
        for contractor in contractors {
            if let Some(other) = taken.insert(*contractor, *buyer) {
                wrong.push(format!(
                    "[I-1] buyers {other} and {buyer} are both taken for {contractor}"
                ));
            }
        }
    }
    let made = owns.flat_map(|own| &own.contractors).filter(|contractor| {
        contractor.state == RecordState::Active
            && contractor.meta.created_by == CreatedBy::Api
            && contractor.inn.is_none()
    });
    let made = made.count();
    if made > foreigners.len() {
        wrong.push(format!(
            "[I-1] {} buyers have no INN, and we entered {made} contractors without one",
            foreigners.len()
        ));
    }
}

/// Whom a bill of ours was for by what its deal said when it was read; none where the deal said several.
fn buyer_of(evidence: &Evidence<'_>, bill: &Bill) -> Option<u32> {
    if bill.meta.created_by != CreatedBy::Api {
        return None;
    }
    let deal = bill.comment.as_deref().and_then(deal_of)?;
    let known = evidence.office.deals.get(&deal)?;
    let from = read_from(evidence, deal, bill)?;
    let versions = true_since(known, from).into_iter();
    let fitting = versions.filter(|version| asks_as(bill, version));
    let buyers: BTreeSet<u32> = fitting.filter_map(|version| version.buyer).collect();
    let mut buyers = buyers.into_iter();
    buyers.next().filter(|_| buyers.next().is_none())
}
