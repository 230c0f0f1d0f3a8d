//! [I-1, I-5] A deal billed by parts: each part was ordered, parts and whole never come to stand beside one another, and
//! together they ask for what the deal is worth, to the kopeck and with its VAT.

use std::collections::BTreeMap;
use std::sync::Arc;

use emulator_kontur_accounting::Bill;
use jiff::{SignedDuration, Timestamp};

use super::asked_for::asked_for;
use super::bills::{read_from, true_since};
use super::{Evidence, slot_of};
use crate::habits::parts::{PERCENT, Part};
use crate::habits::shares::Share;
use crate::people::remembered::{Deal, Version};

/// What stands before the names of a part's lines.
const PREFIXES: [&str; 3] = ["Аванс: ", "Остаток: ", "Дополнительно: "];

/// Which part a bill is by its mark; none: the whole deal.
pub(super) fn part_of(bill: &Bill) -> Option<Part> {
    match slot_of(bill.comment.as_deref()?)?.0 {
        "advance" => Some(Part::Advance),
        "rest" => Some(Part::Rest),
        "additional" => Some(Part::Additional),
        _ => None,
    }
}

/// Whether a part can be one of this version: its lines are lines of the deal, and an advance is the agreed share of it.
pub(super) fn is_part_of(bill: &Bill, part: Part, version: &Version) -> bool {
    let odd = version.rules.and_then(|_| asked_for(version));
    let of_policy = odd.map(|odd| odd.lines).unwrap_or_default();
    let named = bill.items.iter().all(|item| {
        let name = item.product_name.as_str();
        let bare = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
        let name = bare.unwrap_or(name);
        let mut lines = version.lines.iter().map(|line| &line.name);
        lines.any(|line| line == name) || of_policy.iter().any(|line| line.name == name)
    });
    let (whole, lines) = (worth(version).sum, version.lines.len());
    let share = version.share.unwrap_or(Share::Percent(PERCENT.into()));
    let is_share = i64::try_from(lines).is_ok_and(|lines| share.is(bill.sum.0, whole, lines));
    named && (part != Part::Advance || is_share)
}

/// What was made for one deal, and what people wanted of it.
struct Billed<'a> {
    evidence: &'a Evidence<'a>,
    deal: i64,
    known: &'a Deal,
    histories: &'a [&'a Vec<Arc<Bill>>],
}

pub(super) fn check(
    evidence: &Evidence<'_>,
    deal: i64,
    known: &Deal,
    histories: &[&Vec<Arc<Bill>>],
    wrong: &mut Vec<String>,
) {
    let billed = Billed {
        evidence,
        deal,
        known,
        histories,
    };
    billed.ordered(wrong);
    if known.parts.is_empty() {
        return;
    }
    for bill in billed.firsts() {
        billed.beside(bill, wrong);
        billed.together(bill, wrong);
    }
}

impl<'a> Billed<'a> {
    /// The bills as they were made, in that order.
    fn firsts(&self) -> Vec<&'a Bill> {
        let firsts = self.histories.iter();
        let firsts = firsts.filter_map(|history| history.first().map(AsRef::as_ref));
        let mut firsts: Vec<&Bill> = firsts.collect();
        firsts.sort_by_key(|bill| (bill.meta.changed_at, bill.meta.revision));
        firsts
    }

    /// By our clock, as people's acts are kept.
    fn made_at(&self, bill: &Bill) -> Timestamp {
        let skew = SignedDuration::from_secs(self.evidence.weather.skew.1);
        let at = bill.meta.changed_at;
        at.checked_sub(skew).unwrap_or(at)
    }

    /// How often, before a bill was made, people wanted one in the place of another.
    fn replaced_before(&self, bill: &Bill) -> usize {
        let at = self.made_at(bill);
        let replaced = self.known.replaced.iter();
        replaced.filter(|wanted| **wanted <= at).count()
    }

    /// No part without an order for just that, given before it.
    fn ordered(&self, wrong: &mut Vec<String>) {
        let mut made: BTreeMap<Part, usize> = BTreeMap::new();
        for bill in self.firsts() {
            let Some(part) = part_of(bill) else {
                continue;
            };
            let count = made.entry(part).or_default();
            *count += 1;
            let at = self.made_at(bill);
            let orders = self.known.parts.iter();
            let orders = orders.filter(|(given, what)| *what == part && *given <= at);
            if *count > orders.count() + self.replaced_before(bill) {
                wrong.push(format!(
                    "[I-1] deal {} got bill № {} as {part:?}, the {count}., which nobody ordered",
                    self.deal, bill.number
                ));
            }
        }
    }

    /// What stood when a bill was made: live then, and never dead before, for what a person brings back is his own
    /// affair.
    fn standing(&self, bill: &Bill) -> Vec<&'a Bill> {
        let at = (bill.meta.changed_at, bill.meta.revision);
        let stood = self.histories.iter().filter(|history| {
            let is_before =
                |version: &&Arc<Bill>| (version.meta.changed_at, version.meta.revision) < at;
            let mut before = history.iter().filter(is_before).peekable();
            before.peek().is_some() && before.all(|version| version.is_live())
        });
        stood
            .filter_map(|history| history.first().map(AsRef::as_ref))
            .collect()
    }

    /// [I-1] Nothing comes to stand beside what excludes it; each time that a person wanted another in the place of one
    /// allows one more.
    fn beside(&self, bill: &Bill, wrong: &mut Vec<String>) {
        let part = part_of(bill);
        let excluded = |other: &&Bill| match (part, part_of(other)) {
            (Some(Part::Advance), _) | (None, None | Some(Part::Advance | Part::Rest)) => true,
            (Some(Part::Rest), other) => matches!(other, None | Some(Part::Rest)),
            (Some(Part::Additional), _) | (None, Some(Part::Additional)) => false,
        };
        let beside = self.standing(bill);
        let beside: Vec<&Bill> = beside.into_iter().filter(excluded).collect();
        if beside.len() > self.replaced_before(bill) {
            let numbers: Vec<&str> = beside.iter().map(|bill| bill.number.as_str()).collect();
            wrong.push(format!(
                "[I-1] deal {} got bill № {} as {part:?} beside {numbers:?}",
                self.deal, bill.number
            ));
        }
    }

    /// [I-5] With a rest, or with what was added, the bills of a deal ask for all that it was worth when it was read; so
    /// far as nobody laid hands on one of them or wanted another in its place.
    fn together(&self, bill: &Bill, wrong: &mut Vec<String>) {
        let part = part_of(bill);
        let untouched = self.histories.iter().all(|history| history.len() == 1);
        let completes = matches!(part, Some(Part::Rest | Part::Additional));
        if !completes || !untouched || self.replaced_before(bill) > 0 {
            return;
        }
        let mut all = self.standing(bill);
        all.push(bill);
        let billed = Worth {
            sum: all.iter().map(|bill| bill.sum.0).sum(),
            vat: all.iter().map(|bill| bill.sum_nds.0).sum(),
        };
        let Some(from) = read_from(self.evidence, self.deal, bill) else {
            return;
        };
        let versions = true_since(self.known, from);
        let worth: Vec<Worth> = versions.into_iter().map(worth).collect();
        if !worth.contains(&billed) {
            wrong.push(format!(
                "[I-5] with bill № {} as {part:?} deal {} is billed for {billed:?}, it was worth {worth:?}",
                bill.number, self.deal
            ));
        }
    }
}

/// In kopecks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Worth {
    sum: i64,
    vat: i64,
}

/// What a deal with these lines is worth: prices hold 22 % of VAT, which is counted line by line.
fn worth(version: &Version) -> Worth {
    if version.rules.is_some() {
        let asked = asked_for(version);
        let (sum, vat) = asked.map_or((0, 0), |asked| (asked.sum, asked.vat));
        return Worth { sum, vat };
    }
    let number = |text: &str| text.parse::<i64>().unwrap_or(0);
    let mut worth = Worth { sum: 0, vat: 0 };
    for line in &version.lines {
        let (rubles, kopecks) = line.price.split_once('.').unwrap_or((&line.price, "0"));
        let price = number(rubles) * 100 + number(kopecks);
        let sum = price * number(&line.quantity);
        worth.sum += sum;
        // Half a kopeck up.
        worth.vat += (sum * 22 * 2 + 122) / 244;
    }
    worth
}
