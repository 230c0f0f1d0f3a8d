//! An order that the bank shows whole and an accountant split: its money counts once, by its parts or whole.
//!
//! Which are parts is known once the last of them is there, with or without a bill ([`super::twice`]). What was given of them
//! until then beside a whole order that a person gave waits for that person. Not here: what becomes of each in the ledger
//! (`given`).

use std::collections::{BTreeMap, BTreeSet};

use domain::{OrganisationId, PortalId};
use jiff::{Timestamp, civil::Date};

use super::{
    followed::ACCOUNTING,
    ledger::RULE,
    lock, twice,
    undo::{Order, Transaction, WasUndone, transactions, undo},
};
use crate::{
    error::StoreError,
    sql::statements,
    store::Store,
    tx::Tx,
    value::{Value, params},
};

statements! {
    /// What the accountant gave is to be taken over once more, when it can be.
    TAKE_AGAIN =
        "UPDATE followed_payment SET taken = 0
         WHERE portal_id = $1 AND organisation_id = $2 AND payment = $3 AND given <> '{}'";
}

/// Orders that are there whole and in parts.
pub(super) struct Divided {
    /// The whole order of each part.
    wholes: BTreeMap<i64, i64>,
    /// Whole orders whose last part just came.
    completed: BTreeSet<i64>,
    /// Parts that were given beside a whole order which a person gave.
    beside: BTreeSet<i64>,
}

impl Store {
    /// Before `by` gives a part of an order: what a rule or the accountant gave of the bank's whole one is taken back, by
    /// corrections dated `today`, since its money would count twice. What a person gave of it stays. Gives the whole one,
    /// where anything of it was taken back.
    pub async fn money_count_by_parts(
        &self,
        portal: &PortalId,
        part: i64,
        (by, because): (&str, &str),
        today: Date,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let args = (
            portal.clone(),
            part,
            by.to_owned(),
            because.to_owned(),
            today,
            now,
        );
        let whole = self
            .write(args, |tx, (portal, part, by, because, today, now)| {
                let order = Order {
                    by,
                    because,
                    today: *today,
                    now: *now,
                };
                Box::pin(count_by_parts(tx, portal, *part, order))
            })
            .await?;
        self.ring();
        Ok(whole)
    }
}

pub(super) async fn count_by_parts(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    part: i64,
    order: Order<'_>,
) -> Result<Option<i64>, StoreError> {
    lock(tx, portal).await?;
    let Some((whole, _)) = given_of_whole(tx, portal, part).await? else {
        return Ok(None);
    };
    match undo(tx, portal, whole, order).await? {
        WasUndone::Done(_) => Ok(Some(whole)),
        WasUndone::Nothing | WasUndone::MoreThanOpen { .. } => Ok(None),
    }
}

/// The bank's whole order that this is a part of, and what a rule or the accountant gave of it: it makes room for the part.
pub(super) async fn given_of_whole(
    tx: &mut Tx<'_>,
    portal: &PortalId,
    part: i64,
) -> Result<Option<(i64, Vec<Transaction>)>, StoreError> {
    let mut wholes = twice::wholes(tx, portal, &[part]).await?;
    let Some(whole) = wholes.remove(&part) else {
        return Ok(None);
    };
    let given = transactions(tx, portal, &[whole], "allocation").await?;
    let given = given.into_values().next().unwrap_or_default();
    let makes_room = !given.is_empty() && !is_a_persons(&given);
    Ok(makes_room.then_some((whole, given)))
}

impl Divided {
    /// Orders whose last part is among these payments, which were not known before.
    pub(super) async fn completed_by(
        tx: &mut Tx<'_>,
        portal: &PortalId,
        organisation: &OrganisationId,
        new: &[i64],
    ) -> Result<Divided, StoreError> {
        let wholes = twice::wholes(tx, portal, new).await?;
        let mut divided = Divided {
            completed: wholes.values().copied().collect(),
            wholes,
            beside: BTreeSet::new(),
        };
        if divided.wholes.is_empty() {
            return Ok(divided);
        }
        let concerned: Vec<i64> = divided.concerned().collect();
        let given = transactions(tx, portal, &concerned, "allocation").await?;
        let of = |payment: &i64| given.get(payment).into_iter().flatten();
        let beside = divided.wholes.iter().filter(|(part, whole)| {
            let is_given = of(part).any(|one| !is_a_persons([one]));
            is_given && is_a_persons(of(whole))
        });
        divided.beside = beside.map(|(part, _)| *part).collect();
        let rows: Vec<Vec<Value>> = divided
            .beside
            .iter()
            .map(|part| params![portal, organisation, *part].to_vec())
            .collect();
        tx.execute_each(&TAKE_AGAIN, &rows).await?;
        Ok(divided)
    }

    /// And those that these payments are parts of.
    pub(super) async fn add(
        &mut self,
        tx: &mut Tx<'_>,
        portal: &PortalId,
        parts: &[i64],
    ) -> Result<(), StoreError> {
        self.wholes.extend(twice::wholes(tx, portal, parts).await?);
        Ok(())
    }

    /// The whole order that this is a part of.
    pub(super) fn whole_of(&self, part: i64) -> Option<i64> {
        self.wholes.get(&part).copied()
    }

    pub(super) fn parts_of(&self, whole: i64) -> impl Iterator<Item = i64> {
        let parts = self.wholes.iter().filter(move |(_, of)| **of == whole);
        parts.map(|(part, _)| *part)
    }

    /// Whole orders of which such a part is there.
    pub(super) fn wholes_of(&self, is_meant: impl Fn(i64) -> bool) -> BTreeSet<i64> {
        let meant = self.wholes.iter().filter(|(part, _)| is_meant(**part));
        meant.map(|(_, whole)| *whole).collect()
    }

    /// Whole orders whose last part just came.
    pub(super) fn completed(&self) -> impl Iterator<Item = i64> {
        self.completed.iter().copied()
    }

    /// Parts that were given beside a whole order which a person gave.
    pub(super) fn beside_a_persons(&self) -> impl Iterator<Item = i64> {
        self.beside.iter().copied()
    }

    /// All of them, parts and wholes.
    pub(super) fn concerned(&self) -> impl Iterator<Item = i64> {
        self.wholes.keys().chain(self.wholes.values()).copied()
    }
}

/// Whether a person gave any of it, and not a rule or the accountant.
pub(super) fn is_a_persons<'a>(given: impl IntoIterator<Item = &'a Transaction>) -> bool {
    let mut given = given.into_iter();
    given.any(|one| ![RULE, ACCOUNTING].contains(&one.author.as_str()))
}
