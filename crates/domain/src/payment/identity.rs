//! When two sightings are one payment: `docs/decisions/0002-identity-of-a-payment.md`.
//!
//! Sources overlap: a feed and a file, two files of overlapping days, one file twice. The key says which orders look the
//! same; how many of them there are is the largest count that any one source shows. Both only grow with what is seen, so
//! the order in which sources come, and how often, changes nothing. What the feed of an accounting side shows is what it
//! holds now: its ids last, so an order that was edited or deleted over there is no longer shown as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Direction, PaymentOrder};
use crate::OrganisationId;
use crate::purpose::NumberKey;

/// What makes two orders the same as far as any source can tell: a hash, so that it can be a column and a log line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentKey(String);

/// What orders have in common that only their words tell apart: all of the key but the purpose. A hash as well.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Likeness(String);

/// One payment: the n-th of the orders that look the same, from 0. As text `KEY/0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PaymentId {
    /// Which orders.
    pub key: PaymentKey,
    /// Which of them.
    pub nth: u32,
}

/// One source: a statement file by its content, a feed by its connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub String);

/// One order within its source, so that a page of a feed that is read twice is not two orders: the id that the feed
/// gives, the place in the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LineId(pub String);

/// All that any source has shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sightings {
    by_key: BTreeMap<PaymentKey, Orders>,
}

/// The orders of one key, as each source shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Orders {
    likeness: Likeness,
    sources: BySource,
}

/// What each source shows, line by line.
type BySource = BTreeMap<SourceId, BTreeMap<LineId, PaymentOrder>>;

/// One payment that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPayment {
    /// Which one.
    pub id: PaymentId,
    /// What it has in common with those that only words tell from it.
    pub likeness: Likeness,
    /// As the source with the most of them shows it, and what that leaves out as others tell it.
    pub order: PaymentOrder,
    /// Statements show it on more days than any one source shows orders: the bank moved one payment to another day, or it
    /// is two. Only a person, or the statement's balances, can tell.
    pub days_differ: bool,
}

/// How much of a purpose counts: sources cut it at different lengths.
const PURPOSE_CHARS: usize = 100;

impl PaymentKey {
    /// The key of an order.
    ///
    /// In it: our account, the direction, the other account, number, date, amount and what the purpose says. Not in it: form
    /// and BIK, which some sources do not tell; the day of booking, which an intraday statement may still change; names,
    /// which each bank spells its own way.
    pub fn of(order: &PaymentOrder) -> PaymentKey {
        identified(order).0
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Likeness {
    /// The likeness of an order.
    pub fn of(order: &PaymentOrder) -> Likeness {
        Likeness(hashed(&likeness_fields(order)))
    }

    /// The likeness as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SourceId {
    /// The feed of an accounting side, which tells each order under its lasting id there.
    pub fn accounting(organisation: &OrganisationId) -> SourceId {
        SourceId(format!("{FEED}{organisation}"))
    }

    fn is_feed(&self) -> bool {
        self.0.starts_with(FEED)
    }
}

const FEED: &str = "accounting/";

/// The key and the likeness of an order.
pub fn identified(order: &PaymentOrder) -> (PaymentKey, Likeness) {
    let mut fields = likeness_fields(order);
    let likeness = Likeness(hashed(&fields));
    fields.push(comparable_purpose(&order.purpose));
    (PaymentKey(hashed(&fields)), likeness)
}

fn likeness_fields(order: &PaymentOrder) -> Vec<String> {
    let direction = match order.direction {
        Direction::In => "in",
        Direction::Out => "out",
    };
    let other = order.other.account.as_ref();
    vec![
        order.own_account.as_str().to_owned(),
        direction.to_owned(),
        other.map_or_else(String::new, |account| account.as_str().to_owned()),
        NumberKey::of(&order.number).as_str().to_owned(),
        order.date.to_string(),
        order.amount.kopecks().to_string(),
    ]
}

fn hashed(fields: &[String]) -> String {
    let digest = Sha256::digest(fields.join("\n").as_bytes());
    let halves = digest
        .iter()
        .take(16)
        .flat_map(|&byte| [byte / 16, byte % 16]);
    let mut hash = String::with_capacity(32);
    // Digit by digit: each order is hashed several times on its way.
    hash.extend(halves.filter_map(|half| char::from_digit(u32::from(half), 16)));
    hash
}

/// Letters and digits only, small, the beginning: blanks, line breaks, quotes and the code of currency control differ from
/// source to source.
fn comparable_purpose(text: &str) -> String {
    let text = text.trim_start();
    let coded = text
        .starts_with('{')
        .then(|| text.split_once('}'))
        .flatten();
    let text = coded.map_or(text, |(_, rest)| rest);
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'ё' { 'е' } else { c })
        .take(PURPOSE_CHARS)
        .collect()
}

impl Sightings {
    /// Notes that `source` shows `order` at `line`. Noting it again changes nothing.
    pub fn note(&mut self, source: &SourceId, line: &LineId, order: PaymentOrder) {
        let (key, likeness) = identified(&order);
        let orders = self.by_key.entry(key).or_insert_with(|| Orders {
            likeness,
            sources: BTreeMap::new(),
        });
        let lines = orders.sources.entry(source.clone()).or_default();
        lines.insert(line.clone(), order);
    }

    /// The keys of all that was noted.
    pub fn keys(&self) -> impl Iterator<Item = &PaymentKey> {
        self.by_key.keys()
    }

    /// Every payment, once.
    pub fn payments(&self) -> impl Iterator<Item = SeenPayment> {
        let credited = self.credited();
        self.by_key.iter().flat_map(move |(key, orders)| {
            let Orders { likeness, sources } = orders;
            let credited = credited.get(likeness).copied();
            let most = sources.values().map(BTreeMap::len).max().unwrap_or(0);
            let days_differ = shown_apart(sources) > most;
            let told_best = sources
                .iter()
                .filter(|(_, lines)| lines.len() == most)
                .map(|(source, lines)| (source, sorted(lines)))
                .max_by(|(_, one), (_, other)| {
                    detail(one).cmp(&detail(other)).then_with(|| other.cmp(one))
                });
            let orders = told_best.map_or_else(Vec::new, |(source, orders)| {
                let days = days_of(source, &orders, sources, credited);
                let whole = orders.into_iter().map(|order| filled(order, sources));
                whole.zip(days).collect()
            });
            (0..).zip(orders).map(move |(nth, (mut order, day))| {
                order.booked = day;
                SeenPayment {
                    id: PaymentId {
                        key: key.clone(),
                        nth,
                    },
                    likeness: likeness.clone(),
                    order,
                    days_differ,
                }
            })
        })
    }
}

impl Sightings {
    /// How many payments the orders of each likeness come to. A feed words an order otherwise than the bank at times: what
    /// only the feed shows and what only statements show are one payment as far as they pair up. Between statements other
    /// words are another payment.
    pub fn counts(&self) -> BTreeMap<Likeness, usize> {
        let counts = self.counted_apart().into_iter();
        counts
            .map(|(likeness, (in_statements, in_feed))| (likeness, in_statements.max(in_feed)))
            .collect()
    }

    /// The day of credit, which a feed does not know, of orders that are alike in whichever words: where each that the feed
    /// shows pairs up with one of a statement, and statements tell one and the same day of all of them.
    pub fn credited(&self) -> BTreeMap<Likeness, Date> {
        let mut days: BTreeMap<&Likeness, BTreeSet<Option<Date>>> = BTreeMap::new();
        for Orders { likeness, sources } in self.by_key.values() {
            let statements = sources.iter().filter(|(source, _)| !source.is_feed());
            let told = statements.flat_map(|(_, lines)| lines.values());
            let of_likeness = days.entry(likeness).or_default();
            of_likeness.extend(told.map(|order| order.booked));
        }
        let counts = self.counted_apart().into_iter();
        let paired = counts.filter(|(_, (in_statements, in_feed))| in_statements >= in_feed);
        let credited = paired.filter_map(|(likeness, _)| {
            let told = days.get(&likeness).filter(|days| days.len() == 1)?;
            let day = told.first().copied().flatten()?;
            Some((likeness, day))
        });
        credited.collect()
    }

    /// How many orders of each likeness statements show, and how many the feed.
    fn counted_apart(&self) -> BTreeMap<Likeness, (usize, usize)> {
        let mut by_likeness: BTreeMap<Likeness, (usize, usize)> = BTreeMap::new();
        for Orders { likeness, sources } in self.by_key.values() {
            let most = |feeds: bool| {
                let of_kind = sources
                    .iter()
                    .filter(|(source, _)| source.is_feed() == feeds);
                of_kind.map(|(_, lines)| lines.len()).max().unwrap_or(0)
            };
            let (in_statements, in_feed) = by_likeness.entry(likeness.clone()).or_default();
            *in_statements = in_statements.saturating_add(most(false));
            *in_feed = in_feed.saturating_add(most(true));
        }
        by_likeness
    }
}

/// The orders of one source, so that the names of its lines do not matter.
fn sorted(lines: &BTreeMap<LineId, PaymentOrder>) -> Vec<&PaymentOrder> {
    let mut orders: Vec<&PaymentOrder> = lines.values().collect();
    orders.sort();
    orders
}

/// The order with what it leaves out, as the first other source tells it: orders of one key have one payer.
fn filled(order: &PaymentOrder, sources: &BySource) -> PaymentOrder {
    fn first<T: Clone>(
        told: &[&PaymentOrder],
        part: impl Fn(&PaymentOrder) -> &Option<T>,
    ) -> Option<T> {
        told.iter().find_map(|one| part(one).clone())
    }
    let mut filled = order.clone();
    if sources.len() < 2 {
        return filled;
    }
    let told: Vec<&PaymentOrder> = sources.values().flat_map(sorted).collect();
    let other = &mut filled.other;
    other.inn = other
        .inn
        .take()
        .or_else(|| first(&told, |one| &one.other.inn));
    other.kpp = other
        .kpp
        .take()
        .or_else(|| first(&told, |one| &one.other.kpp));
    other.bik = other
        .bik
        .take()
        .or_else(|| first(&told, |one| &one.other.bik));
    other.name = other
        .name
        .take()
        .or_else(|| first(&told, |one| &one.other.name));
    filled.form = filled.form.take().or_else(|| first(&told, |one| &one.form));
    filled
}

/// The day of credit of each of these orders, which `source` shows. The bank knows it: what its statements tell, in these words
/// or as `credited` in others, goes before what a feed does. A day that only others tell is that of the first without one:
/// orders of one key cannot be told apart.
fn days_of(
    source: &SourceId,
    orders: &[&PaymentOrder],
    sources: &BySource,
    credited: Option<Date>,
) -> Vec<Option<Date>> {
    let own = |order: &&PaymentOrder| order.booked.filter(|_| !source.is_feed());
    let mut days: Vec<Option<Date>> = orders.iter().map(own).collect();
    tell(&mut days, sources, false);
    for day in &mut days {
        *day = day.or(credited);
    }
    tell(&mut days, sources, true);
    days
}

/// Days that are not known, as statements tell them, or feeds; none twice.
fn tell(days: &mut [Option<Date>], sources: &BySource, by_feeds: bool) {
    if days.iter().all(Option::is_some) {
        return;
    }
    let mut spare = days_told(sources, by_feeds);
    for day in days.iter().flatten() {
        if let Some(count) = spare.get_mut(day) {
            *count = count.saturating_sub(1);
        }
    }
    let spare = spare.into_iter();
    let mut spare = spare.flat_map(|(day, count)| std::iter::repeat_n(day, count));
    // Of more than any of them shows they say nothing.
    let of_kind = sources.iter();
    let of_kind = of_kind.filter(|(source, _)| source.is_feed() == by_feeds);
    let most = of_kind.map(|(_, lines)| lines.len()).max().unwrap_or(0);
    let shown = days.iter_mut().take(most);
    for day in shown.filter(|day| day.is_none()) {
        *day = spare.next();
    }
}

/// How much the orders tell beyond their key.
fn detail(orders: &[&PaymentOrder]) -> usize {
    orders
        .iter()
        .map(|order| {
            [
                order.booked.is_some(),
                order.form.is_some(),
                order.other.inn.is_some(),
                order.other.kpp.is_some(),
                order.other.bik.is_some(),
                order.other.name.is_some(),
            ]
            .into_iter()
            .filter(|told| *told)
            .count()
        })
        .fold(0, usize::saturating_add)
}

/// How many statements show if each day of booking counts by itself.
fn shown_apart(sources: &BySource) -> usize {
    let days = days_told(sources, false).into_values();
    days.fold(0, usize::saturating_add)
}

/// The days of booking that statements tell, or feeds, each as often as the one that tells it most.
fn days_told(sources: &BySource, by_feeds: bool) -> BTreeMap<Date, usize> {
    let mut by_day: BTreeMap<Date, usize> = BTreeMap::new();
    let of_kind = sources.iter();
    let of_kind = of_kind.filter(|(source, _)| source.is_feed() == by_feeds);
    for (_, lines) in of_kind {
        let mut of_source: BTreeMap<Date, usize> = BTreeMap::new();
        for day in lines.values().filter_map(|order| order.booked) {
            let count = of_source.entry(day).or_default();
            *count = count.saturating_add(1);
        }
        for (day, count) in of_source {
            let most = by_day.entry(day).or_default();
            *most = count.max(*most);
        }
    }
    by_day
}

impl fmt::Display for PaymentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.key, self.nth)
    }
}
