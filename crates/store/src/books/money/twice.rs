//! Payments that may be the same money: of one number and day that differ in their amounts, since a bank's whole order may be
//! there beside the parts that an accountant split it in; and of one payer and amount. The rule is
//! [`domain::payment::counted_twice`].

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use domain::PortalId;
use domain::payment::{CountedTwice, GivenOtherwise, Shown, counted_twice};

use super::divided;
use crate::{
    error::StoreError,
    sql::{Sql, statements},
    store::Store,
    tx::Tx,
    value::{Row, json_text, params},
};

macro_rules! told {
    ($row:literal, $name:literal) => {
        concat!(
            "/*pg CAST( */",
            $row,
            ".body/*pg  AS JSONB) */ ->> '",
            $name,
            "'"
        )
    };
}

/// The order's number as far as it is looked for by an index: without the zeros that accounting pads it with. Whether two
/// numbers are one is for the rule.
macro_rules! numbered {
    ($row:literal) => {
        concat!("ltrim(", told!($row, "number"), ", '0')")
    };
}

/// Who shows a payment: an accounting side, statements.
macro_rules! shown_by {
    ($row:literal) => {
        concat!(
            "CASE WHEN EXISTS (SELECT 1 FROM followed_payment f WHERE f.portal_id = $1 AND f.payment = ",
            $row,
            ".number AND f.deleted = 0) THEN 1 ELSE 0 END,
             CASE WHEN EXISTS (SELECT 1 FROM payment_sighting s WHERE s.portal_id = $1 AND s.likeness = ",
            $row,
            ".likeness) THEN 1 ELSE 0 END"
        )
    };
}

statements! {
    HAS_FEED = "SELECT payment FROM followed_payment WHERE portal_id = $1 LIMIT 1";
    /// What was withdrawn, rows from before there were likenesses, and orders without a number, of which there may be hundreds
    /// a day, are nobody's parts. The sign in the order keeps SQLite from reading all payments beside each one, in the order of
    /// their numbers.
    BESIDE = concat!(
        "SELECT p.number, p.body, ", shown_by!("p"), ", o.number, o.body, ", shown_by!("o"), "
         FROM payment p JOIN payment o ON o.portal_id = p.portal_id AND ",
        numbered!("o"), " = ", numbered!("p"), "
         WHERE p.portal_id = $1 AND p.number IN numbers($2) AND o.portal_id = $1 AND o.number <> p.number
             AND p.kind IN ('incoming', 'register') AND o.kind IN ('incoming', 'register')
             AND p.likeness <> '' AND o.likeness <> '' AND ", numbered!("p"), " <> '' AND ", told!("o", "date"), " = ", told!("p", "date"), "
         ORDER BY p.number, +o.number"
    );
    /// Only what one side alone shows.
    ALIKE = concat!(
        "SELECT p.number, p.body, ", shown_by!("p"), ", o.number, o.body, ", shown_by!("o"), "
         FROM payment p JOIN payment o ON o.portal_id = p.portal_id AND o.payer_inn = p.payer_inn
             AND o.amount = p.amount AND o.organisation_id = p.organisation_id
         WHERE p.portal_id = $1 AND p.number IN numbers($2) AND o.portal_id = $1 AND o.number <> p.number
             AND p.payer_inn <> '' AND p.kind = 'incoming' AND o.kind = 'incoming'
             AND p.likeness <> '' AND o.likeness <> ''
         ORDER BY p.number, +o.number"
    );
}

/// A payment, and others of its number and day.
struct Beside {
    itself: Shown,
    others: Vec<(i64, Shown)>,
}

impl Beside {
    /// The bank's whole order that it is a part of.
    fn whole(&self) -> Option<i64> {
        let is_whole = |number: i64| {
            let shown = self.others.iter();
            let itself_and_parts = shown
                .filter(|(other, shown)| *other == number || !shown.in_bank)
                .map(|(_, shown)| shown.clone());
            let beside: Vec<Shown> = itself_and_parts.collect();
            matches!(
                counted_twice(&self.itself, &beside),
                Some(CountedTwice::PartOf(_))
            )
        };
        let in_bank_alone = self
            .others
            .iter()
            .filter(|(_, shown)| shown.in_bank && !shown.in_accounting);
        let mut numbers = in_bank_alone.map(|(number, _)| *number);
        numbers.find(|number| is_whole(*number))
    }

    /// Adds those that are not there yet.
    fn add(&mut self, others: Vec<(i64, Shown)>) {
        for (number, shown) in others {
            if !self.others.iter().any(|(known, _)| *known == number) {
                self.others.push((number, shown));
            }
        }
    }
}

impl Store {
    /// Those of these payments whose money is counted twice, as a bank's whole order and as its parts.
    pub async fn money_twice(
        &self,
        portal: &PortalId,
        numbers: &[i64],
    ) -> Result<BTreeMap<i64, CountedTwice>, StoreError> {
        self.read(
            (portal.clone(), numbers.to_vec()),
            |tx, (portal, numbers)| Box::pin(twice(tx, portal, numbers)),
        )
        .await
    }

    /// Those of these payments whose order is given already as it is not theirs to give: by its parts, or whole by a person.
    pub async fn money_given_otherwise(
        &self,
        portal: &PortalId,
        numbers: &[i64],
    ) -> Result<BTreeMap<i64, GivenOtherwise>, StoreError> {
        self.read(
            (portal.clone(), numbers.to_vec()),
            |tx, (portal, numbers)| Box::pin(divided::given_otherwise(tx, portal, numbers)),
        )
        .await
    }
}

/// What is counted twice of these payments: nothing where no accounting side tells payments.
pub(super) async fn twice(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    numbers: &[i64],
) -> Result<BTreeMap<i64, CountedTwice>, StoreError> {
    if numbers.is_empty() {
        return Ok(BTreeMap::new());
    }
    let told = tx.query_first(&HAS_FEED, &params![portal]).await?;
    if told.is_none() {
        return Ok(BTreeMap::new());
    }
    let mut all = beside(tx, portal, numbers, &BESIDE).await?;
    for (number, alike) in beside(tx, portal, numbers, &ALIKE).await? {
        match all.entry(number) {
            Entry::Vacant(none) => {
                none.insert(alike);
            }
            Entry::Occupied(known) => known.into_mut().add(alike.others),
        }
    }
    let twice = all.into_iter().filter_map(|(number, one)| {
        let others: Vec<Shown> = one.others.into_iter().map(|(_, shown)| shown).collect();
        Some((number, counted_twice(&one.itself, &others)?))
    });
    Ok(twice.collect())
}

/// The bank's whole order of each of these payments that is a part of one, and of the other parts of it.
pub(super) async fn wholes(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    parts: &[i64],
) -> Result<BTreeMap<i64, i64>, StoreError> {
    let mut wholes = BTreeMap::new();
    let mut parts = parts.to_vec();
    while !parts.is_empty() {
        let mut others = BTreeSet::new();
        for (part, one) in beside(tx, portal, &parts, &BESIDE).await? {
            let Some(whole) = one.whole() else {
                continue;
            };
            wholes.insert(part, whole);
            let parts = one.others.iter().filter(|(_, shown)| !shown.in_bank);
            others.extend(parts.map(|(number, _)| *number));
        }
        // What is no part is asked of once.
        others.retain(|other| !wholes.contains_key(other) && !parts.contains(other));
        parts = others.into_iter().collect();
    }
    Ok(wholes)
}

/// The parts of each of these payments that is a bank's whole order.
pub(super) async fn parts(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    whole_ones: &[i64],
) -> Result<BTreeMap<i64, BTreeSet<i64>>, StoreError> {
    let mut parts: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    if whole_ones.is_empty() {
        return Ok(parts);
    }
    let found = beside(tx, portal, whole_ones, &BESIDE).await?;
    let others = found.values().flat_map(|one| &one.others);
    let entered = others.filter(|(_, shown)| shown.in_accounting && !shown.in_bank);
    let entered: BTreeSet<i64> = entered.map(|(number, _)| *number).collect();
    let entered: Vec<i64> = entered.into_iter().collect();
    for (part, whole) in wholes(tx, portal, &entered).await? {
        if whole_ones.contains(&whole) {
            parts.entry(whole).or_default().insert(part);
        }
    }
    Ok(parts)
}

async fn beside(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    numbers: &[i64],
    sql: &'static Sql,
) -> Result<BTreeMap<i64, Beside>, StoreError> {
    let ask = params![portal, json_text(&numbers)];
    let rows = tx.list(sql, &ask, |row| {
        let (number, itself) = (row.int()?, shown(row)?);
        Ok((number, itself, (row.int()?, shown(row)?)))
    });
    let mut found: BTreeMap<i64, Beside> = BTreeMap::new();
    for (number, itself, other) in rows.await? {
        let others = Vec::new();
        let one = found.entry(number).or_insert(Beside { itself, others });
        one.others.push(other);
    }
    Ok(found)
}

fn shown(row: &mut Row) -> Result<Shown, StoreError> {
    Ok(Shown {
        order: row.json()?,
        in_accounting: row.flag()?,
        in_bank: row.flag()?,
    })
}
