//! Bills and contractors on the accounting side: never two for one, never mixed, never from nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use emulator_kontur_accounting::{Bill, CreatedBy, Millionths, RecordState};
use jiff::{SignedDuration, Timestamp};
use memchr::memmem;

use super::adopted::adopted_by;
use super::asked_for::asked_for;
use super::contracts::is_of_contract;
use super::{Evidence, belated, deal_of, parts, slot_of};
use crate::chance::oddities::STRANGE_RATE;
use crate::evidence::witness::Created;
use crate::machine::asked::commands;
use crate::machine::network::{Remote, Seen, Told};
use crate::offices::office::TRIAL_PREFIX;
use crate::people::managers::ENDED_RATE;
use crate::people::remembered::{Deal, Version};

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let versions = evidence
        .accounting
        .organizations
        .values()
        .flat_map(|own| own.bill_versions.iter());
    let mut by_deal: BTreeMap<i64, Vec<&Vec<Arc<Bill>>>> = BTreeMap::new();
    for history in versions {
        let Some(first) = history.first() else {
            continue;
        };
        if let Some(deal) = adopted_by(evidence, first) {
            by_deal.entry(deal).or_default().push(history);
            continue;
        }
        if first.meta.created_by != CreatedBy::Api {
            continue;
        }
        match first.comment.as_deref().and_then(deal_of) {
            Some(deal) => by_deal.entry(deal).or_default().push(history),
            None => wrong.push(format!("bill № {} has no mark", first.number)),
        }
    }
    for (deal, histories) in &by_deal {
        let known = evidence.office.deals.get(deal);
        let replaced = known.map_or(&[][..], |known| &known.replaced);
        let by_parts = known.is_some_and(|known| !known.parts.is_empty());
        // Of two in one slot one came when nobody waited for it any more.
        let of_each_slot = belated::is_met(evidence, *deal);
        let histories = &if of_each_slot {
            first_of_each_slot(histories)
        } else {
            histories.clone()
        };
        if !by_parts {
            at_most_one_live(evidence, *deal, histories, replaced, wrong);
        }
        let Some(known) = known else {
            wrong.push(format!(
                "[start] deal {deal} was there before we began and has a bill"
            ));
            continue;
        };
        parts::check(evidence, *deal, known, histories, wrong);
        for history in histories {
            // Of one by hand nobody says when it was made.
            let first = history.first();
            if let Some(first) = first.filter(|first| first.meta.created_by == CreatedBy::Api) {
                of_one_version(evidence, *deal, known, first, wrong);
            }
        }
    }
    contractors(evidence, wrong);
}

fn first_of_each_slot<'a>(histories: &[&'a Vec<Arc<Bill>>]) -> Vec<&'a Vec<Arc<Bill>>> {
    let (mut met, mut firsts) = (BTreeSet::new(), Vec::new());
    for history in histories {
        let first = history.first();
        let slot = first.and_then(|bill| slot_of(bill.comment.as_deref()?));
        if slot.is_none_or(|slot| met.insert(slot)) {
            firsts.push(*history);
        }
    }
    firsts
}

/// [I-1] At no moment two live bills of ours; never a second after a first that nobody laid hands on. Each time that a
/// person wanted another in the place of one allows one more: the former is the accountant's to cancel.
fn at_most_one_live(
    evidence: &Evidence<'_>,
    deal: i64,
    histories: &[&Vec<Arc<Bill>>],
    replaced: &[Timestamp],
    wrong: &mut Vec<String>,
) {
    // The moments of bills go by the accounting side's clock.
    let skew = SignedDuration::from_secs(evidence.weather.skew.1);
    let allowed_by = |at: Timestamp| {
        let at = at.checked_sub(skew).unwrap_or(at);
        1 + replaced.iter().filter(|wanted| **wanted <= at).count()
    };
    let mut moments: Vec<(Timestamp, u64, usize, bool)> = Vec::new();
    for (place, history) in histories.iter().enumerate() {
        for version in *history {
            let meta = &version.meta;
            moments.push((meta.changed_at, meta.revision, place, version.is_live()));
        }
    }
    moments.sort_unstable();
    let mut live = vec![false; histories.len()];
    let mut was_dead = live.clone();
    for (at, _, place, is_live) in moments {
        // What a person brings back is his own affair.
        let is_creation = histories
            .get(place)
            .and_then(|history| history.first())
            .is_some_and(|first| first.meta.changed_at == at);
        if let (Some(slot), Some(was_dead)) = (live.get_mut(place), was_dead.get_mut(place)) {
            *was_dead |= !is_live;
            *slot = is_live && !*was_dead;
        }
        let alive = live.iter().filter(|live| **live).count();
        if is_creation && alive > allowed_by(at) {
            wrong.push(format!("[I-1] deal {deal} has {alive} live bills at {at}"));
        }
    }
    let untouched = histories
        .iter()
        .filter(|history| history.len() == 1)
        .count();
    if untouched > allowed_by(Timestamp::MAX) {
        wrong.push(format!("[I-1] deal {deal} got {untouched} bills"));
    }
}

/// [I-5] A bill's lines are those of one version of the deal, one that was true when the deal was read for it.
fn of_one_version(
    evidence: &Evidence<'_>,
    deal: i64,
    known: &Deal,
    bill: &Bill,
    wrong: &mut Vec<String>,
) {
    let fits = |version: &&Version| asks_as(bill, version);
    if !known.versions.iter().any(|version| fits(&version)) {
        wrong.push(format!(
            "[I-5] bill № {} of deal {deal} has lines that the deal never had",
            bill.number
        ));
        return;
    }
    let Some(from) = read_from(evidence, deal, bill) else {
        wrong.push(format!(
            "[I-5] deal {deal} was not read within two seconds before its bill was sent"
        ));
        return;
    };
    if !true_since(known, from).iter().any(fits) {
        wrong.push(format!(
            "[I-5] bill № {} of deal {deal} was made from lines that were replaced before {from}",
            bill.number
        ));
    }
}

/// Versions that were still true at some moment since then.
pub(super) fn true_since(known: &Deal, from: Timestamp) -> Vec<&Version> {
    let mut true_then: Vec<&Version> = Vec::new();
    for version in known.versions.iter().rev() {
        true_then.push(version);
        if version.at < from {
            break;
        }
    }
    true_then
}

/// Whether a bill is a sample of the organisation for trying out, by its number.
pub(super) fn is_sample(bill: &Bill) -> bool {
    bill.number.starts_with(TRIAL_PREFIX)
}

/// All bills, each as it was made.
pub(super) fn firsts<'a>(evidence: &'a Evidence<'_>) -> impl Iterator<Item = &'a Bill> {
    let owns = evidence.accounting.organizations.values();
    let firsts = owns.flat_map(|own| own.bill_versions.iter().filter_map(|all| all.first()));
    firsts.map(AsRef::as_ref)
}

/// All versions of the bill of this id, oldest first.
pub(super) fn versions_of<'a>(evidence: &'a Evidence<'_>, bill: &str) -> Vec<&'a Arc<Bill>> {
    let owns = evidence.accounting.organizations.values();
    let mut histories = owns.flat_map(|own| own.bill_versions.iter());
    let history = histories.find(|all| {
        let first = all.first();
        first.is_some_and(|first| first.meta.id.to_string() == bill)
    });
    history.into_iter().flatten().collect()
}

/// Those that we made, each with its deal.
pub(super) fn ours<'a>(
    evidence: &'a Evidence<'_>,
) -> impl Iterator<Item = (i64, &'a Deal, &'a Bill)> {
    let ours = firsts(evidence).filter(|bill| bill.meta.created_by == CreatedBy::Api);
    ours.filter_map(move |bill| {
        let deal = bill.comment.as_deref().and_then(deal_of)?;
        Some((deal, evidence.office.deals.get(&deal)?, bill))
    })
}

/// Versions of a deal whose bill this may be, since they were true at some moment since then.
pub(super) fn asked_by<'a>(bill: &Bill, known: &'a Deal, from: Timestamp) -> Vec<&'a Version> {
    let then = true_since(known, from).into_iter();
    then.filter(|version| asks_as(bill, version)).collect()
}

/// The first bill that we made for a deal.
pub(super) fn first_of<'a>(evidence: &'a Evidence<'_>, deal: i64) -> Option<&'a Bill> {
    let ours = firsts(evidence).filter(|bill| {
        let marked = bill.comment.as_deref().and_then(deal_of);
        bill.meta.created_by == CreatedBy::Api && marked == Some(deal)
    });
    ours.min_by_key(|bill| (bill.meta.created_at, bill.meta.revision))
}

/// Whether a bill, of a part or of the whole, is one of this version.
pub(super) fn asks_as(bill: &Bill, version: &Version) -> bool {
    is_sample(bill) == version.sample
        && is_of_contract(bill, version)
        && match parts::part_of(bill) {
            Some(part) => parts::is_part_of(bill, part, version),
            None => has_lines_of(bill, version),
        }
}

/// Whether a bill has the lines of this version. With a rate that ended, a person decides what becomes of the price.
fn has_lines_of(bill: &Bill, version: &Version) -> bool {
    if version.rules.is_some() {
        return asked_for(version).is_some_and(|asked| asked.is_billed_by(bill));
    }
    version.lines.len() == bill.items.len()
        && version.lines.iter().all(|line| line.vat != STRANGE_RATE)
        && version.lines.iter().zip(&bill.items).all(|(line, item)| {
            line.name == item.product_name
                && (is_number(&line.price, item.price) || line.vat == ENDED_RATE)
                && is_number(&line.quantity, item.quantity)
        })
}

/// When the reading began on which the first creation sent for a bill rests; none if no answer about its deal came
/// within two seconds before any of the creations. A spoilt answer that could be read is one: its values are true.
pub(super) fn read_from(evidence: &Evidence<'_>, deal: i64, bill: &Bill) -> Option<Timestamp> {
    let mut earliest = None;
    for (process, at) in made_by(evidence, deal, bill) {
        let since = at
            .checked_sub(SignedDuration::from_millis(2_050))
            .unwrap_or(at);
        let read = evidence
            .seen
            .iter()
            .filter(|seen| {
                process.is_none_or(|process| seen.process == process)
                    && seen.remote == Remote::Portal
                    && matches!(seen.told, Told::Answer(_) | Told::Spoilt(_))
                    && seen
                        .told_at
                        .is_some_and(|told_at| told_at >= since && told_at <= at)
                    && commands(&seen.what, &seen.body)
                        .iter()
                        .any(|command| command.reads(deal))
            })
            .map(|seen| seen.at)
            .min();
        earliest = match (earliest, read) {
            (None, read) => read,
            (Some(one), Some(other)) => Some(one.min(other)),
            (Some(_), None) => return None,
        };
    }
    earliest
}

/// From when it was read for a bill until it was asked for last.
pub(super) fn made_between(
    evidence: &Evidence<'_>,
    deal: i64,
    bill: &Bill,
) -> Option<(Timestamp, Timestamp)> {
    read_from(evidence, deal, bill).zip(sent_at(evidence, deal, bill))
}

/// When it was asked for last.
pub(super) fn sent_at(evidence: &Evidence<'_>, deal: i64, bill: &Bill) -> Option<Timestamp> {
    let sent = made_by(evidence, deal, bill).into_iter();
    sent.map(|(_, at)| at).max()
}

/// Who asked for a bill, and when; whoever it was recorded by, where the register is our own.
pub(super) fn made_by(
    evidence: &Evidence<'_>,
    deal: i64,
    bill: &Bill,
) -> Vec<(Option<u64>, Timestamp)> {
    if evidence.register.is_some() {
        return vec![(None, bill.meta.created_at)];
    }
    let slot = bill.comment.as_deref().and_then(slot_of);
    let sent = creations(evidence, deal);
    let sent = sent.filter(|sent| slot_of(&String::from_utf8_lossy(&sent.body)) == slot);
    sent.map(|sent| (Some(sent.process), sent.at)).collect()
}

/// Creations of bills for a deal, as they left.
pub(super) fn creations<'a>(
    evidence: &'a Evidence<'_>,
    deal: i64,
) -> impl Iterator<Item = &'a Seen> {
    evidence.seen.iter().filter(move |seen| {
        seen.remote == Remote::Accounting
            && seen.what.starts_with("POST ")
            && seen.what.ends_with("/bills")
            && deal_of(&String::from_utf8_lossy(&seen.body)) == Some(deal)
    })
}

/// Whether a decimal number in text is so many millionths.
pub(super) fn is_number(text: &str, number: Millionths) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part:0<6}");
    digits.parse::<u64>().ok() == Some(number.0)
}

/// Two passes of a process look side by side; neither is so long behind the other.
const LOOKED_BEFORE: SignedDuration = SignedDuration::from_mins(5);

/// [I-1] No contractor is asked for that has lived with the same INN and KPP since before the process looked for it last, be
/// it ours or the accountant's. The accounting side refuses twins by itself, so what left is judged and not what is there.
fn contractors(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let skew = SignedDuration::from_secs(evidence.weather.skew.1);
    for seen in &evidence.seen {
        let Some(Created::Contractor {
            organisation,
            inn: Some(inn),
            kpp,
        }) = Created::by(seen)
        else {
            // Those without an INN are judged by whom they are for.
            continue;
        };
        let looked = looked_for(evidence, seen, &organisation, &inn);
        let owns = evidence.accounting.organizations.iter();
        let mut known = owns
            .filter(|(id, _)| id.to_string() == organisation)
            .flat_map(|(_, own)| &own.contractors);
        let was_there = known.find(|one| {
            let at = one.meta.created_at;
            let at = at.checked_sub(skew).unwrap_or(at);
            one.state == RecordState::Active
                && one.inn.as_deref() == Some(inn.as_str())
                && one.kpp == kpp
                && seen.at.duration_since(at) > LOOKED_BEFORE
                // Whoever stood still in between goes by what it had read.
                && looked.is_none_or(|looked| at < looked)
        });
        if let Some(one) = was_there {
            wrong.push(format!(
                "[I-1] a contractor of INN {inn}, KPP {kpp:?} was asked for at {}, and one was there since {}",
                seen.at, one.meta.created_at
            ));
        }
    }
}

/// When the process that asks for a contractor looked last for those with its INN.
fn looked_for(
    evidence: &Evidence<'_>,
    asks: &Seen,
    organisation: &str,
    inn: &str,
) -> Option<Timestamp> {
    let quoted = format!("\"{inn}\"");
    let looked = evidence.seen.iter().filter(|seen| {
        seen.process == asks.process
            && seen.remote == Remote::Accounting
            && seen.what.ends_with("/contractors/search")
            && seen.what.contains(organisation)
            && matches!(seen.told, Told::Answer(200) | Told::Spoilt(200))
            && seen.told_at.is_some_and(|at| at <= asks.at)
            && memmem::find(&seen.body, quoted.as_bytes()).is_some()
    });
    looked.map(|seen| seen.at).max()
}
