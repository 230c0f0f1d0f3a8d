//! A bill states the rate of its day: the former main one, or none, until 2025 ended, the present one since. A line that still
//! bears the former main one is billed with the present one, in the way that a person had said for just these lines.

use emulator_bitrix24::LineSeed;
use emulator_kontur_accounting::{Bill, Item};
use jiff::Timestamp;

use super::bills::{asked_by, is_number, made_between, ours};
use super::{Evidence, parts};
use crate::people::managers::ENDED_RATE;
use crate::people::remembered::{Deal, Version};

/// The first year of the present rate.
const FIRST_YEAR: i16 = 2026;

pub(super) fn check(evidence: &Evidence<'_>, wrong: &mut Vec<String>) {
    let new_year = evidence.weather.customs.new_year;
    if !evidence.weather.old_rates && new_year.is_none() {
        return;
    }
    // The lines of a part are shares.
    for (deal, known, bill) in ours(evidence).filter(|(.., bill)| parts::part_of(bill).is_none()) {
        let Some((from, sent)) = made_between(evidence, deal, bill) else {
            continue;
        };
        let asked = asked_by(bill, known, from);
        let states = |version: &&Version| states(bill, version, &said(known, version, sent));
        if !asked.is_empty() && !asked.iter().any(states) {
            let stated: Vec<&str> = bill.items.iter().map(|item| item.nds_rate.name()).collect();
            let lines = asked.iter().flat_map(|version| &version.lines);
            let lines: Vec<&str> = lines.map(|line| line.vat.as_str()).collect();
            wrong.push(format!(
                "[rates] bill № {} of {} of deal {deal} states {stated:?}, its lines had {lines:?}, and people had said {:?}",
                bill.number, bill.date, known.rates_said
            ));
        }
    }
}

/// What people had said by then of a deal with these lines.
fn said<'a>(known: &'a Deal, version: &Version, by: Timestamp) -> Vec<&'a str> {
    let has_them = |other: &&Version| {
        let pairs = other.lines.iter().zip(&version.lines);
        let mut pairs = pairs.map(|(one, other)| (told(one), told(other)));
        other.lines.len() == version.lines.len() && pairs.all(|(one, other)| one == other)
    };
    let since = known.versions.iter().find(has_them).map(|first| first.at);
    let said = known.rates_said.iter();
    said.filter(|(at, _)| since.is_some_and(|since| since <= *at) && *at <= by)
        .map(|(_, word)| word.as_str())
        .collect()
}

fn told(line: &LineSeed) -> [&str; 4] {
    [&line.name, &line.price, &line.quantity, &line.vat].map(String::as_str)
}

fn states(bill: &Bill, version: &Version, said: &[&str]) -> bool {
    let mut pairs = version.lines.iter().zip(&bill.items);
    pairs.all(|(line, item)| fits(line, item, bill.date.year() >= FIRST_YEAR, said))
}

fn fits(line: &LineSeed, item: &Item, is_over: bool, said: &[&str]) -> bool {
    let rate = item.nds_rate.name();
    let is_same = is_number(&line.price, item.price);
    match (line.vat.as_str(), is_over) {
        (ENDED_RATE, false) => rate == "nds20" && is_same,
        (ENDED_RATE, true) => {
            let inside = said.contains(&"inside") && is_same;
            let on_top = said.contains(&"on-top") && is_dearer(line, item);
            rate == "nds22" && (inside || on_top)
        }
        ("22", true) => rate == "nds22" && is_same,
        ("10", _) => rate == "nds10" && is_same,
        // Of who was exempt until then.
        ("", false) => rate == "withoutNds" && is_same,
        ("5", true) => rate == "nds5" && is_same,
        (_, _) => false,
    }
}

/// Whether the price holds 22 % of what held 20 % before, to the kopeck.
fn is_dearer(line: &LineSeed, item: &Item) -> bool {
    let (roubles, kopecks) = line.price.split_once('.').unwrap_or((&line.price, "0"));
    let number = |text: &str| text.parse::<u64>().ok();
    let before = number(roubles)
        .zip(number(kopecks))
        .map(|(roubles, kopecks)| roubles * 100 + kopecks);
    let dearer = before.map(|kopecks| (kopecks * 122 + 60) / 120 * 10_000);
    dearer == Some(item.price.0)
}
